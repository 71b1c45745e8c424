//! `hist(x)`: a histogram in powers of two.
//!
//! In: a number. Out: an aggregation. A signed operand has a bucket for what is below 0.

use super::{Call, Function, Outcome};
use crate::sema::pass::Pass;
use crate::types::{AggKind, HistShape};

/// See the module.
pub const HIST: Function = Function {
    name: "hist",
    usage: "hist(x)",
    doc: "histogram in powers of two",
    arity: (1, 2),
    aggregates: true,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    if let Some(bits) = call.args.get(1) {
        return pass.not_built("histograms with parts of powers of two", bits.span);
    }
    let value = pass.number_arg(&call.args[0])?;
    let signed = value.expr.ty.is_signed();
    Some(Outcome::Aggregate {
        kind: AggKind::Hist(HistShape::Log2 { signed, bits: 0 }),
        value: Some(value),
    })
}
