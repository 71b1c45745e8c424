//! bpftrace's JSON: one object a line, `{"type": …, "data": …}`.
//!
//! In: what is to be printed. Out: the same objects, spaces included. Never a bare number that a 64-bit
//! float cannot hold: those are strings, as there.

use super::bars::{Bound, bars};
use super::text::{deviation, divided, intervals, stats};
use super::value::{self, Bytes};
use super::{Loss, Names, Origin, Output, Printer, RuntimeError, number, printf, quote, series};
use crate::agg::{Cell, Table};
use crate::ir::{Format, MapValue};
use crate::types::{AggKind, HistShape, Type, Value};
use std::borrow::Cow;
use std::io::{self, Write};

/// The printer.
#[derive(Default)]
pub struct Json {
    buffer: Vec<u8>,
    /// Text that is quoted next.
    plain: Vec<u8>,
}

impl Json {
    /// `{"type": "kind", "data": "plain"}`
    fn emit_plain(&mut self, out: &mut dyn Write, kind: &str) -> io::Result<()> {
        self.buffer.clear();
        open(&mut self.buffer, kind);
        quote::json(&mut self.buffer, &self.plain);
        self.buffer.extend_from_slice(b"}\n");
        out.write_all(&self.buffer)
    }
}

impl Printer for Json {
    fn attached(&mut self, out: &mut dyn Write, probes: usize) -> io::Result<()> {
        writeln!(
            out,
            r#"{{"type": "attached_probes", "count": {probes}, "data": {{"probes": {probes}}}}}"#
        )
    }

    fn printf(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        _origin: &Origin,
        format: &Format,
        args: &[Value],
    ) -> io::Result<()> {
        self.plain.clear();
        printf::write(&mut self.plain, names, format, args, Bytes::Raw);
        self.emit_plain(out, "printf")
    }

    fn value(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        _origin: &Origin,
        _ty: &Type,
        value: &Value,
    ) -> io::Result<()> {
        self.buffer.clear();
        open(&mut self.buffer, "value");
        write_value(&mut self.buffer, &mut self.plain, names, value);
        self.buffer.extend_from_slice(b"}\n");
        out.write_all(&self.buffer)
    }

    fn map(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        table: &Table,
        top: Option<u64>,
        div: Option<u64>,
    ) -> io::Result<()> {
        let Json { buffer, plain } = self;
        buffer.clear();
        open(buffer, kind(&table.value));
        buffer.push(b'{');
        quote::json(buffer, format!("@{}", table.name).as_bytes());
        buffer.extend_from_slice(b": ");
        rows(buffer, plain, names, table, top, div.unwrap_or(1));
        buffer.extend_from_slice(b"}}\n");
        out.write_all(buffer)
    }

    fn time(&mut self, out: &mut dyn Write, _origin: &Origin, text: &str) -> io::Result<()> {
        self.plain.clear();
        self.plain.extend_from_slice(text.as_bytes());
        self.emit_plain(out, "time")
    }

    fn output(
        &mut self,
        out: &mut dyn Write,
        _origin: &Origin,
        kind: Output,
        text: &[u8],
    ) -> io::Result<()> {
        self.plain.clear();
        self.plain.extend_from_slice(text);
        self.emit_plain(out, kind.name())
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        let n = loss.count;
        writeln!(
            out,
            r#"{{"type": "lost_events", "count": {n}, "data": {{"events": {n}}}}}"#
        )
    }

