//! Walking the IR: operands of an expression, every expression below a statement, equality of meaning.
//!
//! In: expressions and statements. Out: calls of the visitor, an expression before its operands, operands
//! in evaluation order. Never knows what a visitor looks for.

use super::{Expr, ExprKind, SiteId, Stmt, StmtKind};
use crate::diag::Span;

/// The operands of an expression's kind as a `Vec`, in evaluation order: one list for shared and for exclusive
/// references. `$iter` is the matching iterator of a slice.
macro_rules! operands {
    ($kind:expr, $iter:ident) => {
        match $kind {
            ExprKind::Int(_)
            | ExprKind::Str(_)
            | ExprKind::Builtin(_)
            | ExprKind::Var(_)
            | ExprKind::DataLoc { .. }
            | ExprKind::Field { .. }
            | ExprKind::FieldAddr { .. }
            | ExprKind::StepVar { .. } => Vec::new(),
            ExprKind::Unary { operand: e, .. }
            | ExprKind::Cast(e)
            | ExprKind::Length(e)
            | ExprKind::ReadState(e)
            | ExprKind::Matches(e, _)
            | ExprKind::Load { base: e, .. }
            | ExprKind::ReadStr { addr: e, .. }
            | ExprKind::ReadArray { addr: e, .. }
            | ExprKind::ReadArgv { addr: e, .. }
            | ExprKind::ReadPath { addr: e, .. }
            | ExprKind::TupleField(e, _)
            | ExprKind::Member(e, _)
            | ExprKind::Text(e) => vec![e],
            ExprKind::Binary { left, right, .. }
            | ExprKind::Compare { left, right, .. }
            | ExprKind::ReadBytes {
                addr: left,
                length: right,
                ..
            }
            | ExprKind::Position(left, right)
            | ExprKind::Element(left, right)
            | ExprKind::And(left, right)
            | ExprKind::Or(left, right) => vec![left, right],
            ExprKind::Cond(c, a, b) => vec![c, a, b],
            ExprKind::MapGet { key: parts, .. }
            | ExprKind::AggGet { key: parts, .. }
            | ExprKind::HasKey { key: parts, .. }
            | ExprKind::Find { key: parts, .. }
            | ExprKind::StepMap { key: parts, .. }
            | ExprKind::Tuple(parts) => parts.$iter().collect(),
        }
    };
}

impl ExprKind {
    /// A constant, or what its operands alone say: the same wherever and whenever these are the same.
    pub fn is_made_of_operands(&self) -> bool {
        matches!(
            self,
            ExprKind::Int(_)
                | ExprKind::Str(_)
                | ExprKind::Unary { .. }
                | ExprKind::Binary { .. }
                | ExprKind::Compare { .. }
                | ExprKind::And(..)
                | ExprKind::Or(..)
                | ExprKind::Cond(..)
                | ExprKind::Cast(_)
                | ExprKind::Tuple(_)
                | ExprKind::TupleField(..)
        )
    }
}

impl Expr {
    /// The direct operands, in evaluation order.
    pub fn operands(&self) -> Vec<&Expr> {
        operands!(&self.kind, iter)
    }

    /// The same list, to change the operands in place.
    pub fn operands_mut(&mut self) -> Vec<&mut Expr> {
        operands!(&mut self.kind, iter_mut)
    }

    /// Visits this expression and everything below it.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Expr)) {
        see(self);
        for operand in self.operands() {
            operand.visit(see);
        }
    }

    /// Whether this expression or one below it is meant.
    pub fn any(&self, is_meant: &dyn Fn(&Expr) -> bool) -> bool {
        is_meant(self) || self.operands().into_iter().any(|e| e.any(is_meant))
    }

    /// The expression without what only says where it was written: spans and sites are reset.
    pub fn bare(&self) -> Expr {
        let mut copy = self.clone();
        copy.strip();
        copy
    }

    /// Whether both yield the same value when evaluated at the same moment: equal up to spans and sites.
    pub fn same_value(&self, other: &Expr) -> bool {
        self.bare() == other.bare()
    }

    fn strip(&mut self) {
        self.span = Span::default();
        match &mut self.kind {
            ExprKind::Load { site, .. }
            | ExprKind::ReadStr { site, .. }
            | ExprKind::ReadArray { site, .. }
            | ExprKind::ReadBytes { site, .. }
            | ExprKind::ReadArgv { site, .. }
            | ExprKind::ReadPath { site, .. } => *site = SiteId(0),
            ExprKind::Binary {
                site: Some(site), ..
            } => *site = SiteId(0),
            _ => {}
        }
        for operand in self.operands_mut() {
            operand.strip();
        }
    }
}

impl Stmt {
    /// The expressions that stand directly in this statement, in evaluation order; not those of the
    /// statements nested in it.
    pub fn exprs(&self) -> Vec<&Expr> {
        match &self.kind {
            StmtKind::SetVar(_, e)
            | StmtKind::Exit(e)
            | StmtKind::Signal(e)
            | StmtKind::Override(e)
            | StmtKind::Expr(e) => vec![e],
            StmtKind::SetMap { key, value, .. } => key.iter().chain([value]).collect(),
            StmtKind::Aggregate { key, value, .. } => key.iter().chain(value).collect(),
            StmtKind::Delete { key, .. } => key.iter().collect(),
            StmtKind::If { cond, .. } | StmtKind::Loop { cond, .. } => vec![cond],
            StmtKind::Emit { args, .. } => args
                .iter()
                .flat_map(|a| a.present.iter().chain([&a.value]))
                .collect(),
            StmtKind::ForEach { .. }
            | StmtKind::Clear(_)
            | StmtKind::Zero(_)
            | StmtKind::Break
            | StmtKind::Continue
            | StmtKind::Return
            | StmtKind::Count(_) => Vec::new(),
        }
    }

