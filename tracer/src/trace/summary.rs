//! The summary: one table of all calls, their times and errors.
//!
//! In: what the maps of the generated script hold. Out: [`Row`]s in the order asked for, and their [`total`]. Never prints.
//!
//! Times are those between entry and return, on the wall clock: what a caller waited. A call whose entry was not seen is
//! counted and has no time. The 99th percentile is read off a histogram: it is exact to the width of a bucket.

use crate::agg::{Cell, Table};
use crate::types::{HistShape, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Maps of the script, by name.
const CALLS: &str = "calls";
const ERRORS: &str = "errors";
const TOTAL: &str = "total";
const LEAST: &str = "least";
const MOST: &str = "most";
const TIMES: &str = "times";

/// What a clause does with a call that ends, or with one that never does.
pub(super) fn statements(ends: bool) -> &'static str {
    match ends {
        true => {
            " @calls[name] = count(); @total[name] = sum(duration); @least[name] = min(duration); \
             @most[name] = max(duration); @times[name] = hist(duration); \
             if (errno != 0) { @errors[name] = count(); }"
        }
        false => " @calls[name] = count();",
    }
}

/// What is known of one call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// Which: raw bits of [`Lazy::SyscallName`](crate::types::Lazy::SyscallName).
    pub call: u64,
    /// How often.
    pub calls: u64,
    /// How often it failed.
    pub errors: u64,
    /// Calls that have a time.
    pub timed: u64,
    /// Time of all of them.
    pub total_ns: u64,
    /// Shortest.
    pub min_ns: u64,
    /// Longest.
    pub max_ns: u64,
    /// So long took 99 of 100 at most.
    pub p99_ns: u64,
}

impl Row {
    /// The average; 0 without times.
    pub fn mean_ns(&self) -> u64 {
        self.total_ns.checked_div(self.timed).unwrap_or(0)
    }
}

/// Orders of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// By time, longest first.
    #[default]
    Time,
    /// By number of calls, most first.
    Calls,
    /// By number of errors, most first.
    Errors,
    /// By name.
    Name,
    /// By the shortest call, longest first.
    Min,
    /// By the average, longest first.
    Mean,
    /// By the longest call, longest first.
    Max,
    /// By the 99th percentile, longest first.
    P99,
    /// By number.
    Number,
}

/// Adds a table of the script to the rows, by call.
pub fn add(rows: &mut BTreeMap<u64, Row>, table: &Table) {
    for entry in &table.rows {
        let Some(call) = entry.key.first().map(Value::bits) else {
            continue;
        };
        let row = rows.entry(call).or_default();
        row.call = call;
        let number = || entry.cell.number().map_or(0, |value| value.bits());
        match (table.name.as_str(), &entry.cell) {
            (CALLS, _) => row.calls = number(),
            (ERRORS, _) => row.errors = number(),
            (TOTAL, _) => row.total_ns = number(),
            (LEAST, _) => row.min_ns = number(),
            (MOST, _) => row.max_ns = number(),
            (TIMES, Cell::Hist { shape, buckets }) => {
                row.timed = buckets.iter().sum();
                row.p99_ns = percentile(*shape, buckets, 99);
            }
            _ => {}
        }
    }
}

/// The rows in order; a percentile is never outside of what was seen.
pub fn sorted(rows: BTreeMap<u64, Row>, order: Order, name: impl Fn(u64) -> String) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.into_values().collect();
    for row in &mut rows {
        row.p99_ns = row.p99_ns.clamp(row.min_ns, row.max_ns.max(row.min_ns));
    }
    rows.sort_by_cached_key(|row| (name(row.call), row.call));
    let first_largest = |of: fn(&Row) -> u64| move |row: &Row| Reverse(of(row));
    match order {
        Order::Name => {}
        Order::Number => rows.sort_by_key(|row| row.call),
        Order::Time => rows.sort_by_key(first_largest(|row| row.total_ns)),
        Order::Calls => rows.sort_by_key(first_largest(|row| row.calls)),
        Order::Errors => rows.sort_by_key(first_largest(|row| row.errors)),
        Order::Min => rows.sort_by_key(first_largest(|row| row.min_ns)),
        Order::Mean => rows.sort_by_key(first_largest(Row::mean_ns)),
        Order::Max => rows.sort_by_key(first_largest(|row| row.max_ns)),
        Order::P99 => rows.sort_by_key(first_largest(|row| row.p99_ns)),
    }
    rows
}

/// All rows as one. A percentile of all calls does not follow from theirs: it is the largest of them.
pub fn total(rows: &[Row]) -> Row {
    let mut total = Row::default();
    for row in rows {
        if row.timed > 0 {
            total.min_ns = match total.timed {
                0 => row.min_ns,
                _ => total.min_ns.min(row.min_ns),
            };
        }
        total.calls += row.calls;
        total.errors += row.errors;
        total.timed += row.timed;
        total.total_ns += row.total_ns;
        total.max_ns = total.max_ns.max(row.max_ns);
        total.p99_ns = total.p99_ns.max(row.p99_ns);
    }
    total
}

/// The value that `percent` of the counted values do not exceed, by proportion inside its bucket.
fn percentile(shape: HistShape, buckets: &[u64], percent: u64) -> u64 {
    let count: u64 = buckets.iter().sum();
    let rank = (u128::from(count) * u128::from(percent)).div_ceil(100) as u64;
    let mut before = 0;
    for (bucket, &n) in buckets.iter().enumerate() {
        if n > 0 && before + n >= rank {
            let (low, high) = shape.bounds(bucket as u32);
            let (low, high) = (low.unwrap_or(0).max(0), high.unwrap_or(0));
            let width = (high - 1 - low).max(0) as f64;
            let share = (rank - before) as f64 / n as f64;
            return low as u64 + (width * share) as u64;
        }
        before += n;
    }
    0
}
