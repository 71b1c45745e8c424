//! Times before lines: clock, seconds since the epoch, time since the line before.
//!
//! In: moments of the monotonic clock, and how it stands to the wall clock. Out: text as strace writes it. Never reads a clock.

use crate::print::number;

/// Which time stands before a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Clock {
    /// None.
    #[default]
    None,
    /// `12:34:56`
    Seconds,
    /// `12:34:56.123456`
    Micros,
    /// Seconds since the epoch, with microseconds.
    Epoch,
}

/// The wall clock, as this run sees it.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    /// What to add to the monotonic clock, ns.
    pub offset_ns: u64,
    /// `12:34:56` of seconds since the epoch, where the tracer runs.
    pub local: fn(i64) -> String,
}

impl Wall {
    /// Nanoseconds since the epoch.
    pub fn epoch_ns(&self, monotonic_ns: u64) -> u64 {
        monotonic_ns.wrapping_add(self.offset_ns)
    }
}

/// Writes times; remembers what it needs for the next.
#[derive(Debug)]
pub(super) struct Stamp {
    clock: Clock,
    since_last: bool,
    wall: Wall,
    last_ns: Option<u64>,
    /// The second that was written last, as text: many lines share it.
    second: (i64, String),
}

impl Stamp {
    pub fn new(clock: Clock, since_last: bool, wall: Wall) -> Stamp {
        Stamp {
            clock,
            since_last,
            wall,
            last_ns: None,
            second: (i64::MIN, String::new()),
        }
    }

    /// The time of a line. Lines stand in the order in which calls end: one that began before the line before it is 0 after it.
    pub fn write(&mut self, out: &mut Vec<u8>, monotonic_ns: u64) {
        if self.since_last {
            let since = monotonic_ns.saturating_sub(self.last_ns.unwrap_or(monotonic_ns));
            self.last_ns = Some(monotonic_ns.max(self.last_ns.unwrap_or(0)));
            let micros = since / 1000;
            number::padded(out, micros / 1_000_000, 6);
            fraction(out, micros % 1_000_000);
        }
        if self.clock == Clock::None {
            return;
        }
        let micros = self.wall.epoch_ns(monotonic_ns) / 1000;
        let (seconds, micros) = ((micros / 1_000_000) as i64, micros % 1_000_000);
        if self.clock == Clock::Epoch {
            number::signed(out, seconds);
            return fraction(out, micros);
        }
        if self.second.0 != seconds {
            self.second = (seconds, (self.wall.local)(seconds));
        }
        out.extend_from_slice(self.second.1.as_bytes());
        match self.clock {
            Clock::Micros => fraction(out, micros),
            _ => out.push(b' '),
        }
    }
}

/// `.000123 `
fn fraction(out: &mut Vec<u8>, micros: u64) {
    out.push(b'.');
    number::micros(out, micros);
    out.push(b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(clock: Clock, since_last: bool) -> String {
        let wall = Wall {
            offset_ns: 1_700_000_000_000_000_000,
            local: |seconds| format!("T{seconds}"),
        };
        let mut stamp = Stamp::new(clock, since_last, wall);
        let mut out = Vec::new();
        for at in [1_500_000_000, 3_000_001_000, 2_000_000_000] {
            stamp.write(&mut out, at);
        }
        String::from_utf8(out).expect("ascii")
    }

    #[test]
    fn clocks_are_those_of_strace() {
        assert_eq!(stamps(Clock::None, false), "");
        assert_eq!(
            stamps(Clock::Seconds, false),
            "T1700000001 T1700000003 T1700000002 "
        );
        assert_eq!(
            stamps(Clock::Micros, false),
            "T1700000001.500000 T1700000003.000001 T1700000002.000000 "
        );
        assert_eq!(
            stamps(Clock::Epoch, false),
            "1700000001.500000 1700000003.000001 1700000002.000000 "
        );
    }

    #[test]
    fn a_line_that_began_earlier_is_nothing_after_the_one_before() {
        assert_eq!(
            stamps(Clock::None, true),
            "     0.000000      1.500001      0.000000 "
        );
    }
}
