//! The summary: one table of all calls, their times and errors.
//!
//! In: what the maps of the generated script hold. Out: [`Row`]s in the order asked for, and their [`total`]. Never prints.
//!
//! Times are those between entry and return, on the wall clock: what a caller waited. A call whose entry was not seen is
//! counted and has no time. For the 99th percentile times are counted by their five highest bits: each bucket is as wide as a sixteenth
//! of its lower end at most, and its middle is told.

use crate::agg::Table;
use crate::types::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Maps of the script, by name.
const CALLS: &str = "calls";
const ERRORS: &str = "errors";
const TOTAL: &str = "total";
const LEAST: &str = "least";
const MOST: &str = "most";
const TIMES: &str = "times";

/// Highest bits of a time that its bucket keeps: as many as the script's last shift.
const KEPT: u32 = 5;

/// What stands before all clauses: room for the buckets of all calls. One map for all of them takes as much memory as buckets are used; a
/// histogram of such a width a call would be 8 KiB on each CPU.
pub(super) const DECLARATIONS: &str = "let @times = hash(65536);\n";

/// What a clause does with a call that ends, or with one that never does. All bits below the highest one of a time are set in `$bits`.
pub(super) fn statements(ends: bool) -> &'static str {
    match ends {
        true => {
            " @calls[name] = count(); @total[name] = sum(duration); @least[name] = min(duration); \
             @most[name] = max(duration); $bits = duration; $bits |= $bits >> 1; $bits |= $bits >> 2; \
             $bits |= $bits >> 4; $bits |= $bits >> 8; $bits |= $bits >> 16; $bits |= $bits >> 32; \
             @times[name, duration & ~($bits >> 5)] = count(); \
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
    /// So long took 99 of 100 at most, to a thirty-second.
    pub p99_ns: u64,
    /// How many calls took so long, by the lower end of their bucket.
    pub buckets: BTreeMap<u64, u64>,
}

impl Row {
    /// The average; 0 without times.
    pub fn mean_ns(&self) -> u64 {
        self.total_ns.checked_div(self.timed).unwrap_or(0)
    }

    /// The time that `percent` of the calls did not exceed: the middle of the bucket where it lies, and never outside of what was seen.
    fn percentile(&self, percent: u64) -> u64 {
        let rank = (u128::from(self.timed) * u128::from(percent)).div_ceil(100);
        let mut counted = 0;
        let found = self.buckets.iter().find(|(_, calls)| {
            counted += u128::from(**calls);
            counted >= rank
        });
        let middle = found.map_or(0, |(&lower, _)| lower + width(lower) / 2);
        middle.clamp(self.min_ns, self.max_ns.max(self.min_ns))
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
        match table.name.as_str() {
            CALLS => row.calls = number(),
            ERRORS => row.errors = number(),
            TOTAL => row.total_ns = number(),
            LEAST => row.min_ns = number(),
            MOST => row.max_ns = number(),
            TIMES => {
                let lower = entry.key.get(1).map_or(0, Value::bits);
                *row.buckets.entry(lower).or_default() += number();
                row.timed += number();
            }
            _ => {}
        }
    }
}

/// The rows in order; a percentile is never outside of what was seen.
pub fn sorted(rows: BTreeMap<u64, Row>, order: Order, name: impl Fn(u64) -> String) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.into_values().collect();
    for row in &mut rows {
        row.p99_ns = row.percentile(99);
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

/// All rows as one.
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
        for (&lower, &calls) in &row.buckets {
            *total.buckets.entry(lower).or_default() += calls;
        }
    }
    total.p99_ns = total.percentile(99);
    total
}

/// Times that the script counts as one from `lower` on.
fn width(lower: u64) -> u64 {
    let bits = u64::BITS - lower.leading_zeros();
    1 << bits.saturating_sub(KEPT)
}
