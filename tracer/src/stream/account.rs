//! Accounts: what was sent, what arrived, what was lost and why.
//!
//! In: sequence numbers of received records, and the kernel's counters at the end. Out: exact numbers per ring, and
//! per reason a sentence for people. Sequence numbers count attempts, so for each ring
//! attempts = delivered + lost, to the unit. Never prints.

use tracer_ebpf::{CpuStats, LOSSES, loss};

/// What one ring delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    delivered: u64,
    malformed: u64,
    /// One past the highest sequence number seen.
    end: u64,
}

impl Account {
    /// A record with this sequence number arrived.
    pub fn received(&mut self, seq: u64) {
        self.delivered += 1;
        self.end = self.end.max(seq + 1);
    }

    /// A record too short for a header arrived: a bug, never expected.
    pub fn malformed(&mut self) {
        self.malformed += 1;
    }

    /// Records that arrived.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// One past the highest number that arrived.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Records known to be lost before the last that arrived. A nested sender can overtake, so a number that
    /// is missing now may still come: exact when the ring is drained.
    pub fn missing(&self) -> u64 {
        self.end - self.delivered
    }

    /// Records lost of `attempts`: those missing in between and those after the last that arrived.
    pub fn lost(&self, attempts: u64) -> u64 {
        attempts.saturating_sub(self.delivered)
    }
}

/// One ring at the end of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingTotal {
    /// Records that the kernel tried to send.
    pub attempts: u64,
    /// Records that arrived.
    pub delivered: u64,
    /// Losses that the kernel counted for this ring.
    pub lost: u64,
}

impl RingTotal {
    /// attempts = delivered + lost.
    pub fn balanced(&self) -> bool {
        self.attempts == self.delivered + self.lost
    }
}

/// A process that floods the main rings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flood {
    /// Its process id.
    pub pid: u32,
    /// Name of a thread of it.
    pub comm: Vec<u8>,
    /// So many records that found no room were its, or more.
    pub least: u64,
}

/// The one with the most votes. A vote stands for a lost record of that process which none of another one has taken back.
fn flood(stats: &[CpuStats]) -> Option<Flood> {
    let candidates = || stats.iter().map(|s| s.flooder);
    let votes = |tgid| -> u64 {
        let own = candidates().filter(|f| f.tgid == tgid);
        own.map(|f| f.votes).sum()
    };
    let most = candidates().max_by_key(|f| votes(f.tgid))?;
    let end = most.comm.iter().position(|&b| b == 0);
    let flood = Flood {
        pid: most.tgid as u32,
        comm: most.comm[..end.unwrap_or(most.comm.len())].to_vec(),
        least: votes(most.tgid),
    };
    (flood.least > 0).then_some(flood)
}

/// The whole run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Main ring of each CPU.
    pub main: Vec<RingTotal>,
    /// Control ring of each CPU.
    pub control: Vec<RingTotal>,
    /// Losses by CPU and reason ([`loss`]).
    pub lost_by_cpu: Vec<[u64; LOSSES]>,
    /// Who sent what a main ring had no room for.
    pub flooder: Option<Flood>,
    /// Updates of maps that are kept in user space, dropped because the map was full.
    pub lost_in_user_space: u64,
}

impl Totals {
    /// From the kernel's counters (one per CPU) and the accounts of the rings in the order of the kernel's table
    /// ([`tracer_ebpf::map::RINGS`]). A ring without a reader (the run sends nothing) delivered nothing.
    pub fn new(stats: &[CpuStats], accounts: &[Account]) -> Totals {
        let delivered = |at: usize| accounts.get(at).map_or(0, Account::delivered);
        let mut totals = Totals {
            flooder: flood(stats),
            ..Totals::default()
        };
        for (cpu, s) in stats.iter().enumerate() {
            totals.main.push(RingTotal {
                attempts: s.attempts_main,
                delivered: delivered(2 * cpu),
                lost: s.lost[loss::RING_FULL as usize] + s.lost[loss::TOO_LARGE as usize],
            });
            totals.control.push(RingTotal {
                attempts: s.attempts_control,
                delivered: delivered(2 * cpu + 1),
                lost: s.lost[loss::CONTROL_FULL as usize],
            });
            totals.lost_by_cpu.push(s.lost);
        }
        totals
    }

    /// Whether anything was lost.
    pub fn any_lost(&self) -> bool {
        let lost = self.lost_by_cpu.iter().flatten();
        lost.chain([&self.lost_in_user_space]).any(|&n| n > 0)
    }

    /// The reasons that occur among one CPU's losses: how often, and why.
    pub fn reasons(lost: &[u64; LOSSES]) -> impl Iterator<Item = (u64, &'static str)> {
        occurred(*lost).map(|(n, reason)| (n, reason.why))
    }

