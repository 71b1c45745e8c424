//! Rows to columns: the batch in hand.
//!
//! In: [`Row`]s. Out: an Arrow batch, when it is asked for. Times are kept as differences: to the row before, and from a call's end
//! back to its beginning.

use super::layout::schema;
use super::row::Row;
use arrow_array::types::{ArrowPrimitiveType, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{
    ArrayRef, BinaryArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StructArray,
};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Schema};
use std::collections::HashMap;
use std::sync::Arc;

/// In the place of a duration: the call's beginning was not seen.
pub(super) const NOT_SEEN: u64 = u64::MAX;

/// Words in three columns.
#[derive(Debug, Default)]
struct Words {
    low: Vec<u16>,
    middle: Vec<u16>,
    high: Vec<u32>,
}

impl Words {
    fn push(&mut self, word: u64) {
        self.low.push(word as u16);
        self.middle.push((word >> 16) as u16);
        self.high.push((word >> 32) as u32);
    }

    fn take(&mut self) -> ArrayRef {
        let schema = schema(HashMap::new());
        let DataType::Struct(fields) = schema.field(super::layout::column::CALL).data_type() else {
            unreachable!("the layout keeps words as structs");
        };
        let columns = vec![
            numbers::<UInt16Type>(&mut self.low),
            numbers::<UInt16Type>(&mut self.middle),
            numbers::<UInt32Type>(&mut self.high),
        ];
        Arc::new(StructArray::new(fields.clone(), columns, None))
    }
}

/// Byte strings, one behind the other.
#[derive(Debug)]
struct Blobs {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for Blobs {
    fn default() -> Blobs {
        Blobs {
            ends: vec![0],
            bytes: Vec::new(),
        }
    }
}

impl Blobs {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len() as i32);
    }

    fn take(&mut self) -> ArrayRef {
        let taken = std::mem::take(self);
        let ends = OffsetBuffer::new(ScalarBuffer::from(taken.ends));
        Arc::new(BinaryArray::new(ends, Buffer::from_vec(taken.bytes), None))
    }
}

fn numbers<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>) -> ArrayRef {
    let values = ScalarBuffer::from(std::mem::take(values));
    Arc::new(PrimitiveArray::<T>::new(values, None))
}

/// The columns of the batch in hand.
#[derive(Debug, Default)]
pub(super) struct Builder {
    kind: Vec<u8>,
    call: Words,
    time: Words,
    took: Words,
    cpu: Vec<u16>,
    pid: Vec<u32>,
    tid: Vec<u32>,
    uid: Vec<u32>,
    gid: Vec<u32>,
    cgroup: Vec<u64>,
    comm: Vec<u8>,
    ret: Words,
    args: [Words; 6],
    image: Blobs,
    stack: Blobs,
    /// Time of the row before; 0 at a batch's beginning.
    last_ns: u64,
}

impl Builder {
    pub fn push(&mut self, row: &Row<'_>) {
        self.kind.push(row.kind.wire());
        self.call.push(row.call);
        self.time.push(row.time_ns.wrapping_sub(self.last_ns));
        self.last_ns = row.time_ns;
        self.took.push(match row.entry_ns {
            0 => NOT_SEEN,
            entry => row.time_ns.wrapping_sub(entry),
        });
        self.cpu.push(row.cpu as u16);
        self.pid.push(row.pid);
        self.tid.push(row.tid);
        self.uid.push(row.uid);
        self.gid.push(row.gid);
        self.cgroup.push(row.cgroup);
        self.comm.extend_from_slice(&row.comm);
        self.ret.push(row.ret as u64);
        for (column, arg) in self.args.iter_mut().zip(row.args) {
            column.push(arg);
        }
        self.image.push(row.image);
        self.stack.push(row.stack);
    }

    pub fn rows(&self) -> usize {
        self.kind.len()
    }

    /// Bytes of memory and stacks, which have no bound by the number of rows.
    pub fn blob_bytes(&self) -> usize {
        self.image.bytes.len() + self.stack.bytes.len()
    }

    /// The batch, and an empty one in its place.
    pub fn take(&mut self, schema: &Arc<Schema>) -> Result<RecordBatch, ArrowError> {
        self.last_ns = 0;
        let comm = Buffer::from_vec(std::mem::take(&mut self.comm));
        let mut columns = vec![
            numbers::<UInt8Type>(&mut self.kind),
            self.call.take(),
            self.time.take(),
            self.took.take(),
            numbers::<UInt16Type>(&mut self.cpu),
            numbers::<UInt32Type>(&mut self.pid),
            numbers::<UInt32Type>(&mut self.tid),
            numbers::<UInt32Type>(&mut self.uid),
            numbers::<UInt32Type>(&mut self.gid),
            numbers::<UInt64Type>(&mut self.cgroup),
            Arc::new(FixedSizeBinaryArray::new(16, comm, None)),
            self.ret.take(),
        ];
        columns.extend(self.args.iter_mut().map(Words::take));
        columns.extend([self.image.take(), self.stack.take()]);
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}
