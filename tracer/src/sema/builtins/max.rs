//! `max(x)`: keeps the largest number.
//!
//! In: a number. Out: an aggregation. Never merges what the CPUs counted.

use super::{Function, aggregate};
use crate::types::AggKind;

/// See the module.
pub const MAX: Function = Function {
    name: "max",
    usage: "max(x)",
    doc: "keeps the largest number",
    arity: (1, 1),
    aggregates: true,
    check: |pass, call| aggregate(pass, call, |signed| AggKind::Max { signed }),
};
