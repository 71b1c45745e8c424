//! One record after the other, each to what it asks for.
//!
//! In: records in order, and the last words of the run. Out: printed results; maps cleared; what the run has to know. After
//! the first failure nothing is printed any more, and records are only counted. Never waits.

use super::maps::Maps;
use super::names::Names;
use super::output::Output;
use super::reader::Told;
use super::tails::{Mishaps, Tails};
use super::{Error, Script, act, trailer};
use crate::agg::Table;
use crate::diag::Span;
use crate::diag::render::position;
use crate::interp::Effect;
use crate::ir::{Emit, EmitKind, Format, MapId, Order, TailId, View};
use crate::plan::Plan;
use crate::print::value::Bytes;
use crate::print::{Loss, Origin, Output as Kind, Printer, RuntimeError, printf};
use crate::stream::{Record, decode};
use crate::symbols::Follower;
use crate::sys::clock;
use crate::types::Value;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// Where records are handled.
pub struct Desk<'p> {
    plan: Arc<Plan>,
    maps: Maps,
    /// What the kernel leaves to user space.
    tails: Option<Tails<'p>>,
    printer: Box<dyn Printer>,
    names: Names,
    out: Output,
    told: UnboundedSender<Told>,
    /// For the places of messages.
    script: Script,
    /// Arguments of the record in hand; kept for its memory.
    values: Vec<Value>,
    failed: bool,
}

/// What is printed when nothing more comes.
#[derive(Debug, Default)]
pub struct LastWords {
    /// Losses that belong into the output.
    pub losses: Vec<Loss>,
    /// Runtime errors that belong into the output.
    pub errors: Vec<RuntimeError>,
}

