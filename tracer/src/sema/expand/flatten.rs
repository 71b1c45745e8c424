//! Blocks out of expressions, in the order in which everything is evaluated.
//!
//! In: statements and expressions as written. Out: the same without [`ExprKind::Block`]: statements that go first,
//! and a plain expression. What is called or named is put in by `substitute` on the way.

use super::substitute::{call_of, is_stable};
use super::{Env, Expander, not, variable};
use crate::diag::{Diagnostic, Span, codes};
use crate::syntax::ast::{
    BinaryOp, Block, Expr, ExprKind, Ident, Stmt, StmtKind, UnaryOp, ValueBlock,
};

impl Expander<'_, '_> {
    /// A statement, behind what it does first. Long because it is one flat match over the statements.
    pub(super) fn stmt(&mut self, stmt: &Stmt, env: &Env, out: &mut Vec<Stmt>) {
        if !self.within_limits(stmt.span) {
            return;
        }
        let span = stmt.span;
        let kind = match &stmt.kind {
            StmtKind::Expr(e) => return self.effect(e, env, out),
            StmtKind::Assign { target, op, value } => {
                let mut parts = self.exprs(&[target, value], env, out).into_iter();
                let (Some(target), Some(value)) = (parts.next(), parts.next()) else {
                    return;
                };
                StmtKind::Assign {
                    target,
                    op: *op,
                    value,
                }
            }
            StmtKind::Let { name, ty, value } => StmtKind::Let {
                value: value.as_ref().map(|v| self.expr(v, env, out)),
                name: self.local(name, env),
                ty: ty.clone(),
            },
            StmtKind::If {
                cond,
                then,
                otherwise,
            } => StmtKind::If {
                cond: self.expr(cond, env, out),
                then: self.block(then, env),
                otherwise: otherwise.as_ref().map(|b| self.block(b, env)),
            },
            StmtKind::While { cond, body } => self.while_loop(cond, body, env),
            StmtKind::ForMap { var, map, body } => StmtKind::ForMap {
                map: self.expr(map, env, out),
                var: self.local(var, env),
                body: self.block(body, env),
            },
            StmtKind::ForRange {
                var,
                start,
                end,
                body,
            } => {
                let mut parts = self.exprs(&[start, end], env, out).into_iter();
                let (Some(start), Some(end)) = (parts.next(), parts.next()) else {
                    return;
                };
                StmtKind::ForRange {
                    var: self.local(var, env),
                    start,
                    end,
                    body: self.block(body, env),
                }
            }
            StmtKind::Unroll { count, body } => StmtKind::Unroll {
                count: self.expr(count, env, out),
                body: self.block(body, env),
            },
            StmtKind::Return(value) => {
                StmtKind::Return(value.as_ref().map(|v| self.expr(v, env, out)))
            }
            StmtKind::Block(block) => StmtKind::Block(self.block(block, env)),
            StmtKind::Break => StmtKind::Break,
            StmtKind::Continue => StmtKind::Continue,
        };
        out.push(Stmt { kind, span });
    }

    /// `while ({ …; c })` does its block before each test.
    fn while_loop(&mut self, cond: &Expr, body: &Block, env: &Env) -> StmtKind {
        let mut before = Vec::new();
        let cond = self.expr(cond, env, &mut before);
        let mut body = self.block(body, env);
        if before.is_empty() {
            return StmtKind::While { cond, body };
        }
        let span = cond.span;
        let leave = Stmt {
            kind: StmtKind::Break,
            span,
        };
        before.push(when(not(cond), vec![leave], Vec::new(), span));
        before.append(&mut body.stmts);
        body.stmts = before;
        let cond = Expr {
            kind: ExprKind::Bool(true),
            span,
        };
        StmtKind::While { cond, body }
    }

    /// An expression for what it does.
    fn effect(&mut self, e: &Expr, env: &Env, out: &mut Vec<Stmt>) {
        if let Some((argument, env)) = call_of(e, env) {
            return self.effect(argument, env, out);
        }
        match &e.kind {
            ExprKind::Block(block) => {
                let block = self.with_value(block, env);
                out.push(block);
            }
            // Its arms may be calls without a value.
            ExprKind::Cond {
                cond,
                then,
                otherwise,
            } => {
                let cond = self.expr(cond, env, out);
                let (mut a, mut b) = (Vec::new(), Vec::new());
                self.effect(then, env, &mut a);
                self.effect(otherwise, env, &mut b);
                out.push(when(cond, a, b, e.span));
            }
            _ => {
                if self.macro_effect(e, env, out) {
                    return;
                }
                let plain = self.expr(e, env, out);
                out.push(Stmt {
                    span: plain.span,
                    kind: StmtKind::Expr(plain),
                });
            }
        }
    }

