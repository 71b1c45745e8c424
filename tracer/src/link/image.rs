//! The ELF file that the loader takes.
//!
//! In: pieces, maps, constants, licence. Out: bytes of a relocatable ELF file for BPF, with exactly the sections that aya
//! reads. Format: the ELF specification; relocation types: Documentation/bpf/llvm_reloc.rst in the kernel's sources.

use super::{Error, Piece, Target, btf};
use crate::plan::MapSpec;
use object::build::elf::{Builder, Relocation, SectionData, SectionId, SymbolId};
use object::elf;
use std::collections::HashMap;

/// `ld_imm64` of a map or constant.
const R_BPF_64_64: elf::RelocationType = elf::RelocationType(1);
/// `call` of a function.
const R_BPF_64_32: elf::RelocationType = elf::RelocationType(10);

/// Writes the image.
pub(super) fn write(
    pieces: &[Piece],
    maps: &[MapSpec],
    constants: &[u8],
    license: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut file = Image::new();
    file.types(maps, pieces);
    let uses_constants = pieces
        .iter()
        .flat_map(|piece| &piece.holes)
        .any(|hole| hole.target == Target::Constant);
    if uses_constants {
        file.constants(constants);
    }
    file.data("license", elf::SHF_ALLOC, license.to_vec());
    file.text(pieces.iter().filter(|piece| piece.section.is_none()));
    for piece in pieces {
        if let Some(section) = &piece.section {
            file.program(section, piece);
        }
    }
    file.references();
    let mut bytes = Vec::new();
    file.builder.write(&mut bytes)?;
    Ok(bytes)
}

/// The file being built.
struct Image<'a> {
    builder: Builder<'static>,
    symbol_table: SectionId,
    /// Symbols that references can name.
    symbols: HashMap<Target, SymbolId>,
    placed: Vec<Placed<'a>>,
}

/// A section of instructions.
struct Placed<'a> {
    section: SectionId,
    name: String,
    /// Offset in the section, and what stands there.
    pieces: Vec<(u64, &'a Piece)>,
}

