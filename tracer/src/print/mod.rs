//! Rows and records to text. One file a format: [`text`], [`json`], [`jsonl`].
//!
//! In: tables, values, formats, and [`Names`] for what only this run can name. Out: bytes to any `Write`, one
//! write for each thing printed. Never keeps a record, never flushes, never asks whether it writes to a terminal:
//! it is told.

pub mod bars;
pub mod json;
pub mod jsonl;
pub mod number;
pub mod printf;
pub mod quote;
pub mod series;
pub mod text;
pub mod trace;
pub mod value;

use crate::agg::Table;
use crate::decode::call::Style;
use crate::ir;
use crate::symbols::Place;
use crate::types::{SyscallProbe, Type, Value};
use std::io::{self, Write};

/// Names that depend on the run and the machine.
pub trait Names {
    /// Appends the name of the kernel symbol that holds `address` and returns the offset in it; appends nothing
    /// when there is none.
    fn symbol(&self, address: u64, out: &mut Vec<u8>) -> Option<u64>;
    /// What an address of a process belongs to; `None` when nobody knows.
    fn user_symbol(&self, _process: u32, _address: u64) -> Option<Place> {
        None
    }
    /// Appends the name of a user; nothing when there is none.
    fn user(&self, _id: u64, _out: &mut Vec<u8>) {}
    /// Appends the path of a cgroup below the root of its hierarchy; nothing when there is none.
    fn cgroup(&self, _id: u64, _out: &mut Vec<u8>) {}
    /// Appends the name of a machine of the query; nothing when it has none.
    fn host(&self, _index: u64, _out: &mut Vec<u8>) {}
    /// Appends a moment of the monotonic clock in local time; nothing when the format does not exist.
    fn moment(&self, _format: u64, _time_ns: u64, _out: &mut Vec<u8>) {}
    /// Nanoseconds since 1970 of a moment of the monotonic clock.
    fn wall_ns(&self, time_ns: u64) -> i64 {
        time_ns as i64
    }
    /// A `strftime` format for a moment (ns since 1970), in local time.
    fn local_time(&self, _format: &str, _wall_ns: i64) -> Option<String> {
        None
    }
    /// An enumerator of an enum of [`ir::Program::enums`].
    fn enumerator(&self, _id: u32, _value: i64) -> Option<&str> {
        None
    }
    /// An entry of [`ir::Program::probe_names`].
    fn probe(&self, index: u64) -> Option<&str>;
    /// An entry of [`ir::Program::func_names`].
    fn func(&self, index: u64) -> Option<&str>;
    /// How whole calls are written when they are values like others.
    fn call_style(&self) -> Style {
        Style {
            column: 0,
            ..Style::default()
        }
    }
}

/// Where and when a record was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// Monotonic clock, ns.
    pub time_ns: u64,
    /// CPU.
    pub cpu: u32,
    /// Thread-group id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Raw bits of [`Lazy::ProbeName`](crate::types::Lazy::ProbeName).
    pub probe: u64,
    /// Which statement of the script: an [`ir::EmitId`].
    pub emit: u32,
}

impl From<&tracer_ebpf::RecordHeader> for Origin {
    fn from(header: &tracer_ebpf::RecordHeader) -> Origin {
        let probe = match header.probe {
            u32::MAX => SyscallProbe::Whole.bits() | header.syscall,
            index => u64::from(index),
        };
        Origin {
            time_ns: header.time_ns,
            cpu: header.cpu,
            pid: (header.pid_tgid >> 32) as u32,
            tid: header.pid_tgid as u32,
            probe,
            emit: header.emit,
        }
    }
}

/// Events that were lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// How many.
    pub count: u64,
    /// Why, in a few words: `the ring was full`.
    pub reason: String,
    /// Of which CPU, when known.
    pub cpu: Option<u32>,
    /// Times of the records before and after the gap, when known.
    pub between_ns: Option<(u64, u64)>,
}

