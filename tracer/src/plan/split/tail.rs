//! Cutting clauses: what waits for user space, and what it needs from the kernel.
//!
//! In: clauses. Out: their kernel halves, and [`Split`]: tails with the records that carry their first values. Never decides
//! which maps are kept where: it says which ones its tails touch.

use super::effects::{Effects, Owned, Places, map_of, reads_owned};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{
    self, Clause, Emit, EmitArg, EmitId, EmitKind, Expr, ExprKind, Stmt, StmtKind, TailId, Var,
    VarId, walk,
};
use std::collections::BTreeSet;

/// What came of splitting.
#[derive(Default)]
pub(super) struct Split {
    /// Records to add to the program's.
    pub emits: Vec<Emit>,
    /// By [`TailId`]: the tail and its parameters.
    pub tails: Vec<(Clause, Vec<VarId>)>,
    /// Maps that tails read or write.
    pub touched: Owned,
}

/// Splits one clause after the other.
pub(super) struct Splitter<'a> {
    ir: &'a ir::Program,
    owned: &'a Owned,
    split: Split,
    found: Vec<Diagnostic>,
}

impl<'a> Splitter<'a> {
    pub fn new(ir: &'a ir::Program, owned: &'a Owned) -> Splitter<'a> {
        Splitter {
            ir,
            owned,
            split: Split::default(),
            found: Vec::new(),
        }
    }

    /// The kernel half of a clause.
    pub fn clause(&mut self, clause: &Clause) -> Clause {
        Clause {
            body: self.block(clause, &clause.body, &BTreeSet::new()),
            ..clause.clone()
        }
    }

    pub fn finish(self, found: &mut Vec<Diagnostic>) -> Split {
        found.extend(self.found);
        self.split
    }

    /// The kernel half of a block. `set`: variables that may have been set before it.
    fn block(&mut self, clause: &Clause, stmts: &[Stmt], set: &BTreeSet<VarId>) -> Vec<Stmt> {
        let (mut kernel, user) = self.part(stmts);
        let here = Effects::of(&kernel, self.ir, self.owned).writes.vars;
        let set = set.union(&here).copied().collect();
        match &user[..] {
            [] => {}
            [only] if self.is_kernel_condition(only) => {
                kernel.push(self.branches(clause, only, &set));
            }
            _ => kernel.push(self.tail(clause, user, &set)),
        }
        kernel
    }

    /// Statements for the kernel, and those that wait for user space: the ones that need it, and the ones that may not
    /// overtake them.
    fn part(&self, stmts: &[Stmt]) -> (Vec<Stmt>, Vec<Stmt>) {
        let (mut kernel, mut user) = (Vec::new(), Vec::new());
        for stmt in stmts {
            let own = self.effects(std::slice::from_ref(stmt));
            let waits = own.user || !user.is_empty() && !own.may_overtake(&self.effects(&user));
            match waits {
                true => user.push(stmt.clone()),
                false => kernel.push(stmt.clone()),
            }
        }
        (kernel, user)
    }

    fn effects(&self, stmts: &[Stmt]) -> Effects {
        Effects::of(stmts, self.ir, self.owned)
    }

    /// An `if` whose condition the kernel can decide: then only what it guards is sent.
    fn is_kernel_condition(&self, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::If { cond, .. } => !self.evaluating(cond).user,
            _ => false,
        }
    }

    fn evaluating(&self, e: &Expr) -> Effects {
        self.effects(&[Stmt {
            kind: StmtKind::Expr(e.clone()),
            span: e.span,
        }])
    }

    fn branches(&mut self, clause: &Clause, stmt: &Stmt, set: &BTreeSet<VarId>) -> Stmt {
        let StmtKind::If {
            cond,
            then,
            otherwise,
        } = &stmt.kind
        else {
            return stmt.clone();
        };
        let set = set | &self.evaluating(cond).writes.vars;
        let kind = StmtKind::If {
            cond: cond.clone(),
            then: self.block(clause, then, &set),
            otherwise: self.block(clause, otherwise, &set),
        };
        Stmt {
            kind,
            span: stmt.span,
        }
    }

    /// Makes a tail of statements; what stands in their place sends its first values.
    fn tail(&mut self, clause: &Clause, mut body: Vec<Stmt>, set: &BTreeSet<VarId>) -> Stmt {
        let span = body.first().map_or(clause.span, |stmt| stmt.span);
        let writes = self.effects(&body).writes;
        let mut inputs = Inputs {
            owned: self.owned,
            own: &writes,
            vars: clause.vars.clone(),
            params: Vec::new(),
            values: Vec::new(),
        };
        for var in writes.vars.intersection(set) {
            inputs.start_with(*var, span);
        }
        walk::visit_roots_mut(&mut body, &mut |e| inputs.take(e));
        let Inputs {
            vars,
            params,
            values,
            ..
        } = inputs;
        self.note_uses(&body);
        let tail = Clause {
            predicate: None,
            body,
            vars,
            ..clause.clone()
        };
        let id = TailId(self.split.tails.len() as u32);
        self.split.tails.push((tail, params));
        self.send(id, values, span)
    }

    fn send(&mut self, tail: TailId, values: Vec<Expr>, span: Span) -> Stmt {
        let id = EmitId((self.ir.emits.len() + self.split.emits.len()) as u32);
        self.split.emits.push(Emit {
            kind: EmitKind::Tail(tail),
            args: values.iter().map(|value| value.ty.clone()).collect(),
            span,
        });
        let argument = |value| EmitArg {
            value,
            present: None,
        };
        let args = values.into_iter().map(argument).collect();
        Stmt {
            kind: StmtKind::Emit { id, args },
            span,
        }
    }

    /// The maps of a finished tail; and what it reads where only the kernel can.
    fn note_uses(&mut self, body: &[Stmt]) {
        let effects = self.effects(body);
        self.split.touched.extend(effects.maps());
        walk::visit_exprs(body, &mut |e| {
            if is_read(e) {
                let what = "this reads memory at an address that only user space can compute";
                let help = "read it before, into a variable, at an address that the kernel knows";
                self.found.push(too_late(e.span, what, help));
            }
        });
        walk::visit_stmts(body, &mut |stmt| {
            if matches!(stmt.kind, StmtKind::Signal(_) | StmtKind::Override(_)) {
                let what = "this acts on the event's process, and depends on what only user space can tell";
                let help = "let it depend on what the kernel knows: numbers, comm, arguments";
                self.found.push(too_late(stmt.span, what, help));
            }
        });
    }
}

