//! One instruction: the word as the kernel takes it ([`Insn`]) and what it does ([`Op`]).
//!
//! In: [`Op`] values from `codegen`, or words. Out: words, or [`Op`] values for text and checks.
//! Only what generated code uses: no legacy packet loads, nothing newer than cpu v3 (a
//! 6.1 kernel must take it). Never knows a plan.
//! Encoding: Documentation/bpf/standardization/instruction-set.rst.

/// A register, 0 to 10.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reg(pub u8);

impl Reg {
    /// Result of calls.
    pub const R0: Reg = Reg(0);
    /// First argument of calls.
    pub const R1: Reg = Reg(1);
    /// The frame pointer, read-only.
    pub const FP: Reg = Reg(10);
}

/// One 64-bit instruction word (`struct bpf_insn`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Insn {
    /// Operation.
    pub code: u8,
    /// Destination register, 0 to 10.
    pub dst: u8,
    /// Source register, 0 to 10, or a pseudo source (1 in `ld_imm64` and `call`).
    pub src: u8,
    /// Offset of jumps (in words, from the next word) and memory accesses (bytes).
    pub off: i16,
    /// Immediate.
    pub imm: i32,
}

impl Insn {
    /// The 8 bytes in the machine's order.
    pub fn encode(self) -> [u8; 8] {
        let mut out = [0; 8];
        out[0] = self.code;
        out[1] = self.dst | self.src << 4;
        out[2..4].copy_from_slice(&self.off.to_ne_bytes());
        out[4..].copy_from_slice(&self.imm.to_ne_bytes());
        out
    }
}

/// Width of a memory access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Size {
    /// 1 byte.
    B,
    /// 2 bytes.
    H,
    /// 4 bytes.
    W,
    /// 8 bytes.
    DW,
}

impl Size {
    /// The access of `bytes` bytes: 1, 2, 4 or 8.
    pub fn from_bytes(bytes: u8) -> Option<Size> {
        Some(match bytes {
            1 => Size::B,
            2 => Size::H,
            4 => Size::W,
            8 => Size::DW,
            _ => return None,
        })
    }

    /// Bytes.
    pub fn bytes(self) -> u8 {
        match self {
            Size::B => 1,
            Size::H => 2,
            Size::W => 4,
            Size::DW => 8,
        }
    }

    fn code(self) -> u8 {
        match self {
            Size::W => 0x00,
            Size::H => 0x08,
            Size::B => 0x10,
            Size::DW => 0x18,
        }
    }

    fn from_code(code: u8) -> Size {
        match code & 0x18 {
            0x00 => Size::W,
            0x08 => Size::H,
            0x10 => Size::B,
            _ => Size::DW,
        }
    }
}

/// Arithmetic. The discriminant is the operation's code. Division and modulo are unsigned: `x / 0` is 0, `x % 0` is x.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the BPF_ALU operation of its name")]
pub enum Alu {
    Add = 0x00,
    Sub = 0x10,
    Mul = 0x20,
    Div = 0x30,
    Or = 0x40,
    And = 0x50,
    Lsh = 0x60,
    Rsh = 0x70,
    Neg = 0x80,
    Mod = 0x90,
    Xor = 0xa0,
    Mov = 0xb0,
    Arsh = 0xc0,
}

impl Alu {
    /// All, by code.
    pub const ALL: [Alu; 13] = [
        Alu::Add,
        Alu::Sub,
        Alu::Mul,
        Alu::Div,
        Alu::Or,
        Alu::And,
        Alu::Lsh,
        Alu::Rsh,
        Alu::Neg,
        Alu::Mod,
        Alu::Xor,
        Alu::Mov,
        Alu::Arsh,
    ];

    /// `a op b` equals `b op a`.
    pub fn commutes(self) -> bool {
        matches!(self, Alu::Add | Alu::Mul | Alu::Or | Alu::And | Alu::Xor)
    }
}

