//! Rows of a batch, each to the clauses that want it.
//!
//! In: runs of rows. Out: clauses fired, in the order of the rows. Where clauses only add up, rows that are alike are fired together:
//! before anything else happens that could see the difference. Never reads a file.

use super::event::Recorded;
use super::groups::CHUNK;
use super::needs::Class;
use super::{Replay, Stop};
use crate::interp::{Event, Machine};
use crate::ir::{Builtin, ClauseId, Phase};
use crate::print::Origin;
use crate::record::{Batch, Kind};
use crate::types::SyscallProbe;
use crate::types::call::CallKind;
use std::cell::OnceCell;
use std::ops::Range;

/// Fewer rows than that are not worth it.
const FEW: usize = 64;
/// The first kind of row that tells of the recording itself, and the first that is no call.
const FIRST_NOTE: u8 = 32;
const FIRST_LIFECYCLE: u8 = 16;

impl<'p> Replay<'p> {
    /// Rows of one batch. `shift` is what is added to their clock to get the one that all files share.
    pub(super) fn rows(
        &mut self,
        batch: &Batch,
        rows: Range<usize>,
        shift: i64,
    ) -> Result<(), Stop> {
        let mut start = rows.start;
        while start < rows.end && self.exit.is_none() {
            let chunk = start..rows.end.min(start + CHUNK);
            start = chunk.end;
            if !self.gather(batch, chunk.clone(), shift) {
                self.fire_gathered(batch);
                self.one_by_one(batch, chunk, shift)?;
            }
        }
        self.fire_gathered(batch);
        Ok(())
    }

    fn one_by_one(&mut self, batch: &Batch, rows: Range<usize>, shift: i64) -> Result<(), Stop> {
        for row in rows {
            let kind = batch.kind(row);
            if kind >= FIRST_NOTE {
                self.note(batch, row, shift)?;
                continue;
            }
            if kind >= FIRST_LIFECYCLE {
                continue;
            }
            let class = self.needs.calls.class(batch.call(row));
            if class == Class::NONE && !self.ticks.any() {
                continue;
            }
            if self.needs.columns_has_time {
                self.now_ns = (batch.time_ns(row) as i64).wrapping_add(shift);
                self.tick()?;
            }
            for at in 0..self.needs.calls.wanted(class).len() {
                let (clause, phase) = self.needs.calls.wanted(class)[at];
                if fires(phase, kind, batch, row) {
                    self.fire_row(clause, phase, batch, row)?;
                }
                if self.exit.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Gathers rows that are only to be added up, so that those that are alike are fired together. False when they are to be fired one
    /// by one: because they do more, or something happens between them.
    fn gather(&mut self, batch: &Batch, rows: Range<usize>, shift: i64) -> bool {
        let Some(groups) = self.groups.as_mut().filter(|_| rows.len() >= FEW) else {
            return false;
        };
        let kinds = batch.kinds(rows.clone());
        let shared_ns = |row| (batch.time_ns(row) as i64).wrapping_add(shift);
        let has_notes = kinds.iter().any(|&kind| kind >= FIRST_NOTE);
        let has_ticks = self.ticks.any();
        let last = || rows.clone().map(shared_ns).max();
        let is_due = has_ticks && last().is_some_and(|last| self.ticks.is_due(last));
        if has_notes || is_due || !groups.takes(rows.len()) {
            return false;
        }
        let mut told = [(Class::NONE, 0); CHUNK];
        let mut time_of = None;
        for (at, call) in batch.calls(rows.clone()).enumerate() {
            if kinds[at] >= FIRST_LIFECYCLE {
                continue;
            }
            let (class, row) = (self.needs.calls.class(call), rows.start + at);
            told[at] = (class, moment(kinds[at], batch, row));
            if class != Class::NONE || has_ticks {
                time_of = Some(row);
            }
        }
        if let Some(row) = time_of.filter(|_| self.needs.columns_has_time) {
            self.now_ns = shared_ns(row);
        }
        groups.gather(batch, rows.clone(), &told[..rows.len()]);
        true
    }

    /// Fires what was gathered: each group at its first row, as often as it has rows.
    fn fire_gathered(&mut self, batch: &Batch) {
        let Some(groups) = &mut self.groups else {
            return;
        };
        let groups = groups.take();
        for group in groups {
            let kind = batch.kind(group.row);
            for at in 0..self.needs.calls.wanted(group.class).len() {
                let (clause, phase) = self.needs.calls.wanted(group.class)[at];
                if fires(phase, kind, batch, group.row) {
                    let (machine, event) = self.event(phase, batch, group.row);
                    machine.fire_times(clause, &event, group.times);
                }
            }
        }
    }

    /// The machine, and an event for it.
    fn event<'a>(
        &'a mut self,
        phase: Phase,
        batch: &'a Batch,
        row: usize,
    ) -> (&'a mut Machine<'p>, Recorded<'a, 'p>) {
        let host = usize::from(batch.host);
        let event = Recorded {
            batch,
            row,
            phase,
            header: &self.headers[host],
            start_ns: self.names.start_ns(host),
            names: &self.names,
            beyond: &self.beyond,
            image: OnceCell::new(),
        };
        (&mut self.machine, event)
    }

    fn fire_row(
        &mut self,
        clause: ClauseId,
        phase: Phase,
        batch: &Batch,
        row: usize,
    ) -> Result<(), Stop> {
        let (machine, event) = self.event(phase, batch, row);
        let outcome = machine.fire(clause, &event);
        if outcome.effects.is_empty() {
            return Ok(());
        }
        let time_ns = event.word(Builtin::Nsecs);
        let origin = Origin {
            time_ns,
            cpu: batch.cpu(row),
            pid: batch.pid(row),
            tid: batch.tid(row),
            probe: SyscallProbe::Whole.bits() | batch.call(row),
            emit: 0,
        };
        let wall_ns = event.header.wall_ns(time_ns);
        self.effects(outcome.effects, outcome.printed, origin, wall_ns)
    }

    /// A row about the recording itself.
    fn note(&mut self, batch: &Batch, row: usize, shift: i64) -> Result<(), Stop> {
        let Some(note) = batch.note(row) else {
            return Ok(());
        };
        match note.kind {
            Kind::Name => self.names.learn(&note),
            Kind::Start => {
                self.names.start(&note);
                self.ticks.start((note.time_ns as i64).wrapping_add(shift));
            }
            Kind::Loss => {
                let reason = String::from_utf8_lossy(note.image).into_owned();
                let cpu = (note.cpu != u32::from(u16::MAX)).then_some(note.cpu);
                *self.losses.entry((reason, cpu)).or_default() += note.ret as u64;
            }
            Kind::End => {
                self.now_ns = (note.time_ns as i64).wrapping_add(shift);
                self.tick()?;
            }
            Kind::Call(_) | Kind::Exit | Kind::Signal => {}
        }
        Ok(())
    }
}

/// What a row is to clauses beside its columns: its kind, and whether the call's beginning was seen.
fn moment(kind: u8, batch: &Batch, row: usize) -> u64 {
    u64::from(kind) | u64::from(batch.took_ns(row).is_some()) << 8
}

/// Whether a clause of that phase fires for a call of that kind.
fn fires(phase: Phase, kind: u8, batch: &Batch, row: usize) -> bool {
    let returned = kind == CallKind::Call as u8 || kind == CallKind::NoEntry as u8;
    match phase {
        Phase::Whole | Phase::Return => returned,
        Phase::Entry => !returned || batch.took_ns(row).is_some(),
    }
}
