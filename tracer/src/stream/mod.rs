//! The stream: ring buffers to records in time order, with exact accounts of what was lost.
//!
//! In: anything that is a [`Ring`] (the kernel's buffers, or bytes in a test). Out: [`Record`]s merged by time,
//! borrowed from one buffer that is used again, and [`Account`]s per ring. Never formats a value, never reads a
//! clock (the caller says what time it is), never looks into a map.
//!
//! Order. Records of one ring keep the order of their time stamps. Across rings a record is handed out only when it is
//! [`LATENESS_NS`] old, so that one that another CPU stamped earlier and committed later still comes
//! first. What is committed later than that after its stamp is handed out at once and counted as late.

pub mod account;
pub mod decode;
pub mod generation;
pub mod merge;
pub mod pace;

pub use account::Account;
pub use merge::{LATENESS_NS, Merge};
pub use pace::Pace;

use tracer_ebpf::RecordHeader;

/// Bytes taken from one ring before the others get their turn: bounds the memory of the merge.
const TURN_BYTES: usize = 256 << 10;

/// A buffer that records are read from.
pub trait Ring {
    /// Hands committed records to `take`, oldest first, and frees their space. Stops when no record is left (then the
    /// answer is `true`) or when `take` answered `false` (then there may be more).
    fn drain(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> bool;
}

/// One record, borrowed from the stream's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its front.
    pub header: RecordHeader,
    /// What follows it: laid out as [`RecordLayout`](crate::plan::RecordLayout) says.
    pub payload: &'a [u8],
}

/// Records that are missing between two of a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Which ring.
    pub ring: usize,
    /// How many.
    pub count: u64,
    /// When the record before them was sent; 0: they were the first.
    pub after_ns: u64,
    /// When the record behind them was sent.
    pub before_ns: u64,
}

/// What is handed out.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A record.
    Record(Record<'a>),
    /// Here records are missing.
    Gap(Gap),
}

/// All rings of a run.
pub struct Stream<R> {
    rings: Vec<R>,
    accounts: Vec<Account>,
    /// When the newest record of each ring was sent.
    newest_ns: Vec<u64>,
    /// Records of each ring that were handed out as missing.
    told: Vec<u64>,
    merge: Merge,
}

/// What one turn found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    /// Bytes read from the rings.
    pub bytes: usize,
    /// Some ring was not read to its end.
    pub more: bool,
    /// Records that wait for their time.
    pub held: bool,
}

impl<R: Ring> Stream<R> {
    /// A stream over these rings; their order is the order of [`Stream::accounts`].
    pub fn new(rings: Vec<R>) -> Stream<R> {
        let accounts = vec![Account::default(); rings.len()];
        Stream {
            newest_ns: vec![0; rings.len()],
            told: vec![0; rings.len()],
            rings,
            accounts,
            merge: Merge::default(),
        }
    }

