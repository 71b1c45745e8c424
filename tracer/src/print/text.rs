//! bpftrace's text.
//!
//! In: what is to be printed. Out: the layout of bpftrace 0.26. Never colours.

use super::bars::{Bar, bars};
use super::value::{self, Bytes};
use super::{Loss, Names, Origin, Output, Printer, RuntimeError, number, printf, series};
use crate::agg::{Cell, Row, Table};
use crate::ir::{Format, MapValue};
use crate::types::{Type, Value};
use std::io::{self, Write};

/// Width of the longest bar.
const BAR: usize = 52;
/// Columns of a bucket's label and of its count.
const LABEL: usize = 16;
const COUNT: usize = 8;

/// The printer.
pub struct Text {
    buffer: Vec<u8>,
    bytes: Bytes,
}

impl Text {
    /// `terminal`: control bytes of traced programs are made visible.
    pub fn new(terminal: bool) -> Text {
        Text {
            buffer: Vec::new(),
            bytes: if terminal { Bytes::Visible } else { Bytes::Raw },
        }
    }

    /// Writes what `fill` appends to the empty buffer.
    fn emit(
        &mut self,
        out: &mut dyn Write,
        fill: impl FnOnce(&mut Vec<u8>, Bytes),
    ) -> io::Result<()> {
        self.buffer.clear();
        fill(&mut self.buffer, self.bytes);
        out.write_all(&self.buffer)
    }
}

impl Printer for Text {
    fn attached(&mut self, out: &mut dyn Write, probes: usize) -> io::Result<()> {
        let s = if probes == 1 { "" } else { "s" };
        writeln!(out, "Attached {probes} probe{s}")
    }

    fn printf(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        _origin: &Origin,
        format: &Format,
        args: &[Value],
    ) -> io::Result<()> {
        self.emit(out, |b, bytes| printf::write(b, names, format, args, bytes))
    }

    fn value(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        _origin: &Origin,
        ty: &Type,
        value: &Value,
    ) -> io::Result<()> {
        self.emit(out, |b, bytes| {
            value::write(b, names, Some(ty), value, bytes);
            b.push(b'\n');
        })
    }

    fn map(
        &mut self,
        out: &mut dyn Write,
        names: &dyn Names,
        table: &Table,
        top: Option<u64>,
        div: Option<u64>,
    ) -> io::Result<()> {
        self.emit(out, |b, bytes| {
            for row in table.top(top) {
                name(b, names, table, row, bytes);
                cell(b, names, table, &row.cell, div.unwrap_or(1), bytes);
            }
        })
    }

    fn time(&mut self, out: &mut dyn Write, _origin: &Origin, text: &str) -> io::Result<()> {
        out.write_all(text.as_bytes())
    }

    fn output(
        &mut self,
        out: &mut dyn Write,
        _origin: &Origin,
        _kind: Output,
        text: &[u8],
    ) -> io::Result<()> {
        out.write_all(text)
    }

    fn lost(&mut self, out: &mut dyn Write, loss: &Loss) -> io::Result<()> {
        let s = if loss.count == 1 { "" } else { "s" };
        let cpu = loss
            .cpu
            .map_or(String::new(), |cpu| format!(" (CPU {cpu})"));
        writeln!(out, "Lost {} event{s}: {}{cpu}", loss.count, loss.reason)
    }

