//! What statements read, write and send: enough to tell which of them may change places.
//!
//! In: statements, and the maps that are kept in user space. Out: [`Effects`]. Never changes a statement.

use crate::ir::{self, EmitKind, Expr, ExprKind, MapId, Stmt, StmtKind, VarId, walk};
use std::collections::BTreeSet;

/// Maps that are kept in user space.
pub(super) type Owned = BTreeSet<MapId>;

/// What some statements do.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    /// User space alone can do some of it.
    pub user: bool,
    /// They print, send or end something: their order can be seen.
    pub ordered: bool,
    /// They can end the clause.
    pub leaves: bool,
    reads: Places,
    /// Variables and maps that they change.
    pub writes: Places,
}

/// Variables and maps.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Variables.
    pub vars: BTreeSet<VarId>,
    /// Maps.
    pub maps: BTreeSet<MapId>,
}

impl Places {
    fn meet(&self, other: &Places) -> bool {
        !self.vars.is_disjoint(&other.vars) || !self.maps.is_disjoint(&other.maps)
    }
}

impl Effects {
    /// Of statements and everything nested in them.
    pub fn of(stmts: &[Stmt], ir: &ir::Program, owned: &Owned) -> Effects {
        let mut effects = Effects::default();
        walk::visit_stmts(stmts, &mut |stmt| effects.statement(stmt, ir));
        walk::visit_exprs(stmts, &mut |e| effects.expression(e));
        let on_user_map = effects.maps().any(|map| owned.contains(&map));
        effects.user |= on_user_map;
        effects
    }

    /// Whether these may run before `earlier`, although they stand behind it.
    pub fn may_overtake(&self, earlier: &Effects) -> bool {
        let independent = !self.writes.meet(&earlier.reads)
            && !self.writes.meet(&earlier.writes)
            && !self.reads.meet(&earlier.writes);
        independent && !self.ordered && !self.leaves && !earlier.leaves
    }

    /// Maps that they read or write.
    pub fn maps(&self) -> impl Iterator<Item = MapId> {
        self.reads.maps.union(&self.writes.maps).copied()
    }

    fn statement(&mut self, stmt: &Stmt, ir: &ir::Program) {
        match &stmt.kind {
            StmtKind::SetVar(var, _) => {
                self.writes.vars.insert(*var);
            }
            StmtKind::SetMap { map, .. }
            | StmtKind::Aggregate { map, .. }
            | StmtKind::Delete { map, .. } => {
                self.writes.maps.insert(*map);
            }
            StmtKind::Clear(map) | StmtKind::Zero(map) => {
                self.writes.maps.insert(*map);
                self.ordered = true;
            }
            StmtKind::Emit { id, .. } => {
                self.ordered = true;
                if let EmitKind::PrintMap { map, .. } = ir.emits[id.0 as usize].kind {
                    self.reads.maps.insert(map);
                }
            }
            StmtKind::Exit(_) => {
                self.ordered = true;
                self.leaves = true;
            }
            StmtKind::ForEach { map, var, .. } => {
                self.reads.maps.insert(*map);
                self.writes.vars.insert(*var);
                self.leaves = true;
            }
            // A loop that does not end leaves its clause. `break` and `continue` stand in a loop, which is never divided.
            StmtKind::Return | StmtKind::Loop { .. } | StmtKind::Break | StmtKind::Continue => {
                self.leaves = true;
            }
            // What happens to the event's own process is not seen by any other statement.
            StmtKind::Signal(_) | StmtKind::Override(_) => {}
            StmtKind::If { .. } | StmtKind::Expr(_) | StmtKind::Count(_) => {}
        }
    }

    fn expression(&mut self, e: &Expr) {
        self.user |= matches!(e.kind, ExprKind::Text(_));
        match e.kind {
            ExprKind::Var(var) => {
                self.reads.vars.insert(var);
            }
            ExprKind::StepVar { var, .. } => {
                self.reads.vars.insert(var);
                self.writes.vars.insert(var);
            }
            ExprKind::MapGet { map, .. }
            | ExprKind::AggGet { map, .. }
            | ExprKind::HasKey { map, .. } => {
                self.reads.maps.insert(map);
            }
            ExprKind::Find { map, var, .. } => {
                self.reads.maps.insert(map);
                self.writes.vars.insert(var);
            }
            ExprKind::StepMap { map, .. } => {
                self.reads.maps.insert(map);
                self.writes.maps.insert(map);
            }
            _ => {}
        }
    }
}

/// Only user space can evaluate it, whatever is kept where.
pub(super) fn needs_user(e: &Expr) -> bool {
    e.any(&|e| matches!(e.kind, ExprKind::Text(_)))
}

/// The map that this expression itself looks into, when it is kept in user space.
pub(super) fn reads_owned(e: &Expr, owned: &Owned) -> Option<MapId> {
    map_of(e).filter(|map| owned.contains(map))
}

/// The map that this expression itself looks into.
pub(super) fn map_of(e: &Expr) -> Option<MapId> {
    match e.kind {
        ExprKind::MapGet { map, .. }
        | ExprKind::AggGet { map, .. }
        | ExprKind::HasKey { map, .. }
        | ExprKind::Find { map, .. }
        | ExprKind::StepMap { map, .. } => Some(map),
        _ => None,
    }
}
