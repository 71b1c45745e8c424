//! `strstr(s, part)`: where a string begins in another one; `strcontains(s, part)`: whether it does at all.
//!
//! In: two strings. Out: the position from 0, -1 when there is none; or bool. An empty part is at 0.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::ir::{Compare, ExprKind};
use crate::sema::convert::compare;
use crate::sema::pass::{Pass, Val, both_present, expr, int};
use crate::types::Type;

/// Longest part that is looked for: the verifier follows the search for each of its words at each place.
const LONGEST_PART: u32 = 64;

/// See the module.
pub const STRSTR: Function = Function {
    name: "strstr",
    usage: "strstr(s, part)",
    doc: "position of a string in another one, or -1",
    arity: (2, 2),
    aggregates: false,
    check,
};

/// See the module.
pub const STRCONTAINS: Function = Function {
    name: "strcontains",
    usage: "strcontains(s, part)",
    doc: "whether a string contains another one",
    arity: (2, 2),
    aggregates: false,
    check: contains,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    position(pass, call, "strstr").map(Outcome::Value)
}

fn contains(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let at = position(pass, call, "strcontains")?;
    let found = compare(Compare::Ge, at.expr.clone(), int(0, call.span));
    Some(Outcome::Value(at.with(found)))
}

fn position(pass: &mut Pass, call: &Call, function: &str) -> Option<Val> {
    let text = pass.text_arg(&call.args[0], function);
    let part = pass.text_arg(&call.args[1], function);
    let (text, part) = (text?, part?);
    if matches!(part.expr.ty, Type::Str { cap } if cap > LONGEST_PART) {
        let message = format!(
            "what {function}() looks for has at most {} bytes",
            LONGEST_PART - 1
        );
        let diagnostic = Diagnostic::error(codes::OUT_OF_BOUNDS, call.args[1].span, message);
        return pass.fail(diagnostic.help(format!("cut it: str(x, {})", LONGEST_PART - 1)));
    }
    let kind = ExprKind::Position(Box::new(text.expr), Box::new(part.expr));
    Some(Val {
        expr: expr(Type::I64, kind, call.span),
        present: both_present(text.present, part.present),
        points_to: None,
    })
}
