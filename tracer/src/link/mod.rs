//! The linker: generated programs and the functions of the runtime that they reach become one ELF image.
//!
//! In: a [`Plan`] (for its maps), [`Generated`] programs, the bytes of the runtime object. Out: an image that aya's loader
//! takes: programs in sections of their own, one `.text`, maps as BTF definitions in `.maps`. Same input, same bytes.
//! Never asks the machine, never looks into instructions beyond their references.
//!
//! Only what the plan's programs reach is in the image: functions that nothing calls and maps that nothing refers to are
//! neither verified nor created.
//!
//! - `object`: the runtime object, read.
//! - `reach`: which pieces and maps are needed.
//! - `btf`: map definitions as type information.
//! - `image`: the ELF file.

mod btf;
mod image;
mod object;
mod reach;
#[cfg(test)]
mod tests;

use crate::bpf::{self, Generated};
use crate::plan::Plan;

/// The runtime object that this tracer was built with. Its first byte is aligned as an ELF file wants it.
pub fn runtime() -> &'static [u8] {
    /// Bytes on an 8-byte boundary.
    #[repr(C, align(8))]
    struct Aligned<T: ?Sized>(T);
    static OBJECT: &Aligned<[u8]> = &Aligned(*include_bytes!("../../bpf/runtime.o"));
    &OBJECT.0
}

/// Symbol of the runtime's own program, in the image when something refers to the `CONTROL` map.
pub const WHOAMI: &str = "whoami";
/// Symbols of the runtime's programs that follow forks, in the image when something refers to the `TREE` map, each with
/// the raw tracepoint that it is for.
pub const TREE_PROGRAMS: [(&str, &str); 2] = [
    ("tree_fork", "sched_process_fork"),
    ("tree_free", "sched_process_free"),
];

/// Why an image could not be made. Each of these is a mistake in this program, not of its user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The runtime object is not what `cargo xtask build-ebpf` writes.
    #[error("read the runtime object: {0}")]
    Runtime(String),
    /// A call of something that is not there.
    #[error("link `{user}`: the runtime has no function `{name}`")]
    UnknownFunction {
        /// Who calls.
        user: String,
        /// What is missing.
        name: String,
    },
    /// A reference to something that is not there.
    #[error("link `{user}`: the plan has no map `{name}`")]
    UnknownMap {
        /// Who refers to it.
        user: String,
        /// What is missing.
        name: String,
    },
    /// Two programs or functions of one name.
    #[error("link: there are two functions of the name `{0}`")]
    Duplicate(String),
    /// A reference that does not stand at an instruction of the function.
    #[error("link `{user}`: a reference at instruction {at}, behind the function's end")]
    Outside {
        /// The function.
        user: String,
        /// Index of the instruction word.
        at: u32,
    },
    /// The file could not be laid out.
    #[error("write the image: {0}")]
    Write(#[from] ::object::build::Error),
}

/// A function or program, with its references by name.
#[derive(Clone, Debug)]
struct Piece {
    /// Symbol.
    name: String,
    /// Section of a program; `None` for a function of `.text`.
    section: Option<String>,
    /// Instruction words.
    code: Vec<u8>,
    /// References.
    holes: Vec<Hole>,
}

/// A reference to be filled in by the loader.
#[derive(Clone, Debug)]
struct Hole {
    /// Byte offset of the instruction in the piece.
    at: u64,
    /// What it refers to.
    target: Target,
}

/// What a reference is to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Target {
    /// A map.
    Map(String),
    /// A function in `.text`.
    Function(String),
    /// The address of a function in `.text`.
    Address(String),
    /// A constant in `.rodata`; the instruction's immediate is its offset there.
    Constant,
}

/// Links the plan's programs with the runtime (the bytes of its object).
pub fn link(plan: &Plan, generated: &Generated, runtime: &[u8]) -> Result<Vec<u8>, Error> {
    let runtime = object::Runtime::read(runtime)?;
    let programs = generated.functions.iter().map(piece).collect();
    let callbacks = generated.functions.iter().flat_map(|f| &f.callbacks);
    let callbacks: Vec<Piece> = callbacks
        .map(|callback| Piece {
            section: None,
            ..piece(callback)
        })
        .collect();
    let library = [callbacks, runtime.pieces].concat();
    let needed = reach::reach(programs, &library, &plan.maps)?;
    let mut maps: Vec<_> = needed.maps.into_iter().cloned().collect();
    for map in &mut maps {
        if map.name == tracer_ebpf::map::FRAMES {
            map.value_size = generated.frame_size;
        }
    }
    image::write(&needed.pieces, &maps, &runtime.constants, &runtime.license)
}

/// A generated program as a piece.
fn piece(function: &bpf::Function) -> Piece {
    let target = |target: &bpf::Target| match target {
        bpf::Target::Map(name) => Target::Map(name.clone()),
        bpf::Target::Runtime(name) => Target::Function((*name).to_owned()),
        bpf::Target::Callback(name) => Target::Address(name.clone()),
    };
    Piece {
        name: function.name.clone(),
        section: Some(function.section.clone()),
        code: function
            .insns
            .iter()
            .flat_map(|insn| insn.encode())
            .collect(),
        holes: function
            .relocs
            .iter()
            .map(|reloc| Hole {
                at: u64::from(reloc.at) * 8,
                target: target(&reloc.target),
            })
            .collect(),
    }
}
