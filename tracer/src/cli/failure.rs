//! Why a command did not do what was asked, and the exit status that says so.
//!
//! In: errors of the rooms. Out: one sentence (or the diagnostics of a script) and a [`Status`]. Never exits.

use crate::diag::{Severity, codes};
use crate::session::{self, Script, voice};
use std::fmt;
use std::process::ExitCode;

/// Exit statuses with a meaning of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Status {
    /// It ran.
    Done = 0,
    /// Usage or script error: nothing was traced.
    Usage = 2,
    /// There were losses, with `--strict`.
    Losses = 3,
    /// This machine could not do it.
    Machine = 4,
    /// `diff --fail-on`: there is such a difference.
    Differs = 5,
    /// A bug of ours.
    Bug = 128,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

/// Why nothing (more) was done.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong: a sentence.
    Usage(String),
    /// The script is wrong: its diagnostics as text, already with source lines.
    Script(String),
    /// The script is right, but this machine lacks a probe of it: the same.
    NotHere(String),
    /// The machine cannot: a sentence.
    Machine(String),
    /// We are wrong: a sentence.
    Bug(String),
    /// Nobody reads our output any more.
    Closed,
}

impl Failure {
    /// From a session's error about a script.
    pub fn of(error: session::Error, script: &Script) -> Failure {
        match error {
            session::Error::Script(found) => {
                let text = voice::diagnostics(script, &found);
                let mut errors = found.iter().filter(|d| d.severity == Severity::Error);
                match errors.all(|d| d.code == codes::PROBE_NOT_HERE) {
                    true => Failure::NotHere(text),
                    false => Failure::Script(text),
                }
            }
            session::Error::Bug(sentence) => Failure::Bug(sentence),
            other => Failure::Machine(other.to_string()),
        }
    }

    /// The exit status that says so.
    pub fn status(&self) -> Status {
        match self {
            Failure::Usage(_) | Failure::Script(_) => Status::Usage,
            Failure::Machine(_) | Failure::NotHere(_) => Status::Machine,
            Failure::Bug(_) => Status::Bug,
            Failure::Closed => Status::Done,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(sentence) | Failure::Machine(sentence) => {
                writeln!(f, "tracer: {sentence}")
            }
            Failure::Bug(sentence) => writeln!(f, "tracer: a bug of the tracer: {sentence}"),
            Failure::Script(diagnostics) | Failure::NotHere(diagnostics) => {
                f.write_str(diagnostics)
            }
            Failure::Closed => Ok(()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Machine(format!("write the output: {error}")),
        }
    }
}
