//! `stddev(x)`: the standard deviation.
//!
//! In: a number. Out: an aggregation; exact sums of the values and of their squares.

use super::{Function, aggregate};
use crate::types::AggKind;

/// See the module.
pub const STDDEV: Function = Function {
    name: "stddev",
    usage: "stddev(x)",
    doc: "standard deviation",
    arity: (1, 1),
    aggregates: true,
    check: |pass, call| aggregate(pass, call, |signed| AggKind::Stddev { signed }),
};
