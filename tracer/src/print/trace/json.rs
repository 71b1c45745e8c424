//! A trace as JSON: one object a line, for programs. The layout is [`jsonl`](crate::print::jsonl)'s, and its version.
//!
//! In: records of the generated script. Out: objects of type `call`, `signal`, `exit`, `lost` and `summary` (one a call).

use super::exit::Exit;
use super::signal::Signal;
use super::traced::Form;
use super::{Style, Wall};
use crate::decode;
use crate::ir::Lifecycle;
use crate::print::jsonl::{Line, lost};
use crate::print::{Loss, Names, Origin};
use crate::trace::summary::Row;
use crate::types::Value;
use crate::types::call::Call;
use std::io::{self, Write};

/// The form.
pub(super) struct Json {
    style: Style,
    wall: Wall,
    line: Line,
}

impl Json {
    /// Of this style.
    pub fn new(style: Style, wall: Wall) -> Json {
        Json {
            style,
            wall,
            line: Line::default(),
        }
    }

    fn begin(&mut self, kind: &str, origin: &Origin) {
        self.line.open(kind);
        self.line.field("time_ns").unsigned(origin.time_ns);
        let epoch_ns = self.wall.epoch_ns(origin.time_ns);
        self.line.field("epoch_ns").unsigned(epoch_ns);
        // A call that is told before it has ended was seen from outside.
        if origin.cpu != u32::MAX {
            self.line.field("cpu").unsigned(u64::from(origin.cpu));
        }
        self.line.field("pid").unsigned(u64::from(origin.pid));
        self.line.field("tid").unsigned(u64::from(origin.tid));
    }

    fn comm(&mut self, args: &[Value]) {
        if let Some(Value::Str(comm)) = args.last() {
            self.line.field("comm").text(comm);
        }
    }

    fn boolean(&mut self, name: &str, value: bool) {
        let line = self.line.field(name);
        line.raw(if value { "true" } else { "false" });
    }

    fn exit(&mut self, origin: &Origin, args: &[Value]) {
        let exit = Exit(args.first().map_or(0, Value::bits));
        self.begin("exit", origin);
        self.comm(args);
        match exit.signal() {
            None => self.line.field("status").unsigned(exit.code()),
            Some(name) => {
                self.line.field("signal").text(name.as_bytes());
                self.boolean("core", exit.core());
            }
        }
    }

    fn signal(&mut self, origin: &Origin, args: &[Value]) {
        let signal = Signal::of(args);
        self.begin("signal", origin);
        self.comm(args);
        self.line.field("signal").text(signal.name().as_bytes());
        self.line.field("number").signed(signal.number);
        self.line.field("code").signed(signal.code);
        if let Some(name) = signal.code_name() {
            self.line.field("code_name").text(name.as_bytes());
        }
        let mut text = Vec::new();
        signal.write(&mut text);
        self.line.field("text").text(&text);
    }

    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        self.line.open("summary");
        let name = decode::syscall_name(row.call);
        self.line.field("name").text(name.as_bytes());
        let abi = decode::abi_name(row.call >> 32);
        self.line.field("abi").text(abi.as_bytes());
        self.line.field("nr").unsigned(row.call & 0xffff_ffff);
        self.line.field("calls").unsigned(row.calls);
        self.line.field("errors").unsigned(row.errors);
        self.line.field("timed").unsigned(row.timed);
        if row.timed > 0 {
            self.line.field("total_ns").unsigned(row.total_ns);
            self.line.field("min_ns").unsigned(row.min_ns);
            self.line.field("mean_ns").unsigned(row.mean_ns());
            self.line.field("p99_ns").unsigned(row.p99_ns);
            self.line.field("max_ns").unsigned(row.max_ns);
        }
        self.line.close(out)
    }
}

impl Form for Json {
    fn call(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        call: &Call<'_>,
        more: &[Value],
    ) -> io::Result<()> {
        self.begin("call", origin);
        self.line.field("comm").text(call.comm());
        self.line.raw(",");
        let style = &self.style.call;
        self.line
            .append(|line| decode::call::json(call, style, line));
        for value in more {
            self.line.field("stack").value(names, value);
        }
        self.line.close(out)
    }

    fn begun(&mut self, out: &mut dyn Write, origin: &Origin, call: &Call<'_>) -> io::Result<()> {
        self.begin("call", origin);
        self.line.field("comm").text(call.comm());
        self.line.raw(",");
        let style = &self.style.call;
        self.line
            .append(|line| decode::call::json(call, style, line));
        self.line.close(out)
    }

    fn lifecycle(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        what: Lifecycle,
        values: &[Value],
    ) -> io::Result<()> {
        match what {
            Lifecycle::Exit => self.exit(origin, values),
            Lifecycle::Signal => self.signal(origin, values),
        }
        self.line.close(out)
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        lost(&mut self.line, out, loss)
    }

    fn rows(&mut self, out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
        rows.iter().try_for_each(|row| self.row(out, row))
    }
}