/// Conditions of a jump. The discriminant is the operation's code; `S…` are signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the BPF_J operation of its name")]
pub enum Cond {
    Eq = 0x10,
    Gt = 0x20,
    Ge = 0x30,
    /// Some bit of both is set.
    Set = 0x40,
    Ne = 0x50,
    Sgt = 0x60,
    Sge = 0x70,
    Lt = 0xa0,
    Le = 0xb0,
    Slt = 0xc0,
    Sle = 0xd0,
}

impl Cond {
    /// All, by code.
    pub const ALL: [Cond; 11] = [
        Cond::Eq,
        Cond::Gt,
        Cond::Ge,
        Cond::Set,
        Cond::Ne,
        Cond::Sgt,
        Cond::Sge,
        Cond::Lt,
        Cond::Le,
        Cond::Slt,
        Cond::Sle,
    ];

    /// The opposite condition; `Set` has none.
    pub fn inverse(self) -> Option<Cond> {
        Some(match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Gt => Cond::Le,
            Cond::Le => Cond::Gt,
            Cond::Ge => Cond::Lt,
            Cond::Lt => Cond::Ge,
            Cond::Sgt => Cond::Sle,
            Cond::Sle => Cond::Sgt,
            Cond::Sge => Cond::Slt,
            Cond::Slt => Cond::Sge,
            Cond::Set => return None,
        })
    }
}

/// Atomic operations on 8 bytes. The discriminant is the immediate that selects them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i32)]
pub enum Atomic {
    /// `*at += src`.
    Add = 0x00,
    /// The same; `src` becomes the value before.
    FetchAdd = 0x01,
    /// When `*at == r0` it becomes `src`; r0 becomes the value before.
    CompareExchange = 0xf1,
}

/// Second operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Src {
    /// A register.
    Reg(Reg),
    /// An immediate, sign-extended to 64 bits.
    Imm(i32),
}

/// What a word does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// 64-bit arithmetic: `dst = dst op src` (`Mov`: `dst = src`; `Neg`: `dst = -dst`).
    Alu64(Alu, Reg, Src),
    /// The same on the low 32 bits; the high ones become 0.
    Alu32(Alu, Reg, Src),
    /// The eight bytes of the register in reverse order: `be64` on a little-endian machine.
    Swap(Reg),
    /// `dst = *(size *)(base + off)`, zero-extended.
    Load(Size, Reg, Reg, i16),
    /// `*(size *)(base + off) = src`: size, base, off, src.
    Store(Size, Reg, i16, Src),
    /// Atomic operation on `*(u64 *)(base + off)`: operation, base, off, src.
    Atomic(Atomic, Reg, i16, Reg),
    /// First word of `dst = imm64`: the low half.
    Imm64(Reg, i32),
    /// First word of `dst = map`; the linker or loader fills the file descriptor in.
    Map(Reg, i32),
    /// First word of `dst = function of the same object`: words from the next one; -1 before linking.
    FunctionAddress(Reg, i32),
    /// Second word of the three above: the high half.
    High(i32),
    /// Unconditional.
    Jump(i16),
    /// `if dst cond src`, 64 bits: condition, dst, src, offset.
    Branch(Cond, Reg, Src, i16),
    /// A kernel helper, by number.
    Helper(u32),
    /// A function of the same object: words from the next one; -1 before linking.
    Function(i32),
    /// Ends the function; r0 is the result.
    Exit,
}

const LDX_MEM: u8 = 0x61;
const ST_MEM: u8 = 0x62;
const STX_MEM: u8 = 0x63;
const STX_ATOMIC_DW: u8 = 0xdb;
const LD_IMM64: u8 = 0x18;
const JA: u8 = 0x05;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const CLASS_ALU32: u8 = 0x04;
const CLASS_ALU64: u8 = 0x07;
const CLASS_JMP: u8 = 0x05;
const SOURCE_REG: u8 = 0x08;
/// BPF_ALU | BPF_END | BPF_TO_BE. (The unconditional swap, of BPF_ALU64, is newer than 6.1.)
const TO_BE: u8 = 0xdc;

