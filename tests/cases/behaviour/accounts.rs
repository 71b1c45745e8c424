//! Accounts: every event is delivered, filtered or counted as lost, to the unit.
//!
//! In: the place. Out: the sums that did not agree. Never accepts a rounded number.

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::words;
use crate::Place;
use crate::live::{Ended, Tracer, Trigger, number};

/// What a run's JSON objects hold.
#[derive(Debug, Default)]
struct Objects {
    printed: u64,
    lost: u64,
    /// Values of all maps that were printed, added up.
    counted: u64,
    maps: u64,
}

fn objects(ended: &Ended) -> Result<Objects> {
    let mut objects = Objects::default();
    for line in ended.out.lines() {
        let object: Value =
            serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        let data = &object["data"];
        match object["type"]
            .as_str()
            .context("an object without a type")?
        {
            "printf" => objects.printed += 1,
            "lost_events" => objects.lost += data["events"].as_u64().context("lost_events")?,
            "map" => {
                objects.maps += 1;
                objects.counted += sum(data);
            }
            _ => {}
        }
    }
    Ok(objects)
}

/// All numbers in a value.
fn sum(value: &Value) -> u64 {
    match value {
        Value::Object(members) => members.values().map(sum).sum(),
        value => value.as_u64().unwrap_or(0),
    }
}

/// Half of the events are filtered, and the reader is stopped while all of them come: delivered + filtered + lost =
/// issued.
pub fn stopped_reader(place: &Place) -> Result<()> {
    let query = "syscall:close /pid == $1 && args.fd % 2 == 0/ { printf(\"%d\\n\", args.fd); } \
        syscall:close /pid == $1 && args.fd % 2 == 1 && args.fd >= 100000/ { @filtered = count(); }";
    let (ended, issued) = stopped(place, &["--ring-size", "64K", "-q", "-f", "json"], query)?;
    let Objects {
        printed,
        lost,
        counted,
        ..
    } = objects(&ended)?;
    ensure!(lost > 0, "nothing was lost: the buffer was never full");
    ensure!(printed > 0, "nothing was delivered");
    ensure!(
        printed + counted + lost == issued,
        "{printed} delivered + {counted} filtered + {lost} lost, but {issued} issued\n{}",
        ended.err
    );
    Ok(())
}

/// Runs 100,000 close calls past a tracer that is stopped meanwhile.
fn stopped(place: &Place, options: &[&str], query: &str) -> Result<(Ended, u64)> {
    let trigger = Trigger::start(place, &["keys", "100000"])?;
    let pid = trigger.pid().to_string();
    let args = words(&[options, &["-e", query, &pid]].concat());
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    tracer.signal(Signal::STOP)?;
    let facts = trigger.finish()?;
    tracer.signal(Signal::CONT)?;
    tracer.signal(Signal::INT)?;
    Ok((tracer.wait()?, number(&facts, "issued")?))
}

/// A loss is said on standard error with its number, and fails a strict run.
pub fn full_ring_is_told(place: &Place) -> Result<()> {
    let query = "syscall:close /pid == $1 && args.fd >= 100000/ { printf(\"%d\\n\", args.fd); }";
    let (ended, issued) = stopped(place, &["--ring-size", "64K", "-q", "--strict"], query)?;
    let delivered = ended.out.lines().filter(|line| !line.is_empty()).count() as u64;
    let lost = issued
        .checked_sub(delivered)
        .context("more lines than events")?;
    ensure!(lost > 0, "nothing was lost: the buffer was never full");
    let number = lost.to_string();
    let told = ended
        .err
        .split(|c: char| !c.is_ascii_digit())
        .any(|word| word == number);
    ensure!(told, "{lost} lost events are not told:\n{}", ended.err);
    ended.with(3)
}

/// More keys than a map takes: what did not get in is counted and said.
pub fn full_map_is_told(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["keys", "100000"])?;
    let pid = trigger.pid().to_string();
    let query = "syscall:close /pid == $1 && args.fd >= 100000/ { @[args.fd] = count(); }";
    let args = words(&["-q", "--strict", "-e", query, &pid]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    let issued = number(&trigger.finish()?, "issued")?;
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    let kept = ended
        .out
        .lines()
        .filter(|line| line.ends_with("]: 1"))
        .count() as u64;
    ensure!(
        kept > 0 && kept < issued,
        "{kept} keys of {issued} were kept\n{}",
        ended.err
    );
    let dropped = (issued - kept).to_string();
    let told = ended
        .err
        .split(|c: char| !c.is_ascii_digit())
        .any(|word| word == dropped);
    ensure!(
        told,
        "{dropped} dropped updates are not told:\n{}",
        ended.err
    );
    ended.with(3)
}

/// Printed and cleared ten times a second under full load: each event is in exactly one interval.
pub fn intervals(place: &Place) -> Result<()> {
    printed_and_cleared(place, "@ = count();")
}

/// The same with a key, whose rows come and go.
pub fn intervals_by_key(place: &Place) -> Result<()> {
    printed_and_cleared(place, "@[cpu, tid % 2] = count();")
}

fn printed_and_cleared(place: &Place, action: &str) -> Result<()> {
    let trigger = Trigger::start(place, &["flood-for", "2500", "2"])?;
    let pid = trigger.pid().to_string();
    let query = format!(
        "syscall:getppid /pid == $1/ {{ {action} }} interval:ms:100 {{ print(@); clear(@); }}"
    );
    let args = words(&["-q", "-f", "json", "-e", &query, &pid]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    let issued = number(&trigger.finish()?, "issued")?;
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    let Objects { counted, maps, .. } = objects(&ended)?;
    ensure!(
        maps > 5,
        "only {maps} intervals were printed\n{}",
        ended.err
    );
    ensure!(
        counted == issued,
        "{counted} events in {maps} intervals, but {issued} issued\n{}",
        ended.err
    );
    Ok(())
}
