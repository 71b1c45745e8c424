//! `ntop([family,] address)`: an internet address as text; `pton("text")`: its bytes.
//!
//! In: a number (version 4, as it lies in memory) or an array of 4 or 16 bytes, and the family when it is not what the size
//! says; or text. Out: family and bytes, which become text when they are printed; or the bytes as an array.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::ir::{Binary, Expr, ExprKind, SiteKind};
use crate::sema::access::Place;
use crate::sema::convert::{to_number, to_type};
use crate::sema::pass::{Pass, Val, both_present, expr, int};
use crate::sema::value::{Operand, describe};
use crate::syntax::ast;
use crate::types::{Type, Wide};
use core::net::IpAddr;

const AF_INET: i64 = 2;
const AF_INET6: i64 = 10;

/// See the module.
pub const NTOP: Function = Function {
    name: "ntop",
    usage: "ntop([family, ]address)",
    doc: "internet address as text",
    arity: (1, 2),
    aggregates: false,
    check,
};

/// See the module.
pub const PTON: Function = Function {
    name: "pton",
    usage: "pton(\"address\")",
    doc: "bytes of an internet address",
    arity: (1, 1),
    aggregates: false,
    check: to_bytes,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let family = match call.args {
        [family, _] => Some(pass.number_arg(family)?),
        _ => None,
    };
    let arg = call.args.last()?;
    let (words, present, size) = words(pass, arg)?;
    let usual = if size == 16 { AF_INET6 } else { AF_INET };
    let (family, present) = match family {
        Some(family) => (family.expr, both_present(family.present, present)),
        None => (int(usual, call.span), present),
    };
    let parts: Vec<Expr> = [family]
        .into_iter()
        .chain(words)
        .map(|word| to_type(word, &Type::U64))
        .collect();
    Some(Outcome::Value(Val {
        expr: of_words(Type::Wide(Wide::Inet), parts, call),
        present,
        points_to: None,
    }))
}

/// A value made of words.
fn of_words(ty: Type, parts: Vec<Expr>, call: &Call) -> Expr {
    let types = vec![Type::U64; parts.len()];
    let tuple = expr(Type::Tuple(types), ExprKind::Tuple(parts), call.span);
    expr(ty, ExprKind::Cast(Box::new(tuple)), call.span)
}

/// The address in two words, and its size in bytes.
fn words(pass: &mut Pass, arg: &ast::Expr) -> Option<([Expr; 2], Option<Expr>, u32)> {
    let span = arg.span;
    let zero = || expr(Type::U64, ExprKind::Int(0), span);
    match pass.operand(arg)? {
        Operand::Place(place) => match place.ty.packed_size() {
            Some(4) => Some((
                [load(pass, &place, 0, 4, arg), zero()],
                place.base.present,
                4,
            )),
            Some(16) => {
                let low = load(pass, &place, 0, 8, arg);
                let high = load(pass, &place, 8, 8, arg);
                Some(([low, high], place.base.present, 16))
            }
            _ => wrong(pass, &place.ty, arg),
        },
        operand => {
            let val = pass.read(operand, span)?;
            match (&val.expr.ty, &val.expr.kind) {
                (Type::Array { .. }, _) => array_words(pass, val, arg),
                (ty, _) if ty.is_scalar() => {
                    Some(([version_4(val.expr.clone()), zero()], val.present, 4))
                }
                (ty, _) => wrong(pass, &ty.clone(), arg),
            }
        }
    }
}

/// Of a number the four bytes that count.
fn version_4(number: Expr) -> Expr {
    to_type(to_type(to_number(number), &Type::U32), &Type::U64)
}

fn load(pass: &mut Pass, place: &Place, at: i64, width: u8, arg: &ast::Expr) -> Expr {
    let kind = ExprKind::Load {
        base: Box::new(place.base.expr.clone()),
        offset: place.offset.wrapping_add(at),
        space: place.space,
        width,
        bits: None,
        site: pass.site(SiteKind::ReadFailed, arg.span),
    };
    expr(Type::U64, kind, arg.span)
}

/// The elements of an array value, put together again.
fn array_words(
    pass: &mut Pass,
    val: Val,
    arg: &ast::Expr,
) -> Option<([Expr; 2], Option<Expr>, u32)> {
    let Type::Array { elem, len } = val.expr.ty.clone() else {
        return None;
    };
    if elem.packed_size() != Some(1) || !matches!(len, 4 | 16) {
        return wrong(pass, &val.expr.ty, arg);
    }
    let span = arg.span;
    let byte = |i: u32| {
        let at = expr(Type::U64, ExprKind::Int(u64::from(i)), span);
        let kind = ExprKind::Element(Box::new(val.expr.clone()), Box::new(at));
        let byte = expr((*elem).clone(), kind, span);
        let unsigned = Type::Int {
            bits: 8,
            signed: false,
        };
        to_type(to_type(byte, &unsigned), &Type::U64)
    };
    let binary = |op, left, right| {
        let kind = ExprKind::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
            site: None,
        };
        expr(Type::U64, kind, span)
    };
    let shifted = |i: u32| {
        let count = expr(Type::U64, ExprKind::Int(u64::from(i % 8 * 8)), span);
        binary(Binary::Shl, byte(i), count)
    };
    let word = |from: u32| {
        (from..len.min(from + 8))
            .map(&shifted)
            .reduce(|a, b| binary(Binary::Or, a, b))
            .unwrap_or_else(|| expr(Type::U64, ExprKind::Int(0), span))
    };
    Some(([word(0), word(8)], val.present.clone(), len))
}

fn wrong<T>(pass: &mut Pass, ty: &Type, arg: &ast::Expr) -> Option<T> {
    let message = format!(
        "ntop() wants a number or an array of 4 or 16 bytes, this is {}",
        describe(ty)
    );
    pass.error(codes::ARGUMENT_TYPE, arg.span, message)
}

fn to_bytes(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let text = pass.literal_arg(&call.args[0], "the address")?;
    let text = String::from_utf8_lossy(text);
    let bytes = match text.parse() {
        Ok(IpAddr::V4(address)) => address.octets().to_vec(),
        Ok(IpAddr::V6(address)) => address.octets().to_vec(),
        Err(_) => {
            let message = format!("`{text}` is no internet address");
            let diagnostic = Diagnostic::error(codes::ARGUMENT_TYPE, call.args[0].span, message);
            return pass.fail(diagnostic.help("as in pton(\"127.0.0.1\") or pton(\"::1\")"));
        }
    };
    let len = bytes.len() as u32;
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        expr(
            Type::U64,
            ExprKind::Int(u64::from_le_bytes(word)),
            call.span,
        )
    };
    let elem = Box::new(Type::Int {
        bits: 8,
        signed: false,
    });
    let parts = bytes.chunks(8).map(word).collect();
    let array = of_words(Type::Array { elem, len }, parts, call);
    Some(Outcome::Value(array.into()))
}
