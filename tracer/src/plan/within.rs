//! Calls whose entry can be watched without a program on the entry of every call.
//!
//! In: the parts at entry, and which calls each wants. Out: their hooks. `syscall:*` fires for exit and exit_group at their entry, the
//! only side that they have; a query that shows the name of a call has to know at the exit of an execve which of the two it was. A
//! program on the entry of *every* call just for those would cost each other call as much as the query itself. The end of
//! the task (`sched_process_exit`) and the point from which an execve does not fail any more (`sched_prepare_exec`, kernels from 6.10 on)
//! show the same registers. Never moves what could tell the difference: when a task ends, its memory and files are gone
//! already, and time has passed.

use super::{Hook, Part, Role, SyscallPlan};
use crate::facts::Facts;
use crate::ir::{Builtin, Expr, ExprKind, Stmt, StmtKind, SyscallSet, walk};
use crate::tables::syscalls;

/// The hooks of the parts at entry: the entry of every call, or what these parts need of it.
pub(super) fn hooks(
    enter: Vec<Part>,
    syscalls: &SyscallPlan,
    facts: &dyn Facts,
) -> Vec<(Hook, Vec<Part>)> {
    let leaves = |part: &Part| {
        let calls = part
            .mask_bit
            .and_then(|bit| syscalls.wants.get(usize::from(bit)));
        calls.is_some_and(never_return) && is_same_at_the_end(&part.role)
    };
    let rest: Vec<&Part> = enter.iter().filter(|part| !leaves(part)).collect();
    let movable = rest.iter().all(|part| part.keeps_identity(syscalls));
    let shows_execs = || facts.has_raw_tracepoint("sched_prepare_exec");
    if !movable || !rest.is_empty() && !shows_execs() {
        return vec![(Hook::SysEnter, enter)];
    }
    let (leaving, execs): (Vec<Part>, Vec<Part>) = enter.into_iter().partition(leaves);
    let both = [(Hook::SysLeave, leaving), (Hook::SysExec, execs)];
    both.into_iter()
        .filter(|(_, parts)| !parts.is_empty())
        .collect()
}

impl Part {
    /// An entry half without an exit half: it keeps which execve a task is in, and nothing else.
    pub fn keeps_identity(&self, syscalls: &SyscallPlan) -> bool {
        let runs_at_exit = self
            .mask_bit
            .is_some_and(|b| syscalls.exit_bits >> b & 1 != 0);
        matches!(self.role, Role::Capture { .. }) && !runs_at_exit
    }
}

impl SyscallPlan {
    /// Some clause at exit uses what its entry kept. Which execve a task is in is asked for at the exit of execves alone.
    pub fn exit_reads_state(&self) -> bool {
        self.enter_bits & self.exit_bits != 0
    }
}

fn never_return(calls: &SyscallSet) -> bool {
    let is_one = |&(abi, number)| syscalls::name(abi, number).is_some_and(syscalls::never_returns);
    !calls.unknown && calls.calls.iter().all(is_one)
}

/// Whether the clause does the same when the task ends as when it calls: it only writes maps, from what stays as it is.
fn is_same_at_the_end(role: &Role) -> bool {
    let Role::Run {
        predicate, body, ..
    } = role
    else {
        return false;
    };
    let mut same = predicate.iter().all(stays);
    walk::visit_exprs(body, &mut |e| same &= stays_itself(e));
    walk::visit_stmts(body, &mut |stmt| same &= only_writes_maps(stmt));
    same
}

fn only_writes_maps(stmt: &Stmt) -> bool {
    matches!(
        stmt.kind,
        StmtKind::SetVar(..)
            | StmtKind::SetMap { .. }
            | StmtKind::Aggregate { .. }
            | StmtKind::Delete { .. }
            | StmtKind::If { .. }
    )
}

fn stays(e: &Expr) -> bool {
    stays_itself(e) && e.operands().into_iter().all(stays)
}

/// The same without what it is made of.
fn stays_itself(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Builtin(builtin) => matches!(
            builtin,
            Builtin::Pid
                | Builtin::Tid
                | Builtin::Uid
                | Builtin::Gid
                | Builtin::Comm
                | Builtin::Arg(_)
                | Builtin::SyscallName
                | Builtin::SyscallNr
                | Builtin::SyscallAbi
                | Builtin::Probe
                | Builtin::Cpid
                | Builtin::Ncpus
                | Builtin::Host
                | Builtin::Rand
        ),
        ExprKind::Var(_)
        | ExprKind::MapGet { .. }
        | ExprKind::AggGet { .. }
        | ExprKind::HasKey { .. }
        | ExprKind::Length(_)
        | ExprKind::Position(..)
        | ExprKind::Matches(..)
        | ExprKind::StepVar { .. }
        | ExprKind::StepMap { .. } => true,
        other => other.is_made_of_operands(),
    }
}
