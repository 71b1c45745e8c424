//! A batch of a file: columns again, and rows out of them.
//!
//! In: an Arrow batch of the layout, or of some of its columns. Out: words and bytes by row. A column that nobody asked for is 0 or
//! empty everywhere. Never decompresses what is not asked for, never allocates per row.

use super::columns::NOT_SEEN;
use super::layout::{Columns, column};
use super::row::{Kind, Row};
use arrow_array::types::{ArrowPrimitiveType, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, BinaryArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StructArray,
};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use std::ops::Range;

/// Words in three columns.
#[derive(Debug, Default)]
pub(super) struct Words {
    low: ScalarBuffer<u16>,
    middle: ScalarBuffer<u16>,
    high: ScalarBuffer<u32>,
}

impl Words {
    fn of(array: &dyn Array) -> Option<Words> {
        let array = array.as_any().downcast_ref::<StructArray>()?;
        Some(Words {
            low: numbers::<UInt16Type>(array.column(0))?,
            middle: numbers::<UInt16Type>(array.column(1))?,
            high: numbers::<UInt32Type>(array.column(2))?,
        })
    }

    #[inline]
    pub(super) fn at(&self, row: usize) -> u64 {
        let low = self.low.get(row).copied().unwrap_or(0);
        let middle = self.middle.get(row).copied().unwrap_or(0);
        let high = self.high.get(row).copied().unwrap_or(0);
        joined(low, middle, high)
    }

    /// Those of some rows; none when the column was not read.
    pub(super) fn range(&self, rows: Range<usize>) -> impl Iterator<Item = u64> {
        let low = self.low.get(rows.clone()).unwrap_or_default();
        let middle = self.middle.get(rows.clone()).unwrap_or_default();
        let high = self.high.get(rows).unwrap_or_default();
        let parts = low.iter().zip(middle).zip(high);
        parts.map(|((&low, &middle), &high)| joined(low, middle, high))
    }
}

#[inline]
fn joined(low: u16, middle: u16, high: u32) -> u64 {
    u64::from(low) | u64::from(middle) << 16 | u64::from(high) << 32
}

/// Byte strings, one behind the other.
#[derive(Debug)]
struct Blobs {
    ends: OffsetBuffer<i32>,
    bytes: Buffer,
}

impl Default for Blobs {
    fn default() -> Blobs {
        Blobs {
            ends: OffsetBuffer::new_empty(),
            bytes: Buffer::default(),
        }
    }
}

impl Blobs {
    fn of(array: &dyn Array) -> Option<Blobs> {
        let array = array.as_any().downcast_ref::<BinaryArray>()?;
        Some(Blobs {
            ends: array.offsets().clone(),
            bytes: array.values().clone(),
        })
    }

    fn at(&self, row: usize) -> &[u8] {
        let (Some(&start), Some(&end)) = (self.ends.get(row), self.ends.get(row + 1)) else {
            return &[];
        };
        let range = start as usize..end as usize;
        self.bytes.as_slice().get(range).unwrap_or_default()
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<ScalarBuffer<T::Native>> {
    let array = array.as_any().downcast_ref::<PrimitiveArray<T>>()?;
    Some(array.values().clone())
}

/// The columns of a batch.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) kind: ScalarBuffer<u8>,
    pub(super) call: Words,
    /// Times, added up.
    pub(super) time: Vec<u64>,
    pub(super) took: Words,
    pub(super) cpu: ScalarBuffer<u16>,
    pub(super) pid: ScalarBuffer<u32>,
    pub(super) tid: ScalarBuffer<u32>,
    pub(super) uid: ScalarBuffer<u32>,
    pub(super) gid: ScalarBuffer<u32>,
    pub(super) cgroup: ScalarBuffer<u64>,
    comm: Buffer,
    pub(super) ret: Words,
    pub(super) args: [Words; 6],
    image: Blobs,
    stack: Blobs,
    /// All columns, when not all are wanted and rows among them tell of the recording itself.
    pub(super) whole: Option<Box<Batch>>,
    /// Of which file, among several.
    pub host: u16,
}

impl Batch {
    /// From an Arrow batch that has just these columns; `None` when it is not of the layout.
    pub(super) fn of(batch: &RecordBatch, columns: Columns) -> Option<Batch> {
        let mut out = Batch::default();
        for (at, place) in columns.places().into_iter().enumerate() {
            out.fill(place, batch.columns().get(at)?)?;
        }
        Some(out)
    }

    fn fill(&mut self, place: usize, array: &dyn Array) -> Option<()> {
        match place {
            column::KIND => self.kind = numbers::<UInt8Type>(array)?,
            column::CALL => self.call = Words::of(array)?,
            column::TIME => self.time = sums(&Words::of(array)?),
            column::TOOK => self.took = Words::of(array)?,
            column::CPU => self.cpu = numbers::<UInt16Type>(array)?,
            column::PID => self.pid = numbers::<UInt32Type>(array)?,
            column::TID => self.tid = numbers::<UInt32Type>(array)?,
            column::UID => self.uid = numbers::<UInt32Type>(array)?,
            column::GID => self.gid = numbers::<UInt32Type>(array)?,
            column::CGROUP => self.cgroup = numbers::<UInt64Type>(array)?,
            column::COMM => {
                let array = array.as_any().downcast_ref::<FixedSizeBinaryArray>()?;
                self.comm = array.values().clone();
            }
            column::RET => self.ret = Words::of(array)?,
            column::IMAGE => self.image = Blobs::of(array)?,
            column::STACK => self.stack = Blobs::of(array)?,
            arg => *self.args.get_mut(arg.checked_sub(column::ARG0)?)? = Words::of(array)?,
        }
        Some(())
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.kind.len()
    }