impl Op {
    /// The instruction word.
    pub fn encode(self) -> Insn {
        match self {
            Op::Alu64(op, dst, src) => with_source(CLASS_ALU64 | op as u8, dst, src, 0),
            Op::Alu32(op, dst, src) => with_source(CLASS_ALU32 | op as u8, dst, src, 0),
            Op::Swap(dst) => word(TO_BE, dst, Reg(0), 0, 64),
            Op::Branch(cond, dst, src, off) => with_source(CLASS_JMP | cond as u8, dst, src, off),
            Op::Load(size, dst, base, off) => word(LDX_MEM | size.code(), dst, base, off, 0),
            Op::Store(size, base, off, Src::Reg(src)) => {
                word(STX_MEM | size.code(), base, src, off, 0)
            }
            Op::Store(size, base, off, Src::Imm(imm)) => {
                word(ST_MEM | size.code(), base, Reg::R0, off, imm)
            }
            Op::Atomic(op, base, off, src) => word(STX_ATOMIC_DW, base, src, off, op as i32),
            Op::Imm64(dst, low) => word(LD_IMM64, dst, Reg(0), 0, low),
            Op::Map(dst, fd) => word(LD_IMM64, dst, Reg(1), 0, fd),
            Op::FunctionAddress(dst, imm) => word(LD_IMM64, dst, Reg(4), 0, imm),
            Op::High(high) => word(0, Reg(0), Reg(0), 0, high),
            Op::Jump(off) => word(JA, Reg(0), Reg(0), off, 0),
            Op::Helper(id) => word(CALL, Reg(0), Reg(0), 0, id as i32),
            Op::Function(imm) => word(CALL, Reg(0), Reg(1), 0, imm),
            Op::Exit => word(EXIT, Reg(0), Reg(0), 0, 0),
        }
    }

    /// What a word does; `None` when it is none of ours.
    pub fn decode(insn: Insn) -> Option<Op> {
        let (dst, base) = (Reg(insn.dst), Reg(insn.src));
        Some(match insn.code {
            0 => Op::High(insn.imm),
            LD_IMM64 if insn.src == 1 => Op::Map(dst, insn.imm),
            LD_IMM64 if insn.src == 4 => Op::FunctionAddress(dst, insn.imm),
            LD_IMM64 => Op::Imm64(dst, insn.imm),
            JA => Op::Jump(insn.off),
            CALL if insn.src == 1 => Op::Function(insn.imm),
            CALL => Op::Helper(insn.imm as u32),
            EXIT => Op::Exit,
            TO_BE if insn.imm == 64 => Op::Swap(dst),
            STX_ATOMIC_DW => Op::Atomic(atomic(insn.imm)?, dst, insn.off, base),
            code => match code & 0x67 {
                LDX_MEM => Op::Load(Size::from_code(code), dst, base, insn.off),
                ST_MEM => Op::Store(Size::from_code(code), dst, insn.off, Src::Imm(insn.imm)),
                STX_MEM if code & 0x80 == 0 => {
                    Op::Store(Size::from_code(code), dst, insn.off, Src::Reg(base))
                }
                _ => return decode_arithmetic(insn),
            },
        })
    }
}

fn decode_arithmetic(insn: Insn) -> Option<Op> {
    let (dst, operation) = (Reg(insn.dst), insn.code & 0xf0);
    let src = if insn.code & SOURCE_REG != 0 {
        Src::Reg(Reg(insn.src))
    } else {
        Src::Imm(insn.imm)
    };
    let alu = || Alu::ALL.into_iter().find(|&a| a as u8 == operation);
    Some(match insn.code & 0x07 {
        CLASS_ALU64 => Op::Alu64(alu()?, dst, src),
        CLASS_ALU32 => Op::Alu32(alu()?, dst, src),
        CLASS_JMP => {
            let cond = Cond::ALL.into_iter().find(|&c| c as u8 == operation)?;
            Op::Branch(cond, dst, src, insn.off)
        }
        _ => return None,
    })
}

