//! `-p PID`: the clauses that are of a process are made to want that process. For a check: the processes of its command.
//!
//! In: the typed program. Out: the same with one more conjunct in front of the predicates of its `syscall`, `uprobe` and `usdt` clauses, so that the
//! planner can decide it as early as any other. Probes that are not of a process stay system-wide, as in bpftrace.

use crate::ir::{Builtin, Clause, Compare, Expr, ExprKind, Probe, Program};
use crate::types::Type;

/// Restricts the clauses that are of a process of `program` to process `pid`.
pub fn restrict(program: &mut Program, pid: u32) {
    require(program, &|clause| is_pid(clause, pid));
}

/// Restricts the clauses that are of a process to those for which `tree` is true.
pub fn restrict_to_tree(program: &mut Program) {
    require(program, &|clause| Expr {
        ty: Type::Bool,
        kind: ExprKind::Builtin(Builtin::Tree),
        span: clause.span,
    });
}

fn require(program: &mut Program, wanted: &dyn Fn(&Clause) -> Expr) {
    for clause in &mut program.clauses {
        if clause.probes.iter().all(Probe::is_of_a_process) {
            let wanted = wanted(clause);
            clause.predicate = Some(match clause.predicate.take() {
                None => wanted,
                Some(rest) => Expr {
                    ty: Type::Bool,
                    span: rest.span,
                    kind: ExprKind::And(Box::new(wanted), Box::new(rest)),
                },
            });
        }
    }
}

/// `pid == N`.
fn is_pid(clause: &Clause, pid: u32) -> Expr {
    let expr = |ty, kind| Expr {
        ty,
        kind,
        span: clause.span,
    };
    let left = expr(Type::U32, ExprKind::Builtin(Builtin::Pid));
    let right = expr(Type::U32, ExprKind::Int(u64::from(pid)));
    let kind = ExprKind::Compare {
        op: Compare::Eq,
        left: Box::new(left),
        right: Box::new(right),
    };
    expr(Type::Bool, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Phase, SyscallSet};

    fn clause(probe: Probe) -> Clause {
        Clause {
            probes: vec![probe],
            predicate: None,
            body: Vec::new(),
            vars: Vec::new(),
            span: Default::default(),
        }
    }

    #[test]
    fn only_syscall_clauses_are_restricted() {
        let calls = SyscallSet::default();
        let phase = Phase::Whole;
        let mut program = Program {
            clauses: vec![
                clause(Probe::Begin),
                clause(Probe::Syscall { calls, phase }),
            ],
            ..Program::default()
        };
        restrict(&mut program, 42);
        assert!(program.clauses[0].predicate.is_none());
        assert!(matches!(
            program.clauses[1].predicate.as_ref().map(|p| &p.kind),
            Some(ExprKind::Compare { op: Compare::Eq, right, .. }) if right.kind == ExprKind::Int(42)
        ));
        restrict(&mut program, 42);
        assert!(matches!(
            program.clauses[1].predicate.as_ref().map(|p| &p.kind),
            Some(ExprKind::And(..))
        ));
    }
}
