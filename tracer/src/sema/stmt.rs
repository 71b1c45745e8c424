//! Statements: from the tree to the IR.
//!
//! In: blocks and statements as written. Out: IR statements; what is in error is left out, after it was said.
//! Never lowers an expression itself.

use super::builtins::Outcome;
use super::pass::{Pass, stmt};
use crate::diag::{Span, codes};
use crate::ir::{self, StmtKind};
use crate::syntax::ast;

impl Pass<'_> {
    /// A block with variables of its own.
    pub fn block(&mut self, block: &ast::Block) -> Vec<ir::Stmt> {
        self.scope.blocks.push(Vec::new());
        let stmts = block.stmts.iter().flat_map(|s| self.statement(s)).collect();
        self.end_block();
        stmts
    }

    /// The variables of the innermost block are not known behind it.
    pub fn end_block(&mut self) {
        let ended = self.scope.blocks.pop().unwrap_or_default();
        self.scope.ended.extend(ended.into_iter().map(|l| l.name));
    }

    /// Long because it is one flat match over the statements.
    fn statement(&mut self, s: &ast::Stmt) -> Vec<ir::Stmt> {
        let span = s.span;
        match &s.kind {
            ast::StmtKind::Expr(e) => self.effect(e),
            ast::StmtKind::Assign { target, op, value } => self.assign(target, *op, value, span),
            ast::StmtKind::Let { name, ty, value } => {
                self.declaration(name, ty.as_ref(), value.as_ref(), span)
            }
            ast::StmtKind::If {
                cond,
                then,
                otherwise,
            } => self.branch(cond, then, otherwise.as_ref(), span),
            ast::StmtKind::Block(block) => self.block(block),
            ast::StmtKind::Return(None) => vec![stmt(StmtKind::Return, span)],
            ast::StmtKind::Return(Some(value)) => {
                let message = "a probe's clause returns nothing";
                self.error::<()>(codes::NOT_A_VALUE, value.span, message);
                Vec::new()
            }
            ast::StmtKind::While { cond, body } => self.while_loop(cond, body, span),
            ast::StmtKind::ForMap { var, map, body } => self.map_loop(var, map, body, span),
            ast::StmtKind::ForRange {
                var,
                start,
                end,
                body,
            } => self.range_loop(var, (start, end), body, span),
            ast::StmtKind::Unroll { count, body } => self.unrolled(count, body, span),
            ast::StmtKind::Break => self.jump(StmtKind::Break, "break", span),
            ast::StmtKind::Continue => self.jump(StmtKind::Continue, "continue", span),
        }
    }

    fn branch(
        &mut self,
        cond: &ast::Expr,
        then: &ast::Block,
        otherwise: Option<&ast::Block>,
        span: Span,
    ) -> Vec<ir::Stmt> {
        let cond = self.condition(cond);
        let then = self.block(then);
        let otherwise = otherwise.map(|b| self.block(b)).unwrap_or_default();
        let Some(cond) = cond else {
            return Vec::new();
        };
        let kind = StmtKind::If {
            cond,
            then,
            otherwise,
        };
        vec![stmt(kind, span)]
    }

    /// An expression for what it does. One that does nothing is evaluated all the same: its reads may fail.
    fn effect(&mut self, e: &ast::Expr) -> Vec<ir::Stmt> {
        if let ast::ExprKind::Call { name, args } = &e.kind {
            return match self.call(name, args, e.span) {
                Some(Outcome::Stmts(stmts)) => stmts,
                Some(Outcome::Value(val)) => self.evaluate(val, e.span),
                Some(Outcome::Aggregate { kind, .. }) => {
                    let message = format!("{}() is assigned to a map: @x = …", kind.name());
                    self.error::<()>(codes::AGGREGATION_NOT_ASSIGNED, e.span, message);
                    Vec::new()
                }
                None => Vec::new(),
            };
        }
        match self.value(e) {
            Some(val) => self.evaluate(val, e.span),
            None => Vec::new(),
        }
    }

    fn evaluate(&mut self, val: super::pass::Val, span: Span) -> Vec<ir::Stmt> {
        let kind = StmtKind::Expr(val.expr);
        self.guard(val.present, vec![stmt(kind, span)], span)
    }
}
