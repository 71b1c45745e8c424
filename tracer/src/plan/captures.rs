//! Captures: what a clause that runs at a call's exit must take at its entry, and where the state keeps it.
//!
//! In: expressions of clauses. Out: captured expressions and their places in the entry state. A path or a
//! struct that the kernel reads may be gone or rewritten at exit, so user memory reached from an argument is
//! read at entry, unless the call writes there; argument registers survive the call, except an execve. Never
//! plans a read of kernel memory: those are taken at exit.

use super::{Capture, CaptureId};
use crate::ir::{Binary, Builtin, Expr, ExprKind, SyscallSet};
use crate::tables::syscalls;
use crate::types::{Abi, Space};
use tracer_ebpf::{CALL_KEPT_BYTES, CallEntry, CapturedLoad, CapturedStr, EntryState};

/// What is to be taken at the entry of some calls.
pub(super) struct Wanted<'a> {
    /// The calls.
    pub(super) calls: &'a SyscallSet,
    /// Also argument registers.
    pub(super) registers: bool,
    /// Also the memory that whole calls carry.
    pub(super) memory: bool,
}

/// The largest expressions below `e` whose value is to be taken at entry.
pub(super) fn find(e: &Expr, wanted: &Wanted<'_>, into: &mut Vec<Expr>) {
    let is_wanted = match &e.kind {
        ExprKind::ReadStr {
            addr,
            space: Space::User,
            ..
        } => is_read_by(wanted.calls, addr),
        ExprKind::Load {
            base,
            space: Space::User,
            ..
        } => is_read_by(wanted.calls, base),
        ExprKind::Builtin(Builtin::Arg(_)) => wanted.registers,
        ExprKind::Builtin(Builtin::Call) => wanted.memory,
        _ => false,
    };
    if is_wanted {
        let bare = e.bare();
        if !into.contains(&bare) {
            into.push(bare);
        }
        return;
    }
    for operand in e.operands() {
        find(operand, wanted, into);
        // Whether the address is null is asked of it itself.
        if let ExprKind::ReadState(_) = e.kind {
            operand
                .operands()
                .into_iter()
                .for_each(|address| find(address, wanted, into));
        }
    }
}

/// Whether the memory at an address is what the calls read: the address comes from arguments, and none of the
/// calls writes behind one of these.
fn is_read_by(calls: &SyscallSet, address: &Expr) -> bool {
    let mut arguments = Vec::new();
    address.visit(&mut |e| {
        if let ExprKind::Builtin(Builtin::Arg(n)) = e.kind {
            arguments.push(usize::from(n));
        }
    });
    let writes = |&(abi, number): &(Abi, u32)| {
        let name = syscalls::name(abi, number);
        let args = name.and_then(|name| syscalls::signature(abi, name));
        args.is_some_and(|s| {
            arguments
                .iter()
                .any(|&n| s.args.get(n).is_some_and(|arg| arg.written))
        })
    };
    is_entry_time(address) && !arguments.is_empty() && !calls.calls.iter().any(writes)
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
        let mut front = size_of::<EntryState>() as u32;
        // What a whole call keeps outlives it until it is given back: it has a place of its own.
        let whole = self.found.iter().find(|(c, _)| is_whole(&c.expr));
        let whole = whole.map(|(c, _)| front + size(&c.expr));
        let whole_at = front;
        front = whole.unwrap_or(front);
        let mut placed: Vec<(Capture, SyscallSet)> = Vec::new();
        let mut state_size = front;
        for (mut capture, calls) in self.found {
            if is_whole(&capture.expr) {
                capture.offset = whole_at;
                placed.push((capture, SyscallSet::default()));
                continue;
            }
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

fn is_whole(e: &Expr) -> bool {
    e.kind == ExprKind::Builtin(Builtin::Call)
}

/// Bytes that a captured expression takes.
pub(super) fn size(e: &Expr) -> u32 {
    match e.kind {
        ExprKind::ReadStr { .. } => size_of::<CapturedStr>() as u32 + e.ty.size(),
        ExprKind::Load { .. } => size_of::<CapturedLoad>() as u32,
        ExprKind::Builtin(Builtin::Call) => size_of::<CallEntry>() as u32 + CALL_KEPT_BYTES,
        _ => 8,
    }
}
