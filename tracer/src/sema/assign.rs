//! Assignments: variables, maps and aggregations.
//!
//! In: `target op= value` and `let`. Out: statements. A map assignment with an absent value is skipped and counted; a
//! variable remembers that its value is absent, in a second variable.

use super::builtins::Outcome;
use super::convert::{is_weak, to_type};
use super::expand::shown;
use super::pass::{Local, Pass, Val, boolean, both_present, expr, stmt};
use super::unify::Seen;
use super::value::describe;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{self, Builtin, Expr, ExprKind, MapId, StmtKind, VarId};
use crate::syntax::ast::{self, BinaryOp, Ident, TypeName};
use crate::types::{AggKind, Series, Space, Type};

impl Pass<'_> {
    /// `target op= value`.
    pub fn assign(
        &mut self,
        target: &ast::Expr,
        op: Option<BinaryOp>,
        value: &ast::Expr,
        span: Span,
    ) -> Vec<ir::Stmt> {
        let stmts = match &target.kind {
            ast::ExprKind::Var(name) => {
                let val = self.assigned(target, op, value, span);
                self.assign_variable(name, val, op.is_some(), span)
            }
            ast::ExprKind::Map { name, keys } => {
                self.assign_map(target, name, keys.as_deref(), op, value, span)
            }
            // The parser has refused anything else.
            _ => None,
        };
        stmts.unwrap_or_default()
    }

    /// The value to assign; `x op= v` is `x = x op v`.
    fn assigned(
        &mut self,
        target: &ast::Expr,
        op: Option<BinaryOp>,
        value: &ast::Expr,
        span: Span,
    ) -> Option<Val> {
        let Some(op) = op else {
            return self.value(value);
        };
        let (old, new) = (self.value(target), self.value(value));
        self.binary_values(op, old?, new?, span)
    }

    fn assign_variable(
        &mut self,
        name: &str,
        val: Option<Val>,
        compound: bool,
        span: Span,
    ) -> Option<Vec<ir::Stmt>> {
        let local = match self.local(name).cloned() {
            Some(local) => local,
            // `$x += 1` on a new variable: said when its old value was asked for.
            None if compound => return None,
            None => self.declare(name, None),
        };
        let val = val?;
        self.storable(&val.expr)?;
        let ty = self.learn_variable(&local, &val.expr, span)?;
        Some(self.set_variable(&local, val, &ty, span))
    }

    /// Adds an assigned value; the type that the variable keeps.
    fn learn_variable(&mut self, local: &Local, e: &Expr, span: Span) -> Option<Type> {
        let new = Seen {
            ty: e.ty.clone(),
            weak: is_weak(e),
            span,
        };
        let old = self.known.vars.get(&local.key).cloned().flatten();
        let seen = match &old {
            None => new,
            Some(old) => match old.join(&new) {
                Some(joined) => joined,
                None => {
                    let message = format!(
                        "`${}` holds {}, this is {}",
                        shown(&local.name),
                        describe(&old.ty),
                        describe(&new.ty)
                    );
                    let diagnostic = Diagnostic::error(codes::VARIABLE_TYPE, e.span, message)
                        .also(old.span, "first assigned here");
                    return self.fail(diagnostic);
                }
            },
        };
        // A declared type stays what it is: values are cut to it.
        let seen = match (&local.declared, old) {
            (Some(_), Some(old)) => old,
            _ => seen,
        };
        let stored = seen.stored();
        self.known.vars.insert(local.key.clone(), Some(seen));
        Some(stored)
    }

    /// The variable of a loop over numbers holds a `ty`.
    pub fn learn_loop_variable(&mut self, local: &Local, ty: &Type, span: Span) {
        let value = expr(ty.clone(), ir::ExprKind::Var(local.id), span);
        if let Some(ty) = self.learn_variable(local, &value, span) {
            self.scope.vars[local.id.0 as usize].ty = ty;
        }
    }

    /// A variable gets what a map holds; the type that the variable keeps.
    pub fn learn_type(&mut self, local: &Local, seen: &Seen, span: Span) -> Option<Type> {
        let value = expr(seen.ty.clone(), ir::ExprKind::Var(local.id), span);
        let ty = self.learn_variable(local, &value, span)?;
        self.scope.vars[local.id.0 as usize].ty = ty.clone();
        Some(ty)
    }

    fn set_variable(&mut self, local: &Local, val: Val, ty: &Type, span: Span) -> Vec<ir::Stmt> {
        self.scope.vars[local.id.0 as usize].ty = ty.clone();
        let value = match &local.declared {
            Some(declared) => to_type(val.expr, declared),
            None => val.expr,
        };
        let set = stmt(StmtKind::SetVar(local.id, to_type(value, ty)), span);
        let flag =
            |id: VarId, absent: bool| stmt(StmtKind::SetVar(id, boolean(absent, span)), span);
        match (val.present, local.absent) {
            (None, None) => vec![set],
            (None, Some(id)) => vec![set, flag(id, false)],
            (Some(cond), _) => {
                let id = self.absent_flag(local);
                let kind = StmtKind::If {
                    cond,
                    then: vec![set, flag(id, false)],
                    otherwise: vec![flag(id, true)],
                };
                vec![stmt(kind, span)]
            }
        }
    }

    /// The variable that says that `local` is absent; false until an absent value is assigned.
    fn absent_flag(&mut self, local: &Local) -> VarId {
        if let Some(id) = local.absent {
            return id;
        }
        let id = VarId(self.scope.vars.len() as u32);
        self.scope.vars.push(ir::Var {
            name: format!(".absent.{}", local.name),
            ty: Type::Bool,
        });
        let blocks = self.scope.blocks.iter_mut().flatten();
        for entry in blocks.filter(|l| l.id == local.id) {
            entry.absent = Some(id);
        }
        id
    }

    /// What a variable holds that is declared with a type: of memory, its bytes.
    fn held(&mut self, declared: Type, span: Span) -> Option<Type> {
        match self.whole(&declared, Space::Kernel, span)? {
            whole @ Type::Array { .. } if !whole.is_packed() => {
                let message = format!("a variable does not hold {}", describe(&declared));
                self.error(codes::NOT_A_VALUE, span, message)
            }
            whole => Some(whole),
        }
    }

    /// `let $x: type = value;`
    pub fn declaration(
        &mut self,
        name: &Ident,
        ty: Option<&TypeName>,
        value: Option<&ast::Expr>,
        span: Span,
    ) -> Vec<ir::Stmt> {
        let declared = ty.and_then(|t| self.c_type(t, Space::Kernel));
        let val = value.map(|v| self.value(v));
        let declared = match (ty, declared) {
            (Some(name), Some(declared)) => match self.held(declared, name.span) {
                Some(held) => Some(held),
                None => return Vec::new(),
            },
            (_, declared) => declared,
        };
        let local = self.declare(&name.text, declared);
        if let Some(ty) = self.var_type(&local.key) {
            self.scope.vars[local.id.0 as usize].ty = ty;
        }
        if value.is_none() && self.scope.loops > 0 {
            // Every iteration has a new one.
            return vec![self.emptied(local.id, span)];
        }
        let set = |pass: &mut Self| {
            let val = val??;
            pass.storable(&val.expr)?;
            let ty = pass.learn_variable(&local, &val.expr, span)?;
            Some(pass.set_variable(&local, val, &ty, span))
        };
        set(self).unwrap_or_default()
    }

    fn assign_map(
        &mut self,
        target: &ast::Expr,
        name: &str,
        keys: Option<&[ast::Expr]>,
        op: Option<BinaryOp>,
        value: &ast::Expr,
        span: Span,
    ) -> Option<Vec<ir::Stmt>> {
        let map = self.map_id(name, target.span);
        if let (None, ast::ExprKind::Call { name, args }) = (op, &value.kind)
            && let Some(outcome) = self.aggregation(name, args, value.span)
        {
            let key = self.map_key(map, keys, target.span);
            return self.aggregate(map, key, outcome?, value.span);
        }
        // An arithmetic assignment alone makes the map one of numbers.
        if op.is_some() {
            self.learn_assigned(map);
        }
        let val = self.assigned(target, op, value, span);
        let key = self.map_key(map, keys, target.span);
        let Some(val) = val else {
            self.learn_assigned(map);
            return None;
        };
        self.storable(&val.expr)?;
        let weak = is_weak(&val.expr);
        let ty = self.learn_plain(map, &val.expr.ty, weak, val.expr.span)?;
        let (key, key_present) = key?;
        let present = both_present(key_present, val.present);
        let set = StmtKind::SetMap {
            map,
            key,
            value: to_type(val.expr, &ty),
        };
        Some(self.guard(present, vec![stmt(set, span)], span))
    }

    fn aggregate(
        &mut self,
        map: MapId,
        key: Option<(Vec<Expr>, Option<Expr>)>,
        outcome: Outcome,
        span: Span,
    ) -> Option<Vec<ir::Stmt>> {
        let Outcome::Aggregate { kind, value } = outcome else {
            return None;
        };
        let kept = self.learn_aggregation(map, kind, span)?;
        let (key, key_present) = key?;
        let (value, present) = match value {
            Some(val) => (Some(val.expr), val.present),
            None => (None, None),
        };
        let value = value.map(|v| operand_of(kept, v));
        let present = both_present(key_present, present);
        let kind = StmtKind::Aggregate { map, key, value };
        Some(self.guard(present, vec![stmt(kind, span)], span))
    }

    /// A value that a variable or map can keep.
    fn storable(&mut self, e: &Expr) -> Option<()> {
        match &e.ty {
            Type::Array { .. } if e.ty.is_packed() => Some(()),
            Type::Void | Type::Record(_) | Type::Array { .. } => {
                let message = format!("{} cannot be kept", describe(&e.ty));
                let diagnostic = Diagnostic::error(codes::NOT_A_VALUE, e.span, message);
                self.fail(diagnostic)
            }
            _ => Some(()),
        }
    }
}

/// A value of a series, and the event's moment.
fn with_moment(series: Series, value: Expr) -> Expr {
    let span = value.span;
    let signed = series.signed;
    let number = Type::Int { bits: 64, signed };
    let pair = vec![
        to_type(value, &number),
        expr(Type::U64, ExprKind::Builtin(Builtin::Nsecs), span),
    ];
    let ty = Type::Tuple(vec![number, Type::U64]);
    expr(ty, ExprKind::Tuple(pair), span)
}

/// The operand of an aggregation in the signedness that the map keeps.
fn operand_of(kind: AggKind, value: Expr) -> Expr {
    use crate::types::HistShape;
    let signed = match kind {
        AggKind::Count => return value,
        AggKind::Sum { signed }
        | AggKind::Min { signed }
        | AggKind::Max { signed }
        | AggKind::Avg { signed }
        | AggKind::Stats { signed }
        | AggKind::Stddev { signed }
        | AggKind::Hist(HistShape::Log2 { signed, .. }) => signed,
        AggKind::Hist(HistShape::Linear { .. }) => true,
        AggKind::Series(series) => return with_moment(series, value),
    };
    to_type(value, &Type::Int { bits: 64, signed })
}
