//! Lines of text, as strace writes them.
//!
//! In: records of the generated script. Out: a line each: who, when, the call (or signal, or end of a process), how long. A loss
//! is a line where it happened. Bytes of programs are never sent raw: what is not printable is escaped.

use super::signal::Signal;
use super::stamp::Stamp;
use super::{Prefix, Style, Wall, summary};
use crate::agg::Table;
use crate::decode;
use crate::ir::Format;
use crate::print::text::Text;
use crate::print::{Loss, Names, Origin, Printer, RuntimeError};
use crate::trace::program::{Notice, notice};
use crate::trace::summary::{Row, add, sorted};
use crate::types::{Type, Value};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

/// The printer.
pub struct Lines {
    style: Style,
    stamp: Stamp,
    /// What the trace does not know of is printed as a query's.
    text: Text,
    line: Vec<u8>,
    /// Threads that have been seen and have not ended.
    threads: HashSet<u32>,
    rows: BTreeMap<u64, Row>,
}

impl Lines {
    /// `terminal`: control bytes in values are made visible.
    pub fn new(style: Style, wall: Wall, terminal: bool) -> Lines {
        Lines {
            stamp: Stamp::new(style.clock, style.since_last, wall),
            style,
            text: Text::new(terminal),
            line: Vec::new(),
            threads: HashSet::new(),
            rows: BTreeMap::new(),
        }
    }

    /// Who and when.
    fn begin(&mut self, origin: &Origin, comm: &[u8], at_ns: u64) {
        self.line.clear();
        self.threads.insert(origin.tid);
        let (pid, tid) = (origin.pid, origin.tid);
        // Writing to memory does not fail.
        let _ = match self.style.prefix {
            Prefix::System if pid == tid => write!(self.line, "[{pid} "),
            Prefix::System => write!(self.line, "[{pid}/{tid} "),
            Prefix::WhenSeveral if self.threads.len() > 1 => write!(self.line, "[pid {tid:5}] "),
            Prefix::WhenSeveral => Ok(()),
            Prefix::Number => write!(self.line, "{tid:<5} "),
        };
        if self.style.prefix == Prefix::System {
            visible(&mut self.line, comm);
            self.line.extend_from_slice(b"] ");
        }
        self.stamp.write(&mut self.line, at_ns);
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.line.push(b'\n');
        out.write_all(&self.line)
    }

    /// The end of a thread or process: its wait status.
    fn exit(&mut self, origin: &Origin, args: &[Value]) {
        let status = args.first().map_or(0, Value::bits);
        let signal = status & 0x7f;
        let core = match status & 0x80 {
            0 => "",
            _ => " (core dumped)",
        };
        let _ = match signal {
            0 => write!(self.line, "+++ exited with {} +++", status >> 8 & 0xff),
            _ => {
                let name = decode::signal_name(signal);
                write!(self.line, "+++ killed by {name}{core} +++")
            }
        };
        self.threads.remove(&origin.tid);
    }
}

/// Bytes of a name: what is not printable as `\ooo`.
fn visible(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b' '..=b'~' if byte != b'\\' => out.push(byte),
            // Writing to memory does not fail.
            _ => drop(write!(out, "\\{byte:03o}")),
        }
    }
}

impl Printer for Lines {
    fn attached(&mut self, _out: &mut dyn Write, _probes: usize) -> io::Result<()> {
        Ok(())
    }

    fn printf(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        format: &Format,
        args: &[Value],
    ) -> io::Result<()> {
        let Some(notice) = notice(format) else {
            return self.text.printf(out, names, origin, format, args);
        };
        let comm = match args.last() {
            Some(Value::Str(comm)) => comm.as_slice(),
            _ => b"",
        };
        self.begin(origin, comm, origin.time_ns);
        match notice {
            Notice::Exit => self.exit(origin, args),
            Notice::Signal => Signal::of(args).write(&mut self.line),
        }
        self.end(out)
    }

    fn value(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        ty: &Type,
        value: &Value,
    ) -> io::Result<()> {
        self.text.value(out, names, origin, ty, value)
    }

    fn map(
        &mut self,
        _out: &mut dyn Write,
        _names: &dyn Names,
        table: &Table,
        _top: Option<u64>,
        _div: Option<u64>,
    ) -> io::Result<()> {
        add(&mut self.rows, table);
        Ok(())
    }

    fn time(&mut self, out: &mut dyn Write, origin: &Origin, text: &str) -> io::Result<()> {
        self.text.time(out, origin, text)
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        self.line.clear();
        let _ = write!(self.line, "*** lost {}: {}", loss.count, loss.reason);
        if let Some(cpu) = loss.cpu {
            let _ = write!(self.line, ", CPU {cpu}");
        }
        if let Some((after, before)) = loss.between_ns {
            let ms = before.saturating_sub(after) as f64 / 1e6;
            let _ = write!(self.line, ", within {ms:.3} ms");
        }
        self.line.extend_from_slice(b" ***");
        self.end(out)
    }

    fn error(&mut self, _out: &mut dyn Write, _error: &RuntimeError) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn done(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(order) = self.style.summary else {
            return Ok(());
        };
        let rows = sorted(std::mem::take(&mut self.rows), order, summary::name);
        self.line.clear();
        summary::write(&mut self.line, &rows);
        out.write_all(&self.line)
    }
}
