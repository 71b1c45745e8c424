//! `hist(x[, bits])`: a histogram in powers of two, or in 2^bits parts of each.
//!
//! In: a number, and a constant from 0 to 5. Out: an aggregation. A signed operand has a bucket for what is below 0.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::sema::pass::Pass;
use crate::types::{AggKind, HistShape};

/// More parts than 2^5 would not fit a value.
const MOST_BITS: u64 = 5;

/// See the module.
pub const HIST: Function = Function {
    name: "hist",
    usage: "hist(x[, bits])",
    doc: "histogram in powers of two, each in 2^bits parts",
    arity: (1, 2),
    aggregates: true,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let bits = match call.args.get(1) {
        Some(arg) => match pass.constant_arg(arg, "the number of bits")? {
            bits @ 0..=MOST_BITS => bits as u8,
            _ => {
                let message = format!("a power of two has 2^0 to 2^{MOST_BITS} parts");
                return pass.error(codes::OUT_OF_BOUNDS, arg.span, message);
            }
        },
        None => 0,
    };
    let value = pass.number_arg(&call.args[0])?;
    let signed = value.expr.ty.is_signed();
    Some(Outcome::Aggregate {
        kind: AggKind::Hist(HistShape::Log2 { signed, bits }),
        value: Some(value),
    })
}
