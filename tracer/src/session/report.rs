//! What is said at the end of a run: losses, runtime errors, accounts.
//!
//! In: counters, and the script they belong to. Out: the same as data for printers, and as sentences. Never prints.

use super::Script;
use crate::diag::render::position;
use crate::ir::{Program, SiteKind};
use crate::load::Missed;
use crate::print::{Loss, RuntimeError};
use crate::stream::Gap;
use crate::stream::account::{RingTotal, Totals, gap_reason};
use tracer_ebpf::{LOSSES, loss};

/// One for each place of the script where something went wrong at run time, in source order. `counts` is by site.
pub fn runtime_errors(script: &Script, program: &Program, counts: &[u64]) -> Vec<RuntimeError> {
    let mut seen: Vec<_> = program
        .sites
        .iter()
        .zip(counts)
        .filter(|(_, n)| **n > 0)
        .collect();
    seen.sort_by_key(|(site, _)| site.span);
    seen.into_iter()
        .map(|(site, count)| {
            let (line, column) = position(&script.text, site.span.start as usize);
            RuntimeError {
                kind: site.kind,
                count: *count,
                file: script.name.clone(),
                line: line as u32,
                column: column as u32,
            }
        })
        .collect()
}

/// Whether the script should be changed. A page that is not there or a value that is absent is how things are.
pub fn is_mistake(error: &RuntimeError) -> bool {
    matches!(
        error.kind,
        SiteKind::DivideByZero | SiteKind::ModuloByZero | SiteKind::LoopLimit
    )
}

