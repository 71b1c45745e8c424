//! Ways to end: signals, a closed pipe, a kill that cannot be caught.
//!
//! In: the place. Out: what was left behind or printed wrongly. Never waits by sleeping where an event tells.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal};

use super::words;
use crate::live::{Ended, Tracer, Trigger};
use crate::{Place, bpf_ids};

const PRINT_EACH: &str = "syscall:getppid /pid == $1/ { printf(\"%s\\n\", name); }";
const COUNT: &str = "syscall:getppid /pid == $1/ { @ = count(); }";

fn start(place: &Place, query: &str, trigger: &Trigger) -> Result<Tracer> {
    let pid = trigger.pid().to_string();
    Tracer::start(place, &words(&["-q", "-e", query, &pid]), None)?.must_be_ready()
}

fn ended_well(ended: &Ended) -> Result<()> {
    ended.with(0)?;
    ensure!(ended.err.is_empty(), "standard error:\n{}", ended.err);
    Ok(())
}

/// Ctrl-C: maps are printed once, status 0, well under a second (the best of three: the machine may be busy).
pub fn interrupt(place: &Place) -> Result<()> {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let trigger = Trigger::start(place, &["flood", "1000"])?;
        let tracer = start(place, COUNT, &trigger)?;
        trigger.finish()?;
        let asked = Instant::now();
        tracer.signal(Signal::INT)?;
        let ended = tracer.wait()?;
        best = best.min(asked.elapsed());
        ended_well(&ended)?;
        ensure!(ended.out.trim() == "@: 1000", "printed was:\n{}", ended.out);
    }
    ensure!(best < Duration::from_secs(1), "the end took {best:?}");
    Ok(())
}

/// SIGTERM ends as Ctrl-C does.
pub fn terminate(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood", "1000"])?;
    let tracer = start(place, COUNT, &trigger)?;
    trigger.finish()?;
    tracer.signal(Signal::TERM)?;
    let ended = tracer.wait()?;
    ended_well(&ended)?;
    ensure!(ended.out.trim() == "@: 1000", "printed was:\n{}", ended.out);
    Ok(())
}

/// `| head -n 1`: the reader goes away, and the run ends without a word.
pub fn closed_pipe(place: &Place) -> Result<()> {
    let mut trigger = Trigger::start(place, &["flood", "300000"])?;
    let pid = trigger.pid().to_string();
    let args = words(&[
        "-q",
        "-e",
        "syscall:getppid:entry /pid == $1/ { printf(\"x\\n\"); }",
        &pid,
    ]);
    let (mut tracer, out) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    trigger.release()?;
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1, out);
    reader.read_line(&mut line).context("read a line")?;
    drop(reader);
    ensure!(line == "x\n", "the first line is {line:?}");
    tracer.wait()?.well_but_for_losses()
}

/// Nobody reads the output: the first signal says how to go without the results, the second does it.
pub fn blocked_output(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood", "100000"])?;
    let pid = trigger.pid().to_string();
    let args = words(&["-e", PRINT_EACH, &pid]);
    let (mut tracer, unread) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    trigger.finish()?;
    tracer.signal(Signal::INT)?;
    let told = tracer.told()?;
    ensure!(told.contains("Ctrl-C once more"), "it said: {told}");
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    drop(unread);
    ended.with(130)
}

/// SIGKILL: its programs leave the kernel, and the traced process does not notice.
pub fn killed(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood", "1000"])?;
    let tracer = start(place, PRINT_EACH, &trigger)?;
    let own = programs_of(tracer.pid())?;
    ensure!(!own.is_empty(), "the tracer holds no programs");
    ensure!(
        own.is_subset(&bpf_ids::programs()),
        "the kernel does not know programs {own:?}"
    );
    tracer.signal(Signal::KILL)?;
    tracer.wait()?;
    // The kernel frees them a little after the process is gone, and tells nobody.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !own.is_disjoint(&bpf_ids::programs()) {
        ensure!(
            Instant::now() < deadline,
            "programs {own:?} are still in the kernel"
        );
        std::thread::yield_now();
    }
    trigger.finish()?;
    Ok(())
}

