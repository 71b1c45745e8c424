//! `tracer diff`: what is new, gone or changed between two sets of runs.
//!
//! In: profiles and recordings. Out: a table for people, an object for programs, nothing when nothing differs. Status 5 with `--fail-on` when there is
//! such a difference.

use super::failure::{Failure, Status};
use super::sides;
use crate::profile::diff::{ALPHA, Change, Diff, Kind, LEAST_RUNS, Options, diff};
use crate::profile::unlike;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// `tracer diff`.
#[derive(Args, Debug, Clone)]
pub struct DiffArgs {
    /// A profile, a recording, or a directory of them: the first set of runs
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The same: the second set
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// Report what varies from run to run when it has changed by at least this many percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10)]
    pub least_effect: u32,
    /// End with status 5 when there is a difference of this kind; several with commas
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub format: DiffFormat,
}

/// Forms of the output.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffFormat {
    /// A table
    Text,
    /// One object
    Json,
}

/// Kinds of difference to fail on.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// Any difference
    Change,
    /// Something that was not there before
    New,
    /// Something that is not there any more
    Gone,
    /// How the command ends
    Ended,
    /// Numbers and outcomes of calls
    Calls,
    /// Programs that are executed
    Executed,
    /// Paths
    Path,
    /// Bytes that are moved
    Bytes,
    /// Durations
    Latency,
}

impl FailOn {
    fn is(self, change: &Change) -> bool {
        match self {
            FailOn::Change => true,
            FailOn::New => change.change == Kind::New,
            FailOn::Gone => change.change == Kind::Gone,
            FailOn::Ended => change.kind == "ended",
            FailOn::Calls => change.kind == "calls",
            FailOn::Executed => change.kind == "executed",
            FailOn::Path => change.kind == "path",
            FailOn::Bytes => change.kind == "bytes",
            FailOn::Latency => change.kind == "latency",
        }
    }
}

/// Compares, and prints.
pub fn run(typed: &DiffArgs, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let read = |path| sides::read(path).map_err(Failure::Usage);
    let options = Options {
        least_effect: f64::from(typed.least_effect) / 100.0,
    };
    let (a, b) = (read(&typed.a)?, read(&typed.b)?);
    if let Some(sentence) = unlike(&a, &b) {
        return Err(Failure::Usage(sentence));
    }
    let found = diff(&a, &b, options);
    match typed.format {
        DiffFormat::Text => out.write_all(text(&found).as_bytes())?,
        DiffFormat::Json => {
            let object = serde_json::to_string(&found);
            let object = object.map_err(|error| Failure::Bug(error.to_string()))?;
            writeln!(out, "{object}")?;
        }
    }
    out.flush()?;
    tell(&found);
    let fails = found
        .changes
        .iter()
        .any(|change| typed.fail_on.iter().any(|on| on.is(change)));
    Ok(if fails { Status::Differs } else { Status::Done }.into())
}

/// What limits the answer.
fn tell(found: &Diff) {
    let mut notes = Vec::new();
    if !found.controlled {
        let (a, b) = (found.runs_a, found.runs_b);
        notes.push(format!(
            "{a} and {b} runs do not show what varies from run to run; from {LEAST_RUNS} on each side the rate of false reports is {:.1} %",
            ALPHA * 100.0
        ));
    }
    notes.extend(
        found
            .unseen
            .iter()
            .map(|unseen| format!("not everything was seen: {unseen}")),
    );
    notes.extend(
        found
            .uncompared
            .iter()
            .map(|what| format!("not compared: {what}")),
    );
    for note in notes {
        let _ = writeln!(std::io::stderr(), "tracer: {note}");
    }
}

/// The differences as a table; nothing without any.
pub fn text(found: &Diff) -> String {
    if found.changes.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "what", "A", "B", "", "by chance"]);
    for change in &found.changes {
        table.add_row([
            word(change.change).to_owned(),
            change.name.clone(),
            value(change, change.a),
            value(change, change.b),
            effect(change),
            chance(change),
        ]);
    }
    let lines = table.to_string();
    lines
        .lines()
        .map(|line| format!("{}\n", line.trim()))
        .collect()
}

/// One difference in a sentence.
pub fn sentence(change: &Change) -> String {
    let (a, b) = (value(change, change.a), value(change, change.b));
    format!("{} {}: {a} -> {b}", word(change.change), change.name)
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::New => "new",
        Kind::Gone => "gone",
        Kind::Changed => "changed",
    }
}

fn value(change: &Change, value: f64) -> String {
    match change.kind {
        "latency" => duration(value),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    }
}

fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

fn effect(change: &Change) -> String {
    match change.change {
        Kind::Changed if change.a > 0.0 => format!("x {:.2}", change.b / change.a),
        _ => String::new(),
    }
}

fn chance(change: &Change) -> String {
    match change.p {
        None => "exact".to_owned(),
        Some(p) => format!("p = {p:.1e}"),
    }
}
