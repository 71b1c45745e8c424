//! `clear(@m)`: deletes all entries of a map.
//!
//! In: a map. Out: a statement; its record tells user space which generation ended. Never waits for user space.

use super::{Call, Function, Outcome};
use crate::ir::{EmitKind, StmtKind};
use crate::sema::pass::{Pass, stmt};

/// See the module.
pub const CLEAR: Function = Function {
    name: "clear",
    usage: "clear(@m)",
    doc: "deletes all entries of a map",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let map = pass.map_arg(&call.args[0], CLEAR.name)?;
    pass.assigned_somewhere(map, call.args[0].span)?;
    pass.emit_once(EmitKind::Clear(map), Vec::new(), call.span);
    Some(Outcome::Stmts(vec![stmt(StmtKind::Clear(map), call.span)]))
}
