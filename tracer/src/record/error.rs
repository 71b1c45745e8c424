//! What can be wrong with a recording.
//!
//! In: nothing. Out: one sentence each, which names the file and says what to do where something can be done.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file cannot be read (on).
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct Error {
    /// Which file.
    pub path: PathBuf,
    /// What about it.
    pub what: What,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum What {
    /// The file system's answer.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A folder.
    #[error("is a directory, not a recording; name the files in it")]
    Directory,
    /// Nothing in it.
    #[error(
        "is empty: nothing was recorded, or the recorder was ended before it wrote its first batch"
    )]
    Empty,
    /// Another sort of file.
    #[error("is no recording of tracer: {0}")]
    Foreign(&'static str),
    /// The header is not whole.
    #[error("is cut within its header: no row can be read")]
    Cut,
    /// A later version wrote it.
    #[error(
        "was written by tracer {version} in layout {layout}; this one reads layouts up to {known}: use a newer tracer"
    )]
    Newer {
        /// Who wrote it.
        version: String,
        /// Its layout.
        layout: u32,
        /// Ours.
        known: u32,
    },
    /// A checksum or a length does not fit.
    #[error(
        "is damaged {at} bytes from its start, in batch {batch} ({why}): the {batch} before it can be exported with `tracer export --until-damage`"
    )]
    Damaged {
        /// Where the batch begins.
        at: u64,
        /// Which, from 0.
        batch: u64,
        /// What does not fit.
        why: &'static str,
    },
}

impl Error {
    pub(super) fn new(path: &Path, what: impl Into<What>) -> Error {
        Error {
            path: path.into(),
            what: what.into(),
        }
    }
}
