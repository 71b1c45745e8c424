//! `buf(x[, length])`: bytes of any kind.
//!
//! In: an array, an address and a length, or text. Out: a buffer, for `%r`, keys and maps. An address is read when the clause
//! runs: in a `syscall` probe at the end of the call, when the kernel has filled what it was given.

use super::{Call, Function, Outcome, is_address};
use crate::diag::codes;
use crate::ir::{Expr, ExprKind, SiteKind};
use crate::sema::convert::{to_number, to_type};
use crate::sema::pass::{Pass, Val, both_present, expr};
use crate::sema::value::{Operand, constant, describe};
use crate::types::{Space, Type};

/// See the module.
pub const BUF: Function = Function {
    name: "buf",
    usage: "buf(x[, length])",
    doc: "bytes of an array, at an address or of a text",
    arity: (1, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let length = match call.args.get(1) {
        Some(arg) => Some(pass.number_arg(arg)?),
        None => None,
    };
    let arg = &call.args[0];
    let operand = pass.operand(arg)?;
    if let Operand::Place(place) = &operand
        && let Type::Array { .. } = &place.ty
    {
        let size = pass.memory_size(&place.ty).unwrap_or(0);
        let address = place.base.clone().with(place.address(call.span));
        return read(pass, address, place.space, length, size, call);
    }
    let val = pass.read(operand, arg.span)?;
    match &val.expr.ty {
        Type::Str { cap } => {
            let most = u64::from(*cap) - 1;
            let wanted = length.as_ref().and_then(|l| constant(&l.expr));
            let bytes = wanted.unwrap_or(most).clamp(1, longest(pass)) as u32;
            let bytes = to_type(val.expr.clone(), &Type::Bytes { cap: bytes });
            Some(Outcome::Value(val.with(bytes)))
        }
        ty if is_address(&val.expr) => {
            let space = match ty {
                Type::Ptr { space, .. } => *space,
                _ => pass.scope.view.space(),
            };
            if length.is_none() {
                let message = "how many bytes? an address has no length: buf(x, 16)";
                return pass.error(codes::ARGUMENT_COUNT, call.span, message);
            }
            read(pass, val, space, length, 0, call)
        }
        other => {
            let message = format!(
                "buf() wants an array, an address or text, this is {}",
                describe(other)
            );
            pass.error(codes::ARGUMENT_TYPE, arg.span, message)
        }
    }
}

fn longest(pass: &Pass) -> u64 {
    u64::from(pass.settings.max_strlen)
}

/// Bytes at an address: so many as the array has, at most, when it is one.
fn read(
    pass: &mut Pass,
    address: Val,
    space: Space,
    length: Option<Val>,
    size: u32,
    call: &Call,
) -> Option<Outcome> {
    let whole = || expr(Type::U64, ExprKind::Int(u64::from(size)), call.span);
    let (length, present) = match length {
        Some(length) => (to_type(length.expr, &Type::U64), length.present),
        None => (whole(), None),
    };
    let known = constant(&length).unwrap_or(u64::MAX);
    let of_array = if size > 0 { u64::from(size) } else { u64::MAX };
    let cap = known.min(of_array).clamp(1, longest(pass)) as u32;
    let kind = ExprKind::ReadBytes {
        addr: Box::new(number(address.expr)),
        length: Box::new(length),
        space,
        site: pass.site(SiteKind::ReadFailed, call.span),
    };
    Some(Outcome::Value(Val {
        expr: expr(Type::Bytes { cap }, kind, call.span),
        present: both_present(address.present, present),
        points_to: None,
    }))
}

fn number(e: Expr) -> Expr {
    to_type(to_number(e), &Type::U64)
}
