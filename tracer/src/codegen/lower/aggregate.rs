//! Aggregations: `count`, `sum`, `min`, `max`, `avg`, `stats`, `hist`, `lhist`; `tseries` is next door.
//!
//! In: map, key and operand. Out: an update of this CPU's value in the layout of `types::agg`. Plain loads and
//! stores where no writer can interrupt another on the same CPU, atomic instructions elsewhere.

use tracer_ebpf::map;

use super::Lower;
use super::builder::{arg, imm, runtime};
use super::program::state_field;
use crate::bpf::{Alu, Cond, Size, helpers};
use crate::codegen::lir::{Arg, Base, BlockId, Callee, Class, Inst, Opnd, Place, VReg};
use crate::ir::{Expr, ExprKind, MapId, MapValue};
use crate::types::{AggKind, HistShape, Type};

/// Values up to this size are created from zeroes on the stack, larger ones from the `ZEROES` map.
const STACK_ZEROES: u32 = 16;
/// How often an atomic minimum or maximum tries again when it meets another writer: each one that
/// interrupts it on this CPU costs one try.
const TRIES: u32 = 4;

impl Lower<'_> {
    /// `@x[k] = count()` and the like.
    pub fn aggregate(&mut self, map: MapId, key: &[Expr], operand: Option<&Expr>) {
        let key = self.key(map, key);
        let words: Vec<VReg> = words_of(operand)
            .iter()
            .map(|e| {
                let value = self.scalar(e);
                self.b.reg(value)
            })
            .collect();
        let next = self.b.block();
        let value = self.slot(map, key, next);
        let MapValue::Agg(kind) = self.ir.maps[map.0 as usize].value else {
            unreachable!("map {} holds no aggregation", map.0);
        };
        let atomic = self.session_map(map).atomic;
        self.accumulate(kind, value, &words, atomic, next);
        self.b.jump(next);
        self.b.switch(next);
    }

    /// This CPU's value of a key, made when missing; `full` when it cannot be.
    fn slot(&mut self, map: MapId, key: Place, full: BlockId) -> VReg {
        let kept = self.session_map(map);
        let kernel_map = self.kernel_map(map, full);
        if kept.key_size == 0 {
            return self.lookup(kernel_map, key, full);
        }
        let value = self.b.vreg(Class::Pointer);
        let (make, found) = (self.b.block(), self.b.block());
        self.b.push(Inst::Call {
            callee: Callee::Helper(helpers::MAP_LOOKUP_ELEM),
            args: vec![kernel_map.clone(), Arg::Addr(key)],
            dst: Some(value),
        });
        self.b.branch(Cond::Eq, value, Opnd::Imm(0), make, found);
        self.b.switch(make);
        let mark = self.memory.mark();
        let zeroes = self.zeroes(kept.value_size, full);
        self.b.push(Inst::Call {
            callee: runtime("rt_slot"),
            args: vec![kernel_map, Arg::Addr(key), zeroes],
            dst: Some(value),
        });
        self.memory.reset(mark);
        self.b.branch(Cond::Eq, value, Opnd::Imm(0), full, found);
        self.b.switch(found);
        value
    }

    fn zeroes(&mut self, bytes: u32, missing: BlockId) -> Arg {
        if bytes <= STACK_ZEROES {
            let place = self.memory.take_stack(bytes);
            self.zero(place, bytes);
            return Arg::Addr(place);
        }
        let entry = self.array_entry(map::ZEROES, 0);
        self.b.branch_away(Cond::Eq, entry, Opnd::Imm(0), missing);
        arg(entry)
    }

    fn accumulate(
        &mut self,
        kind: AggKind,
        value: VReg,
        words: &[VReg],
        atomic: bool,
        next: BlockId,
    ) {
        let word = |n: usize| state_field(value, n * 8);
        let x = words.first().map_or(Opnd::Imm(1), |x| Opnd::Reg(*x));
        match kind {
            AggKind::Count => self.add(word(0), Opnd::Imm(1), atomic),
            AggKind::Sum { .. } => self.add(word(0), x, atomic),
            AggKind::Avg { .. } | AggKind::Stats { .. } => {
                self.add(word(0), Opnd::Imm(1), atomic);
                self.add(word(1), x, atomic);
            }
            AggKind::Min { signed } | AggKind::Max { signed } => {
                let better = better(matches!(kind, AggKind::Min { .. }), signed);
                let x = self.b.reg(x);
                if atomic {
                    self.extreme_atomic(better, word(0), word(1), x, next);
                } else {
                    self.extreme(better, word(0), word(1), x, next);
                }
            }
            AggKind::Stddev { signed } => {
                self.add(word(0), Opnd::Imm(1), atomic);
                self.add(word(1), x, atomic);
                let x = self.b.reg(x);
                self.add_square(x, signed, word(2), word(3), atomic);
            }
            AggKind::Hist(shape) => {
                let x = self.b.reg(x);
                let bucket = self.bucket(shape, x);
                let at = self.slot_place(value, bucket, (shape.buckets(), 8), next);
                self.add(at, Opnd::Imm(1), atomic);
            }
            AggKind::Series(series) => {
                let [x, time] = words else {
                    unreachable!("a series takes a value and its moment");
                };
                self.take_in_series(series, value, (*x, *time), atomic, next);
            }
        }
    }

    pub fn add(&mut self, at: Place, value: Opnd, atomic: bool) {
        if atomic {
            return self.b.push(Inst::FetchAdd(None, at, value));
        }
        // Held: `at` may be an address that was just bounded.
        let old = self.b.load(Size::DW, at);
        let new = self.b.alu(Alu::Add, Opnd::Reg(old), value);
        self.b.store(Size::DW, at, Opnd::Reg(new));
    }

    /// Adds `x * x` to a number of two words. The low word's carry goes to the high one: whoever added the low word
    /// knows by what it held before whether there was one.
    fn add_square(&mut self, x: VReg, signed: bool, low: Place, high: Place, atomic: bool) {
        let magnitude = match signed {
            true => self.magnitude(x),
            false => x,
        };
        let (square_low, square_high) = self.square(magnitude);
        let before = self.b.vreg(Class::Scalar);
        if atomic {
            let added = Opnd::Reg(square_low);
            self.b.push(Inst::FetchAdd(Some(before), low, added));
        } else {
            self.b.push(Inst::Load(Size::DW, before, low));
            let sum = self.sum(before, square_low);
            self.b.store(Size::DW, low, Opnd::Reg(sum));
        }
        let sum = self.sum(before, square_low);
        let carry = self.b.set(Cond::Lt, Opnd::Reg(sum), Opnd::Reg(before));
        let more = self.sum(square_high, carry);
        self.add(high, Opnd::Reg(more), atomic);
    }

    fn sum(&mut self, a: VReg, b: VReg) -> VReg {
        self.b.alu(Alu::Add, Opnd::Reg(a), Opnd::Reg(b))
    }

    /// The absolute value, as an unsigned number, without a branch.
    fn magnitude(&mut self, x: VReg) -> VReg {
        let sign = self.b.alu(Alu::Arsh, Opnd::Reg(x), Opnd::Imm(63));
        let flipped = self.b.alu(Alu::Xor, Opnd::Reg(x), Opnd::Reg(sign));
        self.b.alu(Alu::Sub, Opnd::Reg(flipped), Opnd::Reg(sign))
    }

    /// Low and high word of `x * x`, from products of halves.
    fn square(&mut self, x: VReg) -> (VReg, VReg) {
        let low = self.b.vreg(Class::Scalar);
        self.b.push(Inst::Low32(low, x));
        let high = self.b.alu(Alu::Rsh, Opnd::Reg(x), Opnd::Imm(32));
        let ll = self.b.alu(Alu::Mul, Opnd::Reg(low), Opnd::Reg(low));
        let lh = self.b.alu(Alu::Mul, Opnd::Reg(low), Opnd::Reg(high));
        let hh = self.b.alu(Alu::Mul, Opnd::Reg(high), Opnd::Reg(high));
        // ll + 2^33 * lh + 2^64 * hh
        let shifted = self.b.alu(Alu::Lsh, Opnd::Reg(lh), Opnd::Imm(33));
        let square_low = self.sum(ll, shifted);
        let carry = self.b.set(Cond::Lt, Opnd::Reg(square_low), Opnd::Reg(ll));
        let top = self.b.alu(Alu::Rsh, Opnd::Reg(lh), Opnd::Imm(31));
        let square_high = self.sum(hh, top);
        (square_low, self.sum(square_high, carry))
    }

    /// `min` and `max`: the first value, or a better one.
    fn extreme(&mut self, better: Cond, at: Place, set: Place, x: VReg, next: BlockId) {
        let (compare, write) = (self.b.block(), self.b.block());
        let is_set = self.b.load(Size::DW, set);
        self.b
            .branch(Cond::Eq, is_set, Opnd::Imm(0), write, compare);
        self.b.switch(compare);
        let old = self.b.load(Size::DW, at);
        self.b.branch(better, x, Opnd::Reg(old), write, next);
        self.b.switch(write);
        self.b.store(Size::DW, at, Opnd::Reg(x));
        self.b.store(Size::DW, set, Opnd::Imm(1));
    }

    /// The same while another writer may interrupt. The first value is set by an exchange, then everybody competes; one
    /// case is not covered: a writer that comes between this one's test of `set` and its exchange, and whose own best is 0.
    fn extreme_atomic(&mut self, better: Cond, at: Place, set: Place, x: VReg, next: BlockId) {
        let (first, compete) = (self.b.block(), self.b.block());
        let is_set = self.b.load(Size::DW, set);
        self.b
            .branch(Cond::Eq, is_set, Opnd::Imm(0), first, compete);
        self.b.switch(first);
        let dst = self.b.vreg(Class::Scalar);
        self.b.push(Inst::CompareExchange {
            dst,
            at,
            expected: Opnd::Imm(0),
            new: Opnd::Reg(x),
        });
        self.b.store(Size::DW, set, Opnd::Imm(1));
        self.b.jump(compete);
        self.b.switch(compete);
        self.compete(better, at, x, next);
    }

    /// Puts a better value in the place of another while other writers do the same.
    pub fn compete(&mut self, better: Cond, at: Place, x: VReg, next: BlockId) {
        for _ in 0..TRIES {
            let old = self.b.load(Size::DW, at);
            let wins = self.b.block();
            self.b.branch(better, x, Opnd::Reg(old), wins, next);
            self.b.switch(wins);
            let before = self.b.vreg(Class::Scalar);
            self.b.push(Inst::CompareExchange {
                dst: before,
                at,
                expected: Opnd::Reg(old),
                new: Opnd::Reg(x),
            });
            self.b.branch_away(Cond::Eq, before, Opnd::Reg(old), next);
        }
    }

    fn bucket(&mut self, shape: HistShape, x: VReg) -> VReg {
        match shape {
            HistShape::Log2 { signed, bits } => {
                let args = vec![arg(x), imm(u32::from(signed)), imm(u32::from(bits))];
                self.b.call_number(runtime("rt_hist_log2"), args)
            }
            HistShape::Linear { min, max, step } => self.linear_bucket(shape, x, (min, max, step)),
        }
    }

    fn linear_bucket(&mut self, shape: HistShape, x: VReg, bounds: (i64, i64, i64)) -> VReg {
        let (min, max, step) = bounds;
        let last = shape.buckets() - 1;
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        let low = self.b.num(min as u64);
        self.b.branch_away(Cond::Slt, x, low, next);
        self.b.push(Inst::Copy(out, Opnd::Imm(last as i32)));
        let high = self.b.num(max as u64);
        self.b.branch_away(Cond::Sge, x, high, next);
        let above = self.b.alu(Alu::Sub, Opnd::Reg(x), low);
        let step = self.b.num(step as u64);
        let index = self.b.alu(Alu::Div, Opnd::Reg(above), step);
        self.b.push(Inst::Alu(Alu::Add, out, index, Opnd::Imm(1)));
        self.b.jump(next);
        self.b.switch(next);
        out
    }

    /// One of so many elements of so many bytes. The verifier learns the bound here, in registers that stay registers.
    pub fn slot_place(
        &mut self,
        value: VReg,
        index: VReg,
        (count, size): (u32, u32),
        next: BlockId,
    ) -> Place {
        let bounded = self.b.vreg(Class::Held);
        self.b.push(Inst::Copy(bounded, Opnd::Reg(index)));
        let last = Opnd::Imm(count as i32 - 1);
        self.b.branch_away(Cond::Gt, bounded, last, next);
        let bytes = self.b.vreg(Class::Held);
        let (scale, by) = match size.is_power_of_two() {
            true => (Alu::Lsh, size.ilog2()),
            false => (Alu::Mul, size),
        };
        self.b
            .push(Inst::Alu(scale, bytes, bounded, Opnd::Imm(by as i32)));
        let at = self.b.vreg(Class::Held);
        self.b
            .push(Inst::Alu(Alu::Add, at, value, Opnd::Reg(bytes)));
        let base = Base::Reg(at);
        Place { base, off: 0 }
    }
}

/// The words that an operand is made of: a pair has two, wherever it stands.
fn words_of(operand: Option<&Expr>) -> Vec<Expr> {
    let Some(operand) = operand else {
        return Vec::new();
    };
    match (&operand.kind, &operand.ty) {
        (ExprKind::Tuple(words), _) => words.clone(),
        (_, Type::Tuple(types)) => {
            let part = |(at, ty): (usize, &Type)| Expr {
                ty: ty.clone(),
                kind: ExprKind::TupleField(Box::new(operand.clone()), at as u32),
                span: operand.span,
            };
            types.iter().enumerate().map(part).collect()
        }
        _ => vec![operand.clone()],
    }
}

/// When a value takes the place of another: the least wins, or the greatest.
pub fn better(least: bool, signed: bool) -> Cond {
    match (least, signed) {
        (true, true) => Cond::Slt,
        (true, false) => Cond::Lt,
        (false, true) => Cond::Sgt,
        (false, false) => Cond::Gt,
    }
}
