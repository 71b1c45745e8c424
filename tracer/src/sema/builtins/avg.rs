//! `avg(x)`: averages numbers.
//!
//! In: a number. Out: an aggregation. Never merges what the CPUs counted.

use super::{Function, aggregate};
use crate::types::AggKind;

/// See the module.
pub const AVG: Function = Function {
    name: "avg",
    usage: "avg(x)",
    doc: "averages numbers",
    arity: (1, 1),
    aggregates: true,
    check: |pass, call| aggregate(pass, call, |signed| AggKind::Avg { signed }),
};
