//! Loops: from the tree to the one loop that the IR has.
//!
//! In: `while`, `for` over a range, `unroll`, `break`, `continue`. Out: IR statements, with variables of their own for what
//! a loop counts. Never decides how often a loop may run: that is the IR's rule.

use super::convert::{compare, to_type};
use super::pass::{Pass, Val, boolean, both_present, expr, int, stmt};
use super::unify::{MapHolds, Seen};
use super::value::describe;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{self, Compare, Expr, ExprKind, MapId, SiteKind, StmtKind, VarId};
use crate::syntax::ast::{self, Ident};
use crate::types::Type;

impl Pass<'_> {
    /// `while (cond) { … }`.
    pub fn while_loop(&mut self, cond: &ast::Expr, body: &ast::Block, span: Span) -> Vec<ir::Stmt> {
        let cond = self.condition(cond);
        let body = self.loop_body(body);
        match cond {
            Some(cond) => vec![self.repeat(cond, body, Vec::new(), span)],
            None => Vec::new(),
        }
    }

    /// `for ($i : start..end) { … }`: both ends are computed once, as signed numbers, and an assignment to `$i` lasts until
    /// the iteration ends.
    pub fn range_loop(
        &mut self,
        var: &Ident,
        (start, end): (&ast::Expr, &ast::Expr),
        body: &ast::Block,
        span: Span,
    ) -> Vec<ir::Stmt> {
        let bounds = self.bound(start).zip(self.bound(end));
        self.scope.blocks.push(Vec::new());
        let local = self.declare(&var.text, None);
        let stmts = bounds.map(|(start, end)| {
            let present = both_present(start.present.clone(), end.present.clone());
            let ty = Type::I64;
            let (start, end) = (to_type(start.expr, &ty), to_type(end.expr, &ty));
            self.learn_loop_variable(&local, &ty, var.span);
            let (at, until) = (self.hidden("at", &ty), self.hidden("end", &ty));
            let mut stmts = vec![set(at, start, span), set(until, end, span)];
            let read = |var| expr(ty.clone(), ExprKind::Var(var), span);
            let cond = compare(Compare::Lt, read(at), read(until));
            let mut inner = vec![set(local.id, read(at), span)];
            inner.extend(self.loop_body(body));
            let step = ExprKind::StepVar {
                var: at,
                delta: 1,
                postfix: false,
            };
            let next = stmt(StmtKind::Expr(expr(ty.clone(), step, span)), span);
            stmts.push(self.repeat(cond, inner, vec![next], span));
            self.guard(present, stmts, span)
        });
        self.end_block();
        stmts.unwrap_or_default()
    }

    /// `for ($kv : @map) { … }`: `$kv.0` is the key, `$kv.1` the value.
    pub fn map_loop(
        &mut self,
        var: &Ident,
        map: &ast::Expr,
        body: &ast::Block,
        span: Span,
    ) -> Vec<ir::Stmt> {
        let pair = self.pairs_of(map);
        self.scope.blocks.push(Vec::new());
        let local = self.declare(&var.text, None);
        let stmts = pair.map(|(map, pair)| {
            self.learn_loop_variable(&local, &pair, var.span);
            let body = self.loop_body(body);
            let var = local.id;
            vec![stmt(StmtKind::ForEach { map, var, body }, span)]
        });
        self.end_block();
        stmts.unwrap_or_default()
    }

    /// The map of a loop, and the type of its pairs; `None` while that is not known.
    fn pairs_of(&mut self, e: &ast::Expr) -> Option<(MapId, Type)> {
        let ast::ExprKind::Map { name, keys } = &e.kind else {
            return None;
        };
        if keys.is_some() {
            let message = format!("a loop goes over a whole map: `@{name}`");
            return self.error(codes::NO_PAIRS, e.span, message);
        }
        let map = self.map_id(name, e.span);
        let known = self.map_known(map).clone();
        let Some((parts, _)) = known.key else {
            return match known.holds {
                MapHolds::Unknown => self.no_such_map(name, e.span),
                _ => None,
            };
        };
        let key: Vec<Type> = parts.iter().map(Seen::stored).collect();
        let value = match known.holds {
            MapHolds::Plain(seen) => ir::MapValue::Plain(seen.stored()),
            MapHolds::Agg(kind, at) if kind.value().is_none() => {
                return self.aggregation_as_value(name, kind, at, e.span);
            }
            MapHolds::Agg(kind, _) => ir::MapValue::Agg(kind),
            MapHolds::Unknown => return self.no_such_map(name, e.span),
            MapHolds::Assigned => return None,
        };
        if key.is_empty() {
            let message = format!("`@{name}` has no keys to go over");
            return self.error(codes::NO_PAIRS, e.span, message);
        }
        let (name, span) = (name.clone(), e.span);
        let map_of = ir::Map {
            name,
            key,
            value,
            room: None,
            span,
        };
        Some((map, map_of.pair()?))
    }

    /// `unroll(n) { … }`: a loop of `n` iterations, a number that is known before the run.
    pub fn unrolled(&mut self, count: &ast::Expr, body: &ast::Block, span: Span) -> Vec<ir::Stmt> {
        let times = self.constant_arg(count, "the number of iterations");
        let at = self.hidden("at", &Type::I64);
        let read = expr(Type::I64, ExprKind::Var(at), span);
        let body = self.loop_body(body);
        let Some(times) = times else {
            return Vec::new();
        };
        let cond = compare(Compare::Lt, read, int(times as i64, span));
        let step = ExprKind::StepVar {
            var: at,
            delta: 1,
            postfix: false,
        };
        let next = stmt(StmtKind::Expr(expr(Type::I64, step, span)), span);
        let start = set(at, int(0, span), span);
        vec![start, self.repeat(cond, body, vec![next], span)]
    }

    /// `break` and `continue`.
    pub fn jump(&mut self, kind: StmtKind, word: &str, span: Span) -> Vec<ir::Stmt> {
        if self.scope.loops > 0 {
            return vec![stmt(kind, span)];
        }
        let message = format!("`{word}` stands outside of a loop");
        let diagnostic = Diagnostic::error(codes::NOT_IN_A_LOOP, span, message);
        self.fail::<()>(diagnostic.help("`return` leaves the clause"));
        Vec::new()
    }

    fn loop_body(&mut self, body: &ast::Block) -> Vec<ir::Stmt> {
        self.scope.loops += 1;
        let stmts = self.block(body);
        self.scope.loops -= 1;
        stmts
    }

    fn repeat(
        &mut self,
        cond: Expr,
        body: Vec<ir::Stmt>,
        next: Vec<ir::Stmt>,
        span: Span,
    ) -> ir::Stmt {
        let site = self.site(SiteKind::LoopLimit, span);
        let kind = StmtKind::Loop {
            cond,
            body,
            next,
            site,
        };
        stmt(kind, span)
    }

    /// One end of a range: a number.
    fn bound(&mut self, e: &ast::Expr) -> Option<Val> {
        let val = self.value(e)?;
        if matches!(val.expr.ty, Type::Int { .. } | Type::Bool) {
            return Some(val);
        }
        let found = describe(&val.expr.ty);
        let message = format!("a range is between two numbers, this is {found}");
        self.error(codes::BAD_OPERAND, e.span, message)
    }

    /// A variable that no script can name.
    fn hidden(&mut self, name: &str, ty: &Type) -> VarId {
        let id = VarId(self.scope.vars.len() as u32);
        let name = format!(".{name}.{}", id.0);
        let ty = ty.clone();
        self.scope.vars.push(ir::Var { name, ty });
        id
    }

    /// A variable without a value begins an iteration empty. What has no constants is copied from a variable that is never
    /// assigned.
    pub fn emptied(&mut self, id: VarId, span: Span) -> ir::Stmt {
        let ty = self.scope.vars[id.0 as usize].ty.clone();
        let value = empty(&ty, span).unwrap_or_else(|| {
            let untouched = self.never_assigned(&ty);
            expr(ty, ExprKind::Var(untouched), span)
        });
        set(id, value, span)
    }

    /// One for all variables of that type.
    fn never_assigned(&mut self, ty: &Type) -> VarId {
        const NAME: &str = ".empty";
        let vars = &mut self.scope.vars;
        let found = vars.iter().position(|v| v.name == NAME && v.ty == *ty);
        let at = found.unwrap_or_else(|| {
            vars.push(ir::Var {
                name: NAME.to_owned(),
                ty: ty.clone(),
            });
            vars.len() - 1
        });
        VarId(at as u32)
    }
}

fn set(var: VarId, value: Expr, span: Span) -> ir::Stmt {
    stmt(StmtKind::SetVar(var, value), span)
}

fn empty(ty: &Type, span: Span) -> Option<Expr> {
    let kind = match ty {
        Type::Bool => return Some(boolean(false, span)),
        Type::Str { .. } => ExprKind::Str(Vec::new()),
        Type::Tuple(parts) => {
            let parts: Option<Vec<Expr>> = parts.iter().map(|ty| empty(ty, span)).collect();
            ExprKind::Tuple(parts?)
        }
        ty if ty.is_scalar() => ExprKind::Int(0),
        _ => return None,
    };
    Some(expr(ty.clone(), kind, span))
}
