//! `min(x)`: keeps the smallest number.
//!
//! In: a number. Out: an aggregation. Never merges what the CPUs counted.

use super::{Function, aggregate};
use crate::types::AggKind;

/// See the module.
pub const MIN: Function = Function {
    name: "min",
    usage: "min(x)",
    doc: "keeps the smallest number",
    arity: (1, 1),
    aggregates: true,
    check: |pass, call| aggregate(pass, call, |signed| AggKind::Min { signed }),
};
