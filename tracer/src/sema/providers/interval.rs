//! `interval:s:1`, `interval:ms:100`, `interval:hz:10`, `interval:1s`: each period, in the tracer's own task.
//!
//! In: unit and number, or one duration. Out: one target. Never keeps time.

use super::begin_end::Synthetic;
use super::{Provider, Request, Target};
use crate::diag::{Diagnostic, codes};
use crate::ir::Probe;
use crate::syntax::ast::Ident;
use std::rc::Rc;

const FORMS: &str = "interval:s:1, interval:ms:100, interval:us:500, interval:hz:10 or interval:1s";

/// See the module.
pub const INTERVAL: Provider = Provider {
    name: "interval",
    aliases: &["i"],
    forms: FORMS,
    resolve,
};

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let written = unit_and_number(request.parts);
    let Some((unit, number, period_ns)) = written.and_then(|(u, n)| Some((u, n, period(u, n)?)))
    else {
        return Err(request.malformed(FORMS));
    };
    if period_ns == 0 {
        let message = "an interval is at least 1 ns long";
        return Err(Diagnostic::error(
            codes::MALFORMED_PROBE,
            request.spec.span,
            message,
        ));
    }
    let view = Rc::new(Synthetic(format!("interval:{unit}:{number}")));
    Ok(vec![Target {
        probe: Probe::Interval { period_ns },
        view,
    }])
}

/// Unit and number of `ms:10` or `10ms`.
pub(super) fn unit_and_number(parts: &[Ident]) -> Option<(&str, &str)> {
    match parts {
        [unit, number] => Some((unit.text.as_str(), number.text.as_str())),
        [duration] => Some(split(&duration.text)),
        _ => None,
    }
}

/// `10ms` to unit and number.
fn split(duration: &str) -> (&str, &str) {
    let digits = duration
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(duration.len());
    (&duration[digits..], &duration[..digits])
}

/// Nanoseconds; `None` for another unit, no number, or a number out of range.
pub(super) fn period(unit: &str, number: &str) -> Option<u64> {
    let number: u64 = number.parse().ok()?;
    let scale = match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        "hz" => return 1_000_000_000u64.checked_div(number).or(Some(0)),
        _ => return None,
    };
    number.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_in_nanoseconds() {
        assert_eq!(period("s", "2"), Some(2_000_000_000));
        assert_eq!(period("hz", "1000"), Some(1_000_000));
        assert_eq!(period("hz", "0"), Some(0));
        assert_eq!(period("s", "99999999999999"), None);
        assert_eq!(period("min", "1"), None);
        assert_eq!(split("100ms"), ("ms", "100"));
    }
}
