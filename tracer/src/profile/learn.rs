//! What tells good runs from bad ones, as something to bisect with.
//!
//! In: profiles of both. Out: [`Lesson`]s, the clearest first: a probe to look at, an assertion that every good run keeps and every
//! bad run breaks. Says nothing about what the mistake is.

use super::diff::{self, Change, Diff, Options};
use super::gather::OK;
use super::metrics::{Metric, Metrics};
use super::{Profile, canonical, script};

/// A way to tell them apart.
#[derive(Clone, PartialEq, Debug)]
pub struct Lesson {
    /// The difference that it rests on.
    pub change: Change,
    /// A program that shows the events.
    pub program: String,
    /// What holds in good runs alone.
    pub assertion: String,
}

/// Metrics that separate all good from all bad runs, most important first; and all differences.
pub fn learn(good: &[Profile], bad: &[Profile]) -> (Vec<Lesson>, Diff) {
    let found = diff::diff(good, bad, Options::default());
    let (values_good, values_bad) = (Metrics::of(good), Metrics::of(bad));
    let lessons = found.changes.iter().filter_map(|change| {
        let good = range(&values_good.values(&change.metric))?;
        let bad = range(&values_bad.values(&change.metric))?;
        let probe = probe(&change.metric)?;
        Some(Lesson {
            change: change.clone(),
            assertion: assertion(&probe, good, bad)?,
            program: probe.program(),
        })
    });
    let lessons = lessons.collect();
    (lessons, found)
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().reduce(f64::min)?;
    Some((least, values.iter().copied().fold(least, f64::max)))
}

/// What an assertion measures.
struct Probe {
    /// `syscall:fsync`
    probe: String,
    filter: String,
    /// Of each event, when it is not its number.
    value: Option<&'static str>,
    /// The metric: `count`, `sum`, `p50`.
    measure: &'static str,
}

impl Probe {
    fn metric(&self) -> String {
        let value = self
            .value
            .map_or(String::new(), |value| format!(", {value}"));
        format!("{}({} /{}/{value})", self.measure, self.probe, self.filter)
    }

    fn program(&self) -> String {
        format!("{} /{}/ {{ trace(); }}", self.probe, self.filter)
    }
}

fn probe(metric: &Metric) -> Option<Probe> {
    let of_program = |program: &str| match canonical::is_exact(program) {
        true => Some(format!("comm == {}", quoted(program))),
        false => None,
    };
    let ended = |outcome: &str| match outcome {
        OK => "errno == 0".to_owned(),
        name => format!("errno == {name}"),
    };
    let count = |call: &str, conditions: Vec<Option<String>>| Probe {
        probe: format!("syscall:{call}"),
        filter: conditions
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" && "),
        value: None,
        measure: "count",
    };
    Some(match metric {
        // The command's own status says it: no probe needed.
        Metric::Ended { .. } => return None,
        Metric::Calls {
            program,
            call,
            outcome,
        } => count(call, vec![of_program(program), Some(ended(outcome))]),
        Metric::Path {
            program,
            call,
            path,
            outcome,
        } if canonical::is_exact(path) => {
            let argument = script::path_argument(call)?;
            let same = format!("args.{argument} == {}", quoted(path));
            count(
                call,
                vec![of_program(program), Some(same), Some(ended(outcome))],
            )
        }
        Metric::Executed { path, .. } if canonical::is_exact(path) => {
            let same = format!("args.filename == {}", quoted(path));
            count("execve", vec![Some(same), Some("retval == 0".to_owned())])
        }
        Metric::Bytes { program, call } => Probe {
            value: Some("retval"),
            measure: "sum",
            ..count(
                call,
                vec![of_program(program), Some("retval > 0".to_owned())],
            )
        },
        Metric::Latency { program, call } => Probe {
            value: Some("duration"),
            measure: "p50",
            ..count(call, vec![of_program(program).or(Some("1".to_owned()))])
        },
        Metric::Path { .. } | Metric::Executed { .. } => return None,
    })
}

/// A limit between all good and all bad values; `None` when they overlap.
fn assertion(probe: &Probe, good: (f64, f64), bad: (f64, f64)) -> Option<String> {
    let metric = probe.metric();
    let is_count = probe.measure == "count";
    if good.1 < bad.0 {
        let limit = match is_count && bad.0 - good.1 <= 1.0 || good.1 == 0.0 {
            true => good.1,
            false => (good.1 * bad.0).sqrt().floor(),
        };
        return Some(format!("{metric} <= {limit:.0}"));
    }
    if bad.1 < good.0 {
        let limit = match is_count && good.0 - bad.1 <= 1.0 || bad.1 == 0.0 {
            true => good.0,
            false => (bad.1 * good.0).sqrt().ceil(),
        };
        return Some(format!("{metric} >= {limit:.0}"));
    }
    None
}

/// As a string of the language.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted += "\\n",
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
