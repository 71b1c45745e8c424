//! `strlen(s)`: the length of a string.
//!
//! In: a string. Out: its bytes, counted up to the NUL; never more than were read of it.

use super::{Call, Function, Outcome};
use crate::ir::ExprKind;
use crate::sema::pass::{Pass, expr};
use crate::types::Type;

/// See the module.
pub const STRLEN: Function = Function {
    name: "strlen",
    usage: "strlen(s)",
    doc: "length of a string",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let text = pass.text_arg(&call.args[0], "strlen")?;
    let kind = ExprKind::Length(Box::new(text.expr.clone()));
    Some(Outcome::Value(text.with(expr(Type::U64, kind, call.span))))
}
