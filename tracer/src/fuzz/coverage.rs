//! Which operations of the IR random programs had, and how often.
//!
//! In: programs. Out: counts by the words of the IR's text form, and what is missing. Never counts an operation that the
//! kernel did not run: only programs that came through are shown to it.

use crate::ir::{Program, text};
use std::collections::BTreeMap;

/// What random programs do not have, with the reason and what tests it instead.
pub const LEFT_OUT: &[(&str, &str)] = &[
    (
        "text",
        "only user space can tell it; split clauses have a property test",
    ),
    ("call", "whole calls: kernel cases whole-*"),
    ("override", "wants a kprobe and error injection"),
    ("reg", "wants registers: kernel case uprobe-registers"),
    (
        "ustack",
        "wants a process that waits: kernel cases of stacks",
    ),
    (
        "field",
        "wants a tracepoint's record: live tests of the code generator",
    ),
    (
        "field-addr",
        "wants a tracepoint's record: live tests of the code generator",
    ),
    (
        "data-loc",
        "wants a tracepoint's record: live tests of the code generator",
    ),
    ("retval", "wants a call: live tests of the code generator"),
    ("nr", "wants a call: live tests of the code generator"),
    ("name", "wants a call: live tests of the code generator"),
    ("abi", "wants a call: live tests of the code generator"),
    ("errno", "wants a call: live tests of the code generator"),
    (
        "entry-seen",
        "wants a call: live tests of the code generator",
    ),
    ("duration", "wants a call: live tests of the code generator"),
    (
        "clear",
        "wants user space to recycle maps: live tests of the code generator",
    ),
    (
        "zero",
        "wants user space to recycle maps: live tests of the code generator",
    ),
];

/// Counts by operation.
#[derive(Default)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    /// Counts the operations of a program.
    pub fn add(&mut self, program: &Program) {
        let written = text::write(program);
        let clauses = written.find("(clause").unwrap_or_default();
        let separators = |c: char| c.is_whitespace() || c == '(' || c == ')';
        let words: BTreeMap<&str, u64> =
            written[clauses..]
                .split(separators)
                .fold(BTreeMap::new(), |mut words, word| {
                    *words.entry(word).or_default() += 1;
                    words
                });
        for operation in text::operations() {
            *self.0.entry(operation).or_default() += words.get(operation).copied().unwrap_or(0);
        }
    }

    /// Operations that were reached less often than they should be, but for those left out.
    pub fn below(&self, least: u64) -> Vec<(&'static str, u64)> {
        let is_left_out = |name: &str| LEFT_OUT.iter().any(|(word, _)| *word == name);
        let rare = self
            .0
            .iter()
            .filter(|(name, n)| **n < least && !is_left_out(name));
        rare.map(|(name, n)| (*name, *n)).collect()
    }

    /// The counts, most rare first.
    pub fn text(&self) -> String {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(_, n)| **n);
        let words = rows.iter().map(|(name, n)| format!("{name} {n}"));
        words.collect::<Vec<_>>().join(", ")
    }
}
