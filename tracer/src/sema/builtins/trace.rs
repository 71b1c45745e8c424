//! `trace(…)`: prints the system call as a line, as `tracer trace` does.
//!
//! In: values that stand behind or under the line (stacks). Out: a statement. Only where there is a `call`.

use super::{Call, Function, Outcome, emit_arg};
use crate::ir::{EmitKind, StmtKind};
use crate::sema::pass::{Pass, Val, stmt};
use crate::syntax::ast;
use crate::types::Type;

/// See the module.
pub const TRACE: Function = Function {
    name: "trace",
    usage: "trace([value, …])",
    doc: "prints the system call as a line",
    arity: (0, usize::MAX),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let whole = ast::Expr {
        kind: ast::ExprKind::Name("call".to_owned()),
        span: call.span,
    };
    let mut values = vec![pass.printable(&whole)];
    values.extend(call.args.iter().map(|arg| pass.value(arg)));
    let values: Vec<Val> = values.into_iter().collect::<Option<_>>()?;
    let types: Vec<Type> = values.iter().map(|v| v.expr.ty.clone()).collect();
    let args = values.into_iter().zip(&types);
    let args = args.map(|(value, ty)| emit_arg(value, ty)).collect();
    let id = pass.emit(EmitKind::Call, types, call.span);
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}
