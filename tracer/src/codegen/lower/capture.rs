//! Values that a call's entry saves for its exit: writing them, and reading them back.
//!
//! In: captured expressions. Out: code at entry that fills the task's state; code at exit that takes a value
//! from there when the entry was seen and the value could be read, and evaluates it otherwise. Never reads at an
//! old address in the memory of a new program.

use std::mem::offset_of;

use tracer_ebpf::{CapturedLoad, CapturedStr, EntryState, SysFrame, want};

use super::builder::{imm, runtime};
use super::memory::capacity;
use super::program::state_field;
use super::{Call, Captured, Lower};
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{Arg, BlockId, Class, Inst, Opnd, Place, VReg};
use crate::ir::{Builtin, Expr, ExprKind, SiteId};
use crate::plan::CaptureId;
use crate::types::Space;

/// Where a string's bytes are in its capture.
const STR_BYTES: u32 = size_of::<CapturedStr>() as u32;

impl Lower<'_> {
    /// The entry half of a clause: saves everything and marks the clause as seen.
    pub fn capture(&mut self, captures: &[CaptureId], bit: Option<u8>, next: BlockId) {
        let leave = self.part.leave.expect("captures stand in a part");
        let (
            Some(Call {
                frame,
                state: Some(state),
                ..
            }),
            Some(bit),
        ) = (self.call, bit)
        else {
            return self.b.jump(next);
        };
        self.need_state(frame, state, leave);
        for id in captures {
            let captured = self.captured(*id);
            let mark = self.memory.mark();
            self.save(&captured, state);
            self.memory.reset(mark);
        }
        let seen = state_field(state, offset_of!(EntryState, seen));
        let before = self.b.load(Size::DW, seen);
        let bit = self.b.num(1 << bit);
        let after = self.b.alu(Alu::Or, Opnd::Reg(before), bit);
        self.b.store(Size::DW, seen, Opnd::Reg(after));
        self.b.jump(leave);
    }

    /// While an execve still has the old program's memory: reads again what the entry could not.
    pub fn capture_again(&mut self, captures: &[CaptureId], bit: Option<u8>) {
        let leave = self.part.leave.expect("captures stand in a part");
        let (
            Some(Call {
                frame,
                state: Some(state),
                ..
            }),
            Some(bit),
        ) = (self.call, bit)
        else {
            return self.b.jump(leave);
        };
        self.b.push(Inst::Call {
            callee: runtime("rt_state_get"),
            args: vec![Arg::Addr(frame)],
            dst: Some(state),
        });
        let saved = self.b.block();
        self.b.branch(Cond::Eq, state, Opnd::Imm(0), leave, saved);
        self.b.switch(saved);
        let seen = state_field(state, offset_of!(EntryState, seen));
        let seen = self.b.load(Size::DW, seen);
        self.test_bit(seen, bit, leave);
        for id in captures {
            let captured = self.captured(*id);
            let mark = self.memory.mark();
            self.save_again(&captured, state);
            self.memory.reset(mark);
        }
        self.b.jump(leave);
    }

    /// Reads one of them again, if its reading failed.
    fn save_again(&mut self, captured: &Captured, state: VReg) {
        let to = state_field(state, captured.offset as usize);
        let (again, next) = (self.b.cold_block(), self.b.block());
        let faults = self.b.copy(Opnd::Imm(0));
        self.part.faults = Some(faults);
        match &captured.expr.kind {
            ExprKind::ReadStr { .. } => {
                let length = to.plus(offset_of!(CapturedStr, len) as u32);
                let length = self.b.load(Size::DW, length);
                self.b.branch(Cond::Slt, length, Opnd::Imm(0), again, next);
                self.b.switch(again);
                self.read_string_again(&captured.expr, to);
            }
            ExprKind::Load { .. } => {
                let failed_at = to.plus(offset_of!(CapturedLoad, failed) as u32);
                let failed = self.b.load(Size::DW, failed_at);
                self.b.branch(Cond::Eq, failed, Opnd::Imm(1), again, next);
                self.b.switch(again);
                let value = self.evaluate(&captured.expr);
                let value_at = to.plus(offset_of!(CapturedLoad, value) as u32);
                self.b.store(Size::DW, value_at, value);
                // 1 stays 1, 0 becomes "late".
                let went_well = self.b.alu(Alu::Xor, Opnd::Reg(faults), Opnd::Imm(1));
                let late = Opnd::Imm(CapturedLoad::LATE.trailing_zeros() as i32);
                let late = self.b.alu(Alu::Lsh, Opnd::Reg(went_well), late);
                let failed = self.b.alu(Alu::Or, Opnd::Reg(late), Opnd::Reg(faults));
                self.b.store(Size::DW, failed_at, Opnd::Reg(failed));
            }
            _ => {
                self.b.jump(again);
                self.b.switch(again);
                self.keep_call_again(state, captured.offset);
            }
        }
        self.b.jump(next);
        self.b.switch(next);
        self.part.faults = None;
    }

    /// Makes the task's state, when no earlier clause of this firing did.
    fn need_state(&mut self, frame: Place, state: VReg, without: BlockId) {
        let (make, next) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, state, Opnd::Imm(0), make, next);
        self.b.switch(make);
        let syscalls = self.plan.syscalls.as_ref();
        let needs_time = syscalls.is_some_and(|syscalls| syscalls.needs_time);
        let wants = if needs_time { want::TIME } else { 0 };
        self.b.push(Inst::Call {
            callee: runtime("rt_state_new"),
            args: vec![Arg::Addr(frame), imm(wants as u32)],
            dst: Some(state),
        });
        self.b.branch(Cond::Eq, state, Opnd::Imm(0), without, next);
        self.b.switch(next);
    }

    fn save(&mut self, captured: &Captured, state: VReg) {
        let to = state_field(state, captured.offset as usize);
        let faults = self.b.copy(Opnd::Imm(0));
        self.part.faults = Some(faults);
        match &captured.expr.kind {
            ExprKind::ReadStr { addr, space, .. } => {
                let address = self.evaluate(addr);
                let place = to.plus(offset_of!(CapturedStr, addr) as u32);
                self.b.store(Size::DW, place, address);
                let ty = &captured.expr.ty;
                let length = self.try_read_string(address, *space, ty, to.plus(STR_BYTES));
                let place = to.plus(offset_of!(CapturedStr, len) as u32);
                self.b.store(Size::DW, place, Opnd::Reg(length));
            }
            ExprKind::Builtin(Builtin::Call) => self.keep_call(state, captured.offset),
            ExprKind::Load { .. } => {
                let value = self.evaluate(&captured.expr);
                let place = to.plus(offset_of!(CapturedLoad, value) as u32);
                self.b.store(Size::DW, place, value);
                let place = to.plus(offset_of!(CapturedLoad, failed) as u32);
                self.b.store(Size::DW, place, Opnd::Reg(faults));
            }
            _ => {
                let value = self.evaluate(&captured.expr);
                self.b.store(Size::DW, to, value);
            }
        }
        self.part.faults = None;
    }

    /// Whether the entry saved this expression.
    pub fn is_captured(&self, e: &Expr) -> bool {
        self.find_captured(e).is_some()
    }

    /// Where the task's state has the expression, while the clause runs at the exit.
    pub fn find_captured(&self, e: &Expr) -> Option<(VReg, u32)> {
        let saved = self.part.saved?;
        if self.part.captures.is_empty() {
            return None;
        }
        let bare = e.bare();
        let found = self.part.captures.iter().find(|c| c.expr == bare)?;
        Some((saved, found.offset))
    }

    /// The saved word, or the expression evaluated now when nothing (readable) was saved. `None` when the
    /// expression is not a captured one.
    pub fn captured_word(&mut self, e: &Expr) -> Option<Opnd> {
        let (saved, offset) = self.find_captured(e)?;
        let (take, now, next) = (self.b.block(), self.b.block(), self.b.block());
        let out = self.b.vreg(Class::Scalar);
        self.b.branch(Cond::Ne, saved, Opnd::Imm(0), take, now);
        self.b.switch(take);
        let from = state_field(saved, offset as usize);
        if let ExprKind::Load { site, .. } = e.kind {
            let failed = from.plus(offset_of!(CapturedLoad, failed) as u32);
            let failed = self.b.load(Size::DW, failed);
            let (again, good) = (self.b.cold_block(), self.b.block());
            self.b.branch(Cond::Eq, failed, Opnd::Imm(1), again, good);
            self.b.switch(again);
            self.unless_replaced(Some(site), good);
            self.b.jump(now);
            self.b.switch(good);
        }
        // A load that failed has left 0 there.
        self.b.push(Inst::Load(Size::DW, out, from));
        self.b.jump(next);
        self.b.switch(now);
        let value = self.evaluate(e);
        self.b.push(Inst::Copy(out, value));
        self.b.jump(next);
        self.b.switch(next);
        Some(Opnd::Reg(out))
    }

    /// The saved string, where it stands in the state; one that faulted at entry is read again into the
    /// same place. When the entry was not seen it is read now.
    pub fn captured_string(&mut self, e: &Expr) -> Place {
        let (saved, offset) = self.find_captured(e).expect("the caller has asked");
        let ExprKind::ReadStr { addr, space, site } = &e.kind else {
            unreachable!("only strings are captured as strings");
        };
        let (pointer, place) = self.pointer();
        let (take, now, next) = (self.b.block(), self.b.block(), self.b.block());
        self.b.branch(Cond::Ne, saved, Opnd::Imm(0), take, now);

        self.b.switch(take);
        let from = state_field(saved, offset as usize);
        let bytes = from.plus(STR_BYTES);
        let length_at = from.plus(offset_of!(CapturedStr, len) as u32);
        let length = self.b.load(Size::DW, length_at);
        let (again, good) = (self.b.cold_block(), self.b.block());
        self.b.branch(Cond::Slt, length, Opnd::Imm(0), again, good);
        self.b.switch(again);
        // A read that failed has left an empty string there.
        self.unless_replaced(Some(*site), good);
        let length = self.read_string_again(e, from);
        self.fault(Cond::Slt, length, *site);
        self.b.jump(good);
        self.b.switch(good);
        self.point_to(pointer, bytes);
        self.b.jump(next);

        self.b.switch(now);
        let own = self.temporary(capacity(&e.ty));
        let address = self.scalar(addr);
        self.read_string(address, *space, &e.ty, own, *site);
        self.point_to(pointer, own);
        self.b.jump(next);
        self.b.switch(next);
        place
    }

    /// Reads a string that faulted at entry into its capture, and marks it there. Gives the length, or a negative errno.
    pub fn read_string_again(&mut self, e: &Expr, capture: Place) -> VReg {
        let ExprKind::ReadStr { addr, space, .. } = &e.kind else {
            unreachable!("only strings are captured as strings");
        };
        let address = self.address_again(addr, capture);
        let length = self.try_read_string(address, *space, &e.ty, capture.plus(STR_BYTES));
        let late = self.b.num(CapturedStr::LATE as u64);
        // A negative number stays negative.
        let marked = self.b.alu(Alu::Or, Opnd::Reg(length), late);
        let length_at = capture.plus(offset_of!(CapturedStr, len) as u32);
        self.b.store(Size::DW, length_at, Opnd::Reg(marked));
        length
    }

    /// Goes on when what faulted at entry can be read now. After an execve that succeeded the old memory is gone, and
    /// the same address means something else: that is a fault, counted where it is to be, and `lost` goes on with nothing.
    pub fn unless_replaced(&mut self, site: Option<SiteId>, lost: BlockId) {
        let execs = std::mem::take(&mut self.part.execs);
        if let (Some(call), false) = (self.call, execs.is_empty()) {
            let (replaced, same) = (self.b.cold_block(), self.b.block());
            let word = |offset| call.frame.plus(offset as u32);
            let ret = self.b.load(Size::DW, word(offset_of!(SysFrame, ret)));
            self.b.branch_away(Cond::Ne, ret, Opnd::Imm(0), same);
            let id = self.b.load(Size::DW, word(offset_of!(SysFrame, call)));
            for (abi, number) in &execs {
                let exec = self.b.num((*abi as u64) << 32 | u64::from(*number));
                self.b.branch_away(Cond::Eq, id, exec, replaced);
            }
            self.b.jump(same);
            self.b.switch(replaced);
            if let Some(site) = site {
                Self::count_site(&mut self.b, site);
            }
            self.b.jump(lost);
            self.b.switch(same);
        }
        self.part.execs = execs;
    }

    /// The address of a string that faulted at entry: the saved one, unless reading the address itself may be
    /// what faulted.
    fn address_again(&mut self, addr: &Expr, capture: Place) -> Opnd {
        let is_load = |e: &Expr| {
            let user = Space::User;
            matches!(&e.kind, ExprKind::Load { space, .. } if *space == user)
        };
        if addr.any(&is_load) {
            return self.scalar(addr);
        }
        let saved = capture.plus(offset_of!(CapturedStr, addr) as u32);
        Opnd::Reg(self.b.load(Size::DW, saved))
    }
}
