//! Level 0 and 1: which calls there were, with their results and the numbers in their registers.
//!
//! In: strace's raw lines, and the tracer's objects. Out: what differs. Arguments that the tracer has no number of (they mean
//! nothing in the call at hand) are not compared; their number is counted.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use tracer::tables::syscalls;
use tracer::types::Abi;

use super::levels::{Differences, Level, aligned};
use super::lines::{Threads, name};

/// A call, as JSON has it.
pub struct Raw {
    name: String,
    ret: Option<i64>,
    /// By place.
    args: BTreeMap<usize, u64>,
    /// The whole object.
    text: String,
}

/// The calls of each thread.
pub type RawThreads = BTreeMap<u32, Vec<Raw>>;

/// Reads the tracer's objects.
pub fn threads(file: &[u8]) -> Result<RawThreads> {
    let mut threads = RawThreads::new();
    for line in String::from_utf8_lossy(file).lines() {
        let object: Value =
            serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        let tid = object["tid"].as_u64().unwrap_or(0) as u32;
        let name = match object["type"].as_str() {
            Some("call") => object["call"].as_str().unwrap_or_default(),
            Some("signal") => "---",
            Some("exit") => "+++",
            _ => continue,
        };
        let signature = syscalls::signature(Abi::Native, name);
        let place = |arg: &str| signature?.args.iter().position(|known| known.name == arg);
        let args = object["args"].as_object().into_iter().flatten();
        let args = args.filter_map(|(arg, value)| Some((place(arg)?, number(value)?)));
        threads.entry(tid).or_default().push(Raw {
            name: name.to_owned(),
            ret: object["ret"].as_i64(),
            args: args.collect(),
            text: line.to_owned(),
        });
    }
    for calls in threads.values_mut() {
        let is_wait = |raw: &Raw| raw.name == "read" && raw.args.get(&0) == Some(&0);
        let waited = calls.iter().take_while(|raw| raw.name != "execve");
        if waited.clone().any(is_wait) {
            let count = waited.count();
            calls.drain(..count);
        }
    }
    Ok(threads)
}

/// The register that a value was read from.
fn number(value: &Value) -> Option<u64> {
    let raw = match value {
        Value::Object(members) => members.get("raw").or_else(|| members.get("address"))?,
        value => value,
    };
    raw.as_u64().or_else(|| raw.as_i64().map(|n| n as u64))
}

/// Compares thread by thread, in order.
pub fn compare(theirs: &Threads, ours: &RawThreads, found: &mut Differences) {
    for (tid, lines) in theirs {
        let none = Vec::new();
        let calls = ours.get(tid).unwrap_or(&none);
        let names: Vec<&str> = lines.iter().map(|line| name(line)).collect();
        let our_names: Vec<&str> = calls.iter().map(|raw| raw.name.as_str()).collect();
        for (a, b) in aligned(&names, &our_names) {
            match (a, b) {
                (Some(a), Some(b)) => {
                    found.calls += 1;
                    if !same(&lines[a], &calls[b]) {
                        found.add(Level::Numbers, *tid, &lines[a], &calls[b].text);
                    }
                }
                (a, b) => {
                    let theirs = a.map_or("nothing", |a| &lines[a]);
                    let ours = b.map_or("nothing", |b| &calls[b].text);
                    found.add(Level::Calls, *tid, theirs, ours);
                }
            }
        }
    }
    found.threads += theirs.len();
    for (tid, _) in ours.iter().filter(|(tid, _)| !theirs.contains_key(tid)) {
        found.add(Level::Calls, *tid, "no such thread", "a thread");
    }
}

/// Whether result and arguments are the same. Signals and ends have none.
fn same(line: &str, raw: &Raw) -> bool {
    let Some((args, ret)) = parts(line) else {
        return true;
    };
    let args = args.split(", ").map(hex).enumerate();
    let same_args = args.filter_map(|(at, theirs)| Some((theirs?, *raw.args.get(&at)?)));
    let mut same_args = same_args.map(|(theirs, ours)| same_register(theirs, ours));
    let same_ret = match ret.split(' ').next() {
        Some("?") => raw.ret.is_none_or(|ret| (-516..=-512).contains(&ret)),
        Some("-1") => raw.ret.is_some_and(|ret| ret < 0),
        Some(ret) => hex(ret)
            .zip(raw.ret)
            .is_some_and(|(theirs, ours)| theirs == ours as u64),
        None => false,
    };
    same_ret && same_args.all(|same| same)
}

/// `name(ARGS) = RET`
fn parts(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once('(')?;
    let (args, ret) = rest.rsplit_once(" = ")?;
    Some((args.trim_end().strip_suffix(')')?, ret))
}

fn hex(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse::<i64>().ok().map(|n| n as u64),
    }
}

/// An argument of 32 bits leaves the upper half of its register open.
fn same_register(theirs: u64, ours: u64) -> bool {
    let is_narrow = i32::try_from(ours as i64).is_ok() || u32::try_from(ours).is_ok();
    theirs == ours || is_narrow && theirs as u32 == ours as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_registers_hold_them() {
        let raw = |ret| Raw {
            name: "openat".to_owned(),
            ret,
            args: [(0, -100i64 as u64), (1, 0x7000)].into(),
            text: String::new(),
        };
        assert!(same(
            "openat(0xffffff9c, 0x7000, 0x80000) = 0x3",
            &raw(Some(3))
        ));
        assert!(!same(
            "openat(0xffffff9c, 0x7001, 0x80000) = 0x3",
            &raw(Some(3))
        ));
        assert!(!same(
            "openat(0xffffff9c, 0x7000, 0x80000) = 0x4",
            &raw(Some(3))
        ));
        assert!(same(
            "openat(0xffffff9c, 0x7000) = -1 (errno 2)",
            &raw(Some(-2))
        ));
        let ended = Raw {
            args: [(0, 0)].into(),
            ..raw(None)
        };
        assert!(same("exit_group(0) = ?", &ended));
    }
}
