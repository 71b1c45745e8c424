//! How a reading went: `ok`, `late`, `fault`, ….
//!
//! In: a string or a load. Out: its [`ArgState`]. What the entry saved is asked first; what is read here is not
//! counted when it fails.

use std::mem::offset_of;

use tracer_ebpf::{CapturedLoad, CapturedStr};

use super::Lower;
use super::memory::capacity;
use super::program::state_field;
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{BlockId, Class, Inst, Opnd, Place, VReg};
use crate::ir::{Expr, ExprKind};
use crate::types::call::ArgState;

/// Where the answer is put, and what follows.
#[derive(Clone, Copy)]
struct Answer {
    to: VReg,
    next: BlockId,
}

impl Lower<'_> {
    /// The state of a reading, as its wire value.
    pub fn read_state(&mut self, of: &Expr) -> Opnd {
        let address = match &of.kind {
            ExprKind::ReadStr { addr: base, .. } | ExprKind::Load { base, .. } => self.scalar(base),
            _ => unreachable!("only readings have a state"),
        };
        let address = self.b.reg(address);
        let answer = Answer {
            to: self.b.vreg(Class::Scalar),
            next: self.b.block(),
        };
        let (null, leads) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, address, Opnd::Imm(0), null, leads);
        self.b.switch(null);
        self.answer(answer, ArgState::Null);
        self.b.switch(leads);
        match self.find_captured(of) {
            None => self.state_now(of, address, ArgState::Ok, answer),
            Some((saved, offset)) => {
                let (take, now) = (self.b.block(), self.b.block());
                self.b.branch(Cond::Ne, saved, Opnd::Imm(0), take, now);
                self.b.switch(take);
                let from = state_field(saved, offset as usize);
                match of.kind {
                    ExprKind::Load { .. } => self.state_of_load(of, address, from, answer),
                    _ => self.state_of_string(of, from, answer),
                }
                self.b.switch(now);
                self.state_now(of, address, ArgState::Late, answer);
            }
        }
        self.b.switch(answer.next);
        self.b.forget(answer.to);
        Opnd::Reg(answer.to)
    }

    /// Ends the current block with an answer.
    fn answer(&mut self, answer: Answer, state: ArgState) {
        self.b.push(Inst::Copy(answer.to, Opnd::Imm(state as i32)));
        self.b.jump(answer.next);
    }

    /// Reads it now; `good` when that goes well.
    fn state_now(&mut self, of: &Expr, address: VReg, good: ArgState, answer: Answer) {
        let address = Opnd::Reg(address);
        match &of.kind {
            ExprKind::Load {
                offset,
                space,
                width,
                ..
            } => {
                let address = self.offset(address, *offset);
                let (_, failed) = self.read(address, *space, *width);
                self.good_or_fault(Cond::Eq, failed, good, answer);
            }
            ExprKind::ReadStr { space, .. } => {
                let mark = self.memory.mark();
                let own = self.temporary(of.ty.size());
                let length = self.try_read_string(address, *space, &of.ty, own);
                self.memory.reset(mark);
                self.state_of_length(of, length, good, answer);
            }
            _ => unreachable!("only readings have a state"),
        }
    }

    /// `result cond 0` is a reading that went well.
    fn good_or_fault(&mut self, cond: Cond, result: VReg, good: ArgState, answer: Answer) {
        let (fine, fault) = (self.b.block(), self.b.block());
        self.b.branch(cond, result, Opnd::Imm(0), fine, fault);
        self.b.switch(fine);
        self.answer(answer, good);
        self.b.switch(fault);
        self.answer(answer, ArgState::Fault);
    }

    /// By the length with NUL of a string that was read in one go.
    fn state_of_length(&mut self, of: &Expr, length: VReg, good: ArgState, answer: Answer) {
        if good == ArgState::Ok {
            let (full, rest) = (self.b.block(), self.b.block());
            let capacity = Opnd::Imm(capacity(&of.ty) as i32);
            self.b.branch(Cond::Eq, length, capacity, full, rest);
            self.b.switch(full);
            self.answer(answer, ArgState::Truncated);
            self.b.switch(rest);
        }
        self.good_or_fault(Cond::Sge, length, good, answer);
    }

    /// What the entry loaded, what was loaded since, or can be loaded now.
    fn state_of_load(&mut self, of: &Expr, address: VReg, from: Place, answer: Answer) {
        let failed = from.plus(offset_of!(CapturedLoad, failed) as u32);
        let failed = self.b.load(Size::DW, failed);
        let (again, read) = (self.b.cold_block(), self.b.block());
        self.b.branch(Cond::Eq, failed, Opnd::Imm(1), again, read);
        self.b.switch(again);
        let gone = self.b.cold_block();
        self.unless_replaced(None, gone);
        self.state_now(of, address, ArgState::Late, answer);
        self.b.switch(gone);
        self.answer(answer, ArgState::Fault);
        self.b.switch(read);
        let (was_late, in_time) = (self.b.block(), self.b.block());
        let late = Opnd::Imm(CapturedLoad::LATE as i32);
        self.b.branch(Cond::Eq, failed, late, was_late, in_time);
        self.b.switch(was_late);
        self.answer(answer, ArgState::Late);
        self.b.switch(in_time);
        self.answer(answer, ArgState::Ok);
    }

    /// What the entry read, the exit has read, or can be read now.
    fn state_of_string(&mut self, of: &Expr, from: Place, answer: Answer) {
        let length_at = from.plus(offset_of!(CapturedStr, len) as u32);
        let length = self.b.load(Size::DW, length_at);
        let (again, read) = (self.b.cold_block(), self.b.block());
        self.b.branch(Cond::Slt, length, Opnd::Imm(0), again, read);
        self.b.switch(again);
        let gone = self.b.cold_block();
        self.unless_replaced(None, gone);
        let second = self.read_string_again(of, from);
        self.good_or_fault(Cond::Sge, second, ArgState::Late, answer);
        self.b.switch(gone);
        self.answer(answer, ArgState::Fault);
        self.b.switch(read);
        let late = self.b.num(CapturedStr::LATE as u64);
        let late = self.b.alu(Alu::And, Opnd::Reg(length), late);
        let (was_late, in_time) = (self.b.block(), self.b.block());
        self.b
            .branch(Cond::Ne, late, Opnd::Imm(0), was_late, in_time);
        self.b.switch(was_late);
        self.answer(answer, ArgState::Late);
        self.b.switch(in_time);
        self.state_of_length(of, length, ArgState::Ok, answer);
    }
}
