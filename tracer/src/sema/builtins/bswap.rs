//! `bswap(x)`: the bytes of a number in reverse order.
//!
//! In: a number of 1, 2, 4 or 8 bytes. Out: an unsigned number as wide. Never looks at which order is the
//! machine's: it always reverses.

use super::{Call, Function, Outcome};
use crate::ir::Unary;
use crate::sema::convert::to_type;
use crate::sema::operators::unary;
use crate::sema::pass::{Pass, int};
use crate::syntax::ast::{self, BinaryOp};
use crate::types::Type;

/// See the module.
pub const BSWAP: Function = Function {
    name: "bswap",
    usage: "bswap(x)",
    doc: "bytes of a number in reverse order",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let val = pass.value(&call.args[0])?;
    let bits = match (&call.args[0].kind, &val.expr.ty) {
        // It is kept in 64 bits, but is the number that it was given: `$port = bswap($port)`.
        (ast::ExprKind::Var(name), Type::Int { .. }) => pass.given_bits(name),
        (_, Type::Int { bits, .. }) => *bits,
        _ => 64,
    };
    let number = to_type(pass.number(&val.expr)?, &Type::U64);
    let all = unary(Unary::Swap, number, call.span);
    // All eight bytes were reversed: those of a narrower number are on top now.
    let unused = int(64 - i64::from(bits), call.span);
    let swapped = match bits {
        64 => val.with(all),
        _ => pass.binary_values(BinaryOp::Shr, val.with(all), unused.into(), call.span)?,
    };
    let ty = Type::Int {
        bits,
        signed: false,
    };
    let number = to_type(swapped.expr.clone(), &ty);
    Some(Outcome::Value(swapped.with(number)))
}
