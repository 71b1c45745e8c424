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
use crate::print::{Loss, Names, Origin, Output, Printer, RuntimeError};
use crate::trace::program::{Notice, notice};
use crate::trace::summary::{Row, add, sorted};
use crate::types::call::Call;
use crate::types::{Space, Stack, Type, Value};
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

    /// The line of a call; nothing for bytes that are none.
    fn call_line(&mut self, origin: &Origin, bytes: &[u8]) -> bool {
        let Some(call) = Call::read(bytes) else {
            return false;
        };
        let began_ns = [call.entry_ns, call.exit_ns, origin.time_ns];
        let at_ns = began_ns.into_iter().find(|&ns| ns != 0).unwrap_or(0);
        self.begin(origin, call.comm(), at_ns);
        if self.style.numbers {
            // Writing to memory does not fail.
            let _ = write!(self.line, "[{:4}] ", call.nr);
        }
        decode::call::line(&call, &self.style.call, &mut self.line);
        if let Some(ns) = call.duration_ns().filter(|_| self.style.durations) {
            let micros = ns / 1000;
            let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
            let _ = write!(self.line, " <{seconds}.{micros:06}>");
        }
        true
    }

    /// A stack under a line, innermost first.
    fn stack(&mut self, names: &dyn Names, kind: Stack, words: &[u64]) {
        let (process, frames) = kind.parts(words);
        for &frame in frames {
            self.line.extend_from_slice(b"\n > ");
            // Writing to memory does not fail.
            let _ = match kind.space {
                Space::Kernel => match names.symbol(frame, &mut self.line) {
                    Some(offset) => write!(self.line, "+{offset:#x} "),
                    None => Ok(()),
                },
                Space::User => user_frame(&mut self.line, names, process, frame),
            };
            let _ = write!(self.line, "[{frame:#x}]");
        }
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

    fn call(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        _types: &[Type],
        values: &[Value],
    ) -> io::Result<()> {
        let Some((Value::Call(bytes), more)) = values.split_first() else {
            return Ok(());
        };
        if !self.call_line(origin, bytes) {
            return Ok(());
        }
        for value in more {
            if let Value::Stack(kind, words) = value {
                self.stack(names, *kind, words);
            }
        }
        self.end(out)
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

    fn output(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        kind: Output,
        text: &[u8],
    ) -> io::Result<()> {
        self.text.output(out, origin, kind, text)
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

/// `/usr/lib/libc.so.6(read+0x12) `, as strace has it.
fn user_frame(line: &mut Vec<u8>, names: &dyn Names, process: u32, address: u64) -> io::Result<()> {
    let Some(place) = names.user_symbol(process, address) else {
        return Ok(());
    };
    match place.symbol {
        Some(symbol) => write!(
            line,
            "{}({}+{:#x}) ",
            place.file, symbol.name, symbol.offset
        ),
        None => write!(line, "{} ", place.file),
    }
}
