//! What is compared: every number of a profile under a name, with its value in each run.
//!
//! In: profiles. Out: [`Metrics`]. A number that a run lacks is 0 there; a duration that it lacks is absent.

use super::{Profile, Program, Run};
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

    /// What a run has that has nothing of it: 0; no duration, as nothing took any time.
    fn absent(&self) -> Option<f64> {
        (!self.is_duration()).then_some(0.0)
    }

    /// Whether it is a duration, which each run has another one of.
    pub fn is_duration(&self) -> bool {
        matches!(self, Metric::Latency { .. })
    }
}

/// A run's median is taken from at least so many values.
const LEAST_VALUES: u64 = 3;

/// The metrics of some runs.
pub struct Metrics {
    /// How many runs there are.
    pub runs: usize,
    /// A value for each run; `None`: the run has no such value.
    values: BTreeMap<Metric, Vec<Option<f64>>>,
}

impl Metrics {
    /// The metrics of all runs of some profiles.
    pub fn of(profiles: &[Profile]) -> Metrics {
        let runs: Vec<&Run> = profiles.iter().flat_map(|profile| &profile.runs).collect();
        let mut metrics = Metrics {
            runs: runs.len(),
            values: BTreeMap::new(),
        };
        for (at, run) in runs.iter().enumerate() {
            let how = run.ended.clone();
            if !how.is_empty() {
                metrics.add(at, Metric::Ended { how }, 1.0);
            }
            for (program, did) in &run.programs {
                metrics.add_program(at, program, did);
            }
        }
        metrics
    }

    /// What they are about.
    pub fn names(&self) -> impl Iterator<Item = &Metric> {
        self.values.keys()
    }

    /// The values of a metric in all runs that have one: all of them, but for durations.
    pub fn values(&self, metric: &Metric) -> Vec<f64> {
        match self.values.get(metric) {
            Some(values) => values.iter().copied().flatten().collect(),
            None => vec![metric.absent(); self.runs]
                .into_iter()
                .flatten()
                .collect(),
        }
    }

    fn add(&mut self, run: usize, metric: Metric, value: f64) {
        let absent = metric.absent();
        let values = self.values.entry(metric);
        let values = values.or_insert_with(|| vec![absent; self.runs]);
        values[run] = Some(values[run].unwrap_or(0.0) + value);
    }

    fn add_program(&mut self, run: usize, program: &str, did: &Program) {
        for (call, outcomes) in &did.calls {
            for (outcome, count) in outcomes {
                let (program, call) = (program.to_owned(), call.clone());
                let outcome = outcome.clone();
                let metric = Metric::Calls {
                    program,
                    call,
                    outcome,
                };
                self.add(run, metric, *count as f64);
            }
        }
        for (call, histogram) in &did.latency {
            if histogram.count() >= LEAST_VALUES
                && let Some(median) = histogram.quantile(0.5)
            {
                let (program, call) = (program.to_owned(), call.clone());
                self.add(run, Metric::Latency { program, call }, median);
            }
        }
        for (call, paths) in &did.paths {
            self.add_paths(run, program, call, paths);
        }
        for (path, count) in &did.executed {
            let (program, path) = (program.to_owned(), path.clone());
            self.add(run, Metric::Executed { program, path }, *count as f64);
        }
        for (call, bytes) in &did.bytes {
            let (program, call) = (program.to_owned(), call.clone());
            self.add(run, Metric::Bytes { program, call }, *bytes as f64);
        }
    }

    fn add_paths(
        &mut self,
        run: usize,
        program: &str,
        call: &str,
        paths: &BTreeMap<String, BTreeMap<String, u64>>,
    ) {
        for (path, outcomes) in paths {
            for (outcome, count) in outcomes {
                let metric = Metric::Path {
                    program: program.to_owned(),
                    call: call.to_owned(),
                    path: path.clone(),
                    outcome: outcome.clone(),
                };
                self.add(run, metric, *count as f64);
            }
        }
    }
}
