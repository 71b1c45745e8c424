//! Emission: allocated linear form to instruction words.
//!
//! In: [`Lir`] and [`Allocation`]. Out: [`Function`], with holes for maps and runtime functions. Expands
//! three-operand forms to two, brings spilled operands in through r0 and r1, moves arguments in parallel,
//! and has `islands` resolve jumps. Never decides where a value lives.

use std::collections::HashMap;

use super::lir::{Arg, Base, BlockId, Callee, Inst, Lir, Opnd, Place, Term, VReg};
use super::regalloc::{Allocation, Loc, Resources};
use super::{Error, islands};
use crate::bpf::{Alu, Atomic, Cond, Function, Op, Reg, Reloc, Size, Src, Target};

/// Emits a program into an ELF section; its jumps reach as far as `resources` say.
///
/// # Errors
/// When a block is longer than a jump.
pub fn emit(
    lir: &Lir,
    allocation: &Allocation,
    section: String,
    resources: Resources,
) -> Result<Function, Error> {
    let mut e = Emitter {
        lir,
        allocation,
        ops: Vec::new(),
        relocs: Vec::new(),
        lines: Vec::new(),
        starts: HashMap::new(),
        jumps: Vec::new(),
    };
    let layout = &allocation.layout;
    for (i, &id) in layout.iter().enumerate() {
        e.starts.insert(id, e.ops.len());
        e.block(id, layout.get(i + 1).copied());
    }
    e.resolve(resources.reach)?;
    #[cfg(any(test, feature = "fuzz"))]
    if let Some(bug) = resources.planted {
        super::planted::in_ops(bug, &mut e.ops);
    }
    Ok(Function {
        name: lir.name.clone(),
        section,
        insns: e.ops.into_iter().map(Op::encode).collect(),
        relocs: e.relocs,
        lines: e.lines,
        callbacks: Vec::new(),
    })
}

/// Where a call's argument comes from.
#[derive(Clone, PartialEq)]
enum Source {
    /// A machine register, plus bytes.
    Reg(Reg, i32),
    /// A constant.
    Imm(i32),
    /// A spilled value, plus bytes.
    Spilled(VReg, i32),
    /// A map.
    Map(String),
    /// A callback.
    Function(String),
}

struct Emitter<'a> {
    lir: &'a Lir,
    allocation: &'a Allocation,
    ops: Vec<Op>,
    relocs: Vec<Reloc>,
    lines: Vec<(u32, u32)>,
    starts: HashMap<BlockId, usize>,
    jumps: Vec<(usize, BlockId)>,
}

