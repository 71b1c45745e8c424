//! The value of one map entry: plain, or what an aggregation has gathered.
//!
//! In: bytes of one CPU in the layout of [`AggKind`], or single values from the interpreter. Out: cells that
//! can be merged, compared and read. Never knows its key.

use super::Malformed;
use crate::ir::MapValue;
use crate::types::{AggKind, HistShape, Value};
use std::cmp::Ordering;

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
    /// `hist(x)`, `lhist(x, …)`
    Hist {
        /// What its buckets are.
        shape: HistShape,
        /// Values in each bucket.
        buckets: Vec<u64>,
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
            AggKind::Hist(shape) => Cell::Hist {
                shape,
                buckets: vec![0; shape.buckets() as usize],
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
            AggKind::Hist(shape) => Cell::Hist {
                shape,
                buckets: words,
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
            Cell::Hist { buckets, .. } => words(buckets),
        }
    }

    /// Takes one more value of an aggregation (`count()` ignores it). A plain cell stays as it is.
    pub fn update(&mut self, x: u64) {
        match self {
            Cell::Plain(_) => {}
            Cell::Count(n) => *n = n.wrapping_add(1),
            Cell::Sum { sum, .. } => *sum = sum.wrapping_add(x),
            Cell::Min { least, signed } => {
                *least = Some(extreme(*least, x, *signed, Ordering::Less))
            }
            Cell::Max { greatest, signed } => {
                *greatest = Some(extreme(*greatest, x, *signed, Ordering::Greater));
            }
            Cell::Avg { count, sum, .. } | Cell::Stats { count, sum, .. } => {
                *count = count.wrapping_add(1);
                *sum = sum.wrapping_add(x);
            }
            Cell::Hist { shape, buckets } => {
                if let Some(n) = buckets.get_mut(shape.bucket(x as i64) as usize) {
                    *n = n.wrapping_add(1);
                }
            }
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
            (Cell::Hist { buckets: a, .. }, Cell::Hist { buckets: b, .. }) => {
                a.iter_mut()
                    .zip(b)
                    .for_each(|(a, b)| *a = a.wrapping_add(*b));
            }
            _ => {}
        }
    }

    /// An aggregation that cannot be told from one that never got a value (a count or sum can: it is 0).
    pub fn is_empty(&self) -> bool {
        match self {
            Cell::Plain(_) | Cell::Count(_) | Cell::Sum { .. } => false,
            Cell::Min { least: x, .. } | Cell::Max { greatest: x, .. } => x.is_none(),
            Cell::Avg { count, .. } | Cell::Stats { count, .. } => *count == 0,
            Cell::Hist { .. } => self.total() == 0,
        }
    }

    /// The number to print; an average is truncated, one of nothing is 0, and that of `stats()` stands for all
    /// three. `None` for histograms and for plain values that are no numbers.
    pub fn number(&self) -> Option<Value> {
        Some(match self {
            Cell::Plain(v @ (Value::Int(_) | Value::Uint(_))) => v.clone(),
            Cell::Plain(_) | Cell::Hist { .. } => return None,
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

    /// Order of rows: by number, histograms by their total.
    pub fn compare(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Cell::Plain(a), Cell::Plain(b)) => a.cmp(b),
            (Cell::Hist { .. }, Cell::Hist { .. }) => self.total().cmp(&other.total()),
            _ => self.number().cmp(&other.number()),
        }
    }
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
