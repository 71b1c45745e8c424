//! `cargo xtask bench startup`: from exec to all probes attached, and what that holds in memory.
//!
//! In: the release tracer, and bpftrace when it is installed. Out: medians as a table or as JSON. Memory is the
//! proportional set size without ring buffers (mapped twice, and sized by an option), the kernel memory of maps, and
//! the rings apart. Never judges: the goals are in the README.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::io::FdFlags;
use serde_json::{Value, json};

use crate::{need, product};

/// The first query of the README.
const QUERY: &str = r#"syscall:openat { printf("%s %s = %d (%s) %d us\n", comm, str(args.filename), retval, strerror(errno), duration/1000); }"#;

/// The same as far as bpftrace can say it.
const BPFTRACE_QUERY: &str = r#"
tracepoint:syscalls:sys_enter_openat { @at[tid] = nsecs; @file[tid] = args->filename; }
tracepoint:syscalls:sys_exit_openat /@at[tid]/ {
    printf("%s %s = %d %d us\n", comm, str(@file[tid]), args->ret, (nsecs - @at[tid]) / 1000);
    delete(@at[tid]); delete(@file[tid]);
}"#;

/// From the kernel's `enum bpf_map_type`.
const BPF_MAP_TYPE_RINGBUF: u64 = 27;

/// One start.
struct Start {
    ready: Duration,
    memory: Memory,
}

/// In bytes.
#[derive(Clone, Copy, Default)]
struct Memory {
    /// Proportional set size of the process, without mapped ring buffers.
    process: u64,
    /// Kernel memory of maps that are not ring buffers.
    maps: u64,
    /// Kernel memory of ring buffers.
    rings: u64,
}

/// Measures `runs` starts of each program and prints the medians.
pub fn startup(runs: usize, as_json: bool) -> Result<()> {
    ensure!(runs > 0, "at least one run");
    let tracer = product::tracer()?;
    need::tracefs()?;
    let mut rows = vec![("tracer", repeat(runs, || start_tracer(&tracer))?)];
    if need::has_program("bpftrace") {
        rows.push(("bpftrace", repeat(runs.min(5), start_bpftrace)?));
    }
    if as_json {
        let objects = rows
            .iter()
            .map(|(name, starts)| ((*name).to_owned(), summary(starts)));
        println!("{:#}", Value::Object(objects.collect()));
    } else {
        print_table(&rows);
    }
    Ok(())
}

fn repeat(runs: usize, mut start: impl FnMut() -> Result<Start>) -> Result<Vec<Start>> {
    // The first start fills the page cache and is not counted.
    start()?;
    (0..runs).map(|_| start()).collect()
}

/// From exec to the line on `--ready-fd`.
fn start_tracer(tracer: &Path) -> Result<Start> {
    let (read, write) = std::io::pipe().context("make a pipe")?;
    let mut command = Command::new(tracer);
    rustix::io::fcntl_setfd(&write, FdFlags::empty()).context("let a pipe be inherited")?;
    let number = write.as_raw_fd().to_string();
    command.args(["--ready-fd", &number, "-q", "-e", QUERY]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let mut child = command.spawn().context("start the tracer")?;
    drop(write);
    let ready = BufReader::new(read).lines().next().is_some();
    let start = Start {
        ready: begin.elapsed(),
        memory: memory(child.id()).unwrap_or_default(),
    };
    end(&mut child)?;
    ensure!(ready, "the tracer did not start");
    Ok(start)
}

/// bpftrace tells nobody when it is ready: from exec to its first line, while files are opened all the time.
fn start_bpftrace() -> Result<Start> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // It is opened for the sake of the call alone.
                drop(fs::File::open("/proc/version"));
                std::thread::yield_now();
            }
        });
        let start = first_line_of_bpftrace();
        done.store(true, Ordering::Relaxed);
        start
    })
}

fn first_line_of_bpftrace() -> Result<Start> {
    let mut command = Command::new("bpftrace");
    command
        .args(["-B", "line", "-e", BPFTRACE_QUERY])
        .stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = command.spawn().context("start bpftrace")?;
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(" us")));
    let start = Start {
        ready: begin.elapsed(),
        memory: memory(child.id()).unwrap_or_default(),
    };
    drop(lines);
    end(&mut child)?;
    ensure!(line.is_some(), "bpftrace did not start");
    Ok(start)
}

