//! Values from one type to another: what is stored, compared or computed with.
//!
//! In: typed expressions. Out: expressions of the wanted type. Constants change at once, so that the text
//! form stays readable. Never says that something is wrong: callers have checked that the types join.

use super::pass::{boolean, expr};
use crate::ir::{Compare, Expr, ExprKind};
use crate::types::{Lazy, Type, Wide};

/// Capacity of a name's text, or of any other value that user space makes text of.
pub const TEXT_CAP: u32 = 1024;

/// Whether a value has a text that only user space can tell.
pub fn is_named(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Lazy(_) | Type::Stack(_) | Type::Wide(Wide::Usym) | Type::Call
    )
}

/// A value as text: itself, or what printing it would show. `None` when it is neither text nor a name.
pub fn to_text(e: Expr) -> Option<Expr> {
    match e.ty {
        Type::Str { .. } => Some(e),
        _ if is_named(&e.ty) => Some(to_type(e, &Type::Str { cap: TEXT_CAP })),
        _ => None,
    }
}

/// The value of a constant >= 0 that was written without a sign: it takes the other operand's sign.
pub fn is_weak(e: &Expr) -> bool {
    matches!(e.kind, ExprKind::Int(v) if e.ty == Type::I64 && v <= i64::MAX as u64)
}

/// `e` as type `to`. The caller knows that there is a conversion.
pub fn to_type(e: Expr, to: &Type) -> Expr {
    if e.ty == *to {
        return e;
    }
    let span = e.span;
    match (e.kind, to) {
        (ExprKind::Int(v), _) if to.is_scalar() && e.ty.is_scalar() => {
            expr(to.clone(), ExprKind::Int(constant(v, to)), span)
        }
        (ExprKind::Str(text), Type::Str { cap }) => {
            let mut text = text;
            text.truncate(*cap as usize - 1);
            expr(to.clone(), ExprKind::Str(text), span)
        }
        (kind, Type::Str { .. }) if is_named(&e.ty) => {
            let value = Box::new(expr(e.ty, kind, span));
            expr(to.clone(), ExprKind::Text(value), span)
        }
        (kind, Type::Named(_, types)) => {
            let tuple = unnamed(expr(e.ty, kind, span));
            let tuple = to_type(tuple, &Type::Tuple(types.clone()));
            expr(to.clone(), ExprKind::Cast(Box::new(tuple)), span)
        }
        (ExprKind::Tuple(parts), Type::Tuple(types)) => {
            let parts = parts.into_iter().zip(types).map(|(p, t)| to_type(p, t));
            expr(to.clone(), ExprKind::Tuple(parts.collect()), span)
        }
        (ExprKind::Cond(c, a, b), Type::Tuple(_)) => {
            let arms = ExprKind::Cond(c, Box::new(to_type(*a, to)), Box::new(to_type(*b, to)));
            expr(to.clone(), arms, span)
        }
        (kind, Type::Tuple(types)) => {
            let whole = expr(e.ty, kind, span);
            let parts = split_tuple(&whole);
            let parts = parts.into_iter().zip(types).map(|(p, t)| to_type(p, t));
            expr(to.clone(), ExprKind::Tuple(parts.collect()), span)
        }
        // A cast to 64 bits changes no bit, so a cast of it starts from what was cast.
        (ExprKind::Cast(inner), _) if is_word(&e.ty) && inner.ty.is_scalar() => to_type(*inner, to),
        (kind, _) => {
            let inner = Box::new(expr(e.ty, kind, span));
            expr(to.clone(), ExprKind::Cast(inner), span)
        }
    }
}

/// A record as the tuple that it is; anything else as itself.
pub fn unnamed(e: Expr) -> Expr {
    let Type::Named(_, types) = &e.ty else {
        return e;
    };
    let (ty, span) = (Type::Tuple(types.clone()), e.span);
    match e.kind {
        ExprKind::Cast(inner) if inner.ty == ty => *inner,
        _ => expr(ty, ExprKind::Cast(Box::new(e)), span),
    }
}

