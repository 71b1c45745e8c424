//! One record after the other, each to what it asks for.
//!
//! In: records in order, and the last words of the run. Out: printed results; maps cleared; what the run has to know. After
//! the first failure nothing is printed any more, and records are only counted. Never waits.

use super::maps::Maps;
use super::names::Names;
use super::pending::Pending;
use super::present::{Presenter, Shown, Stop, maps_by_name};
use super::reader::Told;
use super::recording::{self, Recording};
use super::tails::{Mishaps, Tails};
use super::{Error, report, trailer};
use crate::interp::Effect;
use crate::ir::{Emit, EmitKind, TailId};
use crate::plan::Plan;
use crate::print::{Loss, Origin, RuntimeError};
use crate::record::{Ending, Kind, Row};
use crate::stream::{Item, Record, decode};
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
    present: Presenter,
    names: Names,
    told: UnboundedSender<Told>,
    /// Losses stand in the output where they happened.
    tells_losses: bool,
    /// Calls that do not end, and the processes where they are looked for when the run has no tree.
    pending: Option<(Pending, Vec<u32>)>,
    /// Arguments of the record in hand; kept for its memory.
    values: Vec<Value>,
    /// Who takes rows.
    recording: Option<Recording>,
    scratch: recording::Scratch,
    failed: bool,
}

/// What is printed when nothing more comes.
#[derive(Debug, Default)]
pub struct LastWords {
    /// Losses that belong into the output.
    pub losses: Vec<Loss>,
    /// Runtime errors that belong into the output.
    pub errors: Vec<RuntimeError>,
    /// For recordings: losses by reason and CPU, and how the run ended.
    pub ending: Option<(Vec<Loss>, Ending)>,
}

