//! The runtime object, read into pieces with references by name.
//!
//! In: the ELF file that bpf-linker wrote. Out: [`Runtime`]. Never changes an instruction except to make its reference
//! symbolic (a call within `.text` may be given by distance, a constant by section and offset).

use super::{Error, Hole, Piece, Target};
use object::{
    Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionKind, SymbolKind,
};

/// Everything that the runtime object holds.
pub(super) struct Runtime {
    /// Functions and programs.
    pub pieces: Vec<Piece>,
    /// `.rodata`.
    pub constants: Vec<u8>,
    /// `license`.
    pub license: Vec<u8>,
}

/// Name of the section whose symbols are maps.
const MAPS: &str = "maps";
/// `call` with a function of this object as its target.
const CALL: u8 = 0x85;
/// First word of a 64-bit constant; at a function's symbol its address, which is handed to a helper that calls it.
const LD_IMM64: u8 = 0x18;
const PSEUDO_CALL: u8 = 0x10;

impl Runtime {
    /// Reads the object.
    pub fn read(bytes: &[u8]) -> Result<Runtime, Error> {
        let bad = |error: object::Error| Error::Runtime(error.to_string());
        let file = object::File::parse(bytes).map_err(bad)?;
        let data = |name| match file.section_by_name(name) {
            Some(section) => section.data().map(<[u8]>::to_vec).map_err(bad),
            None => Ok(Vec::new()),
        };
        let mut pieces = Vec::new();
        for section in file.sections().filter(|s| s.kind() == SectionKind::Text) {
            read_section(&file, &section, &mut pieces)?;
        }
        Ok(Runtime {
            pieces,
            constants: data(".rodata")?,
            license: data("license")?,
        })
    }
}

/// Splits a section of instructions into its functions.
fn read_section(
    file: &object::File<'_>,
    section: &object::Section<'_, '_>,
    pieces: &mut Vec<Piece>,
) -> Result<(), Error> {
    let bad = |error: object::Error| Error::Runtime(error.to_string());
    let bytes = section.data().map_err(bad)?;
    let name = section.name().map_err(bad)?;
    let first = pieces.len();
    let mut starts = Vec::new();
    for symbol in file.symbols().filter(|s| {
        s.section_index() == Some(section.index()) && s.kind() == SymbolKind::Text && s.size() > 0
    }) {
        let range = symbol.address() as usize..(symbol.address() + symbol.size()) as usize;
        let code = bytes
            .get(range)
            .ok_or_else(|| outside(name, symbol.address()))?;
        starts.push(symbol.address());
        pieces.push(Piece {
            name: symbol.name().map_err(bad)?.to_owned(),
            section: (name != ".text").then(|| name.to_owned()),
            code: code.to_vec(),
            holes: Vec::new(),
        });
    }
    let names: Vec<(u64, String)> = starts
        .iter()
        .zip(&pieces[first..])
        .map(|(&start, piece)| (start, piece.name.clone()))
        .collect();
    for (offset, relocation) in section.relocations() {
        let RelocationTarget::Symbol(index) = relocation.target() else {
            return Err(outside(name, offset));
        };
        let symbol = file.symbol_by_index(index).map_err(bad)?;
        let (piece, at) =
            find(&mut pieces[first..], &starts, offset).ok_or_else(|| outside(name, offset))?;
        let target = target(file, &symbol, &names, &mut piece.code[at as usize..])?;
        piece.holes.push(Hole { at, target });
    }
    for (start, piece) in starts.iter().zip(&mut pieces[first..]) {
        name_near_calls(piece, *start, &names)?;
    }
    Ok(())
}

/// The piece that holds the section's byte `offset`, and the byte's place in it.
fn find<'a>(pieces: &'a mut [Piece], starts: &[u64], offset: u64) -> Option<(&'a mut Piece, u64)> {
    let at = starts
        .iter()
        .zip(pieces.iter())
        .position(|(&start, piece)| offset >= start && offset < start + piece.code.len() as u64)?;
    Some((&mut pieces[at], offset - starts[at]))
}

/// What a relocation refers to; `insn` is the instruction that it stands at.
fn target(
    file: &object::File<'_>,
    symbol: &object::Symbol<'_, '_>,
    functions: &[(u64, String)],
    insn: &mut [u8],
) -> Result<Target, Error> {
    let bad = |error: object::Error| Error::Runtime(error.to_string());
    let name = symbol.name().map_err(bad)?;
    let section = match symbol.section_index() {
        Some(index) => file.section_by_index(index).map_err(bad)?,
        None => return Err(Error::Runtime(format!("`{name}` is not defined"))),
    };
    let imm = i64::from(immediate(insn));
    match section.name().map_err(bad)? {
        MAPS => Ok(Target::Map(name.to_owned())),
        ".rodata" => {
            let offset = symbol.address() as i64 + imm;
            insn[4..8].copy_from_slice(&(offset as i32).to_le_bytes());
            Ok(Target::Constant)
        }
        ".text" if insn[0] == LD_IMM64 => Ok(Target::Address(name.to_owned())),
        ".text" if symbol.kind() == SymbolKind::Text => Ok(Target::Function(name.to_owned())),
        ".text" => {
            // A section symbol: the function is given by the immediate, in instructions.
            let address = (symbol.address() as i64 + (imm + 1) * 8) as u64;
            function_at(functions, address)
        }
        other => Err(Error::Runtime(format!(
            "`{name}` in section {other} is referred to"
        ))),
    }
}

/// Names the callees of calls that have no relocation because caller and callee share the section.
fn name_near_calls(
    piece: &mut Piece,
    start: u64,
    functions: &[(u64, String)],
) -> Result<(), Error> {
    for at in (0..piece.code.len() as u64).step_by(8) {
        let insn = &piece.code[at as usize..][..8];
        let is_call = insn[0] == CALL && insn[1] & 0xf0 == PSEUDO_CALL;
        if is_call && piece.holes.iter().all(|hole| hole.at != at) {
            let address = (start + at + 8) as i64 + i64::from(immediate(insn)) * 8;
            let target = function_at(functions, address as u64)?;
            piece.holes.push(Hole { at, target });
        }
    }
    Ok(())
}

fn function_at(functions: &[(u64, String)], address: u64) -> Result<Target, Error> {
    functions
        .iter()
        .find(|(start, _)| *start == address)
        .map(|(_, name)| Target::Function(name.clone()))
        .ok_or_else(|| outside(".text", address))
}

fn immediate(insn: &[u8]) -> i32 {
    i32::from_le_bytes(insn[4..8].try_into().expect("an instruction has 8 bytes"))
}

fn outside(section: &str, offset: u64) -> Error {
    Error::Runtime(format!(
        "nothing fits the reference at {section}+{offset:#x}"
    ))
}
