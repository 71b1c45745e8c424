//! Values outside the kernel: what a key, a record field or a variable holds once it is read.
//!
//! In: bytes in the layout of [`Type::size`]. Out: [`Value`]. Never formats: that is `print`.

use super::shape::Shape;
use super::{Lazy, Stack, Type, Wide};
use std::sync::Arc;

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
    /// A record: names and values of its components.
    Named(Arc<[String]>, Vec<Value>),
    /// A struct: its bytes.
    Struct(Arc<Shape>, Vec<u8>),
    /// A stack's words as [`Stack::parts`] takes them, without the unused ones.
    Stack(Stack, Vec<u64>),
    /// Raw value that becomes text when printed.
    Lazy(Lazy, u64),
    /// A system call: the bytes of [`Type::Call`].
    Call(Vec<u8>),
    /// The same with several words.
    Wide(Wide, Vec<u64>),
    /// Bytes of any kind.
    Bytes(Vec<u8>),
    /// An array's elements.
    Array(Vec<Value>),
}

impl Value {
    /// Reads a value of type `ty` from the front of `bytes` (native endian, layout of [`Type::size`]).
    /// `None` when `bytes` is too short.
    pub fn read(ty: &Type, bytes: &[u8]) -> Option<Value> {
        if matches!(ty, Type::Void | Type::Record(_) | Type::Call) {
            return None;
        }
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
            Type::Tuple(parts) => Value::Tuple(read_parts(parts, raw)?),
            Type::Named(names, parts) => Value::Named(names.clone(), read_parts(parts, raw)?),
            Type::Stack(stack) => {
                let mut words: Vec<u64> = words(raw).collect();
                let used = stack.parts(&words).1.len() + stack.head() as usize / 8;
                words.truncate(used);
                Value::Stack(*stack, words)
            }
            Type::Wide(kind) => Value::Wide(*kind, words(raw).collect()),
            Type::Bytes { cap } => {
                let len = word().min(u64::from(*cap)) as usize;
                Value::Bytes(raw[8..8 + len].to_vec())
            }
            Type::Array { .. } | Type::Struct(_) => Value::packed(ty, raw)?,
            Type::Void | Type::Record(_) | Type::Call => return None,
        })
    }

    /// Reads what lies in memory as in C: a number, a pointer, a struct, or an array of such. `None` when `bytes` is too short, and
    /// for any other type.
    pub fn packed(ty: &Type, bytes: &[u8]) -> Option<Value> {
        let raw = bytes.get(..ty.packed_size()? as usize)?;
        if let Type::Array { elem, len } = ty {
            let step = elem.packed_size()? as usize;
            let element = |i: usize| Value::packed(elem, &raw[i * step..]);
            return (0..*len as usize)
                .map(element)
                .collect::<Option<_>>()
                .map(Value::Array);
        }
        if let Type::Struct(shape) = ty {
            return Some(Value::Struct(shape.clone(), raw.to_vec()));
        }
        let mut word = [0; 8];
        word[..raw.len()].copy_from_slice(raw);
        let bits = u64::from_le_bytes(word);
        let unused = 64 - 8 * raw.len() as u32;
        Some(match ty {
            Type::Bool => Value::Bool(bits != 0),
            Type::Int { signed: true, .. } => Value::Int((bits << unused) as i64 >> unused),
            _ => Value::Uint(bits),
        })
    }

    /// Appends the value as it lies in memory in C: the inverse of [`Value::packed`].
    fn write_packed(&self, ty: &Type, out: &mut Vec<u8>) {
        match (self, ty) {
            (Value::Array(values), Type::Array { elem, .. }) => {
                values.iter().for_each(|v| v.write_packed(elem, out));
            }
            (Value::Struct(_, bytes), Type::Struct(_)) => out.extend_from_slice(bytes),
            _ => {
                let bytes = ty.packed_size().unwrap_or(0) as usize;
                out.extend_from_slice(&self.bits().to_le_bytes()[..bytes]);
            }
        }
    }

    /// Appends the value as type `ty` lies in memory: the inverse of [`Value::read`]. Strings are cut to
    /// `cap - 1` bytes and NUL-padded; stacks are cut to their depth and 0-padded.
    pub fn write(&self, ty: &Type, out: &mut Vec<u8>) {
        let start = out.len();
        let size = ty.size() as usize;
        match (self, ty) {
            (Value::Tuple(values), Type::Tuple(parts))
            | (Value::Named(_, values), Type::Named(_, parts)) => {
                values.iter().zip(parts).for_each(|(v, t)| v.write(t, out));
            }
            (Value::Str(bytes), Type::Str { cap }) => {
                out.extend_from_slice(&bytes[..bytes.len().min(*cap as usize - 1)]);
            }
            (Value::Stack(_, words), Type::Stack(stack)) => {
                words
                    .iter()
                    .take(stack.size() as usize / 8)
                    .for_each(|a| out.extend_from_slice(&a.to_ne_bytes()));
            }
            (Value::Wide(_, words), Type::Wide(_)) => {
                words
                    .iter()
                    .for_each(|w| out.extend_from_slice(&w.to_ne_bytes()));
            }
            (Value::Bytes(bytes), Type::Bytes { cap }) => {
                let kept = &bytes[..bytes.len().min(*cap as usize)];
                out.extend_from_slice(&(kept.len() as u64).to_ne_bytes());
                out.extend_from_slice(kept);
            }
            (Value::Array(_), Type::Array { .. }) | (Value::Struct(..), Type::Struct(_)) => {
                self.write_packed(ty, out)
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
            Value::Absent
            | Value::Str(_)
            | Value::Tuple(_)
            | Value::Named(..)
            | Value::Struct(..)
            | Value::Stack(..)
            | Value::Wide(..)
            | Value::Bytes(_)
            | Value::Call(_)
            | Value::Array(_) => 0,
        }
    }
}

/// Values that lie one behind the other.
fn read_parts(parts: &[Type], raw: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        values.push(Value::read(part, &raw[at..])?);
        at += part.size() as usize;
    }
    Some(values)
}

fn words(raw: &[u8]) -> impl Iterator<Item = u64> {
    raw.chunks_exact(8)
        .map(|w| u64::from_ne_bytes(w.try_into().expect("chunks of 8")))
}