    fn error(&mut self, out: &mut dyn Write, e: &RuntimeError) -> io::Result<()> {
        self.buffer.clear();
        self.buffer
            .extend_from_slice(br#"{"type": "runtime_error", "msg": "#);
        quote::json(&mut self.buffer, e.message().as_bytes());
        self.buffer.extend_from_slice(br#", "filename": "#);
        quote::json(&mut self.buffer, e.file.as_bytes());
        let (line, column) = (e.line, e.column);
        writeln!(self.buffer, r#", "line": {line}, "col": {column}}}"#)?;
        out.write_all(&self.buffer)
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// `{"type": "kind", "data": `
fn open(out: &mut Vec<u8>, kind: &str) {
    out.extend_from_slice(br#"{"type": ""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(br#"", "data": "#);
}

fn kind(value: &MapValue) -> &'static str {
    match value {
        MapValue::Agg(AggKind::Hist(_)) => "hist",
        MapValue::Agg(AggKind::Series(_)) => "tseries",
        MapValue::Agg(AggKind::Avg { .. } | AggKind::Stats { .. }) => "stats",
        _ => "map",
    }
}

/// A value without key, or an object of keys and values.
fn rows(
    out: &mut Vec<u8>,
    plain: &mut Vec<u8>,
    names: &dyn Names,
    table: &Table,
    top: Option<u64>,
    div: u64,
) {
    if table.is_scalar() {
        match table.rows.first() {
            Some(row) => cell(out, plain, names, table, &row.cell, div),
            None => out.extend_from_slice(b"[]"),
        }
        return;
    }
    out.push(b'{');
    for (i, row) in table.top(top).iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        plain.clear();
        value::key(plain, names, &table.key, &row.key, ",", Bytes::Raw);
        quote::json(out, plain);
        out.extend_from_slice(b": ");
        cell(out, plain, names, table, &row.cell, div);
    }
    out.push(b'}');
}

fn cell(
    out: &mut Vec<u8>,
    plain: &mut Vec<u8>,
    names: &dyn Names,
    table: &Table,
    cell: &Cell,
    div: u64,
) {
    if let Cell::Hist { shape, buckets } = cell {
        return histogram(out, *shape, buckets, div);
    }
    if let Cell::Series { .. } = cell {
        return time_series(out, plain, names, &intervals(cell, div));
    }
    if let Some(stats) = stats(cell, div) {
        for (i, (what, number)) in stats.iter().enumerate() {
            out.extend_from_slice(if i == 0 { b"{" } else { b", " });
            quote::json(out, what.as_bytes());
            out.extend_from_slice(b": ");
            write_value(out, plain, names, number);
        }
        out.push(b'}');
        return;
    }
    let ty = match &table.value {
        MapValue::Plain(ty) => Some(ty),
        MapValue::Agg(_) => None,
    };
    match (cell, divided(cell, ty, div)) {
        (Cell::Stddev { .. }, _) => out.extend_from_slice(&deviation(cell, div)),
        (_, Some(number)) => write_value(out, plain, names, &number),
        (Cell::Plain(v), None) => write_value(out, plain, names, v),
        _ => out.extend_from_slice(b"null"),
    }
}

/// `[{"min": 4, "max": 7, "count": 1},…]`: bounds are inclusive.
fn histogram(out: &mut Vec<u8>, shape: HistShape, buckets: &[u64], div: u64) {
    out.push(b'[');
    for (i, bar) in bars(shape, buckets, div).iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.push(b'{');
        if let Some(Bound { value, .. }) = bar.low {
            out.extend_from_slice(br#""min": "#);
            integer(out, value);
            out.extend_from_slice(b", ");
        }
        if let Some(Bound { value, .. }) = bar.high {
            out.extend_from_slice(br#""max": "#);
            integer(out, value - 1);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(br#""count": "#);
        number::decimal(out, bar.count);
        out.push(b'}');
    }
    out.push(b']');
}

/// `[{"interval_start": "2026-01-31T12:00:00.000000000", "value": 1},…]`; null where there is no value.
fn time_series(
    out: &mut Vec<u8>,
    plain: &mut Vec<u8>,
    names: &dyn Names,
    intervals: &[series::Interval],
) {
    let start = intervals.first().map_or(0, |(start, _)| *start);
    let start_wall = names.wall_ns(start);
    out.push(b'[');
    for (i, (at, value)) in intervals.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(br#"{"interval_start": "#);
        let moment = series::iso(names, start_wall.saturating_add_unsigned(at - start));
        quote::json(out, moment.as_bytes());
        out.extend_from_slice(br#", "value": "#);
        write_value(out, plain, names, value.as_ref().unwrap_or(&Value::Absent));
        out.push(b'}');
    }
    out.push(b']');
}

/// A value as JSON: numbers, booleans and arrays as such, everything else as the text it prints as.
fn write_value(out: &mut Vec<u8>, plain: &mut Vec<u8>, names: &dyn Names, value: &Value) {
    match value {
        Value::Absent => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Int(n) => integer(out, i128::from(*n)),
        Value::Uint(n) => integer(out, i128::from(*n)),
        Value::Tuple(parts) => {
            out.push(b'[');
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(out, plain, names, part);
            }
            out.push(b']');
        }
        Value::Array(elements) => {
            out.push(b'[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(out, plain, names, element);
            }
            out.push(b']');
        }
        Value::Named(called, parts) => {
            let parts = called.iter().zip(parts);
            members(
                out,
                plain,
                names,
                parts.map(|(name, v)| (&**name, Cow::Borrowed(v))),
            );
        }
        Value::Struct(shape, raw) => {
            let parts = shape.values(raw);
            members(
                out,
                plain,
                names,
                parts.map(|(name, _, v)| (name, Cow::Owned(v))),
            );
        }
        Value::Str(s) => quote::json(out, s),
        Value::Stack(..) | Value::Lazy(..) | Value::Wide(..) | Value::Bytes(_) | Value::Call(_) => {
            plain.clear();
            value::write(plain, names, None, value, Bytes::Raw);
            quote::json(out, plain);
        }
    }
}

/// `{"a": 1, "b": "x"}`: a record or a struct.
fn members<'a>(
    out: &mut Vec<u8>,
    plain: &mut Vec<u8>,
    names: &dyn Names,
    parts: impl Iterator<Item = (&'a str, Cow<'a, Value>)>,
) {
    out.push(b'{');
    for (i, (name, value)) in parts.enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        quote::json(out, name.as_bytes());
        out.extend_from_slice(b": ");
        write_value(out, plain, names, &value);
    }
    out.push(b'}');
}

/// A number; a string when a 64-bit float cannot hold it exactly.
fn integer(out: &mut Vec<u8>, n: i128) {
    let magnitude = n.unsigned_abs();
    let bits = |m: u128| 128 - m.leading_zeros() - m.trailing_zeros();
    let quoted = magnitude != 0 && bits(magnitude) > 53;
    out.extend(quoted.then_some(b'"'));
    if n < 0 {
        out.push(b'-');
    }
    number::decimal(out, magnitude as u64);
    out.extend(quoted.then_some(b'"'));
}