/// What a tail takes from the kernel.
struct Inputs<'a> {
    owned: &'a Owned,
    /// What the tail itself changes.
    own: &'a Places,
    vars: Vec<Var>,
    params: Vec<VarId>,
    /// By parameter.
    values: Vec<Expr>,
}

impl Inputs<'_> {
    /// A variable that the tail changes starts with the value that it has in the kernel.
    fn start_with(&mut self, var: VarId, span: Span) {
        let ty = self.vars[var.0 as usize].ty.clone();
        let kind = ExprKind::Var(var);
        self.params.push(var);
        self.values.push(Expr { ty, kind, span });
    }

    /// Replaces what the kernel can evaluate by variables: the largest expressions possible.
    fn take(&mut self, e: &mut Expr) {
        if is_constant(e) {
            return;
        }
        if self.is_of_user(e) {
            e.operands_mut().into_iter().for_each(|e| self.take(e));
            return;
        }
        let known = self.values.iter().position(|value| value.same_value(e));
        let var = match known {
            Some(at) => self.params[at],
            None => self.param(e),
        };
        e.kind = ExprKind::Var(var);
    }

    fn param(&mut self, value: &Expr) -> VarId {
        let var = VarId(self.vars.len() as u32);
        self.vars.push(Var {
            name: format!(".taken{}", self.params.len()),
            ty: value.ty.clone(),
        });
        self.params.push(var);
        self.values.push(value.clone());
        var
    }

    /// Its value, or some of it, is made in user space.
    fn is_of_user(&self, e: &Expr) -> bool {
        e.any(&|e| match e.kind {
            ExprKind::Text(_)
            | ExprKind::Find { .. }
            | ExprKind::StepVar { .. }
            | ExprKind::StepMap { .. } => true,
            ExprKind::Var(var) => self.own.vars.contains(&var),
            _ => {
                reads_owned(e, self.owned).is_some()
                    || map_of(e).is_some_and(|map| self.own.maps.contains(&map))
            }
        })
    }
}

fn is_read(e: &Expr) -> bool {
    matches!(
        e.kind,
        ExprKind::Load { .. }
            | ExprKind::ReadStr { .. }
            | ExprKind::ReadArray { .. }
            | ExprKind::ReadBytes { .. }
            | ExprKind::ReadArgv { .. }
            | ExprKind::ReadPath { .. }
            | ExprKind::ReadState(_)
    )
}

fn too_late(span: Span, what: &str, help: &str) -> Diagnostic {
    Diagnostic::error(codes::EVENT_IS_OVER, span, what)
        .label("when user space comes to this, the event is over")
        .help(help)
}

fn is_constant(e: &Expr) -> bool {
    !e.any(&|e| !e.kind.is_made_of_operands())
}
