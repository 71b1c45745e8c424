//! `delete(@m[k])`, `delete(@m, k)`, `delete(@x)`: deletes an entry.
//!
//! In: a map and its key. Out: a statement; nothing happens when the key is missing.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::ir::StmtKind;
use crate::sema::pass::{Pass, stmt};
use crate::syntax::ast;

/// See the module.
pub const DELETE: Function = Function {
    name: "delete",
    usage: "delete(@m[k]) or delete(@m, k)",
    doc: "deletes an entry of a map",
    arity: (1, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let ast::ExprKind::Map { name, keys } = &call.args[0].kind else {
        let message = "delete() takes a map: @m[k]";
        return pass.error(codes::ARGUMENT_TYPE, call.args[0].span, message);
    };
    let keys = match (keys, call.args.get(1)) {
        (None, Some(key)) => Some(components(key)),
        (keys, None) => keys.as_deref(),
        (Some(_), Some(second)) => {
            let message = "the key is given twice";
            return pass.error(codes::ARGUMENT_TYPE, second.span, message);
        }
    };
    let span = call.args[0].span;
    let map = pass.map_id(name, span);
    let key = pass.map_key(map, keys, span);
    pass.assigned_somewhere(map, span)?;
    let (key, present) = key?;
    let delete = stmt(StmtKind::Delete { map, key }, call.span);
    Some(Outcome::Stmts(pass.guard(present, vec![delete], call.span)))
}

/// `(a, b)` as the second argument is a key of two.
fn components(key: &ast::Expr) -> &[ast::Expr] {
    match &key.kind {
        ast::ExprKind::Tuple(parts) => parts,
        _ => std::slice::from_ref(key),
    }
}
