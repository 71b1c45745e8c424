//! `count()`: counts events.
//!
//! In: nothing. Out: an aggregation. Never merges what the CPUs counted.

use super::{Function, Outcome};
use crate::types::AggKind;

/// See the module.
pub const COUNT: Function = Function {
    name: "count",
    usage: "count()",
    doc: "counts events",
    arity: (0, 0),
    aggregates: true,
    check: |_, _| {
        Some(Outcome::Aggregate {
            kind: AggKind::Count,
            value: None,
        })
    },
};
