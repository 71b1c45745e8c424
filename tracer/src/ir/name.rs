//! Names of probes, as `probe` prints them and as a user would type them.
//!
//! In: resolved probes. Out: text. Never looks a call's name up: a syscall probe with several calls is
//! named by their number.

use super::{Phase, Probe};
use std::fmt;

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Begin => f.write_str("BEGIN"),
            Probe::End => f.write_str("END"),
            Probe::Interval { period_ns } => {
                let (unit, ns) = period_unit(*period_ns);
                write!(f, "interval:{unit}:{}", period_ns / ns)
            }
            Probe::Syscall { calls, phase } => {
                let phase = match phase {
                    Phase::Entry => ":entry",
                    Phase::Return => ":return",
                    Phase::Whole => "",
                };
                match calls.calls.len() {
                    _ if calls.unknown => write!(f, "syscall:*{phase}"),
                    n => write!(f, "syscall:({n} calls){phase}"),
                }
            }
            Probe::Tracepoint { category, name } => write!(f, "tracepoint:{category}:{name}"),
            Probe::RawTracepoint { name } => write!(f, "rawtracepoint:{name}"),
            Probe::Kprobe {
                function,
                offset: 0,
            } => write!(f, "kprobe:{function}"),
            Probe::Kprobe { function, offset } => write!(f, "kprobe:{function}+{offset}"),
            Probe::Kretprobe { function } => write!(f, "kretprobe:{function}"),
            Probe::Fentry { function } => write!(f, "fentry:{function}"),
            Probe::Fexit { function } => write!(f, "fexit:{function}"),
        }
    }
}

/// The largest unit that divides a period, and its nanoseconds.
fn period_unit(period_ns: u64) -> (&'static str, u64) {
    [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)]
        .into_iter()
        .find(|(_, ns)| period_ns.is_multiple_of(*ns))
        .unwrap_or(("ns", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_named_by_its_largest_unit() {
        let name = |period_ns| Probe::Interval { period_ns }.to_string();
        assert_eq!(name(1_000_000_000), "interval:s:1");
        assert_eq!(name(1_500_000_000), "interval:ms:1500");
        assert_eq!(name(7), "interval:ns:7");
    }
}
