//! Distributions of durations: each power of two in eight parts.
//!
//! In: buckets that a run has counted. Out: [`Histogram`], its quantiles. A quantile is exact to within its bucket (an eighth), and
//! is taken in proportion inside of it.

use crate::types::HistShape;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The shape of all durations in profiles: `hist(duration, 3)`.
pub const SHAPE: HistShape = HistShape::Log2 {
    signed: false,
    bits: 3,
};

/// Values by the lower bound of their bucket.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u64, u64>);

impl Histogram {
    /// From the buckets of an aggregation of [`SHAPE`].
    pub fn of_buckets(buckets: &[u64]) -> Histogram {
        let used = buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        let bounds = used.map(|(bucket, count)| {
            let (low, _) = SHAPE.bounds(bucket as u32);
            (low.unwrap_or(0) as u64, *count)
        });
        Histogram(bounds.collect())
    }

    /// Adds one value.
    pub fn add(&mut self, value: u64) {
        let bucket = SHAPE.bucket(value.min(i64::MAX as u64) as i64);
        let (low, _) = SHAPE.bounds(bucket);
        *self.0.entry(low.unwrap_or(0) as u64).or_default() += 1;
    }

    /// Adds another's values.
    pub fn merge(&mut self, other: &Histogram) {
        for (low, count) in &other.0 {
            *self.0.entry(*low).or_default() += count;
        }
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The value below which that share of all lies; `None` when there are none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.count() as f64;
        let mut below = 0.0;
        for (low, count) in &self.0 {
            let count = *count as f64;
            if below + count >= wanted && count > 0.0 {
                let (_, high) = SHAPE.bounds(SHAPE.bucket((*low).min(i64::MAX as u64) as i64));
                let (low, high) = (*low as f64, high.unwrap_or(0) as f64);
                let inside = ((wanted - below) / count).clamp(0.0, 1.0);
                return Some(low + (high - low) * inside);
            }
            below += count;
        }
        None
    }
}
