//! `len(x)`: the elements of an array, the frames of a stack, the bytes of a string or buffer. (The keys of a map are
//! counted by a loop, which `expand` makes.)
//!
//! In: any of these. Out: their number. Never reads an array: its type says how many it has.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::ir::ExprKind;
use crate::sema::pass::{Pass, expr};
use crate::sema::value::{Operand, describe};
use crate::types::Type;

/// See the module.
pub const LEN: Function = Function {
    name: "len",
    usage: "len(x)",
    doc: "elements of an array, frames of a stack, bytes of a string or buffer, keys of a map",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let arg = &call.args[0];
    let operand = pass.operand(arg)?;
    if let Operand::Place(place) = &operand
        && let Type::Array { len, .. } = place.ty
    {
        let kind = ExprKind::Int(u64::from(len));
        return Some(Outcome::Value(expr(Type::U64, kind, call.span).into()));
    }
    let val = pass.read(operand, arg.span)?;
    let kind = match &val.expr.ty {
        Type::Array { len, .. } => ExprKind::Int(u64::from(*len)),
        Type::Str { .. } | Type::Stack(_) | Type::Bytes { .. } => {
            ExprKind::Length(Box::new(val.expr.clone()))
        }
        other => {
            let message = format!(
                "len() wants an array, a stack, text or a buffer, this is {}",
                describe(other)
            );
            return pass.error(codes::ARGUMENT_TYPE, arg.span, message);
        }
    };
    Some(Outcome::Value(val.with(expr(Type::U64, kind, call.span))))
}
