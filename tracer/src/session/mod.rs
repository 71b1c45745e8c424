//! The live run: a script is compiled, loaded, attached, streamed, and ended in order.
//!
//! In: a [`Request`]. Out: results on its output, sentences on standard error, an [`Ended`]. The one room
//! that knows the order of things; what each thing is, the rooms below know. Never parses argv, never exits the process.
//!
//! Beginning and end, the same for all probes: `BEGIN` runs before anything is attached; `active` opens when all is
//! attached and closes before the rings are drained; then `END`; then the maps are printed; only then is anything
//! detached.

pub mod output;
pub mod report;
pub mod request;
pub mod scope;
pub mod terminal;

pub use request::{Buffering, Format, Limits, Output, Request, Scope, Script};

use crate::diag::Diagnostic;
use std::io;
use std::path::PathBuf;

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ended {
    /// The script's `exit(n)`, else 0.
    pub code: u8,
    /// Something was lost.
    pub lossy: bool,
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
    /// A generated program or value broke a rule of its own: ours to mend.
    #[error("{0}")]
    Bug(String),
}
