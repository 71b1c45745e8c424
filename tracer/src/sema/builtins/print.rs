//! `print(@m[, top[, div]][, by_key])`, `print(quantile(@m, 0.99)…)`, `print(value)`: prints a map or a value.
//!
//! In: a whole map and two constants, or any value. Out: a statement. A map's record names its generation; the map is
//! read by user space.

use super::{Call, Function, Outcome, emit_arg};
use crate::diag::{Span, codes};
use crate::ir::{EmitKind, Order, StmtKind, View};
use crate::sema::pass::{Pass, stmt};
use crate::sema::unify::{MapHolds, stored};
use crate::syntax::ast;
use crate::types::{AggKind, Type};

/// See the module.
pub const PRINT: Function = Function {
    name: "print",
    usage: "print(@m[, top[, div]][, by_key]) or print(value)",
    doc: "prints a map or a value",
    arity: (1, 4),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    if let ast::ExprKind::Map { name, keys: None } = &call.args[0].kind {
        return whole_map(pass, name, View::Whole, call);
    }
    if let ast::ExprKind::Call { name, args } = &call.args[0].kind
        && name.text == "quantile"
    {
        let (map, millionths) = quantile(pass, args, call.args[0].span)?;
        return whole_map(pass, &map, View::Quantile(millionths), call);
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
        Type::Tuple(_) | Type::Named(..) => stored(ty),
        other => other.clone(),
    }
}

/// `quantile(@m, 0.99)`, `quantile(@m, "0.99")`: the map and the share in millionths.
fn quantile(pass: &mut Pass, args: &[ast::Expr], span: Span) -> Option<(String, u32)> {
    let wrong = "it is called as quantile(@m, \"0.99\"), of a map with hist() or lhist()";
    let [map, share] = args else {
        return pass.error(codes::ARGUMENT_COUNT, span, wrong);
    };
    let ast::ExprKind::Map { name, keys: None } = &map.kind else {
        return pass.error(codes::ARGUMENT_TYPE, map.span, wrong);
    };
    let id = pass.map_id(name, map.span);
    match &pass.map_known(id).holds {
        MapHolds::Agg(AggKind::Hist(_), _) | MapHolds::Unknown => {}
        _ => return pass.error(codes::ARGUMENT_TYPE, map.span, wrong),
    }
    let text = match &share.kind {
        ast::ExprKind::Str(text) => String::from_utf8_lossy(text).into_owned(),
        ast::ExprKind::Int(whole) => whole.to_string(),
        _ => String::new(),
    };
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => {
            Some((name.clone(), (share * 1e6).round() as u32))
        }
        _ => {
            let message = "a share is a number from 0 to 1: \"0.99\"";
            pass.error(codes::OUT_OF_BOUNDS, share.span, message)
        }
    }
}

fn whole_map(pass: &mut Pass, name: &str, view: View, call: &Call) -> Option<Outcome> {
    let (order, numbers) = match call.args.split_last() {
        Some((last, rest)) if is_name(last, "by_key") => (Order::Key, rest),
        Some((last, rest)) if is_name(last, "by_value") => (Order::Value, rest),
        _ => (Order::Usual, call.args),
    };
    if let Some(extra) = numbers.get(3) {
        let message = "rows are sorted by_key or by_value";
        return pass.error(codes::ARGUMENT_TYPE, extra.span, message);
    }
    let map = pass.map_id(name, call.args[0].span);
    pass.assigned_somewhere(map, call.args[0].span)?;
    let top = constant(pass, numbers, 1, "the number of rows")?;
    let div = constant(pass, numbers, 2, "the divisor")?;
    if div == Some(0) {
        let message = "the divisor is 0";
        return pass.error(codes::OUT_OF_BOUNDS, call.args[2].span, message);
    }
    let kind = EmitKind::PrintMap {
        map,
        top,
        div,
        order,
        view,
    };
    let id = pass.emit(kind, Vec::new(), call.span);
    let args = Vec::new();
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}

fn is_name(e: &ast::Expr, name: &str) -> bool {
    matches!(&e.kind, ast::ExprKind::Name(n) if n == name)
}

fn constant(pass: &mut Pass, args: &[ast::Expr], at: usize, what: &str) -> Option<Option<u64>> {
    match args.get(at) {
        Some(arg) => pass.constant_arg(arg, what).map(Some),
        None => Some(None),
    }
}
