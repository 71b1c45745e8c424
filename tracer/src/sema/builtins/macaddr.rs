//! `macaddr(x)`: a hardware address as text.
//!
//! In: an array of six bytes. Out: its bytes, which become text when they are printed.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::ir::{Binary, Expr, ExprKind, SiteKind};
use crate::sema::access::Place;
use crate::sema::convert::to_type;
use crate::sema::pass::{Pass, expr};
use crate::sema::value::{Operand, describe};
use crate::types::{Lazy, Type};

/// See the module.
pub const MACADDR: Function = Function {
    name: "macaddr",
    usage: "macaddr(bytes)",
    doc: "hardware address as text",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let arg = &call.args[0];
    let place = match pass.operand(arg)? {
        Operand::Place(place) if place.ty.packed_size() == Some(6) => place,
        Operand::Place(place) => return wrong(pass, &place.ty.clone(), call),
        operand => {
            let val = pass.read(operand, arg.span)?;
            return wrong(pass, &val.expr.ty, call);
        }
    };
    let low = load(pass, &place, 0, 4, call);
    let high = load(pass, &place, 4, 2, call);
    let binary = |op, left, right| {
        let kind = ExprKind::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
            site: None,
        };
        expr(Type::U64, kind, call.span)
    };
    let count = expr(Type::U64, ExprKind::Int(32), call.span);
    let both = binary(Binary::Or, low, binary(Binary::Shl, high, count));
    let mut address = to_type(both, &Type::Lazy(Lazy::Mac));
    address.span = call.span;
    Some(Outcome::Value(place.base.with(address)))
}

fn load(pass: &mut Pass, place: &Place, at: i64, width: u8, call: &Call) -> Expr {
    let kind = ExprKind::Load {
        base: Box::new(place.base.expr.clone()),
        offset: place.offset.wrapping_add(at),
        space: place.space,
        width,
        bits: None,
        site: pass.site(SiteKind::ReadFailed, call.span),
    };
    expr(Type::U64, kind, call.span)
}

fn wrong<T>(pass: &mut Pass, ty: &Type, call: &Call) -> Option<T> {
    let message = format!(
        "macaddr() wants an array of 6 bytes, this is {}",
        describe(ty)
    );
    pass.error(codes::ARGUMENT_TYPE, call.args[0].span, message)
}
