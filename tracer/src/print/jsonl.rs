//! Our JSON: one object a line, for programs. Version 1.
//!
//! In: what is to be printed. Out: objects with `v`, `type`, and for records `time_ns`, `cpu`, `pid`, `tid`,
//! `probe`, `emit` (which statement) and `fields` as an array: a `printf` is not formatted. Keys of maps are
//! arrays. Bytes that are not UTF-8 are `{"bytes": "hex"}`, so nothing is lost or ambiguous. Fields are only ever added;
//! a change of meaning raises [`VERSION`].

use super::bars::bars;
use super::series::Interval;
use super::text::{deviation, divided, intervals, stats};
use super::value;
use super::{Loss, Names, Origin, Output, Printer, RuntimeError, number, quote};
use crate::agg::{Cell, Row, Table};
use crate::ir::{Format, MapValue, Verdict};
use crate::types::{HistShape, Stack, StackMode, Type, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

/// Of the layout.
pub const VERSION: u64 = 1;

/// The printer.
#[derive(Default)]
pub struct Jsonl {
    line: Line,
}

impl Printer for Jsonl {
    fn attached(&mut self, out: &mut dyn Write, probes: usize) -> io::Result<()> {
        self.line.open("attached");
        self.line.field("probes").unsigned(probes as u64);
        self.line.close(out)
    }

    fn printf(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        _format: &Format,
        args: &[Value],
    ) -> io::Result<()> {
        self.line.open("printf");
        self.line.origin(names, origin);
        self.line.field("fields").values(names, args);
        self.line.close(out)
    }

    fn value(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        origin: &Origin,
        _ty: &Type,
        value: &Value,
    ) -> io::Result<()> {
        self.line.open("value");
        self.line.origin(names, origin);
        let fields = std::slice::from_ref(value);
        self.line.field("fields").values(names, fields);
        self.line.close(out)
    }

    fn map(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        table: &Table,
        top: Option<u64>,
        div: Option<u64>,
    ) -> io::Result<()> {
        let kind = match &table.value {
            MapValue::Plain(_) => "value",
            MapValue::Agg(kind) => kind.name(),
        };
        self.line.open("map");
        self.line.field("name").text(table.name.as_bytes());
        self.line.field("kind").text(kind.as_bytes());
        self.line.field("rows").raw("[");
        for (i, row) in table.top(top).iter().enumerate() {
            self.line.comma(i);
            self.line.row(names, row, div.unwrap_or(1));
        }
        self.line.raw("]");
        self.line.close(out)
    }

    fn time(&mut self, out: &mut dyn Write, origin: &Origin, text: &str) -> io::Result<()> {
        self.line.open("time");
        self.line.place(origin);
        self.line.field("text").text(text.as_bytes());
        self.line.close(out)
    }

    fn output(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        kind: Output,
        text: &[u8],
    ) -> io::Result<()> {
        self.line.open(match kind {
            Output::System => "system",
            Output::Cat => "cat",
            Output::Trace => "trace",
            Output::Join => "join",
            Output::Verdict => "verdict",
        });
        self.line.place(origin);
        self.line.field("text").text(text);
        self.line.close(out)
    }

    fn verdict(
        &mut self,
        out: &mut dyn Write,
        origin: &Origin,
        verdict: Verdict,
        text: &[u8],
    ) -> io::Result<()> {
        self.line.open("verdict");
        self.line.place(origin);
        self.line.field("verdict").text(verdict.name().as_bytes());
        self.line.field("text").text(text);
        self.line.close(out)
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        lost(&mut self.line, out, loss)
    }

    fn error(&mut self, out: &mut dyn Write, e: &RuntimeError) -> io::Result<()> {
        self.line.open("error");
        self.line.field("message").text(e.message().as_bytes());
        self.line.field("count").unsigned(e.count);
        self.line.field("file").text(e.file.as_bytes());
        self.line.field("line").unsigned(u64::from(e.line));
        self.line.field("column").unsigned(u64::from(e.column));
        self.line.close(out)
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.line.open("end");
        self.line.close(out)
    }
}

/// `{"v":1,"type":"lost","count":3,"reason":"a buffer was full","cpu":0,"after_ns":…,"before_ns":…}`
pub(super) fn lost(line: &mut Line, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
    line.open("lost");
    line.field("count").unsigned(loss.count);
    line.field("reason").text(loss.reason.as_bytes());
    if let Some(cpu) = loss.cpu {
        line.field("cpu").unsigned(u64::from(cpu));
    }
    if let Some((after, before)) = loss.between_ns {
        line.field("after_ns").unsigned(after);
        line.field("before_ns").unsigned(before);
    }
    line.close(out)
}

/// A line in the making; its buffers are used again.
#[derive(Default)]
pub(super) struct Line {
    buffer: Vec<u8>,
    /// Text that is quoted next.
    plain: Vec<u8>,
    /// Names of probes seen so far, quoted: they are made once, not for each record.
    probes: HashMap<u64, Vec<u8>>,
}

impl Line {
    /// `{"v":1,"type":"kind"`
    pub fn open(&mut self, kind: &str) {
        self.buffer.clear();
        self.raw("{\"v\":");
        self.unsigned(VERSION);
        self.field("type").text(kind.as_bytes());
    }

    pub fn close(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.raw("}\n");
        out.write_all(&self.buffer)
    }

    pub fn raw(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    /// `,"name":`, for the value that follows.
    pub fn field(&mut self, name: &str) -> &mut Line {
        self.raw(",\"");
        self.raw(name);
        self.raw("\":");
        self
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.raw(",");
        }
    }

    pub fn unsigned(&mut self, n: u64) {
        number::decimal(&mut self.buffer, n);
    }

    pub fn signed(&mut self, n: i64) {
        number::signed(&mut self.buffer, n);
    }

    /// A string, or `{"bytes": "hex"}`.
    pub fn text(&mut self, bytes: &[u8]) {
        if std::str::from_utf8(bytes).is_ok() {
            return quote::json(&mut self.buffer, bytes);
        }
        self.raw("{\"bytes\":\"");
        bytes
            .iter()
            .for_each(|b| number::hex_byte(&mut self.buffer, *b));
        self.raw("\"}");
    }

    /// When and where, without the probe's name.
    fn place(&mut self, origin: &Origin) {
        self.field("time_ns").unsigned(origin.time_ns);
        self.field("cpu").unsigned(u64::from(origin.cpu));
        self.field("pid").unsigned(u64::from(origin.pid));
        self.field("tid").unsigned(u64::from(origin.tid));
        self.field("emit").unsigned(u64::from(origin.emit));
    }

    fn origin(&mut self, names: &dyn Names, origin: &Origin) {
        self.place(origin);
        self.field("probe");
        if let Some(name) = self.probes.get(&origin.probe) {
            return self.buffer.extend_from_slice(name);
        }
        let start = self.buffer.len();
        self.plain.clear();
        value::probe(&mut self.plain, names, origin.probe);
        self.quote_plain();
        let quoted = self.buffer[start..].to_vec();
        self.probes.insert(origin.probe, quoted);
    }

    pub fn quote_plain(&mut self) {
        let plain = std::mem::take(&mut self.plain);
        self.text(&plain);
        self.plain = plain;
    }

    /// An array.
    fn values(&mut self, names: &dyn Names, values: &[Value]) {
        self.raw("[");
        for (i, value) in values.iter().enumerate() {
            self.comma(i);
            self.value(names, value);
        }
        self.raw("]");
    }

    /// What somebody else writes: members, already JSON.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.buffer);
    }

    pub fn value(&mut self, names: &dyn Names, value: &Value) {
        match value {
            Value::Absent => self.raw("null"),
            Value::Bool(b) => self.raw(if *b { "true" } else { "false" }),
            Value::Int(n) => number::signed(&mut self.buffer, *n),
            Value::Uint(n) => self.unsigned(*n),
            Value::Str(bytes) => self.text(bytes),
            Value::Tuple(parts) => self.values(names, parts),
            Value::Array(elements) => self.values(names, elements),
            Value::Named(called, parts) => {
                let parts = called.iter().zip(parts);
                self.members(names, parts.map(|(name, v)| (&**name, Cow::Borrowed(v))));
            }
            Value::Struct(shape, raw) => {
                let parts = shape.values(raw);
                self.members(names, parts.map(|(name, _, v)| (name, Cow::Owned(v))));
            }
            Value::Bytes(bytes) => self.text(bytes),
            Value::Wide(kind, words) => {
                self.plain.clear();
                value::wide(&mut self.plain, names, *kind, words);
                self.quote_plain();
            }
            Value::Stack(kind, words) => self.stack(names, *kind, words),
            Value::Lazy(..) | Value::Call(_) => {
                self.plain.clear();
                value::write(&mut self.plain, names, None, value, value::Bytes::Raw);
                self.quote_plain();
            }
        }
    }

    /// An object: a record or a struct.
    fn members<'a>(
        &mut self,
        names: &dyn Names,
        parts: impl Iterator<Item = (&'a str, Cow<'a, Value>)>,
    ) {
        self.raw("{");
        for (i, (name, value)) in parts.enumerate() {
            self.comma(i);
            self.text(name.as_bytes());
            self.raw(":");
            self.value(names, &value);
        }
        self.raw("}");
    }

    /// An array of names.
    fn stack(&mut self, names: &dyn Names, kind: Stack, words: &[u64]) {
        let (process, frames) = kind.parts(words);
        self.raw("[");
        for (i, &address) in frames.iter().enumerate() {
            self.comma(i);
            self.plain.clear();
            match kind.mode {
                StackMode::Raw => number::hex(&mut self.plain, address),
                _ => value::frame(&mut self.plain, names, kind, process, address),
            }
            self.quote_plain();
        }
        self.raw("]");
    }

    /// `{"key":[…],"value":…}`
    fn row(&mut self, names: &dyn Names, row: &Row, div: u64) {
        self.raw("{\"key\":");
        self.values(names, &row.key);
        self.field("value");
        match (&row.cell, divided(&row.cell, None, div)) {
            (Cell::Hist { shape, buckets }, _) => self.histogram(*shape, buckets, div),
            (Cell::Series { .. }, _) => self.series(names, &intervals(&row.cell, div)),
            (Cell::Stddev { .. }, _) => self.buffer.extend_from_slice(&deviation(&row.cell, div)),
            (Cell::Stats { .. }, _) => self.stats(names, &row.cell, div),
            (_, Some(number)) => self.value(names, &number),
            (Cell::Plain(v), None) => self.value(names, v),
            _ => self.raw("null"),
        }
        self.raw("}");
    }

    /// `{"count":…,"average":…,"total":…}`
    fn stats(&mut self, names: &dyn Names, cell: &Cell, div: u64) {
        let stats = stats(cell, div);
        self.raw("{");
        for (i, (what, number)) in stats.iter().flatten().enumerate() {
            self.comma(i);
            self.text(what.as_bytes());
            self.raw(":");
            self.value(names, number);
        }
        self.raw("}");
    }

    /// Beginnings of intervals on the clock of `time_ns`; null where there is no value.
    fn series(&mut self, names: &dyn Names, intervals: &[Interval]) {
        self.raw("[");
        for (i, (start, value)) in intervals.iter().enumerate() {
            self.comma(i);
            self.raw("{\"start_ns\":");
            self.unsigned(*start);
            self.field("value");
            self.value(names, value.as_ref().unwrap_or(&Value::Absent));
            self.raw("}");
        }
        self.raw("]");
    }

    /// Bounds as in the language: `low <= x < high`; a missing one is open.
    fn histogram(&mut self, shape: HistShape, buckets: &[u64], div: u64) {
        self.raw("[");
        for (i, bar) in bars(shape, buckets, div).iter().enumerate() {
            self.comma(i);
            self.raw("{\"count\":");
            self.unsigned(bar.count);
            for (name, bound) in [("low", bar.low), ("high", bar.high)] {
                if let Some(bound) = bound {
                    self.field(name);
                    self.raw(&bound.value.to_string());
                }
            }
            self.raw("}");
        }
        self.raw("]");
    }
}
