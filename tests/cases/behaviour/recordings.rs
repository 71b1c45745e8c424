//! Recordings: asked afterwards, they answer as the kernel did; and what is left of a recorder that is killed.
//!
//! In: the place. Out: the answers that differ. Each query is answered live and recorded in one run, so both saw the same events.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::words;
use crate::Place;
use crate::live::{Ended, Tracer, Trigger, number};

/// What queries need in front of the first one.
const PREAMBLE: &str = "struct grid { u32 cells[2][2]; }; struct boxed { struct grid two[1]; };";

/// Queries; `@q` is another map in each. They are answered in groups, each of which is one run.
const QUERIES: [&[&str]; 4] = [
    &[
        "syscall:* /tree/ { @q[name] = count(); }",
        "syscall:* /tree/ { @q[name, errno] = count(); }",
        "syscall:* /tree && retval < 0/ { @q[name, retval] = count(); }",
        "syscall:* /tree/ { @q[comm] = count(); }",
        "syscall:* /tree/ { @q[pid, tid] = count(); }",
        "syscall:* /tree/ { @q[uid, gid] = count(); }",
        "syscall:* /tree/ { @q[username] = count(); }",
        "syscall:* /tree/ { @q[cgroup] = count(); }",
        "syscall:* /tree/ { @q[cpu < ncpus] = count(); }",
        "syscall:* /tree/ { @q[abi] = count(); }",
        "syscall:* /tree/ { @q[probe] = count(); }",
        "syscall:* /tree && retval >= 0/ { @q[name] = sum(retval); }",
        "syscall:* /tree && retval >= 0/ { @q[name] = max(retval); }",
        "syscall:* /tree && retval >= 0/ { @q[name] = min(retval); }",
        "syscall:* /tree && retval >= 0/ { @q[name] = avg(retval); }",
        "syscall:* /tree && retval >= 0/ { @q[name] = stats(retval); }",
    ],
    &[
        "syscall:openat /tree/ { @q[str(args.filename)] = count(); }",
        "syscall:openat /tree/ { @q[args.filename, errno] = count(); }",
        "syscall:openat /tree/ { @q[str(args.filename, 6)] = count(); }",
        "syscall:openat /tree/ { @q[args.flags & 3] = count(); }",
        "syscall:openat /tree/ { @q[args.dfd] = count(); }",
        "syscall:openat /tree && args.filename == \"/nonexistent/file\"/ { @q = count(); }",
        "syscall:openat /tree/ { @q = hist(retval); }",
        "syscall:openat /tree/ { @q = lhist(retval, -4, 8, 2); }",
        "syscall:close /tree/ { @q[args.fd] = count(); }",
        "syscall:close /tree/ { @q = sum(args.fd); }",
        "syscall:execve /tree/ { @q[str(args.filename), retval] = count(); }",
        "syscall:read /tree/ { @q[args.count] = count(); }",
        "syscall:read /tree && retval > 0/ { @q = hist(retval); }",
        "syscall:write /tree/ { @q[args.fd, args.count] = count(); }",
        "syscall:write /tree/ { @q = sum(args.count); }",
        "syscall:write /tree/ { @q[strlen(comm)] = count(); }",
        "syscall:mmap /tree/ { @q[args.prot, args.flags] = sum(args.len); }",
    ],
    &[
        "syscall:openat:entry /tree/ { @q[str(args.filename)] = count(); }",
        "syscall:*:entry /tree/ { @q[name] = count(); }",
        "syscall:openat:return /tree/ { @q[retval < 0] = count(); }",
        "syscall:exit_group /tree/ { @q[args.error_code] = count(); }",
        "tracepoint:syscalls:sys_enter_openat /tree/ { @q[str(args.filename)] = count(); }",
        "tracepoint:syscalls:sys_exit_openat /tree/ { @q[args.ret < 0] = count(); }",
        "tracepoint:syscalls:sys_enter_close /tree/ { @q[args.fd] = count(); }",
        "tracepoint:raw_syscalls:sys_enter /tree/ { @q[args.id] = count(); }",
        "tracepoint:raw_syscalls:sys_exit /tree/ { @q[args.id, args.ret < 0] = count(); }",
        "syscall:* /tree && duration > 1000000/ { @q[name] = count(); }",
        "syscall:* /tree && duration > 0/ { @q[name] = sum(duration); }",
        "syscall:* /tree && duration > 0/ { @q[name] = max(duration); }",
        "syscall:* /tree/ { @q = hist(duration); }",
        "syscall:* /tree/ { @q[name] = max(nsecs); }",
        "syscall:*:entry /tree/ { @q[name] = min(nsecs); }",
        "syscall:rt_sigreturn /tree/ { @q[retval, errno] = count(); }",
        "syscall:%signal /tree/ { @q[name] = count(); }",
        "syscall:%file /tree/ { @q[name] = count(); }",
        "syscall:%desc /tree/ { @q[name] = count(); }",
    ],
    &[
        "syscall:* /tree/ { @q++; }",
        "syscall:* /tree/ { @q[tid]++; }",
        "syscall:* /tree && errno != 0/ { @q[errno] = count(); }",
        "syscall:* /tree && errno == ENOENT/ { @q[name] = count(); }",
        "syscall:* /tree/ { if (retval < 0) { @q[\"bad\"] = count(); } else { @q[\"good\"] = count(); } }",
        "syscall:* /tree/ { @q[retval < 0 ? name : name, nr] = count(); }",
        "syscall:* /tree/ { $x = nr % 7; $y = $x * 3 - 1; @q[$y] = count(); }",
        "syscall:* /tree/ { @q[(pid, comm)] = count(); }",
        "syscall:* /tree && comm == \"sh\"/ { @q[name] = count(); }",
        "syscall:* /tree && strncmp(comm, \"tri\", 3) == 0/ { @q[name] = count(); }",
        "syscall:* /tree/ { @q[name] = max(nr); @q2[name] = min(nr); }",
        "syscall:newfstatat /tree/ { @q[str(args.filename), errno] = count(); }",
        "syscall:clone,syscall:clone3,syscall:vfork,syscall:fork /tree/ { @q[retval > 0] = count(); }",
        "syscall:* /tree/ { @q = stddev(nr); }",
        "syscall:* /tree/ { @q[nr] = 1; }",
        "syscall:* /tree/ { @q[strerror(errno)] = count(); }",
        // Two words of an address of the network, twice.
        "syscall:connect /tree/ { $b = *(struct boxed *)args.uservaddr; \
            @q[$b.two[0].cells[nr % 2], $b.two] = $b.two[0].cells; }",
    ],
];

