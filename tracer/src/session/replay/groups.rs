//! Rows that are alike, gathered.
//!
//! In: rows of one batch, each with the class of its call. Out: groups in the order of their first rows: that row, and how many are
//! like it. Never fires a clause; never takes rows for alike that differ in a column that counts.

use super::needs::Class;
use crate::record::{Batch, Likeness, mixed};
use std::ops::Range;

/// Rows that are looked at together.
pub(super) const CHUNK: usize = 1024;
/// Groups that are kept at most.
const MOST: usize = 4096;
/// Places of the table: at most a quarter of them is used.
const PLACES: usize = 4 * MOST;
/// Where gathering does not pay, so many chunks are left alone before it is tried again.
const REST: u32 = 64;

/// Some rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Group {
    digest: u64,
    /// The first of them.
    pub row: usize,
    /// The class of what they call.
    pub class: Class,
    /// What else they have in common.
    apart: u64,
    /// How many they are.
    pub times: u64,
}

/// The rows gathered so far.
#[derive(Debug)]
pub(super) struct Groups {
    likeness: Likeness,
    found: Vec<Group>,
    /// Numbers of groups from 1 on, by the high bits of their digests; 0: none.
    places: Vec<u16>,
    digests: Vec<u64>,
    /// Chunks that are still left alone.
    rest: u32,
}

impl Groups {
    /// Of rows that are alike when this says so.
    pub fn new(likeness: Likeness) -> Groups {
        Groups {
            likeness,
            found: Vec::new(),
            places: vec![0; PLACES],
            digests: vec![0; CHUNK],
            rest: 0,
        }
    }

    /// Whether there is room for a chunk of that many rows, and it is worth while.
    pub fn takes(&mut self, rows: usize) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        rows <= CHUNK && self.found.len() + rows <= MOST
    }

    /// Gathers rows. `told` has their classes and what else sets them apart beside the columns.
    ///
    /// # Panics
    /// When it does not take so many.
    pub fn gather(&mut self, batch: &Batch, rows: Range<usize>, told: &[(Class, u64)]) {
        let before = self.found.len();
        let digests = &mut self.digests[..rows.len()];
        for (digest, &(class, apart)) in digests.iter_mut().zip(told) {
            *digest = mixed(apart, class.number());
        }
        self.likeness.mix(batch, rows.clone(), digests);
        let mut gathered = 0;
        for (at, row) in rows.enumerate() {
            let (class, _) = told[at];
            if class != Class::NONE {
                gathered += 1;
                self.add(batch, row, told[at], self.digests[at]);
            }
        }
        if gathered >= CHUNK / 2 && 2 * (self.found.len() - before) > gathered {
            self.rest = REST;
        }
    }

    fn add(&mut self, batch: &Batch, row: usize, told: (Class, u64), digest: u64) {
        let mut place = (digest >> 32) as usize % PLACES;
        loop {
            let Some(known) = usize::from(self.places[place]).checked_sub(1) else {
                self.found.push(Group {
                    digest,
                    row,
                    class: told.0,
                    apart: told.1,
                    times: 1,
                });
                self.places[place] = self.found.len() as u16;
                return;
            };
            let group = &mut self.found[known];
            let same = group.digest == digest && (group.class, group.apart) == told;
            if same && self.likeness.holds(batch, group.row, row) {
                group.times += 1;
                return;
            }
            place = (place + 1) % PLACES;
        }
    }

    /// Hands all groups out: there are none then.
    pub fn take(&mut self) -> Vec<Group> {
        self.places.fill(0);
        std::mem::take(&mut self.found)
    }
}
