//! Rows that hold the same in some columns.
//!
//! In: a batch, and which columns count. Out: digests of rows, column by column, and whether two rows are alike in fact. Never takes
//! equal digests for likeness.

use super::batch::{Batch, Words};
use super::layout::{Columns, column};
use std::ops::Range;

/// Compares rows by some columns: numbers, words and names, not memory or stacks.
#[derive(Debug)]
pub struct Likeness {
    places: Vec<usize>,
}

impl Likeness {
    /// By these columns.
    ///
    /// # Panics
    /// When memory or stacks are among them.
    pub fn by(columns: Columns) -> Likeness {
        let places = columns.places();
        assert!(
            places.iter().all(|&place| place < column::IMAGE),
            "rows are not compared by memory"
        );
        Likeness { places }
    }

    /// Mixes what the columns hold in these rows into a digest of each.
    ///
    /// # Panics
    /// When there are not as many digests as rows.
    pub fn mix(&self, batch: &Batch, rows: Range<usize>, digests: &mut [u64]) {
        assert_eq!(rows.len(), digests.len(), "a digest for each row");
        for &place in &self.places {
            match place {
                column::KIND => numbers(&batch.kind, &rows, digests),
                column::TIME => numbers(&batch.time, &rows, digests),
                column::CPU => numbers(&batch.cpu, &rows, digests),
                column::PID => numbers(&batch.pid, &rows, digests),
                column::TID => numbers(&batch.tid, &rows, digests),
                column::UID => numbers(&batch.uid, &rows, digests),
                column::GID => numbers(&batch.gid, &rows, digests),
                column::CGROUP => numbers(&batch.cgroup, &rows, digests),
                column::COMM => names(batch, &rows, digests),
                column::CALL => words(&batch.call, &rows, digests),
                column::TOOK => words(&batch.took, &rows, digests),
                column::RET => words(&batch.ret, &rows, digests),
                arg => words(&batch.args[arg - column::ARG0], &rows, digests),
            }
        }
    }

    /// Whether the columns hold the same in two rows.
    #[inline]
    pub fn holds(&self, batch: &Batch, a: usize, b: usize) -> bool {
        self.places.iter().all(|&place| match place {
            column::KIND => batch.kind(a) == batch.kind(b),
            column::TIME => batch.time_ns(a) == batch.time_ns(b),
            column::CPU => batch.cpu(a) == batch.cpu(b),
            column::PID => batch.pid(a) == batch.pid(b),
            column::TID => batch.tid(a) == batch.tid(b),
            column::UID => batch.uid(a) == batch.uid(b),
            column::GID => batch.gid(a) == batch.gid(b),
            column::CGROUP => batch.cgroup(a) == batch.cgroup(b),
            column::COMM => batch.comm(a) == batch.comm(b),
            column::CALL => batch.call(a) == batch.call(b),
            column::TOOK => batch.took.at(a) == batch.took.at(b),
            column::RET => batch.ret(a) == batch.ret(b),
            arg => {
                let words = &batch.args[arg - column::ARG0];
                words.at(a) == words.at(b)
            }
        })
    }
}

/// A digest with one word more.
#[inline]
pub fn mixed(digest: u64, word: u64) -> u64 {
    // As rustc's own hash: an odd number with bits everywhere.
    (digest.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// A column that was not read is 0 everywhere, and tells no row from another.
fn numbers<T: Copy + Into<u64>>(values: &[T], rows: &Range<usize>, digests: &mut [u64]) {
    let values = values.get(rows.clone()).unwrap_or_default();
    for (digest, &value) in digests.iter_mut().zip(values) {
        *digest = mixed(*digest, value.into());
    }
}

fn words(words: &Words, rows: &Range<usize>, digests: &mut [u64]) {
    for (digest, word) in digests.iter_mut().zip(words.range(rows.clone())) {
        *digest = mixed(*digest, word);
    }
}

fn names(batch: &Batch, rows: &Range<usize>, digests: &mut [u64]) {
    for (digest, row) in digests.iter_mut().zip(rows.clone()) {
        let name = u128::from_ne_bytes(batch.comm(row));
        *digest = mixed(mixed(*digest, name as u64), (name >> 64) as u64);
    }
}