/// SIGKILL: a command that the tracer has started goes on, and ends as it would have.
pub fn killed_command(place: &Place) -> Result<()> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let path = |name: &str| dir.path().join(name);
    let (fifo, began, done) = (path("fifo"), path("began"), path("done"));
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    );
    made.context("make a FIFO")?;
    // Open for both, it never waits for another end.
    let mut ends = std::fs::OpenOptions::new();
    let mut let_go = ends.read(true).write(true).open(&fifo)?;
    let [fifo, began_text, done_text] = [&fifo, &began, &done].map(|path| path.display());
    // It keeps nothing of the tracer's, whose output ends with the tracer then.
    let command = format!(
        "sh -c \"exec > /dev/null 2>&1; : > {began_text}; read x < {fifo}; : > {done_text}\""
    );
    let args = words(&["-q", "-c", &command, "-e", "syscall:* { @ = count(); }"]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    until_there(&began)?;
    tracer.signal(Signal::KILL)?;
    tracer.wait()?;
    let_go.write_all(b"\n").context("let the command go on")?;
    until_there(&done)
}

fn until_there(path: &Path) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        ensure!(
            Instant::now() < deadline,
            "the command did not come to {}",
            path.display()
        );
        std::thread::yield_now();
    }
    Ok(())
}

/// Ids of the BPF programs that a process holds.
fn programs_of(pid: Pid) -> Result<BTreeSet<u32>> {
    let mut ids = BTreeSet::new();
    let dir = format!("/proc/{}/fdinfo", pid.as_raw_nonzero());
    for entry in std::fs::read_dir(&dir).with_context(|| format!("list {dir}"))? {
        let path = entry?.path();
        // A descriptor may have been closed since.
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let values = text
            .lines()
            .filter_map(|line| line.strip_prefix("prog_id:"));
        ids.extend(values.filter_map(|value| value.trim().parse::<u32>().ok()));
    }
    Ok(ids)
}

/// What is printed comes through a pipe while the tracer runs on.
pub fn pipe_flows(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood", "1"])?;
    let pid = trigger.pid().to_string();
    let args = words(&["-q", "-e", PRINT_EACH, &pid]);
    let (mut tracer, out) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    trigger.finish()?;
    let mut reader = BufReader::new(out);
    let mut line = String::new();
    reader.read_line(&mut line).context("read a line")?;
    ensure!(line == "getppid\n", "the line is {line:?}");
    tracer.signal(Signal::INT)?;
    ended_well(&tracer.wait()?)
}

/// `-o`: results go to the file, and only there.
pub fn output_file(place: &Place) -> Result<()> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let file = dir.path().join("out");
    let trigger = Trigger::start(place, &["flood", "10"])?;
    let pid = trigger.pid().to_string();
    let args = words(&["-q", "-o", &file.to_string_lossy(), "-e", COUNT, &pid]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    trigger.finish()?;
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    ended_well(&ended)?;
    ensure!(ended.out.is_empty(), "standard output:\n{}", ended.out);
    let text = std::fs::read_to_string(&file).context("read the output")?;
    ensure!(text.trim() == "@: 10", "the file holds:\n{text}");
    Ok(())
}

/// `-o` with `--dump`: the stage goes to the file, and only there.
pub fn stage_to_file(place: &Place) -> Result<()> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let file = dir.path().join("out");
    let file_arg = file.to_string_lossy();
    let args = words(&["-o", &file_arg, "--dump=tokens", "-e", "BEGIN { }"]);
    let ended = Tracer::start(place, &args, None)?.wait()?;
    ended_well(&ended)?;
    ensure!(ended.out.is_empty(), "standard output:\n{}", ended.out);
    let text = std::fs::read_to_string(&file).context("read the output")?;
    ensure!(
        text.starts_with("0..5 probe BEGIN\n"),
        "the file holds:\n{text}"
    );
    Ok(())
}