    /// Reads what is there and hands out what is old enough. `now_ns` is the monotonic clock read before the call.
    pub fn turn(&mut self, now_ns: u64, each: &mut dyn FnMut(Item<'_>)) -> Turn {
        let (mut turn, bound) = self.fill();
        let due = now_ns.saturating_sub(LATENESS_NS).min(bound);
        self.hand_out(due, each);
        turn.held = !self.merge.is_empty();
        turn
    }

    /// Reads the rings to their end and hands out everything: for when nothing is sent any more.
    pub fn finish(&mut self, each: &mut dyn FnMut(Item<'_>)) {
        loop {
            let (turn, bound) = self.fill();
            self.hand_out(bound, each);
            if !turn.more {
                break;
            }
        }
    }

    fn hand_out(&mut self, due_ns: u64, each: &mut dyn FnMut(Item<'_>)) {
        let told = &mut self.told;
        self.merge.hand_out(due_ns, &mut |item| {
            if let Item::Gap(gap) = item {
                told[gap.ring] += gap.count;
            }
            each(item);
        });
    }

    /// How many records of each ring were handed out as missing. What was lost behind the last record that arrived is not
    /// among them: only the kernel's counters know of that.
    pub fn told(&self) -> &[u64] {
        &self.told
    }

    /// What was received from each ring.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Records that were handed out after a later one.
    pub fn late(&self) -> u64 {
        self.merge.late()
    }

    /// One reading of all rings. The second value is the time up to which nothing older can still be in a
    /// ring that was not read to its end.
    fn fill(&mut self) -> (Turn, u64) {
        let mut turn = Turn::default();
        let mut bound = u64::MAX;
        for (index, ring) in self.rings.iter_mut().enumerate() {
            let (account, merge) = (&mut self.accounts[index], &mut self.merge);
            let newest_ns = &mut self.newest_ns[index];
            let (mut bytes, mut newest) = (0, 0);
            let empty = ring.drain(&mut |record| {
                bytes += record.len();
                match merge.push(index, record) {
                    Some(header) => {
                        match header.seq.checked_sub(account.end()) {
                            Some(0) => {}
                            Some(count) => merge.gap(Gap {
                                ring: index,
                                count,
                                after_ns: *newest_ns,
                                before_ns: header.time_ns,
                            }),
                            None => merge.overtaken(index),
                        }
                        *newest_ns = header.time_ns.max(*newest_ns);
                        account.received(header.seq);
                        newest = newest.max(header.time_ns);
                    }
                    None => account.malformed(),
                }
                bytes < TURN_BYTES
            });
            turn.bytes += bytes;
            if !empty {
                turn.more = true;
                bound = bound.min(newest);
            }
        }
        (turn, bound)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A ring as a queue of records.
    #[derive(Default)]
    pub(crate) struct Queue(pub(crate) VecDeque<Vec<u8>>);

    impl Ring for Queue {
        fn drain(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> bool {
            while let Some(record) = self.0.pop_front() {
                if !take(&record) {
                    return false;
                }
            }
            true
        }
    }

    /// A record's bytes as the kernel half writes them.
    pub(crate) fn bytes(time_ns: u64, seq: u64, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [time_ns, seq, 0x0000_0007_0000_0008] {
            out.extend_from_slice(&word.to_ne_bytes());
        }
        for half in [3u32, u32::MAX] {
            out.extend_from_slice(&half.to_ne_bytes());
        }
        out.extend_from_slice(&257u64.to_ne_bytes());
        for half in [1u32, payload.len() as u32] {
            out.extend_from_slice(&half.to_ne_bytes());
        }
        out.extend_from_slice(payload);
        out
    }

    fn ring(records: &[(u64, u64)]) -> Queue {
        Queue(records.iter().map(|&(t, s)| bytes(t, s, &[])).collect())
    }

    fn times(stream: &mut Stream<Queue>, now_ns: u64) -> Vec<u64> {
        let mut out = Vec::new();
        stream.turn(now_ns, &mut |item| out.push(item.record().header.time_ns));
        out
    }

    #[test]
    fn rings_are_merged_by_time_and_young_records_wait() {
        let a = ring(&[(10, 0), (30, 1), (LATENESS_NS + 50, 2)]);
        let b = ring(&[(20, 0), (40, 1)]);
        let mut stream = Stream::new(vec![a, b]);
        assert_eq!(times(&mut stream, LATENESS_NS + 45), [10, 20, 30, 40]);
        assert!(times(&mut stream, LATENESS_NS + 60).is_empty());
        assert_eq!(times(&mut stream, 2 * LATENESS_NS + 50), [LATENESS_NS + 50]);
        assert_eq!(stream.late(), 0);
    }

    #[test]
    fn a_ring_that_is_not_read_to_its_end_holds_back_the_others() {
        let big = vec![0u8; TURN_BYTES / 2];
        let a = Queue((0..4).map(|i| bytes(10 + i * 10, i, &big)).collect());
        let b = ring(&[(15, 0), (45, 1)]);
        let mut stream = Stream::new(vec![a, b]);
        let now = LATENESS_NS + 1000;
        assert_eq!(times(&mut stream, now), [10, 15, 20]);
        assert_eq!(times(&mut stream, now), [30, 40]);
        assert_eq!(times(&mut stream, now), [45]);
    }

    impl<'a> Item<'a> {
        /// It must be one.
        pub(crate) fn record(self) -> Record<'a> {
            match self {
                Item::Record(record) => record,
                Item::Gap(gap) => panic!("{gap:?} is no record"),
            }
        }
    }

    /// What is missing stands where it is missing; a record that was overtaken is not missing; what is lost behind the last
    /// record nobody can tell from the stream.
    #[test]
    fn gaps_stand_where_records_are_missing() {
        let a = ring(&[(10, 2), (30, 3), (50, 7), (52, 5), (60, 8)]);
        let b = ring(&[(20, 0), (40, 1)]);
        let mut stream = Stream::new(vec![a, b]);
        let mut told = Vec::new();
        stream.finish(&mut |item| {
            told.push(match item {
                Item::Record(record) => format!("{}", record.header.time_ns),
                Item::Gap(Gap {
                    ring,
                    count,
                    after_ns,
                    before_ns,
                }) => format!("{ring}:{count}:{after_ns}-{before_ns}"),
            });
        });
        assert_eq!(
            told,
            [
                "0:2:0-10",
                "10",
                "20",
                "30",
                "40",
                "0:2:30-50",
                "50",
                "52",
                "60"
            ]
        );
        assert_eq!(stream.told(), [4, 0]);
        assert_eq!(stream.accounts()[0].missing(), 4);
    }

    #[test]
    fn finish_hands_out_everything_in_order() {
        let mut stream = Stream::new(vec![ring(&[(5, 0), (9, 1)]), ring(&[(7, 0)])]);
        let mut out = Vec::new();
        stream.finish(&mut |item| out.push(item.record().header.time_ns));
        assert_eq!(out, [5, 7, 9]);
        assert_eq!(stream.accounts()[0].delivered(), 2);
    }
}
