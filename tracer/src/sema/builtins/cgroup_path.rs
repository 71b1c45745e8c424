//! `cgroup_path(id)`: path of a cgroup.
//!
//! In: the id of a cgroup (version 2). Out: the same number; the name is found when it is printed.

use super::{Call, Function, Outcome};
use crate::sema::convert::to_type;
use crate::sema::pass::Pass;
use crate::types::{Lazy, Type};

/// See the module.
pub const CGROUP_PATH: Function = Function {
    name: "cgroup_path",
    usage: "cgroup_path(id)",
    doc: "path of a cgroup",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let number = pass.number_arg(&call.args[0])?;
    let mut text = to_type(number.expr.clone(), &Type::Lazy(Lazy::CgroupPath));
    text.span = call.span;
    Some(Outcome::Value(number.with(text)))
}
