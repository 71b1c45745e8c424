//! Maps and functions as type information: `.BTF`, which belongs to `.maps`, and `.BTF.ext`, which says where functions begin.
//!
//! In: maps, functions. Out: bytes of both sections and the place of each map's variable in `.maps`. Only what aya's loader
//! and the kernel read: a struct per map whose member types encode numbers as array lengths (`__uint` of libbpf's
//! `bpf_helpers.h`); a type per function, without which the kernel refuses callbacks ("missing btf func_info").
//! Format: Documentation/bpf/btf.rst in the kernel's sources; the conventions of `.maps`: libbpf's `parse_btf_map_def`.

use crate::plan::{MapKind, MapSpec};

/// The functions of one section: the byte at which each begins, and its name.
pub(super) struct Functions<'a> {
    /// The section's name.
    pub section: &'a str,
    /// In ascending order.
    pub functions: Vec<(u32, &'a str)>,
}

/// The sections of a set of maps and functions.
pub(super) struct Sections {
    /// `.BTF`.
    pub btf: Vec<u8>,
    /// `.BTF.ext`.
    pub ext: Vec<u8>,
    /// For each map: first byte and size of its variable in `.maps`.
    pub variables: Vec<(u32, u32)>,
    /// Size of `.maps`.
    pub size: u32,
}