impl<'a> Image<'a> {
    /// A file with its string and symbol tables.
    fn new() -> Image<'a> {
        let mut builder = Builder::new(object::Endianness::Little, true);
        builder.header.e_type = elf::ET_REL;
        builder.header.e_machine = elf::EM_BPF;
        for (name, data) in [
            (".shstrtab", SectionData::SectionString),
            (".strtab", SectionData::String),
        ] {
            let section = builder.sections.add();
            section.name = name.as_bytes().into();
            section.sh_type = elf::SHT_STRTAB;
            section.sh_addralign = 1;
            section.data = data;
        }
        let strings = builder
            .sections
            .iter()
            .find(|section| matches!(section.data, SectionData::String))
            .map(|section| section.id());
        let section = builder.sections.add();
        section.name = b".symtab"[..].into();
        section.sh_type = elf::SHT_SYMTAB;
        section.sh_addralign = 8;
        section.sh_link_section = strings;
        section.data = SectionData::Symbol;
        let symbol_table = section.id();
        Image {
            builder,
            symbol_table,
            symbols: HashMap::new(),
            placed: Vec::new(),
        }
    }

    /// Adds a section of bytes.
    fn data(&mut self, name: &str, flags: elf::SectionFlags, bytes: Vec<u8>) -> SectionId {
        let section = self.builder.sections.add();
        section.name = name.as_bytes().to_vec().into();
        section.sh_type = elf::SHT_PROGBITS;
        section.sh_flags = flags;
        section.sh_addralign = 8;
        section.data = SectionData::Data(bytes.into());
        section.id()
    }

    /// Adds a global symbol.
    fn symbol(
        &mut self,
        name: &str,
        ty: elf::SymbolType,
        section: SectionId,
        at: u64,
        size: u64,
    ) -> SymbolId {
        let symbol = self.builder.symbols.add();
        symbol.name = name.as_bytes().to_vec().into();
        symbol.set_st_info(elf::STB_GLOBAL, ty);
        symbol.section = Some(section);
        symbol.st_value = at;
        symbol.st_size = size;
        symbol.id()
    }

    /// `.maps`, `.BTF` and `.BTF.ext`.
    fn types(&mut self, maps: &[MapSpec], pieces: &[Piece]) {
        let sections = btf::write(maps, &functions(pieces));
        self.data(".BTF", elf::SectionFlags(0), sections.btf);
        self.data(".BTF.ext", elf::SectionFlags(0), sections.ext);
        if maps.is_empty() {
            return;
        }
        let zeroes = vec![0; sections.size as usize];
        let section = self.data(".maps", elf::SHF_ALLOC | elf::SHF_WRITE, zeroes);
        for (map, (at, size)) in maps.iter().zip(sections.variables) {
            let id = self.symbol(&map.name, elf::STT_OBJECT, section, at.into(), size.into());
            self.symbols.insert(Target::Map(map.name.clone()), id);
        }
    }

    /// `.rodata`, with one symbol for its first byte.
    fn constants(&mut self, bytes: &[u8]) {
        let section = self.data(".rodata", elf::SHF_ALLOC, bytes.to_vec());
        let id = self.symbol("constants", elf::STT_OBJECT, section, 0, bytes.len() as u64);
        self.symbols.insert(Target::Constant, id);
    }

    /// `.text`: all functions, one behind the other.
    fn text(&mut self, functions: impl Iterator<Item = &'a Piece>) {
        let mut code = Vec::new();
        let mut placed = Vec::new();
        for function in functions {
            placed.push((code.len() as u64, function));
            code.extend_from_slice(&function.code);
        }
        if placed.is_empty() {
            return;
        }
        let section = self.data(".text", elf::SHF_ALLOC | elf::SHF_EXECINSTR, code);
        for &(at, function) in &placed {
            let size = function.code.len() as u64;
            let id = self.symbol(&function.name, elf::STT_FUNC, section, at, size);
            self.symbols
                .insert(Target::Function(function.name.clone()), id);
        }
        self.placed.push(Placed {
            section,
            name: ".text".to_owned(),
            pieces: placed,
        });
    }

    /// A section with one program.
    fn program(&mut self, name: &str, piece: &'a Piece) {
        let flags = elf::SHF_ALLOC | elf::SHF_EXECINSTR;
        let section = self.data(name, flags, piece.code.clone());
        let size = piece.code.len() as u64;
        self.symbol(&piece.name, elf::STT_FUNC, section, 0, size);
        self.placed.push(Placed {
            section,
            name: name.to_owned(),
            pieces: vec![(0, piece)],
        });
    }

    /// A section of relocations for each section of instructions that refers to something.
    fn references(&mut self) {
        for Placed {
            section,
            name,
            pieces,
        } in &self.placed
        {
            let relocations: Vec<Relocation> = pieces
                .iter()
                .flat_map(|(at, piece)| piece.holes.iter().map(move |hole| (at + hole.at, hole)))
                .map(|(r_offset, hole)| Relocation {
                    r_offset,
                    symbol: self.symbols.get(&symbol_of(&hole.target)).copied(),
                    r_type: match hole.target {
                        Target::Function(_) => R_BPF_64_32,
                        Target::Map(_) | Target::Address(_) | Target::Constant => R_BPF_64_64,
                    },
                    r_addend: 0,
                })
                .collect();
            if relocations.is_empty() {
                continue;
            }
            let out = self.builder.sections.add();
            out.name = format!(".rel{name}").into_bytes().into();
            out.sh_type = elf::SHT_REL;
            out.sh_flags = elf::SHF_INFO_LINK;
            out.sh_addralign = 8;
            out.sh_entsize = size_of::<elf::Rel64<object::Endianness>>() as u64;
            out.sh_link_section = Some(self.symbol_table);
            out.sh_info_section = Some(*section);
            out.data = SectionData::Relocation(relocations);
        }
    }
}

/// What a reference is to, whatever is done with it.
fn symbol_of(target: &Target) -> Target {
    match target {
        Target::Address(name) => Target::Function(name.clone()),
        other => other.clone(),
    }
}

/// Where each function will begin: those of `.text` one behind the other, each program in a section of its own.
fn functions(pieces: &[Piece]) -> Vec<btf::Functions<'_>> {
    let mut text = Vec::new();
    let mut at = 0;
    for piece in pieces.iter().filter(|piece| piece.section.is_none()) {
        text.push((at, piece.name.as_str()));
        at += piece.code.len() as u32;
    }
    let text = btf::Functions {
        section: ".text",
        functions: text,
    };
    let programs = pieces.iter().filter_map(|piece| {
        Some(btf::Functions {
            section: piece.section.as_deref()?,
            functions: vec![(0, piece.name.as_str())],
        })
    });
    std::iter::once(text)
        .filter(|text| !text.functions.is_empty())
        .chain(programs)
        .collect()
}
