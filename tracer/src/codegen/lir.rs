//! The linear form: a program as basic blocks over virtual registers, each 64 bits wide.
//!
//! In: built by `lower`. Out: read by `liveness`, `regalloc`, `emit` and `checker`; [`text`] prints it for
//! `--dump=lir`. Every instruction is at most a few BPF instructions, without knowing where a register
//! lives. Never knows a plan.

use std::fmt::{self, Write};

use crate::bpf::{Alu, Cond, Size, helpers};

/// A virtual register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VReg(pub u32);

/// Index into [`Lir::blocks`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlockId(pub u32);

/// What may happen to a register when there are not enough of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A number: may be kept on the stack or in the scratch frame.
    Scalar,
    /// A pointer of the verifier's: may be kept on the stack, which remembers its type, and nowhere else.
    Pointer,
    /// A number whose bounds the verifier has just learned, or a pointer made with one: must stay in a
    /// machine register. Lives for a few instructions only.
    Held,
}

/// A value to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opnd {
    /// A register.
    Reg(VReg),
    /// An immediate, sign-extended to 64 bits.
    Imm(i32),
}

/// What an address is relative to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// The machine's frame pointer; offsets are negative.
    Stack,
    /// A pointer.
    Reg(VReg),
}

/// A place in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Relative to what.
    pub base: Base,
    /// Bytes.
    pub off: i32,
}

impl Place {
    /// The place `by` bytes further.
    pub fn plus(self, by: u32) -> Place {
        Place {
            base: self.base,
            off: self.off + by as i32,
        }
    }
}

/// An argument of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arg {
    /// A value.
    Value(Opnd),
    /// The address of a place.
    Addr(Place),
    /// A map, by name.
    Map(String),
    /// One of the program's callbacks, by name.
    Function(String),
}

/// What is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Callee {
    /// A kernel helper.
    Helper(u32),
    /// A runtime function.
    Runtime(&'static str),
}

/// One instruction.
#[derive(Clone, PartialEq, Debug)]
pub enum Inst {
    /// The program's context pointer. Only as the first instruction.
    Context(VReg),
    /// Argument `n` (from 1) of a callback. Only at its front, in ascending order; as if r0 to r5 were lost by it.
    Param(u8, VReg),
    /// A 64-bit constant.
    Const(VReg, u64),
    /// `dst = src`.
    Copy(VReg, Opnd),
    /// `dst` = the low 32 bits of the source.
    Low32(VReg, VReg),
    /// `dst = a op b`, 64 bits.
    Alu(Alu, VReg, VReg, Opnd),
    /// `dst = -a`. Of a pointer: any number, as far as the verifier is concerned.
    Neg(VReg, VReg),
    /// `dst` = `a` with its eight bytes in reverse order.
    Swap(VReg, VReg),
    /// `dst` = 1 when `a cond b`, else 0.
    Set(Cond, VReg, VReg, Opnd),
    /// `dst` = the address.
    Address(VReg, Place),
    /// `dst = *place`, zero-extended.
    Load(Size, VReg, Place),
    /// `*place = value`.
    Store(Size, Place, Opnd),
    /// `*place += value`, atomically, 8 bytes; the register gets the value before.
    FetchAdd(Option<VReg>, Place, Opnd),
    /// When `*place` is `expected` it becomes `new`, atomically, 8 bytes; the register gets the value before.
    CompareExchange {
        /// The value before.
        dst: VReg,
        /// Where.
        at: Place,
        /// What it must be.
        expected: Opnd,
        /// What it becomes.
        new: Opnd,
    },
    /// A call with at most five arguments.
    Call {
        /// What.
        callee: Callee,
        /// In order.
        args: Vec<Arg>,
        /// Where the result goes.
        dst: Option<VReg>,
    },
}

/// How a block ends.
#[derive(Clone, PartialEq, Debug)]
pub enum Term {
    /// Goes on.
    Jump(BlockId),
    /// Two ways.
    Branch {
        /// Condition.
        cond: Cond,
        /// Left operand.
        a: VReg,
        /// Right operand.
        b: Opnd,
        /// When it holds.
        then: BlockId,
        /// When not.
        otherwise: BlockId,
    },
    /// The program ends with result 0; a callback wants to be called again.
    Exit,
    /// A callback ends with result 1: it is not called again.
    Stop,
}

/// A basic block.
#[derive(Clone, PartialEq, Debug)]
pub struct Block {
    /// Instructions, each with the script's byte it comes from.
    pub insts: Vec<(Inst, u32)>,
    /// The end.
    pub term: Term,
    /// Hardly ever executed: laid out behind the others.
    pub cold: bool,
}

