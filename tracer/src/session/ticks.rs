//! When programs run that user space runs: those of intervals, and those of signals.
//!
//! In: periods, the time, and what a signal asks for. Out: which programs are due, and when to look again. Never sleeps, never
//! runs anything.
//!
//! The phase is kept: firings are due at start + n × period. Who comes late fires once, and the periods that have passed
//! meanwhile are skipped: two prints in a row would show an interval of no length. Only periods below the timer's grain
//! fire several times in a row, as many as one grain holds, so that their rate is right.

use std::time::{Duration, Instant};

/// The timer wakes at best this often.
const GRAIN: Duration = Duration::from_millis(1);

/// The interval programs of a run, and what was asked for.
pub struct Ticks {
    ticks: Vec<Tick>,
    asked: Vec<(usize, Instant)>,
}

struct Tick {
    program: usize,
    period: Duration,
    next: Instant,
}

impl Ticks {
    /// Programs (index in the plan) with their periods, counted from `start`.
    pub fn new(programs: impl IntoIterator<Item = (usize, Duration)>, start: Instant) -> Ticks {
        let ticks = programs
            .into_iter()
            .map(|(program, period)| Tick {
                program,
                period,
                next: start + period,
            })
            .collect();
        let asked = Vec::new();
        Ticks { ticks, asked }
    }

    /// A program is due since `now`.
    pub fn ask(&mut self, program: usize, now: Instant) {
        self.asked.push((program, now));
    }

    /// When something is due next; `None` when nothing is.
    pub fn next(&self) -> Option<Instant> {
        let asked = self.asked.iter().map(|(_, since)| *since);
        asked.chain(self.ticks.iter().map(|tick| tick.next)).min()
    }

    /// The programs that are due, each as often as it has to run.
    pub fn due(&mut self, now: Instant) -> Vec<usize> {
        let mut due: Vec<usize> = self.asked.drain(..).map(|(program, _)| program).collect();
        for tick in &mut self.ticks {
            let times = tick.pass(now);
            due.extend(std::iter::repeat_n(tick.program, times));
        }
        due
    }
}

impl Tick {
    fn pass(&mut self, now: Instant) -> usize {
        let Some(late) = now.checked_duration_since(self.next) else {
            return 0;
        };
        let passed = late.as_nanos() / self.period.as_nanos() + 1;
        let most = GRAIN.as_nanos().div_ceil(self.period.as_nanos());
        // More than 2^64 ns late is centuries.
        self.next += Duration::from_nanos((passed * self.period.as_nanos()) as u64);
        passed.min(most) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(period: Duration) -> (Ticks, Instant) {
        let start = Instant::now();
        (Ticks::new([(3, period)], start), start)
    }

    #[test]
    fn a_program_is_due_once_a_period_and_keeps_its_phase() {
        let second = Duration::from_secs(1);
        let (mut ticks, start) = ticks(second);
        assert!(ticks.due(start + second / 2).is_empty());
        assert_eq!(ticks.due(start + second * 5 / 4), [3]);
        assert_eq!(ticks.next(), Some(start + second * 2));
    }

    #[test]
    fn periods_that_were_missed_are_skipped() {
        let second = Duration::from_secs(1);
        let (mut ticks, start) = ticks(second);
        assert_eq!(ticks.due(start + second * 7 / 2), [3]);
        assert_eq!(ticks.next(), Some(start + second * 4));
    }

    #[test]
    fn what_was_asked_for_is_due_at_once_and_only_once() {
        let (mut ticks, start) = ticks(Duration::from_secs(1));
        ticks.ask(5, start);
        assert_eq!(ticks.next(), Some(start));
        assert_eq!(ticks.due(start), [5]);
        assert!(ticks.due(start).is_empty());
    }

    #[test]
    fn periods_below_the_grain_keep_their_rate_but_do_not_pile_up() {
        let (mut ticks, start) = ticks(Duration::from_micros(100));
        assert_eq!(ticks.due(start + GRAIN).len(), 10);
        assert_eq!(ticks.due(start + GRAIN * 100).len(), 10);
    }
}
