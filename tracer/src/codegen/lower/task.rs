//! Properties of the current task: its ids and its name.
//!
//! In: where the kernel keeps them ([`TaskOffsets`](crate::types::task::TaskOffsets)). Out: loads through the task that the program was
//! given, or calls of the kernel's helpers where it has none (other hooks, callbacks, a kernel without types). Both
//! give the same; a call costs as much as ten loads. Never looks at another task.

use super::Lower;
use super::builder::imm;
use crate::bpf::{Alu, Size, helpers};
use crate::codegen::lir::{Arg, Base, Callee, Class, Inst, Opnd, Place, VReg};
use crate::types::task::TaskOffsets;

/// Bytes of `task_struct.comm` (`TASK_COMM_LEN`).
const NAME_BYTES: u32 = 16;
/// The lowest and the highest bit of each byte.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

impl Lower<'_> {
    /// Asks for the current task, once for the program.
    pub fn take_task(&mut self) -> VReg {
        let task = self.b.vreg(Class::Pointer);
        self.b.push(Inst::Call {
            callee: Callee::Helper(helpers::GET_CURRENT_TASK_BTF),
            args: vec![],
            dst: Some(task),
        });
        self.task = Some(task);
        task
    }

    /// Its process id.
    pub fn process(&mut self) -> VReg {
        match self.in_task(|offsets| offsets.tgid) {
            Some(place) => self.b.load(Size::W, place),
            None => self.high(helpers::GET_CURRENT_PID_TGID),
        }
    }

    /// Its thread id.
    pub fn thread(&mut self) -> VReg {
        match self.in_task(|offsets| offsets.pid) {
            Some(place) => self.b.load(Size::W, place),
            None => self.low(helpers::GET_CURRENT_PID_TGID),
        }
    }

    /// Its name, with NULs behind it.
    pub fn name_of_task(&mut self, to: Place, size: u32) {
        match self.in_task(|offsets| offsets.comm) {
            Some(place) if size == NAME_BYTES => self.copy_name(place, to),
            _ => {
                // Some kernels (6.1) do not pad the name.
                self.zero(to, size);
                let helper = Callee::Helper(helpers::GET_CURRENT_COMM);
                self.b.call(helper, vec![Arg::Addr(to), imm(size)]);
            }
        }
    }

    fn in_task(&self, offset: impl Fn(TaskOffsets) -> u32) -> Option<Place> {
        let base = Base::Reg(self.task?);
        let off = offset(self.plan.task?) as i32;
        Some(Place { base, off })
    }

    /// Kernels before 5.17 leave the rest of a longer name behind a shorter one: everything from the first NUL on becomes NUL.
    /// Without a branch, so that the verifier has one path to follow.
    fn copy_name(&mut self, from: Place, to: Place) {
        let first = self.b.load(Size::DW, from);
        let second = self.b.load(Size::DW, from.plus(8));
        let kept = self.before_nul(first);
        let cut = self.b.alu(Alu::And, Opnd::Reg(first), Opnd::Reg(kept));
        self.b.store(Size::DW, to, Opnd::Reg(cut));
        // All bits when the first word has no NUL, else none: only then is its highest byte kept.
        let long = self.b.alu(Alu::Arsh, Opnd::Reg(kept), Opnd::Imm(63));
        let kept = self.before_nul(second);
        let cut = self.b.alu(Alu::And, Opnd::Reg(second), Opnd::Reg(kept));
        let cut = self.b.alu(Alu::And, Opnd::Reg(cut), Opnd::Reg(long));
        self.b.store(Size::DW, to.plus(8), Opnd::Reg(cut));
    }

    /// A mask of the bytes before the first that is NUL, counted from the low end.
    fn before_nul(&mut self, word: VReg) -> VReg {
        let (low, high) = (self.b.num(LOW_BITS), self.b.num(HIGH_BITS));
        let borrowed = self.b.alu(Alu::Sub, Opnd::Reg(word), low);
        let inverse = self.b.alu(Alu::Xor, Opnd::Reg(word), Opnd::Imm(-1));
        let both = self
            .b
            .alu(Alu::And, Opnd::Reg(borrowed), Opnd::Reg(inverse));
        // The highest bit of each NUL, and perhaps of bytes above the first one, by the borrow.
        let marks = self.b.alu(Alu::And, Opnd::Reg(both), high);
        let negative = self.b.neg(marks);
        let first = self.b.alu(Alu::And, Opnd::Reg(marks), Opnd::Reg(negative));
        let lowest = self.b.alu(Alu::Rsh, Opnd::Reg(first), Opnd::Imm(7));
        // One less than a bit is all below it, one less than nothing is everything.
        self.b.alu(Alu::Sub, Opnd::Reg(lowest), Opnd::Imm(1))
    }
}
