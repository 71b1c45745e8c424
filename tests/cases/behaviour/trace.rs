//! `tracer trace`: losses in the stream, calls that do not end, company, outputs that go away.
//!
//! In: the place. Out: what did not hold. Never waits but for events.

use std::io::{BufRead, BufReader};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::words;
use crate::Place;
use crate::live::{Ended, Tracer, Trigger, number};

/// Traces 100,000 close calls with the reader stopped meanwhile.
fn stopped(place: &Place, options: &[&str]) -> Result<(Ended, u64)> {
    let trigger = Trigger::start(place, &["keys", "100000"])?;
    let pid = trigger.pid().to_string();
    let fixed = [
        "trace",
        "--ring-size",
        "64K",
        "-qq",
        "-e",
        "close",
        "-p",
        &pid,
    ];
    let args = words(&[&fixed, options].concat());
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    tracer.signal(Signal::STOP)?;
    let facts = trigger.finish()?;
    tracer.signal(Signal::CONT)?;
    Ok((tracer.wait()?, number(&facts, "issued")?))
}

/// What was lost is a line where it was lost; lines and losses together are the calls.
pub fn losses_are_lines(place: &Place) -> Result<()> {
    let (ended, issued) = stopped(place, &[])?;
    let calls = ended.out.lines().filter(|line| line.starts_with("close("));
    let calls = calls.count() as u64;
    let lost = ended
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("*** lost "));
    let count = |line: &str| -> Option<u64> { line.split(':').next()?.parse().ok() };
    let lost: u64 = lost.filter_map(count).sum();
    ensure!(lost > 0, "nothing was lost: the buffer was never full");
    ensure!(
        calls + lost == issued,
        "{calls} lines + {lost} lost, but {issued} issued\n{}",
        ended.err
    );
    ensure!(
        ended.err.contains(&lost.to_string()),
        "the sum is not told:\n{}",
        ended.err
    );
    ended.with(0)?;
    Ok(())
}

/// The same in JSON, with times around each gap; and `--strict` fails.
pub fn losses_are_objects(place: &Place) -> Result<()> {
    let (ended, issued) = stopped(place, &["--format", "json", "--strict"])?;
    let (mut calls, mut lost) = (0, 0);
    for line in ended.out.lines() {
        let object: Value =
            serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        match object["type"].as_str() {
            Some("call") => calls += 1,
            Some("lost") => {
                lost += object["count"].as_u64().context("a loss without a count")?;
                let (after, before) = (object["after_ns"].as_u64(), object["before_ns"].as_u64());
                ensure!(after <= before, "a gap that ends before it begins: {line}");
            }
            _ => {}
        }
    }
    ensure!(lost > 0, "nothing was lost: the buffer was never full");
    ensure!(
        calls + lost == issued,
        "{calls} calls + {lost} lost, but {issued} issued\n{}",
        ended.err
    );
    ended.with(3)
}

/// A call that does not end is told while it goes on.
pub fn waiting_call(place: &Place) -> Result<()> {
    let mut trigger = Trigger::start(place, &["block"])?;
    let pid = trigger.pid().to_string();
    let args = words(&["trace", "-e", "pause", "-p", &pid]);
    let (mut tracer, out) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    trigger.release()?;
    let mut line = String::new();
    BufReader::new(out)
        .read_line(&mut line)
        .context("read a line")?;
    ensure!(line == "pause( <unfinished ...>\n", "the line is {line:?}");
    tracer.signal(Signal::INT)?;
    tracer.wait()?.with(0)
}

/// Two at once on one process: both have every call.
pub fn two_at_once(place: &Place) -> Result<()> {
    let args = ["trace", "-qq", "-e", "getppid", "-p"];
    for tracer in Tracer::two(place, &["flood", "2000"], &args)? {
        let ended = tracer.wait()?;
        let lines = ended
            .out
            .lines()
            .filter(|line| line.starts_with("getppid() "));
        let count = lines.count();
        ensure!(count == 2000, "{count} lines\n{}", ended.err);
    }
    Ok(())
}

/// Nobody reads the lines any more: the run ends, and says nothing.
pub fn closed_pipe(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood-for", "2000", "1"])?;
    let pid = trigger.pid().to_string();
    let args = words(&["trace", "-p", &pid]);
    let (mut tracer, out) = Tracer::start_piped(place, &args, None)?;
    ensure!(tracer.ready(), "the tracer did not start");
    drop(out);
    trigger.finish()?;
    tracer.wait()?.well_but_for_losses()
}