impl Emitter<'_> {
    fn block(&mut self, id: BlockId, next: Option<BlockId>) {
        let lir = self.lir;
        let block = lir.block(id);
        for (inst, line) in &block.insts {
            if self.lines.last().is_none_or(|(_, last)| last != line) {
                self.lines.push((self.ops.len() as u32, *line));
            }
            self.inst(inst);
        }
        self.term(&block.term, next);
    }

    fn op(&mut self, op: Op) {
        self.ops.push(op);
    }

    fn loc(&self, v: VReg) -> Loc {
        self.allocation.locs[v.0 as usize]
    }

    /// The register that holds `v`, brought into `scratch` when it is spilled.
    fn read(&mut self, v: VReg, scratch: Reg) -> Reg {
        match self.loc(v) {
            Loc::Reg(r) => return Reg(r),
            Loc::Stack(off) => self.op(Op::Load(Size::DW, scratch, Reg::FP, off)),
            Loc::Frame { base, off } => {
                let base = self.read(base, scratch);
                self.op(Op::Load(Size::DW, scratch, base, off));
            }
            Loc::None => unreachable!("{v} of {} is read but lives nowhere", self.lir.name),
        }
        scratch
    }

    fn source(&mut self, value: Opnd, scratch: Reg) -> Src {
        match value {
            Opnd::Reg(v) => Src::Reg(self.read(v, scratch)),
            Opnd::Imm(i) => Src::Imm(i),
        }
    }

    /// Where a result is made: its register, or r0 when it is spilled.
    fn result(&self, v: VReg) -> Reg {
        match self.loc(v) {
            Loc::Reg(r) => Reg(r),
            _ => Reg::R0,
        }
    }

    /// Puts a result, made in `from`, where it lives.
    fn finish(&mut self, v: VReg, from: Reg) {
        match self.loc(v) {
            Loc::Reg(r) => self.mov(Reg(r), from),
            Loc::Stack(off) => self.op(Op::Store(Size::DW, Reg::FP, off, Src::Reg(from))),
            Loc::Frame { base, off } => {
                let base = self.read(base, Reg::R1);
                self.op(Op::Store(Size::DW, base, off, Src::Reg(from)));
            }
            Loc::None => {}
        }
    }

    fn mov(&mut self, dst: Reg, src: Reg) {
        if dst != src {
            self.op(Op::Alu64(Alu::Mov, dst, Src::Reg(src)));
        }
    }

    /// Base register and offset of a place.
    fn place(&mut self, place: Place, scratch: Reg) -> (Reg, i16) {
        let base = match place.base {
            Base::Stack => Reg::FP,
            Base::Reg(v) => self.read(v, scratch),
        };
        (base, offset(place))
    }

    /// A flat match over the instructions.
    fn inst(&mut self, inst: &Inst) {
        match inst {
            Inst::Context(d) => self.finish(*d, Reg::R1),
            Inst::Param(n, d) => self.finish(*d, Reg(*n)),
            Inst::Const(d, value) => {
                let dst = self.result(*d);
                self.constant(dst, *value);
                self.finish(*d, dst);
            }
            Inst::Copy(d, value) => self.copy(*d, *value),
            Inst::Low32(d, a) => {
                let (dst, a) = (self.result(*d), self.read(*a, Reg::R0));
                self.op(Op::Alu32(Alu::Mov, dst, Src::Reg(a)));
                self.finish(*d, dst);
            }
            Inst::Alu(op, d, a, b) => self.alu(*op, *d, *a, *b),
            Inst::Neg(d, a) => {
                let (dst, a) = (self.result(*d), self.read(*a, Reg::R0));
                self.mov(dst, a);
                self.op(Op::Alu64(Alu::Neg, dst, Src::Imm(0)));
                self.finish(*d, dst);
            }
            Inst::Swap(d, a) => {
                let (dst, a) = (self.result(*d), self.read(*a, Reg::R0));
                self.mov(dst, a);
                self.op(Op::Swap(dst));
                self.finish(*d, dst);
            }
            Inst::Set(cond, d, a, b) => self.set(*cond, *d, *a, *b),
            Inst::Address(d, place) => {
                let dst = self.result(*d);
                let (base, off) = self.place(*place, Reg::R0);
                self.mov(dst, base);
                self.add(dst, i32::from(off));
                self.finish(*d, dst);
            }
            Inst::Load(size, d, place) => {
                let dst = self.result(*d);
                let (base, off) = self.place(*place, Reg::R1);
                self.op(Op::Load(*size, dst, base, off));
                self.finish(*d, dst);
            }
            Inst::Store(size, place, value) => {
                let value = self.source(*value, Reg::R0);
                let (base, off) = self.place(*place, Reg::R1);
                self.op(Op::Store(*size, base, off, value));
            }
            Inst::FetchAdd(d, place, value) => self.fetch_add(*d, *place, *value),
            Inst::CompareExchange {
                dst,
                at,
                expected,
                new,
            } => self.compare_exchange(*dst, *at, *expected, *new),
            Inst::Call { callee, args, dst } => self.call(callee, args, *dst),
        }
    }

    fn constant(&mut self, dst: Reg, value: u64) {
        if let Ok(imm) = i32::try_from(value as i64) {
            return self.op(Op::Alu64(Alu::Mov, dst, Src::Imm(imm)));
        }
        self.op(Op::Imm64(dst, value as i32));
        self.op(Op::High((value >> 32) as i32));
    }

    fn copy(&mut self, d: VReg, value: Opnd) {
        match value {
            Opnd::Reg(v) => {
                let from = self.read(v, Reg::R0);
                self.finish(d, from);
            }
            Opnd::Imm(imm) => match self.loc(d) {
                Loc::Stack(off) => self.op(Op::Store(Size::DW, Reg::FP, off, Src::Imm(imm))),
                _ => {
                    let dst = self.result(d);
                    self.op(Op::Alu64(Alu::Mov, dst, Src::Imm(imm)));
                    self.finish(d, dst);
                }
            },
        }
    }

    fn add(&mut self, dst: Reg, bytes: i32) {
        if bytes != 0 {
            self.op(Op::Alu64(Alu::Add, dst, Src::Imm(bytes)));
        }
    }

    fn alu(&mut self, op: Alu, d: VReg, a: VReg, b: Opnd) {
        let mut dst = self.result(d);
        let mut a = self.read(a, Reg::R0);
        let mut b = self.source(b, Reg::R1);
        if b == Src::Reg(dst) && a != dst {
            if op.commutes() {
                (a, b) = (dst, Src::Reg(a));
            } else {
                dst = Reg::R0; // b must survive the move of a
            }
        }
        self.mov(dst, a);
        self.op(Op::Alu64(op, dst, b));
        self.finish(d, dst);
    }

    /// `Set` without a second register: 1 or 0 by one conditional jump.
    fn set(&mut self, cond: Cond, d: VReg, a: VReg, b: Opnd) {
        let dst = self.result(d);
        let a = self.read(a, Reg::R0);
        let b = self.source(b, Reg::R1);
        let mov = |imm| Op::Alu64(Alu::Mov, dst, Src::Imm(imm));
        if dst != a && b != Src::Reg(dst) {
            self.op(mov(1));
            self.op(Op::Branch(cond, a, b, 1));
            self.op(mov(0));
        } else {
            self.op(Op::Branch(cond, a, b, 2));
            self.op(mov(0));
            self.op(Op::Jump(1));
            self.op(mov(1));
        }
        self.finish(d, dst);
    }

    fn fetch_add(&mut self, d: Option<VReg>, at: Place, value: Opnd) {
        match value {
            Opnd::Imm(imm) => self.op(Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(imm))),
            Opnd::Reg(v) => {
                let value = self.read(v, Reg::R0);
                self.mov(Reg::R0, value);
            }
        }
        let (base, off) = self.place(at, Reg::R1);
        let op = match d {
            Some(_) => Atomic::FetchAdd,
            None => Atomic::Add,
        };
        self.op(Op::Atomic(op, base, off, Reg::R0));
        if let Some(d) = d {
            self.finish(d, Reg::R0);
        }
    }

    fn compare_exchange(&mut self, d: VReg, at: Place, expected: Opnd, new: Opnd) {
        let at = self.argument(&Arg::Addr(at));
        let new = self.argument(&Arg::Value(new));
        let expected = self.argument(&Arg::Value(expected));
        // r0 breaks cycles among the moves, so the expected value passes through r3 first.
        self.move_all(vec![(Reg(1), at), (Reg(2), new), (Reg(3), expected)]);
        self.mov(Reg::R0, Reg(3));
        self.op(Op::Atomic(Atomic::CompareExchange, Reg(1), 0, Reg(2)));
        self.finish(d, Reg::R0);
    }

    fn call(&mut self, callee: &Callee, args: &[Arg], d: Option<VReg>) {
        let sources = args.iter().map(|arg| self.argument(arg));
        let moves: Vec<(Reg, Source)> = (1..).map(Reg).zip(sources).collect();
        self.move_all(moves);
        match callee {
            Callee::Helper(id) => self.op(Op::Helper(*id)),
            Callee::Runtime(name) => self.call_of(Target::Runtime(name)),
        }
        if let Some(d) = d {
            self.finish(d, Reg::R0);
        }
    }

    fn call_of(&mut self, target: Target) {
        self.reloc(target);
        self.op(Op::Function(-1));
    }

    fn reloc(&mut self, target: Target) {
        let at = self.ops.len() as u32;
        self.relocs.push(Reloc { at, target });
    }

    fn argument(&self, arg: &Arg) -> Source {
        match arg {
            Arg::Map(name) => Source::Map(name.clone()),
            Arg::Function(name) => Source::Function(name.clone()),
            Arg::Value(Opnd::Imm(imm)) => Source::Imm(*imm),
            Arg::Value(Opnd::Reg(v)) => self.value(*v, 0),
            Arg::Addr(Place {
                base: Base::Stack,
                off,
            }) => Source::Reg(Reg::FP, *off),
            Arg::Addr(Place {
                base: Base::Reg(v),
                off,
            }) => self.value(*v, *off),
        }
    }

    fn value(&self, v: VReg, off: i32) -> Source {
        match self.loc(v) {
            Loc::Reg(r) => Source::Reg(Reg(r), off),
            _ => Source::Spilled(v, off),
        }
    }

    /// Moves arguments to their registers as if at once: a register is written when no other move still
    /// reads it; a cycle is opened through r0.
    fn move_all(&mut self, mut moves: Vec<(Reg, Source)>) {
        while !moves.is_empty() {
            let free = moves.iter().position(|(to, _)| {
                !moves
                    .iter()
                    .any(|(t, from)| t != to && self.reads(from, *to))
            });
            match free {
                Some(i) => {
                    let (to, from) = moves.remove(i);
                    self.bring(to, from);
                }
                None => {
                    let blocked = moves[0].0;
                    self.mov(Reg::R0, blocked);
                    for (_, from) in &mut moves {
                        if let Source::Reg(r, _) = from
                            && *r == blocked
                        {
                            *r = Reg::R0;
                        }
                    }
                }
            }
        }
    }

    fn reads(&self, from: &Source, register: Reg) -> bool {
        match from {
            Source::Reg(r, _) => *r == register,
            // A value in the scratch frame is read through the frame's pointer.
            Source::Spilled(v, _) => match self.loc(*v) {
                Loc::Frame { base, .. } => self.loc(base) == Loc::Reg(register.0),
                _ => false,
            },
            Source::Imm(_) | Source::Map(_) | Source::Function(_) => false,
        }
    }

    fn bring(&mut self, to: Reg, from: Source) {
        match from {
            Source::Imm(imm) => self.op(Op::Alu64(Alu::Mov, to, Src::Imm(imm))),
            Source::Reg(r, off) => {
                self.mov(to, r);
                self.add(to, off);
            }
            Source::Spilled(v, off) => {
                let r = self.read(v, to);
                self.mov(to, r);
                self.add(to, off);
            }
            Source::Map(name) => {
                self.reloc(Target::Map(name));
                self.op(Op::Map(to, 0));
                self.op(Op::High(0));
            }
            Source::Function(name) => {
                self.reloc(Target::Callback(name));
                self.op(Op::FunctionAddress(to, -1));
                self.op(Op::High(0));
            }
        }
    }

    fn term(&mut self, term: &Term, next: Option<BlockId>) {
        match term {
            Term::Exit | Term::Stop => {
                let result = i32::from(*term == Term::Stop);
                self.op(Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(result)));
                self.op(Op::Exit);
            }
            Term::Jump(to) => self.goto(*to, next),
            Term::Branch {
                cond,
                a,
                b,
                then,
                otherwise,
            } => {
                let a = self.read(*a, Reg::R0);
                let b = self.source(*b, Reg::R1);
                match cond.inverse() {
                    Some(inverse) if Some(*then) == next => {
                        self.jump(Op::Branch(inverse, a, b, 0), *otherwise);
                    }
                    _ => {
                        self.jump(Op::Branch(*cond, a, b, 0), *then);
                        self.goto(*otherwise, next);
                    }
                }
            }
        }
    }

    fn goto(&mut self, to: BlockId, next: Option<BlockId>) {
        if Some(to) != next {
            self.jump(Op::Jump(0), to);
        }
    }

    fn jump(&mut self, op: Op, to: BlockId) {
        self.jumps.push((self.ops.len(), to));
        self.op(op);
    }

    /// Fills the jumps in, which moves instructions when some do not reach.
    fn resolve(&mut self, reach: usize) -> Result<(), Error> {
        let target = |(at, to): &(usize, BlockId)| (*at, self.starts[to]);
        let jumps: Vec<(usize, usize)> = self.jumps.iter().map(target).collect();
        let mut blocks: Vec<usize> = self.starts.values().copied().collect();
        blocks.sort_unstable();
        let laid = islands::lay_out(&self.ops, &jumps, &blocks, reach)
            .ok_or_else(|| Error::TooLong(self.lir.name.clone(), self.ops.len()))?;
        self.ops = laid.ops;
        for reloc in &mut self.relocs {
            reloc.at = laid.moved[reloc.at as usize] as u32;
        }
        for (at, _) in &mut self.lines {
            *at = laid.moved[*at as usize] as u32;
        }
        Ok(())
    }
}

fn offset(place: Place) -> i16 {
    i16::try_from(place.off).expect("FRAME_LIMIT keeps offsets in 16 bits; lowering checks it")
}
