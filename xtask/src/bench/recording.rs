//! Recordings: how fast calls are written down, what they take in the file, and how fast the file answers.
//!
//! In: a mix of calls with paths, buffers and structs, and a tracer that records them. Out: records a second and what of them arrived;
//! bytes and processor time a record; records a second of processor time for queries that filter and count; whether their memory grows
//! with the file. Judges a file that was just written: it is in the page cache.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::figure::{Figure, Goal, Series};
use super::subject::Subject;
use super::workload::Workload;
use super::{Bench, Setting};
use crate::project;

/// See the module.
pub const BENCH: Bench = Bench {
    name: "recording",
    about: "records written and read again a second, their size, and the memory of a query",
    run,
};

/// Calls of the large file; the small one has a quarter of them.
const CALLS: u64 = 10_000_000;
/// Calls of the mix in one turn.
const OF_A_TURN: u64 = 4;

/// What writing one file showed.
struct Written {
    million_a_second: f64,
    arrived: f64,
    cpu_ns: f64,
    bytes: f64,
}

/// What one query showed.
struct Asked {
    million_a_second: f64,
    peak_bytes: f64,
}

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let place = |name: &str| project::target().join(format!("bench-{name}.rec"));
    let (large, small) = (place("large"), place("small"));
    let mut workload = Workload::start(setting)?;
    let turns = setting.count(CALLS) / OF_A_TURN;
    write(setting, &mut workload, turns / 4, &small)?;
    let rounds = (0..setting.rounds).map(|_| write(setting, &mut workload, turns, &large));
    let written: Vec<Written> = rounds.collect::<Result<_>>()?;
    let mut figures = of_writing(&written);
    let pid = workload.pid();
    for query in [
        "syscall:openat { @ = count(); }".to_owned(),
        format!("syscall:* /pid == {pid}/ {{ @[comm] = count(); }}"),
        "syscall:* { @[name, errno] = count(); }".to_owned(),
        "syscall:* { @[comm] = hist(duration); }".to_owned(),
    ] {
        let is_asked_for = query.contains("openat") || query.contains("pid");
        figures.extend(of_query(
            setting,
            &query,
            is_asked_for,
            (&large, turns),
            &small,
        )?);
    }
    fs::remove_file(&large)?;
    fs::remove_file(&small)?;
    Ok(figures)
}

fn of_writing(written: &[Written]) -> Vec<Figure> {
    let figure = |what: &str, unit, goal, of: fn(&Written) -> f64| Figure {
        what: format!("record: {what}"),
        unit,
        series: vec![tracer(written.iter().map(of).collect())],
        goal,
    };
    vec![
        figure("issued while recorded", "million/s", Goal::None, |round| {
            round.million_a_second
        }),
        figure("arrived", "%", Goal::AtLeast(100.0), |round| round.arrived),
        // A million a second and no more than one processor.
        figure(
            "processor time of the tracer a record",
            "ns",
            Goal::AtMost(1000.0),
            |round| round.cpu_ns,
        ),
        figure("bytes a record", "bytes", Goal::AtMost(40.0), |round| {
            round.bytes
        }),
    ]
}

fn of_query(
    setting: &Setting,
    query: &str,
    is_asked_for: bool,
    (large, turns): (&Path, u64),
    small: &Path,
) -> Result<Vec<Figure>> {
    let calls = turns * OF_A_TURN;
    let (mut speeds, mut growths) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        let little = ask(setting, query, small, calls / 4)?;
        let much = ask(setting, query, large, calls)?;
        speeds.push(much.million_a_second);
        growths.push(much.peak_bytes / little.peak_bytes);
    }
    Ok(vec![
        Figure {
            what: format!("query: {query}"),
            unit: "million/s",
            series: vec![tracer(speeds)],
            goal: match is_asked_for {
                true => Goal::AtLeast(5.0),
                false => Goal::None,
            },
        },
        Figure {
            what: "its memory for the whole file, of that for a quarter".to_owned(),
            unit: "times",
            series: vec![tracer(growths)],
            goal: Goal::AtMost(1.2),
        },
    ])
}

fn tracer(values: Vec<f64>) -> Series {
    Series {
        subject: "tracer".to_owned(),
        values,
    }
}

/// Records so many turns of the mix.
fn write(setting: &Setting, workload: &mut Workload, turns: u64, to: &Path) -> Result<Written> {
    let pid = workload.pid().to_string();
    let args = ["record", "-q", "-p", &pid, "-o", &to.to_string_lossy()].map(str::to_owned);
    let running = Subject::Tracer(args.to_vec()).start(setting, "/dev/null".as_ref())?;
    let nanoseconds = workload.order("mix", turns)?;
    let stopped = running.stop()?;
    let calls = (turns * OF_A_TURN) as f64;
    // A quarter of all, and none of what it does between orders.
    let (answer, _) = query(
        setting,
        "syscall:openat /retval == -2/ { @ = count(); }",
        to,
    )?;
    let there = answer.trim().trim_start_matches("@: ").parse::<f64>();
    let there = there.with_context(|| format!("a count, not {answer}"))?;
    Ok(Written {
        million_a_second: OF_A_TURN as f64 * 1e3 / nanoseconds,
        arrived: there * 100.0 / turns as f64,
        cpu_ns: stopped.cpu.as_nanos() as f64 / calls,
        bytes: fs::metadata(to)?.len() as f64 / calls,
    })
}

/// Asks once: how many records of so many were read in a second of processor time, and the most memory that it took.
fn ask(setting: &Setting, text: &str, file: &Path, calls: u64) -> Result<Asked> {
    let (_, spent) = query(setting, text, file)?;
    Ok(Asked {
        million_a_second: calls as f64 / spent.microseconds,
        peak_bytes: spent.peak_bytes,
    })
}

/// What a query took.
struct Spent {
    peak_bytes: f64,
    microseconds: f64,
}

/// The answer, and what it took by the kernel's account of the process.
fn query(setting: &Setting, text: &str, file: &Path) -> Result<(String, Spent)> {
    let account = project::target().join("bench-spent");
    let mut command = Command::new(&setting.workload);
    command.arg("spent").arg(&account).arg(&setting.tracer);
    command.arg("query").arg(file).args(["-q", "-e", text]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = output.output().context("start a query")?;
    ensure!(output.status.success(), "query {text}: {}", output.status);
    let spent = fs::read_to_string(&account).context("what a query took")?;
    fs::remove_file(&account)?;
    let (kib, microseconds) = spent.trim().split_once(' ').context("two numbers")?;
    let spent = Spent {
        peak_bytes: kib.parse::<f64>().context("KiB")? * 1024.0,
        microseconds: microseconds.parse().context("microseconds")?,
    };
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), spent))
}
