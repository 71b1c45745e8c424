//! `join(strings[, between])`: prints the strings of an argument vector.
//!
//! In: the address of an array of pointers that a null pointer ends, and what to put between (a space). Out: a statement. At most
//! 16 strings are read, and 4096 bytes of them all.

use super::{Call, Function, Outcome, emit_arg, is_address};
use crate::diag::{Diagnostic, codes};
use crate::ir::{Builtin, EmitKind, ExprKind, SiteKind, StmtKind};
use crate::sema::convert::{to_number, to_type};
use crate::sema::pass::{Pass, expr, stmt};
use crate::sema::providers::Family;
use crate::sema::value::describe;
use crate::types::{SyscallProbe, Type};

/// Bytes of all strings.
const BYTES: Type = Type::Bytes { cap: 4096 };

/// See the module.
pub const JOIN: Function = Function {
    name: "join",
    usage: "join(strings[, \" \"])",
    doc: "prints the strings of an argument vector",
    arity: (1, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let between = match call.args.get(1) {
        Some(arg) => pass.literal_arg(arg, "what stands between")?,
        None => b" ",
    };
    let arg = &call.args[0];
    let val = pass.value(arg)?;
    let space = match &val.expr.ty {
        Type::Ptr { space, .. } => *space,
        _ if is_address(&val.expr) => pass.scope.view.space(),
        other => {
            let message = format!(
                "join() wants the address of an array of strings, this is {}",
                describe(other)
            );
            return pass.error(codes::ARGUMENT_TYPE, arg.span, message);
        }
    };
    if is_of_an_execve(pass)
        && val
            .expr
            .any(&|e| matches!(e.kind, ExprKind::Builtin(Builtin::Arg(_))))
    {
        let message = "when an execve is over, the strings that it was given are gone";
        let diagnostic = Diagnostic::error(codes::NOT_IN_THIS_PROBE, call.span, message);
        return pass.fail(diagnostic.help("join them when it begins: syscall:execve:entry"));
    }
    let kind = ExprKind::ReadArgv {
        addr: Box::new(to_type(to_number(val.expr.clone()), &Type::U64)),
        space,
        site: pass.site(SiteKind::ReadFailed, call.span),
    };
    let strings = val.with(expr(BYTES, kind, call.span));
    let id = pass.emit(EmitKind::Join(between.to_vec()), vec![BYTES], call.span);
    let args = vec![emit_arg(strings, &BYTES)];
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}

/// Whether the clause fires at the end of calls, one of which may replace the program.
fn is_of_an_execve(pass: &Pass) -> bool {
    let view = &pass.scope.view;
    view.family() == Family::Syscall(SyscallProbe::Whole) && view.name().contains("execve")
}
