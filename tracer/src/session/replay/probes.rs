//! Probes as written that no recording holds.
//!
//! In: a parsed query. Out: a diagnostic for each such probe. Whether this machine has the probe is not asked: the recording may be of
//! another one, and the answer is the same.

use super::needs::HELD_PROBES;
use crate::diag::{Diagnostic, codes};
use crate::sema::providers;
use crate::syntax::ast::{Item, ProbeSpec, Script};

/// Categories of tracepoints that are system calls by another name.
const OF_CALLS: [&str; 2] = ["syscalls", "raw_syscalls"];

/// What is wrong with the query's probes. What is not even a probe is said by whoever checks it.
pub fn unheld(script: &Script) -> Vec<Diagnostic> {
    let clauses = script.items.iter().filter_map(|item| match item {
        Item::Clause(clause) => Some(clause),
        _ => None,
    });
    let probes = clauses.flat_map(|clause| &clause.probes);
    probes.filter_map(diagnostic).collect()
}

fn diagnostic(probe: &ProbeSpec) -> Option<Diagnostic> {
    let (first, parts) = probe.parts.split_first()?;
    let provider = providers::full_name(first)?;
    let is_held = match (provider, parts) {
        ("syscall" | "BEGIN" | "END" | "interval", _) => true,
        ("tracepoint", [category, ..]) => {
            let is_pattern = category.text.contains(['*', '?', '[']);
            is_pattern || OF_CALLS.contains(&category.text.as_str())
        }
        ("tracepoint", []) => true,
        _ => false,
    };
    let written: Vec<&str> = probe.parts.iter().map(|part| part.text.as_str()).collect();
    let message = format!("recordings do not hold `{}`", written.join(":"));
    let diagnostic = Diagnostic::error(codes::NOT_RECORDED, probe.span, message);
    (!is_held).then(|| diagnostic.help(HELD_PROBES))
}