/// Writes the definitions of `maps` and the types of `functions`.
pub(super) fn write(maps: &[MapSpec], functions: &[Functions<'_>]) -> Sections {
    let mut types = Types::new();
    let mut section = Vec::new();
    let mut variables = Vec::new();
    let mut at = 0;
    for map in maps {
        let (definition, size) = types.definition(map);
        let variable = types.variable(&map.name, definition);
        section.push((variable, at, size));
        variables.push((at, size));
        at += size;
    }
    if !maps.is_empty() {
        types.section(".maps", &section, at);
    }
    let ext = types.functions(functions);
    Sections {
        btf: types.finish(),
        ext,
        variables,
        size: at,
    }
}

/// Kinds of type (`BTF_KIND_*` in linux/btf.h).
#[derive(Clone, Copy)]
#[repr(u32)]
enum Kind {
    Int = 1,
    Ptr = 2,
    Array = 3,
    Struct = 4,
    Func = 12,
    FuncProto = 13,
    Var = 14,
    Datasec = 15,
}

/// Type section and string section being written. Ids count from 1; 0 is `void`.
struct Types {
    types: Vec<u8>,
    strings: Vec<u8>,
    next: u32,
    /// `int`, 32 bits, signed: element and index of every array.
    int: u32,
    /// 64 bits, unsigned.
    word: u32,
}

impl Types {
    fn new() -> Types {
        let mut types = Types {
            types: Vec::new(),
            strings: vec![0],
            next: 1,
            int: 0,
            word: 0,
        };
        const SIGNED: u32 = 1 << 24;
        types.int = types.start("int", Kind::Int, 0, 4);
        types.words(&[SIGNED | 32]);
        types.word = types.start("u64", Kind::Int, 0, 8);
        types.words(&[64]);
        types
    }

    /// The front of a type: `struct btf_type`. `size_or_type` is what its last field is for the kind.
    fn start(&mut self, name: &str, kind: Kind, vlen: u32, size_or_type: u32) -> u32 {
        let name = self.string(name);
        self.words(&[name, (kind as u32) << 24 | vlen, size_or_type]);
        self.next += 1;
        self.next - 1
    }

    fn words(&mut self, words: &[u32]) {
        words
            .iter()
            .for_each(|word| self.types.extend_from_slice(&word.to_ne_bytes()));
    }

    /// Offset of a string; the empty one is 0.
    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    fn array(&mut self, element: u32, len: u32) -> u32 {
        let id = self.start("", Kind::Array, 0, 0);
        let index = self.int;
        self.words(&[element, index, len]);
        id
    }

    fn pointer(&mut self, to: u32) -> u32 {
        self.start("", Kind::Ptr, 0, to)
    }

    /// A number, as a pointer to an array of that length.
    fn number(&mut self, value: u32) -> u32 {
        let int = self.int;
        let array = self.array(int, value);
        self.pointer(array)
    }

    /// The struct that defines a map, and its size.
    fn definition(&mut self, map: &MapSpec) -> (u32, u32) {
        let mut members = vec![
            ("type", self.number(map.kind as u32)),
            ("max_entries", self.number(map.max_entries)),
            ("map_flags", self.number(map.flags)),
        ];
        if map.kind == MapKind::TaskStorage {
            // The kernel wants types here: an int for the key, anything of the right size for the value.
            let (int, word) = (self.int, self.word);
            let value = self.array(word, map.value_size.div_ceil(8));
            members.push(("key", self.pointer(int)));
            members.push(("value", self.pointer(value)));
        } else {
            members.push(("key_size", self.number(map.key_size)));
            members.push(("value_size", self.number(map.value_size)));
        }
        let size = members.len() as u32 * 8;
        if let Some(inner) = &map.inner {
            let (definition, _) = self.definition(&template(inner));
            let pointer = self.pointer(definition);
            members.push(("values", self.array(pointer, 0)));
        }
        let names: Vec<u32> = members.iter().map(|(name, _)| self.string(name)).collect();
        let id = self.start("", Kind::Struct, members.len() as u32, size);
        for (i, (name, (_, member))) in names.iter().zip(&members).enumerate() {
            self.words(&[*name, *member, i as u32 * 64]);
        }
        (id, size)
    }

    /// A global variable.
    fn variable(&mut self, name: &str, ty: u32) -> u32 {
        const GLOBAL: u32 = 1;
        let id = self.start(name, Kind::Var, 0, ty);
        self.words(&[GLOBAL]);
        id
    }

    /// A section of variables: id, offset, size of each.
    fn section(&mut self, name: &str, variables: &[(u32, u32, u32)], size: u32) {
        self.start(name, Kind::Datasec, variables.len() as u32, size);
        for &(variable, at, size) in variables {
            self.words(&[variable, at, size]);
        }
    }

    /// A type for each function, all of them `int f(void)`: nobody compares their arguments. Gives `.BTF.ext`: the header,
    /// then for each section its name and number of functions, and for each of these its first byte and its type.
    fn functions(&mut self, sections: &[Functions<'_>]) -> Vec<u8> {
        const RECORD: u32 = 8;
        let int = self.int;
        let prototype = self.start("", Kind::FuncProto, 0, int);
        let mut info = vec![RECORD];
        for section in sections {
            let name = self.string(section.section);
            info.extend([name, section.functions.len() as u32]);
            for (at, name) in &section.functions {
                info.extend([*at, self.start(name, Kind::Func, 0, prototype)]);
            }
        }
        let len = info.len() as u32 * 4;
        // Offsets are from the header's end; there is no information on lines.
        let header = [HEADER, 0, len, len, 0];
        let words = header.iter().chain(&info);
        front()
            .into_iter()
            .chain(words.flat_map(|word| word.to_ne_bytes()))
            .collect()
    }

    /// The whole section: `struct btf_header`, types, strings.
    fn finish(self) -> Vec<u8> {
        let mut out = front();
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        for word in [HEADER, 0, types, types, strings] {
            out.extend_from_slice(&word.to_ne_bytes());
        }
        out.extend(self.types);
        out.extend(self.strings);
        out
    }
}

/// Bytes of `struct btf_header` and `struct btf_ext_header`.
const HEADER: u32 = 24;

/// What both sections begin with: magic number, version, flags.
fn front() -> Vec<u8> {
    const MAGIC: u16 = 0xeb9f;
    let mut out = MAGIC.to_ne_bytes().to_vec();
    out.extend([1, 0]);
    out
}

/// The inner map that an array of maps is created with. The kernel takes only its shape from it and forgets it, so it is made
/// as small as the shape allows; an array's length is part of its shape.
fn template(inner: &MapSpec) -> MapSpec {
    const PAGE: u32 = 4096;
    let max_entries = match inner.kind {
        MapKind::Ringbuf => PAGE,
        MapKind::Hash | MapKind::PercpuHash | MapKind::LruHash | MapKind::LruPercpuHash => 1,
        _ => inner.max_entries,
    };
    MapSpec {
        max_entries,
        ..inner.clone()
    }
}