    /// A block whose value is not used.
    pub(super) fn with_value(&mut self, b: &ValueBlock, env: &Env) -> Stmt {
        let mut block = self.block(&b.block, env);
        if let Some(value) = &b.value {
            self.effect(value, env, &mut block.stmts);
        }
        Stmt {
            span: block.span,
            kind: StmtKind::Block(block),
        }
    }

    /// A block's value: the expression alone when nothing is done first, else a variable.
    pub(super) fn value_of(
        &mut self,
        b: &ValueBlock,
        env: &Env,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        let mut block = self.block(&b.block, env);
        let Some(value) = &b.value else {
            let message = "this block has no value";
            let diagnostic = Diagnostic::error(codes::NOT_A_VALUE, span, message);
            self.say(diagnostic.help("its last expression, without `;`, is its value: { …; $x }"));
            let kind = ExprKind::Int(0);
            return Expr { kind, span };
        };
        let value = self.expr(value, env, &mut block.stmts);
        if block.stmts.is_empty() {
            return value;
        }
        let name = self.declare(span, out);
        block.stmts.push(assign(&name, value));
        out.push(Stmt {
            kind: StmtKind::Block(block),
            span,
        });
        variable(&name, span)
    }

    /// A new variable, declared here so that it outlives blocks that assign to it.
    pub(super) fn declare(&mut self, span: Span, out: &mut Vec<Stmt>) -> String {
        let name = self.temporary();
        let ident = Ident {
            text: name.clone(),
            span,
        };
        let kind = StmtKind::Let {
            name: ident,
            ty: None,
            value: None,
        };
        out.push(Stmt { kind, span });
        name
    }

    /// Expressions that are evaluated one after the other.
    pub(super) fn exprs(&mut self, all: &[&Expr], env: &Env, out: &mut Vec<Stmt>) -> Vec<Expr> {
        let mut done: Vec<Expr> = Vec::new();
        for e in all {
            let mut before = Vec::new();
            let plain = self.expr(e, env, &mut before);
            if !before.is_empty() {
                done = done.into_iter().map(|e| self.keep(e, out)).collect();
                out.append(&mut before);
            }
            done.push(plain);
        }
        done
    }

    /// In a variable, unless what follows cannot change it.
    fn keep(&mut self, e: Expr, out: &mut Vec<Stmt>) -> Expr {
        if is_stable(&e) {
            return e;
        }
        let name = self.declare(e.span, out);
        let span = e.span;
        out.push(assign(&name, e));
        variable(&name, span)
    }

    /// `a && b`, `a || b` where `b` does something first.
    pub(super) fn lazy(
        &mut self,
        op: BinaryOp,
        left: Expr,
        (before, right): (Vec<Stmt>, Expr),
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        if before.is_empty() {
            let kind = ExprKind::Binary {
                op,
                left: Box::new(left),
                right: Box::new(right),
            };
            return Expr { kind, span };
        }
        let name = self.declare(span, out);
        out.push(assign(&name, truth(left)));
        let mut then = before;
        then.push(assign(&name, truth(right)));
        let cond = match op {
            BinaryOp::Or => not(variable(&name, span)),
            _ => variable(&name, span),
        };
        out.push(when(cond, then, Vec::new(), span));
        variable(&name, span)
    }

    /// `c ? a : b`.
    pub(super) fn pick(
        &mut self,
        cond: Expr,
        (mut first, then): (Vec<Stmt>, Expr),
        (mut second, otherwise): (Vec<Stmt>, Expr),
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Expr {
        if first.is_empty() && second.is_empty() {
            let kind = ExprKind::Cond {
                cond: Box::new(cond),
                then: Box::new(then),
                otherwise: Box::new(otherwise),
            };
            return Expr { kind, span };
        }
        let name = self.declare(span, out);
        first.push(assign(&name, then));
        second.push(assign(&name, otherwise));
        out.push(when(cond, first, second, span));
        variable(&name, span)
    }
}

pub(super) fn assign(name: &str, value: Expr) -> Stmt {
    let span = value.span;
    Stmt {
        kind: StmtKind::Assign {
            target: variable(name, span),
            op: None,
            value,
        },
        span,
    }
}

fn when(cond: Expr, then: Vec<Stmt>, otherwise: Vec<Stmt>, span: Span) -> Stmt {
    let block = |stmts| Block { stmts, span };
    Stmt {
        kind: StmtKind::If {
            cond,
            then: block(then),
            otherwise: (!otherwise.is_empty()).then(|| block(otherwise)),
        },
        span,
    }
}

/// `!!e`: true or false, and false when absent.
fn truth(e: Expr) -> Expr {
    let span = e.span;
    let kind = ExprKind::Unary {
        op: UnaryOp::Not,
        operand: Box::new(not(e)),
    };
    Expr { kind, span }
}