impl<'p> Desk<'p> {
    /// Made in the thread that uses it: symbols stay there.
    pub fn new(
        plan: &'p Arc<Plan>,
        maps: Maps,
        present: Presenter,
        told: UnboundedSender<Told>,
        follower: Follower,
    ) -> Desk<'p> {
        Desk {
            names: Names::new(Arc::clone(plan), follower),
            tails: plan.user.as_ref().map(Tails::new),
            plan: Arc::clone(plan),
            maps,
            present,
            told,
            tells_losses: false,
            pending: None,
            values: Vec::new(),
            recording: None,
            scratch: recording::Scratch::default(),
            failed: false,
        }
    }

    /// Hands rows over, too.
    #[must_use]
    pub fn with_recording(mut self, recording: Option<Recording>) -> Desk<'p> {
        self.recording = recording;
        self
    }

    /// Tracing is open.
    pub fn started(&mut self, time_ns: u64) {
        self.attempt(|desk| {
            let start = Row {
                time_ns,
                ..Row::new(Kind::Start)
            };
            let recording = desk.recording.as_mut();
            Ok(recording.map_or(Ok(()), |to| to.sink.row(&start))?)
        });
    }

    /// Says that all probes are attached.
    pub fn attached(&mut self, probes: usize) {
        self.attempt(|desk| {
            desk.present
                .printer
                .attached(&mut desk.present.out, probes)?;
            Ok(desk.present.out.record_done()?)
        });
    }

    /// Losses are told in the output, where they happened.
    #[must_use]
    pub fn telling_losses(self, tells_losses: bool) -> Desk<'p> {
        Desk {
            tells_losses,
            ..self
        }
    }

    /// Tells calls that do not end.
    #[must_use]
    pub fn telling_pending(self, pending: Option<(Pending, Vec<u32>)>) -> Desk<'p> {
        Desk { pending, ..self }
    }

    /// Handles one record, or tells that some are missing.
    pub fn handle(&mut self, item: Item<'_>) {
        match item {
            Item::Record(record) => self.attempt(|desk| desk.act(record)),
            Item::Gap(gap) if self.tells_losses => self.attempt(|desk| {
                let Presenter { printer, out, .. } = &mut desk.present;
                printer.lost(out, &report::gap(&gap))?;
                Ok(out.record_done()?)
            }),
            Item::Gap(_) => {}
        }
    }

    /// Whether losses are told in the output.
    pub fn tells_losses(&self) -> bool {
        self.tells_losses
    }

    /// Looks for calls that do not end, when it is time.
    pub fn look(&mut self, now: Instant) {
        let is_due = |(pending, _): &(Pending, _)| pending.is_due(now);
        if self.pending.as_ref().is_some_and(is_due) {
            self.attempt(|desk| desk.tell_pending(now, false));
        }
    }

    fn tell_pending(&mut self, now: Instant, last: bool) -> Result<(), Stop> {
        let Some((pending, roots)) = &mut self.pending else {
            return Ok(());
        };
        let tree = match self.plan.tree {
            true => self.maps.tree()?,
            false => roots.clone(),
        };
        let Presenter { printer, out, .. } = &mut self.present;
        for waiting in pending.look(&tree, now, last) {
            let origin = Origin {
                time_ns: clock::monotonic_ns(),
                cpu: u32::MAX,
                pid: waiting.pid,
                tid: waiting.tid,
                ..Origin::default()
            };
            let call = Value::Call(waiting.call());
            printer.begun(out, &origin, &call)?;
        }
        Ok(out.record_done()?)
    }

    /// Time has passed: writes what has waited long enough.
    pub fn tick(&mut self, now: Instant) {
        self.attempt(|desk| {
            let recording = desk.recording.as_mut();
            recording.map_or(Ok(()), |to| to.sink.tick(now))?;
            Ok(desk.present.out.tick(now)?)
        });
    }

    /// Writes what is waiting.
    pub fn flush(&mut self) {
        self.tick(Instant::now());
        self.attempt(|desk| Ok(desk.present.out.flush()?));
    }

    /// The end: what is left in the maps, by name, then losses and errors.
    pub fn last(&mut self, words: &LastWords) {
        self.attempt(|desk| {
            desk.tell_pending(Instant::now(), true)?;
            let program = &desk.plan.ir;
            let order = program.user.sort;
            let wanted = desk.present.wants_last(program);
            desk.present.end(program)?;
            for map in maps_by_name(program).into_iter().filter(|_| wanted) {
                let table = match desk.tails.as_mut().and_then(|tails| tails.table(map)) {
                    Some(table) => table,
                    None => desk.maps.last(map)?,
                };
                desk.present.last(table, order, program, &desk.names)?;
            }
            desk.present.printer.done(&mut desk.present.out)?;
            for loss in &words.losses {
                desk.present.printer.lost(&mut desk.present.out, loss)?;
            }
            for error in &words.errors {
                desk.present.printer.error(&mut desk.present.out, error)?;
            }
            desk.present.out.flush()?;
            Ok(desk.close_recording(words)?)
        });
    }

    /// The last rows: what was lost, and how it ended.
    fn close_recording(&mut self, words: &LastWords) -> io::Result<()> {
        let (Some(recording), Some((losses, ending))) = (&mut self.recording, &words.ending) else {
            return Ok(());
        };
        for loss in losses {
            let row = recording::loss(loss, ending.time_ns);
            recording.sink.row(&row)?;
        }
        recording.sink.end(ending)
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
        if let Some(to) = self.recording.as_mut().filter(|to| to.is_meant(emit)) {
            let row = recording::row(emit, &record.header, &self.values, &mut self.scratch);
            return Ok(row.map_or(Ok(()), |row| to.sink.row(&row))?);
        }
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
        Ok(self.present.out.record_done()?)
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
                    let emit = &plan.ir.emits[id.0 as usize];
                    trailer::mark(&plan.ir, &emit.args, &mut self.values);
                    self.print(emit, record, 0)?;
                }
                Effect::Exit(code) => self.tell(Told::Exit(code as u8)),
                // The map is here, and is empty already. The others are the kernel's: the plan leaves none to a tail.
                Effect::Clear(_) | Effect::Zero(_) | Effect::Signal(_) | Effect::Override(_) => {}
            }
        }
        Ok(())
    }

    fn print(&mut self, emit: &Emit, record: Record<'_>, generation: u64) -> Result<(), Stop> {
        let shown = Shown {
            program: &self.plan.ir,
            emit,
            origin: Origin::from(&record.header),
            wall_ns: clock::wall_ns(record.header.time_ns),
            values: &self.values,
        };
        let (tails, maps) = (&mut self.tails, &self.maps);
        self.present.show(&shown, &self.names, |map| {
            match tails.as_mut().and_then(|tails| tails.table(map)) {
                Some(table) => Ok(table),
                None => maps.at(map, generation),
            }
        })
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
