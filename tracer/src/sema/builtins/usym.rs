//! `usym(address)`: an address of the current process as the name of its symbol.
//!
//! In: an address. Out: process and address, which become the name when it is printed.

use super::{Call, Function, Outcome};
use crate::ir::{Builtin, ExprKind};
use crate::sema::convert::{to_number, to_type};
use crate::sema::pass::{Pass, expr};
use crate::types::{Type, Wide};

/// See the module.
pub const USYM: Function = Function {
    name: "usym",
    usage: "usym(address)",
    doc: "name of an address of the process",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let val = pass.address_arg(&call.args[0], "usym")?;
    let process = expr(Type::U32, ExprKind::Builtin(Builtin::Pid), call.span);
    let words = vec![
        to_type(process, &Type::U64),
        to_type(to_number(val.expr.clone()), &Type::U64),
    ];
    let kind = ExprKind::Tuple(words);
    let words = expr(Type::Tuple(vec![Type::U64; 2]), kind, call.span);
    let kind = ExprKind::Cast(Box::new(words));
    let symbol = expr(Type::Wide(Wide::Usym), kind, call.span);
    Some(Outcome::Value(val.with(symbol)))
}
