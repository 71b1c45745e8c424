//! `profile:hz:99`, `profile:s:1`, `profile:ms:10`, `profile:us:500`, `profile:1s`: a timer on each CPU, which says what runs there.
//!
//! In: unit and number, or one duration. Out: one target. Never offers anything of what it interrupts but what every
//! probe has (`pid`, `comm`, `kstack`, …).

use super::interval::{period, unit_and_number};
use super::{Family, Provider, Request, Target, View};
use crate::diag::{Diagnostic, codes};
use crate::facts::Feature;
use crate::ir::{Probe, Rate};
use std::rc::Rc;

const FORMS: &str = "profile:hz:99, profile:s:1, profile:ms:10, profile:us:500 or profile:1s";

/// The kernel makes shorter periods this long (`perf_swevent_start_hrtimer` in kernel/events/core.c).
const SHORTEST_NS: u64 = 10_000;

/// The kernel takes no period with the highest bit (`perf_event_open` there).
const LONGEST_NS: u64 = i64::MAX as u64;

/// See the module.
pub const PROFILE: Provider = Provider {
    name: "profile",
    aliases: &["p"],
    forms: FORMS,
    resolve,
};

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let written = unit_and_number(request.parts);
    let Some(rate) = written.and_then(|(unit, number)| rate(unit, number)) else {
        return Err(request.malformed(FORMS));
    };
    if rate.period_ns() < SHORTEST_NS {
        let message = "the kernel's timers go off every 10 us at most";
        let span = request.spec.span;
        return Err(Diagnostic::error(codes::MALFORMED_PROBE, span, message));
    }
    request.need(Feature::PerfEvent, "`profile` probes", &[])?;
    let probe = Probe::Profile { rate };
    let view = Rc::new(OnCpu(probe.to_string()));
    Ok(vec![Target { probe, view }])
}

/// `None` for another unit, no number, and none or too long a period.
fn rate(unit: &str, number: &str) -> Option<Rate> {
    let rate = match unit {
        "hz" => Rate::Hertz(number.parse().ok().filter(|times| *times > 0)?),
        _ => Rate::Period(period(unit, number)?),
    };
    (rate.period_ns() <= LONGEST_NS).then_some(rate)
}

/// What a timer's or a counter's firing offers: nothing of its own.
pub(super) struct OnCpu(pub String);

impl View for OnCpu {
    fn family(&self) -> Family {
        Family::PerfEvent
    }
    fn name(&self) -> String {
        self.0.clone()
    }
    fn has_registers(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_keep_their_unit() {
        assert_eq!(rate("hz", "99"), Some(Rate::Hertz(99)));
        assert_eq!(rate("ms", "10"), Some(Rate::Period(10_000_000)));
        assert_eq!(rate("hz", "0"), None);
        assert_eq!(rate("s", "9999999999"), None);
        assert_eq!(rate("min", "1"), None);
    }
}
