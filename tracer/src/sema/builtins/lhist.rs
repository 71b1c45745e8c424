//! `lhist(x, min, max, step)`: a histogram in equal steps.
//!
//! In: a number and three constants. Out: an aggregation. Values compare as signed.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::sema::convert::to_type;
use crate::sema::pass::Pass;
use crate::sema::value::constant;
use crate::syntax::ast;
use crate::types::{AggKind, HistShape, Type};

/// Buckets that a histogram may have: each is 8 bytes a CPU and key (bpftrace has the same limit).
const MOST_BUCKETS: u64 = 1000;

/// See the module.
pub const LHIST: Function = Function {
    name: "lhist",
    usage: "lhist(x, min, max, step)",
    doc: "histogram in equal steps",
    arity: (4, 4),
    aggregates: true,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let value = pass.number_arg(&call.args[0]);
    let min = bound(pass, &call.args[1]);
    let max = bound(pass, &call.args[2]);
    let step = bound(pass, &call.args[3]);
    let (value, min, max, step) = (value?, min?, max?, step?);
    if step <= 0 || max <= min {
        let message = "lhist() wants max above min and a step above 0";
        return pass.error(codes::BAD_BOUNDS, call.span, message);
    }
    let span = max.abs_diff(min);
    if span.div_ceil(step as u64) > MOST_BUCKETS {
        let message = format!(
            "lhist() would have {} buckets, at most {MOST_BUCKETS} are possible",
            span.div_ceil(step as u64)
        );
        return pass.error(codes::BAD_BOUNDS, call.span, message);
    }
    let number = to_type(value.expr.clone(), &Type::I64);
    Some(Outcome::Aggregate {
        kind: AggKind::Hist(HistShape::Linear { min, max, step }),
        value: Some(value.with(number)),
    })
}

fn bound(pass: &mut Pass, arg: &ast::Expr) -> Option<i64> {
    let val = pass.value(arg)?;
    match constant(&val.expr) {
        Some(v) if val.expr.ty == Type::I64 => Some(v as i64),
        _ => pass.error(
            codes::NOT_CONSTANT,
            arg.span,
            "bounds and step are constant numbers",
        ),
    }
}
