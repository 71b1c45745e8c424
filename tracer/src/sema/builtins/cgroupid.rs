//! `cgroupid("path")`: the id of a cgroup.
//!
//! In: the path of its directory. Out: a constant, looked up before the run.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::ir::ExprKind;
use crate::sema::pass::{Pass, expr};
use crate::types::Type;

/// See the module.
pub const CGROUPID: Function = Function {
    name: "cgroupid",
    usage: "cgroupid(\"/sys/fs/cgroup/…\")",
    doc: "id of the cgroup (version 2) of that path",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let path = pass.literal_arg(&call.args[0], "the path")?;
    let path = String::from_utf8_lossy(path).into_owned();
    match pass.facts.cgroup_id(&path) {
        Some(id) => {
            let kind = ExprKind::Int(id);
            Some(Outcome::Value(expr(Type::U64, kind, call.span).into()))
        }
        None => {
            let message = format!("no such cgroup: `{path}`");
            pass.error(codes::NO_SUCH_NAME, call.args[0].span, message)
        }
    }
}