/// A runtime error of the script, counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuntimeError {
    /// What happened.
    pub kind: ir::SiteKind,
    /// How often.
    pub count: u64,
    /// The script's name.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl RuntimeError {
    /// What happened and what the result was, one sentence without full stop.
    pub fn message(&self) -> &'static str {
        match self.kind {
            ir::SiteKind::DivideByZero => "division by zero: the result was 0",
            ir::SiteKind::ModuloByZero => {
                "remainder of a division by zero: the result was the left side"
            }
            ir::SiteKind::ReadFailed => "memory could not be read: the result was 0 or empty",
            ir::SiteKind::Absent => "the value was absent: the update was skipped",
            ir::SiteKind::LoopLimit => {
                "a loop did not end: the clause was left after 8,388,607 iterations"
            }
        }
    }
}

/// Where text comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// `system(…)`
    System,
    /// `cat(…)`
    Cat,
    /// `join(…)`
    Join,
    /// `bad(…)`, `good(…)`, `unsure(…)`
    Verdict,
    /// `trace_exit(…)`, `trace_signal(…)`
    Trace,
}

impl Output {
    /// Its type in bpftrace's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Output::System => "syscall",
            Output::Cat => "cat",
            Output::Join => "join",
            Output::Verdict => "verdict",
            Output::Trace => "trace",
        }
    }
}

/// Formats of output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// bpftrace's text.
    #[default]
    Text,
    /// bpftrace's JSON objects, one a line.
    Json,
    /// Our JSON objects, one a line.
    Jsonl,
}

/// A format's printer. Everything printed is one write, which ends with a newline except for `printf`
/// and `time` in text.
pub trait Printer: Send {
    /// All probes are attached.
    fn attached(&mut self, out: &mut dyn Write, probes: usize) -> io::Result<()>;
    /// `printf(…)`
    fn printf(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        format: &ir::Format,
        args: &[Value],
    ) -> io::Result<()>;
    /// `print(value)`
    fn value(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        ty: &Type,
        value: &Value,
    ) -> io::Result<()>;
    /// `trace(…)`: the call, then what was asked for with it.
    fn call(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        types: &[Type],
        values: &[Value],
    ) -> io::Result<()> {
        let mut all = types.iter().zip(values);
        all.try_for_each(|(ty, value)| self.value(out, names, origin, ty, value))
    }
    /// A call that a thread is in, and has not come back from for a while: the bytes of a call that has only begun.
    fn begun(&mut self, _out: &mut dyn Write, _origin: &Origin, _call: &Value) -> io::Result<()> {
        Ok(())
    }
    /// `trace_exit(…)`, `trace_signal(…)`: what happens to a thread.
    fn lifecycle(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        what: ir::Lifecycle,
        values: &[Value],
    ) -> io::Result<()> {
        let mut text = Vec::new();
        trace::lifecycle(&mut text, what, values);
        text.push(b'\n');
        self.output(out, origin, Output::Trace, &text)
    }
    /// `print(@map, top, div)`, and every map at the end.
    fn map(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        table: &Table,
        top: Option<u64>,
        div: Option<u64>,
    ) -> io::Result<()>;
    /// `time(…)`, already formatted.
    fn time(&mut self, out: &mut dyn Write, origin: &Origin, text: &str) -> io::Result<()>;
    /// Text that came from elsewhere, whole lines or not.
    fn output(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        kind: Output,
        text: &[u8],
    ) -> io::Result<()>;
    /// `bad(…)` and the like, outside of a check: its text is only shown.
    fn verdict(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        verdict: ir::Verdict,
        text: &[u8],
    ) -> io::Result<()> {
        let mut line = verdict.name().as_bytes().to_vec();
        if !text.is_empty() {
            line.extend_from_slice(b": ");
            line.extend_from_slice(text);
        }
        line.push(b'\n');
        self.output(out, origin, Output::Verdict, &line)
    }
    /// Events were lost.
    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()>;
    /// A place in the script where something went wrong.
    fn error(&mut self, out: &mut dyn Write, error: &RuntimeError) -> io::Result<()>;
    /// Tracing has ended; what follows are the maps.
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
    /// All maps were printed.
    fn done(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// A printer. `terminal`: control bytes in values are made visible.
pub fn printer(format: Format, terminal: bool) -> Box<dyn Printer> {
    match format {
        Format::Text => Box::new(text::Text::new(terminal)),
        Format::Json => Box::new(json::Json::default()),
        Format::Jsonl => Box::new(jsonl::Jsonl::default()),
    }
}

#[cfg(test)]
mod tests;
