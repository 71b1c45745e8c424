//! Aggregations: what one keeps, and how its value lies in memory (per CPU).
//!
//! In: nothing. Out: the layout that generated code updates, the interpreter mirrors and `agg` merges.
//! Never merges or prints.

use super::series::{SLOT_BYTES, Series};

/// An aggregation, as assigned to a map.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AggKind {
    /// `count()`: u64 n.
    Count,
    /// `sum(x)`: 64-bit wrapping sum.
    Sum {
        /// Prints as signed.
        signed: bool,
    },
    /// `min(x)`: { value, set (0 or 1) }.
    Min {
        /// Compares and prints as signed.
        signed: bool,
    },
    /// `max(x)`: { value, set (0 or 1) }.
    Max {
        /// Compares and prints as signed.
        signed: bool,
    },
    /// `avg(x)`: { count, wrapping sum }.
    Avg {
        /// Divides and prints as signed.
        signed: bool,
    },
    /// `stats(x)`: as `avg(x)`; prints all three.
    Stats {
        /// Divides and prints as signed.
        signed: bool,
    },
    /// `stddev(x)`: { count, wrapping sum, sum of squares: low and high word }. The squares are of the value as a
    /// signed number when `signed`.
    Stddev {
        /// The values are signed.
        signed: bool,
    },
    /// `hist(x)` or `lhist(x, min, max, step)`: u64 per bucket.
    Hist(HistShape),
    /// `tseries(x, interval, n[, what])`: a [`Slot`](super::series::Slot) for each interval. Its operand is the pair of value and moment (ns).
    Series(Series),
}

impl AggKind {
    /// The type of its merged value; `None` when it has no single one.
    pub fn value(self) -> Option<super::Type> {
        let signed = match self {
            AggKind::Count => true,
            AggKind::Sum { signed }
            | AggKind::Min { signed }
            | AggKind::Max { signed }
            | AggKind::Avg { signed } => signed,
            AggKind::Stats { .. }
            | AggKind::Stddev { .. }
            | AggKind::Hist(_)
            | AggKind::Series(_) => return None,
        };
        Some(super::Type::Int { bits: 64, signed })
    }
}

/// The buckets of a histogram.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HistShape {
    /// Powers of two, each in 2^bits parts of one width. Bucket 0: x < 0 (signed operand only). Bucket 1 + x: x < 2^bits.
    /// From there on, with e the exponent of the highest bit of x: 1 + (e - bits + 1) * 2^bits + the `bits` bits below
    /// the highest one. Without bits: bucket 1: 0; bucket k (k >= 2): 2^(k-2) <= x < 2^(k-1); 66 buckets.
    Log2 {
        /// The operand is signed, so bucket 0 can be reached; an unsigned one never is below 0.
        signed: bool,
        /// 0 to 5.
        bits: u8,
    },
    /// Linear. Bucket 0: x < min. Bucket 1+i: min + i*step <= x < min + (i+1)*step.
    /// The last: x >= max. `(max - min).div_ceil(step) + 2` buckets; compared as signed.
    Linear {
        /// Lower bound, inclusive.
        min: i64,
        /// Upper bound, exclusive.
        max: i64,
        /// Width of a bucket, > 0.
        step: i64,
    },
}

impl HistShape {
    /// Number of buckets.
    pub fn buckets(self) -> u32 {
        match self {
            HistShape::Log2 { bits, .. } => ((65 - u32::from(bits)) << bits) + 1,
            HistShape::Linear { min, max, step } => {
                // sema has checked that the span is positive and the count small.
                let span = max.wrapping_sub(min) as u64;
                span.div_ceil(step as u64) as u32 + 2
            }
        }
    }

