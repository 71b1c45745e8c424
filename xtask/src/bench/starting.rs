//! From exec to all probes attached and to the first output, what that holds in memory, and how large the file is.
//!
//! In: a query that counts and one that prints. Out: milliseconds and MiB. bpftrace tells nobody when it is attached: its first line
//! is waited for, while files are opened all the time.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::figure::{Figure, Goal, Series};
use super::memory::{self, Memory};
use super::subject::{Kind, Subject};
use super::{Bench, Setting};

/// See the module.
pub const BENCH: Bench = Bench {
    name: "startup",
    about: "milliseconds to all probes attached and to the first line, memory, size of the binary",
    run,
};

const COUNT: &str = "syscall:openat { @[comm] = count(); }";
const BPFTRACE_COUNT: &str = "tracepoint:syscalls:sys_exit_openat { @[comm] = count(); }";
/// The first query of the README, and the same as far as bpftrace can say it.
const PRINT: &str = r#"syscall:openat { printf("%s %s = %d (%s) %d us\n", comm, str(args.filename), retval, strerror(errno), duration/1000); }"#;
const BPFTRACE_PRINT: &str = r#"
tracepoint:syscalls:sys_enter_openat { @at[tid] = nsecs; @file[tid] = args->filename; }
tracepoint:syscalls:sys_exit_openat /@at[tid]/ {
    printf("%s %s = %d %d us\n", comm, str(@file[tid]), args->ret, (nsecs - @at[tid]) / 1000);
    delete(@at[tid]); delete(@file[tid]);
}"#;

const MIB: f64 = (1 << 20) as f64;

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let size = fs::metadata(&setting.tracer)?.len() as f64 / MIB;
    let size = Series {
        subject: "tracer".to_owned(),
        values: vec![size],
    };
    let mut figures = attached(setting)?;
    figures.push(first_line(setting)?);
    figures.push(Figure {
        what: "size of the binary".to_owned(),
        unit: "MiB",
        series: vec![size],
        goal: Goal::AtMost(12.0),
    });
    Ok(figures)
}

/// To all probes attached, and the memory then.
fn attached(setting: &Setting) -> Result<Vec<Figure>> {
    let args = ["-q", "-e", COUNT].map(str::to_owned);
    let mut subjects = vec![Subject::Tracer(args.to_vec())];
    let peers = setting.peers.of(Kind::Bpftrace);
    subjects.extend(peers.map(|peer| Subject::Bpftrace(peer, BPFTRACE_COUNT.to_owned())));
    let mut all: Vec<(String, Vec<(Duration, Memory)>)> = Vec::new();
    for subject in &subjects {
        let starts = (0..=setting.rounds).map(|_| {
            let running = subject.start(setting, "/dev/null".as_ref())?;
            let pid = running.pid().context("a subject is a process")?;
            let start = (running.ready, memory::of(pid)?);
            running.stop()?;
            Ok(start)
        });
        // The first start fills the page cache and is not counted.
        let starts: Vec<_> = starts.skip(1).collect::<Result<_>>()?;
        all.push((subject.name().to_owned(), starts));
    }
    let series = |only: Option<&str>, of: fn(&(Duration, Memory)) -> f64| {
        let wanted = all
            .iter()
            .filter(|(name, _)| only.is_none_or(|only| name == only));
        let one = |(subject, starts): &(String, Vec<(Duration, Memory)>)| Series {
            subject: subject.clone(),
            values: starts.iter().map(of).collect(),
        };
        wanted.map(one).collect::<Vec<_>>()
    };
    let memory: fn(&(Duration, Memory)) -> f64 = |(_, m)| (m.process + m.maps) as f64 / MIB;
    Ok(vec![
        Figure {
            what: format!("exec to attached: {COUNT}"),
            unit: "ms",
            // The peer does not say when it is.
            series: series(Some("tracer"), |(ready, _)| ready.as_secs_f64() * 1e3),
            goal: Goal::AtMost(20.0),
        },
        Figure {
            what: "memory of that, without rings".to_owned(),
            unit: "MiB",
            series: series(None, memory),
            goal: Goal::AtMost(12.0),
        },
        Figure {
            what: "its rings".to_owned(),
            unit: "MiB",
            series: series(None, |(_, memory)| memory.rings as f64 / MIB),
            goal: Goal::None,
        },
    ])
}

/// To the first line of a query that prints one for each opened file.
fn first_line(setting: &Setting) -> Result<Figure> {
    let mut programs = vec![(
        "tracer".to_owned(),
        setting.tracer.to_string_lossy().into_owned(),
        PRINT,
    )];
    for peer in setting.peers.of(Kind::Bpftrace) {
        programs.push((peer.name.clone(), peer.path.clone(), BPFTRACE_PRINT));
    }
    let mut series = Vec::new();
    for (subject, path, query) in programs {
        let flags: &[&str] = match subject.as_str() {
            "tracer" => &[],
            _ => &["-B", "line"],
        };
        let times = (0..=setting.rounds).map(|_| while_opening(|| line_of(&path, flags, query)));
        let times: Vec<Duration> = times.skip(1).collect::<Result<_>>()?;
        let values = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        series.push(Series { subject, values });
    }
    Ok(Figure {
        what: "exec to the first line: the README's first query".to_owned(),
        unit: "ms",
        series,
        goal: Goal::None,
    })
}

fn while_opening<T: Send>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // It is opened for the sake of the call alone.
                drop(fs::File::open("/proc/version"));
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

fn line_of(path: &str, flags: &[&str], query: &str) -> Result<Duration> {
    let mut command = Command::new(path);
    command
        .arg("-q")
        .args(flags)
        .args(["-e", query])
        .stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = command.spawn().with_context(|| format!("start {path}"))?;
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(" us")));
    let took = begin.elapsed();
    drop(lines);
    end(&mut child)?;
    ensure!(line.is_some(), "{path} printed nothing");
    Ok(took)
}

fn end(child: &mut Child) -> Result<()> {
    // Only its start is of interest.
    child.kill().context("end the program")?;
    child.wait().context("wait for the program")?;
    Ok(())
}
