//! Rules about statements.
//!
//! In: statements of the checker's clause. Out: broken rules in the checker.

use super::Checker;
use crate::ir::{
    Builtin, EmitArg, EmitId, Expr, ExprKind, MapId, MapValue, Mechanism, Probe, SiteKind, Stmt,
    StmtKind, VarId,
};
use crate::types::{AggKind, Type};

impl<'p> Checker<'p> {
    pub(super) fn block(&mut self, stmts: &'p [Stmt]) {
        stmts.iter().for_each(|s| self.stmt(s));
    }

    /// Statements of a loop; `in_loop` is whether `break` and `continue` may stand there.
    fn repeated(&mut self, stmts: &'p [Stmt], in_loop: bool) {
        let outer = std::mem::replace(&mut self.in_loop, in_loop);
        self.block(stmts);
        self.in_loop = outer;
    }

    /// A flat match over the statements.
    fn stmt(&mut self, stmt: &'p Stmt) {
        match &stmt.kind {
            StmtKind::SetVar(id, value) => {
                let var = self.var(*id);
                self.assigned(var.map(|v| &v.ty), value);
            }
            StmtKind::SetMap { map, key, value } => {
                self.parts(key);
                let ty = self.plain_map(*map, key);
                self.assigned(ty, value);
            }
            StmtKind::Aggregate { map, key, value } => self.aggregate(*map, key, value.as_ref()),
            StmtKind::Delete { map, key } => {
                self.parts(key);
                self.key(*map, key);
            }
            StmtKind::If {
                cond,
                then,
                otherwise,
            } => {
                self.condition(cond);
                self.block(then);
                self.block(otherwise);
            }
            StmtKind::Loop {
                cond,
                body,
                next,
                site,
            } => {
                self.site(*site, 19, SiteKind::LoopLimit);
                self.condition(cond);
                self.iterations(body, next);
            }
            StmtKind::ForEach { map, var, body } => self.pairs(*map, *var, body),
            StmtKind::Break | StmtKind::Continue => {
                let in_loop = self.in_loop;
                self.rule(19, in_loop, || "a jump of a loop outside of any".to_owned());
            }
            StmtKind::Emit { id, args } => self.emitted(*id, args),
            StmtKind::Clear(map) | StmtKind::Zero(map) => {
                self.map(*map);
            }
            StmtKind::Exit(code) => self.number_sent(code, "an exit code"),
            StmtKind::Signal(number) => self.number_sent(number, "a signal"),
            StmtKind::Override(result) => self.overriding(result),
            StmtKind::Return => {}
            StmtKind::Expr(e) => self.expr(e),
            StmtKind::Count(site) => self.site(*site, 18, SiteKind::Absent),
        }
    }

    /// Rule 19.
    fn iterations(&mut self, body: &'p [Stmt], next: &'p [Stmt]) {
        self.repeated(body, true);
        self.repeated(next, false);
        let nested = next.iter().any(|s| matches!(s.kind, StmtKind::Loop { .. }));
        self.rule(19, !nested, || "a loop behind an iteration".to_owned());
    }

    /// Rule 21.
    fn pairs(&mut self, map: MapId, var: VarId, body: &'p [Stmt]) {
        let pair = self.map(map).and_then(crate::ir::Map::pair);
        self.rule(21, pair.is_some(), || {
            format!("map {} has no pairs to loop over", map.0)
        });
        let fits = self.var(var).is_none_or(|v| Some(&v.ty) == pair.as_ref());
        self.rule(21, fits, || {
            format!("variable {} holds no such pair", var.0)
        });
        self.repeated(body, true);
    }

    /// Rule 18.
    fn number_sent(&mut self, number: &'p Expr, what: &str) {
        self.value(number);
        self.rule(18, number.ty == Type::I64, || {
            format!("{what} of {}", number.ty)
        });
    }

    /// Rule 18.
    fn overriding(&mut self, result: &'p Expr) {
        self.value(result);
        let probes = self.clause.map_or(&[][..], |c| &c.probes);
        let is_kprobe = |p: &Probe| match p {
            Probe::Function { used, .. } => *used == Mechanism::Kprobe,
            _ => false,
        };
        let fits = probes.iter().all(is_kprobe);
        self.rule(18, fits && result.ty == Type::U64, || {
            format!("a {} overrides another probe's result", result.ty)
        });
    }

    /// Rule 16.
    fn assigned(&mut self, to: Option<&Type>, value: &'p Expr) {
        self.value(value);
        let fits = to.is_none_or(|ty| *ty == value.ty);
        self.rule(16, fits, || {
            format!("a {} is assigned to another type", value.ty)
        });
    }

    /// Rule 7.
    fn aggregate(&mut self, map: MapId, key: &'p [Expr], value: Option<&'p Expr>) {
        self.parts(key);
        let map = self.key(map, key);
        if let Some(value) = value {
            self.value(value);
        }
        let Some(map) = map else { return };
        let fits = match (&map.value, value) {
            (MapValue::Agg(AggKind::Count), None) => true,
            (MapValue::Agg(AggKind::Count), Some(_)) | (_, None) | (MapValue::Plain(_), _) => false,
            (MapValue::Agg(AggKind::Series(_)), Some(value)) => match &value.ty {
                Type::Tuple(pair) => {
                    matches!(pair.as_slice(), [x, time] if is_word(x) && *time == Type::U64)
                }
                _ => false,
            },
            (MapValue::Agg(_), Some(value)) => is_word(&value.ty),
        };
        let name = &map.name;
        self.rule(7, fits, || format!("@{name} is not aggregated like this"));
    }

    /// Rule 17.
    fn emitted(&mut self, id: EmitId, args: &'p [EmitArg]) {
        for arg in args {
            match arg.value.ty {
                Type::Call => self.whole_call(arg),
                _ => self.value(&arg.value),
            }
            if let Some(present) = &arg.present {
                self.condition(present);
            }
        }
        let emit = self.program.emits.get(id.0 as usize);
        self.rule(1, emit.is_some(), || format!("there is no emit {}", id.0));
        let given = args.iter().map(|a| &a.value.ty);
        let fits = emit.is_none_or(|e| e.args.iter().eq(given));
        self.rule(17, fits, || format!("emit {} carries other types", id.0));
    }

    /// Rule 17.
    fn whole_call(&mut self, arg: &'p EmitArg) {
        let fits = arg.present.is_none() && arg.value.kind == ExprKind::Builtin(Builtin::Call);
        self.rule(17, fits, || "a call that is not the event's own".to_owned());
        self.expr(&arg.value);
    }
}

/// What an aggregation takes.
fn is_word(ty: &Type) -> bool {
    matches!(ty, Type::Int { bits: 64, .. })
}
