//! The value of one map entry: plain, or what an aggregation has gathered.
//!
//! In: bytes of one CPU in the layout of [`AggKind`], or single values from the interpreter. Out: cells that
//! can be merged, compared and read. Never knows its key.

use super::Malformed;
use crate::ir::MapValue;
use crate::types::series::Slot;
use crate::types::{AggKind, Gathered, HistShape, Series, Value};
use std::cmp::Ordering;

/// What an aggregation is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operand {
    /// The number's 64 bits.
    pub x: u64,
    /// Its moment, ns; only series ask for it.
    pub time_ns: u64,
}

/// A map entry's value. Sums wrap at 64 bits, as in the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cell {
    /// A plain value.
    Plain(Value),
    /// `count()`
    Count(u64),
    /// `sum(x)`
    Sum {
        /// The sum's 64 bits.
        sum: u64,
        /// It is a signed number.
        signed: bool,
    },
    /// `min(x)`; `None` before the first value.
    Min {
        /// The least value's 64 bits.
        least: Option<u64>,
        /// They are signed numbers.
        signed: bool,
    },
    /// `max(x)`; `None` before the first value.
    Max {
        /// The greatest value's 64 bits.
        greatest: Option<u64>,
        /// They are signed numbers.
        signed: bool,
    },
    /// `avg(x)`
    Avg {
        /// Number of values.
        count: u64,
        /// Their sum's 64 bits.
        sum: u64,
        /// They are signed numbers.
        signed: bool,
    },
    /// `stats(x)`
    Stats {
        /// Number of values.
        count: u64,
        /// Their sum's 64 bits.
        sum: u64,
        /// They are signed numbers.
        signed: bool,
    },
    /// `stddev(x)`
    Stddev {
        /// Number of values.
        count: u64,
        /// Their sum's 64 bits.
        sum: u64,
        /// The sum of their squares.
        squares: u128,
        /// They are signed numbers.
        signed: bool,
    },
    /// `hist(x)`, `lhist(x, …)`
    Hist {
        /// What its buckets are.
        shape: HistShape,
        /// Values in each bucket.
        buckets: Vec<u64>,
    },
    /// `tseries(x, …)`
    Series {
        /// What its intervals are.
        series: Series,
        /// One for each interval that is kept.
        slots: Vec<Slot>,
    },
}

impl Cell {
    /// Before the first value. A plain cell starts as 0 or empty.
    pub fn new(value: &MapValue) -> Cell {
        match value {
            MapValue::Agg(kind) => Cell::empty(*kind),
            MapValue::Plain(ty) => {
                let zeroes = vec![0; ty.size() as usize];
                Cell::Plain(Value::read(ty, &zeroes).unwrap_or(Value::Absent))
            }
        }
    }

    fn empty(kind: AggKind) -> Cell {
        match kind {
            AggKind::Count => Cell::Count(0),
            AggKind::Sum { signed } => Cell::Sum { sum: 0, signed },
            AggKind::Min { signed } => Cell::Min {
                least: None,
                signed,
            },
            AggKind::Max { signed } => Cell::Max {
                greatest: None,
                signed,
            },
            AggKind::Avg { signed } => Cell::Avg {
                count: 0,
                sum: 0,
                signed,
            },
            AggKind::Stats { signed } => Cell::Stats {
                count: 0,
                sum: 0,
                signed,
            },
            AggKind::Stddev { signed } => Cell::Stddev {
                count: 0,
                sum: 0,
                squares: 0,
                signed,
            },
            AggKind::Hist(shape) => Cell::Hist {
                shape,
                buckets: vec![0; shape.buckets() as usize],
            },
            AggKind::Series(series) => Cell::Series {
                series,
                slots: vec![[0; 3]; series.intervals as usize],
            },
        }
    }