    /// The number of the row's kind ([`Kind::wire`]).
    #[inline]
    pub fn kind(&self, row: usize) -> u8 {
        self.kind[row]
    }

    /// The same of some rows.
    pub fn kinds(&self, rows: Range<usize>) -> &[u8] {
        &self.kind[rows]
    }

    /// ABI in bits 32.., number below.
    #[inline]
    pub fn call(&self, row: usize) -> u64 {
        self.call.at(row)
    }

    /// The same of some rows.
    pub fn calls(&self, rows: Range<usize>) -> impl Iterator<Item = u64> {
        self.call.range(rows)
    }

    /// See [`Row::time_ns`].
    pub fn time_ns(&self, row: usize) -> u64 {
        self.time.get(row).copied().unwrap_or(0)
    }

    /// See [`Row::entry_ns`].
    pub fn entry_ns(&self, row: usize) -> u64 {
        match self.took.at(row) {
            NOT_SEEN => 0,
            took => self.time_ns(row).wrapping_sub(took),
        }
    }

    /// Nanoseconds that the call took; `None` when its beginning was not seen.
    pub fn took_ns(&self, row: usize) -> Option<u64> {
        Some(self.took.at(row)).filter(|&took| took != NOT_SEEN)
    }

    /// See [`Row::cpu`].
    pub fn cpu(&self, row: usize) -> u32 {
        self.cpu.get(row).copied().unwrap_or(0).into()
    }

    /// See [`Row::pid`].
    pub fn pid(&self, row: usize) -> u32 {
        self.pid.get(row).copied().unwrap_or(0)
    }

    /// See [`Row::tid`].
    pub fn tid(&self, row: usize) -> u32 {
        self.tid.get(row).copied().unwrap_or(0)
    }

    /// See [`Row::uid`].
    pub fn uid(&self, row: usize) -> u32 {
        self.uid.get(row).copied().unwrap_or(0)
    }

    /// See [`Row::gid`].
    pub fn gid(&self, row: usize) -> u32 {
        self.gid.get(row).copied().unwrap_or(0)
    }

    /// See [`Row::cgroup`].
    pub fn cgroup(&self, row: usize) -> u64 {
        self.cgroup.get(row).copied().unwrap_or(0)
    }

    /// See [`Row::comm`].
    pub fn comm(&self, row: usize) -> [u8; 16] {
        let bytes = self.comm.as_slice().get(16 * row..16 * row + 16);
        bytes.and_then(|b| b.try_into().ok()).unwrap_or_default()
    }

    /// See [`Row::ret`].
    pub fn ret(&self, row: usize) -> i64 {
        self.ret.at(row) as i64
    }

    /// An argument register, from 0.
    pub fn arg(&self, row: usize, n: u8) -> u64 {
        self.args.get(usize::from(n)).map_or(0, |arg| arg.at(row))
    }

    /// See [`Row::image`].
    pub fn image(&self, row: usize) -> &[u8] {
        self.image.at(row)
    }

    /// See [`Row::stack`].
    pub fn stack(&self, row: usize) -> &[u8] {
        self.stack.at(row)
    }

    /// A row; `None` when a later version knows its kind.
    pub fn row(&self, row: usize) -> Option<Row<'_>> {
        Some(Row {
            kind: Kind::from_wire(self.kind(row))?,
            host: self.host,
            time_ns: self.time_ns(row),
            entry_ns: self.entry_ns(row),
            cpu: self.cpu(row),
            pid: self.pid(row),
            tid: self.tid(row),
            uid: self.uid(row),
            gid: self.gid(row),
            cgroup: self.cgroup(row),
            comm: self.comm(row),
            call: self.call(row),
            ret: self.ret(row),
            args: std::array::from_fn(|n| self.args[n].at(row)),
            image: self.image(row),
            stack: self.stack(row),
        })
    }

    /// A row that tells of the recording itself, whatever columns were asked for.
    pub fn note(&self, row: usize) -> Option<Row<'_>> {
        let note = self.whole.as_deref().unwrap_or(self).row(row)?;
        Some(Row {
            host: self.host,
            ..note
        })
    }

    /// Whether some row tells of the recording itself.
    pub(super) fn has_notes(&self) -> bool {
        self.kind.iter().any(|&kind| kind >= Kind::Loss.wire())
    }

    /// All rows that this version knows.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows()).filter_map(|at| self.row(at))
    }
}

fn sums(words: &Words) -> Vec<u64> {
    let mut sum = 0u64;
    let add = |word| {
        sum = sum.wrapping_add(word);
        sum
    };
    words.range(0..words.low.len()).map(add).collect()
}
