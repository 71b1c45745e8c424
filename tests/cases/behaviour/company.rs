//! Company: two tracers at once, and the tracer as one process among those it watches.
//!
//! In: the place. Out: who miscounted.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal};

use super::words;
use crate::Place;
use crate::live::{Tracer, Trigger, number};

/// What nobody waits for for longer.
const LIMIT: Duration = Duration::from_secs(30);

/// Two tracers at once count the same events, all of them.
pub fn two_tracers(place: &Place) -> Result<()> {
    let query = "syscall:getppid /pid == $1/ { @ = count(); }";
    for tracer in Tracer::two(place, &["flood", "10000", "2"], &["-q", "-e", query])? {
        tracer.signal(Signal::INT)?;
        let ended = tracer.wait()?;
        ended.with(0)?;
        ensure!(
            ended.out.trim() == "@: 20000",
            "printed was:\n{}{}",
            ended.out,
            ended.err
        );
    }
    Ok(())
}

/// The tracer's own calls are not in its answer; `--include-self` brings them in.
pub fn own_calls(place: &Place) -> Result<()> {
    for (options, included) in [(&["-q"][..], false), (&["-q", "--include-self"], true)] {
        let trigger = Trigger::start(place, &["flood", "10"])?;
        let query = "syscall:* { @[pid] = count(); } interval:ms:20 { print(1); }";
        let args = words(&[options, &["-e", query]].concat());
        let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
        trigger.finish()?;
        tracer.signal(Signal::INT)?;
        let own = format!("@[{}]: ", tracer.pid().as_raw_nonzero());
        let ended = tracer.wait()?;
        ended.with(0)?;
        let found = ended.out.lines().any(|line| line.starts_with(&own));
        ensure!(
            found == included,
            "{options:?}: own calls found: {found}\n{}",
            ended.out
        );
    }
    Ok(())
}

/// A process under strace: both see the same calls.
pub fn beside_strace(place: &Place) -> Result<()> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let log = dir.path().join("log");
    let trigger = Trigger::start(place, &["open", "/proc/version", "20"])?;
    let pid = trigger.pid().to_string();
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "trace=openat", "-p", &pid, "-o"]);
    let mut strace = strace.arg(&log).stdin(Stdio::null()).spawn()?;
    let deadline = Instant::now() + LIMIT;
    while tracer_of(&pid)? == "0" {
        ensure!(Instant::now() < deadline, "strace does not attach");
        std::thread::yield_now();
    }
    let query = "syscall:openat /pid == $1/ { print(call); }";
    let tracer = Tracer::start(place, &words(&["-q", "-e", query, &pid]), None)?;
    let tracer = tracer.must_be_ready()?;
    trigger.finish()?;
    strace.wait().context("strace ends with the process")?;
    tracer.signal(Signal::INT)?;
    let own = tracer.wait()?.out;
    let theirs = std::fs::read_to_string(&log).context("read what strace says")?;
    let [own, theirs] = [&own, &theirs].map(|text| {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>()
    });
    ensure!(own.len() == 20, "own lines:\n{own:?}");
    ensure!(own == theirs, "own lines {own:?}, strace's {theirs:?}");
    Ok(())
}

/// The process that traces a process.
fn tracer_of(pid: &str) -> Result<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("its status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("TracerPid:"));
    Ok(line.context("TracerPid")?.trim().to_owned())
}

/// bpftrace on the same calls: both count all.
pub fn beside_bpftrace(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood", "10000"])?;
    let pid = trigger.pid().to_string();
    let other = format!(
        "tracepoint:syscalls:sys_enter_getppid /pid == {pid}/ {{ @ = count(); }} \
         interval:ms:50 {{ printf(\"tick\\n\"); }}"
    );
    let mut bpftrace = Command::new("bpftrace");
    bpftrace.args(["-B", "line", "-e", &other]);
    let mut bpftrace = bpftrace
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()?;
    let mut said = BufReader::new(bpftrace.stdout.take().context("its output")?);
    let mut line = String::new();
    while line != "tick\n" {
        line.clear();
        let read = said.read_line(&mut line).context("what bpftrace says")?;
        ensure!(read > 0, "bpftrace has ended");
    }
    let query = "syscall:getppid /pid == $1/ { @ = count(); }";
    let tracer = Tracer::start(place, &words(&["-q", "-e", query, &pid]), None)?;
    let tracer = tracer.must_be_ready()?;
    trigger.finish()?;
    tracer.signal(Signal::INT)?;
    let own = tracer.wait()?.out;
    interrupt(&bpftrace)?;
    let mut rest = String::new();
    said.read_to_string(&mut rest).context("its map")?;
    bpftrace.wait().context("bpftrace ends")?;
    ensure!(own.trim() == "@: 10000", "own count: {own}");
    ensure!(rest.contains("@: 10000"), "bpftrace's count: {rest}");
    Ok(())
}

fn interrupt(child: &Child) -> Result<()> {
    rustix::process::kill_process(Pid::from_child(child), Signal::INT).context("interrupt it")
}

/// A CPU is taken away and given back while events come: every one is counted.
pub fn cpu_goes_offline(place: &Place) -> Result<()> {
    const SWITCH: &str = "/sys/devices/system/cpu/cpu1/online";
    let mut trigger = Trigger::start(place, &["flood-for", "3000", "4"])?;
    let pid = trigger.pid().to_string();
    let query = "syscall:getppid /pid == $1/ { @ = count(); }";
    let tracer = Tracer::start(place, &words(&["-q", "-e", query, &pid]), None)?;
    let tracer = tracer.must_be_ready()?;
    trigger.release()?;
    for state in ["0", "1", "0", "1"] {
        std::fs::write(SWITCH, state).context("switch a CPU")?;
    }
    let issued = number(&trigger.finish()?, "issued")?;
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    ensure!(
        ended.out.trim() == format!("@: {issued}"),
        "{issued} issued, printed was: {}{}",
        ended.out,
        ended.err
    );
    Ok(())
}
