//! C structs as values: their bytes, and where in them each member lies.
//!
//! In: members as type information tells them. Out: [`Shape`], and the members' values. Never knows where a shape came from,
//! never reads memory.

use super::{Type, Value};

/// A struct or union of C.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Shape {
    /// As in C: `struct timespec`.
    pub name: String,
    /// Its size, > 0.
    pub bytes: u32,
    /// In order; those of anonymous members in their place.
    pub fields: Vec<Field>,
}

/// A member.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub offset: u32,
    /// A packed type, or a string of one byte more than the `char[]` has.
    pub ty: Type,
    /// Of a bit field: first bit in the bytes of `ty`, and number of bits.
    pub bits: Option<(u8, u8)>,
}

impl Field {
    /// Bytes of the struct that it takes.
    pub fn bytes(&self) -> u32 {
        match &self.ty {
            Type::Str { cap } => cap - 1,
            ty => ty.packed_size().unwrap_or(0),
        }
    }

    /// Its value in the bytes of the struct; `None` when they end before.
    pub fn value(&self, bytes: &[u8]) -> Option<Value> {
        let at = self.offset as usize;
        let own = bytes.get(at..at + self.bytes() as usize)?;
        match (&self.ty, self.bits) {
            (Type::Str { .. }, _) => {
                let text = own.iter().copied().take_while(|&byte| byte != 0);
                Some(Value::Str(text.collect()))
            }
            (ty, Some(bits)) => Some(bit_field(ty, own, bits)),
            (ty, None) => Value::packed(ty, own),
        }
    }
}

fn bit_field(ty: &Type, own: &[u8], (first, count): (u8, u8)) -> Value {
    let mut word = [0; 8];
    word[..own.len()].copy_from_slice(own);
    let unused = 64 - u32::from(count);
    let top = u64::from_le_bytes(word) << (unused - u32::from(first));
    match ty {
        Type::Bool => Value::Bool(top != 0),
        Type::Int { signed: true, .. } => Value::Int(top as i64 >> unused),
        _ => Value::Uint(top >> unused),
    }
}

impl Shape {
    /// Name, type and value of each member.
    pub fn values<'s>(
        &'s self,
        bytes: &'s [u8],
    ) -> impl Iterator<Item = (&'s str, &'s Type, Value)> {
        self.fields.iter().map(|field| {
            let value = field.value(bytes).unwrap_or(Value::Absent);
            (field.name.as_str(), &field.ty, value)
        })
    }

    /// The member of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, offset: u32, ty: Type, bits: Option<(u8, u8)>) -> Field {
        Field {
            name: name.to_owned(),
            offset,
            ty,
            bits,
        }
    }

    #[test]
    fn members_are_cut_out_of_the_bytes() {
        let shape = Shape {
            name: "struct s".to_owned(),
            bytes: 12,
            fields: vec![
                field("low", 0, Type::U32, Some((0, 3))),
                field("high", 0, Type::I32, Some((29, 3))),
                field("text", 4, Type::Str { cap: 5 }, None),
                field("last", 8, Type::I32, None),
            ],
        };
        let bytes = [
            0x05, 0, 0, 0xe0, b'a', b'b', b'c', b'd', 0xfe, 0xff, 0xff, 0xff,
        ];
        let values: Vec<Value> = shape.values(&bytes).map(|(_, _, value)| value).collect();
        let expected = [
            Value::Uint(5),
            Value::Int(-1),
            Value::Str(b"abcd".to_vec()),
            Value::Int(-2),
        ];
        assert_eq!(values, expected);
        assert_eq!(shape.find("last"), Some(3));
    }
}
