//! `kptr(x)`, `uptr(x)`: an address in the kernel's memory, or in the process's.
//!
//! In: an address. Out: the same address; what is read through it is read there.

use super::{Call, Function, Outcome};
use crate::sema::convert::to_type;
use crate::sema::pass::Pass;
use crate::types::{Pointee, Space, Type};

/// See the module.
pub const KPTR: Function = Function {
    name: "kptr",
    usage: "kptr(address)",
    doc: "the address, in the memory of the kernel",
    arity: (1, 1),
    aggregates: false,
    check: |pass, call| moved(pass, call, "kptr", Space::Kernel),
};

/// See the module.
pub const UPTR: Function = Function {
    name: "uptr",
    usage: "uptr(address)",
    doc: "the address, in the memory of the process",
    arity: (1, 1),
    aggregates: false,
    check: |pass, call| moved(pass, call, "uptr", Space::User),
};

fn moved(pass: &mut Pass, call: &Call, function: &str, space: Space) -> Option<Outcome> {
    let val = pass.address_arg(&call.args[0], function)?;
    let to = match &val.expr.ty {
        Type::Ptr { to, .. } => to.clone(),
        _ => Pointee::Unknown,
    };
    let points_to = val.points_to.clone();
    let mut pointer = to_type(val.expr.clone(), &Type::Ptr { to, space });
    pointer.span = call.span;
    let mut pointer = val.with(pointer);
    pointer.points_to = points_to;
    Some(Outcome::Value(pointer))
}
