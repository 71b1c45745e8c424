//! Mistakes that the code generator can be told to make: the fuzzer must find each of them.
//!
//! In: what a stage made. Out: the same with one mistake of a kind that people make, everywhere it can be made. Only in test
//! builds and the fuzzer's.

use super::lir::{Inst, Lir, Opnd, Term};
use super::liveness::Ranges;
use super::regalloc::{Allocation, Loc};
use crate::bpf::{Alu, Cond, Op, Size, Src};

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// Narrow signed numbers are extended with zeroes.
    SignExtension,
    /// Shifts by a constant go one bit less.
    ShiftWidth,
    /// Signed comparisons take the operands for unsigned ones.
    SignOfCompare,
    /// `a < b` is `a > b`, where both are in registers.
    SwappedCompare,
    /// A value's register is given away one instruction early.
    Liveness,
    /// Two spilled values share a slot.
    SpillSlot,
    /// What fills the last word of a key or value is not cleared.
    Padding,
    /// A string that is cut keeps its last byte.
    MissingNul,
    /// A jump goes one instruction too far.
    JumpOffset,
    /// Bytes are not reversed.
    ByteOrder,
    /// The upper half of a 64-bit number is kept where 32 bits are meant.
    Truncation,
    /// Atomic steps yield the value after.
    StepValue,
}

impl Bug {
    /// All of them.
    pub const ALL: &[Bug] = &[
        Bug::SignExtension,
        Bug::ShiftWidth,
        Bug::SignOfCompare,
        Bug::SwappedCompare,
        Bug::Liveness,
        Bug::SpillSlot,
        Bug::Padding,
        Bug::MissingNul,
        Bug::JumpOffset,
        Bug::ByteOrder,
        Bug::Truncation,
        Bug::StepValue,
    ];
}

/// Makes the mistake in the linear form.
pub fn in_lir(bug: Bug, lir: &mut Lir) {
    for block in &mut lir.blocks {
        if let Term::Branch { cond, b, .. } = &mut block.term {
            *cond = wrong_condition(bug, *cond, *b);
        }
        let mut insts = std::mem::take(&mut block.insts).into_iter().peekable();
        while let Some((inst, line)) = insts.next() {
            let before_call = matches!(insts.peek(), Some((Inst::Call { .. }, _)));
            if !is_dropped(bug, &inst, before_call) {
                let wrong = wrong_inst(bug, inst.clone());
                block.insts.push((wrong, line));
            }
            if let (Bug::StepValue, Inst::FetchAdd(Some(d), _, by)) = (bug, inst) {
                block.insts.push((Inst::Alu(Alu::Add, d, d, by), line));
            }
        }
    }
}

fn wrong_condition(bug: Bug, cond: Cond, b: Opnd) -> Cond {
    match (bug, cond, b) {
        (Bug::SignOfCompare, Cond::Slt, _) => Cond::Lt,
        (Bug::SignOfCompare, Cond::Sgt, _) => Cond::Gt,
        (Bug::SwappedCompare, Cond::Slt, Opnd::Reg(_)) => Cond::Sgt,
        (Bug::SwappedCompare, Cond::Lt, Opnd::Reg(_)) => Cond::Gt,
        (_, cond, _) => cond,
    }
}

fn wrong_inst(bug: Bug, inst: Inst) -> Inst {
    match (bug, inst) {
        (Bug::SignExtension, Inst::Alu(Alu::Arsh, d, a, Opnd::Imm(n))) if n < 63 => {
            Inst::Alu(Alu::Rsh, d, a, Opnd::Imm(n))
        }
        (Bug::ShiftWidth, Inst::Alu(op @ (Alu::Lsh | Alu::Rsh), d, a, Opnd::Imm(n))) if n > 0 => {
            Inst::Alu(op, d, a, Opnd::Imm(n - 1))
        }
        (Bug::ByteOrder, Inst::Swap(d, a)) | (Bug::Truncation, Inst::Low32(d, a)) => {
            Inst::Copy(d, Opnd::Reg(a))
        }
        (Bug::SignOfCompare, Inst::Set(cond, d, a, b)) => {
            Inst::Set(wrong_condition(bug, cond, b), d, a, b)
        }
        (_, inst) => inst,
    }
}

fn is_dropped(bug: Bug, inst: &Inst, before_call: bool) -> bool {
    match (bug, inst) {
        (Bug::Padding, Inst::Store(Size::DW, _, Opnd::Imm(0))) => before_call,
        (Bug::MissingNul, Inst::Store(Size::B, _, Opnd::Imm(0))) => true,
        _ => false,
    }
}

/// Makes the mistake in live ranges.
pub fn in_ranges(bug: Option<Bug>, mut ranges: Ranges) -> Ranges {
    if bug == Some(Bug::Liveness) {
        for (from, to) in ranges.live.iter_mut().flatten() {
            *to = to.saturating_sub(2).max(*from + 1);
        }
    }
    ranges
}

/// Makes the mistake in an allocation.
pub fn in_allocation(bug: Option<Bug>, mut allocation: Allocation) -> Allocation {
    if bug == Some(Bug::SpillSlot) {
        let locs = allocation.locs.iter_mut();
        let mut slots = locs.filter(|loc| matches!(loc, Loc::Stack(_)));
        while let (Some(one), Some(other)) = (slots.next(), slots.next()) {
            *other = *one;
        }
    }
    allocation
}

/// Makes the mistake in instructions.
pub fn in_ops(bug: Bug, ops: &mut [Op]) {
    if bug != Bug::JumpOffset {
        return;
    }
    for op in ops {
        if let Op::Branch(Cond::Lt | Cond::Slt, _, Src::Reg(_), off) = op {
            *off += 1;
        }
    }
}
