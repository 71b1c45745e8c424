//! What a run leaves to whoever started it, instead of printing it: verdicts, and its maps at the end.
//!
//! In: verdicts and tables, from the reading thread. Out: [`Collected`], when the run is over. A script that says something
//! for each event costs one entry for each of its statements.

use crate::agg::{Cell, Table};
use crate::ir::Verdict;
use crate::print::Names;
use crate::print::value::{self, Bytes};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a run has left.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Collected {
    /// By statement: the index of its [`Emit`](crate::ir::Emit).
    pub said: BTreeMap<u32, Said>,
    /// Maps by name, as they were at the end.
    pub maps: BTreeMap<String, Vec<Entry>>,
}

/// A verdict that one statement gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Which.
    pub verdict: Verdict,
    /// The reason, as it was given the first time; may be empty.
    pub reason: String,
    /// How often it was given.
    pub times: u64,
}

/// An entry of a map.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The components of its key, as they are printed.
    pub key: Vec<String>,
    /// Its value.
    pub cell: Cell,
}

/// Where a run puts it.
#[derive(Clone, Debug, Default)]
pub struct Collector(Arc<Mutex<Collected>>);

impl Collector {
    /// What has been collected, leaving nothing.
    pub fn take(&self) -> Collected {
        std::mem::take(&mut self.lock())
    }

    /// A statement gives a verdict.
    pub(super) fn said(&self, emit: u32, verdict: Verdict, reason: &[u8]) {
        let mut collected = self.lock();
        let said = collected.said.entry(emit).or_insert_with(|| Said {
            verdict,
            reason: String::from_utf8_lossy(reason).trim_end().to_owned(),
            times: 0,
        });
        said.times += 1;
    }

    /// A map at the end of the run.
    pub(super) fn table(&self, table: &Table, names: &dyn Names) {
        let text = |parts: &[crate::types::Value]| -> Vec<String> {
            let parts = parts.iter().zip(&table.key);
            let text = parts.map(|(part, ty)| {
                let mut text = Vec::new();
                value::write(&mut text, names, Some(ty), part, Bytes::Raw);
                String::from_utf8_lossy(&text).into_owned()
            });
            text.collect()
        };
        let rows = table.rows.iter().map(|row| Entry {
            key: text(&row.key),
            cell: row.cell.clone(),
        });
        let rows = rows.collect();
        self.lock().maps.insert(table.name.clone(), rows);
    }

    /// A panic while it was held ends the process anyway.
    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
