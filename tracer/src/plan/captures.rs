//! Captures: what a clause that runs at a call's exit must take at its entry, and where the state keeps it.
//!
//! In: expressions of clauses. Out: captured expressions and their places in the entry state. A path or a
//! struct that the kernel read may be gone or rewritten at exit, so user memory reached from an argument is
//! read at entry; argument registers survive the call, except an execve. Never plans a read of kernel
//! memory: those are taken at exit.

use super::{Capture, CaptureId};
use crate::ir::{Binary, Builtin, Expr, ExprKind, SyscallSet};
use crate::types::Space;
use tracer_ebpf::{CapturedLoad, CapturedStr, EntryState};

/// The largest expressions below `e` whose value is to be taken at entry. `registers`: also the scalar
/// arguments.
pub(super) fn find(e: &Expr, registers: bool, into: &mut Vec<Expr>) {
    let wanted = match &e.kind {
        ExprKind::ReadStr {
            addr,
            space: Space::User,
            ..
        } => is_from_arguments(addr),
        ExprKind::Load {
            base,
            space: Space::User,
            ..
        } => is_from_arguments(base),
        ExprKind::Builtin(Builtin::Arg(_)) => registers,
        _ => false,
    };
    if wanted {
        let bare = e.bare();
        if !into.contains(&bare) {
            into.push(bare);
        }
        return;
    }
    for operand in e.operands() {
        find(operand, registers, into);
    }
}

/// An address that is computed from arguments, constants and memory reached from arguments, and from an
/// argument at all.
fn is_from_arguments(address: &Expr) -> bool {
    is_entry_time(address) && address.any(&|e| matches!(e.kind, ExprKind::Builtin(Builtin::Arg(_))))
}

fn is_entry_time(e: &Expr) -> bool {
    let own = match &e.kind {
        ExprKind::Int(_) | ExprKind::Builtin(Builtin::Arg(_)) => true,
        ExprKind::Unary { .. } | ExprKind::Cast(_) => true,
        // A division can count an error, and that must happen where the script says.
        ExprKind::Binary { op, .. } => !matches!(op, Binary::Div | Binary::Mod),
        ExprKind::Load { space, .. } => *space == Space::User,
        _ => false,
    };
    own && e.operands().into_iter().all(is_entry_time)
}

/// Captures of all clauses while they are collected: equal ones share a place, and those of calls that
/// cannot be the same one may overlap.
#[derive(Default)]
pub(super) struct Captures {
    found: Vec<(Capture, SyscallSet)>,
}

impl Captures {
    /// Adds captures of a clause that wants `calls`.
    pub(super) fn add(&mut self, exprs: Vec<Expr>, calls: &SyscallSet) -> Vec<CaptureId> {
        exprs.into_iter().map(|e| self.add_one(e, calls)).collect()
    }

    fn add_one(&mut self, expr: Expr, calls: &SyscallSet) -> CaptureId {
        let at = match self.found.iter().position(|(c, _)| c.expr == expr) {
            Some(at) => at,
            None => {
                let capture = Capture { expr, offset: 0 };
                self.found.push((capture, SyscallSet::default()));
                self.found.len() - 1
            }
        };
        self.found[at].1.add(calls);
        CaptureId(at as u32)
    }

    /// Gives each capture its place: behind all earlier ones that the same call can want. Also the size of
    /// the whole state.
    pub(super) fn place(self) -> (Vec<Capture>, u32) {
        let front = size_of::<EntryState>() as u32;
        let mut placed: Vec<(Capture, SyscallSet)> = Vec::new();
        let mut state_size = front;
        for (mut capture, calls) in self.found {
            capture.offset = placed
                .iter()
                .filter(|(_, other)| other.meets(&calls))
                .map(|(c, _)| c.offset + size(&c.expr))
                .max()
                .unwrap_or(front);
            state_size = state_size.max(capture.offset + size(&capture.expr));
            placed.push((capture, calls));
        }
        (placed.into_iter().map(|(c, _)| c).collect(), state_size)
    }
}

/// Bytes that a captured expression takes.
pub(super) fn size(e: &Expr) -> u32 {
    match e.kind {
        ExprKind::ReadStr { .. } => size_of::<CapturedStr>() as u32 + e.ty.size(),
        ExprKind::Load { .. } => size_of::<CapturedLoad>() as u32,
        _ => 8,
    }
}
