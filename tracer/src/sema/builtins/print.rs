//! `print(@m[, top[, div]])`, `print(value)`: prints a map or a value.
//!
//! In: a whole map and two constants, or any value. Out: a statement. A map's record names its generation; the map is
//! read by user space.

use super::{Call, Function, Outcome, emit_arg};
use crate::diag::codes;
use crate::ir::{EmitKind, Order, StmtKind, View};
use crate::sema::pass::{Pass, stmt};
use crate::sema::unify::stored;
use crate::syntax::ast;
use crate::types::Type;

/// See the module.
pub const PRINT: Function = Function {
    name: "print",
    usage: "print(@m[, top[, div]]) or print(value)",
    doc: "prints a map or a value",
    arity: (1, 3),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    if let ast::ExprKind::Map { name, keys: None } = &call.args[0].kind {
        return whole_map(pass, name, call);
    }
    if let Some(second) = call.args.get(1) {
        let message = "only a whole map is printed with a number of rows";
        return pass.error(codes::ARGUMENT_TYPE, second.span, message);
    }
    let val = pass.printable(&call.args[0])?;
    if val.expr.ty == Type::Void {
        return None;
    }
    let ty = stored_tuple(&val.expr.ty);
    let id = pass.emit(EmitKind::PrintValue, vec![ty.clone()], call.span);
    let args = vec![emit_arg(val, &ty)];
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}

/// Components of tuples take 64 bits; a scalar keeps its own type.
fn stored_tuple(ty: &Type) -> Type {
    match ty {
        Type::Tuple(_) => stored(ty),
        other => other.clone(),
    }
}

fn whole_map(pass: &mut Pass, name: &str, call: &Call) -> Option<Outcome> {
    let map = pass.map_id(name, call.args[0].span);
    pass.assigned_somewhere(map, call.args[0].span)?;
    let top = constant(pass, call, 1, "the number of rows")?;
    let div = constant(pass, call, 2, "the divisor")?;
    if div == Some(0) {
        let message = "the divisor is 0";
        return pass.error(codes::OUT_OF_BOUNDS, call.args[2].span, message);
    }
    let kind = EmitKind::PrintMap {
        map,
        top,
        div,
        order: Order::Usual,
        view: View::Whole,
    };
    let id = pass.emit(kind, Vec::new(), call.span);
    let args = Vec::new();
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}

fn constant(pass: &mut Pass, call: &Call, at: usize, what: &str) -> Option<Option<u64>> {
    match call.args.get(at) {
        Some(arg) => pass.constant_arg(arg, what).map(Some),
        None => Some(None),
    }
}