    /// What one CPU holds.
    ///
    /// # Errors
    /// When there are fewer bytes than the layout has.
    pub fn read(value: &MapValue, bytes: &[u8]) -> Result<Cell, Malformed> {
        let expected = match value {
            MapValue::Plain(ty) => ty.size(),
            MapValue::Agg(kind) => kind.size(),
        } as usize;
        let malformed = Malformed {
            what: "value",
            expected,
            found: bytes.len(),
        };
        let bytes = bytes.get(..expected).ok_or(malformed)?;
        let kind = match value {
            MapValue::Plain(ty) => return Value::read(ty, bytes).map(Cell::Plain).ok_or(malformed),
            MapValue::Agg(kind) => *kind,
        };
        let words: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|w| u64::from_ne_bytes(w.try_into().expect("chunks of 8")))
            .collect();
        Ok(Cell::from_words(kind, words))
    }

    /// `words` has the aggregation's size.
    fn from_words(kind: AggKind, words: Vec<u64>) -> Cell {
        let set = |words: &[u64]| (words[1] != 0).then_some(words[0]);
        match kind {
            AggKind::Count => Cell::Count(words[0]),
            AggKind::Sum { signed } => Cell::Sum {
                sum: words[0],
                signed,
            },
            AggKind::Min { signed } => Cell::Min {
                least: set(&words),
                signed,
            },
            AggKind::Max { signed } => Cell::Max {
                greatest: set(&words),
                signed,
            },
            AggKind::Avg { signed } => Cell::Avg {
                count: words[0],
                sum: words[1],
                signed,
            },
            AggKind::Stats { signed } => Cell::Stats {
                count: words[0],
                sum: words[1],
                signed,
            },
            AggKind::Stddev { signed } => Cell::Stddev {
                count: words[0],
                sum: words[1],
                squares: u128::from(words[3]) << 64 | u128::from(words[2]),
                signed,
            },
            AggKind::Hist(shape) => Cell::Hist {
                shape,
                buckets: words,
            },
            AggKind::Series(series) => Cell::Series {
                series,
                slots: words.as_chunks().0.to_vec(),
            },
        }
    }

    /// Appends the cell as one CPU would hold it: the inverse of [`Cell::read`].
    pub fn write(&self, value: &MapValue, out: &mut Vec<u8>) {
        let mut words = |words: &[u64]| words.iter().for_each(|w| out.extend(w.to_ne_bytes()));
        match self {
            Cell::Plain(v) => {
                if let MapValue::Plain(ty) = value {
                    v.write(ty, out);
                }
            }
            Cell::Count(n) => words(&[*n]),
            Cell::Sum { sum, .. } => words(&[*sum]),
            Cell::Min { least: x, .. } | Cell::Max { greatest: x, .. } => {
                words(&[x.unwrap_or(0), u64::from(x.is_some())]);
            }
            Cell::Avg { count, sum, .. } | Cell::Stats { count, sum, .. } => {
                words(&[*count, *sum]);
            }
            Cell::Stddev {
                count,
                sum,
                squares,
                ..
            } => words(&[*count, *sum, *squares as u64, (*squares >> 64) as u64]),
            Cell::Hist { buckets, .. } => words(buckets),
            Cell::Series { slots, .. } => words(slots.as_flattened()),
        }
    }

    /// Takes one more value of an aggregation (`count()` ignores it). A plain cell stays as it is.
    pub fn update(&mut self, x: u64) {
        self.update_times(Operand { x, time_ns: 0 }, 1);
    }

    /// Takes the same value so many times.
    pub fn update_times(&mut self, operand: Operand, times: u64) {
        let Operand { x, time_ns } = operand;
        if times == 0 {
            return;
        }
        match self {
            Cell::Plain(_) => {}
            Cell::Count(n) => *n = n.wrapping_add(times),
            Cell::Sum { sum, .. } => *sum = sum.wrapping_add(x.wrapping_mul(times)),
            Cell::Min { least, signed } => {
                *least = Some(extreme(*least, x, *signed, Ordering::Less))
            }
            Cell::Max { greatest, signed } => {
                *greatest = Some(extreme(*greatest, x, *signed, Ordering::Greater));
            }
            Cell::Avg { count, sum, .. } | Cell::Stats { count, sum, .. } => {
                *count = count.wrapping_add(times);
                *sum = sum.wrapping_add(x.wrapping_mul(times));
            }
            Cell::Stddev {
                count,
                sum,
                squares,
                signed,
            } => {
                *count = count.wrapping_add(times);
                *sum = sum.wrapping_add(x.wrapping_mul(times));
                let magnitude = if *signed {
                    (x as i64).unsigned_abs()
                } else {
                    x
                };
                let square = u128::from(magnitude).pow(2);
                *squares = squares.wrapping_add(square.wrapping_mul(times.into()));
            }
            Cell::Hist { shape, buckets } => {
                if let Some(n) = buckets.get_mut(shape.bucket(x as i64) as usize) {
                    *n = n.wrapping_add(times);
                }
            }
            Cell::Series { series, slots } => series.take(slots, x, time_ns, times),
        }
    }

    /// Adds what another CPU gathered for the same key. Cells of different kinds stay as they are.
    pub fn merge(&mut self, other: &Cell) {
        match (self, other) {
            (Cell::Count(a), Cell::Count(b)) => *a = a.wrapping_add(*b),
            (Cell::Sum { sum: a, .. }, Cell::Sum { sum: b, .. }) => *a = a.wrapping_add(*b),
            (this @ Cell::Min { .. }, Cell::Min { least: Some(x), .. })
            | (
                this @ Cell::Max { .. },
                Cell::Max {
                    greatest: Some(x), ..
                },
            ) => this.update(*x),
            (
                Cell::Avg { count, sum, .. },
                Cell::Avg {
                    count: n, sum: s, ..
                },
            )
            | (
                Cell::Stats { count, sum, .. },
                Cell::Stats {
                    count: n, sum: s, ..
                },
            ) => {
                *count = count.wrapping_add(*n);
                *sum = sum.wrapping_add(*s);
            }
            (
                Cell::Stddev {
                    count,
                    sum,
                    squares,
                    ..
                },
                Cell::Stddev {
                    count: n,
                    sum: s,
                    squares: q,
                    ..
                },
            ) => {
                *count = count.wrapping_add(*n);
                *sum = sum.wrapping_add(*s);
                *squares = squares.wrapping_add(*q);
            }
            (Cell::Hist { buckets: a, .. }, Cell::Hist { buckets: b, .. }) => {
                a.iter_mut()
                    .zip(b)
                    .for_each(|(a, b)| *a = a.wrapping_add(*b));
            }
            (Cell::Series { series, slots }, Cell::Series { slots: others, .. }) => {
                let pairs = slots.iter_mut().zip(others);
                pairs.for_each(|(slot, other)| series.join(slot, *other));
            }
            _ => {}
        }
    }

    /// An aggregation that cannot be told from one that never got a value (a count or sum can: it is 0).
    pub fn is_empty(&self) -> bool {
        match self {
            Cell::Plain(_) | Cell::Count(_) | Cell::Sum { .. } => false,
            Cell::Min { least: x, .. } | Cell::Max { greatest: x, .. } => x.is_none(),
            Cell::Avg { count, .. } | Cell::Stats { count, .. } | Cell::Stddev { count, .. } => {
                *count == 0
            }
            Cell::Hist { .. } => self.total() == 0,
            Cell::Series { slots, .. } => slots.iter().all(|slot| slot[0] == 0),
        }
    }

    /// The number to print; an average is truncated, one of nothing is 0, and that of `stats()` stands for all
    /// three. `None` for histograms, series, and for plain values that are no numbers.
    pub fn number(&self) -> Option<Value> {
        Some(match self {
            Cell::Plain(v @ (Value::Int(_) | Value::Uint(_))) => v.clone(),
            Cell::Plain(_) | Cell::Hist { .. } | Cell::Stddev { .. } | Cell::Series { .. } => {
                return None;
            }
            Cell::Count(n) => Value::Uint(*n),
            Cell::Sum { sum, signed } => number(*sum, *signed),
            Cell::Min { least: x, signed }
            | Cell::Max {
                greatest: x,
                signed,
            } => number(x.unwrap_or(0), *signed),
            Cell::Avg { count, sum, signed } | Cell::Stats { count, sum, signed } => {
                average(*count, *sum, *signed)
            }
        })
    }

    /// Of `stddev()`: the square root of the mean of the squared distances from the mean, exact up to the root while
    /// the numbers allow; `None` for anything else.
    pub fn deviation(&self) -> Option<f64> {
        let Cell::Stddev {
            count,
            sum,
            squares,
            signed,
        } = *self
        else {
            return None;
        };
        if count == 0 {
            return Some(0.0);
        }
        let magnitude = if signed {
            (sum as i64).unsigned_abs()
        } else {
            sum
        };
        let of_sum = u128::from(magnitude).pow(2);
        let n = count as f64;
        let variance = match squares.checked_mul(u128::from(count)) {
            Some(of_all) => of_all.saturating_sub(of_sum) as f64 / n / n,
            None => (squares as f64 - of_sum as f64 / n).max(0.0) / n,
        };
        Some(variance.sqrt())
    }

    /// The value that a script reads, of the type that the map's kind has; absent for what has none.
    pub fn value(&self) -> Value {
        match self {
            Cell::Plain(value) => value.clone(),
            Cell::Count(n) => Value::Int(*n as i64),
            Cell::Stats { .. } | Cell::Stddev { .. } => Value::Absent,
            other => other.number().unwrap_or(Value::Absent),
        }
    }

    /// Number of values, average and total of `stats()`; `None` for anything else.
    pub fn stats(&self) -> Option<(u64, Value, Value)> {
        match self {
            Cell::Stats { count, sum, signed } => {
                let average = average(*count, *sum, *signed);
                Some((*count, average, number(*sum, *signed)))
            }
            _ => None,
        }
    }

    /// Values in all buckets of a histogram; 0 for anything else.
    pub fn total(&self) -> u64 {
        match self {
            Cell::Hist { buckets, .. } => buckets.iter().fold(0, |sum, n| sum.wrapping_add(*n)),
            _ => 0,
        }
    }

    /// Of a histogram the number below which so many millionths of its values lie: within the bucket where that is, in
    /// proportion. A bucket without an end stands for its bound. `None` without values, and for anything else.
    pub fn quantile(&self, millionths: u32) -> Option<i64> {
        let Cell::Hist { shape, buckets } = self else {
            return None;
        };
        let total: u128 = buckets.iter().map(|n| u128::from(*n)).sum();
        // In millionths of a value.
        let wanted = total * u128::from(millionths.min(1_000_000));
        let mut before = 0u128;
        for (at, count) in buckets.iter().enumerate().filter(|(_, n)| **n > 0) {
            let inside = u128::from(*count) * 1_000_000;
            if before + inside >= wanted {
                let (low, high) = shape.bounds(at as u32);
                let (Some(low), Some(high)) = (low, high) else {
                    return low.or(high).map(clamped);
                };
                let width = (high - low) as u128;
                let part = width * (wanted - before) / inside;
                return Some(clamped((low + part as i128).min(high - 1)));
            }
            before += inside;
        }
        None
    }

    /// Of a series its intervals, oldest first, each by its beginning (ns of the monotonic clock); `None` where there is no value.
    /// Nothing for anything else.
    pub fn intervals(&self) -> Vec<(u64, Option<Value>)> {
        let Cell::Series { series, slots } = self else {
            return Vec::new();
        };
        let value = |slot: Slot| match series.of {
            Gathered::Avg => average(slot[2], slot[1], series.signed),
            _ => number(slot[1], series.signed),
        };
        let intervals = series.intervals(slots).into_iter();
        intervals
            .map(|(start, slot)| (start, slot.map(value)))
            .collect()
    }

    /// Order of rows: by number, histograms by their total, series by their latest value.
    pub fn compare(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Cell::Plain(a), Cell::Plain(b)) => a.cmp(b),
            (Cell::Hist { .. }, Cell::Hist { .. }) => self.total().cmp(&other.total()),
            (Cell::Stddev { .. }, Cell::Stddev { .. }) => {
                let (a, b) = (self.deviation(), other.deviation());
                a.unwrap_or(0.0).total_cmp(&b.unwrap_or(0.0))
            }
            (Cell::Series { .. }, Cell::Series { .. }) => {
                let latest = |cell: &Cell| cell.intervals().pop().and_then(|(_, value)| value);
                latest(self).cmp(&latest(other))
            }
            _ => self.number().cmp(&other.number()),
        }
    }
}

fn clamped(x: i128) -> i64 {
    x.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn number(bits: u64, signed: bool) -> Value {
    match signed {
        true => Value::Int(bits as i64),
        false => Value::Uint(bits),
    }
}

/// Truncated; that of nothing is 0.
fn average(count: u64, sum: u64, signed: bool) -> Value {
    match (count, signed) {
        (0, _) => number(0, signed),
        // A count above i64::MAX cannot be reached.
        (_, true) => Value::Int((sum as i64).wrapping_div(count as i64)),
        (_, false) => Value::Uint(sum / count),
    }
}

/// The one of two values that lies to the `wanted` side.
fn extreme(best: Option<u64>, x: u64, signed: bool, wanted: Ordering) -> u64 {
    let Some(best) = best else { return x };
    let order = match signed {
        true => (x as i64).cmp(&(best as i64)),
        false => x.cmp(&best),
    };
    if order == wanted { x } else { best }
}