    /// A sentence for each reason that occurred on any CPU: the number, the unit, and what to do.
    pub fn sentences(&self) -> Vec<String> {
        let mut sums = [0; LOSSES];
        for lost in &self.lost_by_cpu {
            sums.iter_mut().zip(lost).for_each(|(sum, n)| *sum += n);
        }
        sums[loss::MAP_FULL as usize] += self.lost_in_user_space;
        occurred(sums)
            .map(|(n, reason)| {
                let unit = if n == 1 { reason.one } else { reason.many };
                let whose = match &self.flooder {
                    Some(flood) if reason.index == loss::RING_FULL => {
                        let (least, comm) = (flood.least, flood.comm.escape_ascii());
                        format!(" ({least} or more of {comm}[{}])", flood.pid)
                    }
                    _ => String::new(),
                };
                format!("lost {n} {unit}: {}{whose}; {}", reason.why, reason.advice)
            })
            .collect()
    }
}

/// Why a record is missing between two of a ring.
pub fn gap_reason(is_control: bool) -> &'static str {
    let index = match is_control {
        true => loss::CONTROL_FULL,
        false => loss::RING_FULL,
    };
    let found = REASONS.iter().find(|reason| reason.index == index);
    found.map_or("it is missing", |reason| reason.why)
}

fn occurred(lost: [u64; LOSSES]) -> impl Iterator<Item = (u64, &'static Reason)> {
    REASONS
        .iter()
        .map(move |reason| (lost[reason.index as usize], reason))
        .filter(|(n, _)| *n > 0)
}

/// What is said about one reason.
struct Reason {
    index: u64,
    one: &'static str,
    many: &'static str,
    why: &'static str,
    advice: &'static str,
}

const REASONS: [Reason; 7] = [
    Reason {
        index: loss::RING_FULL,
        one: "record",
        many: "records",
        why: "a buffer was full",
        advice: "give more room with --ring-size, or send less per event",
    },
    Reason {
        index: loss::CONTROL_FULL,
        one: "print, clear, time, exit or record of a process",
        many: "prints, clears, times, exits or records of processes",
        why: "the control buffer was full",
        advice: "print and clear less often",
    },
    Reason {
        index: loss::MAP_FULL,
        one: "map update",
        many: "map updates",
        why: "a map was full",
        advice: "use fewer keys, or raise config max_map_keys",
    },
    Reason {
        index: loss::SCRATCH_BUSY,
        one: "firing",
        many: "firings",
        why: "all scratch frames of the CPU were in use",
        advice: "narrow the probes: they nest too deeply",
    },
    Reason {
        index: loss::STATE_FULL,
        one: "entry",
        many: "entries",
        why: "the kernel had no memory for the state of a call",
        advice: "those calls were reported without what their entry knew",
    },
    Reason {
        index: loss::NO_SPARE,
        one: "clear",
        many: "clears",
        why: "no spare map was ready",
        advice: "clear less often: at most a few times in 10 ms",
    },
    Reason {
        index: loss::TOO_LARGE,
        one: "record",
        many: "records",
        why: "it was larger than a record may be",
        advice: "send shorter strings",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(attempts_main: u64, full: u64, too_large: u64) -> CpuStats {
        let mut s = CpuStats {
            attempts_main,
            ..CpuStats::default()
        };
        s.lost[loss::RING_FULL as usize] = full;
        s.lost[loss::TOO_LARGE as usize] = too_large;
        s
    }

    #[test]
    fn gaps_are_losses_and_overtaken_records_are_not() {
        let mut account = Account::default();
        for seq in [0, 2, 1, 5] {
            account.received(seq);
        }
        assert_eq!(account.missing(), 2);
        assert_eq!(account.lost(8), 4);
    }

    #[test]
    fn totals_balance_per_ring() {
        let mut account = Account::default();
        (0..7).for_each(|seq| account.received(seq));
        let totals = Totals::new(&[stats(10, 2, 1)], &[account]);
        assert!(totals.main[0].balanced());
        assert!(totals.control[0].balanced());
        let totals = Totals::new(&[stats(10, 2, 0)], &[account]);
        assert!(!totals.main[0].balanced());
    }

    #[test]
    fn a_flood_names_who_sends_it() {
        let mut flooded = stats(3, 1, 0);
        flooded.flooder.tgid = 42;
        flooded.flooder.votes = 1;
        flooded.flooder.comm[..3].copy_from_slice(b"x\x1by");
        let sentences = Totals::new(&[stats(3, 0, 0), flooded], &[]).sentences();
        let [only] = sentences.as_slice() else {
            panic!("{sentences:?}");
        };
        let told = "lost 1 record: a buffer was full (1 or more of x\\x1by[42]); ";
        assert!(only.starts_with(told), "{only}");
    }

    #[test]
    fn each_reason_has_its_sentence() {
        let totals = Totals::new(&[stats(3, 1, 2)], &[]);
        assert_eq!(
            totals.sentences(),
            [
                "lost 1 record: a buffer was full; give more room with --ring-size, or send less per event",
                "lost 2 records: it was larger than a record may be; send shorter strings",
            ]
        );
        assert!(!Totals::new(&[stats(3, 0, 0)], &[]).any_lost());
    }
}
