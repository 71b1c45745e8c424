//! Structs: `data/structs.txt`, laid out for x86-64 and i386.
//!
//! In: blocks. Out: `STRUCT_*`, offsets of members. The rules are a C compiler's: a member lies at a multiple of its
//! alignment, a struct's size is a multiple of the largest one; i386 aligns nothing to more than 4 bytes.

use crate::expression::{Type, parse};
use crate::lines::{Block, Line, blocks, wrong};
use crate::meaning::{Bytes, Meaning, Scope, Words};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The structs by name.
pub struct Structs {
    by_name: BTreeMap<String, Struct>,
    laid_out: RefCell<BTreeMap<String, Layout>>,
}

struct Struct {
    at: String,
    name: String,
    /// The kernel's, for both ABIs; none if it has none.
    kernel: Option<[String; 2]>,
    packed: bool,
    /// When the members do not say it all.
    size: Option<usize>,
    members: Vec<Member>,
}

struct Member {
    at: String,
    name: String,
    kind: Type,
}

/// Where the members lie.
#[derive(Clone)]
pub struct Layout {
    pub size: Bytes,
    align: Bytes,
    /// Of members with a name.
    pub members: Vec<Laid>,
    text: String,
}

/// A member in its place.
#[derive(Clone)]
pub struct Laid {
    pub name: String,
    pub offset: Bytes,
    pub width: Bytes,
    pub signed: bool,
}

impl Structs {
    /// `data/structs.txt`.
    pub fn read() -> Structs {
        let mut by_name = BTreeMap::new();
        for block in blocks("structs.txt") {
            if block.head.text.starts_with('[') {
                continue;
            }
            let found = declaration(&block);
            let name = found.name.clone();
            if by_name.insert(name.clone(), found).is_some() {
                wrong(&block.head.at, format!("{name} is there twice"));
            }
        }
        Structs {
            by_name,
            laid_out: RefCell::default(),
        }
    }

    /// `NAME`, or `sized(NAME,LENGTH)`, when there is such a struct.
    pub fn meaning(&self, at: &str, text: &Type, words: &Words, scope: Scope) -> Option<Meaning> {
        let (name, length) = match &text.arguments[..] {
            [] => (&text.head, None),
            [name, length] if text.head == "sized" => (&name.head, Some(&length.head)),
            _ => return None,
        };
        let target = self.by_name.get(name)?.kernel.clone();
        let layout = self.layout(name, words);
        let label = label(name);
        let what = match length {
            None => format!("What::Struct(&structs::{label})"),
            Some(length) => {
                let length = words.length(at, length, scope);
                format!("What::Sized(&structs::{label}, {length})")
            }
        };
        Some(Meaning {
            what,
            width: layout.size,
            align: layout.align,
            signed: false,
            target,
        })
    }

    /// Where a struct's members lie.
    pub fn layout(&self, name: &str, words: &Words) -> Layout {
        if let Some(known) = self.laid_out.borrow().get(name) {
            return known.clone();
        }
        let layout = lay_out(&self.by_name[name], words);
        let mut laid_out = self.laid_out.borrow_mut();
        laid_out.insert(name.to_string(), layout.clone());
        layout
    }

