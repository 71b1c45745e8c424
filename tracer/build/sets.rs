//! Sets of constants: `data/sets.txt`.
//!
//! In: blocks, constants. Out: `SET_*` and the list of all. Never knows who uses a set.

use crate::constants::Constants;
use crate::lines::{Block, Line, blocks, wrong};
use std::collections::BTreeMap;

/// The sets by name.
pub struct Sets {
    sets: BTreeMap<String, Set>,
}

struct Set {
    flags: bool,
    text: String,
}

/// Value and place of a constant.
type Entry = (u64, usize);

impl Sets {
    /// `data/sets.txt`.
    pub fn read(constants: &Constants) -> Sets {
        let mut sets = BTreeMap::new();
        for block in blocks("sets.txt") {
            if block.head.text.starts_with('[') {
                continue;
            }
            let (name, set) = set(constants, &block);
            if sets.insert(name.clone(), set).is_some() {
                wrong(&block.head.at, format!("{name} is there twice"));
            }
        }
        Sets { sets }
    }

    /// `What::Flags(..)` or `What::Enum(..)`, when there is such a set.
    pub fn what(&self, name: &str) -> Option<String> {
        let set = self.sets.get(name)?;
        let kind = if set.flags { "Flags" } else { "Enum" };
        Some(format!("What::{kind}(&sets::{})", label(name)))
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// `SET_*` and `SETS`.
    pub fn tables(&self) -> String {
        let set = |(name, set): (&String, &Set)| {
            format!("pub(super) static {}: Set = {};\n", label(name), set.text)
        };
        let sets: String = self.sets.iter().map(set).collect();
        let labels = self.sets.keys().map(|n| format!("&{}, ", label(n)));
        let list: String = labels.collect();
        format!("{sets}static SETS: &[&Set] = &[{list}];\n")
    }
}

fn label(name: &str) -> String {
    format!("SET_{}", name.to_uppercase())
}

/// `enum NAME: constants`, `flags NAME: constants`, or `set NAME` with `MASK: ...` and `flags: ...` below.
fn set(constants: &Constants, block: &Block) -> (String, Set) {
    let Line { at, text, .. } = &block.head;
    let (head, first) = text.split_once(':').unwrap_or((text, ""));
    let Some((kind, name)) = head.split_once(' ') else {
        wrong(at, "want `enum NAME:`, `flags NAME:` or `set NAME`");
    };
    let (mut parts, mut flags) = (String::new(), Vec::new());
    let rest: Vec<&str> = block.body.iter().map(|l| l.text.as_str()).collect();
    let all = format!("{first} {}", rest.join(" "));
    match kind {
        "enum" => {
            let kind = values(at, u64::MAX, entries(constants, at, &all));
            parts = part(u64::MAX, &kind);
        }
        "flags" => flags = entries(constants, at, &all),
        "set" => (parts, flags) = mixed(constants, &block.body),
        _ => wrong(at, format!("want enum, flags or set, found {kind}")),
    }
    let (zero, flags): (Vec<Entry>, _) = flags.into_iter().partition(|&(v, _)| v == 0);
    let set = Set {
        flags: !flags.is_empty() || kind == "flags",
        text: format!(
            "Set {{ name: {name:?}, parts: &[{parts}], flags: {}, zero: {} }}",
            names(&distinct(flags)),
            names(&zero)
        ),
    };
    (name.to_string(), set)
}

/// Parts and flags of a set that has both.
fn mixed(constants: &Constants, body: &[Line]) -> (String, Vec<Entry>) {
    let (mut parts, mut flags) = (String::new(), Vec::new());
    for Line { at, text, .. } in body {
        let Some((mask, all)) = text.split_once(':') else {
            wrong(at, "want `MASK: constants` or `flags: constants`");
        };
        if mask == "flags" {
            flags.extend(entries(constants, at, all));
        } else {
            let mask = constants.value(at, mask) as u64;
            parts += &part(mask, &part_kind(constants, at, mask, all.trim()));
        }
    }
    (parts, flags)
}

fn part(mask: u64, kind: &str) -> String {
    format!("Part {{ mask: {mask:#x}, kind: {kind} }}, ")
}

/// What stands behind `MASK:`.
fn part_kind(constants: &Constants, at: &str, mask: u64, text: &str) -> String {
    match text.split_once(' ') {
        None if text == "signal" => "PartKind::Signal".into(),
        None if text == "octal" => "PartKind::Octal".into(),
        Some(("shift", name)) => {
            let shift = constants.value(at, name);
            format!("PartKind::Shifted({shift}, {name:?})")
        }
        _ => values(at, mask, entries(constants, at, text)),
    }
}

/// A part's values: sorted, each one inside the mask and there once.
fn values(at: &str, mask: u64, mut entries: Vec<Entry>) -> String {
    entries.sort_unstable();
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let value = pair[0].0 as i64;
        wrong(
            at,
            format!("two names for {value} ({value:#x}): leave one out with !NAME"),
        );
    }
    if let Some((value, _)) = entries.iter().find(|(v, _)| v & !mask != 0) {
        wrong(at, format!("{value:#x} is not within {mask:#x}"));
    }
    format!("PartKind::Values({})", names(&entries))
}

/// `A B=3 PREFIX_* !NOT_THIS !NOR_THESE_*`
fn entries(constants: &Constants, at: &str, text: &str) -> Vec<Entry> {
    let (not, words): (Vec<&str>, Vec<&str>) =
        text.split_whitespace().partition(|w| w.starts_with('!'));
    let excluded = |name: &str| {
        not.iter().any(|n| match n[1..].split_once('*') {
            Some((start, end)) => name.starts_with(start) && name.ends_with(end),
            None => n[1..] == *name,
        })
    };
    let mut entries = Vec::new();
    for word in words {
        let found = match word.split_once('*') {
            Some((start, end)) => constants.like(start, end),
            None => vec![word.to_string()],
        };
        if found.is_empty() {
            wrong(at, format!("no constant is like {word}"));
        }
        let start = entries.len();
        for name in found.iter().filter(|n| !excluded(n)) {
            let value = constants.value(at, name) as u64;
            entries.push((value, constants.place(at, name)));
        }
        // A pattern has no order of its own.
        entries[start..].sort_by_key(|&(value, _)| value);
    }
    entries
}

/// Flags as written; the first of two names for one value.
fn distinct(flags: Vec<Entry>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::with_capacity(flags.len());
    for flag in flags {
        if kept.iter().all(|&(value, _)| value != flag.0) {
            kept.push(flag);
        }
    }
    kept
}

fn names(entries: &[Entry]) -> String {
    let places: Vec<usize> = entries.iter().map(|&(_, place)| place).collect();
    format!("Names(&{places:?})")
}
