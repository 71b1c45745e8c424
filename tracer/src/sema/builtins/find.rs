//! `find(@m, key, $v)`: whether a map has a key, and its value.
//!
//! In: a map of values, its key, a variable. Out: true when the key is there; then the variable has its value, else it
//! stays as it was. One look-up: nobody can delete the key in between.

use super::{Call, Function, Outcome, key_components};
use crate::diag::codes;
use crate::ir::ExprKind;
use crate::sema::pass::{Pass, Val, expr};
use crate::sema::unify::MapHolds;
use crate::syntax::ast;
use crate::types::Type;

/// See the module.
pub const FIND: Function = Function {
    name: "find",
    usage: "find(@m, key, $v)",
    doc: "whether a map has a key; if so, the variable gets its value",
    arity: (3, 3),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let (ast::ExprKind::Map { name, keys: None }, ast::ExprKind::Var(var)) =
        (&call.args[0].kind, &call.args[2].kind)
    else {
        let message = "find() takes a map, a key and a variable: find(@m, key, $v)";
        return pass.error(codes::ARGUMENT_TYPE, call.span, message);
    };
    let span = call.args[0].span;
    let map = pass.map_id(name, span);
    let key = pass.map_key(map, Some(key_components(&call.args[1])), span);
    pass.assigned_somewhere(map, span)?;
    let seen = match &pass.map_known(map).holds {
        MapHolds::Plain(seen) => seen.clone(),
        MapHolds::Agg(kind, at) => {
            let (kind, at) = (*kind, *at);
            return pass.aggregation_as_value(name, kind, at, span);
        }
        MapHolds::Unknown | MapHolds::Assigned => return None,
    };
    let local = match pass.local(var).cloned() {
        Some(local) => local,
        None => pass.declare(var, None),
    };
    let ty = pass.learn_type(&local, &seen, call.args[2].span)?;
    if ty != seen.stored() {
        let message = format!("`${var}` does not hold what `@{name}` holds");
        return pass.error(codes::VARIABLE_TYPE, call.args[2].span, message);
    }
    let (key, present) = key?;
    let kind = ExprKind::Find {
        map,
        key,
        var: local.id,
    };
    Some(Outcome::Value(Val {
        expr: expr(Type::Bool, kind, call.span),
        present,
        points_to: None,
    }))
}
