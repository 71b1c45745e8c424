//! `trace_exit(…)`, `trace_signal(…)`: prints what happens to a thread as a line among its calls, as `tracer trace` does.
//!
//! In: numbers, as the kernel has them. Out: a statement; its record carries the thread's name too, and goes through the
//! control ring.

use super::{Call, Function, Outcome, emit_arg};
use crate::ir::{EmitKind, Lifecycle, StmtKind};
use crate::sema::convert::to_type;
use crate::sema::pass::{Pass, Val, stmt};
use crate::syntax::ast;
use crate::types::Type;

/// See the module.
pub const TRACE_EXIT: Function = Function {
    name: "trace_exit",
    usage: "trace_exit(status)",
    doc: "prints the end of this thread as a line; the status is that of wait(2)",
    arity: (1, 1),
    aggregates: false,
    check: |pass, call| check(pass, call, Lifecycle::Exit),
};

/// See the module.
pub const TRACE_SIGNAL: Function = Function {
    name: "trace_signal",
    usage: "trace_signal(number, code, errno, pid, uid, status, utime, stime, address)",
    doc: "prints a signal that is delivered as a line; the fields are those of sigaction(2)",
    arity: (9, 9),
    aggregates: false,
    check: |pass, call| check(pass, call, Lifecycle::Signal),
};

fn check(pass: &mut Pass, call: &Call, what: Lifecycle) -> Option<Outcome> {
    let numbers: Vec<Option<Val>> = call.args.iter().map(|arg| pass.number_arg(arg)).collect();
    let name = ast::Expr {
        kind: ast::ExprKind::Name("comm".to_owned()),
        span: call.span,
    };
    let name = pass.value(&name)?;
    let numbers: Vec<Val> = numbers.into_iter().collect::<Option<_>>()?;
    let number = |val: Val| {
        let expr = to_type(val.expr.clone(), &Type::I64);
        val.with(expr)
    };
    let values: Vec<Val> = numbers.into_iter().map(number).chain([name]).collect();
    let types: Vec<Type> = values.iter().map(|val| val.expr.ty.clone()).collect();
    let args = values.into_iter().zip(&types);
    let args = args.map(|(val, ty)| emit_arg(val, ty)).collect();
    let id = pass.emit(EmitKind::Lifecycle(what), types, call.span);
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}
