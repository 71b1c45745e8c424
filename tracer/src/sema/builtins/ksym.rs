//! `ksym(address)`: a kernel address as the name of its symbol.
//!
//! In: an address. Out: the same bits; the name is found when it is printed.

use super::{Call, Function, Outcome};
use crate::sema::convert::to_type;
use crate::sema::pass::Pass;
use crate::types::{Lazy, Type};

/// See the module.
pub const KSYM: Function = Function {
    name: "ksym",
    usage: "ksym(address)",
    doc: "name of a kernel address",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let val = pass.address_arg(&call.args[0], "ksym")?;
    let mut symbol = to_type(val.expr.clone(), &Type::Lazy(Lazy::Ksym));
    symbol.span = call.span;
    Some(Outcome::Value(val.with(symbol)))
}