impl<'p> Desk<'p> {
    /// Made in the thread that uses it: symbols stay there.
    pub fn new(
        plan: &'p Arc<Plan>,
        maps: Maps,
        printer: Box<dyn Printer>,
        out: Output,
        told: UnboundedSender<Told>,
        script: Script,
        follower: Follower,
    ) -> Desk<'p> {
        Desk {
            names: Names::new(Arc::clone(plan), follower),
            tails: plan.user.as_ref().map(Tails::new),
            plan: Arc::clone(plan),
            maps,
            printer,
            out,
            told,
            script,
            values: Vec::new(),
            failed: false,
        }
    }

    /// Says that all probes are attached.
    pub fn attached(&mut self, probes: usize) {
        self.attempt(|desk| {
            desk.printer.attached(&mut desk.out, probes)?;
            Ok(desk.out.record_done()?)
        });
    }

    /// Handles one record.
    pub fn handle(&mut self, record: Record<'_>) {
        self.attempt(|desk| desk.act(record));
    }

    /// Time has passed: writes what has waited long enough.
    pub fn tick(&mut self, now: Instant) {
        self.attempt(|desk| Ok(desk.out.tick(now)?));
    }

    /// Writes what is waiting.
    pub fn flush(&mut self) {
        self.attempt(|desk| Ok(desk.out.flush()?));
    }

    /// The end: what is left in the maps, by name, then losses and errors.
    pub fn last(&mut self, words: &LastWords) {
        self.attempt(|desk| {
            desk.printer.end(&mut desk.out)?;
            let user = &desk.plan.ir.user;
            let (order, prints) = (user.sort, user.print_maps_on_exit);
            for map in desk.maps_by_name().into_iter().filter(|_| prints) {
                let table = match desk.tails.as_mut().and_then(|tails| tails.table(map)) {
                    Some(table) => table,
                    None => desk.maps.last(map)?,
                };
                let table = sorted(table, order);
                if !table.rows.is_empty() {
                    let (out, names) = (&mut desk.out, &desk.names);
                    desk.printer.map(out, names, &table, None, None)?;
                }
            }
            desk.printer.done(&mut desk.out)?;
            for loss in &words.losses {
                desk.printer.lost(&mut desk.out, loss)?;
            }
            for error in &words.errors {
                desk.printer.error(&mut desk.out, error)?;
            }
            Ok(desk.out.flush()?)
        });
    }

    /// Why addresses were printed as numbers, when they were.
    pub fn notice(&self) -> Option<String> {
        self.names.notice().map(str::to_owned)
    }

    /// What went wrong in user space so far.
    pub fn mishaps(&self) -> Mishaps {
        self.tails
            .as_ref()
            .map_or_else(Mishaps::default, Tails::mishaps)
    }

    fn maps_by_name(&self) -> Vec<MapId> {
        let maps = &self.plan.ir.maps;
        let mut ids: Vec<MapId> = (0..maps.len() as u32).map(MapId).collect();
        ids.sort_by_key(|id| maps[id.0 as usize].name.as_str());
        ids
    }

    /// Does something unless an earlier failure stands in the way; the first failure is told.
    fn attempt(&mut self, act: impl FnOnce(&mut Desk<'p>) -> Result<(), Stop>) {
        if self.failed {
            return;
        }
        if let Err(stop) = act(self) {
            self.failed = true;
            self.tell(match stop {
                Stop::Closed => Told::Closed,
                Stop::Error(error) => Told::Failed(error),
            });
        }
    }

    fn act(&mut self, record: Record<'_>) -> Result<(), Stop> {
        let plan = Arc::clone(&self.plan);
        let at = record.header.emit as usize;
        let (Some(emit), Some(layout)) = (plan.ir.emits.get(at), plan.records.get(at)) else {
            let sentence = format!("a record names emit {at}, which does not exist");
            return Err(Error::Bug(sentence).into());
        };
        decode::args(layout, record.payload, &mut self.values)
            .map_err(|error| Error::Bug(error.to_string()))?;
        // What goes on being computed with keeps its value.
        if !matches!(emit.kind, EmitKind::Tail(_)) {
            trailer::mark(&plan.ir, &emit.args, &mut self.values);
        }
        let generation = decode::generation(record.payload);
        match &emit.kind {
            EmitKind::Tail(tail) => self.finish_clause(&plan, *tail, record)?,
            EmitKind::Clear(map) => self.maps.clear(*map, generation)?,
            EmitKind::Zero(map) => self.maps.zero(*map, generation)?,
            EmitKind::Exit => self.exit(),
            _ => self.print(emit, record, generation)?,
        }
        Ok(self.out.record_done()?)
    }

    /// Runs the rest of a clause, and does what comes of it.
    fn finish_clause(&mut self, plan: &Plan, tail: TailId, record: Record<'_>) -> Result<(), Stop> {
        let Some(tails) = &mut self.tails else {
            return Ok(());
        };
        let values = std::mem::take(&mut self.values);
        for effect in tails.run(tail, values, &self.names) {
            match effect {
                Effect::Emit { id, args } => {
                    self.values = args;
                    self.print(&plan.ir.emits[id.0 as usize], record, 0)?;
                }
                Effect::Exit(code) => self.tell(Told::Exit(code as u8)),
                // The map is here, and is empty already. The others are the kernel's: the plan leaves none to a tail.
                Effect::Clear(_) | Effect::Zero(_) | Effect::Signal(_) | Effect::Override(_) => {}
            }
        }
        Ok(())
    }

    fn print(&mut self, emit: &Emit, record: Record<'_>, generation: u64) -> Result<(), Stop> {
        let origin = Origin::from(&record.header);
        let (out, names, values) = (&mut self.out, &self.names, &self.values);
        match &emit.kind {
            EmitKind::Printf(format) => {
                self.printer.printf(out, names, &origin, format, values)?;
            }
            EmitKind::PrintValue => {
                if let (Some(ty), Some(value)) = (emit.args.first(), values.first()) {
                    self.printer.value(out, names, &origin, ty, value)?;
                }
            }
            EmitKind::Call => {
                self.printer.call(out, names, &origin, &emit.args, values)?;
            }
            EmitKind::PrintMap {
                map,
                top,
                div,
                order,
                view,
            } => {
                let table = match self.tails.as_mut().and_then(|tails| tails.table(*map)) {
                    Some(table) => table,
                    None => self.maps.at(*map, generation)?,
                };
                let table = match view {
                    View::Whole => table,
                    View::Quantile(millionths) => table.quantiles(*millionths),
                };
                let order = match order {
                    Order::Usual => self.plan.ir.user.sort,
                    order => *order,
                };
                let table = sorted(table, order);
                self.printer.map(out, names, &table, *top, *div)?;
            }
            EmitKind::Time(format) => {
                let text = clock::local_time(format, clock::wall_ns(record.header.time_ns));
                self.printer.time(out, &origin, &text.unwrap_or_default())?;
            }
            EmitKind::System(format) => {
                let command = self.formatted(format);
                // What was printed before it comes before what it prints.
                self.out.flush()?;
                let said = act::shell(&command);
                self.printer
                    .output(&mut self.out, &origin, Kind::System, &said)?;
            }
            EmitKind::Cat(format) => {
                let path = self.formatted(format);
                match act::read(&path, self.plan.ir.user.max_cat_bytes) {
                    Ok(said) => self
                        .printer
                        .output(&mut self.out, &origin, Kind::Cat, &said)?,
                    Err(why) => self.message(emit.span, true, &why),
                }
            }
            EmitKind::Join(between) => {
                let mut said = act::joined(values, between);
                said.push(b'\n');
                self.printer.output(out, &origin, Kind::Join, &said)?;
            }
            EmitKind::Message { error, format } => {
                let text = self.formatted(format);
                self.message(emit.span, *error, &String::from_utf8_lossy(&text));
            }
            EmitKind::Clear(_) | EmitKind::Zero(_) | EmitKind::Exit | EmitKind::Tail(_) => {}
        }
        Ok(())
    }

    /// What a format makes of the record's values.
    fn formatted(&self, format: &Format) -> Vec<u8> {
        let mut text = Vec::new();
        printf::write(&mut text, &self.names, format, &self.values, Bytes::Raw);
        text
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

    /// The script's `exit(code)`: a status has one byte.
    fn exit(&mut self) {
        let code = self.values.first().map_or(0, Value::bits);
        self.tell(Told::Exit(code as u8));
    }

    fn tell(&self, told: Told) {
        // The run may be over already.
        let _ = self.told.send(told);
    }
}

/// The rows as they are printed; tables come sorted by value.
fn sorted(table: Table, order: Order) -> Table {
    match order {
        Order::Usual | Order::Value => table,
        Order::Key => table.by_key(),
    }
}

/// Why nothing is printed any more.
enum Stop {
    Closed,
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
