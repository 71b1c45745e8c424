//! `tseries(x, interval, n[, what])`: a series of values in time.
//!
//! In: a number, the nanoseconds of an interval and how many intervals are kept, both constant, and what is kept of the values in one.
//! Out: an aggregation.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::sema::pass::Pass;
use crate::syntax::ast;
use crate::types::{AggKind, Gathered, Series};

/// Intervals that a series may have: each is 24 bytes a CPU and key.
const MOST_INTERVALS: u64 = 1000;

/// See the module.
pub const TSERIES: Function = Function {
    name: "tseries",
    usage: "tseries(x, interval, n[, \"avg\"])",
    doc: "the latest value of each of the last n intervals; or avg, min, max, sum",
    arity: (3, 4),
    aggregates: true,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let value = pass.number_arg(&call.args[0]);
    let interval = within(pass, &call.args[1], "the interval", 1..=i64::MAX as u64);
    let intervals = within(
        pass,
        &call.args[2],
        "the number of intervals",
        1..=MOST_INTERVALS,
    );
    let of = match call.args.get(3) {
        Some(arg) => gathered(pass, arg),
        None => Some(Gathered::Last),
    };
    let value = value?;
    let series = Series {
        interval_ns: interval?,
        intervals: intervals? as u32,
        of: of?,
        signed: value.expr.ty.is_signed(),
    };
    Some(Outcome::Aggregate {
        kind: AggKind::Series(series),
        value: Some(value),
    })
}

fn within(
    pass: &mut Pass,
    arg: &ast::Expr,
    what: &str,
    bounds: std::ops::RangeInclusive<u64>,
) -> Option<u64> {
    let number = pass.constant_arg(arg, what)?;
    if bounds.contains(&number) {
        return Some(number);
    }
    let message = format!("{what} is {} to {}", bounds.start(), bounds.end());
    pass.error(codes::OUT_OF_BOUNDS, arg.span, message)
}

fn gathered(pass: &mut Pass, arg: &ast::Expr) -> Option<Gathered> {
    let names = Gathered::ALL.iter().filter(|(of, _)| *of != Gathered::Last);
    let wrong = "what is kept of an interval is \"avg\", \"max\", \"min\" or \"sum\"";
    let text = pass.literal_or(arg, || wrong.to_owned())?;
    let mut found = names.filter(|(_, name)| name.as_bytes() == text);
    match found.next() {
        Some((of, _)) => Some(*of),
        None => pass.error(codes::ARGUMENT_TYPE, arg.span, wrong),
    }
}
