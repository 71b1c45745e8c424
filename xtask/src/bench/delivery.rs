//! How much of what happens arrives: a line for each call of what `dd bs=1` does, to a file, at default settings.
//!
//! In: a burst of reads and writes of one byte. Out: lines that arrived, in percent of the calls; what each call took while
//! that was done.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Result;

use super::figure::{Figure, Goal, Series};
use super::subject::{Kind, Subject};
use super::workload::Workload;
use super::{Bench, Setting};
use crate::project;

/// See the module.
pub const BENCH: Bench = Bench {
    name: "delivery",
    about: "lines that arrive of a printf at each call of what dd bs=1 does",
    run,
};

/// Each is a read and a write.
const COPIES: u64 = 1_000_000;

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let mut workload = Workload::start(setting)?;
    let pid = workload.pid();
    let query = format!(
        "syscall:read,syscall:write /pid == {pid}/ {{ printf(\"%s %d\\n\", comm, retval); }}"
    );
    let bpftrace = format!(
        "tracepoint:syscalls:sys_exit_read,tracepoint:syscalls:sys_exit_write /pid == {pid}/ \
         {{ printf(\"%s %d\\n\", comm, args->ret); }}"
    );
    let args = ["-q", "-e", &query].map(str::to_owned);
    let mut subjects = vec![Subject::Tracer(args.to_vec())];
    let peers = setting.peers.of(Kind::Bpftrace);
    subjects.extend(peers.map(|peer| Subject::Bpftrace(peer, bpftrace.clone())));
    let (mut arrived, mut took) = (Vec::new(), Vec::new());
    for subject in &subjects {
        let values = measure(setting, subject, &mut workload)?;
        let (percents, times) = values.into_iter().unzip();
        let subject = subject.name().to_owned();
        arrived.push(Series {
            subject: subject.clone(),
            values: percents,
        });
        took.push(Series {
            subject,
            values: times,
        });
    }
    Ok(vec![
        Figure {
            what: "printf at each call: arrived".to_owned(),
            unit: "%",
            series: arrived,
            goal: Goal::AtLeast(95.0),
        },
        Figure {
            what: "printf at each call: time of a call".to_owned(),
            unit: "ns",
            series: took,
            goal: Goal::None,
        },
    ])
}

/// Of each round: percent that arrived, nanoseconds a call.
fn measure(
    setting: &Setting,
    subject: &Subject<'_>,
    workload: &mut Workload,
) -> Result<Vec<(f64, f64)>> {
    let file = project::target().join("bench-lines");
    let copies = setting.count(COPIES);
    let mut values = Vec::new();
    for _ in 0..setting.rounds {
        let running = subject.start(setting, &file)?;
        let nanoseconds = workload.order("copy", copies)?;
        running.stop()?;
        let percent = lines(&file)? as f64 * 100.0 / (2 * copies) as f64;
        values.push((percent, nanoseconds / 2.0));
    }
    fs::remove_file(&file)?;
    Ok(values)
}

/// Lines of the workload's one-byte calls: its own reading of orders returns more.
fn lines(path: &Path) -> Result<u64> {
    let mut file = BufReader::with_capacity(1 << 20, fs::File::open(path)?);
    let (mut count, mut line) = (0, Vec::new());
    while file.read_until(b'\n', &mut line)? > 0 {
        count += u64::from(line.ends_with(b" 1\n"));
        line.clear();
    }
    Ok(count)
}