    /// The values of a bucket: `low <= x < high`; without a bound it is open there.
    pub fn bounds(self, bucket: u32) -> (Option<i128>, Option<i128>) {
        match self {
            HistShape::Log2 { bits, .. } => {
                // Where the values of bucket 1 + n begin.
                let begin = |n: u32| match n >> bits {
                    0 => i128::from(n),
                    power => i128::from((n & ((1 << bits) - 1)) + (1 << bits)) << (power - 1),
                };
                match bucket {
                    0 => (None, Some(0)),
                    n => (Some(begin(n - 1)), Some(begin(n))),
                }
            }
            HistShape::Linear { min, max, step } => {
                // The last bucket may be narrower than a step.
                let begin = |n: u32| {
                    let at = i128::from(min) + i128::from(n) * i128::from(step);
                    at.min(i128::from(max))
                };
                let last = bucket + 1 == self.buckets();
                (
                    (bucket > 0).then(|| begin(bucket - 1)),
                    (!last).then(|| begin(bucket)),
                )
            }
        }
    }

    /// The bucket of `x`. The reference that kernel and interpreter are held to.
    pub fn bucket(self, x: i64) -> u32 {
        match self {
            HistShape::Log2 { signed: true, .. } if x < 0 => 0,
            HistShape::Log2 { bits, .. } => {
                let (x, bits) = (x as u64, u32::from(bits));
                match x >> bits {
                    0 => x as u32 + 1,
                    high => {
                        let shift = high.ilog2();
                        // The highest bit counts one power more.
                        (shift << bits) + (x >> shift) as u32 + 1
                    }
                }
            }
            HistShape::Linear { min, max, step } => {
                if x < min {
                    0
                } else if x >= max {
                    self.buckets() - 1
                } else {
                    (x.wrapping_sub(min) as u64 / step as u64) as u32 + 1
                }
            }
        }
    }
}

impl AggKind {
    /// Bytes of one CPU's value; a multiple of 8.
    pub fn size(self) -> u32 {
        match self {
            AggKind::Count | AggKind::Sum { .. } => 8,
            AggKind::Min { .. }
            | AggKind::Max { .. }
            | AggKind::Avg { .. }
            | AggKind::Stats { .. } => 16,
            AggKind::Stddev { .. } => 32,
            AggKind::Hist(shape) => shape.buckets() * 8,
            AggKind::Series(series) => series.intervals * SLOT_BYTES,
        }
    }

    /// The function's name in the language.
    pub fn name(self) -> &'static str {
        match self {
            AggKind::Count => "count",
            AggKind::Sum { .. } => "sum",
            AggKind::Min { .. } => "min",
            AggKind::Max { .. } => "max",
            AggKind::Avg { .. } => "avg",
            AggKind::Stats { .. } => "stats",
            AggKind::Stddev { .. } => "stddev",
            AggKind::Hist(HistShape::Log2 { .. }) => "hist",
            AggKind::Hist(HistShape::Linear { .. }) => "lhist",
            AggKind::Series(_) => "tseries",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log2_buckets_follow_powers_of_two() {
        let h = HistShape::Log2 {
            signed: true,
            bits: 0,
        };
        let got: Vec<u32> = [-1, 0, 1, 2, 3, 4, 7, 8, i64::MAX]
            .iter()
            .map(|&x| h.bucket(x))
            .collect();
        assert_eq!(got, [0, 1, 2, 3, 3, 4, 4, 5, 64]);
        let h = HistShape::Log2 {
            signed: false,
            bits: 0,
        };
        assert_eq!(h.bucket(-1), 65);
    }

    #[test]
    fn powers_of_two_have_parts() {
        let h = HistShape::Log2 {
            signed: true,
            bits: 2,
        };
        let got: Vec<u32> = [-1, 0, 3, 4, 7, 8, 9, 10, 15, 16, 19, 20]
            .iter()
            .map(|&x| h.bucket(x))
            .collect();
        assert_eq!(got, [0, 1, 4, 5, 8, 9, 9, 10, 12, 13, 13, 14]);
        for bits in 0..=5 {
            let h = HistShape::Log2 {
                signed: false,
                bits,
            };
            assert_eq!(h.bucket(-1) + 1, h.buckets());
        }
    }

    #[test]
    fn linear_buckets_have_two_open_ends() {
        let h = HistShape::Linear {
            min: 0,
            max: 10,
            step: 3,
        };
        assert_eq!(h.buckets(), 6);
        let got: Vec<u32> = [-5, 0, 2, 3, 9, 10, 99]
            .iter()
            .map(|&x| h.bucket(x))
            .collect();
        assert_eq!(got, [0, 1, 1, 2, 4, 5, 5]);
    }
}
