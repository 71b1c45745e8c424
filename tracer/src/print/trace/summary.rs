//! The summary as a table.
//!
//! In: rows in their order. Out: a table as wide as its widest cells: share of the time, time, calls, errors, shortest,
//! average, 99th percentile, longest, name. Never sorts.

use crate::decode;
use crate::trace::summary::{Row, total};
use std::io::Write;

const HEADS: [&str; 9] = [
    "% time", "time", "calls", "errors", "min", "mean", "p99", "max", "syscall",
];

/// Appends the table.
pub(super) fn write(out: &mut Vec<u8>, rows: &[Row]) {
    let whole = total(rows);
    let mut lines: Vec<[String; 9]> = vec![HEADS.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| cells(row, &whole, name(row.call))));
    lines.push(cells(&whole, &whole, "total".to_owned()));
    let mut widths = [0; 9];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let last = lines.len() - 1;
    for (at, line) in lines.iter().enumerate() {
        if at == 1 || at == last {
            rule(out, &widths);
        }
        row(out, line, &widths);
    }
}

/// The name of a call; those of 32-bit programs are told apart.
pub(super) fn name(call: u64) -> String {
    let name = decode::syscall_name(call);
    match call >> 32 {
        0 => name.into_owned(),
        abi => format!("{name} ({})", decode::abi_name(abi)),
    }
}

fn cells(row: &Row, whole: &Row, name: String) -> [String; 9] {
    let share = match whole.total_ns {
        0 => 0.0,
        all => row.total_ns as f64 * 100.0 / all as f64,
    };
    let time = |ns| match row.timed {
        0 => String::new(),
        _ => duration(ns),
    };
    [
        format!("{share:.2}"),
        time(row.total_ns),
        row.calls.to_string(),
        match row.errors {
            0 => String::new(),
            n => n.to_string(),
        },
        time(row.min_ns),
        time(row.mean_ns()),
        time(row.p99_ns),
        time(row.max_ns),
        name,
    ]
}

/// Three or four digits and a unit, so that a column can be read down.
fn duration(ns: u64) -> String {
    let scaled = |unit: f64| ns as f64 / unit;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} us", scaled(1e3)),
        1_000_000..1_000_000_000 => format!("{:.1} ms", scaled(1e6)),
        _ => format!("{:.2} s", scaled(1e9)),
    }
}

fn row(out: &mut Vec<u8>, line: &[String; 9], widths: &[usize; 9]) {
    for (at, (cell, width)) in line.iter().zip(widths).enumerate() {
        // Writing to memory does not fail.
        let _ = match at {
            8 => write!(out, "  {cell}"),
            0 => write!(out, "{cell:>width$}"),
            _ => write!(out, "  {cell:>width$}"),
        };
    }
    out.push(b'\n');
}

fn rule(out: &mut Vec<u8>, widths: &[usize; 9]) {
    for (at, width) in widths.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b"  ");
        }
        out.resize(out.len() + width, b'-');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_a_call_and_a_total() {
        let opened = Row {
            call: 257,
            calls: 4,
            errors: 1,
            timed: 4,
            total_ns: 3_000_000,
            min_ns: 900,
            max_ns: 2_000_000,
            p99_ns: 1_867_776,
            buckets: [(1_835_008, 4)].into(),
        };
        let left = Row {
            call: 1 << 32 | 252,
            calls: 1,
            ..Row::default()
        };
        let mut out = Vec::new();
        write(&mut out, &[opened, left]);
        let expected = "\
% time    time  calls  errors     min      mean     p99     max  syscall
------  ------  -----  ------  ------  --------  ------  ------  -----------------
100.00  3.0 ms      4       1  900 ns  750.0 us  1.9 ms  2.0 ms  openat
  0.00              1                                            exit_group (i386)
------  ------  -----  ------  ------  --------  ------  ------  -----------------
100.00  3.0 ms      5       1  900 ns  750.0 us  1.9 ms  2.0 ms  total
";
        assert_eq!(String::from_utf8(out).expect("ascii"), expected);
    }
}
