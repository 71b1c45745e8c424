//! What is compared: every number of a profile under a name, with its value in each run.
//!
//! In: profiles. Out: [`Metrics`]. A number that a run lacks is 0 there; a duration that it lacks is absent.

use super::Profile;
use std::collections::BTreeMap;

/// What a number is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Metric {
    /// Runs whose command ended so.
    Ended {
        /// How, in words.
        how: String,
    },
    /// Calls that ended so.
    Calls {
        /// The program.
        program: String,
        /// The call.
        call: String,
        /// `ok`, or the error's name.
        outcome: String,
    },
    /// Executions of a program.
    Executed {
        /// The program that it became.
        program: String,
        /// Its path.
        path: String,
    },
    /// Calls with a path that ended so.
    Path {
        /// The program.
        program: String,
        /// The call.
        call: String,
        /// The path.
        path: String,
        /// `ok`, or the error's name.
        outcome: String,
    },
    /// Bytes that a call has moved.
    Bytes {
        /// The program.
        program: String,
        /// The call.
        call: String,
    },
    /// The median of a call's durations, ns.
    Latency {
        /// The program.
        program: String,
        /// The call.
        call: String,
    },
}

impl Metric {
    /// Its kind in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Metric::Ended { .. } => "ended",
            Metric::Calls { .. } => "calls",
            Metric::Executed { .. } => "executed",
            Metric::Path { .. } => "path",
            Metric::Bytes { .. } => "bytes",
            Metric::Latency { .. } => "latency",
        }
    }

    /// What it is about, in words.
    pub fn name(&self) -> String {
        match self {
            Metric::Ended { how } => format!("the command ended with {how}"),
            Metric::Calls {
                program,
                call,
                outcome,
            } => format!("{program}: {call} = {outcome}"),
            Metric::Executed { path, .. } => format!("executed {path}"),
            Metric::Path {
                program,
                call,
                path,
                outcome,
            } => format!("{program}: {call} {path} = {outcome}"),
            Metric::Bytes { program, call } => format!("{program}: bytes of {call}"),
            Metric::Latency { program, call } => format!("{program}: median time of {call}"),
        }
    }
}

/// Values of all metrics, by run; `None`: the run has no such value.
pub type Metrics = BTreeMap<Metric, Vec<Option<f64>>>;

/// A run's median is taken from at least so many values.
const LEAST_VALUES: u64 = 3;

/// The metrics of all runs of some profiles.
pub fn of(profiles: &[Profile]) -> (Metrics, usize) {
    let runs: Vec<_> = profiles.iter().flat_map(|profile| &profile.runs).collect();
    let mut metrics = Metrics::new();
    for (at, run) in runs.iter().enumerate() {
        let mut add = |metric: Metric, value: f64| {
            let absent = match metric {
                Metric::Latency { .. } => None,
                _ => Some(0.0),
            };
            let values = metrics
                .entry(metric)
                .or_insert_with(|| vec![absent; runs.len()]);
            values[at] = Some(values[at].unwrap_or(0.0) + value);
        };
        add(
            Metric::Ended {
                how: run.ended.clone(),
            },
            1.0,
        );
        for (program, did) in &run.programs {
            for (call, outcomes) in &did.calls {
                for (outcome, count) in outcomes {
                    let (program, call, outcome) = (program.clone(), call.clone(), outcome.clone());
                    add(
                        Metric::Calls {
                            program,
                            call,
                            outcome,
                        },
                        *count as f64,
                    );
                }
            }
            for (call, histogram) in &did.latency {
                if histogram.count() >= LEAST_VALUES
                    && let Some(median) = histogram.quantile(0.5)
                {
                    let (program, call) = (program.clone(), call.clone());
                    add(Metric::Latency { program, call }, median);
                }
            }
            for (call, paths) in &did.paths {
                for (path, outcomes) in paths {
                    for (outcome, count) in outcomes {
                        let (program, call) = (program.clone(), call.clone());
                        let (path, outcome) = (path.clone(), outcome.clone());
                        let metric = Metric::Path {
                            program,
                            call,
                            path,
                            outcome,
                        };
                        add(metric, *count as f64);
                    }
                }
            }
            for (path, count) in &did.executed {
                let (program, path) = (program.clone(), path.clone());
                add(Metric::Executed { program, path }, *count as f64);
            }
            for (call, bytes) in &did.bytes {
                let (program, call) = (program.clone(), call.clone());
                add(Metric::Bytes { program, call }, *bytes as f64);
            }
        }
    }
    (metrics, runs.len())
}
