//! Whole calls: which memory the kernel copies for the value of `call`, as steps made from the table of signatures.
//!
//! In: the calls of the clauses that send whole calls. Out: [`Steps`]: for each call those of its entry and those of its exit.
//! Never decides how a step is done: that is the runtime's (`tracer-ebpf/src/call`).

mod memory;
mod offsets;
mod sizes;
#[cfg(test)]
mod tests;

use crate::diag::{Diagnostic, Span, codes};
use crate::facts::Facts;
use crate::ir::{CallOptions, Expr, ExprKind, Program, walk};
use crate::tables::syscalls;
use crate::types::Abi;
use memory::Compiler;
use tracer_ebpf::{CallOp, CallSteps, KernelOffsets};

/// At which end of the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Entry,
    Exit,
}

/// The steps of all calls of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Steps {
    /// One behind the other.
    pub ops: Vec<CallOp>,
    /// By call, those that have any.
    pub calls: Vec<(Abi, u32, CallSteps)>,
}

impl Steps {
    /// The steps of these calls.
    pub(super) fn of(calls: impl Iterator<Item = (Abi, u32)>, options: CallOptions) -> Steps {
        let mut steps = Steps::default();
        for (abi, number) in calls {
            let mut add = |end| {
                let first = steps.ops.len() as u32;
                steps.ops.extend(compile(abi, number, options, end));
                (first, steps.ops.len() as u32 - first)
            };
            let ((in_first, in_count), (out_first, out_count)) = (add(End::Entry), add(End::Exit));
            let found = CallSteps {
                in_first,
                in_count,
                out_first,
                out_count,
            };
            if in_count + out_count > 0 {
                steps.calls.push((abi, number, found));
            }
        }
        steps
    }
}

/// Calls whose exit alone does not say what they are: at the return from a signal handler the registers are those of what the signal
/// interrupted, and what `restart_syscall` goes on with is in the task's state.
const KNOWN_AT_ENTRY: [&str; 3] = ["rt_sigreturn", "sigreturn", "restart_syscall"];

/// Whether something is to be kept at the call's entry: memory that it reads, or what the call is.
pub(super) fn needs_entry(abi: Abi, number: u32, options: CallOptions) -> bool {
    let name = syscalls::name(abi, number);
    name.is_some_and(|name| KNOWN_AT_ENTRY.contains(&name))
        || !compile(abi, number, options, End::Entry).is_empty()
}

/// What paths, and whole calls (`calls`) with descriptors, need of this kernel, when the script asks for them. An error when
/// its types do not say.
pub(super) fn offsets(
    ir: &Program,
    calls: bool,
    facts: &dyn Facts,
    found: &mut Vec<Diagnostic>,
) -> Option<KernelOffsets> {
    let path = path(ir);
    let (span, what, help) = match (calls && ir.call.descriptors, path) {
        (true, _) => (
            Span::default(),
            "descriptors",
            "leave call_descriptors out of the config",
        ),
        (false, Some(span)) => (span, "paths", "print what leads to them instead: comm, pid"),
        (false, None) => return None,
    };
    let offsets = facts.btf().and_then(offsets::of);
    if offsets.is_none() {
        let what = format!("{what} cannot be named: this kernel does not describe its types");
        found.push(Diagnostic::error(codes::NO_BTF, span, what).help(help));
    }
    offsets
}

/// Where a path is asked for first.
fn path(ir: &Program) -> Option<Span> {
    let mut found = None;
    let mut see = |e: &Expr| {
        if matches!(e.kind, ExprKind::ReadPath { .. }) {
            found = found.or(Some(e.span));
        }
    };
    for clause in &ir.clauses {
        clause.predicate.iter().for_each(|p| p.visit(&mut see));
        walk::visit_exprs(&clause.body, &mut see);
    }
    found
}

/// The steps of one end of a call; none when no table knows it.
fn compile(abi: Abi, number: u32, options: CallOptions, end: End) -> Vec<CallOp> {
    let signature = syscalls::name(abi, number).and_then(|name| syscalls::signature(abi, name));
    signature.map_or_else(Vec::new, |signature| {
        Compiler::new(abi, signature, options, end).steps()
    })
}
