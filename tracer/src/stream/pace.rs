//! How long to wait before the rings are read again.
//!
//! In: what the last turn found. Out: a delay. A wake-up for each record would cost more than the record itself, so the
//! kernel wakes the reader only when a main ring has filled to a quarter (and for control records); else reading is timed:
//! at once while a ring fills quickly, at most [`IDLE`] when nothing comes. Never sleeps.

use super::{LATENESS_NS, Turn};
use std::time::Duration;

/// Longest delay: fifty wake-ups a second cost less than a thousandth of a CPU, and output to a pipe has to flow
/// within 100 ms.
pub const IDLE: Duration = Duration::from_millis(20);
/// Shortest delay that is not "at once".
const SHORT: Duration = Duration::from_millis(1);

/// Longest delay while records wait for their time.
const HELD: Duration = Duration::from_nanos(LATENESS_NS);

/// The rhythm of reading.
pub struct Pace {
    delay: Duration,
    /// A turn that read more than this fears that a ring fills before the next.
    busy_bytes: usize,
}

impl Pace {
    /// For rings of this size.
    pub fn new(ring_bytes: u32) -> Pace {
        Pace {
            delay: SHORT,
            busy_bytes: ring_bytes as usize / 8,
        }
    }

    /// The delay before the next turn.
    pub fn after(&mut self, turn: Turn) -> Duration {
        self.delay = if turn.more {
            Duration::ZERO
        } else if turn.bytes > self.busy_bytes {
            self.delay / 2
        } else if turn.bytes > self.busy_bytes / 4 {
            self.delay
        } else {
            (self.delay * 2).clamp(SHORT, IDLE)
        };
        match turn.held {
            true => self.delay.min(HELD),
            false => self.delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(bytes: usize, more: bool) -> Turn {
        Turn {
            bytes,
            more,
            held: false,
        }
    }

    #[test]
    fn idle_rings_are_read_seldom_and_full_ones_at_once() {
        let mut pace = Pace::new(1 << 20);
        let mut last = Duration::ZERO;
        for _ in 0..10 {
            let delay = pace.after(turn(0, false));
            assert!(delay >= last && delay <= IDLE);
            last = delay;
        }
        assert_eq!(last, IDLE);
        assert_eq!(pace.after(turn(100, false)), IDLE);
        let held = Turn {
            held: true,
            ..turn(100, false)
        };
        assert_eq!(pace.after(held), HELD);
        assert_eq!(pace.after(turn(1 << 19, false)), IDLE / 2);
        assert_eq!(pace.after(turn(1 << 19, true)), Duration::ZERO);
        assert_eq!(pace.after(turn(1 << 16, false)), Duration::ZERO);
        assert_eq!(pace.after(turn(10, false)), SHORT);
    }
}
