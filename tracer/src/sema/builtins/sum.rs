//! `sum(x)`: adds numbers up.
//!
//! In: a number. Out: an aggregation. Never merges what the CPUs counted.

use super::{Function, aggregate};
use crate::types::AggKind;

/// See the module.
pub const SUM: Function = Function {
    name: "sum",
    usage: "sum(x)",
    doc: "adds numbers up",
    arity: (1, 1),
    aggregates: true,
    check: |pass, call| aggregate(pass, call, |signed| AggKind::Sum { signed }),
};