/// A virtual register's properties.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VRegInfo {
    /// Where it may live.
    pub class: Class,
    /// The scratch frame that is held wherever this register lives: it may be kept there.
    pub frame: Option<VReg>,
}

/// A program.
#[derive(Clone, PartialEq, Debug)]
pub struct Lir {
    /// Its name.
    pub name: String,
    /// Blocks; the first is the entry.
    pub blocks: Vec<Block>,
    /// Registers.
    pub vregs: Vec<VRegInfo>,
    /// Bytes of stack that places use, below the frame pointer.
    pub stack_bytes: u32,
    /// Bytes of the scratch frame that places use.
    pub frame_bytes: u32,
    /// Bytes of stack that it may use, places and spilled registers together.
    pub stack_limit: u32,
}

impl Inst {
    /// The register that it writes.
    pub fn def(&self) -> Option<VReg> {
        match self {
            Inst::Context(d)
            | Inst::Param(_, d)
            | Inst::Const(d, _)
            | Inst::Copy(d, _)
            | Inst::Low32(d, _)
            | Inst::Alu(_, d, _, _)
            | Inst::Neg(d, _)
            | Inst::Swap(d, _)
            | Inst::Set(_, d, _, _)
            | Inst::Address(d, _)
            | Inst::Load(_, d, _)
            | Inst::CompareExchange { dst: d, .. } => Some(*d),
            Inst::FetchAdd(d, _, _) | Inst::Call { dst: d, .. } => *d,
            Inst::Store(..) => None,
        }
    }

    /// Calls `see` for each register that it reads.
    pub fn uses(&self, see: &mut dyn FnMut(VReg)) {
        match self {
            Inst::Context(_) | Inst::Param(..) | Inst::Const(..) => {}
            Inst::Copy(_, v) => opnd(v, see),
            Inst::Low32(_, a) | Inst::Neg(_, a) | Inst::Swap(_, a) => see(*a),
            Inst::Alu(_, _, a, b) | Inst::Set(_, _, a, b) => {
                see(*a);
                opnd(b, see);
            }
            Inst::Address(_, p) | Inst::Load(_, _, p) => place(p, see),
            Inst::Store(_, p, v) | Inst::FetchAdd(_, p, v) => {
                place(p, see);
                opnd(v, see);
            }
            Inst::CompareExchange {
                at, expected, new, ..
            } => {
                place(at, see);
                opnd(expected, see);
                opnd(new, see);
            }
            Inst::Call { args, .. } => args.iter().for_each(|arg| match arg {
                Arg::Value(v) => opnd(v, see),
                Arg::Addr(p) => place(p, see),
                Arg::Map(_) | Arg::Function(_) => {}
            }),
        }
    }

    /// Whether r0 to r5 are lost.
    pub fn clobbers(&self) -> bool {
        matches!(
            self,
            Inst::Call { .. } | Inst::CompareExchange { .. } | Inst::Param(..)
        )
    }
}

impl Term {
    /// Where it may go.
    pub fn targets(&self) -> impl Iterator<Item = BlockId> + use<> {
        let (a, b) = match self {
            Term::Jump(to) => (Some(*to), None),
            Term::Branch {
                then, otherwise, ..
            } => (Some(*then), Some(*otherwise)),
            Term::Exit | Term::Stop => (None, None),
        };
        a.into_iter().chain(b)
    }

    /// Calls `see` for each register that it reads.
    pub fn uses(&self, see: &mut dyn FnMut(VReg)) {
        if let Term::Branch { a, b, .. } = self {
            see(*a);
            opnd(b, see);
        }
    }
}

impl Lir {
    /// Instructions in all blocks, their ends included.
    pub fn length(&self) -> usize {
        self.blocks.iter().map(|block| block.insts.len() + 1).sum()
    }

    /// Reachable blocks in the order they are laid out: each behind all that lead to it (reverse postorder; there are no
    /// loops), cold ones last.
    pub fn layout(&self) -> Vec<BlockId> {
        let mut reached = vec![false; self.blocks.len()];
        let mut finished = Vec::new();
        // A block, and its targets that are still to be followed.
        let mut path = vec![(BlockId(0), self.block(BlockId(0)).term.targets())];
        reached[0] = true;
        while let Some((id, targets)) = path.last_mut() {
            match targets.next() {
                Some(to) if !std::mem::replace(&mut reached[to.0 as usize], true) => {
                    path.push((to, self.block(to).term.targets()));
                }
                Some(_) => {}
                None => {
                    finished.push(*id);
                    path.pop();
                }
            }
        }
        let mut order: Vec<BlockId> = finished.into_iter().rev().collect();
        // Stable: within each kind the order stays.
        order.sort_by_key(|&id| self.block(id).cold);
        order
    }

