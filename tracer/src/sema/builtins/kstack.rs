//! `kstack()`, `kstack(n)`: the kernel stack.
//!
//! In: the number of frames. Out: a stack of addresses; names are found when it is printed.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::ir::{Builtin, ExprKind};
use crate::sema::names::DEFAULT_FRAMES;
use crate::sema::pass::{Pass, expr};
use crate::syntax::ast;
use crate::types::Type;

/// See the module.
pub const KSTACK: Function = Function {
    name: "kstack",
    usage: "kstack([frames])",
    doc: "kernel stack",
    arity: (0, 2),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let depth = match call.args {
        [] => DEFAULT_FRAMES,
        [mode, ..] if is_mode(mode) => {
            return pass.not_built("stack modes (perf, bpftrace, raw)", mode.span);
        }
        [frames] => depth(pass, frames)?,
        [_, second, ..] => {
            let message = "kstack() takes one number: the frames";
            return pass.error(codes::ARGUMENT_TYPE, second.span, message);
        }
    };
    let kind = ExprKind::Builtin(Builtin::Kstack(depth));
    let stack = expr(Type::Stack { depth }, kind, call.span);
    Some(Outcome::Value(stack.into()))
}

fn is_mode(arg: &ast::Expr) -> bool {
    matches!(&arg.kind, ast::ExprKind::Name(n) if ["perf", "bpftrace", "raw"].contains(&n.as_str()))
}

/// The kernel records at most 127 frames (PERF_MAX_STACK_DEPTH).
fn depth(pass: &mut Pass, frames: &ast::Expr) -> Option<u16> {
    let frames_wanted = pass.constant_arg(frames, "the number of frames")?;
    if (1..=u64::from(DEFAULT_FRAMES)).contains(&frames_wanted) {
        return Some(frames_wanted as u16);
    }
    let message = format!("a stack has 1 to {DEFAULT_FRAMES} frames");
    pass.error(codes::OUT_OF_BOUNDS, frames.span, message)
}
