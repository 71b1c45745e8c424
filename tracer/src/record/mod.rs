//! Recordings: what happened, kept for questions that nobody has asked yet.
//!
//! In: [`Row`]s of a live run, or files. Out: an Arrow IPC stream ([`Writer`]), the same rows again ([`Reader`], [`Merged`]), and
//! Parquet ([`export`]). Only raw values are kept: what a number or a pointer means is told on reading. Never decodes a call,
//! never prints, and trusts no byte of a file: each batch carries a checksum, and nothing of it is looked at before.

mod batch;
mod columns;
mod error;
pub mod export;
mod frame;
mod header;
mod layout;
mod likeness;
mod merge;
mod reader;
mod row;
mod writer;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use error::Error;
pub use header::Header;
pub use layout::{Columns, LAYOUT};
pub use likeness::{Likeness, mixed};
pub use merge::Merged;
pub use reader::{End, Reader, is_stream};
pub use row::{Ending, How, Kind, Name, Row, Sink};
pub use writer::{Naming, Rotation, Writer};
