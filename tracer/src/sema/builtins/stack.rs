//! `kstack`, `kstack([mode][, frames])` and the same as `ustack`: the stack of the kernel, of the process.
//!
//! In: how it prints and the number of frames, in any order. Out: a stack of addresses; names are found when it is
//! printed.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Builtin, Expr, ExprKind};
use crate::sema::nearest::did_you_mean;
use crate::sema::pass::{Pass, Val, expr};
use crate::syntax::ast;
use crate::types::{Space, Stack, StackMode, Type};

/// The kernel records at most so many frames (PERF_MAX_STACK_DEPTH); the number when none is given (as bpftrace).
const DEFAULT_FRAMES: u16 = 127;

/// See the module.
pub const KSTACK: Function = Function {
    name: "kstack",
    usage: "kstack([mode][, frames])",
    doc: "kernel stack",
    arity: (0, 2),
    aggregates: false,
    check: |pass, call| check(pass, call, Space::Kernel),
};

/// See the module.
pub const USTACK: Function = Function {
    name: "ustack",
    usage: "ustack([mode][, frames])",
    doc: "user stack",
    arity: (0, 2),
    aggregates: false,
    check: |pass, call| check(pass, call, Space::User),
};

/// The bare name.
pub fn bare(pass: &mut Pass, space: Space, span: Span) -> Option<Val> {
    let stack = usual(pass, space);
    Some(value(stack, span).into())
}

fn usual(pass: &Pass, space: Space) -> Stack {
    Stack {
        space,
        depth: DEFAULT_FRAMES,
        mode: pass.settings.stack_mode,
    }
}

fn value(stack: Stack, span: Span) -> Expr {
    expr(
        Type::Stack(stack),
        ExprKind::Builtin(Builtin::Stack(stack)),
        span,
    )
}

fn check(pass: &mut Pass, call: &Call, space: Space) -> Option<Outcome> {
    let mut stack = usual(pass, space);
    if let [_, second] = call.args
        && named(&call.args[0]).is_some() == named(second).is_some()
    {
        let message = "a stack takes one mode and one number of frames";
        return pass.error(codes::ARGUMENT_TYPE, second.span, message);
    }
    for arg in call.args {
        match named(arg) {
            Some(name) => stack.mode = mode(pass, name, arg.span)?,
            None => stack.depth = depth(pass, arg)?,
        }
    }
    Some(Outcome::Value(value(stack, call.span).into()))
}

fn named(arg: &ast::Expr) -> Option<&str> {
    match &arg.kind {
        ast::ExprKind::Name(name) => Some(name),
        _ => None,
    }
}

fn mode(pass: &mut Pass, name: &str, span: Span) -> Option<StackMode> {
    let found = StackMode::named(name);
    if found.is_none() {
        let message = format!("`{name}` is no mode of a stack: bpftrace, perf or raw");
        let mut diagnostic = Diagnostic::error(codes::ARGUMENT_TYPE, span, message);
        let modes = StackMode::ALL.map(StackMode::name);
        diagnostic.help.extend(did_you_mean(name, modes));
        pass.say(diagnostic);
    }
    found
}

fn depth(pass: &mut Pass, frames: &ast::Expr) -> Option<u16> {
    let frames_wanted = pass.constant_arg(frames, "the number of frames")?;
    if (1..=u64::from(DEFAULT_FRAMES)).contains(&frames_wanted) {
        return Some(frames_wanted as u16);
    }
    let message = format!("a stack has 1 to {DEFAULT_FRAMES} frames");
    pass.error(codes::OUT_OF_BOUNDS, frames.span, message)
}
