//! The search: tapes from a seed, one case after the other, and the smallest tape that still fails.
//!
//! In: [`Options`]. Out: [`Report`]. The same seed makes the same cases, on any machine.

use super::case::{Case, case};
use super::coverage::Coverage;
use super::run;
use crate::codegen::planted::Bug;
use crate::ir::{text, verify};
use std::time::{Duration, Instant};

/// What to search, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The first case's; the next one's is one more.
    pub seed: u64,
    /// Stop after it.
    pub time: Duration,
    /// Stop after so many cases.
    pub cases: u64,
    /// A mistake that the code generator makes.
    pub planted: Option<Bug>,
}

/// What was found.
pub struct Report {
    /// Cases that came through.
    pub passed: u64,
    /// Operations of those cases.
    pub coverage: Coverage,
    /// The first case that did not, made small.
    pub failure: Option<Failure>,
}

/// A case that failed.
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The smallest program that fails too, as text, and what it was run on.
    pub program: String,
    /// What went wrong.
    pub what: String,
}

/// Longest tape.
const LENGTH: u64 = 500;
/// Tapes that are tried to make a failing one small.
const SHRINKS: u32 = 300;

/// Searches.
pub fn search(options: &Options) -> Report {
    let start = Instant::now();
    let mut report = Report {
        passed: 0,
        coverage: Coverage::default(),
        failure: None,
    };
    while start.elapsed() < options.time && report.passed < options.cases {
        let seed = options.seed.wrapping_add(report.passed);
        let tape = tape(seed);
        let case = case(&tape);
        if let Err(what) = outcome(&case, options.planted) {
            report.failure = Some(smallest(seed, tape, what, options.planted));
            break;
        }
        report.passed += 1;
        report.coverage.add(&case.program);
    }
    report
}

/// Whether a case comes through.
fn outcome(case: &Case, planted: Option<Bug>) -> Result<(), String> {
    let mut resources = case.resources;
    resources.planted = planted;
    verify::verify(&case.program).map_err(|broken| format!("the IR: {}", broken.join("; ")))?;
    let written = text::write(&case.program);
    if text::read(&written).as_ref() != Ok(&case.program) {
        return Err("the text form reads back as something else".to_owned());
    }
    run::same(case.program.clone(), &case.events, resources)
}

/// Makes the tape shorter, then its numbers 0, as long as it fails.
fn smallest(seed: u64, mut tape: Vec<u32>, mut what: String, planted: Option<Bug>) -> Failure {
    let mut tries = 0;
    let mut size = tape.len().next_power_of_two() / 2;
    while size > 0 && tries < SHRINKS {
        let mut at = 0;
        while at < tape.len() && tries < SHRINKS {
            let end = (at + size).min(tape.len());
            let cut = [&tape[..at], &tape[end..]].concat();
            let mut cleared = tape.clone();
            cleared[at..end].fill(0);
            let smaller = [cut, cleared]
                .into_iter()
                .filter(|t| *t != tape)
                .find_map(|tape| {
                    tries += 1;
                    Some((outcome(&case(&tape), planted).err()?, tape))
                });
            if let Some((reason, shorter)) = smaller {
                (what, tape) = (reason, shorter);
            }
            at += size;
        }
        size /= 2;
    }
    let Case {
        program,
        events,
        resources,
    } = case(&tape);
    Failure {
        seed,
        program: format!(
            "{}events {events:x?}\nwith {resources:?}",
            text::write(&program)
        ),
        what,
    }
}

/// The tape of a seed: numbers from SplitMix64.
pub(super) fn tape(seed: u64) -> Vec<u32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let length = 20 + next() % LENGTH;
    (0..length).map(|_| next() as u32).collect()
}
