//! What a run has counted to a [`Run`].
//!
//! In: entries of the maps of [`script`](super::script), answered by the kernel or by a recording. Out: [`Run`], with canonical names.

use super::histogram::Histogram;
use super::{Program, Run, canonical};
use crate::agg::Cell;

/// The outcome of a call that succeeded.
pub const OK: &str = "ok";

/// A run that is being put together.
#[derive(Default)]
pub struct Gathered {
    run: Run,
}

impl Gathered {
    /// Adds an entry of a map; maps of other names are not looked at.
    pub fn entry(&mut self, map: &str, key: &[String], cell: &Cell) {
        let Some((program, key)) = key.split_first() else {
            return;
        };
        let count = cell.number().map_or(0, |number| number.bits());
        let program = self.program(program);
        match (map, key) {
            ("calls", [call, errno]) => {
                let outcomes = program.calls.entry(call.clone()).or_default();
                *outcomes.entry(outcome(errno)).or_default() += count;
            }
            ("latency", [call]) => {
                if let Cell::Hist { buckets, .. } = cell {
                    let histogram = program.latency.entry(call.clone()).or_default();
                    histogram.merge(&Histogram::of_buckets(buckets));
                }
            }
            ("paths", [call, path, errno]) => program.path(call, path, errno, count),
            ("executed", [path]) => {
                *program.executed.entry(canonical::path(path)).or_default() += count;
            }
            ("bytes", [call]) => *program.bytes.entry(call.clone()).or_default() += count,
            _ => {}
        }
    }

    /// The run, when it has ended.
    pub fn finish(mut self, ended: String, unseen: Vec<String>) -> Run {
        self.run.ended = ended;
        self.run.unseen = unseen;
        self.run
    }

    fn program(&mut self, name: &str) -> &mut Program {
        self.run
            .programs
            .entry(canonical::program(name))
            .or_default()
    }
}

impl Program {
    fn path(&mut self, call: &str, path: &str, errno: &str, count: u64) {
        // What could not be read is no path; it is counted as unseen.
        if path.is_empty() {
            return;
        }
        let paths = self.paths.entry(call.to_owned()).or_default();
        let outcomes = paths.entry(canonical::path(path)).or_default();
        *outcomes.entry(outcome(errno)).or_default() += count;
    }
}

/// The error's name, or that there was none.
fn outcome(errno: &str) -> String {
    match errno {
        "" | "0" => OK.to_owned(),
        name => name.to_owned(),
    }
}
