//! Predicates: taken apart at `&&`, put in the cheapest order, and evaluated as early as they are final.
//!
//! In: a clause's predicate. Out: its conjuncts, and which of them hold at entry exactly when they hold at
//! exit. Never changes what a predicate means: a conjunct that can count an error or change a value keeps
//! its place.

use crate::ir::{Binary, Builtin, Expr, ExprKind, ops};

/// The conjuncts of a predicate, cheapest first where the order cannot be seen. Empty: always true.
pub(super) fn conjuncts(predicate: Option<&Expr>) -> Vec<Expr> {
    let mut parts = Vec::new();
    if let Some(predicate) = predicate {
        split(predicate, &mut parts);
    }
    parts.retain(|c| has_effect(c) || fold(c, &no_builtin) != Some(1));
    order(&mut parts);
    parts
}

fn split(e: &Expr, into: &mut Vec<Expr>) {
    if let ExprKind::And(left, right) = &e.kind {
        split(left, into);
        split(right, into);
    } else {
        into.push(e.clone());
    }
}

/// Sorts each run of movable conjuncts by cost; an immovable one stays between what was around it.
fn order(parts: &mut [Expr]) {
    let movable = |e: &Expr| !has_effect(e);
    for run in parts.chunk_by_mut(|a, b| movable(a) && movable(b)) {
        run.sort_by_key(cost);
    }
}

/// Evaluating it can be noticed: it counts an error or changes a value.
pub(super) fn has_effect(e: &Expr) -> bool {
    e.any(&|e| match &e.kind {
        ExprKind::Load { .. }
        | ExprKind::ReadStr { .. }
        | ExprKind::ReadArray { .. }
        | ExprKind::ReadBytes { .. }
        | ExprKind::ReadArgv { .. }
        | ExprKind::ReadPath { .. }
        | ExprKind::Find { .. }
        | ExprKind::StepVar { .. }
        | ExprKind::StepMap { .. } => true,
        ExprKind::Binary { .. } => can_divide_by_zero(e),
        _ => false,
    })
}

fn can_divide_by_zero(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Binary {
            op: Binary::Div | Binary::Mod,
            right,
            ..
        } => !matches!(right.kind, ExprKind::Int(1..)),
        _ => false,
    }
}

/// Rough price in nanoseconds, from measurements of single helper calls.
fn cost(e: &Expr) -> u32 {
    let own = match &e.kind {
        ExprKind::Builtin(b) => match b {
            Builtin::Comm => 73,
            Builtin::Tree => 50,
            Builtin::Nsecs | Builtin::Elapsed | Builtin::Duration => 57,
            Builtin::Stack(_) => 500,
            Builtin::Pid | Builtin::Tid | Builtin::Uid | Builtin::Gid => 19,
            Builtin::Cgroup | Builtin::Rand => 19,
            _ => 1,
        },
        ExprKind::MapGet { .. } | ExprKind::HasKey { .. } => 50,
        ExprKind::Length(_) | ExprKind::Position(..) => 60,
        ExprKind::Matches(..) => 100,
        // Asked for on every CPU.
        ExprKind::AggGet { .. } => 500,
        ExprKind::Compare { left, .. } if !left.ty.is_scalar() => 30,
        _ => 1,
    };
    own + e.operands().into_iter().map(cost).sum::<u32>()
}

/// What stays the same from a call's entry to its exit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stable {
    /// Any call but an execve: arguments, thread and number too.
    Call,
    /// An execve: only the process. The registers and the call's number are rewritten, and the thread that
    /// called takes over the leader's id.
    Exec,
}

/// Whether a conjunct has the same value at entry and at exit, and evaluating it twice cannot be noticed.
pub(super) fn is_final_at_entry(conjunct: &Expr, stable: Stable) -> bool {
    !can_divide_by_zero(conjunct)
        && match &conjunct.kind {
            ExprKind::Int(_) => true,
            // A process is in the tree from its fork on.
            ExprKind::Builtin(Builtin::Pid | Builtin::Tree) => true,
            ExprKind::Builtin(
                Builtin::Tid
                | Builtin::Arg(_)
                | Builtin::SyscallNr
                | Builtin::SyscallName
                | Builtin::SyscallAbi,
            ) => stable == Stable::Call,
            ExprKind::Unary { .. }
            | ExprKind::Binary { .. }
            | ExprKind::Compare { .. }
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Cond(..)
            | ExprKind::Cast(_) => conjunct
                .operands()
                .into_iter()
                .all(|e| is_final_at_entry(e, stable)),
            _ => false,
        }
}

/// Whether a firing with result 0 can never pass: the clause is about failures (or about results above 0).
pub(super) fn excludes_result_zero(conjuncts: &[Expr]) -> bool {
    let zero = |b: Builtin| matches!(b, Builtin::Retval | Builtin::Errno).then_some(0);
    conjuncts.iter().any(|c| fold(c, &zero) == Some(0))
}

fn no_builtin(_: Builtin) -> Option<u64> {
    None
}

/// The value of a scalar expression, given the values of some built-ins; `None` when it depends on more.
fn fold(e: &Expr, known: &dyn Fn(Builtin) -> Option<u64>) -> Option<u64> {
    match &e.kind {
        ExprKind::Int(x) => Some(*x),
        ExprKind::Builtin(b) => known(*b),
        ExprKind::Unary { op, operand } => Some(ops::unary(*op, fold(operand, known)?)),
        ExprKind::Binary {
            op, left, right, ..
        } if !can_divide_by_zero(e) => {
            let (a, b) = (fold(left, known)?, fold(right, known)?);
            Some(ops::binary(*op, left.ty.is_signed(), a, b))
        }
        ExprKind::Compare { op, left, right } if left.ty.is_scalar() => {
            let (a, b) = (fold(left, known)?, fold(right, known)?);
            Some(u64::from(ops::compare(*op, left.ty.is_signed(), a, b)))
        }
        ExprKind::Cast(inner) if inner.ty.is_scalar() => {
            Some(ops::cast(&e.ty, fold(inner, known)?))
        }
        ExprKind::And(a, b) => match (fold(a, known), fold(b, known)) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(_), Some(_)) => Some(1),
            _ => None,
        },
        ExprKind::Or(a, b) => match (fold(a, known), fold(b, known)) {
            (Some(1), _) | (_, Some(1)) => Some(1),
            (Some(_), Some(_)) => Some(0),
            _ => None,
        },
        ExprKind::Cond(c, a, b) => fold(if fold(c, known)? != 0 { a } else { b }, known),
        _ => None,
    }
}
