//! BPF instructions as data: encoding, decoding, text.
//!
//! In: `codegen`. Out: instruction words for `link`, text for `--dump=bpf`. Never knows a plan.
//! Format: Documentation/bpf/standardization/instruction-set.rst.

pub mod helpers;
pub mod insn;
pub mod text;

pub use insn::{Alu, Atomic, Cond, Insn, Op, Reg, Size, Src};

/// What `codegen` makes of a plan and `link` takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Generated {
    /// One for each of the plan's programs, in the same order.
    pub functions: Vec<Function>,
    /// Bytes of one scratch frame: the value size of the `FRAMES` map; 0 when no program needs scratch.
    pub frame_size: u32,
}

/// A generated program, ready to be linked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// Symbol.
    pub name: String,
    /// ELF section that tells the loader its type, e.g. `raw_tp/sys_exit`.
    pub section: String,
    /// Instructions; an `ld_imm64` takes two words.
    pub insns: Vec<Insn>,
    /// What the linker fills in.
    pub relocs: Vec<Reloc>,
    /// Script source offset (byte) by instruction index, ascending: to explain a rejection.
    pub lines: Vec<(u32, u32)>,
    /// Functions of its own, which it calls, or hands to helpers that call them. They stand in `.text` and have none themselves.
    pub callbacks: Vec<Function>,
}

impl Function {
    /// Instruction words, those of its own functions included.
    pub fn len(&self) -> usize {
        let callbacks = self.callbacks.iter().map(Function::len);
        self.insns.len() + callbacks.sum::<usize>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A hole in a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reloc {
    /// Index of the instruction word (the first word of an `ld_imm64`).
    pub at: u32,
    /// What goes there.
    pub target: Target,
}

/// What a hole refers to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The file descriptor of a map, by name (`ld_imm64`, R_BPF_64_64).
    Map(String),
    /// A runtime function, by symbol (`call`, R_BPF_64_32).
    Runtime(&'static str),
    /// The address of one of the program's callbacks, by symbol (`ld_imm64`, R_BPF_64_64).
    Callback(String),
}
