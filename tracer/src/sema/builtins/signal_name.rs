//! `signal_name(signal)`: the name of a signal.
//!
//! In: a signal's number. Out: the same number; the name is found when it is printed.

use super::{Call, Function, Outcome};
use crate::sema::convert::to_type;
use crate::sema::pass::Pass;
use crate::types::{Lazy, Type};

/// See the module.
pub const SIGNAL_NAME: Function = Function {
    name: "signal_name",
    usage: "signal_name(signal)",
    doc: "name of a signal's number",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let val = pass.value(&call.args[0])?;
    let number = pass.number(&val.expr)?;
    let mut name = to_type(number, &Type::Lazy(Lazy::SignalName));
    name.span = call.span;
    Some(Outcome::Value(val.with(name)))
}
