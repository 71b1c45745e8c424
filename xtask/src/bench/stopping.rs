//! From Ctrl-C to the end, results printed.
//!
//! In: a query over every call, after a burst of them. Out: milliseconds.

use anyhow::Result;

use super::figure::{Figure, Goal, Series};
use super::subject::{Kind, Subject};
use super::workload::Workload;
use super::{Bench, Setting};

/// See the module.
pub const BENCH: Bench = Bench {
    name: "stop",
    about: "milliseconds from Ctrl-C to the end, results printed",
    run,
};

const CALLS: u64 = 100_000;

/// A query for the tracer, the same for bpftrace, and the milliseconds that the tracer may take.
const QUERIES: &[(&str, &str, f64)] = &[
    (
        "syscall:openat { @[comm] = count(); }",
        "tracepoint:syscalls:sys_exit_openat { @[comm] = count(); }",
        50.0,
    ),
    (
        // bpftrace's own way, a probe for each call, takes half a minute: this is what people write by hand instead.
        "syscall:* { @[name] = count(); }",
        "tracepoint:raw_syscalls:sys_exit { @[args->id] = count(); }",
        200.0,
    ),
];

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    QUERIES
        .iter()
        .map(|query| measure(setting, query))
        .collect()
}

fn measure(setting: &Setting, (query, bpftrace, most): &(&str, &str, f64)) -> Result<Figure> {
    let mut workload = Workload::start(setting)?;
    let args = ["-q", "-e", query].map(str::to_owned);
    let mut subjects = vec![Subject::Tracer(args.to_vec())];
    let peers = setting.peers.of(Kind::Bpftrace);
    subjects.extend(peers.map(|peer| Subject::Bpftrace(peer, (*bpftrace).to_owned())));
    let mut series: Vec<Series> = Vec::new();
    for subject in &subjects {
        series.push(Series {
            subject: subject.name().to_owned(),
            values: Vec::new(),
        });
    }
    for _ in 0..setting.rounds {
        for (subject, series) in subjects.iter().zip(&mut series) {
            let running = subject.start(setting, "/dev/null".as_ref())?;
            workload.order("openat", setting.count(CALLS))?;
            series.values.push(running.stop()?.took.as_secs_f64() * 1e3);
        }
    }
    Ok(Figure {
        what: format!("stop of {query}"),
        unit: "ms",
        series,
        goal: Goal::AtMost(*most),
    })
}
