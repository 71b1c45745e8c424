//! Values outside the kernel: what a key, a record field or a variable holds once it is read.
//!
//! In: bytes in the layout of [`Type::size`]. Out: [`Value`]. Never formats: that is `print`.

use super::{Lazy, Type};

/// A value with enough of its type to compare and to print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Value {
    /// `?`: a value that was absent when the event fired (`duration` without a seen entry).
    Absent,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer or a pointer.
    Uint(u64),
    /// A string's bytes, up to its NUL. Not necessarily UTF-8.
    Str(Vec<u8>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// Kernel stack addresses, innermost first, without the unused ones.
    Stack(Vec<u64>),
    /// Raw value that becomes text when printed.
    Lazy(Lazy, u64),
    /// A system call: the bytes of [`Type::Call`].
    Call(Vec<u8>),
}

impl PartialOrd for Lazy {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Lazy {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (*self as u8).cmp(&(*other as u8))
    }
}

impl Value {
    /// Reads a value of type `ty` from the front of `bytes` (native endian, layout of [`Type::size`]).
    /// `None` when `bytes` is too short.
    pub fn read(ty: &Type, bytes: &[u8]) -> Option<Value> {
        let raw = bytes.get(..ty.size() as usize)?;
        let word = || u64::from_ne_bytes(raw[..8].try_into().expect("8 bytes were checked above"));
        Some(match ty {
            Type::Bool => Value::Bool(word() != 0),
            Type::Int { signed: true, .. } => Value::Int(word() as i64),
            Type::Int { .. } | Type::Ptr { .. } => Value::Uint(word()),
            Type::Lazy(kind) => Value::Lazy(*kind, word()),
            Type::Str { .. } => {
                let end = raw.iter().position(|&b| b == 0).unwrap_or(raw.len());
                Value::Str(raw[..end].to_vec())
            }
            Type::Tuple(parts) => {
                let mut at = 0;
                let mut values = Vec::with_capacity(parts.len());
                for part in parts {
                    values.push(Value::read(part, &raw[at..])?);
                    at += part.size() as usize;
                }
                Value::Tuple(values)
            }
            Type::Stack { .. } => Value::Stack(
                raw.chunks_exact(8)
                    .map(|w| u64::from_ne_bytes(w.try_into().expect("chunks of 8")))
                    .take_while(|&a| a != 0)
                    .collect(),
            ),
            Type::Void | Type::Record(_) | Type::Array { .. } | Type::Call => return None,
        })
    }

    /// Appends the value as type `ty` lies in memory: the inverse of [`Value::read`]. Strings are cut to
    /// `cap - 1` bytes and NUL-padded; stacks are cut to their depth and 0-padded.
    pub fn write(&self, ty: &Type, out: &mut Vec<u8>) {
        let start = out.len();
        let size = ty.size() as usize;
        match (self, ty) {
            (Value::Tuple(values), Type::Tuple(parts)) => {
                values.iter().zip(parts).for_each(|(v, t)| v.write(t, out));
            }
            (Value::Str(bytes), Type::Str { cap }) => {
                out.extend_from_slice(&bytes[..bytes.len().min(*cap as usize - 1)]);
            }
            (Value::Stack(frames), Type::Stack { depth }) => {
                frames
                    .iter()
                    .take(*depth as usize)
                    .for_each(|a| out.extend_from_slice(&a.to_ne_bytes()));
            }
            _ => out.extend_from_slice(&self.bits().to_ne_bytes()),
        }
        out.resize(start + size, 0);
    }

    /// The 64 bits of a scalar; 0 for anything else.
    pub fn bits(&self) -> u64 {
        match self {
            Value::Bool(b) => u64::from(*b),
            Value::Int(i) => *i as u64,
            Value::Uint(u) | Value::Lazy(_, u) => *u,
            Value::Absent | Value::Str(_) | Value::Tuple(_) | Value::Stack(_) | Value::Call(_) => 0,
        }
    }
}