fn atomic(imm: i32) -> Option<Atomic> {
    [Atomic::Add, Atomic::FetchAdd, Atomic::CompareExchange]
        .into_iter()
        .find(|&a| a as i32 == imm)
}

fn with_source(code: u8, dst: Reg, src: Src, off: i16) -> Insn {
    match src {
        Src::Reg(src) => word(code | SOURCE_REG, dst, src, off, 0),
        Src::Imm(imm) => word(code, dst, Reg(0), off, imm),
    }
}

fn word(code: u8, dst: Reg, src: Reg, off: i16, imm: i32) -> Insn {
    Insn {
        code,
        dst: dst.0,
        src: src.0,
        off,
        imm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Op> {
        let (a, b) = (Reg(3), Reg(9));
        let mut ops = vec![
            Op::Imm64(a, -5),
            Op::Map(a, 0),
            Op::FunctionAddress(a, -1),
            Op::High(7),
            Op::Jump(-3),
            Op::Helper(113),
            Op::Function(-1),
            Op::Swap(b),
            Op::Exit,
        ];
        for src in [Src::Reg(b), Src::Imm(-7)] {
            for alu in Alu::ALL {
                ops.push(Op::Alu64(alu, a, src));
                ops.push(Op::Alu32(alu, a, src));
            }
            for cond in Cond::ALL {
                ops.push(Op::Branch(cond, a, src, 12));
            }
            for size in [Size::B, Size::H, Size::W, Size::DW] {
                ops.push(Op::Store(size, a, -16, src));
                ops.push(Op::Load(size, a, b, 24));
            }
        }
        for op in [Atomic::Add, Atomic::FetchAdd, Atomic::CompareExchange] {
            ops.push(Op::Atomic(op, a, 8, b));
        }
        ops
    }

    #[test]
    fn decoding_undoes_encoding() {
        for op in samples() {
            assert_eq!(Op::decode(op.encode()), Some(op));
        }
    }

    /// Words as `llvm-mc -triple bpfel -show-encoding` prints them.
    #[test]
    fn words_are_the_assemblers() {
        let cases = [
            (
                Op::Alu64(Alu::Mov, Reg(1), Src::Reg(Reg(6))),
                [0xbf, 0x61, 0, 0, 0, 0, 0, 0],
            ),
            (
                Op::Alu32(Alu::Mov, Reg(0), Src::Imm(1)),
                [0xb4, 0, 0, 0, 1, 0, 0, 0],
            ),
            (
                Op::Load(Size::DW, Reg(2), Reg(10), -8),
                [0x79, 0xa2, 0xf8, 0xff, 0, 0, 0, 0],
            ),
            (
                Op::Store(Size::W, Reg(10), -4, Src::Imm(0)),
                [0x62, 0x0a, 0xfc, 0xff, 0, 0, 0, 0],
            ),
            (
                Op::Branch(Cond::Slt, Reg(1), Src::Imm(5), 2),
                [0xc5, 0x01, 2, 0, 5, 0, 0, 0],
            ),
            (
                Op::Atomic(Atomic::FetchAdd, Reg(1), 0, Reg(2)),
                [0xdb, 0x21, 0, 0, 1, 0, 0, 0],
            ),
            (Op::Swap(Reg(1)), [0xdc, 0x01, 0, 0, 0x40, 0, 0, 0]),
            (Op::Exit, [0x95, 0, 0, 0, 0, 0, 0, 0]),
        ];
        for (op, bytes) in cases {
            assert_eq!(op.encode().encode(), bytes, "{op:?}");
        }
    }
}
