//! Which properties of an event a clause asks for.
//!
//! In: a clause. Out: the names, by kind. Known before anything has a type, because it decides which probes of
//! a clause have the same meaning for it. Never says that something is wrong.

use crate::diag::Span;
use crate::syntax::ast::{Block, Clause, Expr, ExprKind, Ident, Stmt, StmtKind};
use std::collections::BTreeMap;

/// What a clause asks of its event, each with its first place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Uses {
    /// `args.NAME`.
    pub args: BTreeMap<String, Span>,
    /// `state(args.NAME)`.
    pub states: BTreeMap<String, Span>,
    /// `decode(args.NAME)`.
    pub decoded: BTreeMap<String, Span>,
    /// `argN`.
    pub positions: BTreeMap<u8, Span>,
    /// Bare names.
    pub names: BTreeMap<String, Span>,
}

impl Uses {
    /// Of the predicate and the action.
    pub fn of(clause: &Clause) -> Uses {
        let mut uses = Uses::default();
        clause.predicate.iter().for_each(|p| uses.expr(p));
        uses.block(&clause.body);
        uses
    }

    /// Asks for something that exists only when the call or function has returned.
    pub fn result(&self) -> Option<&'static str> {
        ["retval", "errno", "duration"]
            .into_iter()
            .find(|n| self.names.contains_key(*n))
    }

    fn block(&mut self, block: &Block) {
        block.stmts.iter().for_each(|s| self.stmt(s));
    }

    /// Long because it is one flat match over the statements.
    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(e) | StmtKind::Return(Some(e)) => self.expr(e),
            StmtKind::Assign { target, value, .. } => {
                self.expr(target);
                self.expr(value);
            }
            StmtKind::Let { value, .. } => value.iter().for_each(|v| self.expr(v)),
            StmtKind::If {
                cond,
                then,
                otherwise,
            } => {
                self.expr(cond);
                self.block(then);
                otherwise.iter().for_each(|b| self.block(b));
            }
            StmtKind::While { cond, body } => {
                self.expr(cond);
                self.block(body);
            }
            StmtKind::ForMap { map, body, .. } => {
                self.expr(map);
                self.block(body);
            }
            StmtKind::ForRange {
                start, end, body, ..
            } => {
                self.expr(start);
                self.expr(end);
                self.block(body);
            }
            StmtKind::Unroll { count, body } => {
                self.expr(count);
                self.block(body);
            }
            StmtKind::Block(block) => self.block(block),
            StmtKind::Break | StmtKind::Continue | StmtKind::Return(None) => {}
        }
    }

    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Member { base, name, .. } if is_args(base) => {
                self.args.entry(name.text.clone()).or_insert(e.span);
            }
            ExprKind::Name(name) => self.name(name, e.span),
            ExprKind::Call { name, args } => {
                // What it prints is the whole call.
                if name.text == "trace" {
                    self.name("call", e.span);
                }
                let about = match name.text.as_str() {
                    "state" => Some(&mut self.states),
                    "decode" => Some(&mut self.decoded),
                    _ => None,
                };
                if let (Some(about), [arg]) = (about, args.as_slice())
                    && let Some(name) = argument_name(arg)
                {
                    about.entry(name.text.clone()).or_insert(e.span);
                    return;
                }
                args.iter().for_each(|c| self.expr(c));
            }
            _ => children(e).into_iter().for_each(|c| self.expr(c)),
        }
    }

    fn name(&mut self, name: &str, span: Span) {
        match position(name) {
            Some(n) => self.positions.entry(n).or_insert(span),
            None => self.names.entry(name.to_owned()).or_insert(span),
        };
    }
}

/// The name in `args.NAME`.
pub fn argument_name(e: &Expr) -> Option<&Ident> {
    match &e.kind {
        ExprKind::Member { base, name, .. } if is_args(base) => Some(name),
        _ => None,
    }
}

/// Whether it is the bare `args`.
pub fn is_args(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Name(n) if n == "args")
}

/// The number of `arg0`, `arg1`, …
pub fn position(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("arg")?;
    (digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// The direct operands of an expression. Long because it is one flat match.
fn children(e: &Expr) -> Vec<&Expr> {
    match &e.kind {
        ExprKind::Int(_)
        | ExprKind::Str(_)
        | ExprKind::Bool(_)
        | ExprKind::Name(_)
        | ExprKind::Var(_)
        | ExprKind::Positional { .. }
        | ExprKind::SizeofType(_)
        | ExprKind::Offsetof { .. }
        | ExprKind::Regex(_) => Vec::new(),
        ExprKind::Map { keys, .. } => keys.iter().flatten().collect(),
        ExprKind::Call { args, .. } | ExprKind::Tuple(args) => args.iter().collect(),
        ExprKind::Record(fields) => fields.iter().map(|(_, v)| v).collect(),
        ExprKind::Unary { operand: e, .. }
        | ExprKind::Step { target: e, .. }
        | ExprKind::Cast { operand: e, .. }
        | ExprKind::Member { base: e, .. }
        | ExprKind::ContainerOf { pointer: e, .. }
        | ExprKind::SizeofExpr(e) => vec![e],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Cond {
            cond,
            then,
            otherwise,
        } => vec![cond, then, otherwise],
        ExprKind::Index { base, index } => vec![base, index],
        ExprKind::Block(block) => block.value.as_deref().into_iter().collect(),
    }
}
