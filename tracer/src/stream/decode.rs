//! A record's payload to values, as its layout says.
//!
//! In: [`RecordLayout`] and bytes. Out: [`Value`]s in a buffer of the caller, whose strings are used again: after
//! the first records of a kind nothing is allocated. Never trusts an offset: a payload that does not fit its layout is
//! [`Malformed`].

use crate::plan::RecordLayout;
use crate::types::{Type, Value};
use bytes::Buf;

/// The payload is not what its layout says: a bug in the kernel half.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a record does not fit its layout (argument {argument})")]
pub struct Malformed {
    /// Which argument, from 0.
    pub argument: usize,
}

/// Reads the arguments of a record into `out`, one per [`RecordLayout::args`].
pub fn args(layout: &RecordLayout, payload: &[u8], out: &mut Vec<Value>) -> Result<(), Malformed> {
    let absent = if layout.has_absent {
        word(payload, 0).ok_or(Malformed { argument: 0 })?
    } else {
        0
    };
    out.resize(layout.args.len(), Value::Absent);
    for (argument, ((ty, offset), value)) in layout.args.iter().zip(out.iter_mut()).enumerate() {
        if argument < 64 && absent >> argument & 1 == 1 {
            *value = Value::Absent;
        } else {
            fill(value, ty, payload, *offset as usize).ok_or(Malformed { argument })?;
        }
    }
    Ok(())
}

/// The generation that a record of `print`, `clear` or `zero` carries; 0 when it carries none.
pub fn generation(payload: &[u8]) -> u64 {
    word(payload, 0).unwrap_or(0)
}

/// Reads one argument; `None` when it does not lie within the payload.
fn fill(value: &mut Value, ty: &Type, payload: &[u8], offset: usize) -> Option<()> {
    if !matches!(ty, Type::Str { .. } | Type::Bytes { .. } | Type::Call) {
        *value = Value::read(ty, payload.get(offset..)?)?;
        return Some(());
    }
    let mut place = payload.get(offset..offset.checked_add(8)?)?;
    let (start, len) = (place.get_u32_ne() as usize, place.get_u32_ne() as usize);
    let bytes = payload.get(start..start.checked_add(len)?)?;
    match (ty, value) {
        (Type::Str { .. }, Value::Str(old))
        | (Type::Bytes { .. }, Value::Bytes(old))
        | (Type::Call, Value::Call(old)) => {
            old.clear();
            old.extend_from_slice(bytes);
        }
        (Type::Call, other) => *other = Value::Call(bytes.to_vec()),
        (Type::Bytes { .. }, other) => *other = Value::Bytes(bytes.to_vec()),
        (_, other) => *other = Value::Str(bytes.to_vec()),
    }
    Some(())
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..at.checked_add(8)?)
        .map(|mut raw| raw.get_u64_ne())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::EmitId;

    fn layout(has_absent: bool, args: Vec<(Type, u32)>) -> RecordLayout {
        RecordLayout {
            id: EmitId(0),
            has_absent,
            args,
            fixed_size: 32,
            max_size: 96,
            call_bytes: 0,
            control: false,
        }
    }

    /// absent bits, an integer, a string's place, another integer, the string.
    fn payload(absent: u64) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&absent.to_ne_bytes());
        out.extend_from_slice(&(-5i64).to_ne_bytes());
        out.extend_from_slice(&32u32.to_ne_bytes());
        out.extend_from_slice(&3u32.to_ne_bytes());
        out.extend_from_slice(&7u64.to_ne_bytes());
        out.extend_from_slice(b"abc");
        out
    }

    fn three() -> RecordLayout {
        let text = Type::Str { cap: 64 };
        layout(true, vec![(Type::I64, 8), (text, 16), (Type::U64, 24)])
    }

    #[test]
    fn values_stand_where_the_layout_says() {
        let mut out = vec![Value::Str(b"from the record before".to_vec()); 5];
        args(&three(), &payload(0), &mut out).expect("fits");
        let text = Value::Str(b"abc".to_vec());
        assert_eq!(out, [Value::Int(-5), text, Value::Uint(7)]);
    }

    #[test]
    fn absent_arguments_are_absent() {
        let mut out = Vec::new();
        args(&three(), &payload(0b101), &mut out).expect("fits");
        let text = Value::Str(b"abc".to_vec());
        assert_eq!(out, [Value::Absent, text, Value::Absent]);
    }

    #[test]
    fn a_string_outside_the_payload_is_refused() {
        let mut bytes = payload(0);
        bytes.truncate(34);
        let error = args(&three(), &bytes, &mut Vec::new());
        assert_eq!(error, Err(Malformed { argument: 1 }));
    }

    #[test]
    fn a_call_is_taken_as_its_bytes() {
        let mut bytes = payload(0);
        bytes[16..24].copy_from_slice(&[32, 0, 0, 0, 3, 0, 0, 0]);
        let layout = layout(true, vec![(Type::Call, 16)]);
        let mut out = Vec::new();
        args(&layout, &bytes, &mut out).expect("fits");
        assert_eq!(out, [Value::Call(b"abc".to_vec())]);
        bytes.truncate(34);
        let error = args(&layout, &bytes, &mut out);
        assert_eq!(error, Err(Malformed { argument: 0 }));
    }

    #[test]
    fn a_string_buffer_is_used_again() {
        let mut out = Vec::new();
        args(&three(), &payload(0), &mut out).expect("fits");
        let Value::Str(first) = &out[1] else {
            panic!("argument 1 is a string")
        };
        let place = first.as_ptr();
        args(&three(), &payload(0), &mut out).expect("fits");
        assert!(matches!(&out[1], Value::Str(again) if again.as_ptr() == place));
    }
}
