//! Accounts of whole calls: of each CPU's calls every one is delivered, filtered or lost.
//!
//! In: the place. Out: the sums that did not agree. Never accepts a rounded number.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::words;
use crate::Place;
use crate::live::{Ended, Tracer, Trigger, number};

/// Whole calls of every second descriptor, a count of the others.
const HALF: &str = "syscall:close /comm == \"trigger\" && args.fd >= 100000 && args.fd % 2 == 0/ { print(call); } \
    syscall:close /comm == \"trigger\" && args.fd >= 100000 && args.fd % 2 == 1/ { @filtered[cpu] = count(); }";

/// What became of the calls of one CPU.
#[derive(Clone, Copy, Debug, Default)]
struct OnCpu {
    delivered: u64,
    filtered: u64,
    lost: u64,
}

fn by_cpu(ended: &Ended) -> Result<BTreeMap<u64, OnCpu>> {
    let mut all: BTreeMap<u64, OnCpu> = BTreeMap::new();
    for line in ended.out.lines() {
        // Most lines are calls, whose CPU stands in a place of its own: they are counted without being taken apart.
        if line.starts_with("{\"v\":1,\"type\":\"value\"") {
            all.entry(cpu_of(line)?).or_default().delivered += 1;
            continue;
        }
        let object: Value =
            serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        match object["type"].as_str().context("an object's type")? {
            "lost" => {
                ensure!(
                    object["reason"] == "a buffer was full",
                    "lost for another reason: {line}"
                );
                let cpu = object["cpu"].as_u64().context("a loss has its CPU")?;
                let count = object["count"].as_u64().context("and its count")?;
                all.entry(cpu).or_default().lost += count;
            }
            "map" => {
                for row in object["rows"].as_array().context("rows")? {
                    let cpu = row["key"][0].as_u64().context("a CPU is the key")?;
                    let count = row["value"].as_u64().context("and a count the value")?;
                    all.entry(cpu).or_default().filtered += count;
                }
            }
            _ => {}
        }
    }
    Ok(all)
}

fn cpu_of(line: &str) -> Result<u64> {
    let (_, rest) = line.split_once("\"cpu\":").context("a value's CPU")?;
    let end = rest.find(',').context("something follows")?;
    rest[..end].parse().context("the number of a CPU")
}

/// Calls of so many processes, each bound to a CPU; the reader is stopped meanwhile or not.
fn account(place: &Place, count: u64, processes: u64, options: &[&str], stop: bool) -> Result<()> {
    let (count, processes) = (count.to_string(), processes.to_string());
    let trigger = Trigger::start(place, &["pinned", &count, &processes])?;
    let args = words(&[options, &["-q", "-f", "jsonl", "-e", HALF]].concat());
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    if stop {
        tracer.signal(Signal::STOP)?;
    }
    let facts = trigger.finish()?;
    if stop {
        tracer.signal(Signal::CONT)?;
    }
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    let all = by_cpu(&ended)?;
    let mut sum = 0;
    for (
        cpu,
        OnCpu {
            delivered,
            filtered,
            lost,
        },
    ) in &all
    {
        let issued = number(&facts, &format!("cpu{cpu}"))?;
        ensure!(
            delivered + filtered + lost == issued,
            "CPU {cpu}: {delivered} delivered + {filtered} filtered + {lost} lost, but {issued} issued\n{}",
            ended.err
        );
        sum += issued;
    }
    let issued = number(&facts, "issued")?;
    ensure!(sum == issued, "{sum} of {issued} calls are on some CPU");
    let lost: u64 = all.values().map(|on| on.lost).sum();
    ensure!(
        !stop || lost > 0,
        "nothing was lost: the buffer was never full"
    );
    Ok(())
}

/// 16 processes of 62,500 calls each, read as they come.
pub fn sixteen_processes(place: &Place) -> Result<()> {
    account(place, 62_500, 16, &[], false)
}

/// 10 million calls past a reader that is stopped, through buffers of 64 KiB.
pub fn ten_million(place: &Place) -> Result<()> {
    account(place, 2_500_000, 4, &["--ring-size", "64K"], true)
}

/// The main rings are full of calls; of 200 ends of processes none is lost.
pub fn lifecycle_has_its_room(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["pinned", "500", "200"])?;
    let pid = trigger.pid().to_string();
    let query = "syscall:close /comm == \"trigger\" && args.fd >= 100000/ { print(call); } \
        rawtracepoint:sched_process_exit /comm == \"trigger\" && pid != $1/ { printf(\"end\\n\"); }";
    let args = words(&["-q", "--ring-size", "16K", "-e", query, &pid]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    tracer.signal(Signal::STOP)?;
    trigger.finish()?;
    tracer.signal(Signal::CONT)?;
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    let ends = ended.out.lines().filter(|line| *line == "end").count();
    ensure!(
        ended.err.contains("a buffer was full"),
        "no call was lost: the buffers were never full\n{}",
        ended.err
    );
    ensure!(
        ended.err.contains("or more of trigger["),
        "the loss does not name who floods:\n{}",
        ended.err
    );
    ensure!(ends == 200, "{ends} of 200 ends were told\n{}", ended.err);
    Ok(())
}

/// Records of one thread come in the order of its calls, whatever CPUs it was on.
pub fn order_of_threads(place: &Place) -> Result<()> {
    let trigger = Trigger::start(place, &["flood", "5000", "4"])?;
    let pid = trigger.pid().to_string();
    let query = "syscall:getppid /pid == $1/ { printf(\"%d\\n\", 1); }";
    let args = words(&["-q", "-f", "jsonl", "-e", query, &pid]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    trigger.finish()?;
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let mut records = 0;
    for line in ended.out.lines() {
        let object: Value = serde_json::from_str(line).context("not JSON")?;
        if object["type"] != "printf" {
            continue;
        }
        let thread = object["tid"].as_u64().context("a thread")?;
        let time = object["time_ns"].as_u64().context("a time")?;
        let before = last.insert(thread, time).unwrap_or(0);
        ensure!(
            before < time,
            "thread {thread}: {time} comes after {before}"
        );
        records += 1;
    }
    ensure!(
        records == 20_000 && last.len() == 4,
        "{records} records of {} threads\n{}",
        last.len(),
        ended.err
    );
    Ok(())
}
