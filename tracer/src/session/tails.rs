//! Tails of clauses: what the kernel leaves to user space, run by the interpreter, one record after the other.
//!
//! In: records that carry a tail's first values. Out: effects, and the maps that are kept here. Never reads the memory of
//! a process: what a tail needs of its event, the record carries.

use super::trailer;
use crate::agg::Table;
use crate::interp::{Effect, Event, Machine, MapState};
use crate::ir::{Builtin, ClauseId, MapId, Probe, SiteId, TailId};
use crate::plan::UserHalf;
use crate::print::{self, value};
use crate::types::{Space, Stack, Type, Value};
use std::collections::VecDeque;

/// The tails of a run, and their maps.
pub struct Tails<'p> {
    half: &'p UserHalf,
    machine: Machine<'p>,
    /// What was in the maps that the tail in hand has printed, in order.
    printed: VecDeque<(MapId, MapState)>,
    /// A tail called `exit`: only `END` runs after it.
    over: bool,
}

/// What went wrong, counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mishaps {
    /// Runtime errors by [`SiteId`].
    pub sites: Vec<u64>,
    /// Updates that were dropped: the map was full.
    pub map_full: u64,
}

impl<'p> Tails<'p> {
    /// With empty maps.
    pub fn new(half: &'p UserHalf) -> Tails<'p> {
        Tails {
            half,
            machine: Machine::new(&half.program),
            printed: VecDeque::new(),
            over: false,
        }
    }

    /// Runs a tail; `values` are its parameters. Nothing happens when the run is over.
    pub fn run(
        &mut self,
        tail: TailId,
        values: Vec<Value>,
        names: &dyn print::Names,
    ) -> Vec<Effect> {
        let at = tail.0 as usize;
        let is_end = self.half.program.clauses[at].probes.contains(&Probe::End);
        if self.over && !is_end {
            return Vec::new();
        }
        let params = self.half.params[at].iter().copied();
        let vars = params.zip(values);
        let outcome = self.machine.resume(ClauseId(tail.0), vars, &Taken(names));
        self.over |= outcome.exit_code().is_some();
        self.printed = outcome.printed.into();
        outcome.effects
    }

    /// A map that is kept here: as it was when the tail that has just run printed it, else as it is.
    pub fn table(&mut self, map: MapId) -> Option<Table> {
        let declared = &self.half.program.maps[map.0 as usize];
        let printed = self.printed.pop_front_if(|(first, _)| *first == map);
        let state = match &printed {
            Some((_, then)) => then,
            None => self.machine.map(map),
        };
        if !self.half.owns(map) {
            return None;
        }
        let mut table = Table::new(declared, state.cells().clone());
        trailer::mark_table(&self.half.program, &mut table);
        Some(table)
    }

    /// What went wrong so far.
    pub fn mishaps(&self) -> Mishaps {
        let sites = 0..self.half.program.sites.len() as u32;
        Mishaps {
            sites: sites.map(|at| self.machine.errors_at(SiteId(at))).collect(),
            map_full: self.machine.map_full(),
        }
    }
}

/// The event of a tail: all that it needs was taken in the kernel, but for names.
struct Taken<'n>(&'n dyn print::Names);

/// The plan lets a tail ask for nothing else.
const TAKEN: &str = "a tail takes what it needs of its event in the kernel";

impl Event for Taken<'_> {
    fn word(&self, builtin: Builtin) -> u64 {
        unreachable!("{TAKEN}, not {builtin}")
    }

    fn comm(&self) -> Vec<u8> {
        unreachable!("{TAKEN}")
    }

    fn call(&self) -> Vec<u8> {
        unreachable!("{TAKEN}")
    }

    fn stack(&self, _stack: Stack) -> Vec<u64> {
        unreachable!("{TAKEN}")
    }

    fn record_addr(&self) -> u64 {
        unreachable!("{TAKEN}")
    }

    fn read(&self, _space: Space, _addr: u64, _buf: &mut [u8]) -> bool {
        unreachable!("{TAKEN}")
    }

    fn is_late(&self, _space: Space, _addr: u64) -> bool {
        unreachable!("{TAKEN}")
    }

    fn text(&self, ty: &Type, raw: &Value) -> Vec<u8> {
        let mut text = Vec::new();
        value::write(&mut text, self.0, Some(ty), raw, value::Bytes::Raw);
        text
    }
}
