//! `exit()`, `exit(n)`: ends the run.
//!
//! In: the exit status, 0 without. Out: a statement; its record carries the status. The rest of the clause does not run.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::ir::{EmitKind, StmtKind};
use crate::sema::convert::to_type;
use crate::sema::pass::{Pass, Val, int, stmt};
use crate::types::Type;

/// See the module.
pub const EXIT: Function = Function {
    name: "exit",
    usage: "exit([status])",
    doc: "ends the run",
    arity: (0, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    if pass.settings.verdict {
        let what = "the status is the verdict here: exit() would hide it";
        let diagnostic = Diagnostic::error(codes::EXIT_IN_CHECK, call.span, what);
        return pass.fail(diagnostic.help("say bad(), good() or unsure(); the run ends by itself"));
    }
    let code: Val = match call.args.first() {
        Some(arg) => pass.number_arg(arg)?,
        None => int(0, call.span).into(),
    };
    pass.emit_once(EmitKind::Exit, vec![Type::I64], call.span);
    let exit = stmt(StmtKind::Exit(to_type(code.expr, &Type::I64)), call.span);
    Some(Outcome::Stmts(pass.guard(
        code.present,
        vec![exit],
        call.span,
    )))
}
