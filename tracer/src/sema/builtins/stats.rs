//! `stats(x)`: number, average and total of numbers.
//!
//! In: a number. Out: an aggregation. Never merges what the CPUs counted.

use super::{Function, aggregate};
use crate::types::AggKind;

/// See the module.
pub const STATS: Function = Function {
    name: "stats",
    usage: "stats(x)",
    doc: "number, average and total of numbers",
    arity: (1, 1),
    aggregates: true,
    check: |pass, call| aggregate(pass, call, |signed| AggKind::Stats { signed }),
};
