//! `has_key(@m, k)`: whether a map has a key.
//!
//! In: a map and its key. Out: bool. A value of 0 is there; a key that was deleted or cleared is not.

use super::{Call, Function, Outcome, key_components};
use crate::ir::ExprKind;
use crate::sema::pass::{Pass, Val, expr};
use crate::types::Type;

/// See the module.
pub const HAS_KEY: Function = Function {
    name: "has_key",
    usage: "has_key(@m, k)",
    doc: "whether a map has a key",
    arity: (2, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let span = call.args[0].span;
    let map = pass.map_arg(&call.args[0], HAS_KEY.name)?;
    let key = pass.map_key(map, Some(key_components(&call.args[1])), span);
    pass.assigned_somewhere(map, span)?;
    let (key, present) = key?;
    Some(Outcome::Value(Val {
        expr: expr(Type::Bool, ExprKind::HasKey { map, key }, call.span),
        present,
        points_to: None,
    }))
}
