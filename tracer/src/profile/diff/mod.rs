//! Differences between two sets of runs: new, gone, changed; most important first.
//!
//! In: profiles. Out: [`Diff`]. What all runs of a side agree on is compared exactly. What varies from run to run is compared by an
//! exact permutation test over the runs ([`rank`]), with the probability of any false report in a whole comparison held to [`ALPHA`]; a
//! difference that is certain but smaller than asked for is not reported.
//!
//! One run on a side says nothing about how much runs vary: then every difference is reported, and [`Diff::controlled`] is false.

pub mod rank;

use super::Profile;
use super::gather::OK;
use super::metrics::{Metric, Metrics};
use rank::Test;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The probability of reporting anything when nothing has changed: 0.2 %, so that whoever compares equal programs 200 times sees
/// more than two reports once in a hundred such series at most.
pub const ALPHA: f64 = 0.002;
/// Runs on each side from which on [`ALPHA`] holds: 2 / C(2n, n) is below it, also for what all runs of a side agree on by chance.
pub const LEAST_RUNS: usize = 7;

/// What is reported.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Options {
    /// Durations, and counts that vary, are reported when they have changed by this share at least: 0.1.
    pub least_effect: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options { least_effect: 0.1 }
    }
}

/// All differences.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Diff {
    /// Runs of the first set.
    pub runs_a: usize,
    /// Runs of the second set.
    pub runs_b: usize,
    /// There were enough runs for [`ALPHA`] to hold.
    pub controlled: bool,
    /// Numbers that were compared.
    pub compared: usize,
    /// What went unseen in some run: differences may be missing.
    pub unseen: Vec<String>,
    /// What was not compared, and why: sentences.
    pub uncompared: Vec<String>,
    /// Most important first.
    pub changes: Vec<Change>,
}

/// A difference.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Change {
    /// What is different.
    #[serde(skip)]
    pub metric: Metric,
    /// Its kind: `calls`, `path`, `executed`, `bytes`, `latency`, `ended`.
    pub kind: &'static str,
    /// In words.
    pub name: String,
    /// How.
    pub change: Kind,
    /// The median over the runs of the first set.
    pub a: f64,
    /// The median over the runs of the second set.
    pub b: f64,
    /// How often a run of the second set has the larger value, less how often the smaller one: -1 to 1 (Cliff's delta).
    pub delta: f64,
    /// The probability of this or more by chance, before it is corrected for the number of comparisons; `None`: all runs of each
    /// side agree.
    pub p: Option<f64>,
}

/// Kinds of difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// No run of the first set has it.
    New,
    /// No run of the second set has it.
    Gone,
    /// Both have it, in different numbers.
    Changed,
}

/// The differences of two sets.
pub fn diff(a: &[Profile], b: &[Profile], options: Options) -> Diff {
    let (metrics_a, metrics_b) = (Metrics::of(a), Metrics::of(b));
    let mut metrics: BTreeSet<&Metric> = metrics_a.names().chain(metrics_b.names()).collect();
    let uncompared = mixed_durations(a, b);
    metrics.retain(|metric| uncompared.is_none() || !metric.is_duration());
    let mut changes = Vec::new();
    let mut tests = Vec::new();
    for &metric in &metrics {
        let (values_a, values_b) = (metrics_a.values(metric), metrics_b.values(metric));
        if values_a.is_empty() || values_b.is_empty() {
            continue;
        }
        match (agreed(&values_a), agreed(&values_b)) {
            (Some(x), Some(y)) if x == y => {}
            (Some(_), Some(_)) if !metric.is_duration() => {
                changes.push(change(metric, &values_a, &values_b, None));
            }
            // A duration of one run, or of few, has nothing that it could be compared with.
            _ => tests.push((metric, Test::new(values_a, values_b))),
        }
    }
    let found = rank::significant(tests.iter().map(|(_, test)| test), ALPHA);
    changes.extend(tests.iter().zip(found).filter_map(|((metric, test), p)| {
        let change = change(metric, &test.a, &test.b, Some(p?));
        is_large(&change, options.least_effect).then_some(change)
    }));
    changes.sort_by(by_importance);
    Diff {
        runs_a: metrics_a.runs,
        runs_b: metrics_b.runs,
        controlled: metrics_a.runs.min(metrics_b.runs) >= LEAST_RUNS,
        compared: metrics.len(),
        unseen: unseen(a.iter().chain(b)),
        uncompared: uncompared.into_iter().collect(),
        changes,
    }
}

/// Why durations say nothing, if they do: a call that is recorded takes longer than one that is counted.
fn mixed_durations(a: &[Profile], b: &[Profile]) -> Option<String> {
    let recorded: BTreeSet<bool> = a.iter().chain(b).map(|profile| profile.recorded).collect();
    let sentence = "durations: recording takes more of each call's time than a profile does";
    (recorded.len() > 1).then(|| sentence.to_owned())
}

/// What went unseen in any run, each once.
fn unseen<'p>(profiles: impl Iterator<Item = &'p Profile>) -> Vec<String> {
    let runs = profiles.flat_map(|profile| &profile.runs);
    let unseen: BTreeSet<&String> = runs.flat_map(|run| &run.unseen).collect();
    unseen.into_iter().cloned().collect()
}

/// The value that all runs have.
fn agreed(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    values.iter().all(|value| *value == first).then_some(first)
}

fn change(metric: &Metric, a: &[f64], b: &[f64], p: Option<f64>) -> Change {
    let none = |values: &[f64]| values.iter().all(|value| *value == 0.0);
    Change {
        kind: metric.kind(),
        name: metric.name(),
        change: match (none(a), none(b)) {
            (true, false) => Kind::New,
            (false, true) => Kind::Gone,
            _ => Kind::Changed,
        },
        a: median(a),
        b: median(b),
        delta: rank::delta(a, b),
        p,
        metric: metric.clone(),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// Whether a difference is as large as asked for, as a share of the smaller value.
fn is_large(change: &Change, least: f64) -> bool {
    let (low, high) = (change.a.min(change.b), change.a.max(change.b));
    change.change != Kind::Changed || high >= low * (1.0 + least) && high > low
}

/// Errors first, then what was executed, paths, other calls, bytes, durations; within a kind the new before the changed, and the
/// larger before the smaller change.
fn by_importance(x: &Change, y: &Change) -> Ordering {
    let key = |c: &Change| {
        let class = match &c.metric {
            Metric::Ended { .. } => 0,
            Metric::Calls { outcome, .. } if outcome != OK => 1,
            Metric::Executed { .. } => 2,
            Metric::Calls { .. } => 3,
            Metric::Path { outcome, .. } if outcome != OK => 4,
            Metric::Path { .. } => 5,
            Metric::Latency { .. } => 6,
            Metric::Bytes { .. } => 7,
        };
        (class, c.change == Kind::Changed)
    };
    let ratio = |c: &Change| ((c.b + 1.0) / (c.a + 1.0)).ln().abs();
    key(x)
        .cmp(&key(y))
        .then_with(|| ratio(y).total_cmp(&ratio(x)))
        .then_with(|| x.metric.cmp(&y.metric))
}