/// A runtime error as a sentence.
pub fn sentence(error: &RuntimeError) -> String {
    let times = match error.count {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let (file, line, column) = (&error.file, error.line, error.column);
    let (what, result) = error
        .message()
        .split_once(": ")
        .unwrap_or((error.message(), ""));
    format!("{file}:{line}:{column}: {what} {times}; {result}")
}

/// A gap for a printer. There are two rings a CPU: the main one, and the one for control.
pub fn gap(gap: &Gap) -> Loss {
    Loss {
        count: gap.count,
        reason: gap_reason(gap.ring % 2 == 1).to_owned(),
        cpu: Some((gap.ring / 2) as u32),
        between_ns: Some((gap.after_ns, gap.before_ns)),
    }
}

/// Losses for a printer, by reason and CPU: those that it has not been told as gaps of a ring (`told`, by ring).
pub fn losses(totals: &Totals, told: &[u64]) -> Vec<Loss> {
    let mut in_user_space = [0; LOSSES];
    in_user_space[loss::MAP_FULL as usize] = totals.lost_in_user_space;
    let by_cpu = totals.lost_by_cpu.iter().enumerate();
    by_cpu
        .map(|(cpu, lost)| (Some(cpu as u32), untold(cpu, lost, told)))
        .chain([(None, in_user_space)])
        .flat_map(|(cpu, lost)| {
            let reasons: Vec<_> = Totals::reasons(&lost).collect();
            reasons.into_iter().map(move |(count, reason)| Loss {
                count,
                reason: reason.to_owned(),
                cpu,
                between_ns: None,
            })
        })
        .collect()
}

/// A CPU's losses without those that were told. A gap says nothing of its reason: nearly always the ring was full.
fn untold(cpu: usize, lost: &[u64; LOSSES], told: &[u64]) -> [u64; LOSSES] {
    let mut lost = *lost;
    let of_ring = |ring: usize| told.get(ring).copied().unwrap_or(0);
    let main = [loss::RING_FULL, loss::TOO_LARGE].as_slice();
    let control = [loss::CONTROL_FULL].as_slice();
    for (mut told, reasons) in [(of_ring(2 * cpu), main), (of_ring(2 * cpu + 1), control)] {
        for &reason in reasons {
            let taken = told.min(lost[reason as usize]);
            lost[reason as usize] -= taken;
            told -= taken;
        }
    }
    lost
}

/// The accounts of all buffers, for `--verbose`: attempts, deliveries and losses per ring, and whether they balance.
pub fn accounts(totals: &Totals, late: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for (kind, rings) in [("main", &totals.main), ("control", &totals.control)] {
        let used = rings.iter().enumerate().filter(|(_, r)| r.attempts > 0);
        lines.extend(used.map(|(cpu, ring)| account(kind, cpu, ring)));
    }
    let all = || totals.main.iter().chain(&totals.control);
    let attempts: u64 = all().map(|r| r.attempts).sum();
    let delivered: u64 = all().map(|r| r.delivered).sum();
    let lost: u64 = all().map(|r| r.lost).sum();
    let verdict = if all().all(RingTotal::balanced) {
        "they balance"
    } else {
        "THEY DO NOT BALANCE"
    };
    lines.push(format!(
        "records: {attempts} sent = {delivered} delivered + {lost} lost: {verdict}; {late} out of order"
    ));
    lines
}

fn account(kind: &str, cpu: usize, ring: &RingTotal) -> String {
    let RingTotal {
        attempts,
        delivered,
        lost,
    } = ring;
    format!("cpu {cpu} {kind} buffer: {attempts} sent = {delivered} delivered + {lost} lost")
}

/// Places that could not be attached, of probes that match several: a sentence a reason.
pub fn missed(missed: &[Missed]) -> Vec<String> {
    const NAMED: usize = 3;
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for Missed { place, why } in missed {
        let why = why.to_string();
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, places)) => places.push(place),
            None => reasons.push((why, vec![place])),
        }
    }
    let sentence = |(why, places): (String, Vec<&str>)| {
        let named = places[..places.len().min(NAMED)].join(", ");
        match places.len().saturating_sub(NAMED) {
            0 => format!("not attached: {named}: {why}"),
            more => format!("not attached: {named} and {more} more: {why}"),
        }
    };
    reasons.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;
    use crate::ir::Site;

    fn script() -> Script {
        Script {
            name: "-e".into(),
            text: "BEGIN {\n  @ = 1 / $x;\n}".into(),
            params: Vec::new(),
        }
    }

    #[test]
    fn places_are_lines_and_columns_in_source_order() {
        let site = |kind, start| Site {
            kind,
            span: Span::new(start, start + 1),
        };
        let program = Program {
            sites: vec![
                site(SiteKind::Absent, 20),
                site(SiteKind::DivideByZero, 14),
                site(SiteKind::ReadFailed, 0),
            ],
            ..Program::default()
        };
        let errors = runtime_errors(&script(), &program, &[1, 7, 0]);
        assert_eq!(
            errors.iter().map(sentence).collect::<Vec<_>>(),
            [
                "-e:2:7: division by zero 7 times; the result was 0",
                "-e:2:13: the value was absent once; the update was skipped",
            ]
        );
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let mut lost = [0; LOSSES];
        lost[loss::RING_FULL as usize] = 5;
        lost[loss::TOO_LARGE as usize] = 1;
        lost[loss::CONTROL_FULL as usize] = 3;
        let totals = Totals {
            lost_by_cpu: vec![lost],
            ..Totals::default()
        };
        let counts = |told: &[u64]| -> Vec<u64> {
            let left = losses(&totals, told);
            left.iter().map(|loss| loss.count).collect()
        };
        assert_eq!(counts(&[]), [5, 3, 1]);
        assert_eq!(counts(&[2, 3]), [3, 1]);
        assert_eq!(counts(&[6, 1]), [2]);
    }

    #[test]
    fn accounts_say_whether_they_balance() {
        let ring = |attempts, delivered, lost| RingTotal {
            attempts,
            delivered,
            lost,
        };
        let mut totals = Totals {
            main: vec![ring(5, 3, 2), ring(0, 0, 0)],
            control: vec![ring(1, 1, 0), ring(0, 0, 0)],
            ..Totals::default()
        };
        assert_eq!(
            accounts(&totals, 0),
            [
                "cpu 0 main buffer: 5 sent = 3 delivered + 2 lost",
                "cpu 0 control buffer: 1 sent = 1 delivered + 0 lost",
                "records: 6 sent = 4 delivered + 2 lost: they balance; 0 out of order",
            ]
        );
        totals.main[0].lost = 1;
        assert!(accounts(&totals, 0)[2].contains("THEY DO NOT BALANCE"));
    }
}
