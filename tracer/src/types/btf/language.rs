//! BTF types as types of the language.
//!
//! In: a [`TypeId`]. Out: the [`Type`] that a script sees. Never reads memory.

use super::{Btf, Kind, TypeId};
use crate::types::{Pointee, Space, Type};

/// Pointers and arrays in a row that are followed; beyond, a pointer is one to an unknown type.
const MAX_DEPTH: u32 = 8;

impl Btf {
    /// The language's type of a BTF type; pointers in it point into `space`. A struct or union becomes
    /// [`Type::Record`] with its own id, behind all typedefs.
    ///
    /// `None` for what the language has no value for: floating point, integers over 64 bits, functions, types only declared.
    pub fn to_type(&self, id: TypeId, space: Space) -> Option<Type> {
        self.to_type_within(id, space, MAX_DEPTH)
    }

    /// Whether the type is a character: text when in an array or behind a pointer.
    pub fn is_char(&self, id: TypeId) -> bool {
        let id = self.strip(id);
        // Compilers leave the character bit unset for plain `char`.
        matches!(self.kind(id), Kind::Int(int) if int.size == 1 && !int.bool
            && (int.char || self.name(id) == "char"))
    }

    fn to_type_within(&self, id: TypeId, space: Space, depth: u32) -> Option<Type> {
        let id = self.strip(id);
        Some(match self.kind(id) {
            Kind::Void => Type::Void,
            Kind::Int(int) if int.bool => Type::Bool,
            Kind::Int(int) => integer(int.size, int.signed)?,
            Kind::Enum { size, signed } => integer(size, signed)?,
            Kind::Struct | Kind::Union => Type::Record(id),
            Kind::Pointer(to) => Type::Ptr {
                to: self.pointee(to, space, depth),
                space,
            },
            Kind::Array { elem, len } => Type::Array {
                elem: Box::new(self.to_type_within(elem, space, depth.checked_sub(1)?)?),
                len,
            },
            _ => return None,
        })
    }

    fn pointee(&self, to: TypeId, space: Space, depth: u32) -> Pointee {
        let target = depth
            .checked_sub(1)
            .and_then(|depth| self.to_type_within(to, space, depth));
        match target {
            None | Some(Type::Void) => Pointee::Unknown,
            Some(target) => Pointee::Type(Box::new(target)),
        }
    }
}

fn integer(size: u32, signed: bool) -> Option<Type> {
    let bits = match size {
        1 => 8,
        2 => 16,
        4 => 32,
        8 => 64,
        _ => return None,
    };
    Some(Type::Int { bits, signed })
}