/// Scalars of which all 64 bits count.
fn is_word(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Int { bits: 64, .. } | Type::Ptr { .. } | Type::Lazy(_)
    )
}

/// The components of a tuple, as expressions.
pub fn split_tuple(e: &Expr) -> Vec<Expr> {
    if let ExprKind::Tuple(parts) = &e.kind {
        return parts.clone();
    }
    let Type::Tuple(types) = &e.ty else {
        return vec![e.clone()];
    };
    let field = |(i, ty): (usize, &Type)| {
        let kind = ExprKind::TupleField(Box::new(e.clone()), i as u32);
        expr(ty.clone(), kind, e.span)
    };
    types.iter().enumerate().map(field).collect()
}

/// The bits of a constant in another scalar type: cut and extended as a cast does at run time.
pub fn constant(v: u64, to: &Type) -> u64 {
    match to {
        Type::Bool => u64::from(v != 0),
        Type::Int { bits, signed } if *bits < 64 => {
            let unused = 64 - u32::from(*bits);
            match signed {
                true => ((v << unused) as i64 >> unused) as u64,
                false => v << unused >> unused,
            }
        }
        _ => v,
    }
}

/// A scalar as a 64-bit integer to compute with: numbers of errors and signals are signed, addresses and names unsigned.
pub fn to_number(e: Expr) -> Expr {
    let signed = match &e.ty {
        Type::Int { signed, .. } => *signed,
        Type::Bool
        | Type::Lazy(Lazy::Errno | Lazy::Strerror | Lazy::SignalName | Lazy::Enum(_)) => true,
        _ => false,
    };
    to_type(e, &Type::Int { bits: 64, signed })
}

/// Two scalars as 64-bit integers of one signedness: signed unless one is unsigned.
pub fn to_numbers(a: Expr, b: Expr) -> (Expr, Expr) {
    let (a, b) = (to_number(a), to_number(b));
    if a.ty == b.ty {
        return (a, b);
    }
    let ty = Type::U64;
    (to_type(a, &ty), to_type(b, &ty))
}

/// `e != 0`, of bool. The caller knows that it is a scalar.
pub fn to_bool(e: Expr) -> Expr {
    match &e.kind {
        _ if e.ty == Type::Bool => e,
        ExprKind::Int(v) => boolean(*v != 0, e.span),
        _ => {
            let number = to_number(e);
            let zero = expr(number.ty.clone(), ExprKind::Int(0), number.span);
            compare(Compare::Ne, number, zero)
        }
    }
}

/// A comparison of two values of one type.
pub fn compare(op: Compare, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    let kind = ExprKind::Compare {
        op,
        left: Box::new(left),
        right: Box::new(right),
    };
    expr(Type::Bool, kind, span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;
    use crate::ir::Builtin;

    fn pid() -> Expr {
        expr(Type::U32, ExprKind::Builtin(Builtin::Pid), Span::default())
    }

    #[test]
    fn a_cast_of_a_constant_is_a_constant() {
        assert_eq!(
            constant(
                300,
                &Type::Int {
                    bits: 8,
                    signed: false
                }
            ),
            44
        );
        assert_eq!(
            constant(
                200,
                &Type::Int {
                    bits: 8,
                    signed: true
                }
            ),
            -56i64 as u64
        );
        assert_eq!(constant(7, &Type::Bool), 1);
    }

    #[test]
    fn an_unsigned_operand_makes_both_unsigned() {
        let five = super::super::pass::int(5, Span::default());
        let (a, b) = to_numbers(five, pid());
        assert_eq!((a.ty, b.ty), (Type::U64, Type::U64));
    }

    #[test]
    fn a_number_is_a_condition() {
        let cond = to_bool(pid());
        assert_eq!(cond.ty, Type::Bool);
        assert!(matches!(
            cond.kind,
            ExprKind::Compare {
                op: Compare::Ne,
                ..
            }
        ));
    }
}
