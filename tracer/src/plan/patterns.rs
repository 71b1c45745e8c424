//! The kernel's table of the script's patterns.
//!
//! In: the script's automata. Out: the rows of the map `PATTERNS`, all automata one behind the other. Never changes what an
//! automaton means: only its states get other numbers.

use crate::ir;
use tracer_ebpf::{PatternRow, pattern};

/// All rows. Sema keeps them fewer than a state's 16 bits can tell.
pub fn rows(ir: &ir::Program) -> Vec<PatternRow> {
    let mut rows = vec![[pattern::NO; 256]; usize::from(pattern::FIRST)];
    rows[usize::from(pattern::YES)] = [pattern::YES; 256];
    for (at, made) in ir.patterns.iter().enumerate() {
        let first = rows.len() as u16;
        let (start, own) = made.automaton.placed(pattern::NO, pattern::YES, first);
        rows[usize::from(pattern::STARTS)][at] = start;
        rows.extend(own);
    }
    rows
}
