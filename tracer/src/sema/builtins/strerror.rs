//! `strerror(errno)`: an error number as text.
//!
//! In: an error number, 0 or positive. Out: the same number; the text is found when it is printed.

use super::{Call, Function, Outcome};
use crate::sema::convert::to_type;
use crate::sema::pass::Pass;
use crate::types::{Lazy, Type};

/// See the module.
pub const STRERROR: Function = Function {
    name: "strerror",
    usage: "strerror(errno)",
    doc: "text of an error number",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let val = pass.value(&call.args[0])?;
    pass.number(&val.expr)?;
    let mut text = to_type(val.expr.clone(), &Type::Lazy(Lazy::Strerror));
    text.span = call.span;
    Some(Outcome::Value(val.with(text)))
}
