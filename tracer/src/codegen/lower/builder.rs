//! Building blocks of the linear form.
//!
//! In: instructions, one after the other, and where control goes. Out: [`Lir`]. Knows nothing of the IR.

use crate::bpf::{Alu, Cond, Size};
use crate::codegen::frame::Memory;
use crate::codegen::lir::{
    Arg, Block, BlockId, Callee, Class, Inst, Lir, Opnd, Place, Term, VReg, VRegInfo,
};

/// A program under construction.
pub struct Builder {
    blocks: Vec<Block>,
    vregs: Vec<VRegInfo>,
    current: BlockId,
    /// The byte of the script that the next instructions come from.
    pub line: u32,
    /// New numbers may be spilled to the scratch frame that this points to.
    pub spill_frame: Option<VReg>,
}

impl Builder {
    /// An empty program whose first block is current.
    pub fn new() -> Builder {
        let mut builder = Builder {
            blocks: Vec::new(),
            vregs: Vec::new(),
            current: BlockId(0),
            line: 0,
            spill_frame: None,
        };
        builder.block();
        builder
    }

    /// The finished program.
    pub fn finish(self, name: &str, memory: &Memory, stack_limit: u32) -> Lir {
        Lir {
            name: name.to_owned(),
            blocks: self.blocks,
            vregs: self.vregs,
            stack_bytes: memory.stack_bytes(),
            frame_bytes: memory.frame_bytes(),
            stack_limit,
        }
    }

    /// A new register.
    pub fn vreg(&mut self, class: Class) -> VReg {
        let frame = self.spill_frame;
        self.vregs.push(VRegInfo { class, frame });
        VReg(self.vregs.len() as u32 - 1)
    }

    /// A new block; until it is given an end, it ends the program.
    pub fn block(&mut self) -> BlockId {
        self.blocks.push(Block {
            insts: Vec::new(),
            term: Term::Exit,
            cold: false,
        });
        BlockId(self.blocks.len() as u32 - 1)
    }

    /// A new block that is hardly ever executed.
    pub fn cold_block(&mut self) -> BlockId {
        let id = self.block();
        self.blocks[id.0 as usize].cold = true;
        id
    }

    /// Goes on in another block.
    pub fn switch(&mut self, to: BlockId) {
        self.current = to;
    }

    /// The current block.
    pub fn current(&self) -> BlockId {
        self.current
    }

    /// Appends an instruction.
    pub fn push(&mut self, inst: Inst) {
        let line = self.line;
        self.blocks[self.current.0 as usize]
            .insts
            .push((inst, line));
    }

    /// Ends the current block.
    pub fn jump(&mut self, to: BlockId) {
        self.blocks[self.current.0 as usize].term = Term::Jump(to);
    }

    /// Ends the current block and the callback: it is called again, or not.
    pub fn give_back(&mut self, again: bool) {
        let term = if again { Term::Exit } else { Term::Stop };
        self.blocks[self.current.0 as usize].term = term;
    }

    /// Ends the current block two ways.
    pub fn branch(&mut self, cond: Cond, a: VReg, b: Opnd, then: BlockId, otherwise: BlockId) {
        self.blocks[self.current.0 as usize].term = Term::Branch {
            cond,
            a,
            b,
            then,
            otherwise,
        };
    }

    /// Where a block goes that only goes on.
    pub fn target(&self, block: BlockId) -> BlockId {
        match self.blocks[block.0 as usize].term {
            Term::Jump(to) => to,
            ref term => unreachable!("{block} ends with {term}, not with a jump"),
        }
    }

    /// Ends the current block with a branch to `to`, and goes on in a new one when the condition does not hold.
    pub fn branch_away(&mut self, cond: Cond, a: VReg, b: Opnd, to: BlockId) {
        let next = self.block();
        self.branch(cond, a, b, to, next);
        self.switch(next);
    }

    /// When the condition holds, runs `body` out of line and comes back.
    pub fn rarely(&mut self, cond: Cond, a: VReg, b: Opnd, body: impl FnOnce(&mut Builder)) {
        let (away, next) = (self.cold_block(), self.block());
        self.branch(cond, a, b, away, next);
        self.switch(away);
        body(self);
        self.jump(next);
        self.switch(next);
    }

