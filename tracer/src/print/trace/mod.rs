//! `tracer trace`: calls as lines in strace's manner, signals and ends of processes among them, and the summary.
//!
//! In: records, tables of the summary, and a [`Style`]. Out: lines of text or JSON. Which records mean what is told by the
//! script that [`crate::trace::program`] made. Never decides what is shown: the script did.

mod json;
mod lines;
mod signal;
mod stamp;
mod summary;

pub use json::Json;
pub use lines::Lines;
pub use stamp::{Clock, Wall};

use super::{Format, Printer};
use crate::decode;
use crate::trace::summary::Order;

/// How lines look.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// Time before each line.
    pub clock: Clock,
    /// Time since the line before (`-r`).
    pub since_last: bool,
    /// Time that the call took (`-T`).
    pub durations: bool,
    /// Number of the call (`-n`).
    pub numbers: bool,
    /// The call itself.
    pub call: decode::call::Style,
    /// Who made the call.
    pub prefix: Prefix,
    /// The table at the end.
    pub summary: Option<Order>,
}

/// Who made a call, before its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prefix {
    /// Process, thread and name: lines of the whole system.
    #[default]
    System,
    /// `[pid 123] ` when more than one thread is there.
    WhenSeveral,
    /// The thread's number, always: lines in a file.
    Number,
}

/// A printer of this style.
pub fn printer(style: Style, wall: Wall, format: Format, terminal: bool) -> Box<dyn Printer> {
    match format {
        Format::Text => Box::new(Lines::new(style, wall, terminal)),
        Format::Json | Format::Jsonl => Box::new(Json::new(style, wall)),
    }
}
