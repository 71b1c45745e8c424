//! Structs and unions as values.
//!
//! In: a [`TypeId`]. Out: its [`Shape`]. Members that the language has no value for (floating point, arrays without a length)
//! are left out. Never reads memory.

use super::{Btf, Kind, Member, SearchLimit, TypeId};
use crate::types::shape::{Field, Shape};
use crate::types::{Space, Type};
use std::sync::Arc;

/// Structs in structs that are followed.
const MAX_DEPTH: u32 = 8;

impl Btf {
    /// A struct or union as a value; pointers in it point into `space`. `None` for other types and those without bytes.
    pub fn shape(&self, id: TypeId, space: Space) -> Option<Shape> {
        self.shape_within(self.strip(id), space, MAX_DEPTH)
    }

    fn shape_within(&self, id: TypeId, space: Space, depth: u32) -> Option<Shape> {
        if !matches!(self.kind(id), Kind::Struct | Kind::Union) {
            return None;
        }
        let bytes = self.size_of(id).filter(|&bytes| bytes > 0)?;
        let mut fields = Vec::new();
        self.walk(id, 0, &mut SearchLimit::default(), &mut |member| {
            let field = self.field(&member, space, depth);
            fields.extend(field.filter(|f| f.offset.saturating_add(f.bytes()) <= bytes));
            false
        });
        Some(Shape {
            name: self.c_type(id),
            bytes,
            fields,
        })
    }

    fn field(&self, member: &Member<'_>, space: Space, depth: u32) -> Option<Field> {
        let ty = self.value_type(member.ty, space, depth)?;
        let field = |offset, bits| Field {
            name: member.name.to_owned(),
            offset,
            ty: ty.clone(),
            bits,
        };
        if member.bitfield == 0 {
            return Some(field(member.offset(), None));
        }
        let (offset, first) = self.bits_of(member);
        Some(field(offset, Some((first, member.bitfield as u8))))
    }

    /// Of a bit field: the byte from which as many are read as its declared type has, and its first bit in them. They are
    /// those of the declared type, or (packed) those from the byte on where it begins.
    pub fn bits_of(&self, member: &Member<'_>) -> (u32, u8) {
        let container = self.size_of(member.ty).unwrap_or(4) * 8;
        let start = member.bit_offset / container * container;
        let first = member.bit_offset - start;
        match first + member.bitfield <= container {
            true => (start / 8, first as u8),
            false => (start / 8 + first / 8, (first % 8) as u8),
        }
    }

    fn value_type(&self, id: TypeId, space: Space, depth: u32) -> Option<Type> {
        let id = self.strip(id);
        match self.kind(id) {
            Kind::Struct | Kind::Union => {
                let shape = self.shape_within(id, space, depth.checked_sub(1)?)?;
                Some(Type::Struct(Arc::new(shape)))
            }
            Kind::Array { elem, len } if len > 0 => {
                let elem = self.value_type(elem, space, depth.checked_sub(1)?)?;
                Some(match elem {
                    Type::Int { bits: 8, .. } => Type::Str { cap: len + 1 },
                    // Text of one size each lies side by side as its bytes do.
                    Type::Str { cap } => Type::Array {
                        elem: Box::new(characters(cap - 1)),
                        len,
                    },
                    elem if elem.is_packed() => Type::Array {
                        elem: Box::new(elem),
                        len,
                    },
                    _ => return None,
                })
            }
            _ => self.to_type(id, space).filter(Type::is_packed),
        }
    }
}

/// `char[len]`.
fn characters(len: u32) -> Type {
    let char = Type::Int {
        bits: 8,
        signed: true,
    };
    Type::Array {
        elem: Box::new(char),
        len,
    }
}
