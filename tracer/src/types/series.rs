//! Series in time: what `tseries()` keeps of each interval, and how it lies in memory (per CPU).
//!
//! In: values with their moments. Out: slots of three words, the reference that generated code and interpreter are held to; the
//! intervals in order. Never reads a clock, never prints.

use std::cmp::Ordering;

/// Intervals of time, of which the latest are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Series {
    /// Nanoseconds of an interval, > 0.
    pub interval_ns: u64,
    /// How many are kept, > 0.
    pub intervals: u32,
    /// What is kept of the values in one.
    pub of: Gathered,
    /// The values are signed.
    pub signed: bool,
}

/// What is kept of the values in an interval.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Gathered {
    /// The latest one.
    Last,
    /// Their wrapping sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// Their average.
    Avg,
}

impl Gathered {
    /// All of them, by the names that the language gives them; the latest value has none.
    pub const ALL: [(Gathered, &str); 5] = [
        (Gathered::Last, "last"),
        (Gathered::Sum, "sum"),
        (Gathered::Min, "min"),
        (Gathered::Max, "max"),
        (Gathered::Avg, "avg"),
    ];
}

/// One interval: its number from the clock's beginning plus one (0: nothing was gathered), then the value or sum, then the
/// latest value's moment (`Last`) or the number of values (`Avg`), 0 for the others. The interval with number n has the slot
/// n % intervals. A value of an interval that has given way to a later one is dropped.
pub type Slot = [u64; 3];

/// Bytes of a [`Slot`].
pub const SLOT_BYTES: u32 = 24;

impl Series {
    /// The slot of a moment, and the mark that says whose it is.
    pub fn slot(self, time_ns: u64) -> (usize, u64) {
        let number = time_ns / self.interval_ns;
        let at = number % u64::from(self.intervals);
        (at as usize, number.wrapping_add(1))
    }

    /// Takes the same value so many times at a moment.
    pub fn take(self, slots: &mut [Slot], x: u64, time_ns: u64, times: u64) {
        let (at, mark) = self.slot(time_ns);
        let (value, extra) = match self.of {
            Gathered::Last => (x, time_ns),
            Gathered::Sum => (x.wrapping_mul(times), 0),
            Gathered::Avg => (x.wrapping_mul(times), times),
            Gathered::Min | Gathered::Max => (x, 0),
        };
        if let Some(slot) = slots.get_mut(at) {
            self.join(slot, [mark, value, extra]);
        }
    }

    /// Adds what another slot has: of another CPU, or of a single value.
    pub fn join(self, slot: &mut Slot, other: Slot) {
        match slot[0].cmp(&other[0]) {
            Ordering::Greater => {}
            Ordering::Less => *slot = other,
            Ordering::Equal => self.join_same(slot, other),
        }
    }

    fn join_same(self, slot: &mut Slot, other: Slot) {
        match self.of {
            Gathered::Last if other[2] >= slot[2] => *slot = other,
            Gathered::Last => {}
            Gathered::Sum | Gathered::Avg => {
                slot[1] = slot[1].wrapping_add(other[1]);
                slot[2] = slot[2].wrapping_add(other[2]);
            }
            Gathered::Min if self.compare(other[1], slot[1]).is_lt() => slot[1] = other[1],
            Gathered::Max if self.compare(other[1], slot[1]).is_gt() => slot[1] = other[1],
            Gathered::Min | Gathered::Max => {}
        }
    }

    /// Order of two values.
    pub fn compare(self, a: u64, b: u64) -> Ordering {
        match self.signed {
            true => (a as i64).cmp(&(b as i64)),
            false => a.cmp(&b),
        }
    }

    /// The intervals from the first that has a value to the last, each by its beginning (ns); those between without a value
    /// too. What is older than the intervals that are kept is left out: another CPU may not have come by to drop it.
    pub fn intervals(self, slots: &[Slot]) -> Vec<(u64, Option<Slot>)> {
        let last = slots.iter().map(|slot| slot[0]).max().unwrap_or(0);
        let kept = last.saturating_sub(u64::from(self.intervals));
        let marks = slots.iter().map(|slot| slot[0]);
        let Some(first) = marks.filter(|mark| *mark > kept).min() else {
            return Vec::new();
        };
        let interval = |mark: u64| {
            let slot = slots[((mark - 1) % u64::from(self.intervals)) as usize];
            let start = (mark - 1).saturating_mul(self.interval_ns);
            (start, (slot[0] == mark).then_some(slot))
        };
        (first..=last).map(interval).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(of: Gathered, values: &[(i64, u64)]) -> Vec<(u64, Option<i64>)> {
        let series = Series {
            interval_ns: 10,
            intervals: 3,
            of,
            signed: true,
        };
        let mut slots = [[0; 3]; 3];
        for (x, time) in values {
            series.take(&mut slots, *x as u64, *time, 1);
        }
        let shown = series.intervals(&slots).into_iter();
        shown
            .map(|(start, slot)| (start, slot.map(|slot| slot[1] as i64)))
            .collect()
    }

    #[test]
    fn intervals_gather_what_is_asked() {
        let values = [(-3, 100), (5, 101), (-1, 109), (7, 120)];
        for (of, want) in [
            (Gathered::Last, -1),
            (Gathered::Sum, 1),
            (Gathered::Min, -3),
            (Gathered::Max, 5),
            (Gathered::Avg, 1),
        ] {
            let want = [(100, Some(want)), (110, None), (120, Some(7))];
            assert_eq!(taken(of, &values), want, "{of:?}");
        }
    }

    #[test]
    fn later_intervals_take_the_place_of_earlier_ones() {
        let values = [(1, 0), (2, 10), (3, 35), (4, 5)];
        let want = [(10, Some(2)), (20, None), (30, Some(3))];
        assert_eq!(taken(Gathered::Last, &values), want);
        assert_eq!(
            taken(Gathered::Last, &[(1, 0), (2, 1000)]),
            [(1000, Some(2))]
        );
        assert_eq!(taken(Gathered::Sum, &[]), []);
    }
}
