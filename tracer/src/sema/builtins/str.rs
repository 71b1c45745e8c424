//! `str(x)`, `str(x, length)`: the text at an address, or a cut of a string.
//!
//! In: an address, an array of characters, a string or a positional parameter, and the most bytes wanted. Out: a
//! string. An address reads in the space of its pointer; a bare number in the space that the probe's numbers
//! usually mean.

use super::{Call, Function, Outcome, is_address};
use crate::diag::codes;
use crate::ir::ExprKind;
use crate::sema::access::{Place, is_char};
use crate::sema::convert::to_type;
use crate::sema::pass::{Pass, Val};
use crate::sema::value::{Operand, describe, string};
use crate::syntax::ast;
use crate::types::Type;

/// See the module.
pub const STR: Function = Function {
    name: "str",
    usage: "str(x[, length])",
    doc: "text at an address, or the first bytes of a string",
    arity: (1, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let length = match call.args.get(1) {
        Some(length) => Some(cap(pass, length)?),
        None => None,
    };
    let arg = &call.args[0];
    if let ast::ExprKind::Positional { text, .. } = &arg.kind {
        let text = text.as_deref().unwrap_or_default();
        return cut(string(text.as_bytes(), call.span).into(), length);
    }
    match pass.operand(arg)? {
        Operand::Place(place) => at_place(pass, place, length, call),
        operand => {
            let val = pass.read(operand, arg.span)?;
            match &val.expr.ty {
                Type::Str { .. } => cut(val, length),
                _ if is_address(&val.expr) => at_address(pass, val, length, call),
                other => {
                    let message = format!(
                        "str() wants an address or text, this is {}",
                        describe(other)
                    );
                    pass.error(codes::ARGUMENT_TYPE, arg.span, message)
                }
            }
        }
    }
}

/// Capacity for so many bytes of text, never above what strings may have.
fn cap(pass: &mut Pass, length: &ast::Expr) -> Option<u32> {
    let bytes = pass.constant_arg(length, "the length")?;
    let most = u64::from(pass.settings.max_strlen);
    Some(bytes.saturating_add(1).min(most) as u32)
}

fn cut(val: Val, length: Option<u32>) -> Option<Outcome> {
    let Type::Str { cap } = val.expr.ty else {
        return None;
    };
    let wanted = Type::Str {
        cap: length.map_or(cap, |l| l.min(cap)),
    };
    let mut text = val.expr.clone();
    if matches!(text.kind, ExprKind::ReadStr { .. }) {
        // Reading less is the same text, and costs less than reading all and cutting it.
        text.ty = wanted;
    } else {
        text = to_type(text, &wanted);
    }
    Some(Outcome::Value(val.with(text)))
}

fn at_place(pass: &mut Pass, place: Place, length: Option<u32>, call: &Call) -> Option<Outcome> {
    match place.ty.clone() {
        Type::Array { elem, len } if is_char(&elem) => {
            let whole = pass.text_capacity(len);
            let cap = length.map_or(whole, |l| l.min(whole));
            Some(Outcome::Value(pass.read_text(place, cap, call.span)))
        }
        _ => {
            let val = pass.read(Operand::Place(place), call.args[0].span)?;
            at_address(pass, val, length, call)
        }
    }
}

fn at_address(pass: &mut Pass, val: Val, length: Option<u32>, call: &Call) -> Option<Outcome> {
    let space = match &val.expr.ty {
        Type::Ptr { space, .. } => *space,
        Type::Int { .. } => pass.scope.view.space(),
        other => {
            let message = format!("str() wants an address, this is {}", describe(other));
            return pass.error(codes::ARGUMENT_TYPE, call.args[0].span, message);
        }
    };
    let cap = length.unwrap_or(pass.settings.max_strlen);
    let ty = Type::Array {
        elem: Box::new(Type::Int {
            bits: 8,
            signed: true,
        }),
        len: 0,
    };
    let place = Place::at(val, ty, space);
    Some(Outcome::Value(pass.read_text(place, cap, call.span)))
}
