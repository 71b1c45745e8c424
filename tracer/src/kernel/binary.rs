//! What a program or library offers to probes: its functions and its own tracepoints.
//!
//! In: a path. Out: [`Binary`], from the file's symbol tables and its `.note.stapsdt` section (the format is described at
//! <https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation>). Only these parts of the file are read. Never looks at
//! a process.

use crate::facts::{Binary, Segment, UserFunction, UserTracepoint};
use object::read::elf::{ElfFile64, FileHeader as _};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, ReadCache, SymbolKind};
use std::fs::File;

/// Note type of a tracepoint.
const NT_STAPSDT: u32 = 3;
const OWNER: &[u8] = b"stapsdt\0";

/// Reads a file.
pub(super) fn read(path: &str) -> Result<Binary, String> {
    let file = File::open(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let cache = ReadCache::new(file);
    let elf = ElfFile64::<object::Endianness, _>::parse(&cache)
        .map_err(|error| format!("{path} is not a program or library of this machine: {error}"))?;
    if elf.elf_header().e_machine(elf.endian()) != object::elf::EM_X86_64 {
        return Err(format!("{path} is a program or library of another machine"));
    }
    let mut binary = Binary {
        segments: elf.segments().map(segment).collect(),
        ..Binary::default()
    };
    binary.functions = functions(&elf, &binary);
    binary.tracepoints = tracepoints(&elf, &binary);
    Ok(binary)
}

type Elf<'a> = ElfFile64<'a, object::Endianness, &'a ReadCache<File>>;

fn segment<'a>(segment: impl ObjectSegment<'a>) -> Segment {
    let (offset, size) = segment.file_range();
    Segment {
        address: segment.address(),
        size,
        offset,
    }
}

fn functions(elf: &Elf<'_>, binary: &Binary) -> Vec<UserFunction> {
    let symbols = elf.symbols().chain(elf.dynamic_symbols());
    let mut functions: Vec<UserFunction> = symbols
        .filter(|s| s.kind() == SymbolKind::Text && s.is_definition())
        .filter(|s| binary.offset(s.address()).is_some())
        .filter_map(|symbol| {
            let name = symbol.name().ok()?;
            // A version stands behind the name in some tables: `memcpy@@GLIBC_2.14`.
            let name = name.split('@').next().unwrap_or(name);
            (!name.is_empty()).then(|| UserFunction {
                name: name.to_owned(),
                address: symbol.address(),
                size: symbol.size(),
            })
        })
        .collect();
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    functions.dedup_by(|a, b| a.name == b.name);
    functions
}

fn tracepoints(elf: &Elf<'_>, binary: &Binary) -> Vec<UserTracepoint> {
    let Some(notes) = elf.section_by_name(".note.stapsdt") else {
        return Vec::new();
    };
    let base = elf.section_by_name(".stapsdt.base").map(|s| s.address());
    let data = notes.data().unwrap_or_default();
    notes_of(data)
        .filter_map(|note| tracepoint(note, base, binary))
        .collect()
}

/// Descriptions of the tracepoints' notes.
fn notes_of(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (head, rest) = data.split_at_checked(12)?;
            let [name, description, kind] = [0, 4, 8].map(|at| word(head, at));
            let padded = |size: u32| (size as usize).next_multiple_of(4);
            let (owner, rest) = rest.split_at_checked(padded(name))?;
            let (body, rest) = rest.split_at_checked(padded(description).min(rest.len()))?;
            data = rest;
            if kind == NT_STAPSDT && owner.starts_with(OWNER) {
                return Some(body);
            }
        }
    })
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Three addresses and three strings. All addresses have moved when the file was prelinked, by as much as its base has.
fn tracepoint(note: &[u8], base: Option<u64>, binary: &Binary) -> Option<UserTracepoint> {
    let (addresses, strings) = note.split_at_checked(24)?;
    let address = |at: usize| addresses[at..at + 8].try_into().map(u64::from_le_bytes);
    let [at, noted_base, semaphore] = [address(0).ok()?, address(8).ok()?, address(16).ok()?];
    let moved = base.map_or(0, |base| base.wrapping_sub(noted_base));
    let mut strings = strings
        .split(|byte| *byte == 0)
        .map(|text| String::from_utf8_lossy(text).into_owned());
    Some(UserTracepoint {
        at: binary.offset(at.wrapping_add(moved))?,
        semaphore: match semaphore {
            0 => 0,
            semaphore => binary.offset(semaphore.wrapping_add(moved))?,
        },
        provider: strings.next()?,
        name: strings.next()?,
        arguments: strings.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_functions() {
        let binary = read("/proc/self/exe").expect("a test program is an ELF file");
        assert!(binary.functions.is_sorted_by(|a, b| a.name < b.name));
        let main = binary.functions.iter().find(|f| f.name == "main");
        let main = main.expect("a test program has a main");
        assert!(binary.offset(main.address).is_some());
        assert_eq!(binary.offset(u64::MAX), None);
    }

    #[test]
    fn what_is_no_program_says_so() {
        assert!(
            read("/proc/version")
                .expect_err("text")
                .contains("is not a program")
        );
        assert!(
            read("/no/such")
                .expect_err("no file")
                .contains("cannot be read")
        );
    }

    #[test]
    fn a_note_is_taken_apart() {
        let mut note = Vec::new();
        for number in [8_u32, 24 + 10, NT_STAPSDT] {
            note.extend(number.to_le_bytes());
        }
        note.extend(OWNER);
        for address in [0x1010_u64, 0x5000, 0x2008] {
            note.extend(address.to_le_bytes());
        }
        note.extend(b"p\0n\x008@%ax\0\0\0");
        let binary = Binary {
            segments: vec![
                Segment {
                    address: 0x1100,
                    size: 0x100,
                    offset: 0x100,
                },
                Segment {
                    address: 0x2100,
                    size: 0x100,
                    offset: 0x900,
                },
            ],
            ..Binary::default()
        };
        let found: Vec<_> = notes_of(&note)
            .filter_map(|note| tracepoint(note, Some(0x5100), &binary))
            .collect();
        let wanted = UserTracepoint {
            provider: "p".to_owned(),
            name: "n".to_owned(),
            at: 0x110,
            semaphore: 0x908,
            arguments: "8@%ax".to_owned(),
        };
        assert_eq!(found, [wanted]);
    }
}
