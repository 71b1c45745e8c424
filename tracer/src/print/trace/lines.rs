//! Lines of text, as strace writes them.
//!
//! In: records of the generated script. Out: a line each: who, when, the call (or signal, or end of a process), how long. A loss
//! is a line where it happened. Bytes of programs are never sent raw: what is not printable is escaped.

use super::exit::Exit;
use super::signal::Signal;
use super::stamp::Stamp;
use super::traced::Form;
use super::{Prefix, Style, Wall, summary};
use crate::decode;
use crate::ir::Lifecycle;
use crate::print::{Loss, Names, Origin, number};
use crate::trace::summary::Row;
use crate::types::call::Call;
use crate::types::{Space, Stack, Value};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

/// The form.
pub(super) struct Lines {
    style: Style,
    stamp: Stamp,
    line: Vec<u8>,
    /// Threads that have been seen and have not ended.
    threads: HashSet<u32>,
    /// The thread of the line before: most lines are of the same.
    last: u32,
    /// Calls that were shown before they ended, by thread: as far as they were shown.
    begun: HashMap<u32, Vec<u8>>,
}

impl Lines {
    /// Of this style.
    pub fn new(style: Style, wall: Wall) -> Lines {
        Lines {
            stamp: Stamp::new(style.clock, style.since_last, wall),
            style,
            line: Vec::new(),
            threads: HashSet::new(),
            last: 0,
            begun: HashMap::new(),
        }
    }

    /// Who and when.
    fn begin(&mut self, origin: &Origin, comm: &[u8], at_ns: u64) {
        self.line.clear();
        if self.last != origin.tid {
            self.last = origin.tid;
            self.threads.insert(origin.tid);
        }
        let (pid, tid) = (u64::from(origin.pid), u64::from(origin.tid));
        let line = &mut self.line;
        match self.style.prefix {
            Prefix::System => {
                line.push(b'[');
                number::decimal(line, pid);
                if pid != tid {
                    line.push(b'/');
                    number::decimal(line, tid);
                }
                line.push(b' ');
                visible(line, comm);
                line.extend_from_slice(b"] ");
            }
            Prefix::WhenSeveral if self.threads.len() > 1 => {
                line.extend_from_slice(b"[pid ");
                number::padded(line, tid, 5);
                line.extend_from_slice(b"] ");
            }
            Prefix::WhenSeveral => {}
            Prefix::Number => {
                number::decimal(line, tid);
                line.resize(line.len().max(5) + 1, b' ');
            }
        }
        self.stamp.write(&mut self.line, at_ns);
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.line.push(b'\n');
        out.write_all(&self.line)
    }

    /// `[ 257] `
    fn number(&mut self, nr: u32) {
        self.line.push(b'[');
        number::padded(&mut self.line, u64::from(nr), 4);
        self.line.extend_from_slice(b"] ");
    }

    /// ` <0.000123>`
    fn duration(&mut self, ns: u64) {
        let micros = ns / 1000;
        self.line.extend_from_slice(b" <");
        number::decimal(&mut self.line, micros / 1_000_000);
        self.line.push(b'.');
        number::micros(&mut self.line, micros % 1_000_000);
        self.line.push(b'>');
    }

    /// A call that was shown when it had begun goes on where that line ended: `<... wait4 resumed>NULL, 0, NULL) = 12`.
    fn resume(&mut self, tid: u32, start: usize, call: &Call<'_>) {
        let Some(shown) = self.begun.remove(&tid) else {
            return;
        };
        if self.line[start..].starts_with(&shown) {
            let mut mark = b"<... ".to_vec();
            decode::call::call_name(call, &self.style.call, &mut mark);
            mark.extend_from_slice(b" resumed>");
            self.line.splice(start..start + shown.len(), mark);
        }
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

impl Form for Lines {
    fn call(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        call: &Call<'_>,
        more: &[Value],
    ) -> io::Result<()> {
        let began_ns = [call.entry_ns, call.exit_ns, origin.time_ns];
        let at_ns = began_ns.into_iter().find(|&ns| ns != 0).unwrap_or(0);
        self.begin(origin, call.comm(), at_ns);
        if self.style.numbers {
            self.number(call.nr);
        }
        let start = self.line.len();
        decode::call::line(call, &self.style.call, &mut self.line);
        if !self.begun.is_empty() {
            self.resume(origin.tid, start, call);
        }
        if let Some(ns) = call.duration_ns().filter(|_| self.style.durations) {
            self.duration(ns);
        }
        for value in more {
            if let Value::Stack(kind, words) = value {
                self.stack(names, *kind, words);
            }
        }
        self.end(out)
    }

    fn begun(&mut self, out: &mut dyn Write, origin: &Origin, call: &Call<'_>) -> io::Result<()> {
        self.begin(origin, call.comm(), origin.time_ns);
        if self.style.numbers {
            self.number(call.nr);
        }
        let start = self.line.len();
        decode::call::begun(call, &self.style.call, &mut self.line);
        self.begun.insert(origin.tid, self.line[start..].to_vec());
        self.line.extend_from_slice(b" <unfinished ...>");
        self.end(out)
    }

    fn lifecycle(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        what: Lifecycle,
        values: &[Value],
    ) -> io::Result<()> {
        let comm = match values.last() {
            Some(Value::Str(comm)) => comm.as_slice(),
            _ => b"",
        };
        self.begin(origin, comm, origin.time_ns);
        super::lifecycle(&mut self.line, what, values);
        if what == Lifecycle::Exit {
            self.threads.remove(&origin.tid);
            self.begun.remove(&origin.tid);
            self.last = 0;
        }
        self.end(out)
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        self.line.clear();
        // Writing to memory does not fail.
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

    fn rows(&mut self, out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
        self.line.clear();
        summary::write(&mut self.line, rows);
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

/// What happens to a thread, as a line without who and when.
pub fn lifecycle(out: &mut Vec<u8>, what: Lifecycle, values: &[Value]) {
    match what {
        Lifecycle::Exit => Exit(values.first().map_or(0, Value::bits)).write(out),
        Lifecycle::Signal => Signal::of(values).write(out),
    }
}
