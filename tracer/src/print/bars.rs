//! The buckets of a histogram with their bounds.
//!
//! In: a shape and the counts of its buckets. Out: the buckets from the first to the last that is not empty,
//! with bounds as numbers and as labels. Never draws.

use super::number;
use crate::types::HistShape;

/// A bound of a bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// Its value; 2^64 and above are cut to 64 bits.
    pub value: i128,
    /// Written with K, M, G, T, P or E (1024, …) where it divides.
    pub suffix: bool,
}

/// A bucket: `low <= x < high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bar {
    /// `None`: everything below `high`.
    pub low: Option<Bound>,
    /// `None`: everything from `low`.
    pub high: Option<Bound>,
    /// Values in it.
    pub count: u64,
}

/// From the first to the last bucket that holds something; empty when none does. `div` divides the counts
/// of powers of two; it does not apply to linear ones, as in bpftrace.
pub fn bars(shape: HistShape, buckets: &[u64], div: u64) -> Vec<Bar> {
    let Some(first) = buckets.iter().position(|n| *n != 0) else {
        return Vec::new();
    };
    let last = buckets.iter().rposition(|n| *n != 0).unwrap_or(first);
    let div = match shape {
        HistShape::Log2 { .. } => div.max(1),
        HistShape::Linear { .. } => 1,
    };
    let bar = |(i, count): (usize, &u64)| bar(shape, i, count / div);
    buckets
        .iter()
        .enumerate()
        .take(last + 1)
        .skip(first)
        .map(bar)
        .collect()
}

fn bar(shape: HistShape, bucket: usize, count: u64) -> Bar {
    let suffix = |value: i128| match shape {
        // Whole numbers up to the first powers of two, as bpftrace labels them.
        HistShape::Log2 { .. } => value >= 2,
        HistShape::Linear { step, .. } => step % 1024 == 0,
    };
    let bound = |value: i128| Bound {
        value,
        suffix: suffix(value),
    };
    let (low, high) = shape.bounds(bucket as u32);
    Bar {
        low: low.map(bound),
        high: high.map(bound),
        count,
    }
}

impl Bar {
    /// `[4, 8)`, `[1]`, `(..., 0)`, `[100, ...)`
    pub fn label(&self, out: &mut Vec<u8>) {
        match (self.low, self.high) {
            (Some(low), Some(high)) if self.is_single() => {
                debug_assert!(low.value < high.value);
                out.push(b'[');
                low.label(out);
                out.push(b']');
            }
            (low, high) => {
                out.extend_from_slice(if low.is_some() { b"[" } else { b"(..." });
                low.iter().for_each(|b| b.label(out));
                out.extend_from_slice(b", ");
                match high {
                    Some(high) => high.label(out),
                    None => out.extend_from_slice(b"..."),
                }
                out.push(b')');
            }
        }
    }

    /// Holds one number, and its bounds are written as numbers.
    fn is_single(&self) -> bool {
        match (self.low, self.high) {
            (Some(low), Some(high)) => low.value + 1 == high.value,
            _ => false,
        }
    }
}

impl Bound {
    /// `512`, `1K`, `-3`
    fn label(self, out: &mut Vec<u8>) {
        let mut value = self.value;
        let mut suffix = None;
        if self.suffix && value != 0 {
            for letter in *b"KMGTPE" {
                if value % 1024 != 0 {
                    break;
                }
                value /= 1024;
                suffix = Some(letter);
            }
        }
        if value < 0 {
            out.push(b'-');
        }
        number::decimal(out, value.unsigned_abs() as u64);
        out.extend(suffix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(shape: HistShape) -> Vec<String> {
        let counts = vec![1; shape.buckets() as usize];
        let label = |bar: &Bar| {
            let mut out = Vec::new();
            bar.label(&mut out);
            String::from_utf8(out).expect("ASCII")
        };
        bars(shape, &counts, 1).iter().map(label).collect()
    }

    #[test]
    fn powers_of_two_are_labelled_with_suffixes() {
        let all = labels(HistShape::Log2 {
            signed: true,
            bits: 0,
        });
        assert_eq!(all[..5], ["(..., 0)", "[0]", "[1]", "[2, 4)", "[4, 8)"]);
        assert_eq!(all[11..13], ["[512, 1K)", "[1K, 2K)"]);
        assert_eq!(all[21], "[512K, 1M)");
        assert_eq!(all[65], "[8E, 16E)");
    }

    #[test]
    fn labels_hold_exactly_the_values_of_their_bucket() {
        for shape in [
            HistShape::Log2 {
                signed: true,
                bits: 0,
            },
            HistShape::Linear {
                min: -5,
                max: 20,
                step: 10,
            },
            HistShape::Linear {
                min: 0,
                max: 4096,
                step: 1024,
            },
        ] {
            let counts = vec![1; shape.buckets() as usize];
            let all = bars(shape, &counts, 1);
            for x in (-100..5000).chain([i64::MAX, i64::MIN, 1 << 40]) {
                let holds = |b: &Bar| {
                    let x = i128::from(x);
                    b.low.is_none_or(|low| low.value <= x)
                        && b.high.is_none_or(|high| x < high.value)
                };
                let found: Vec<usize> = (0..all.len()).filter(|i| holds(&all[*i])).collect();
                assert_eq!(found, [shape.bucket(x) as usize], "{x} in {shape:?}");
            }
        }
    }

    #[test]
    fn linear_labels_end_open() {
        let got = labels(HistShape::Linear {
            min: 0,
            max: 20,
            step: 10,
        });
        assert_eq!(got, ["(..., 0)", "[0, 10)", "[10, 20)", "[20, ...)"]);
        let got = labels(HistShape::Linear {
            min: 0,
            max: 2,
            step: 1,
        });
        assert_eq!(got, ["(..., 0)", "[0]", "[1]", "[2, ...)"]);
        let got = labels(HistShape::Linear {
            min: 0,
            max: 2048,
            step: 1024,
        });
        assert_eq!(got, ["(..., 0)", "[0, 1K)", "[1K, 2K)", "[2K, ...)"]);
    }

    #[test]
    fn empty_ends_are_left_out() {
        let mut counts = vec![0; 66];
        assert_eq!(
            bars(
                HistShape::Log2 {
                    signed: true,
                    bits: 0
                },
                &counts,
                1
            ),
            []
        );
        counts[3] = 10;
        counts[5] = 4;
        let got: Vec<u64> = bars(
            HistShape::Log2 {
                signed: true,
                bits: 0,
            },
            &counts,
            2,
        )
        .iter()
        .map(|b| b.count)
        .collect();
        assert_eq!(got, [5, 0, 2]);
    }
}