    /// A constant as an operand.
    pub fn num(&mut self, value: u64) -> Opnd {
        match i32::try_from(value as i64) {
            Ok(imm) => Opnd::Imm(imm),
            Err(_) => {
                let v = self.vreg(Class::Scalar);
                self.push(Inst::Const(v, value));
                Opnd::Reg(v)
            }
        }
    }

    /// An operand as a register.
    pub fn reg(&mut self, value: Opnd) -> VReg {
        match value {
            Opnd::Reg(v) => v,
            Opnd::Imm(_) => self.copy(value),
        }
    }

    /// A new number register with the operand's value.
    pub fn copy(&mut self, value: Opnd) -> VReg {
        let v = self.vreg(Class::Scalar);
        self.push(Inst::Copy(v, value));
        v
    }

    /// `a op b`.
    pub fn alu(&mut self, op: Alu, a: Opnd, b: Opnd) -> VReg {
        let a = self.reg(a);
        let d = self.vreg(Class::Scalar);
        self.push(Inst::Alu(op, d, a, b));
        d
    }

    /// `-a`.
    pub fn neg(&mut self, a: VReg) -> VReg {
        let d = self.vreg(Class::Scalar);
        self.push(Inst::Neg(d, a));
        d
    }

    /// `a` with its eight bytes in reverse order.
    pub fn swap(&mut self, a: VReg) -> VReg {
        let d = self.vreg(Class::Scalar);
        self.push(Inst::Swap(d, a));
        d
    }

    /// 1 when the condition holds, else 0.
    pub fn set(&mut self, cond: Cond, a: Opnd, b: Opnd) -> VReg {
        let a = self.reg(a);
        let d = self.vreg(Class::Scalar);
        self.push(Inst::Set(cond, d, a, b));
        self.forget(d);
        d
    }

    /// Makes the verifier forget what it knows of a number that depends on the path taken: negated twice, it is any
    /// number. Before 6.5 the verifier does not merge paths that differ in a number, in programs with
    /// functions: thirty flags, one after the other, would be a billion paths.
    pub fn forget(&mut self, v: VReg) {
        self.push(Inst::Neg(v, v));
        self.push(Inst::Neg(v, v));
    }

    /// A number in memory.
    pub fn load(&mut self, size: Size, from: Place) -> VReg {
        let d = self.vreg(Class::Scalar);
        self.push(Inst::Load(size, d, from));
        d
    }

    /// Writes to memory.
    pub fn store(&mut self, size: Size, to: Place, value: Opnd) {
        self.push(Inst::Store(size, to, value));
    }

    /// Writes a 64-bit constant to memory.
    pub fn store_word(&mut self, to: Place, value: u64) {
        let value = self.num(value);
        self.store(Size::DW, to, value);
    }

    /// A call whose result is not needed.
    pub fn call(&mut self, callee: Callee, args: Vec<Arg>) {
        self.push(Inst::Call {
            callee,
            args,
            dst: None,
        });
    }

    /// A call that gives a number.
    pub fn call_number(&mut self, callee: Callee, args: Vec<Arg>) -> VReg {
        self.call_result(callee, args, Class::Scalar)
    }

    /// A call that gives a pointer or null.
    pub fn call_pointer(&mut self, callee: Callee, args: Vec<Arg>) -> VReg {
        self.call_result(callee, args, Class::Pointer)
    }

    fn call_result(&mut self, callee: Callee, args: Vec<Arg>, class: Class) -> VReg {
        let d = self.vreg(class);
        self.push(Inst::Call {
            callee,
            args,
            dst: Some(d),
        });
        d
    }
}

/// A runtime function.
pub fn runtime(name: &'static str) -> Callee {
    Callee::Runtime(name)
}

/// An immediate argument.
pub fn imm(value: u32) -> Arg {
    Arg::Value(Opnd::Imm(value as i32))
}

/// A register argument.
pub fn arg(v: VReg) -> Arg {
    Arg::Value(Opnd::Reg(v))
}