    fn error(&mut self, out: &mut dyn Write, e: &RuntimeError) -> io::Result<()> {
        let times = match e.count {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        let place = format!("{}:{}:{}", e.file, e.line, e.column);
        writeln!(out, "{place}: WARNING: {}, {times}", e.message())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\n\n")
    }
}

/// `@name[key, key]:`
fn name(out: &mut Vec<u8>, names: &dyn Names, table: &Table, row: &Row, bytes: Bytes) {
    out.push(b'@');
    out.extend_from_slice(table.name.as_bytes());
    if !table.is_scalar() {
        out.push(b'[');
        value::key(out, names, &table.key, &row.key, ", ", bytes);
        out.push(b']');
    }
    out.push(b':');
}

/// A value behind its name, or a histogram or a series below it.
fn cell(out: &mut Vec<u8>, names: &dyn Names, table: &Table, cell: &Cell, div: u64, bytes: Bytes) {
    if let Cell::Hist { shape, buckets } = cell {
        out.push(b'\n');
        let bars = bars(*shape, buckets, div);
        let most = bars.iter().map(|b| b.count).max().unwrap_or(0);
        bars.iter().for_each(|b| bar(out, b, most));
    } else if let Cell::Series { series, .. } = cell {
        out.push(b'\n');
        series::draw(out, names, *series, &intervals(cell, div));
    } else if let Some(stats) = stats(cell, div) {
        for (i, (what, number)) in stats.iter().enumerate() {
            let before = if i == 0 { " " } else { ", " };
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(what.as_bytes());
            out.push(b' ');
            value::write(out, names, None, number, bytes);
        }
    } else {
        out.push(b' ');
        let ty = match &table.value {
            MapValue::Plain(ty) => Some(ty),
            MapValue::Agg(_) => None,
        };
        match (cell, divided(cell, ty, div)) {
            (Cell::Stddev { .. }, _) => out.extend_from_slice(&deviation(cell, div)),
            (_, Some(number)) => value::write(out, names, ty, &number, bytes),
            (Cell::Plain(v), None) => value::write(out, names, ty, v, bytes),
            _ => {}
        }
    }
    out.push(b'\n');
}

/// The number of a cell, divided; `None` when it is no number.
pub(super) fn divided(cell: &Cell, ty: Option<&Type>, div: u64) -> Option<Value> {
    if matches!(ty, Some(Type::Ptr { .. })) {
        return None;
    }
    Some(quotient(cell.number()?, div))
}

/// What `stddev()` gathered, divided, with three decimals.
pub(super) fn deviation(cell: &Cell, div: u64) -> Vec<u8> {
    let deviation = cell.deviation().unwrap_or_default() / div.max(1) as f64;
    format!("{deviation:.3}").into_bytes()
}

/// What `stats()` gathered, by name; average and total divided.
pub(super) fn stats(cell: &Cell, div: u64) -> Option<[(&'static str, Value); 3]> {
    let (count, average, total) = cell.stats()?;
    Some([
        ("count", Value::Uint(count)),
        ("average", quotient(average, div)),
        ("total", quotient(total, div)),
    ])
}

/// Beginnings and values of a series, values divided.
pub(super) fn intervals(cell: &Cell, div: u64) -> Vec<series::Interval> {
    let intervals = cell.intervals().into_iter();
    intervals
        .map(|(start, value)| (start, value.map(|value| quotient(value, div))))
        .collect()
}

fn quotient(number: Value, div: u64) -> Value {
    let div = div.max(1);
    match number {
        Value::Int(n) => match i64::try_from(div) {
            Ok(div) => Value::Int(n / div),
            Err(_) => Value::Int(0),
        },
        other => Value::Uint(other.bits() / div),
    }
}

/// `[4, 8)                 1 |@@@@    |`
fn bar(out: &mut Vec<u8>, bar: &Bar, most: u64) {
    let start = out.len();
    bar.label(out);
    let width = out.len() - start;
    out.resize(out.len() + LABEL.saturating_sub(width), b' ');
    let digits = out.len();
    number::decimal(out, bar.count);
    let missing = COUNT.saturating_sub(out.len() - digits);
    out.resize(out.len() + missing, b' ');
    out[digits..].rotate_right(missing);
    out.extend_from_slice(b" |");
    let length = length(bar.count, most);
    out.resize(out.len() + length, b'@');
    out.resize(out.len() + BAR - length, b' ');
    out.extend_from_slice(b"|\n");
}

/// Single precision, as bpftrace computes it: otherwise some bars differ by one.
fn length(count: u64, most: u64) -> usize {
    if most == 0 {
        return 0;
    }
    let share = count as f32 / most as f32;
    ((share * BAR as f32) as usize).min(BAR)
}
