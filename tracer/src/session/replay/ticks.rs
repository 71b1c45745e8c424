//! Intervals by recorded time.
//!
//! In: the program's intervals, and where the rows' time stands. Out: which clause is due, and when it was. Never looks at a clock.

use crate::ir::{ClauseId, Probe, Program};

/// The intervals of a program.
#[derive(Debug)]
pub(super) struct Ticks(Vec<Tick>);

#[derive(Debug)]
struct Tick {
    clause: ClauseId,
    period_ns: i64,
    /// `None` until it is known when tracing began.
    due_ns: Option<i64>,
}

impl Ticks {
    pub fn of(program: &Program) -> Ticks {
        let clauses = program.clauses.iter().enumerate();
        let ticks = clauses.flat_map(|(at, clause)| {
            clause.probes.iter().filter_map(move |probe| match probe {
                Probe::Interval { period_ns } => Some(Tick {
                    clause: ClauseId(at as u32),
                    period_ns: *period_ns as i64,
                    due_ns: None,
                }),
                _ => None,
            })
        });
        Ticks(ticks.collect())
    }

    /// There are intervals.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Tracing began then. The first beginning counts.
    pub fn start(&mut self, at_ns: i64) {
        for tick in &mut self.0 {
            tick.due_ns.get_or_insert(at_ns + tick.period_ns);
        }
    }

    /// Something is to be run.
    pub fn is_due(&self, now_ns: i64) -> bool {
        let due = |tick: &Tick| tick.due_ns.is_some_and(|due| due <= now_ns);
        self.0.iter().any(due)
    }

    /// The earliest that is due, in the script's order among equals; it is due again a period later.
    pub fn next(&mut self, now_ns: i64) -> Option<(ClauseId, i64)> {
        let earliest = self
            .0
            .iter_mut()
            .min_by_key(|tick| tick.due_ns.unwrap_or(i64::MAX))?;
        let due = earliest.due_ns.filter(|&due| due <= now_ns)?;
        earliest.due_ns = Some(due + earliest.period_ns);
        Some((earliest.clause, due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_go_off_in_order_and_as_often_as_time_has_passed() {
        let tick = |clause, period_ns| Tick {
            clause: ClauseId(clause),
            period_ns,
            due_ns: None,
        };
        let mut ticks = Ticks(vec![tick(0, 10), tick(1, 15)]);
        assert!(!ticks.is_due(1000), "it has not begun");
        ticks.start(100);
        ticks.start(200);
        let mut seen = Vec::new();
        while let Some((clause, at)) = ticks.next(130) {
            seen.push((clause.0, at));
        }
        assert_eq!(seen, [(0, 110), (1, 115), (0, 120), (0, 130), (1, 130)]);
    }
}
