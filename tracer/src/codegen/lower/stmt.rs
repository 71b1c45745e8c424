//! Statements.
//!
//! In: a clause's body. Out: blocks. What a statement needed in memory is free again behind it.

use super::builder::runtime;
use super::{Lower, Var};
use crate::codegen::lir::{Inst, Opnd};
use crate::ir::{EmitKind, Expr, ExprKind, Stmt, StmtKind, VarId};

impl Lower<'_> {
    /// In order, in functions of their own when there are too many.
    pub fn stmts(&mut self, stmts: &[Stmt]) {
        let chunks = self.chunks(stmts);
        let divided = chunks.len() > 1;
        for chunk in chunks {
            if divided && self.is_piece(chunk) {
                self.part_of_clause(chunk);
            } else {
                self.row(chunk);
            }
        }
    }

    /// One behind the other.
    pub fn row(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            self.b.line = stmt.span.start;
            let mark = self.memory.mark();
            self.stmt(stmt);
            self.memory.reset(mark);
        }
    }

    /// A flat match over the statements.
    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::SetVar(var, value) => self.set_var(*var, value),
            StmtKind::SetMap { map, key, value } => self.set_map(*map, key, value),
            StmtKind::Aggregate { map, key, value } => self.aggregate(*map, key, value.as_ref()),
            StmtKind::Delete { map, key } => self.delete(*map, key),
            StmtKind::If {
                cond,
                then,
                otherwise,
            } => self.if_else(cond, then, otherwise),
            StmtKind::Loop {
                cond,
                body,
                next,
                site,
            } => self.loop_stmt(cond, (body, next), *site),
            StmtKind::ForEach { map, var, body } => self.for_each(*map, *var, body),
            StmtKind::Break => self.jump_of_loop(true),
            StmtKind::Continue => self.jump_of_loop(false),
            StmtKind::Emit { id, args } => self.emit(*id, args),
            StmtKind::Clear(map) => {
                let map = *map;
                self.clear(map, &|kind| *kind == EmitKind::Clear(map));
            }
            StmtKind::Zero(map) => {
                let map = *map;
                self.clear(map, &|kind| *kind == EmitKind::Zero(map));
            }
            StmtKind::Exit(code) => self.exit_run(code),
            StmtKind::Signal(number) => self.signal(number),
            StmtKind::Override(result) => self.override_result(result),
            StmtKind::Return => {
                let leave = self.part.leave.expect("statements stand in a part");
                self.end_with(leave);
            }
            StmtKind::Expr(e) => self.discard(e),
            StmtKind::Count(site) => Self::count_site(&mut self.b, *site),
        }
    }

    fn set_var(&mut self, var: VarId, value: &Expr) {
        match self.home(var) {
            Var::Word(v) => {
                let value = self.scalar(value);
                self.b.push(Inst::Copy(v, value));
                self.b.forget(v);
            }
            // The value may be made of the variable's own parts.
            Var::Memory(home) if is_made_of(value, var) => {
                let new = self.temporary(value.ty.size());
                self.store_into(value, new);
                self.copy(home, new, value.ty.size());
            }
            Var::Memory(home) => self.store_into(value, home),
        }
    }

    fn if_else(&mut self, cond: &Expr, then: &[Stmt], otherwise: &[Stmt]) {
        let (yes, no, next) = (self.b.block(), self.b.block(), self.b.block());
        self.condition(cond, yes, no);
        for (block, stmts) in [(yes, then), (no, otherwise)] {
            self.b.switch(block);
            self.stmts(stmts);
            self.b.jump(next);
        }
        self.b.switch(next);
    }

    /// The record first, then the end: user space learns the code of the run that it ends.
    fn exit_run(&mut self, code: &Expr) {
        self.emit_exit(code);
        self.b.call(runtime("rt_exit"), vec![]);
        let quit = self.part.quit.expect("statements stand in a part");
        self.end_with(quit);
    }

    /// Leaves; what follows in the script is not reached.
    pub fn end_with(&mut self, to: crate::codegen::lir::BlockId) {
        self.b.jump(to);
        let unreached = self.b.block();
        self.b.switch(unreached);
    }

    /// Evaluates for the effect.
    fn discard(&mut self, e: &Expr) {
        if e.ty.is_scalar() {
            let _: Opnd = self.scalar(e);
        } else {
            self.place(e);
        }
    }
}

/// Whether a value that is written part by part may read the variable that it is written to.
fn is_made_of(value: &Expr, var: VarId) -> bool {
    !value.ty.is_scalar() && value.any(&|e| e.kind == ExprKind::Var(var))
}
