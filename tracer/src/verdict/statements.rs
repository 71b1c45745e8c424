//! Which statements of a script give a verdict, and which of those stand although something went unseen.
//!
//! In: a typed program. Out: a [`Statement`] for each `bad()`, `good()`, `unsure()`. Never knows what a run did.

use super::Verdict;
use crate::diag::Span;
use crate::ir::{Clause, EmitKind, ExprKind, Probe, Program, StmtKind, walk};
use std::collections::BTreeSet;

/// A statement that gives a verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Index into [`Program::emits`]; what a run says names it.
    pub emit: u32,
    /// What it says.
    pub verdict: Verdict,
    /// It follows from one event alone: not reached in `END` or `interval`, and its clause looks into no map. Losses of
    /// other events cannot have led to it.
    pub direct: bool,
    /// The clause that it stands in.
    pub clause: Span,
    /// The statement itself.
    pub span: Span,
}

/// All statements of a program that give a verdict. One that the types of several probes made into several has an entry
/// for each.
pub fn of(program: &Program) -> Vec<Statement> {
    let mut found = Vec::new();
    for clause in &program.clauses {
        let direct = is_direct(clause);
        let mut emits = BTreeSet::new();
        walk::visit_stmts(&clause.body, &mut |stmt| {
            if let StmtKind::Emit { id, .. } = stmt.kind {
                emits.insert(id);
            }
        });
        found.extend(emits.into_iter().filter_map(|id| {
            let emit = &program.emits[id.0 as usize];
            match emit.kind {
                EmitKind::Verdict { verdict, .. } => Some(Statement {
                    emit: id.0,
                    verdict,
                    direct,
                    clause: clause.span,
                    span: emit.span,
                }),
                _ => None,
            }
        }));
    }
    found
}

fn is_direct(clause: &Clause) -> bool {
    let of_an_event = |probe: &Probe| !probe.is_own();
    let mut looks_into_maps = false;
    let mut look = |kind: &ExprKind| {
        looks_into_maps |= matches!(
            kind,
            ExprKind::MapGet { .. }
                | ExprKind::AggGet { .. }
                | ExprKind::HasKey { .. }
                | ExprKind::Find { .. }
                | ExprKind::StepMap { .. }
        );
    };
    walk::visit_exprs(&clause.body, &mut |e| look(&e.kind));
    if let Some(predicate) = &clause.predicate {
        predicate.visit(&mut |e| look(&e.kind));
    }
    walk::visit_stmts(&clause.body, &mut |stmt| {
        looks_into_maps |= matches!(stmt.kind, StmtKind::ForEach { .. });
    });
    clause.probes.iter().all(of_an_event) && !looks_into_maps
}
