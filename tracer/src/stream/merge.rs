//! Records of several rings into one order of time.
//!
//! In: records as bytes, in each ring's order, and the gaps between them. Out: the same, sorted by time stamp, up to a time the
//! caller gives.
//! Copies each record once into a buffer that is kept, so that the ring's space is free again at once and
//! no event allocates. Never waits, never reads a clock.

use super::{Gap, Item, Record};
use bytes::Buf;
use tracer_ebpf::RecordHeader;

/// How old a record must be before it is handed out: 5 ms. A record is committed within microseconds of its stamp
/// unless the CPU is taken away in between (an interrupt, a virtual machine's host).
pub const LATENESS_NS: u64 = 5_000_000;

/// Bytes of a record's front.
const HEADER: usize = size_of::<RecordHeader>();

/// Records waiting for their turn.
#[derive(Default)]
pub struct Merge {
    waiting: Batch,
    /// Empty between calls; takes what is held back, so that `waiting` can be cut off at its front.
    spare: Batch,
    handed_out_ns: u64,
    late: u64,
    /// Gaps that wait for their turn: few, and none as a rule.
    gaps: Vec<Gap>,
}

/// Records and their bytes.
#[derive(Default)]
struct Batch {
    slots: Vec<Slot>,
    bytes: Vec<u8>,
}

/// Where a record lies, and what orders it.
#[derive(Clone, Copy)]
struct Slot {
    time_ns: u64,
    ring: u32,
    at: usize,
    len: usize,
}

impl Batch {
    fn push(&mut self, time_ns: u64, ring: u32, record: &[u8]) {
        let (at, len) = (self.bytes.len(), record.len());
        self.bytes.extend_from_slice(record);
        self.slots.push(Slot {
            time_ns,
            ring,
            at,
            len,
        });
    }

    fn record(&self, slot: Slot) -> &[u8] {
        &self.bytes[slot.at..slot.at + slot.len]
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.bytes.clear();
    }
}

impl Merge {
    /// Takes a record in; its header, or `None` when it is too short to be one.
    pub fn push(&mut self, ring: usize, record: &[u8]) -> Option<RecordHeader> {
        let header = header(record)?;
        self.waiting.push(header.time_ns, ring as u32, record);
        Some(header)
    }

    /// Takes a gap in.
    pub fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// A record of this ring was not lost but overtaken: the last gap is smaller by one, when it has not been handed out.
    pub fn overtaken(&mut self, ring: usize) {
        let last = self.gaps.iter().rposition(|gap| gap.ring == ring);
        let Some(at) = last else { return };
        self.gaps[at].count -= 1;
        if self.gaps[at].count == 0 {
            self.gaps.remove(at);
        }
    }

    /// Hands out, in order of time, the records stamped at or before `due_ns`. Equal stamps keep the order of
    /// their rings, and within a ring the order they were read in. A gap comes before the record that it ends with.
    pub fn hand_out(&mut self, due_ns: u64, each: &mut dyn FnMut(Item<'_>)) {
        self.waiting
            .slots
            .sort_unstable_by_key(|slot| (slot.time_ns, slot.ring, slot.at));
        let due = self
            .waiting
            .slots
            .partition_point(|slot| slot.time_ns <= due_ns);
        self.gaps.sort_by_key(|gap| gap.before_ns);
        let mut gaps = self.gaps.iter().peekable();
        for &slot in &self.waiting.slots[..due] {
            while let Some(gap) = gaps.next_if(|gap| gap.before_ns <= slot.time_ns) {
                each(Item::Gap(*gap));
            }
            if slot.time_ns < self.handed_out_ns {
                self.late += 1;
            }
            self.handed_out_ns = self.handed_out_ns.max(slot.time_ns);
            let record = self.waiting.record(slot);
            let header = header(record).expect("push takes only records with a header");
            each(Item::Record(Record {
                header,
                payload: &record[HEADER..],
            }));
        }
        self.gaps = gaps.copied().collect();
        for &slot in &self.waiting.slots[due..] {
            self.spare
                .push(slot.time_ns, slot.ring, self.waiting.record(slot));
        }
        self.waiting.clear();
        std::mem::swap(&mut self.waiting, &mut self.spare);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.slots.is_empty()
    }

    /// Records handed out after one with a later stamp: they were committed more than [`LATENESS_NS`] after
    /// they were stamped.
    pub fn late(&self) -> u64 {
        self.late
    }
}

/// Reads a record's front; `None` when it is cut.
pub fn header(record: &[u8]) -> Option<RecordHeader> {
    let mut front = record.get(..HEADER)?;
    Some(RecordHeader {
        time_ns: front.get_u64_ne(),
        seq: front.get_u64_ne(),
        pid_tgid: front.get_u64_ne(),
        emit: front.get_u32_ne(),
        probe: front.get_u32_ne(),
        syscall: front.get_u64_ne(),
        cpu: front.get_u32_ne(),
        len: front.get_u32_ne(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::bytes;
    use super::*;

    #[test]
    fn a_header_is_read_field_by_field() {
        let h = header(&bytes(1, 2, &[9; 16])).expect("a whole record");
        assert_eq!(
            (h.time_ns, h.seq, h.pid_tgid),
            (1, 2, 0x0000_0007_0000_0008)
        );
        assert_eq!((h.emit, h.probe, h.syscall), (3, u32::MAX, 257));
        assert_eq!((h.cpu, h.len), (1, 16));
        assert!(header(&[0; HEADER - 1]).is_none());
    }

    #[test]
    fn what_comes_too_late_is_handed_out_and_counted() {
        let mut merge = Merge::default();
        let mut out = Vec::new();
        merge.push(0, &bytes(100, 0, &[]));
        merge.hand_out(100, &mut |item| out.push(item.record().header.time_ns));
        merge.push(1, &bytes(90, 0, &[]));
        merge.push(1, &bytes(110, 1, &[]));
        merge.hand_out(200, &mut |item| out.push(item.record().header.time_ns));
        assert_eq!(out, [100, 90, 110]);
        assert_eq!(merge.late(), 1);
    }

    #[test]
    fn held_records_keep_their_payload() {
        let mut merge = Merge::default();
        merge.push(0, &bytes(10, 0, b"first"));
        merge.push(0, &bytes(20, 1, b"second"));
        let mut out = Vec::new();
        merge.hand_out(10, &mut |item| out.push(item.record().payload.to_vec()));
        assert!(!merge.is_empty());
        merge.hand_out(20, &mut |item| out.push(item.record().payload.to_vec()));
        assert_eq!(out, [b"first".to_vec(), b"second".to_vec()]);
        assert!(merge.is_empty());
    }
}
