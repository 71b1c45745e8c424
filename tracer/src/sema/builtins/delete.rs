//! `delete(@m[k])`, `delete(@m, k)`, `delete(@x)`: deletes an entry.
//!
//! In: a map and its key. Out: a statement; nothing happens when the key is missing. An aggregation without key has one value
//! a CPU, and no program can delete those of the others: it is cleared, which means the same.

use super::{Call, Function, Outcome, key_components};
use crate::diag::codes;
use crate::ir::{EmitKind, StmtKind};
use crate::sema::pass::{Pass, stmt};
use crate::sema::unify::MapHolds;
use crate::syntax::ast;

/// See the module.
pub const DELETE: Function = Function {
    name: "delete",
    usage: "delete(@m[k]) or delete(@m, k)",
    doc: "deletes an entry of a map",
    arity: (1, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let ast::ExprKind::Map { name, keys } = &call.args[0].kind else {
        let message = "delete() takes a map: @m[k]";
        return pass.error(codes::ARGUMENT_TYPE, call.args[0].span, message);
    };
    let keys = match (keys, call.args.get(1)) {
        (None, Some(key)) => Some(key_components(key)),
        (keys, None) => keys.as_deref(),
        (Some(_), Some(second)) => {
            let message = "the key is given twice";
            return pass.error(codes::ARGUMENT_TYPE, second.span, message);
        }
    };
    let span = call.args[0].span;
    let map = pass.map_id(name, span);
    let key = pass.map_key(map, keys, span);
    pass.assigned_somewhere(map, span)?;
    let (key, present) = key?;
    let is_aggregation = matches!(pass.map_known(map).holds, MapHolds::Agg(..));
    let delete = if key.is_empty() && is_aggregation {
        pass.emit_once(EmitKind::Clear(map), Vec::new(), call.span);
        stmt(StmtKind::Clear(map), call.span)
    } else {
        stmt(StmtKind::Delete { map, key }, call.span)
    };
    Some(Outcome::Stmts(pass.guard(present, vec![delete], call.span)))
}
