//! `signal(which)`: sends a signal to the current process.
//!
//! In: a number, or the name of a signal. Out: a statement. Needs `--unsafe`.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::ir::StmtKind;
use crate::sema::convert::to_type;
use crate::sema::nearest::did_you_mean;
use crate::sema::pass::{Pass, Val, int, stmt};
use crate::syntax::ast;
use crate::tables::signals;
use crate::types::Type;

/// Signals are numbered up to this (`SIGRTMAX`).
const LAST: u64 = 64;

/// See the module.
pub const SIGNAL: Function = Function {
    name: "signal",
    usage: "signal(\"TERM\")",
    doc: "sends a signal to the current process (needs --unsafe)",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    pass.allowed("signal", call.span)?;
    let arg = &call.args[0];
    let number: Val = match &arg.kind {
        ast::ExprKind::Str(name) => {
            let name = String::from_utf8_lossy(name).into_owned();
            let full = format!("SIG{}", name.trim_start_matches("SIG"));
            let Some(number) = signals::number(&full) else {
                let message = format!("no such signal: `{name}`");
                let near = did_you_mean(&full, signals::names());
                let diagnostic = Diagnostic::error(codes::NO_SUCH_NAME, arg.span, message);
                return pass.fail(near.into_iter().fold(diagnostic, Diagnostic::help));
            };
            int(number as i64, arg.span).into()
        }
        _ => pass.number_arg(arg)?,
    };
    if let crate::ir::ExprKind::Int(n) = number.expr.kind
        && !(1..=LAST).contains(&n)
    {
        let message = format!("signals are numbered from 1 to {LAST}");
        return pass.error(codes::OUT_OF_BOUNDS, arg.span, message);
    }
    let send = StmtKind::Signal(to_type(number.expr, &Type::I64));
    let stmts = vec![stmt(send, call.span)];
    Some(Outcome::Stmts(pass.guard(number.present, stmts, call.span)))
}
