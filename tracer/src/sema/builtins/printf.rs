//! `printf(fmt, …)`: prints formatted text.
//!
//! In: a literal format and a value for each conversion. Out: a statement. Each value is checked against its
//! conversion here; user space only formats.

use super::{Call, Function, Outcome, emit_arg};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Binary, Conversion, EmitKind, Expr, ExprKind, Format, FormatPart, StmtKind};
use crate::sema::convert::{to_number, to_type};
use crate::sema::format;
use crate::sema::pass::{Pass, Val, expr, stmt};
use crate::sema::value::describe;
use crate::syntax::ast;
use crate::types::{Lazy, Type, Wide};

/// See the module.
pub const PRINTF: Function = Function::with_format(
    "printf",
    "printf(\"format\", …)",
    "prints formatted text",
    1,
    check,
);

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    formatted(pass, call, EmitKind::Printf)
}

/// Something that user space does with formatted text.
pub fn formatted(
    pass: &mut Pass,
    call: &Call,
    kind: impl FnOnce(Format) -> EmitKind,
) -> Option<Outcome> {
    let text = pass.literal_arg(&call.args[0], "the format")?;
    let format_span = call.args[0].span;
    let format = match format::parse(text) {
        Ok(format) => Some(format),
        Err(problem) => pass.error(codes::BAD_FORMAT, format_span, problem),
    };
    let wanted = format.iter().flat_map(conversions).map(|c| c.conv == b'f');
    let wanted = wanted.chain(std::iter::repeat(false));
    let value = |(arg, fraction): (&ast::Expr, bool)| {
        // A quotient of constants is exact under `%f` too.
        pass.keep_divisions = fraction;
        let value = pass.printable(arg);
        pass.keep_divisions = false;
        value
    };
    let values: Vec<Option<Val>> = call.args[1..].iter().zip(wanted).map(value).collect();
    let format = format?;
    let conversions: Vec<&Conversion> = conversions(&format).collect();
    if conversions.len() != values.len() {
        let message = format!(
            "values for the format: {} wanted, {} given",
            conversions.len(),
            values.len()
        );
        return pass.error(codes::FORMAT_COUNT, call.span, message);
    }
    let mut args = Vec::new();
    for ((value, conversion), arg) in values.into_iter().zip(conversions).zip(&call.args[1..]) {
        args.push(value.and_then(|v| converted(pass, v, conversion, arg.span)));
    }
    let args: Vec<Val> = args.into_iter().collect::<Option<_>>()?;
    let types: Vec<Type> = args.iter().map(|a| a.expr.ty.clone()).collect();
    let args = args.into_iter().zip(&types).map(|(a, ty)| emit_arg(a, ty));
    let args = args.collect();
    let id = pass.emit(kind(format), types, call.span);
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}

fn conversions(format: &Format) -> impl Iterator<Item = &Conversion> {
    format.parts.iter().filter_map(|p| match p {
        FormatPart::Conv(conversion) => Some(conversion),
        FormatPart::Text(_) => None,
    })
}

/// The value as its conversion takes it: names become their numbers under `%d` and the like.
fn converted(pass: &mut Pass, val: Val, conversion: &Conversion, span: Span) -> Option<Val> {
    let ty = &val.expr.ty;
    match conversion.conv {
        b's' => match ty {
            Type::Str { .. }
            | Type::Stack(_)
            | Type::Lazy(_)
            | Type::Wide(_)
            | Type::Bool
            | Type::Call => Some(val),
            _ => mismatch(pass, conversion, "text", ty, span),
        },
        b'r' | b'R' | b'h' => match ty {
            Type::Bytes { .. } => Some(val),
            _ => mismatch(pass, conversion, "a buffer", ty, span),
        },
        b'f' => match ty {
            Type::Wide(Wide::Ratio) => Some(val),
            ty if ty.is_scalar() => {
                let quotient = ratio(val.expr.clone());
                Some(val.with(quotient))
            }
            _ => mismatch(pass, conversion, "a number", ty, span),
        },
        b'p' if matches!(ty, Type::Lazy(Lazy::Ksym)) => {
            let number = to_number(val.expr.clone());
            Some(val.with(number))
        }
        _ => match ty {
            Type::Int { .. } | Type::Ptr { .. } => Some(val),
            Type::Bool | Type::Lazy(_) => {
                let number = to_number(val.expr.clone());
                Some(val.with(number))
            }
            _ => mismatch(pass, conversion, "a number", ty, span),
        },
    }
}

/// A number as an exact quotient: where its last operation is a division, the division is not carried out, and factors of
/// it stay factors of the numerator.
fn ratio(e: Expr) -> Expr {
    let span = e.span;
    let one = expr(Type::I64, ExprKind::Int(1), span);
    let (numerator, denominator) = quotient(&e).unwrap_or((e, one));
    let word = |e: Expr| to_type(to_number(e), &Type::U64);
    let words = vec![word(numerator), word(denominator)];
    let words = expr(
        Type::Tuple(vec![Type::U64; 2]),
        ExprKind::Tuple(words),
        span,
    );
    let kind = ExprKind::Cast(Box::new(words));
    expr(Type::Wide(Wide::Ratio), kind, span)
}

/// `a / b`, `a / b * c` and `c * (a / b)`: numerator and denominator.
fn quotient(e: &Expr) -> Option<(Expr, Expr)> {
    let ExprKind::Binary {
        op, left, right, ..
    } = &e.kind
    else {
        return None;
    };
    let times = |a: Expr, b: &Expr| {
        let kind = ExprKind::Binary {
            op: Binary::Mul,
            left: Box::new(a),
            right: Box::new(b.clone()),
            site: None,
        };
        expr(e.ty.clone(), kind, e.span)
    };
    match op {
        Binary::Div => Some(match quotient(left) {
            Some((n, d)) => (n, times(d, right)),
            None => (left.as_ref().clone(), right.as_ref().clone()),
        }),
        Binary::Mul => match (quotient(left), quotient(right)) {
            (Some((n, d)), None) => Some((times(n, right), d)),
            (None, Some((n, d))) => Some((times(n, left), d)),
            _ => None,
        },
        _ => None,
    }
}

fn mismatch<T>(
    pass: &mut Pass,
    conversion: &Conversion,
    wants: &str,
    is: &Type,
    span: Span,
) -> Option<T> {
    let conv = match conversion.conv {
        b'R' => "rx".to_owned(),
        b'h' => "rh".to_owned(),
        conv => char::from(conv).to_string(),
    };
    let message = format!("%{conv} wants {wants}, this is {}", describe(is));
    let diagnostic = Diagnostic::error(codes::FORMAT_TYPE, span, message);
    let help = match is {
        _ if matches!(conversion.conv, b'r' | b'R' | b'h') => {
            Some("the bytes of something are buf(x, length)")
        }
        Type::Bytes { .. } => Some("a buffer is printed with %r or %rx"),
        Type::Str { .. } | Type::Stack(_) | Type::Call => Some("text is printed with %s"),
        Type::Ptr { .. } => Some("an address is printed with %p, the text there with str(x)"),
        Type::Int { .. } => Some("a number is printed with %d, %u or %x"),
        Type::Tuple(_) => Some("print(x) prints a tuple"),
        Type::Named(..) | Type::Struct(_) => Some("print(x) prints all of it, %d one member"),
        _ => None,
    };
    pass.fail(help.into_iter().fold(diagnostic, Diagnostic::help))
}
