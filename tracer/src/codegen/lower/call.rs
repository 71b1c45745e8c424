//! Whole calls in records.
//!
//! In: an emit that carries a call. Out: code that has the runtime put the call together, once a firing, in this CPU's area,
//! and send it behind the record's front. Never touches the call's bytes.

use std::mem::offset_of;

use tracer_ebpf::{CallEntry, call_flag};

use super::Lower;
use super::builder::{arg, imm, runtime};
use super::program::state_field;
use super::record::HEADER;
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{Arg, Class, Inst, Opnd, Place, VReg};
use crate::ir::walk::visit_stmts;
use crate::ir::{Builtin, ExprKind, StmtKind};
use crate::plan::{CallPlan, Hook, RecordLayout, Role};
use crate::types::Type;

impl Lower<'_> {
    /// Whether some part of the program sends a call.
    pub fn sends_calls(&self) -> bool {
        let mut sends = false;
        for part in &self.program.parts {
            if let Role::Run { body, .. } = &part.role {
                visit_stmts(body, &mut |stmt| {
                    if let StmtKind::Emit { args, .. } = &stmt.kind {
                        let whole = ExprKind::Builtin(Builtin::Call);
                        sends |= args.iter().any(|arg| arg.value.kind == whole);
                    }
                });
            }
        }
        sends
    }

    /// At entry: has the runtime keep the memory that the call reads in the task's state, at `offset`.
    pub fn keep_call(&mut self, state: VReg, offset: u32) {
        self.kept_call("rt_call_keep", state, offset);
    }

    /// In an execve: has it read again what could not be read at entry.
    pub fn keep_call_again(&mut self, state: VReg, offset: u32) {
        self.kept_call("rt_call_again", state, offset);
    }

    fn kept_call(&mut self, function: &'static str, state: VReg, offset: u32) {
        let call = self.call.expect("only system-call clauses keep calls");
        let plan = self.call_plan();
        let args = vec![
            Arg::Addr(call.frame),
            arg(state),
            imm(plan.front_bytes),
            imm(plan.call_bytes),
            imm(offset),
        ];
        self.b.call(runtime(function), args);
    }

    /// At the end of an exit: what was kept for the call goes back to the pool, when it is there.
    pub fn give_call_back(&mut self, state: VReg) {
        let Some(offset) = self.call_kept_at() else {
            return;
        };
        let kept = state_field(state, offset as usize);
        let spill = kept.plus(offset_of!(CallEntry, spill) as u32);
        let spill = self.b.load(Size::DW, spill);
        self.b.rarely(Cond::Ne, spill, Opnd::Imm(0), |b| {
            b.call(runtime("rt_call_done"), vec![Arg::Addr(kept)]);
        });
    }

    /// Where the task's state keeps a call's memory.
    fn call_kept_at(&self) -> Option<u32> {
        let captures = &self.plan.syscalls.as_ref()?.captures;
        let whole = ExprKind::Builtin(Builtin::Call);
        let kept = captures.iter().find(|c| c.expr.kind == whole)?;
        Some(kept.offset)
    }

    /// Sends a record whose front stands at `record`; its length with header is `end`.
    pub fn send_with_call(&mut self, record: Place, layout: &RecordLayout, end: VReg) {
        let next = self.b.block();
        let length = self.whole_call(next);
        self.call_places(record, layout, end, length);
        let plan = self.call_plan();
        let args = vec![
            Arg::Addr(record),
            arg(end),
            imm(plan.front_bytes),
            imm(plan.call_bytes),
            imm(self.call_flags()),
        ];
        self.b.call(runtime("rt_emit_call"), args);
        self.b.jump(next);
        self.b.switch(next);
    }

    /// Bytes of the call, put together when no statement of this firing did so before. Without memory for it (a counted loss) goes to
    /// `without`.
    fn whole_call(&mut self, without: crate::codegen::lir::BlockId) -> VReg {
        let call = self.call.expect("only system-call clauses send calls");
        let whole = call.whole.expect("the program sends calls");
        let (make, made) = (self.b.block(), self.b.block());
        let have = self.b.load(Size::DW, whole);
        self.b.branch(Cond::Eq, have, Opnd::Imm(0), make, made);
        self.b.switch(make);
        let saved = match self.part.saved {
            Some(saved) => arg(saved),
            None => imm(0),
        };
        let plan = self.call_plan();
        let args = vec![
            Arg::Addr(call.frame),
            saved,
            imm(plan.front_bytes),
            imm(plan.call_bytes),
            imm(self.call_flags()),
        ];
        let length = self.b.call_number(runtime("rt_call"), args);
        self.b.store(Size::DW, whole, Opnd::Reg(length));
        self.b.jump(made);
        self.b.switch(made);
        let length = self.b.vreg(Class::Held);
        self.b.push(Inst::Load(Size::DW, length, whole));
        self.b.branch_away(Cond::Eq, length, Opnd::Imm(0), without);
        length
    }

    /// Where the call stands, in the fixed part of each argument that is one.
    fn call_places(&mut self, record: Place, layout: &RecordLayout, end: VReg, length: VReg) {
        let header = Opnd::Imm(-(HEADER as i32));
        let offset = self.b.alu(Alu::Add, Opnd::Reg(end), header);
        for (_, at) in layout.args.iter().filter(|(ty, _)| *ty == Type::Call) {
            let to = record.plus(HEADER + at);
            self.b.store(Size::W, to, Opnd::Reg(offset));
            self.b.store(Size::W, to.plus(4), Opnd::Reg(length));
        }
    }

    fn call_plan(&self) -> &CallPlan {
        let syscalls = self.plan.syscalls.as_ref();
        let plan = syscalls.and_then(|syscalls| syscalls.call.as_ref());
        plan.expect("the plan has room for calls")
    }

    /// What the runtime must know of this place.
    fn call_flags(&self) -> u32 {
        let at_entry = match self.hook {
            Hook::SysEnter => call_flag::AT_ENTRY,
            _ => 0,
        };
        let entry_wanted = match self.part.saved {
            Some(_) => call_flag::ENTRY_WANTED,
            None => 0,
        };
        let whole = ExprKind::Builtin(Builtin::Call);
        let kept = self.part.captures.iter().find(|c| c.expr.kind == whole);
        let kept_at = kept.map_or(0, |c| c.offset) << call_flag::KEPT_AT;
        (at_entry | entry_wanted) as u32 | kept_at
    }
}
