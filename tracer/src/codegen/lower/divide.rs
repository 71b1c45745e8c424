//! Large programs, divided: pieces of a clause become functions of the program's own.
//!
//! In: statements. Out: calls, and functions that are lowered like the callbacks of loops: pointers come from the environment on
//! the program's stack, variables live in the scratch frame, and a word there says where control went. A function is short
//! enough for jumps to reach over it, and for those who look at a function as a whole (our allocator, the kernel's verifier)
//! not to take time that grows with the square of the program. Never divides one statement, nor what stands in a loop
//! together with another loop.
//!
//! A piece is the callback of a `bpf_loop` of one step. A function that is called is a part of its caller's path to the verifier,
//! which keeps in mind each branch that it has not taken until the path ends, and gives up at 8192 of them
//! (`BPF_COMPLEXITY_LIMIT_JMP_SEQ` in kernel/bpf/verifier.c). A callback is a path of its own beside the one that goes on
//! behind the loop (commit ab5cfac139ab), so that a piece's branches are counted apart.

use super::Lower;
use super::builder::imm;
use super::loops::{LOOP_CONTEXT, went};
use crate::bpf::helpers;
use crate::codegen::lir::{Arg, Callee};
use crate::ir::walk::{any_stmt, has_steps, loop_depth, visit_exprs, visit_stmts};
use crate::ir::{Stmt, StmtKind};
use crate::plan::limits::LOOP_DEPTH;

/// Of a piece's weight, below which a function of its own gains nothing: so many make one.
const WORTH: usize = 40;
/// A statement's weight besides its expressions: most write a key and call the runtime.
const STATEMENT: usize = 12;

impl Lower<'_> {
    /// The statements of a clause. In a divided program that is one function at least.
    pub fn clause_body(&mut self, body: &[Stmt]) {
        if self.is_piece(body) && !has_steps(body) {
            self.part_of_clause(body);
        } else {
            self.looping(body);
        }
    }

    /// The statements in groups, each small enough for a function. A statement with more in it than that stands alone.
    pub fn chunks<'s>(&self, stmts: &'s [Stmt]) -> Vec<&'s [Stmt]> {
        let whole = vec![stmts];
        let Some(most) = self.piece else { return whole };
        if weight(stmts) <= most {
            return whole;
        }
        let mut chunks = Vec::new();
        let (mut from, mut weighs) = (0, 0);
        for (at, stmt) in stmts.iter().enumerate() {
            let more = weight(std::slice::from_ref(stmt));
            if weighs + more > most && from < at {
                chunks.push(&stmts[from..at]);
                (from, weighs) = (at, 0);
            }
            weighs += more;
        }
        chunks.push(&stmts[from..]);
        chunks
    }

    /// Whether statements are to be a function, and can be one.
    pub fn is_piece(&self, stmts: &[Stmt]) -> bool {
        let Some(most) = self.piece else { return false };
        let is_steps = self.part.steps.is_some() && has_steps(stmts);
        (most / WORTH..=most).contains(&weight(stmts))
            && !is_steps
            && self.depth + 1 + loop_depth(stmts) <= LOOP_DEPTH
    }

    /// Statements as a function, and the call of it.
    pub fn part_of_clause(&mut self, stmts: &[Stmt]) {
        let mark = self.memory.mark();
        let control = self.scratch(8).off as u32;
        let environment = self.environment();
        let name = self.callback_name("part");
        let in_loop = self.part.jumps.is_some();
        self.callback(&name, 1, |lower| {
            lower.receive(LOOP_CONTEXT);
            lower.ways_out(control, in_loop);
            lower.looping(stmts);
            lower.b.give_back(false);
        });
        self.go_to(control, went::ON);
        let args = vec![imm(1), Arg::Function(name), environment, imm(0)];
        self.b.call(Callee::Helper(helpers::LOOP), args);
        if any_stmt(stmts, &leaves) {
            self.follow(stmts, control);
        }
        self.memory.reset(mark);
    }
}

/// Control may go elsewhere than behind the statement.
fn leaves(kind: &StmtKind) -> bool {
    matches!(
        kind,
        StmtKind::Break
            | StmtKind::Continue
            | StmtKind::Return
            | StmtKind::Exit(_)
            | StmtKind::Loop { .. }
            | StmtKind::ForEach { .. }
    )
}

/// How much code statements become, roughly.
fn weight(stmts: &[Stmt]) -> usize {
    let mut weight = 0;
    visit_stmts(stmts, &mut |_| weight += STATEMENT);
    visit_exprs(stmts, &mut |_| weight += 1);
    weight
}
