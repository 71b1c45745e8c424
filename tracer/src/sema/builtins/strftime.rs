//! `strftime("format", ns)`: a moment as text.
//!
//! In: a `strftime` format, in which `%f` are microseconds, and nanoseconds of the monotonic clock (`nsecs`). Out: both; they become
//! local time when they are printed.

use super::{Call, Function, Outcome};
use crate::ir::ExprKind;
use crate::sema::convert::to_type;
use crate::sema::pass::{Pass, expr};
use crate::types::{Type, Wide};

/// See the module.
pub const STRFTIME: Function = Function {
    name: "strftime",
    usage: "strftime(\"format\", ns)",
    doc: "moment of the monotonic clock as local time",
    arity: (2, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let format = pass.literal_arg(&call.args[0], "the format")?;
    let format = String::from_utf8_lossy(format).into_owned();
    let time = pass.number_arg(&call.args[1])?;
    let texts = &mut pass.program.texts;
    let index = texts.iter().position(|t| *t == format).unwrap_or_else(|| {
        texts.push(format);
        texts.len() - 1
    });
    let index = expr(Type::U64, ExprKind::Int(index as u64), call.span);
    let words = vec![index, to_type(time.expr.clone(), &Type::U64)];
    let words = expr(
        Type::Tuple(vec![Type::U64; 2]),
        ExprKind::Tuple(words),
        call.span,
    );
    let kind = ExprKind::Cast(Box::new(words));
    let moment = expr(Type::Wide(Wide::Time), kind, call.span);
    Some(Outcome::Value(time.with(moment)))
}
