//! How cost grows: with the number of keys, clauses, calls traced, busy CPUs, and with the length of strings and records.
//!
//! In: queries of several sizes. Out: a figure for each size: what it adds to a call; and with `--plots DIR` a drawing of each row
//! of sizes.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use super::figure::{Figure, Goal, Series};
use super::subject::Subject;
use super::workload::Workload;
use super::{Bench, Setting};

/// See the module.
pub const BENCH: Bench = Bench {
    name: "growth",
    about: "how cost grows with keys, clauses, calls traced, CPUs, strings and records",
    run,
};

const CALLS: u64 = 400_000;
const DRAWING: (u32, u32) = (720, 440);

/// A row of sizes.
struct Row {
    /// File name of its drawing.
    name: &'static str,
    /// What grows.
    what: &'static str,
    sizes: &'static [usize],
    /// The query of a size.
    query: fn(usize) -> String,
    order: &'static str,
    /// Whether the size is also the order's.
    sized: bool,
}

const ROWS: &[Row] = &[
    Row {
        name: "keys",
        what: "keys of a map",
        sizes: &[1, 4, 16, 64, 256, 1024, 4096],
        query: |_| "syscall:close { @[args.fd] = count(); }".to_owned(),
        order: "spread",
        sized: true,
    },
    Row {
        name: "clauses",
        what: "clauses on a probe",
        sizes: &[1, 2, 4, 8, 16, 32, 64],
        query: |size| {
            (0..size)
                .map(|i| format!("syscall:getppid {{ @[{i}] = count(); }} "))
                .collect()
        },
        order: "getppid",
        sized: false,
    },
    Row {
        name: "probes",
        what: "calls of a clause",
        sizes: &[1, 4, 16, 64, 256],
        query: |size| {
            let others = other_calls().map(|call| format!("syscall:{call}"));
            let probes = ["syscall:getppid".to_owned()].into_iter().chain(others);
            let probes: Vec<String> = probes.take(size).collect();
            format!("{} {{ @ = count(); }}", probes.join(", "))
        },
        order: "getppid",
        sized: false,
    },
    Row {
        name: "strings",
        what: "bytes of a string that is a key",
        sizes: &[8, 32, 128, 512, 1000],
        query: |_| "syscall:openat { @[str(args.filename)] = count(); }".to_owned(),
        order: "path",
        sized: true,
    },
    Row {
        name: "records",
        what: "bytes of a string that is sent",
        sizes: &[8, 32, 128, 512, 1000],
        query: |_| "syscall:openat { printf(\"%s\\n\", str(args.filename)); }".to_owned(),
        order: "path",
        sized: true,
    },
];

/// Calls that getppid in a loop does not make; `listns` is newer than most kernels.
fn other_calls() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("../../../tracer/data/syscalls.txt").lines();
    let names = lines.filter(|line| !line.starts_with('#'));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !["getppid", "listns"].contains(name))
}

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for row in ROWS {
        let mut points = Vec::new();
        for &size in row.sizes {
            let values = added(setting, row, size, 1)?;
            points.push((size, figure(row.what, size, values)));
        }
        draw(setting, row.name, row.what, &points)?;
        figures.extend(points.into_iter().map(|(_, figure)| figure));
    }
    figures.extend(busy(setting)?);
    Ok(figures)
}

/// With one thread, with two, … as many as there are CPUs.
fn busy(setting: &Setting) -> Result<Vec<Figure>> {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let row = Row {
        name: "cpus",
        what: "busy CPUs",
        sizes: &[],
        query: |_| "syscall:* { @[comm] = count(); }".to_owned(),
        order: "getppid",
        sized: false,
    };
    let points: Vec<_> = (1..=cpus)
        .map(|count| {
            Ok((
                count,
                figure(row.what, count, added(setting, &row, 0, count)?),
            ))
        })
        .collect::<Result<_>>()?;
    draw(setting, row.name, row.what, &points)?;
    Ok(points.into_iter().map(|(_, figure)| figure).collect())
}

fn figure(what: &str, size: usize, values: Vec<f64>) -> Figure {
    Figure {
        what: format!("{what}: {size}"),
        unit: "ns",
        series: vec![Series {
            subject: "tracer".to_owned(),
            values,
        }],
        goal: Goal::None,
    }
}

/// What the query of a size adds to a call of each of so many workloads, a value a round.
fn added(setting: &Setting, row: &Row, size: usize, workloads: usize) -> Result<Vec<f64>> {
    let mut workloads: Vec<Workload> = (0..workloads)
        .map(|_| Workload::start(setting))
        .collect::<Result<_>>()?;
    let of_order = if row.sized { size } else { 0 };
    let count = setting.count(CALLS);
    let mut cost = |subject: &Subject<'_>| -> Result<f64> {
        let running = subject.start(setting, "/dev/null".as_ref())?;
        for workload in &mut workloads {
            workload.give(row.order, count, of_order)?;
        }
        let each = workloads.iter_mut().map(|workload| workload.answer(count));
        let sum: f64 = each.sum::<Result<f64>>()?;
        running.stop()?;
        Ok(sum / workloads.len() as f64)
    };
    let args = ["-q", "-e", &(row.query)(size)].map(str::to_owned).to_vec();
    let tracer = Subject::Tracer(args);
    (0..setting.rounds)
        .map(|_| {
            let bare = cost(&Subject::Nothing)?;
            Ok(cost(&tracer)? - bare)
        })
        .collect()
}

/// Draws a row, sizes on a scale of powers.
fn draw(setting: &Setting, name: &str, what: &str, points: &[(usize, Figure)]) -> Result<()> {
    let Some(dir) = &setting.plots else {
        return Ok(());
    };
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let at = |(size, figure): &(usize, Figure)| Some((*size as f64, figure.median("tracer")?));
    let points: Vec<(f64, f64)> = points.iter().filter_map(at).collect();
    drawing(&dir.join(format!("{name}.svg")), what, &points)
        .map_err(|error| anyhow!("draw {name}: {error}"))
}

fn drawing(
    file: &Path,
    what: &str,
    points: &[(f64, f64)],
) -> Result<(), Box<dyn std::error::Error>> {
    let largest = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(1.0, f64::max);
    let (right, top) = (largest(|point| point.0), largest(|point| point.1) * 1.15);
    let root = SVGBackend::new(file, DRAWING).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("added to a call, by {what}"), ("sans-serif", 18))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d((1.0..right * 1.05).log_scale(), 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc(what)
        .y_desc("nanoseconds, median")
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), &BLUE))?;
    let dots = points
        .iter()
        .map(|&point| Circle::new(point, 3, BLUE.filled()));
    chart.draw_series(dots)?;
    root.present()?;
    Ok(())
}
