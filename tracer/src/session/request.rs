//! What a run is asked to do.
//!
//! In: nothing. Out: plain data that `cli` fills in. Never knows how options are spelled.

use super::collect::Collector;
use super::recording::Recording;
use crate::print::Format;
use crate::print::trace::Style;
use crate::sema;
use crate::sema::Settings;
use crate::trace::Calls;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

/// A script and where it comes from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// File name, or what stands for it (`-e`, `stdin`); shown in diagnostics.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What stands behind it on the command line: `$1`, `$2`, … and `--name=value`.
    pub params: Vec<String>,
}

impl Output {
    /// Whether losses stand in the output: where machines read it, and among the lines of calls.
    pub fn tells_losses(&self) -> bool {
        self.format != Format::Text || self.trace.is_some()
    }
}

impl Script {
    /// Positional parameters, and named options: words that begin with `--` (which only get here behind a `--`).
    pub fn parameters(&self) -> (Vec<String>, sema::Options) {
        let (named, positional): (Vec<&String>, _) =
            self.params.iter().partition(|word| word.starts_with("--"));
        let named = named
            .into_iter()
            .map(|word| match word[2..].split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word[2..].to_owned(), None),
            });
        (positional.into_iter().cloned().collect(), named.collect())
    }
}

/// A whole run.
#[derive(Debug, Default)]
pub struct Request {
    /// What to run.
    pub script: Script,
    /// Whom and how long to trace.
    pub scope: Scope,
    /// Where results go.
    pub output: Output,
    /// What it may cost, and what is not tolerated.
    pub limits: Limits,
    /// Records become rows.
    pub record: Option<Recording>,
    /// A line is written here once everything is attached.
    pub ready: Option<File>,
    /// End once everything is attached.
    pub dry_run: bool,
    /// Verdicts and the last maps go here; maps are printed too, when the script's settings want it.
    pub collector: Option<Collector>,
}

/// Whom and how long to trace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope {
    /// `syscall` probes fire for this process only; the run ends with it.
    pub pid: Option<u32>,
    /// Processes that `tree` is true for; the run ends when all have ended.
    pub roots: Vec<u32>,
    /// `tree` is true for the descendants of the roots and of the command too.
    pub follow: bool,
    /// Probes that are of a process fire where `tree` is true, as if their predicates said so.
    pub only_tree: bool,
    /// The run ends when those have ended too.
    pub until_last: bool,
    /// Started when everything is attached; a root, and the run ends with it.
    pub command: Option<Vec<String>>,
    /// The run ends after this.
    pub duration: Option<Duration>,
    /// Do not exclude the tracer's ancestors.
    pub include_terminal: bool,
    /// Do not exclude the tracer.
    pub include_self: bool,
}

/// Where results go.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Instead of standard output.
    pub file: Option<PathBuf>,
    /// Without a file: to standard error.
    pub to_stderr: bool,
    /// Their form.
    pub format: Format,
    /// Records are calls, printed in this style: the script was made by [`crate::trace`].
    pub trace: Option<Style>,
    /// Calls that are told before they end, when their threads wait in them.
    pub pending: Option<Calls>,
    /// When they are written; by the kind of output when not said.
    pub buffering: Option<Buffering>,
    /// Only errors and losses on standard error.
    pub quiet: bool,
    /// Steps, times and accounts on standard error.
    pub verbose: bool,
}

/// When output is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buffering {
    /// After each record that ends a line.
    Line,
    /// When a buffer is full, or a little later.
    Full,
    /// After each record.
    None,
}

/// What a run may cost, and what is not tolerated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Losses are a failure.
    pub strict: bool,
    /// The command stands still while its records wait to be read; there is a command.
    pub backpressure: bool,
    /// Bytes of each main ring; a power of two.
    pub ring_bytes: Option<u32>,
    /// What holds where the script does not say otherwise.
    pub settings: Settings,
}
