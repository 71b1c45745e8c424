//! Which operations of the IR random programs had, and how often.
//!
//! In: programs. Out: counts by the words of the IR's text form, and what is missing. Never counts an operation that the
//! kernel did not run: only programs that came through are shown to it.

use crate::ir::walk::{visit_exprs, visit_stmts};
use crate::ir::{Program, text};
use std::collections::BTreeMap;

/// What random programs do not have, with the reason and what tests it instead.
pub const LEFT_OUT: &[(&str, &str)] = &[
    (
        "text",
        "only user space can tell it; split clauses have a property test",
    ),
    ("call", "whole calls: kernel cases whole-*"),
    (
        "host",
        "one name in a live run: recordings of two hosts ask for it",
    ),
    (
        "read-path",
        "wants files of the kernel: kernel cases of paths",
    ),
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

/// Counts by operation, of those that there are.
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage(text::operations().map(|word| (word, 0)).collect())
    }
}

impl Coverage {
    /// Counts the operations of a program.
    pub fn add(&mut self, program: &Program) {
        for clause in &program.clauses {
            if let Some(predicate) = &clause.predicate {
                predicate.visit(&mut |e| self.count(text::operation(e)));
            }
            visit_stmts(&clause.body, &mut |s| self.count(text::statement(s)));
            visit_exprs(&clause.body, &mut |e| self.count(text::operation(e)));
        }
    }

    fn count(&mut self, word: Option<String>) {
        if let Some(count) = word.and_then(|word| self.0.get_mut(word.as_str())) {
            *count += 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::case::case;
    use crate::fuzz::search::tape;

    #[test]
    fn thousands_of_programs_have_each_operation_a_hundred_times() {
        let mut coverage = Coverage::default();
        for seed in 0..5000 {
            coverage.add(&case(&tape(seed)).program);
        }
        assert_eq!(coverage.below(100), []);
    }

    #[test]
    fn what_is_left_out_is_an_operation_that_is_not_made() {
        let mut coverage = Coverage::default();
        for seed in 0..500 {
            coverage.add(&case(&tape(seed)).program);
        }
        for (word, _) in LEFT_OUT {
            assert_eq!(coverage.0.get(word), Some(&0), "{word}");
        }
    }
}
