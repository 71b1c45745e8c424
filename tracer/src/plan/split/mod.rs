//! What the kernel cannot evaluate is left to user space: the tail of a clause goes there.
//!
//! In: a typed program. Out: the same program without what needs user space, and a [`UserHalf`] with the tails; where a
//! tail stood, a record carries what it needs. Never moves more than it has to, never lets both sides write one map: what
//! a tail writes is kept in user space, and every use of it goes there too.
//!
//! The meaning stays: records are handled in the order of their times, one after the other, and what a tail needs of the
//! event (memory, registers, the time) is taken when the event happens.

mod effects;
mod tail;
#[cfg(test)]
mod tests;

use super::predicates;
use crate::diag::{Diagnostic, codes};
use crate::ir::{self, Clause, Expr, ExprKind, MapId, Stmt, StmtKind, VarId};
use effects::{Effects, Owned, needs_user, reads_owned};
use tail::Splitter;

/// What the interpreter runs in user space, on records.
#[derive(Clone, PartialEq, Debug)]
pub struct UserHalf {
    /// The tails are its clauses, by [`ir::TailId`]; maps, emits and sites are those of the script.
    pub program: ir::Program,
    /// By [`ir::TailId`]: the variables whose first values are the record's arguments.
    pub params: Vec<Vec<VarId>>,
    /// By [`MapId`]: kept in user space.
    pub owned: Vec<bool>,
}

impl UserHalf {
    /// Whether a map is kept in user space.
    pub fn owns(&self, map: MapId) -> bool {
        self.owned.get(map.0 as usize).copied().unwrap_or(false)
    }
}

/// Splits the clauses that need it; `None` when the kernel can do everything.
pub(super) fn split(ir: &mut ir::Program, found: &mut Vec<Diagnostic>) -> Option<UserHalf> {
    if !ir.clauses.iter().any(|clause| is_for_user(clause, ir)) {
        return None;
    }
    let owned = owned(ir, Owned::new());
    Some(apart(ir, &owned, found))
}

/// Takes the program apart, with these maps in user space.
fn apart(ir: &mut ir::Program, owned: &Owned, found: &mut Vec<Diagnostic>) -> UserHalf {
    let mut splitter = Splitter::new(ir, owned);
    let clauses: Vec<Clause> = ir
        .clauses
        .iter()
        .map(|clause| splitter.clause(&with_user_predicate_inside(clause)))
        .collect();
    let split = splitter.finish(found);
    clauses
        .iter()
        .for_each(|clause| check_predicate(clause, ir, owned, found));
    ir.clauses = clauses;
    ir.emits.extend(split.emits);
    let (clauses, params) = split.tails.into_iter().unzip();
    UserHalf {
        owned: (0..ir.maps.len() as u32)
            .map(|at| owned.contains(&MapId(at)))
            .collect(),
        params,
        program: ir::Program {
            clauses,
            ..ir.clone()
        },
    }
}

fn is_for_user(clause: &Clause, ir: &ir::Program) -> bool {
    let body = Effects::of(&clause.body, ir, &Owned::new());
    body.user || clause.predicate.as_ref().is_some_and(needs_user)
}

/// The maps that are kept in user space: those that a tail touches, and what that makes others touch.
fn owned(ir: &ir::Program, mut owned: Owned) -> Owned {
    loop {
        let mut splitter = Splitter::new(ir, &owned);
        for clause in &ir.clauses {
            splitter.clause(&with_user_predicate_inside(clause));
        }
        let touched = splitter.finish(&mut Vec::new()).touched;
        let before = owned.len();
        owned.extend(touched);
        if owned.len() == before {
            return owned;
        }
    }
}

/// The clause with those conjuncts of its predicate that need user space as a condition around its body.
fn with_user_predicate_inside(clause: &Clause) -> Clause {
    let conjuncts = predicates::conjuncts(clause.predicate.as_ref());
    let (user, kernel): (Vec<Expr>, Vec<Expr>) = conjuncts.into_iter().partition(needs_user);
    let Some(cond) = all(user) else {
        return clause.clone();
    };
    let span = cond.span;
    let kind = StmtKind::If {
        cond,
        then: clause.body.clone(),
        otherwise: Vec::new(),
    };
    Clause {
        predicate: all(kernel),
        body: vec![Stmt { kind, span }],
        ..clause.clone()
    }
}

fn all(conjuncts: Vec<Expr>) -> Option<Expr> {
    conjuncts.into_iter().reduce(|a, b| Expr {
        ty: a.ty.clone(),
        span: a.span.to(b.span),
        kind: ExprKind::And(Box::new(a), Box::new(b)),
    })
}

/// A predicate decides in the kernel whether anything is sent at all; a map that is not there cannot take part.
fn check_predicate(clause: &Clause, ir: &ir::Program, owned: &Owned, found: &mut Vec<Diagnostic>) {
    let Some(predicate) = &clause.predicate else {
        return;
    };
    predicate.visit(&mut |e| {
        if let Some(map) = reads_owned(e, owned) {
            let name = &ir.maps[map.0 as usize].name;
            let what =
                format!("@{name} is kept in user space, a predicate is decided in the kernel");
            let help = format!("test it inside the braces: if (…@{name}…) {{ … }}");
            found.push(
                Diagnostic::error(codes::MAP_IN_USER_SPACE, e.span, what)
                    .label("this map is written where only user space knows the values")
                    .help(help),
            );
        }
    });
}