    /// Leads every jump to a block that only jumps on straight to where that one goes.
    pub fn thread_jumps(&mut self) {
        let onward: Vec<BlockId> = (0..self.blocks.len() as u32)
            .map(|id| self.onward(BlockId(id)))
            .collect();
        for block in &mut self.blocks {
            match &mut block.term {
                Term::Jump(to) => *to = onward[to.0 as usize],
                Term::Branch {
                    then, otherwise, ..
                } => {
                    *then = onward[then.0 as usize];
                    *otherwise = onward[otherwise.0 as usize];
                    if then == otherwise {
                        block.term = Term::Jump(*then);
                    }
                }
                Term::Exit | Term::Stop => {}
            }
        }
    }

    fn onward(&self, mut id: BlockId) -> BlockId {
        // There are no loops, so this ends.
        while let Block {
            insts,
            term: Term::Jump(to),
            ..
        } = self.block(id)
        {
            if !insts.is_empty() {
                break;
            }
            id = *to;
        }
        id
    }

    /// A block.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }
}

fn opnd(value: &Opnd, see: &mut dyn FnMut(VReg)) {
    if let Opnd::Reg(v) = value {
        see(*v);
    }
}

fn place(place: &Place, see: &mut dyn FnMut(VReg)) {
    if let Base::Reg(v) = place.base {
        see(v);
    }
}

/// The program as text.
pub fn text(lir: &Lir) -> String {
    let mut out = format!(
        "{}: stack {} frame {}\n",
        lir.name, lir.stack_bytes, lir.frame_bytes
    );
    for id in lir.layout() {
        let block = lir.block(id);
        let cold = if block.cold { " cold" } else { "" };
        line(&mut out, format_args!("{id}{cold}:"));
        for (inst, _) in &block.insts {
            line(&mut out, format_args!("    {inst}"));
        }
        line(&mut out, format_args!("    {}", block.term));
    }
    out
}

fn line(out: &mut String, text: fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String cannot fail");
}

impl fmt::Display for VReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl fmt::Display for Opnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Opnd::Reg(v) => v.fmt(f),
            Opnd::Imm(i) => i.fmt(f),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base {
            Base::Stack => write!(f, "[stack{:+}]", self.off),
            Base::Reg(v) => write!(f, "[{v}{:+}]", self.off),
        }
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Value(v) => v.fmt(f),
            Arg::Addr(p) => write!(f, "&{p}"),
            Arg::Map(name) => write!(f, "map {name}"),
            Arg::Function(name) => write!(f, "function {name}"),
        }
    }
}

impl fmt::Display for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Callee::Runtime(name) => f.write_str(name),
            Callee::Helper(id) => match helpers::name(*id) {
                Some(name) => f.write_str(name),
                None => write!(f, "helper {id}"),
            },
        }
    }
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inst::Context(d) => write!(f, "{d} = context"),
            Inst::Param(n, d) => write!(f, "{d} = argument {n}"),
            Inst::Const(d, value) => write!(f, "{d} = {value:#x}"),
            Inst::Copy(d, v) => write!(f, "{d} = {v}"),
            Inst::Low32(d, a) => write!(f, "{d} = low32 {a}"),
            Inst::Alu(op, d, a, b) => write!(f, "{d} = {op:?} {a}, {b}"),
            Inst::Neg(d, a) => write!(f, "{d} = Neg {a}"),
            Inst::Swap(d, a) => write!(f, "{d} = Swap {a}"),
            Inst::Set(cond, d, a, b) => write!(f, "{d} = {cond:?}? {a}, {b}"),
            Inst::Address(d, p) => write!(f, "{d} = &{p}"),
            Inst::Load(size, d, p) => write!(f, "{d} = load.{} {p}", size.bytes()),
            Inst::Store(size, p, v) => write!(f, "store.{} {p}, {v}", size.bytes()),
            Inst::FetchAdd(None, p, v) => write!(f, "add {p}, {v}"),
            Inst::FetchAdd(Some(d), p, v) => write!(f, "{d} = fetch_add {p}, {v}"),
            Inst::CompareExchange {
                dst,
                at,
                expected,
                new,
            } => write!(f, "{dst} = cmpxchg {at}, {expected}, {new}"),
            Inst::Call { callee, args, dst } => {
                if let Some(d) = dst {
                    write!(f, "{d} = ")?;
                }
                write!(f, "{callee}(")?;
                for (i, arg) in args.iter().enumerate() {
                    write!(f, "{}{arg}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Jump(to) => write!(f, "goto {to}"),
            Term::Branch {
                cond,
                a,
                b,
                then,
                otherwise,
            } => write!(f, "if {cond:?} {a}, {b} goto {then} else {otherwise}"),
            Term::Exit => f.write_str("exit"),
            Term::Stop => f.write_str("stop"),
        }
    }
}