/// Programs that do a little of everything, and fail at some of it.
const COMMAND: &str = "T=$0; $T open; $T fail; $T stat; $T sizes; $T threads; $T int80; $T handler 3; \
    cat /etc/hostname /nonexistent/file; ls / | cat; (exit 3); $T unlink; $T connect";

/// A file that goes away with the test.
pub struct Scratch(PathBuf);

impl Scratch {
    /// By a name of its own.
    pub fn new(name: &str) -> Scratch {
        let name = format!("tracer-{}-{name}.rec", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }

    /// As an argument.
    pub fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A test that failed may not have made it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The queries of a group as one script, each with a map of its own name, and those names.
fn script(group: usize) -> (String, Vec<String>) {
    let queries = QUERIES[group].iter().enumerate();
    let name = |at: usize| format!("@q{group}x{at}");
    let text = queries.map(|(at, query)| {
        let query = query.replace("@q2", &format!("{}y", name(at)));
        query
            .replace("@q[", &format!("{}[", name(at)))
            .replace("@q ", &format!("{} ", name(at)))
            .replace("@q++", &format!("{}++", name(at)))
    });
    let text: Vec<String> = std::iter::once(PREAMBLE.to_owned()).chain(text).collect();
    (
        text.join("\n"),
        (0..QUERIES[group].len()).map(name).collect(),
    )
}

/// Runs the tracer to its end.
pub fn run(place: &Place, args: &[&str]) -> Result<Ended> {
    Tracer::start(place, &words(args), None)?.wait()
}

/// What is asked of a recording is what the kernel answered.
fn group(place: &Place, group: usize) -> Result<()> {
    let file = Scratch::new(&format!("equivalence-{group}"));
    let (script, maps) = script(group);
    let trigger = place.trigger.display().to_string();
    // What the programs print goes elsewhere: standard output is the answer's.
    let command = format!("({COMMAND}) >/dev/null 2>&1 </dev/null");
    let live = run(
        place,
        &[
            "record",
            "-o",
            &file.path(),
            "-f",
            "--query",
            &script,
            "--",
            "sh",
            "-c",
            &command,
            &trigger,
        ],
    )?;
    ensure!(
        live.status.success(),
        "recording: {}\n{}",
        live.status,
        live.err
    );
    let asked = run(place, &["query", &file.path(), "-e", &script])?;
    ensure!(
        asked.status.success(),
        "asking: {}\n{}",
        asked.status,
        asked.err
    );
    for map in &maps {
        let begins = |line: &str| {
            line.strip_prefix(map.as_str())
                .is_some_and(|rest| rest.starts_with(['[', ':']))
        };
        ensure!(
            live.out.lines().any(begins),
            "{map} is empty: its query tests nothing\n{}",
            live.err
        );
    }
    let differ = live
        .out
        .lines()
        .zip(asked.out.lines())
        .find(|(a, b)| a != b);
    ensure!(
        live.out == asked.out,
        "live and recorded differ, first in: {differ:?}\n{}",
        asked.err
    );
    Ok(())
}

/// Counts, keys of all sorts, aggregations of results.
pub fn counts(place: &Place) -> Result<()> {
    group(place, 0)
}

/// Arguments, and what they point to.
pub fn arguments(place: &Place) -> Result<()> {
    group(place, 1)
}

/// Entries, returns, durations, times, tracepoints; and the return from a signal handler, whose end has no number.
pub fn phases(place: &Place) -> Result<()> {
    group(place, 2)
}

/// Statements, variables, conditions.
pub fn statements(place: &Place) -> Result<()> {
    group(place, 3)
}

/// There are as many queries as are promised.
pub fn enough(_place: &Place) -> Result<()> {
    let count: usize = QUERIES.iter().map(|group| group.len()).sum();
    ensure!(count >= 60, "{count} queries");
    Ok(())
}

/// So many calls are so many rows; the file says how it ended. As many as the buffer holds: nothing is lost however busy the machine is.
pub fn every_call(place: &Place) -> Result<()> {
    let file = Scratch::new("every-call");
    let trigger = Trigger::start(place, &["flood", "50000"])?;
    let pid = trigger.pid().to_string();
    let args = words(&["record", "-o", &file.path(), "-p", &pid, "-e", "getppid"]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    let facts = trigger.finish()?;
    tracer.signal(Signal::INT)?;
    let ended = tracer.wait()?;
    ensure!(ended.status.success(), "{}\n{}", ended.status, ended.err);
    let issued = number(&facts, "issued")?;
    let asked = run(
        place,
        &[
            "query",
            &file.path(),
            "--strict",
            "-e",
            "syscall:getppid { @ = count(); }",
        ],
    )?;
    ensure!(asked.status.success(), "{}\n{}", asked.status, asked.err);
    ensure!(
        asked.out.trim() == format!("@: {issued}"),
        "{issued} issued, printed was:\n{}",
        asked.out
    );
    Ok(())
}

/// A recorder that is killed leaves what it had written, and the file says so.
pub fn killed(place: &Place) -> Result<()> {
    let file = Scratch::new("killed");
    let trigger = Trigger::start(place, &["flood", "200000"])?;
    let pid = trigger.pid().to_string();
    let args = words(&["record", "-o", &file.path(), "-p", &pid, "-e", "getppid"]);
    let tracer = Tracer::start(place, &args, None)?.must_be_ready()?;
    trigger.finish()?;
    let written = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    // Batches are closed by their size and by their age: the first is written without any further event.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let header = 16 << 10;
    while written(&file.0) < header && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    tracer.signal(Signal::KILL)?;
    tracer.wait()?;
    let query = "syscall:getppid { @ = count(); }";
    let asked = run(place, &["query", &file.path(), "-e", query])?;
    ensure!(asked.status.success(), "{}\n{}", asked.status, asked.err);
    ensure!(asked.err.contains("was not closed"), "{}", asked.err);
    let count: Option<u64> = asked
        .out
        .trim()
        .strip_prefix("@: ")
        .and_then(|n| n.parse().ok());
    ensure!(
        count.is_some_and(|n| n > 0 && n <= 200_000),
        "{}",
        asked.out
    );
    let strict = run(place, &["query", &file.path(), "--strict", "-e", query])?;
    ensure!(strict.status.code() == Some(3), "{}", strict.status);
    Ok(())
}

/// Files that are none, and questions that no recording answers, are told in one sentence each.
pub fn bad_files(place: &Place) -> Result<()> {
    let file = Scratch::new("bad");
    let query = "syscall:getppid { @ = count(); }";
    for (bytes, says) in [
        (&b""[..], "is empty"),
        (b"#!/bin/sh\necho hello\n", "is no recording of tracer"),
        (b"PAR1............", "Parquet"),
        (&[0xff; 64], "is no recording of tracer"),
    ] {
        std::fs::write(&file.0, bytes)?;
        let asked = run(place, &["query", &file.path(), "-e", query])?;
        ensure!(asked.status.code() == Some(4), "{says}: {}", asked.status);
        ensure!(
            asked.err.contains(says) && asked.err.lines().count() == 1,
            "{}",
            asked.err
        );
    }
    let folder = run(place, &["query", "/tmp", "-e", query])?;
    ensure!(folder.err.contains("is a directory"), "{}", folder.err);
    Ok(())
}
