//! Types of arguments as C says them: by BTF, or by the words that tracefs prints.
//!
//! In: BTF types and C words. Out: offers and language types. Never looks a probe up.

use super::{Lack, Offer, arg_as, value};
use crate::diag::codes;
use crate::types::btf::{Btf, Kind, Proto, TypeId};
use crate::types::{Pointee, Space, Type};

/// `char *`.
pub fn char_pointer(space: Space) -> Type {
    Type::Ptr {
        to: Pointee::Type(Box::new(Type::Int {
            bits: 8,
            signed: true,
        })),
        space,
    }
}

/// The name behind `struct`.
pub fn struct_name(words: &[&str]) -> Option<String> {
    let at = words.iter().position(|w| *w == "struct")?;
    Some((*words.get(at + 1)?).to_owned())
}

/// The parameter of that name. `skip` parameters in front are not the script's; `argN` counts behind them.
/// Only the first `reachable` words can be read.
pub fn parameter(
    btf: &Btf,
    proto: &Proto,
    (skip, reachable): (usize, u32),
    name: &str,
) -> Result<Offer, Lack> {
    let params = &proto.params[skip.min(proto.params.len())..];
    let at = params
        .iter()
        .position(|p| p.name == name)
        .ok_or(Lack::NoSuchArg)?;
    // A struct passed by value takes a word for each 8 bytes.
    let words = |id| btf.size_of(id).map_or(1, |size| size.div_ceil(8).max(1));
    let word: u32 = params[..at].iter().map(|p| words(p.ty)).sum();
    if word >= reachable {
        let message = format!("`{name}` is not in a register here");
        return Err(Lack::Because(codes::NO_ARGS_HERE, message, None));
    }
    by_value(btf, params[at].ty, word as u8)
}

/// Names of the parameters.
pub fn parameter_names(proto: &Proto, skip: usize) -> Vec<String> {
    let params = proto.params.iter().skip(skip);
    params
        .map(|p| p.name.to_owned())
        .filter(|n| !n.is_empty())
        .collect()
}

/// The language's type of something kept in a register. Pointers tagged `__user` point to user memory.
pub fn register_type(btf: &Btf, id: TypeId) -> Option<Type> {
    let space = match is_user_pointer(btf, id) {
        true => Space::User,
        false => Space::Kernel,
    };
    let ty = btf.to_type(id, space)?;
    ty.is_scalar().then_some(ty)
}

fn is_user_pointer(btf: &Btf, id: TypeId) -> bool {
    let Kind::Pointer(mut at) = btf.kind(btf.strip(id)) else {
        return false;
    };
    loop {
        match btf.kind(at) {
            Kind::TypeTag(_) if btf.name(at) == "user" => return true,
            Kind::TypeTag(to) | Kind::Const(to) | Kind::Volatile(to) => at = to,
            _ => return false,
        }
    }
}

fn by_value(btf: &Btf, id: TypeId, word: u8) -> Result<Offer, Lack> {
    let ty = register_type(btf, id).ok_or_else(|| {
        let message = format!("it is a `{}`, passed by value", btf.c_type(id));
        Lack::Because(codes::TYPE_NOT_BUILT, message, None)
    })?;
    Ok(value(arg_as(word, ty)))
}
