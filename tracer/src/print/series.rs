//! A series in time as a graph, in bpftrace's layout.
//!
//! In: the intervals of a series. Out: a line for each, with a star where its value lies between the least and the greatest; and
//! the moments of intervals as text. Never asks for the time: [`Names`] knows how the clock stands to the wall.

use super::Names;
use super::number;
use crate::types::{Series, Value};

/// Columns of the graph, with its edges.
const WIDTH: usize = 53;
/// Columns of the least value in front of the greatest.
const LEAST: usize = 21;

/// An interval: its beginning on the monotonic clock, and its value.
pub type Interval = (u64, Option<Value>);

/// Parts of a second that are shown: name, digits, nanoseconds.
const UNITS: [(&str, usize, u64); 4] = [
    ("", 0, 1_000_000_000),
    (".ms", 3, 1_000_000),
    (".us", 6, 1_000),
    (".ns", 9, 1),
];

/// The graph, each line with its line break; nothing of no intervals.
pub fn draw(out: &mut Vec<u8>, names: &dyn Names, series: Series, intervals: &[Interval]) {
    let values = || intervals.iter().filter_map(|(_, value)| value.as_ref());
    let (Some(least), Some(greatest)) = (values().map(whole).min(), values().map(whole).max())
    else {
        return;
    };
    // A single value stands in the middle.
    let (least, greatest) = match least == greatest {
        true => (least - 1, greatest + 1),
        false => (least, greatest),
    };
    let (unit, digits, nanos) = UNITS
        .into_iter()
        .find(|(_, _, nanos)| series.interval_ns.is_multiple_of(*nanos))
        .unwrap_or(UNITS[3]);
    let column = "hh:mm:ss".len() + digits + usize::from(digits > 0);
    let ends = |out: &mut Vec<u8>| {
        let line = format!(
            "{:column$} {least:<LEAST$}{greatest:>1$}\n",
            "",
            WIDTH - LEAST
        );
        out.extend_from_slice(line.as_bytes());
    };
    let edge = |out: &mut Vec<u8>, head: &str, corner: &str| {
        let line = format!(
            "{head:<column$} {corner}{}{corner}\n",
            "_".repeat(WIDTH - 2)
        );
        out.extend_from_slice(line.as_bytes());
    };
    ends(out);
    edge(out, &format!("hh:mm:ss{unit}"), "|");
    let start = intervals.first().map_or(0, |(start, _)| *start);
    let start_wall = names.wall_ns(start);
    for (at, value) in intervals {
        let wall = start_wall.saturating_add_unsigned(at - start);
        let time = moment(names, "%H:%M:%S", wall, digits, nanos);
        out.extend_from_slice(format!("{time:<column$} ").as_bytes());
        row(out, value.as_ref(), (least, greatest));
    }
    edge(out, "", "v");
    ends(out);
}

/// A moment as ISO 8601 in local time, with nanoseconds.
pub fn iso(names: &dyn Names, wall_ns: i64) -> String {
    moment(names, "%Y-%m-%dT%H:%M:%S", wall_ns, 9, 1)
}

fn moment(names: &dyn Names, format: &str, wall_ns: i64, digits: usize, nanos: u64) -> String {
    let text = names.local_time(format, wall_ns).unwrap_or_default();
    let part = wall_ns.rem_euclid(1_000_000_000) as u64 / nanos;
    match digits {
        0 => text,
        digits => format!("{text}.{part:0digits$}"),
    }
}

/// `|    *        .       | -4`; a dot stands at 0.
fn row(out: &mut Vec<u8>, value: Option<&Value>, (least, greatest): (i128, i128)) {
    let mut line = [b' '; WIDTH];
    line[0] = b'|';
    line[WIDTH - 1] = b'|';
    if least < 0 && greatest > 0 {
        line[place(0, (least, greatest), WIDTH)] = b'.';
    }
    if let Some(value) = value {
        line[place(whole(value), (least, greatest), WIDTH - 1)] = b'*';
    }
    out.extend_from_slice(&line);
    out.push(b' ');
    match value.map(whole) {
        Some(value) => {
            if value < 0 {
                out.push(b'-');
            }
            number::decimal(out, value.unsigned_abs() as u64);
        }
        None => out.push(b'-'),
    }
    out.push(b'\n');
}

/// Single precision, as bpftrace computes it: otherwise some stars differ by one.
fn place(value: i128, (least, greatest): (i128, i128), width: usize) -> usize {
    let place = width as f32 * (value - least) as f32 / (greatest - least) as f32;
    (place as usize).min(WIDTH - 1)
}

fn whole(value: &Value) -> i128 {
    match value {
        Value::Int(n) => i128::from(*n),
        other => i128::from(other.bits()),
    }
}
