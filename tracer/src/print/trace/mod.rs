//! `tracer trace`: calls as lines in strace's manner, signals and ends of processes among them, and the summary.
//!
//! In: records, tables of the summary, and a [`Style`]. Out: lines of text or JSON. Which records mean what is told by the
//! script that [`crate::trace::program`] made. Never decides what is shown: the script did.

mod exit;
mod json;
mod lines;
mod signal;
mod stamp;
mod summary;
mod traced;

pub use lines::lifecycle;
pub use stamp::{Clock, Wall};

use super::{Format, Printer, jsonl, text};
use crate::decode;
use crate::trace::summary::Order;
use json::Json;
use lines::Lines;
use traced::Traced;

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
    /// Only calls that name one of these; none: all.
    pub paths: Vec<String>,
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
        Format::Text => {
            let query = Box::new(text::Text::new(terminal));
            Box::new(Traced::new(Lines::new(style.clone(), wall), query, &style))
        }
        Format::Json | Format::Jsonl => {
            let query = Box::new(jsonl::Jsonl::default());
            Box::new(Traced::new(Json::new(style.clone(), wall), query, &style))
        }
    }
}
