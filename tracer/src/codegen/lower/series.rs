//! `tseries`: values by the interval in which they came.
//!
//! In: a value with its moment, and this CPU's slots. Out: an update of the slot of the moment's interval, as
//! [`Series::take`] says. Never reads the clock: the moment is a part of the operand.

use super::Lower;
use super::aggregate::better;
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{BlockId, Class, Inst, Opnd, Place, VReg};
use crate::types::series::SLOT_BYTES;
use crate::types::{Gathered, Series};

/// What is added to a slot, and where.
#[derive(Clone, Copy)]
struct Update {
    series: Series,
    slot: Place,
    /// Says whose the slot is.
    mark: VReg,
    x: VReg,
    time: VReg,
    /// Another writer may come between on this CPU.
    atomic: bool,
    next: BlockId,
}

impl Lower<'_> {
    /// Adds a value to its interval, unless a later interval has the slot.
    pub fn take_in_series(
        &mut self,
        series: Series,
        value: VReg,
        (x, time): (VReg, VReg),
        atomic: bool,
        next: BlockId,
    ) {
        let interval = self.b.num(series.interval_ns);
        let number = self.b.alu(Alu::Div, Opnd::Reg(time), interval);
        let intervals = Opnd::Imm(series.intervals as i32);
        let index = self.b.alu(Alu::Mod, Opnd::Reg(number), intervals);
        let mark = self.b.alu(Alu::Add, Opnd::Reg(number), Opnd::Imm(1));
        let found = self.slot_place(value, index, (series.intervals, SLOT_BYTES), next);
        // The address lives long: unlike a bounded number it may be put away.
        let (pointer, slot) = self.pointer();
        self.point_to(pointer, found);
        let update = Update {
            series,
            slot,
            mark,
            x,
            time,
            atomic,
            next,
        };
        let kept = self.b.load(Size::DW, slot);
        let (more, other) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, kept, Opnd::Reg(mark), more, other);
        self.b.switch(other);
        self.b.branch_away(Cond::Gt, kept, Opnd::Reg(mark), next);
        match atomic {
            true => self.begin_atomic(update, kept, more),
            false => self.begin(update),
        }
        self.b.switch(more);
        self.add_to_slot(update);
        self.b.jump(next);
    }

    /// The interval's first value, while nobody comes between.
    fn begin(&mut self, update: Update) {
        let extra = match update.series.of {
            Gathered::Last => Opnd::Reg(update.time),
            Gathered::Avg => Opnd::Imm(1),
            Gathered::Sum | Gathered::Min | Gathered::Max => Opnd::Imm(0),
        };
        let words = [Opnd::Reg(update.mark), Opnd::Reg(update.x), extra];
        for (word, at) in words.into_iter().zip([0, 8, 16]) {
            self.b.store(Size::DW, update.slot.plus(at), word);
        }
        self.b.jump(update.next);
    }

    /// The same while another writer may come between. Who sets the mark first takes off what the interval before left, by a
    /// difference, so that what others add meanwhile stays; who comes second adds (`more`). One case is not covered: a least or
    /// greatest value that comes between the mark and the first value, and loses against what was left.
    fn begin_atomic(&mut self, update: Update, kept: VReg, more: BlockId) {
        let (value, extra) = (update.slot.plus(8), update.slot.plus(16));
        let left = self.b.load(Size::DW, value);
        let left_extra = self.b.load(Size::DW, extra);
        let before = self.exchange(update.slot, kept, update.mark);
        let (won, lost) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, before, Opnd::Reg(kept), won, lost);
        self.b.switch(lost);
        self.b
            .branch(Cond::Eq, before, Opnd::Reg(update.mark), more, update.next);
        self.b.switch(won);
        match update.series.of {
            // What was left is older than this value.
            Gathered::Last => return self.b.jump(more),
            Gathered::Min | Gathered::Max => {
                let before = self.exchange(value, left, update.x);
                self.b
                    .branch(Cond::Eq, before, Opnd::Reg(left), update.next, more);
                return;
            }
            Gathered::Avg => {
                let one = self.b.copy(Opnd::Imm(1));
                let change = self.b.alu(Alu::Sub, Opnd::Reg(one), Opnd::Reg(left_extra));
                self.add(extra, Opnd::Reg(change), true);
            }
            Gathered::Sum => {}
        }
        let change = self.b.alu(Alu::Sub, Opnd::Reg(update.x), Opnd::Reg(left));
        self.add(value, Opnd::Reg(change), true);
        self.b.jump(update.next);
    }

    /// Puts `new` where `expected` is; yields what was there.
    fn exchange(&mut self, at: Place, expected: VReg, new: VReg) -> VReg {
        let dst = self.b.vreg(Class::Scalar);
        self.b.push(Inst::CompareExchange {
            dst,
            at,
            expected: Opnd::Reg(expected),
            new: Opnd::Reg(new),
        });
        dst
    }

    /// One more value of an interval that has some.
    fn add_to_slot(&mut self, update: Update) {
        let (value, extra) = (update.slot.plus(8), update.slot.plus(16));
        match update.series.of {
            Gathered::Last => {
                let latest = self.b.load(Size::DW, extra);
                self.b
                    .branch_away(Cond::Gt, latest, Opnd::Reg(update.time), update.next);
                self.b.store(Size::DW, value, Opnd::Reg(update.x));
                self.b.store(Size::DW, extra, Opnd::Reg(update.time));
            }
            Gathered::Sum => self.add(value, Opnd::Reg(update.x), update.atomic),
            Gathered::Avg => {
                self.add(value, Opnd::Reg(update.x), update.atomic);
                self.add(extra, Opnd::Imm(1), update.atomic);
            }
            Gathered::Min | Gathered::Max => {
                let least = update.series.of == Gathered::Min;
                let better = better(least, update.series.signed);
                match update.atomic {
                    true => self.compete(better, value, update.x, update.next),
                    false => {
                        let old = self.b.load(Size::DW, value);
                        let worse = self.b.block();
                        let write = self.b.block();
                        self.b
                            .branch(better, update.x, Opnd::Reg(old), write, worse);
                        self.b.switch(write);
                        self.b.store(Size::DW, value, Opnd::Reg(update.x));
                        self.b.jump(worse);
                        self.b.switch(worse);
                    }
                }
            }
        }
    }
}
