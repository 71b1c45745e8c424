//! `override(result)`: the probed function returns at once, without having run.
//!
//! In: a number. Out: a statement. Needs `--unsafe`, and a kernel that lets this function fail.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::ir::StmtKind;
use crate::sema::convert::to_type;
use crate::sema::pass::{Pass, stmt};
use crate::sema::providers::Family;
use crate::types::Type;

/// See the module.
pub const OVERRIDE: Function = Function {
    name: "override",
    usage: "override(result)",
    doc: "makes the probed kernel function return at once (kprobe, needs --unsafe)",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    pass.allowed("override", call.span)?;
    let result = pass.number_arg(&call.args[0])?;
    match pass.scope.view.family() {
        Family::Kprobe => {}
        Family::Blind => return None,
        _ => {
            let message = format!(
                "`{}` has no function whose result could be replaced",
                pass.scope.view.name()
            );
            let diagnostic = Diagnostic::error(codes::NOT_IN_THIS_PROBE, call.span, message);
            return pass.fail(diagnostic.help("a kprobe at a function that is made to fail has"));
        }
    }
    let kind = StmtKind::Override(to_type(result.expr, &Type::U64));
    let stmts = vec![stmt(kind, call.span)];
    Some(Outcome::Stmts(pass.guard(result.present, stmts, call.span)))
}
