//! The same as JSON: one object a line, for programs. The layout is [`jsonl`](crate::print::jsonl)'s, and its version.
//!
//! In: records of the generated script. Out: objects of type `call`, `signal`, `exit`, `lost` and `summary` (one a call).

use super::signal::Signal;
use super::{Style, Wall, summary};
use crate::agg::Table;
use crate::decode;
use crate::ir::Format;
use crate::print::jsonl::{Jsonl, Line};
use crate::print::{Loss, Names, Origin, Output, Printer, RuntimeError};
use crate::trace::program::{Notice, notice};
use crate::trace::summary::{Row, add, sorted};
use crate::types::call::Call;
use crate::types::{Type, Value};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The printer.
pub struct Json {
    style: Style,
    wall: Wall,
    query: Jsonl,
    line: Line,
    rows: BTreeMap<u64, Row>,
}

impl Json {
    /// Of this style.
    pub fn new(style: Style, wall: Wall) -> Json {
        Json {
            style,
            wall,
            query: Jsonl::default(),
            line: Line::default(),
            rows: BTreeMap::new(),
        }
    }

    fn begin(&mut self, kind: &str, origin: &Origin) {
        self.line.open(kind);
        self.line.field("time_ns").unsigned(origin.time_ns);
        let epoch_ns = self.wall.epoch_ns(origin.time_ns);
        self.line.field("epoch_ns").unsigned(epoch_ns);
        self.line.field("cpu").unsigned(u64::from(origin.cpu));
        self.line.field("pid").unsigned(u64::from(origin.pid));
        self.line.field("tid").unsigned(u64::from(origin.tid));
    }

    fn comm(&mut self, args: &[Value]) {
        if let Some(Value::Str(comm)) = args.last() {
            self.line.field("comm").text(comm);
        }
    }

    fn exit(&mut self, origin: &Origin, args: &[Value]) {
        let status = args.first().map_or(0, Value::bits);
        self.begin("exit", origin);
        self.comm(args);
        match status & 0x7f {
            0 => self.line.field("status").unsigned(status >> 8 & 0xff),
            signal => {
                let name = decode::signal_name(signal);
                self.line.field("signal").text(name.as_bytes());
                let core = if status & 0x80 == 0 { "false" } else { "true" };
                self.line.field("core").raw(core);
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

impl Printer for Json {
    fn attached(&mut self, out: &mut dyn Write, probes: usize) -> io::Result<()> {
        self.query.attached(out, probes)
    }

    fn printf(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        format: &Format,
        args: &[Value],
    ) -> io::Result<()> {
        match notice(format) {
            None => return self.query.printf(out, names, origin, format, args),
            Some(Notice::Exit) => self.exit(origin, args),
            Some(Notice::Signal) => self.signal(origin, args),
        }
        self.line.close(out)
    }

    fn value(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        ty: &Type,
        value: &Value,
    ) -> io::Result<()> {
        self.query.value(out, names, origin, ty, value)
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
        let Some(call) = Call::read(bytes) else {
            return Ok(());
        };
        self.begin("call", origin);
        self.line.field("comm").text(call.comm());
        self.line.raw(",");
        let style = &self.style.call;
        self.line
            .append(|line| decode::call::json(&call, style, line));
        for value in more {
            self.line.field("stack").value(names, value);
        }
        self.line.close(out)
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
        self.query.time(out, origin, text)
    }

    fn output(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        kind: Output,
        text: &[u8],
    ) -> io::Result<()> {
        self.query.output(out, origin, kind, text)
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        self.query.lost(out, loss)
    }

    fn error(&mut self, _out: &mut dyn Write, _error: &RuntimeError) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.query.end(out)
    }

    fn done(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(order) = self.style.summary else {
            return Ok(());
        };
        let rows = sorted(std::mem::take(&mut self.rows), order, summary::name);
        rows.iter().try_for_each(|row| self.row(out, row))
    }
}
