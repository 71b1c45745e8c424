//! `path(p[, size])`: the path that a `struct path` of the kernel stands for; and `exe` and `cwd`, which are two of them.
//!
//! In: such a struct (`args.file->f_path`) or its address, and the most bytes wanted. Out: a string, read when the event fires.

use super::{Call, Function, Outcome, is_address};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Compare, ExprKind, PATH_BYTES, SiteKind};
use crate::sema::access::Place;
use crate::sema::convert::{to_number, to_type};
use crate::sema::pass::{Pass, Val, expr};
use crate::sema::value::{Operand, describe, string};
use crate::syntax::ast::{self, Ident};
use crate::types::{Pointee, Space, Type};

/// See the module.
pub const PATH: Function = Function {
    name: "path",
    usage: "path(p[, size])",
    doc: "path of a file, from a struct path of the kernel",
    arity: (1, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let cap = match call.args.get(1) {
        Some(size) => capacity(pass, size)?,
        None => most(pass),
    };
    let arg = &call.args[0];
    let address = match pass.operand(arg)? {
        Operand::Place(place) if matches!(place.ty, Type::Record(_)) => {
            is_of_paths(pass, &place.ty, arg)?;
            address_of(place, arg.span)
        }
        operand => {
            let val = pass.read(operand, arg.span)?;
            match &val.expr.ty {
                Type::Ptr {
                    space: Space::User, ..
                } => return not_a_path(pass, arg, "an address of the process"),
                Type::Ptr {
                    to: Pointee::Type(ty),
                    ..
                } => is_of_paths(pass, &ty.clone(), arg)?,
                Type::Ptr { .. } => match val.points_to.as_deref() {
                    Some("path") | None => {}
                    Some(other) => {
                        let is = format!("the address of a `struct {other}`");
                        return not_a_path(pass, arg, &is);
                    }
                },
                _ if is_address(&val.expr) => {}
                other => {
                    let is = describe(other);
                    return not_a_path(pass, arg, &is);
                }
            }
            val
        }
    };
    Some(Outcome::Value(read(pass, address, cap, call.span)))
}

/// Anything but a struct of another name.
fn is_of_paths(pass: &mut Pass, ty: &Type, arg: &ast::Expr) -> Option<()> {
    let Type::Record(id) = ty else {
        return Some(());
    };
    let name = pass.btf(arg.span)?.c_type(*id);
    match name.ends_with("struct path") {
        true => Some(()),
        false => not_a_path(pass, arg, &format!("a `{name}`")),
    }
}

fn not_a_path<T>(pass: &mut Pass, arg: &ast::Expr, is: &str) -> Option<T> {
    let message = format!("path() wants a struct path of the kernel, this is {is}");
    let diagnostic = Diagnostic::error(codes::ARGUMENT_TYPE, arg.span, message);
    pass.fail(diagnostic.help("an open file has one: path(file->f_path)"))
}

/// As long as strings may be.
fn most(pass: &Pass) -> u32 {
    pass.settings.max_strlen.max(PATH_BYTES)
}

fn capacity(pass: &mut Pass, size: &ast::Expr) -> Option<u32> {
    let least = u64::from(PATH_BYTES - 1);
    let bytes = pass.constant_arg(size, "the size")?;
    if bytes < least {
        let message = format!("the size is at least {least}");
        return pass.error(codes::OUT_OF_BOUNDS, size.span, message);
    }
    Some(bytes.saturating_add(1).min(u64::from(most(pass))) as u32)
}

fn read(pass: &mut Pass, address: Val, cap: u32, span: Span) -> Val {
    let kind = ExprKind::ReadPath {
        addr: Box::new(to_type(to_number(address.expr.clone()), &Type::U64)),
        site: pass.site(SiteKind::ReadFailed, span),
    };
    address.with(expr(Type::Str { cap }, kind, span))
}

/// `exe`: `path(curtask->mm->exe_file->f_path)`; nothing in a thread of the kernel, which has no memory of its own.
pub fn exe(pass: &mut Pass, task: Val, span: Span) -> Option<Val> {
    let memory = member(pass, task, "mm", span)?;
    let is_program = {
        let operands = [
            to_number(memory.expr.clone()),
            expr(Type::U64, ExprKind::Int(0), span),
        ];
        let [left, right] = operands.map(|e| Box::new(to_type(e, &Type::U64)));
        let op = Compare::Ne;
        expr(Type::Bool, ExprKind::Compare { op, left, right }, span)
    };
    let file = member(pass, memory, "exe_file", span)?;
    let path = place(pass, file, "f_path", span)?;
    let cap = most(pass);
    let text = read(pass, address_of(path, span), cap, span);
    let empty = to_type(string(b"", span), &text.expr.ty);
    let ty = text.expr.ty.clone();
    let chosen = ExprKind::Cond(
        Box::new(is_program),
        Box::new(text.expr.clone()),
        Box::new(empty),
    );
    Some(text.with(expr(ty, chosen, span)))
}

/// `cwd`: `path(curtask->fs->pwd)`.
pub fn cwd(pass: &mut Pass, task: Val, span: Span) -> Option<Val> {
    let fs = member(pass, task, "fs", span)?;
    let path = place(pass, fs, "pwd", span)?;
    let cap = most(pass);
    Some(read(pass, address_of(path, span), cap, span))
}

fn address_of(place: Place, span: Span) -> Val {
    let address = place.address(span);
    place.base.with(address)
}

/// A pointer that a struct holds.
fn member(pass: &mut Pass, of: Val, name: &str, span: Span) -> Option<Val> {
    let place = place(pass, of, name, span)?;
    pass.read(Operand::Place(place), span)
}

fn place(pass: &mut Pass, of: Val, name: &str, span: Span) -> Option<Place> {
    let name = Ident {
        text: name.to_owned(),
        span,
    };
    debug_assert!(!matches!(
        of.expr.ty,
        Type::Ptr {
            space: Space::User,
            ..
        }
    ));
    pass.member_of_value(of, &name, span)
}