    /// What the kernel calls a struct, for both ABIs.
    pub fn kernel_names(&self, name: &str) -> [String; 2] {
        let known = self.by_name.get(name).and_then(|s| s.kernel.clone());
        known.unwrap_or_else(|| [name.to_string(), name.to_string()])
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// `STRUCT_*` and `STRUCTS`.
    pub fn tables(&self, words: &Words) -> String {
        let (mut out, mut list) = (String::new(), String::new());
        for (name, declared) in &self.by_name {
            let Layout {
                size: [native, i386],
                text,
                ..
            } = self.layout(name, words);
            let (label, kernel) = (label(name), &declared.kernel);
            let kernel = kernel.as_ref().map(|[native, i386]| (native, i386));
            out += &format!(
                "pub(super) static {label}: Struct = Struct {{ name: {name:?}, kernel: {kernel:?}, \
                 size: ByAbi {{ native: {native}, i386: {i386} }}, fields: &[{text}] }};\n"
            );
            list += &format!("&{label}, ");
        }
        out + &format!("static STRUCTS: &[&Struct] = &[{list}];\n")
    }
}

fn label(name: &str) -> String {
    format!("STRUCT_{}", name.to_uppercase())
}

/// `struct NAME [KERNEL NAMES] [packed] [size=N]`, members `name:type` below.
fn declaration(block: &Block) -> Struct {
    let Line { at, text, .. } = &block.head;
    let mut words = text.split_whitespace();
    if words.next() != Some("struct") {
        wrong(at, "want `struct NAME [KERNEL NAMES] [packed] [size=N]`");
    }
    let (mut names, mut packed, mut size) = (Vec::new(), false, None);
    for word in words {
        match word.split_once('=') {
            Some(("size", n)) => size = n.parse().ok(),
            _ if word == "packed" => packed = true,
            _ => names.push(word.to_string()),
        }
    }
    let both = |native: &String, i386: &String| Some([native.clone(), i386.clone()]);
    let (name, kernel) = match &names[..] {
        [name] => (name, both(name, name)),
        [name, no] if no == "-" => (name, None),
        [name, i386] => (name, both(name, i386)),
        [name, native, i386] => (name, both(native, i386)),
        _ => wrong(at, "want a name, or two, or three"),
    };
    let members = block.body.iter().flat_map(|line| {
        line.text.split_whitespace().map(|word| {
            let Some((name, kind)) = word.split_once(':') else {
                wrong(&line.at, format!("want name:type, found {word}"));
            };
            Member {
                at: line.at.clone(),
                name: name.to_string(),
                kind: parse(&line.at, kind),
            }
        })
    });
    Struct {
        at: at.clone(),
        name: name.clone(),
        kernel,
        packed,
        size,
        members: members.collect(),
    }
}

fn lay_out(declared: &Struct, words: &Words) -> Layout {
    // Padding takes room and has no place among the members.
    let shown = |m: &&Member| m.name != "_";
    let names: Vec<&str> = declared
        .members
        .iter()
        .filter(shown)
        .map(|m| m.name.as_str())
        .collect();
    let (mut size, mut align): (Bytes, Bytes) = ([0, 0], [1, 1]);
    let (mut text, mut members) = (String::new(), Vec::new());
    for member in &declared.members {
        let found = words.meaning(&member.at, &member.kind, Scope::Struct(&names));
        let mut offset = [0, 0];
        for abi in 0..2 {
            let to = if declared.packed { 1 } else { found.align[abi] };
            align[abi] = align[abi].max(to);
            offset[abi] = size[abi].next_multiple_of(to);
            size[abi] = offset[abi] + found.width[abi];
        }
        if member.name == "_" {
            continue;
        }
        text += &field(&member.name, offset, &found);
        members.push(Laid {
            name: member.name.clone(),
            offset,
            width: found.width,
            signed: found.signed,
        });
    }
    for abi in 0..2 {
        size[abi] = size[abi].next_multiple_of(align[abi]);
        if let Some(whole) = declared.size {
            if whole < size[abi] {
                wrong(
                    &declared.at,
                    format!("its members take {} bytes", size[abi]),
                );
            }
            size[abi] = whole;
        }
    }
    Layout {
        size,
        align,
        members,
        text,
    }
}

fn field(name: &str, offset: Bytes, found: &Meaning) -> String {
    let by_abi = |[native, i386]: Bytes| format!("ByAbi {{ native: {native}, i386: {i386} }}");
    format!(
        "Field {{ name: {name:?}, offset: {}, width: {}, signed: {}, what: {} }}, ",
        by_abi(offset),
        by_abi(found.width),
        found.signed,
        found.what
    )
}
