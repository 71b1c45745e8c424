//! `zero(@m)`: sets all values of a map to 0 and keeps its keys.
//!
//! In: a map. Out: a statement; its record tells user space which generation ended. Never waits for user space.

use super::{Call, Function, Outcome};
use crate::ir::{EmitKind, StmtKind};
use crate::sema::pass::{Pass, stmt};

/// See the module.
pub const ZERO: Function = Function {
    name: "zero",
    usage: "zero(@m)",
    doc: "sets all values of a map to 0",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let map = pass.map_arg(&call.args[0], ZERO.name)?;
    pass.assigned_somewhere(map, call.args[0].span)?;
    pass.emit_once(EmitKind::Zero(map), Vec::new(), call.span);
    Some(Outcome::Stmts(vec![stmt(StmtKind::Zero(map), call.span)]))
}
