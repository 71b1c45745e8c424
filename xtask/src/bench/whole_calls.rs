//! Every call of a process, decoded, to a file: `tracer trace` beside strace and perf trace.
//!
//! In: a mix of calls with paths, buffers and structs. Out: wall time a call, the end of the tracer included; processor time that the
//! tracer used a call; calls that arrived, in percent.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::figure::{Figure, Goal, Series};
use super::subject::{Kind, Subject};
use super::workload::Workload;
use super::{Bench, Setting};
use crate::project;

/// See the module.
pub const BENCH: Bench = Bench {
    name: "trace",
    about: "what each decoded call of a process costs, beside strace -f and perf trace",
    run,
};

/// Calls for the tracer, and for those that stop a process at each call.
const CALLS: u64 = 1_000_000;
const CALLS_OF_STOPPERS: u64 = 40_000;
/// Calls of the mix in one turn.
const OF_A_TURN: u64 = 4;

/// What one round shows.
struct Round {
    wall: f64,
    cpu: f64,
    arrived: f64,
}

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let mut workload = Workload::start(setting)?;
    let pid = workload.pid();
    let file = project::target().join("bench-trace");
    let args = [
        "trace",
        "-q",
        "-p",
        &pid.to_string(),
        "-o",
        &file.to_string_lossy(),
    ]
    .map(str::to_owned);
    let mut subjects = vec![(Subject::Tracer(args.to_vec()), CALLS)];
    for kind in [Kind::Strace, Kind::Perf] {
        let peers = setting.peers.of(kind);
        subjects.extend(peers.map(|peer| (Subject::Attached(peer, pid), CALLS_OF_STOPPERS)));
    }
    let mut all: Vec<(String, Vec<Round>)> = Vec::new();
    for (subject, calls) in &subjects {
        let turns = setting.count(*calls) / OF_A_TURN;
        let rounds =
            (0..setting.rounds).map(|_| round(setting, subject, turns, &mut workload, &file));
        all.push((subject.name().to_owned(), rounds.collect::<Result<_>>()?));
    }
    fs::remove_file(&file)?;
    let figure = |what: &str, unit, goal, of: fn(&Round) -> f64| Figure {
        what: format!("trace -o FILE: {what}"),
        unit,
        series: all
            .iter()
            .map(|(subject, rounds)| Series {
                subject: subject.clone(),
                values: rounds.iter().map(of).collect(),
            })
            .collect(),
        goal,
    };
    Ok(vec![
        figure("wall time a call", "ns", Goal::AtMost(600.0), |round| {
            round.wall
        }),
        figure(
            "processor time of the tracer a call",
            "ns",
            Goal::None,
            |round| round.cpu,
        ),
        figure("arrived", "%", Goal::AtLeast(100.0), |round| round.arrived),
    ])
}

fn round(
    setting: &Setting,
    subject: &Subject<'_>,
    turns: u64,
    workload: &mut Workload,
    file: &Path,
) -> Result<Round> {
    let calls = (turns * OF_A_TURN) as f64;
    let output = match subject {
        // It writes the file itself.
        Subject::Tracer(_) => "/dev/null".as_ref(),
        _ => file,
    };
    let bare = workload.order("mix", turns)? * turns as f64;
    let running = subject.start(setting, output)?;
    let begin = Instant::now();
    workload.order("mix", turns)?;
    let stopped = running.stop()?;
    let wall = begin.elapsed().as_nanos() as f64 - bare;
    Ok(Round {
        wall: wall / calls,
        cpu: stopped.cpu.as_nanos() as f64 / calls,
        arrived: lines(file)? as f64 * 100.0 / calls,
    })
}

/// Lines of the mix: what the workload reads and writes beside it (its orders) is shorter or longer than a byte, and told by
/// the result.
fn lines(path: &Path) -> Result<u64> {
    let mut file = BufReader::with_capacity(1 << 20, fs::File::open(path)?);
    let (mut count, mut line) = (0, Vec::new());
    while file.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let of_the_mix = text.contains("fstat(")
            || text.contains("openat(") && text.contains("nonexistent")
            || (text.contains("read(") || text.contains("write("))
                && text.trim_end().ends_with("= 1");
        count += u64::from(of_the_mix);
        line.clear();
    }
    Ok(count)
}