    /// The lists of statements nested in this one, in the order in which they are written.
    pub fn blocks(&self) -> [&[Stmt]; 2] {
        match &self.kind {
            StmtKind::If {
                then, otherwise, ..
            } => [then, otherwise],
            StmtKind::Loop { body, next, .. } => [body, next],
            StmtKind::ForEach { body, .. } => [body, &[]],
            _ => [&[], &[]],
        }
    }

    /// Visits this statement and those nested in it.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Stmt)) {
        see(self);
        for block in self.blocks() {
            visit_stmts(block, see);
        }
    }
}

/// Visits every statement, also nested ones, in order.
pub fn visit_stmts<'a>(stmts: &'a [Stmt], see: &mut dyn FnMut(&'a Stmt)) {
    for stmt in stmts {
        stmt.visit(see);
    }
}

/// Whether some statement, also a nested one, is meant.
pub fn any_stmt(stmts: &[Stmt], is_meant: &dyn Fn(&StmtKind) -> bool) -> bool {
    let mut found = false;
    visit_stmts(stmts, &mut |s| found |= is_meant(&s.kind));
    found
}

/// Whether a loop other than over a map stands in these statements, outside of loops over maps.
pub fn has_steps(stmts: &[Stmt]) -> bool {
    stmts.iter().any(|s| match &s.kind {
        StmtKind::Loop { .. } => true,
        StmtKind::ForEach { .. } => false,
        _ => s.blocks().into_iter().any(has_steps),
    })
}

/// How many functions deep the loops of these statements run: one for each loop over a map, and one for all other loops
/// of a clause or of such a loop's body.
pub fn loop_depth(stmts: &[Stmt]) -> usize {
    let mut over_maps = 0;
    for_each_bodies(stmts, &mut |body| {
        over_maps = over_maps.max(1 + loop_depth(body))
    });
    over_maps + usize::from(has_steps(stmts))
}

fn for_each_bodies<'a>(stmts: &'a [Stmt], see: &mut dyn FnMut(&'a [Stmt])) {
    for stmt in stmts {
        match &stmt.kind {
            StmtKind::ForEach { body, .. } => see(body),
            _ => {
                for block in stmt.blocks() {
                    for_each_bodies(block, see);
                }
            }
        }
    }
}

/// Visits every expression of every statement, also of nested ones, with everything below it.
pub fn visit_exprs<'a>(stmts: &'a [Stmt], see: &mut dyn FnMut(&'a Expr)) {
    visit_stmts(stmts, &mut |stmt| {
        for expr in stmt.exprs() {
            expr.visit(see);
        }
    });
}

/// Visits every expression that stands directly in a statement, also in nested ones, to change it.
pub fn visit_roots_mut(stmts: &mut [Stmt], see: &mut dyn FnMut(&mut Expr)) {
    for stmt in stmts {
        match &mut stmt.kind {
            StmtKind::SetVar(_, e)
            | StmtKind::Exit(e)
            | StmtKind::Expr(e)
            | StmtKind::Signal(e)
            | StmtKind::Override(e) => see(e),
            StmtKind::SetMap { key, value, .. } => {
                key.iter_mut().chain([value]).for_each(&mut *see)
            }
            StmtKind::Aggregate { key, value, .. } => {
                key.iter_mut().chain(value).for_each(&mut *see)
            }
            StmtKind::Delete { key, .. } => key.iter_mut().for_each(&mut *see),
            StmtKind::If {
                cond,
                then,
                otherwise,
            } => {
                see(cond);
                visit_roots_mut(then, see);
                visit_roots_mut(otherwise, see);
            }
            StmtKind::ForEach { body, .. } => visit_roots_mut(body, see),
            StmtKind::Emit { args, .. } => {
                let roots = args
                    .iter_mut()
                    .flat_map(|a| a.present.iter_mut().chain([&mut a.value]));
                roots.for_each(&mut *see);
            }
            StmtKind::Loop {
                cond, body, next, ..
            } => {
                see(cond);
                visit_roots_mut(body, see);
                visit_roots_mut(next, see);
            }
            StmtKind::Clear(_)
            | StmtKind::Zero(_)
            | StmtKind::Break
            | StmtKind::Continue
            | StmtKind::Return
            | StmtKind::Count(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Builtin, VarId};
    use crate::types::{Space, Type};

    fn expr(kind: ExprKind, at: usize) -> Expr {
        Expr {
            ty: Type::U64,
            kind,
            span: Span::new(at, at + 1),
        }
    }

    fn load(site: u32, at: usize) -> Expr {
        expr(
            ExprKind::Load {
                base: Box::new(expr(ExprKind::Builtin(Builtin::Arg(1)), at)),
                offset: 8,
                space: Space::User,
                width: 8,
                bits: None,
                site: SiteId(site),
            },
            at,
        )
    }

    #[test]
    fn same_value_ignores_places_only() {
        assert!(load(1, 5).same_value(&load(2, 50)));
        let other = expr(ExprKind::Builtin(Builtin::Arg(1)), 5);
        assert!(!load(1, 5).same_value(&other));
    }

    #[test]
    fn visiting_reaches_nested_statements() {
        let inner = Stmt {
            kind: StmtKind::SetVar(VarId(0), load(0, 0)),
            span: Span::default(),
        };
        let outer = Stmt {
            kind: StmtKind::If {
                cond: expr(ExprKind::Int(1), 0),
                then: vec![],
                otherwise: vec![inner],
            },
            span: Span::default(),
        };
        let mut seen = 0;
        visit_exprs(std::slice::from_ref(&outer), &mut |_| seen += 1);
        assert_eq!(seen, 3, "condition, load and its base");
    }
}
