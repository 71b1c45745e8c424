//! Backpressure: a command that is faster than its reader loses records without it, and stands still with it.
//!
//! In: the place. Out: what was lost, or left behind. Nobody reads the tracer's output until the command stands still, so that it has
//! to.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal};

use super::words;
use crate::Place;
use crate::live::Tracer;

/// Calls that the command makes: far more records than buffer and pipe have room for.
const CALLS: usize = 300_000;
/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(50);

/// A line for each call of a command, in a buffer for a tenth of a second. The command ends by making a file.
fn arguments(place: &Place, more: &[&str], done: &Path) -> Vec<String> {
    let (trigger, done) = (place.trigger.display(), done.display());
    // What it says is not the tracer's output.
    let command =
        format!("sh -c 'exec > /dev/null 2>&1 < /dev/null; {trigger} flood {CALLS}; : > {done}'");
    let query =
        "syscall:getppid /comm == \"trigger\" && tree/ { printf(\"%d\\n\", retval); @ = count(); }";
    let own = ["--ring-size", "1M", "-c", &command, "-e", query];
    words(&[&["-q", "--strict"], more, &own].concat())
}

/// Nothing is lost of what would be lost without.
pub fn loses_nothing(place: &Place) -> Result<()> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let done = dir.path().join("done");
    let args = arguments(place, &[], &done);
    let (mut tracer, out) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    until("the command has ended", || done.exists())?;
    let (calls, lines) = calls_and_lines(out)?;
    let ended = tracer.wait()?;
    let is_told = ended.status.code() == Some(3) && ended.err.contains("lost");
    ensure!(
        is_told && lines < calls,
        "without it, {lines} of {calls} lines came, and it said: {}",
        ended.err
    );

    let args = arguments(place, &["--backpressure"], &done);
    let (mut tracer, out) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    let group = group(tracer.pid())?;
    until("the command stands still", || is_frozen(&group))?;
    let (calls, lines) = calls_and_lines(out)?;
    let ended = tracer.wait()?;
    ensure!(
        ended.status.success() && ended.err.is_empty(),
        "ended with {}\n{}",
        ended.status,
        ended.err
    );
    ensure!(
        lines == calls && calls >= CALLS,
        "{lines} of {calls} calls arrived"
    );
    ensure!(!group.exists(), "{} was left behind", group.display());
    Ok(())
}

/// SIGKILL while the command stands still: it runs on, and its control group is gone.
pub fn killed(place: &Place) -> Result<()> {
    let dir = tempfile::tempdir().context("make a directory")?;
    let done = dir.path().join("done");
    let args = arguments(place, &["--backpressure"], &done);
    let (mut tracer, unread) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    let group = group(tracer.pid())?;
    until("the command stands still", || is_frozen(&group))?;
    tracer.signal(Signal::KILL)?;
    tracer.wait()?;
    drop(unread);
    until("the command has ended", || done.exists())?;
    until("its control group is gone", || !group.exists())
}

/// How many calls the kernel has counted, and how many lines came of them.
fn calls_and_lines(out: impl Read) -> Result<(usize, usize)> {
    let (mut calls, mut lines) = (None, 0);
    for line in BufReader::new(out).lines() {
        let line = line?;
        match line.strip_prefix("@: ") {
            Some(count) => calls = Some(count.parse()?),
            None => lines += usize::from(!line.is_empty()),
        }
    }
    Ok((calls.context("a count at the end")?, lines))
}

/// The control group that a tracer makes.
fn group(tracer: Pid) -> Result<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let root = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ")
            .then(|| mount.split(' ').nth(4))?
    });
    let own = std::fs::read_to_string("/proc/self/cgroup")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let (root, own) = (root.context("cgroup2")?, own.context("its own group")?);
    let name = format!("tracer-{}", tracer.as_raw_nonzero());
    Ok(PathBuf::from(root).join(own).join(name))
}

fn is_frozen(group: &Path) -> bool {
    let events = std::fs::read_to_string(group.join("cgroup.events"));
    events.is_ok_and(|events| events.contains("frozen 1"))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        ensure!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
    Ok(())
}