fn end(child: &mut Child) -> Result<()> {
    // Only its start is of interest.
    child.kill().context("end the program")?;
    child.wait().context("wait for the program")?;
    Ok(())
}

fn memory(pid: u32) -> Result<Memory> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let mut memory = Memory {
        process: kib(&rollup, "Pss:").saturating_sub(mapped_rings(&smaps)),
        ..Memory::default()
    };
    for fields in maps_of(pid)?.values() {
        let bytes = fields.get("memlock").copied().unwrap_or(0);
        match fields.get("map_type") {
            Some(&BPF_MAP_TYPE_RINGBUF) => memory.rings += bytes,
            _ => memory.maps += bytes,
        }
    }
    Ok(memory)
}

/// Proportional set size of all mappings of BPF maps, which here are ring buffers.
fn mapped_rings(smaps: &str) -> u64 {
    let mut total = 0;
    let mut inside = false;
    for line in smaps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if first.contains('-') && !first.ends_with(':') {
            inside = line.contains("bpf-map") || line.contains("bpf_ringbuf");
        } else if inside {
            total += kib(line, "Pss:");
        }
    }
    total
}

/// The first value of a field that is given in kB, in bytes.
fn kib(text: &str, field: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}

/// The maps that a process holds descriptors of: id to the numbers in its descriptor's information.
fn maps_of(pid: u32) -> Result<BTreeMap<u64, BTreeMap<String, u64>>> {
    let mut maps = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let Ok(text) = fs::read_to_string(entry?.path()) else {
            continue;
        };
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        let number =
            |(name, value): (&str, &str)| Some((name.to_owned(), value.trim().parse().ok()?));
        let fields: BTreeMap<String, u64> = pairs.filter_map(number).collect();
        if let Some(&id) = fields.get("map_id") {
            maps.insert(id, fields);
        }
    }
    Ok(maps)
}

/// The middle one.
fn median<T: Ord>(mut values: Vec<T>) -> T {
    values.sort();
    values.swap_remove(values.len() / 2)
}

fn medians(starts: &[Start]) -> (Duration, Memory) {
    let of = |field: fn(&Memory) -> u64| median(starts.iter().map(|s| field(&s.memory)).collect());
    let memory = Memory {
        process: of(|memory| memory.process),
        maps: of(|memory| memory.maps),
        rings: of(|memory| memory.rings),
    };
    (
        median(starts.iter().map(|start| start.ready).collect()),
        memory,
    )
}

fn summary(starts: &[Start]) -> Value {
    let (ready, memory) = medians(starts);
    let fastest = starts
        .iter()
        .map(|start| start.ready)
        .min()
        .unwrap_or_default();
    json!({
        "runs": starts.len(),
        "ready_us": ready.as_micros() as u64,
        "ready_min_us": fastest.as_micros() as u64,
        "process_bytes": memory.process,
        "maps_bytes": memory.maps,
        "rings_bytes": memory.rings,
    })
}

fn print_table(rows: &[(&str, Vec<Start>)]) {
    println!(
        "{:<9} {:>5} {:>12} {:>12} {:>12} {:>12}",
        "", "runs", "ready", "process", "maps", "rings"
    );
    for (name, starts) in rows {
        let (ready, memory) = medians(starts);
        let mib = |bytes: u64| format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20));
        let ready = format!("{:.1} ms", ready.as_secs_f64() * 1000.0);
        let [process, maps, rings] = [memory.process, memory.maps, memory.rings].map(mib);
        let runs = starts.len();
        println!("{name:<9} {runs:>5} {ready:>12} {process:>12} {maps:>12} {rings:>12}");
    }
    println!(
        "ready: exec to all probes attached (bpftrace: to its first line), median; process: proportional set size"
    );
    println!("without rings; maps: kernel memory of the other maps");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_taken_out_of_the_process() {
        let smaps = "7f00-7f10 rw-s 00000000 00:0e 1  anon_inode:bpf-map\nSize: 64 kB\nPss: 60 kB\n\
            7f20-7f30 r-xp 00000000 00:0e 1  /bin/x\nPss: 7 kB\n";
        assert_eq!(mapped_rings(smaps), 60 * 1024);
        assert_eq!(kib("Rss: 1 kB\nPss:      12 kB\n", "Pss:"), 12 * 1024);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3, 1, 2]), 2);
    }
}
