//! Calls that never return: where their entry is watched.
//!
//! In: the parts at entry, and which calls each wants. Out: the hook of their program. `syscall:*` fires for exit and exit_group at
//! their entry, the only side that they have; a program on the entry of *every* call just for them would cost each other call as
//! much as the query itself. The end of the task (`sched_process_exit`) shows the same registers. Never moves what could tell the
//! difference: there the program's memory and files are gone already, and time has passed.

use super::{Hook, Part, Role};
use crate::ir::{Builtin, Expr, ExprKind, Stmt, StmtKind, SyscallSet, walk};
use crate::tables::syscalls;
use crate::types::Abi;

/// What never returns, by its name in each ABI.
const CALLS: [&str; 2] = ["exit", "exit_group"];

/// The hook for these parts.
pub(super) fn hook(enter: &[Part], wants: &[SyscallSet]) -> Hook {
    let is_same = |part: &Part| {
        let calls = part.mask_bit.and_then(|bit| wants.get(usize::from(bit)));
        calls.is_some_and(never_return) && is_same_at_the_end(&part.role)
    };
    match enter.iter().all(is_same) {
        true => Hook::SysLeave,
        false => Hook::SysEnter,
    }
}

fn never_return(calls: &SyscallSet) -> bool {
    let is_one = |&(abi, number): &(Abi, u32)| {
        CALLS
            .map(|name| syscalls::number(abi, name))
            .contains(&Some(number))
    };
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
        ExprKind::Int(_)
        | ExprKind::Str(_)
        | ExprKind::Var(_)
        | ExprKind::MapGet { .. }
        | ExprKind::AggGet { .. }
        | ExprKind::HasKey { .. }
        | ExprKind::Unary { .. }
        | ExprKind::Binary { .. }
        | ExprKind::Compare { .. }
        | ExprKind::And(..)
        | ExprKind::Or(..)
        | ExprKind::Cond(..)
        | ExprKind::Cast(_)
        | ExprKind::Length(_)
        | ExprKind::Position(..)
        | ExprKind::Matches(..)
        | ExprKind::Tuple(_)
        | ExprKind::TupleField(..)
        | ExprKind::StepVar { .. }
        | ExprKind::StepMap { .. } => true,
        _ => false,
    }
}
