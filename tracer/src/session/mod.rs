//! The live run: a script is compiled, loaded, attached, streamed, and ended in order.
//!
//! In: a [`Request`]. Out: results on its output, sentences on standard error, an [`Ended`]. The one room
//! that knows the order of things; what each thing is, the rooms below know. Never parses argv, never exits the process.
//!
//! Beginning and end, the same for all probes: `BEGIN` runs before anything is attached; `active` opens when all is
//! attached and closes before the rings are drained; then `END`; then the maps are printed; only then is anything
//! detached.

mod act;
pub mod backpressure;
mod cgroups;
pub mod collect;
pub mod compile;
mod desk;
mod family;
mod live;
mod log;
mod maps;
mod names;
pub mod output;
mod pending;
mod present;
mod reader;
pub mod recording;
pub mod replay;
pub mod report;
pub mod request;
pub mod scope;
mod signals;
mod tails;
mod target;
pub mod terminal;
pub mod ticks;
mod trailer;
pub mod voice;
mod walks;

pub use crate::print::Format;
pub use live::run;
pub use request::{Buffering, Limits, Output, Request, Scope, Script};

use crate::diag::Diagnostic;
use crate::print::{Loss, RuntimeError};
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ended {
    /// The script's `exit(n)`, else 0.
    pub code: u8,
    /// Why.
    pub by: By,
    /// Something was lost.
    pub lossy: bool,
    /// What was lost.
    pub losses: Vec<Loss>,
    /// Places of the script where something went wrong.
    pub errors: Vec<RuntimeError>,
    /// Places that could not be attached, of probes that match several: sentences.
    pub missed: Vec<String>,
    /// How the command ended that the run started.
    pub command: Option<ExitStatus>,
}

/// What ended a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum By {
    /// The processes that it was about have ended, or there was nothing to wait for.
    #[default]
    Target,
    /// The script called `exit`.
    Script,
    /// The time was over.
    Time,
    /// A signal.
    Signal,
    /// Nobody reads the output any more.
    Output,
}

/// Why a run could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The script is wrong.
    #[error("the script has errors")]
    Script(Vec<Diagnostic>),
    /// The output cannot be opened.
    #[error("open output {}: {source}", path.display())]
    Output {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process of `-p` cannot be watched.
    #[error("watch process {pid}: {source}")]
    Process {
        /// Which.
        pid: u32,
        /// Why.
        source: io::Error,
    },
    /// The command of `-c` cannot be started.
    #[error("start {command}: {source}")]
    Command {
        /// Which.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// The query needs more rights than this process has.
    #[error(transparent)]
    Privilege(#[from] crate::kernel::privilege::Unmet),
    /// The command cannot be made to stand still.
    #[error(transparent)]
    Backpressure(#[from] backpressure::Lack),
    /// A recording cannot be read.
    #[error(transparent)]
    Recording(#[from] crate::record::Error),
    /// The kernel refused something.
    #[error(transparent)]
    Load(#[from] crate::load::Error),
    /// The output cannot be written.
    #[error("write the output: {0}")]
    Write(#[source] io::Error),
    /// Signals, timers or threads are not to be had.
    #[error("set up the run: {0}")]
    Runtime(#[source] io::Error),
    /// A generated program or value broke a rule of its own: ours to mend.
    #[error("{0}")]
    Bug(String),
}
