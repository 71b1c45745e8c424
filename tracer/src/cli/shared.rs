//! Options that several subcommands have, each declared once.
//!
//! In: argv. Out: parts of what was typed, to be flattened into a subcommand's options under a heading of its own. What they mean,
//! [`meant`](super::meant) says. Never opens a file, never decides.

use super::meant;
use super::typed::Format;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// What else of those who watch is traced.
#[derive(Args, Debug, Clone, Default)]
pub struct Watchers {
    /// Trace the tracer's own ancestors up to the terminal too
    #[arg(long)]
    pub include_terminal: bool,
    /// Trace the tracer itself too
    #[arg(long)]
    pub include_self: bool,
}

/// How long.
#[derive(Args, Debug, Clone, Default)]
pub struct TimeLimit {
    /// End after this time: 10s, 500ms, 2m, 1h
    #[arg(long = "for", value_name = "DURATION", value_parser = meant::duration)]
    pub duration: Option<Duration>,
}

/// Where results go, and in which form.
#[derive(Args, Debug, Clone)]
pub struct Results {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Whom to tell that the run has begun.
#[derive(Args, Debug, Clone, Default)]
pub struct Ready {
    /// Write a line to this file descriptor once everything is attached
    #[arg(long, value_name = "N")]
    pub ready_fd: Option<i32>,
}

/// How much memory.
#[derive(Args, Debug, Clone, Default)]
pub struct Buffers {
    /// Bytes of each CPU's record buffer: 256K, 4M
    #[arg(long, value_name = "SIZE", value_parser = meant::size)]
    pub ring_size: Option<u32>,
}

/// What a script may do.
#[derive(Args, Debug, Clone, Default)]
pub struct Allowed {
    /// Allow functions that change the system: system(), signal()
    #[arg(long)]
    pub r#unsafe: bool,
}
