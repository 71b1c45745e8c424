//! What a statement of a script shows, wherever it ran.
//!
//! In: a statement, its values, and tables of maps when it prints one. Out: printed results. Live runs and recordings show the same
//! by it. Never waits, except for commands that a script runs.

use super::act;
use super::collect::Collector;
use super::output::Output;
use super::{Error, Script};
use crate::agg::Table;
use crate::diag::Span;
use crate::diag::render::position;
use crate::ir::{Emit, EmitKind, Format, MapId, Order, Program, View};
use crate::print::value::Bytes;
use crate::print::{Names, Origin, Output as Kind, Printer, printf};
use crate::sys::clock;
use crate::types::Value;
use std::io::{self, Write};

/// A printer and where it prints to.
pub struct Presenter {
    /// The format's printer.
    pub printer: Box<dyn Printer>,
    /// Where to.
    pub out: Output,
    /// For the places of messages.
    pub script: Script,
    /// Verdicts and the last maps go here; maps are printed too, when the script's settings want it.
    pub collector: Option<Collector>,
}

/// One firing of a statement.
pub struct Shown<'a> {
    /// The script's.
    pub program: &'a Program,
    /// Which.
    pub emit: &'a Emit,
    /// Where and when.
    pub origin: Origin,
    /// The same moment in nanoseconds since 1970.
    pub wall_ns: i64,
    /// Its arguments.
    pub values: &'a [Value],
}

/// Why nothing is printed any more.
pub enum Stop {
    /// Nobody reads it.
    Closed,
    /// Something else.
    Error(Error),
}

impl From<io::Error> for Stop {
    fn from(source: io::Error) -> Stop {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Stop::Closed,
            _ => Stop::Error(Error::Write(source)),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

impl Presenter {
    /// Shows what a statement sends. `table` is asked for the map that it prints. (The flat list of what statements do.)
    pub fn show(
        &mut self,
        shown: &Shown<'_>,
        names: &dyn Names,
        table: impl FnOnce(MapId) -> Result<Table, Error>,
    ) -> Result<(), Stop> {
        let Shown {
            emit,
            origin,
            values,
            ..
        } = shown;
        let out = &mut self.out;
        match &emit.kind {
            EmitKind::Printf(format) => self.printer.printf(out, names, origin, format, values)?,
            EmitKind::PrintValue => {
                if let (Some(ty), Some(value)) = (emit.args.first(), values.first()) {
                    self.printer.value(out, names, origin, ty, value)?;
                }
            }
            EmitKind::Call => self.printer.call(out, names, origin, &emit.args, values)?,
            EmitKind::Lifecycle(what) => self.printer.lifecycle(out, origin, *what, values)?,
            EmitKind::PrintMap {
                map,
                top,
                div,
                order,
                view,
            } => {
                let table = viewed(table(*map)?, *view, *order, shown.program);
                self.printer.map(out, names, &table, *top, *div)?;
            }
            EmitKind::Time(format) => {
                let text = clock::local_time(format, shown.wall_ns);
                self.printer.time(out, origin, &text.unwrap_or_default())?;
            }
            EmitKind::System(format) => {
                let command = formatted(shown, names, format);
                // What was printed before it comes before what it prints.
                out.flush()?;
                let said = act::shell(&command);
                self.printer.output(out, origin, Kind::System, &said)?;
            }
            EmitKind::Cat(format) => {
                let path = formatted(shown, names, format);
                match act::read(&path, shown.program.user.max_cat_bytes) {
                    Ok(said) => self.printer.output(out, origin, Kind::Cat, &said)?,
                    Err(why) => self.message(emit.span, true, &why),
                }
            }
            EmitKind::Join(between) => {
                let mut said = act::joined(values, between);
                said.push(b'\n');
                self.printer.output(out, origin, Kind::Join, &said)?;
            }
            EmitKind::Message { error, format } => {
                let text = formatted(shown, names, format);
                self.message(emit.span, *error, &String::from_utf8_lossy(&text));
            }
            EmitKind::Verdict { verdict, format } => {
                let text = formatted(shown, names, format);
                match &self.collector {
                    Some(collector) => collector.said(origin.emit, *verdict, &text),
                    None => self.printer.verdict(out, origin, *verdict, &text)?,
                }
            }
            EmitKind::Clear(_) | EmitKind::Zero(_) | EmitKind::Exit | EmitKind::Tail(_) => {}
        }
        Ok(())
    }

    /// Whether anybody wants the maps at the end.
    pub fn wants_last(&self, program: &Program) -> bool {
        program.user.print_maps_on_exit || self.collector.is_some()
    }

    /// Tracing has ended; what follows are the maps.
    pub fn end(&mut self, program: &Program) -> io::Result<()> {
        match program.user.print_maps_on_exit || self.collector.is_none() {
            true => self.printer.end(&mut self.out),
            false => Ok(()),
        }
    }

    /// A map as it is at the end; one without rows shows nothing.
    pub fn last(
        &mut self,
        table: Table,
        order: Order,
        program: &Program,
        names: &dyn Names,
    ) -> io::Result<()> {
        let table = sorted(table, order);
        if let Some(collector) = &self.collector {
            collector.table(&table, names);
        }
        match table.rows.is_empty() || !program.user.print_maps_on_exit {
            true => Ok(()),
            false => self.printer.map(&mut self.out, names, &table, None, None),
        }
    }

    /// A message with its place in the script, on standard error.
    fn message(&mut self, span: Span, error: bool, text: &str) {
        let (line, column) = position(&self.script.text, span.start as usize);
        let (_, end) = position(&self.script.text, span.end as usize);
        let word = if error { "ERROR" } else { "WARNING" };
        let file = &self.script.name;
        // Nobody may be reading it.
        let _ = self.out.flush();
        let text = text.trim_end_matches('\n');
        let _ = writeln!(io::stderr(), "{file}:{line}:{column}-{end}: {word}: {text}");
    }
}

/// What a format makes of the values.
fn formatted(shown: &Shown<'_>, names: &dyn Names, format: &Format) -> Vec<u8> {
    let mut text = Vec::new();
    printf::write(&mut text, names, format, shown.values, Bytes::Raw);
    text
}

/// A table as a statement wants it.
fn viewed(table: Table, view: View, order: Order, program: &Program) -> Table {
    let table = match view {
        View::Whole => table,
        View::Quantile(millionths) => table.quantiles(millionths),
    };
    let order = match order {
        Order::Usual => program.user.sort,
        order => order,
    };
    sorted(table, order)
}

/// The rows as they are printed; tables come sorted by value.
fn sorted(table: Table, order: Order) -> Table {
    match order {
        Order::Usual | Order::Value => table,
        Order::Key => table.by_key(),
    }
}

/// Maps in the order in which they are printed at the end: by name.
pub fn maps_by_name(program: &Program) -> Vec<MapId> {
    let mut ids: Vec<MapId> = (0..program.maps.len() as u32).map(MapId).collect();
    ids.sort_by_key(|id| program.maps[id.0 as usize].name.as_str());
    ids
}
