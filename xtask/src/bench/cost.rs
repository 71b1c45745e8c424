//! What a query adds to a system call, in nanoseconds, beside an empty program on the same hooks and beside bpftrace.
//!
//! In: queries. Out: a figure for each: what each subject adds over nothing, of the same round. The call is getppid, the cheapest
//! there is, so nothing hides behind it. A round takes many short windows and keeps a quick one, so that a busy machine gives the
//! same figures as a quiet one.

use anyhow::Result;

use super::figure::{Figure, Goal, Series};
use super::subject::{Kind, Subject};
use super::workload::Workload;
use super::{Bench, Setting};

/// See the module.
pub const BENCH: Bench = Bench {
    name: "cost",
    about: "nanoseconds that a query adds to a system call",
    run,
};

/// Calls of one window, less than a time slice: others that take the CPU spoil few windows.
const WINDOW: u64 = 500;
const WINDOWS: u64 = 2_000;
/// Of all windows, this share is quicker than the one that is taken: what a call costs when nothing comes between.
const QUICKEST: usize = 50;

/// A query, and what it may cost.
pub struct Query {
    /// What it is called in tables.
    pub what: &'static str,
    /// Arguments of the tracer.
    pub args: &'static [&'static str],
    /// The same for bpftrace; empty where it has nothing like it.
    pub bpftrace: &'static str,
    /// Raw tracepoints that it needs.
    pub hooks: &'static [&'static str],
    /// Nanoseconds that it may add over the floor.
    pub above_floor: f64,
    /// How many times the floor it was when it was last looked at closely.
    pub usual: f64,
    /// What the workload is told to do.
    pub order: &'static str,
}

const EXIT: &[&str] = &["sys_exit"];
const BOTH: &[&str] = &["sys_enter", "sys_exit"];

/// The queries that people begin with.
pub const QUERIES: &[Query] = &[
    Query {
        what: "syscall:* { @[comm] = count(); }",
        args: &["-e", "syscall:* { @[comm] = count(); }"],
        bpftrace: "tracepoint:raw_syscalls:sys_exit { @[comm] = count(); }",
        hooks: EXIT,
        above_floor: 60.0,
        usual: 2.0,
        order: "getppid",
    },
    Query {
        what: "the same under 64 names",
        args: &["-e", "syscall:* { @[comm] = count(); }"],
        bpftrace: "tracepoint:raw_syscalls:sys_exit { @[comm] = count(); }",
        hooks: EXIT,
        above_floor: 60.0,
        usual: 2.0,
        order: "keys",
    },
    Query {
        what: "syscall:* /pid == 1/ { @ = count(); }",
        args: &["-e", "syscall:* /pid == 1/ { @ = count(); }"],
        bpftrace: "tracepoint:raw_syscalls:sys_exit /pid == 1/ { @ = count(); }",
        hooks: EXIT,
        above_floor: 8.0,
        usual: 1.3,
        order: "getppid",
    },
    Query {
        what: "syscall:* /pid == 1/ { trace(); }, other processes",
        args: &["-e", "syscall:* /pid == 1/ { trace(); }"],
        bpftrace: "",
        hooks: BOTH,
        above_floor: 15.0,
        usual: 1.3,
        order: "getppid",
    },
    Query {
        what: "syscall:* /pid == 1/ { @ = hist(duration); }, others",
        args: &["-e", "syscall:* /pid == 1/ { @ = hist(duration); }"],
        bpftrace: "tracepoint:raw_syscalls:sys_enter /pid == 1/ { @at[tid] = nsecs; } \
            tracepoint:raw_syscalls:sys_exit /pid == 1 && @at[tid]/ { @ = hist(nsecs - @at[tid]); delete(@at[tid]); }",
        hooks: BOTH,
        above_floor: 15.0,
        usual: 1.3,
        order: "getppid",
    },
    Query {
        what: "syscall:* { @[comm] = hist(duration); }",
        args: &["-e", "syscall:* { @[comm] = hist(duration); }"],
        bpftrace: "tracepoint:raw_syscalls:sys_enter { @at[tid] = nsecs; } \
            tracepoint:raw_syscalls:sys_exit /@at[tid]/ { @[comm] = hist(nsecs - @at[tid]); delete(@at[tid]); }",
        hooks: BOTH,
        above_floor: 240.0,
        usual: 2.6,
        order: "getppid",
    },
    Query {
        what: "syscall:openat { @[comm] = count(); }, other calls",
        args: &["-e", "syscall:openat { @[comm] = count(); }"],
        bpftrace: "tracepoint:syscalls:sys_exit_openat { @[comm] = count(); }",
        hooks: EXIT,
        above_floor: 0.0,
        usual: 1.6,
        order: "getppid",
    },
    Query {
        what: "syscall:* { @[name] = count(); }",
        args: &["-e", "syscall:* { @[name] = count(); }"],
        bpftrace: "tracepoint:raw_syscalls:sys_exit { @[args->id] = count(); }",
        hooks: EXIT,
        above_floor: 60.0,
        usual: 2.6,
        order: "getppid",
    },
    Query {
        what: "trace -p 1, calls of others",
        args: &["trace", "-p", "1"],
        bpftrace: "",
        hooks: BOTH,
        above_floor: 15.0,
        usual: 1.2,
        order: "getppid",
    },
];

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    QUERIES
        .iter()
        .map(|query| measure(setting, query))
        .collect()
}

/// What subjects add to a call.
fn measure(setting: &Setting, query: &Query) -> Result<Figure> {
    let mut workload = Workload::start(setting)?;
    let subjects = subjects(setting, query);
    let mut series: Vec<Series> = subjects
        .iter()
        .map(|subject| Series {
            subject: subject.name().to_owned(),
            values: Vec::new(),
        })
        .collect();
    for round in 0..setting.rounds {
        let bare = cost(setting, query, &Subject::Nothing, &mut workload)?;
        // Another one begins each round.
        for turn in 0..subjects.len() {
            let at = (round + turn) % subjects.len();
            let value = cost(setting, query, &subjects[at], &mut workload)?;
            series[at].values.push(value - bare);
        }
    }
    Ok(Figure {
        what: query.what.to_owned(),
        unit: "ns",
        series,
        goal: Goal::AboveFloor {
            most: query.above_floor,
            usual: query.usual,
        },
    })
}

fn subjects<'a>(setting: &'a Setting, query: &'a Query) -> Vec<Subject<'a>> {
    let mut subjects = vec![
        Subject::Tracer(arguments(query)),
        Subject::Floor(query.hooks),
    ];
    if !query.bpftrace.is_empty() {
        let peers = setting.peers.of(Kind::Bpftrace);
        subjects.extend(peers.map(|peer| Subject::Bpftrace(peer, query.bpftrace.to_owned())));
    }
    subjects
}

/// The tracer's arguments for a query.
pub fn arguments(query: &Query) -> Vec<String> {
    let words = query.args.iter().chain(&["-q"]);
    words.map(|word| (*word).to_owned()).collect()
}

/// Nanoseconds a call while a subject traces.
fn cost(
    setting: &Setting,
    query: &Query,
    subject: &Subject<'_>,
    workload: &mut Workload,
) -> Result<f64> {
    let running = subject.start(setting, "/dev/null".as_ref())?;
    // Caches and the table's first entries.
    workload.order(query.order, 10 * WINDOW)?;
    let windows = (0..setting.count(WINDOWS)).map(|_| workload.order(query.order, WINDOW));
    let mut windows = windows.collect::<Result<Vec<_>>>()?;
    running.stop()?;
    windows.sort_by(f64::total_cmp);
    Ok(windows[windows.len() / QUICKEST])
}
