//! A tape of numbers as a case: a program, events, and what the code generator may use.
//!
//! In: the tape. Out: [`Case`]. An empty tape is the smallest case; the same tape is always the same case.

use crate::codegen::regalloc::Resources;
use crate::ir::{Program, arbitrary};

/// Something to run in both worlds.
#[derive(Clone, Debug)]
pub struct Case {
    /// One clause on a raw tracepoint.
    pub program: Program,
    /// The words of each firing.
    pub events: Vec<Vec<u64>>,
    /// What the generator may use.
    pub resources: Resources,
}

/// Two registers; everything else is spilled to the stack, while it lasts.
pub const STACK: Resources = Resources {
    caller_saved: &[5, 4],
    callee_saved: &[],
    ..Resources::ALL
};

/// Hardly any stack either: numbers go to the scratch frame.
pub const FRAME: Resources = Resources {
    caller_saved: &[3, 2],
    callee_saved: &[],
    stack_bytes: 216,
    // Whatever is longer goes in hops.
    reach: 2000,
    ..Resources::ALL
};

/// As much as a clause has when there are hundreds: it is divided into functions.
pub const DIVIDED: Resources = Resources {
    whole: 0,
    piece: 80,
    ..Resources::ALL
};

/// Numbers at the tape's front that are not the program's: what the generator may use, how many events, their words.
const HEAD: usize = 2 + 2 * WORDS * MAX_EVENTS;
const MAX_EVENTS: usize = 4;
/// Words of an event that are chosen.
const WORDS: usize = 4;

/// The case of a tape.
pub fn case(tape: &[u32]) -> Case {
    let at = |at: usize| tape.get(at).copied().unwrap_or(0);
    let resources = [Resources::ALL, STACK, FRAME, DIVIDED][at(0) as usize % 4];
    let count = 1 + at(1) as usize % MAX_EVENTS;
    let word = |n: usize| {
        let (high, low) = (at(2 + 2 * n), at(3 + 2 * n));
        arbitrary::word(u64::from(high) << 32 | u64::from(low))
    };
    let event = |n: usize| (0..WORDS).map(|w| word(n * WORDS + w)).collect();
    let rest = tape.get(HEAD..).unwrap_or_default();
    Case {
        program: arbitrary::program(rest, "sched_switch"),
        events: (0..count).map(event).collect(),
        resources,
    }
}
