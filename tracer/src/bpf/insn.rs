//! One instruction word.

/// A register, 0 to 10.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reg(pub u8);

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
