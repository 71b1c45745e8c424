//! `strncmp(a, b, n)`: whether two strings begin alike.
//!
//! In: two strings and the most bytes to compare, a constant. Out: 0 when they are equal, else 1. Never tells which
//! is the smaller one: that is `<`.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::ir::Compare;
use crate::sema::convert::{compare, to_text, to_type};
use crate::sema::pass::{Pass, Val, both_present};
use crate::sema::value::describe;
use crate::syntax::ast;
use crate::types::Type;

/// See the module.
pub const STRNCMP: Function = Function {
    name: "strncmp",
    usage: "strncmp(a, b, n)",
    doc: "0 when the first bytes of two strings are equal",
    arity: (3, 3),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let bytes = pass.constant_arg(&call.args[2], "the number of bytes");
    let (a, b) = (text(pass, &call.args[0]), text(pass, &call.args[1]));
    let (bytes, a, b) = (bytes?, a?, b?);
    let differ = compare(Compare::Ne, cut(&a, bytes), cut(&b, bytes));
    let mut result = to_type(differ, &Type::I64);
    result.span = call.span;
    Some(Outcome::Value(Val {
        expr: result,
        present: both_present(a.present, b.present),
        points_to: None,
    }))
}

fn text(pass: &mut Pass, arg: &ast::Expr) -> Option<Val> {
    let val = pass.value(arg)?;
    if let Some(text) = to_text(val.expr.clone()) {
        return Some(Val { expr: text, ..val });
    }
    let message = format!("strncmp() wants text, this is {}", describe(&val.expr.ty));
    let diagnostic = Diagnostic::error(codes::ARGUMENT_TYPE, arg.span, message);
    pass.fail(diagnostic.help("the text at an address is str(x)"))
}

/// The first bytes of a string.
fn cut(val: &Val, bytes: u64) -> crate::ir::Expr {
    let cap = match val.expr.ty {
        Type::Str { cap } => u64::from(cap).min(bytes.saturating_add(1)),
        _ => return val.expr.clone(),
    };
    to_type(val.expr.clone(), &Type::Str { cap: cap as u32 })
}
