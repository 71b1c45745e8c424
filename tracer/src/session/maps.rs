//! Script maps as user space sees them: read, merged, cleared and zeroed in the stream's order.
//!
//! In: records of `print`, `clear` and `zero`. Out: [`Table`]s. A print reads the generation that it names: when the kernel
//! has moved on, that one is frozen, and is read only when nobody writes to it any more. So every event is in exactly one
//! of the prints between clears.

use super::{Error, trailer};
use crate::agg::{self, Table};
use crate::ir::MapId;
use crate::load::{Loaded, RawTable};
use crate::plan::Plan;
use crate::stream::generation::{Generations, slot};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracer_ebpf::GENERATIONS;

/// The maps of a run.
pub struct Maps {
    plan: Arc<Plan>,
    loaded: Arc<Mutex<Loaded>>,
    generations: Generations,
    /// By map: keys that `zero` kept; they print as zero when the current generation lacks them.
    zeroed: Vec<BTreeSet<Vec<u8>>>,
}

impl Maps {
    /// Of a run that has just been loaded.
    pub fn new(plan: Arc<Plan>, loaded: Arc<Mutex<Loaded>>) -> Maps {
        let count = plan.session_maps.len();
        Maps {
            plan,
            loaded,
            generations: Generations::new(count),
            zeroed: vec![BTreeSet::new(); count],
        }
    }

    /// Processes that `tree` is true for.
    pub fn tree(&self) -> Result<Vec<u32>, Error> {
        Ok(self.loaded().tree()?)
    }

    /// What a print of this generation shows.
    pub fn at(&self, map: MapId, generation: u64) -> Result<Table, Error> {
        let Some(slot) = self.generations.print(map, generation) else {
            return self.table(map, &RawTable::default(), &BTreeSet::new());
        };
        let loaded = self.loaded();
        if self.is_cleared(map) && loaded.generation(map)? > generation {
            loaded.settle()?;
        }
        let raw = loaded.read_map(map, slot)?;
        drop(loaded);
        self.table(map, &raw, &self.zeroed[map.0 as usize])
    }

    /// What is left at the end.
    pub fn last(&self, map: MapId) -> Result<Table, Error> {
        let generation = match self.is_cleared(map) {
            true => self.loaded().generation(map)?,
            false => 0,
        };
        self.at(map, generation)
    }

    /// The map was cleared: it is in `generation` now.
    pub fn clear(&mut self, map: MapId, generation: u64) -> Result<(), Error> {
        if self.switch(map, generation)?.is_some() {
            self.zeroed[map.0 as usize].clear();
        }
        Ok(())
    }

    /// The map was zeroed: it is in `generation` now, and keeps its keys.
    pub fn zero(&mut self, map: MapId, generation: u64) -> Result<(), Error> {
        if let Some(frozen) = self.switch(map, generation)? {
            let loaded = self.loaded();
            loaded.settle()?;
            let raw = loaded.read_map(map, frozen)?;
            drop(loaded);
            let keys = raw.entries().map(|(key, _)| key.to_vec());
            self.zeroed[map.0 as usize].extend(keys);
        }
        Ok(())
    }

    /// Takes a switch into account and offers emptied maps to the kernel; the slot that was frozen.
    fn switch(&mut self, map: MapId, generation: u64) -> Result<Option<u32>, Error> {
        let Some(switch) = self.generations.switch(map, generation) else {
            return Ok(None);
        };
        let mut loaded = lock(&self.loaded);
        for old in switch.recycle.0..switch.recycle.1 {
            loaded.recycle(map, slot(old), old + u64::from(GENERATIONS))?;
        }
        Ok(Some(switch.frozen))
    }

    fn table(
        &self,
        map: MapId,
        raw: &RawTable,
        zeroed: &BTreeSet<Vec<u8>>,
    ) -> Result<Table, Error> {
        let index = map.0 as usize;
        let mut missing = zeroed.clone();
        let mut entries: Vec<(&[u8], Vec<&[u8]>)> = Vec::with_capacity(raw.len());
        for (key, values) in raw.entries() {
            missing.remove(key);
            entries.push((key, values.collect()));
        }
        let zero = vec![0; self.plan.session_maps[index].value_size as usize];
        entries.extend(missing.iter().map(|key| (key.as_slice(), vec![&zero[..]])));
        let merged = agg::merge(&self.plan.ir.maps[index], entries);
        let mut table = merged.map_err(|error| {
            Error::Bug(format!("map @{}: {error}", self.plan.ir.maps[index].name))
        })?;
        trailer::mark_table(&self.plan.ir, &mut table);
        Ok(table)
    }

    fn is_cleared(&self, map: MapId) -> bool {
        self.plan.session_maps[map.0 as usize].cleared
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        lock(&self.loaded)
    }
}

/// The programs and maps, for one thread at a time. A panic while they were held ends the process anyway.
pub fn lock(loaded: &Mutex<Loaded>) -> MutexGuard<'_, Loaded> {
    loaded.lock().unwrap_or_else(PoisonError::into_inner)
}
