//! Aggregations: what one keeps, and how its value lies in memory (per CPU).
//!
//! In: nothing. Out: the layout that generated code updates, the interpreter mirrors and `agg` merges.
//! Never merges or prints.

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
    /// `hist(x)` or `lhist(x, min, max, step)`: u64 per bucket.
    Hist(HistShape),
}

/// The buckets of a histogram.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HistShape {
    /// Powers of two. Bucket 0: x < 0 (signed operand only). Bucket 1: x = 0. Bucket 2: x = 1.
    /// Bucket k (k >= 2): 2^(k-2) <= x < 2^(k-1). 66 buckets.
    Log2 {
        /// The operand is signed, so bucket 0 can be reached; an unsigned one never is below 0.
        signed: bool,
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
            HistShape::Log2 { .. } => 66,
            HistShape::Linear { min, max, step } => {
                // sema has checked that the span is positive and the count small.
                let span = max.wrapping_sub(min) as u64;
                span.div_ceil(step as u64) as u32 + 2
            }
        }
    }

    /// The bucket of `x`. The reference that kernel and interpreter are held to.
    pub fn bucket(self, x: i64) -> u32 {
        match self {
            HistShape::Log2 { signed: true } if x < 0 => 0,
            HistShape::Log2 { .. } => match x as u64 {
                0 => 1,
                u => (64 - u.leading_zeros()) + 1,
            },
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
            AggKind::Hist(shape) => shape.buckets() * 8,
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
            AggKind::Hist(HistShape::Log2 { .. }) => "hist",
            AggKind::Hist(HistShape::Linear { .. }) => "lhist",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log2_buckets_follow_powers_of_two() {
        let h = HistShape::Log2 { signed: true };
        let got: Vec<u32> = [-1, 0, 1, 2, 3, 4, 7, 8, i64::MAX]
            .iter()
            .map(|&x| h.bucket(x))
            .collect();
        assert_eq!(got, [0, 1, 2, 3, 3, 4, 4, 5, 64]);
        assert_eq!(HistShape::Log2 { signed: false }.bucket(-1), 65);
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
