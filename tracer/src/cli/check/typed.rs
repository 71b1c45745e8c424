//! The command line of `tracer check` as it is typed.
//!
//! In: argv. Out: [`CheckArgs`]. Never opens a file, never decides.

use crate::cli::meant;
use crate::cli::shared::{Allowed, Buffers, Ready};
use crate::cli::typed::Buffering;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  git bisect run tracer check -e 'syscall:clone3 /errno == EINVAL/ { bad(); }' -- ./test
  git bisect run tracer check --assert 'count(syscall:fsync) <= 1' -- ./test
  tracer check --assert 'p99(syscall:read, duration) < 1ms' --runs 5 -- ./test
  git bisect run tracer check --same-symptom 'syscall:openat /errno == EBADF/ { bad(); }' -- make test
  tracer check --against good.profile --runs 10 -- ./test

Exit status, as git bisect run takes it: 0 good; 1 bad; 125 this run could not tell (skip it);
128 and above: something is wrong with the check itself, and the bisection stops (128 a bug of the tracer,
130 interrupted, 193 usage or script, 194 privilege, 195 the command cannot be started, 196 output, 197 machine).";

/// `tracer check`.
#[derive(Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// A program that says bad(), good() or unsure()
    #[arg(short = 'e', value_name = "PROGRAM", help_heading = "What is checked")]
    pub program: Option<String>,
    /// The same from a file, then its parameters $1, $2, …
    #[arg(value_name = "FILE [PARAMETER…]", allow_negative_numbers = true)]
    pub words: Vec<String>,
    /// What must hold, e.g. 'count(syscall:fsync) <= 1'; several must all hold
    #[arg(
        long,
        value_name = "ASSERTION",
        conflicts_with_all = ["program", "words"],
        help_heading = "What is checked"
    )]
    pub assert: Vec<String>,
    /// The run must be as this profile (`tracer profile`) says, or these recordings (`tracer record -f`)
    #[arg(
        long,
        value_name = "PROFILE",
        conflicts_with_all = ["program", "words", "assert"],
        help_heading = "What is checked"
    )]
    pub against: Option<PathBuf>,
    /// A program that says bad() when a failure is the one that is meant; another failure could not tell. Without any
    /// other program, the command's own status is what is checked
    #[arg(long, value_name = "PROGRAM", help_heading = "What is checked")]
    pub same_symptom: Option<String>,
    /// A command that fails is no reason to doubt a good run
    #[arg(long, help_heading = "What is checked")]
    pub any_status: bool,
    /// Run the command so often: bad once is bad, good takes all
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "What is checked")]
    pub runs: u32,

    /// Find what tells two profiles apart, and print the probe and the assertion to bisect with
    #[arg(
        long,
        requires = "good",
        requires = "bad",
        conflicts_with_all = ["program", "words", "assert", "against", "same_symptom"],
        help_heading = "Instead of checking"
    )]
    pub learn: bool,
    /// With --learn: a profile without the mistake, or recordings
    #[arg(
        long,
        value_name = "PROFILE",
        requires = "learn",
        help_heading = "Instead of checking"
    )]
    pub good: Option<PathBuf>,
    /// With --learn: a profile with the mistake, or recordings
    #[arg(
        long,
        value_name = "PROFILE",
        requires = "learn",
        help_heading = "Instead of checking"
    )]
    pub bad: Option<PathBuf>,
    /// Print the program, and what of it runs where
    #[arg(long, help_heading = "Instead of checking")]
    pub explain: bool,

    /// Check this process instead of a command
    #[arg(
        short,
        long,
        value_name = "PID",
        conflicts_with = "command",
        help_heading = "Scope"
    )]
    pub pid: Option<u32>,
    /// Probes that are of a process fire for the whole system, not for the command and its descendants alone
    #[arg(long, help_heading = "Scope")]
    pub system: bool,
    /// End after this time; a command that still runs then could not tell
    #[arg(long = "for", value_name = "DURATION", value_parser = meant::duration, help_heading = "Scope")]
    pub duration: Option<Duration>,

    /// Form of the report on standard output
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub format: ReportFormat,
    /// Add the report to this file too, as a line of JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub log: Option<PathBuf>,
    /// A word for the report: a commit, a kernel
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub label: Option<String>,
    /// Tell more on standard error
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// When what the program prints (on standard error) is written
    #[arg(short = 'B', value_name = "MODE", hide = true)]
    pub buffering: Option<Buffering>,
    /// Whom to tell that it has begun.
    #[command(flatten, next_help_heading = "Output")]
    pub ready: Ready,

    /// How much memory.
    #[command(flatten, next_help_heading = "Limits")]
    pub buffers: Buffers,
    /// What the program may do.
    #[command(flatten, next_help_heading = "Limits")]
    pub allowed: Allowed,

    /// The command that is run, behind --
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Forms of the report.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// A line
    Text,
    /// An object on a line
    Json,
}
