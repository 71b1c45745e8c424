//! The reference meaning of the language: a typed clause and an event give effects and changed maps.
//!
//! In: [`ir::Program`], and one [`Event`] a firing. Out: [`Outcome`], and the machine's maps, also in the bytes
//! that the kernel keeps. Never asks the machine it runs on for anything: what an event does not say is
//! not known. Generated code is held to what this room does; where they differ, the IR's documentation
//! decides who is wrong.

mod alike;
mod eval;
mod event;
mod exec;
mod maps;
mod recorded;
#[cfg(test)]
mod tests;

pub use alike::adds_up;
pub use event::{Event, read_str_by_bytes};
pub use maps::MapState;
pub use recorded::{ParseError, Recorded, Region};

use crate::ir::{self, ClauseId, EmitId, MapId, SiteId};
use crate::types::Value;

/// Runs the clauses of one program.
pub struct Machine<'p> {
    program: &'p ir::Program,
    maps: Vec<MapState>,
    sites: Vec<u64>,
    map_full: u64,
    /// How many firings the one in hand stands for.
    times: u64,
    /// Maps as they were when the firing in hand printed them.
    printed: Vec<(MapId, MapState)>,
}

/// What one firing of one clause did, besides changing maps.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// The predicate held.
    pub ran: bool,
    /// In order.
    pub effects: Vec<Effect>,
    /// For each effect that prints a map, in order: the map, and what was in it then.
    pub printed: Vec<(MapId, MapState)>,
}

/// Something that is visible outside of the maps.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// A record.
    Emit {
        /// Which statement's.
        id: EmitId,
        /// Its arguments; [`Value::Absent`] where the value was absent.
        args: Vec<Value>,
    },
    /// The map was emptied.
    Clear(MapId),
    /// Every value of the map became 0.
    Zero(MapId),
    /// A signal to the current process.
    Signal(i64),
    /// The probed function returns this instead of running.
    Override(u64),
    /// The run ends, with this code. No further clause of the firing runs.
    Exit(i64),
}

impl Outcome {
    /// The code, when the run is to end.
    pub fn exit_code(&self) -> Option<i64> {
        self.effects.iter().find_map(|e| match e {
            Effect::Exit(code) => Some(*code),
            _ => None,
        })
    }
}

impl<'p> Machine<'p> {
    /// A machine with empty maps.
    pub fn new(program: &'p ir::Program) -> Machine<'p> {
        let new_map = |map| MapState::new(map, map.entries(program));
        Machine {
            program,
            maps: program.maps.iter().map(new_map).collect(),
            sites: vec![0; program.sites.len()],
            map_full: 0,
            times: 1,
            printed: Vec::new(),
        }
    }

    /// Runs one clause on an event.
    ///
    /// # Panics
    /// When the program breaks a rule that `ir::verify` checks.
    pub fn fire(&mut self, clause: ClauseId, event: &dyn Event) -> Outcome {
        exec::fire(self, &self.program.clauses[clause.0 as usize], event)
    }

    /// Runs one clause that [`adds_up`] as if it was fired so many times, on events that all give the answers of this one.
    ///
    /// # Panics
    /// As [`Machine::fire`].
    pub fn fire_times(&mut self, clause: ClauseId, event: &dyn Event, times: u64) {
        self.times = times;
        self.fire(clause, event);
        self.times = 1;
    }

    /// Runs one clause whose variables have values already: those named here; the others are 0 or empty.
    ///
    /// # Panics
    /// As [`Machine::fire`].
    pub fn resume(
        &mut self,
        clause: ClauseId,
        vars: impl IntoIterator<Item = (ir::VarId, Value)>,
        event: &dyn Event,
    ) -> Outcome {
        exec::resume(self, &self.program.clauses[clause.0 as usize], vars, event)
    }

    /// The contents of a map.
    pub fn map(&self, map: MapId) -> &MapState {
        &self.maps[map.0 as usize]
    }

    /// Runtime errors counted at a site so far.
    pub fn errors_at(&self, site: SiteId) -> u64 {
        self.sites[site.0 as usize]
    }

    /// Updates that were dropped because a map was full.
    pub fn map_full(&self) -> u64 {
        self.map_full
    }

    /// Keeps the contents of a map that a record prints: the firing may go on and change it.
    fn keep_printed(&mut self, id: EmitId) {
        if let ir::EmitKind::PrintMap { map, .. } = self.program.emits[id.0 as usize].kind {
            self.printed.push((map, self.map(map).clone()));
        }
    }

    /// Counts an update that found the map full.
    fn drop_if(&mut self, full: bool) {
        if full {
            self.map_full += self.times;
        }
    }

    fn count(&mut self, site: SiteId) {
        self.sites[site.0 as usize] += self.times;
    }
}
