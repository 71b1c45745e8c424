//! What this kernel and this user can do, found without the tracer.
//!
//! In: the machine. Out: for each feature whether it is there, else a sentence. Never trusts a kernel version.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::oneliners::REFERENCE;
use anyhow::{Result, bail};

/// Features that were looked for; those that are missing carry the reason.
pub struct Features {
    found: Vec<(&'static str, Option<String>)>,
    /// Features that must be here.
    promised: Vec<String>,
}

impl Features {
    /// Looks at the machine. What `FEATURES` names is promised to be there.
    pub fn find(trigger: &Path) -> Features {
        let promised = std::env::var("FEATURES").unwrap_or_default();
        Features {
            found: vec![
                ("root", root()),
                ("btf", exists("/sys/kernel/btf/vmlinux", "no BTF")),
                (
                    "tracefs",
                    exists("/sys/kernel/tracing/events", "tracefs is not mounted"),
                ),
                (
                    "kprobe",
                    exists("/sys/bus/event_source/devices/kprobe", "no kprobes"),
                ),
                (
                    "perf-events",
                    exists("/sys/bus/event_source/devices/software", "no perf events"),
                ),
                ("iterators", iterators()),
                (
                    "module",
                    exists("/sys/class/net/dummy0", "the module dummy is not loaded"),
                ),
                (
                    "watchpoints",
                    exists(
                        "/sys/bus/event_source/devices/breakpoint",
                        "no breakpoint registers",
                    ),
                ),
                ("no-hardware-counters", no_hardware_counters()),
                ("no-kprobe", no_kprobe()),
                ("fentry", fentry()),
                ("ia32", ia32(trigger)),
                ("python", python()),
                (
                    "io-uring",
                    exists(
                        "/sys/kernel/tracing/events/io_uring/io_uring_submit_req",
                        "no tracepoint io_uring_submit_req",
                    ),
                ),
                ("strace", exists("/usr/bin/strace", "no strace")),
                ("bpftrace", bpftrace()),
                ("full-speed", full_speed()),
                ("spare-cpu", spare_cpu()),
                ("unemulated", unemulated()),
                ("cgroup2", cgroup2()),
                ("git", program("git")),
                ("cc", program("cc")),
            ],
            promised: promised.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Whether something holds of this place: a feature, `guest`, or `kernel-6.18`, a front of the kernel's release.
    pub fn holds(&self, what: &str) -> bool {
        if what == "guest" {
            return !self.promised.is_empty();
        }
        if let Some(front) = what.strip_prefix("kernel-") {
            let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
            return release.is_ok_and(|release| release.starts_with(front));
        }
        let found = self.found.iter().find(|(name, _)| *name == what);
        found.is_some_and(|(_, missing)| missing.is_none())
    }

    /// The first missing feature with its reason. An error when it was promised, or when nobody knows it.
    pub fn missing(&self, needs: &[String]) -> Result<Option<String>> {
        for need in needs {
            let Some((_, missing)) = self.found.iter().find(|(name, _)| name == need) else {
                bail!("no feature is called `{need}`");
            };
            let Some(reason) = missing else { continue };
            if self.promised.contains(need) {
                bail!("this kernel should have `{need}`, but: {reason}");
            }
            return Ok(Some(format!("needs {need}: {reason}")));
        }
        Ok(None)
    }
}

fn exists(path: &str, otherwise: &str) -> Option<String> {
    (!Path::new(path).exists()).then(|| otherwise.to_owned())
}

/// Control groups of version 2, which freeze.
fn cgroup2() -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    (!mounts.contains(" - cgroup2 ")).then(|| "no cgroup2 is mounted".to_owned())
}

/// Hundreds of runs take too long in an emulated machine.
fn unemulated() -> Option<String> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpus.contains("QEMU TCG")
        .then(|| "the machine is emulated".to_owned())
}

/// A program that tests are made with.
fn program(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(name).exists());
    (!found).then(|| format!("no {name}"))
}

fn root() -> Option<String> {
    (!rustix::process::geteuid().is_root()).then(|| "not root".to_owned())
}

/// Debian 12's bpftrace, whose differences are listed.
fn bpftrace() -> Option<String> {
    let told = Command::new(REFERENCE).arg("--version").output();
    let version = told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned());
    match version {
        Ok(version) if version.starts_with("bpftrace v0.17.") => None,
        Ok(other) => Some(format!("{REFERENCE} is {other}, not 0.17")),
        Err(error) => Some(format!("{REFERENCE}: {error}")),
    }
}

/// A kernel on which the answer to a kprobe is a sentence.
fn no_kprobe() -> Option<String> {
    let kprobe = exists("/sys/bus/event_source/devices/kprobe", "");
    kprobe
        .is_none()
        .then(|| "this kernel has kprobes".to_owned())
}

/// A machine on which the answer to a hardware counter is a sentence.
fn no_hardware_counters() -> Option<String> {
    ["cpu", "cpu_core"]
        .iter()
        .any(|name| {
            Path::new("/sys/bus/event_source/devices")
                .join(name)
                .exists()
        })
        .then(|| "this machine has hardware counters".to_owned())
}

/// An emulated machine takes minutes for a million calls.
fn full_speed() -> Option<String> {
    is_emulated().then(|| "this machine is emulated".to_owned())
}

/// A CPU that nobody else works on: that of a guest.
fn spare_cpu() -> Option<String> {
    let missing = exists("/sys/devices/system/cpu/cpu1/online", "one CPU only");
    missing.or_else(|| (!is_emulated()).then(|| "the CPUs are not ours alone".to_owned()))
}

fn is_emulated() -> bool {
    std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains("QEMU"))
}

/// fentry attaches through ftrace; where its list of functions cannot be read, that is not usable.
fn fentry() -> Option<String> {
    let list = File::open("/sys/kernel/tracing/available_filter_functions");
    let read = list.and_then(|mut list| list.read(&mut [0]));
    read.err()
        .map(|error| format!("the list of traceable functions cannot be read: {error}"))
}

/// The kernel lists what it can walk in its type information.
fn iterators() -> Option<String> {
    let types = std::fs::read("/sys/kernel/btf/vmlinux").unwrap_or_default();
    let name = b"\0bpf_iter_task\0";
    let found = types.windows(name.len()).any(|bytes| bytes == name);
    (!found).then(|| "the kernel has no BPF iterators".to_owned())
}

/// An interpreter that reads Parquet; `cargo xtask setup` makes one.
fn python() -> Option<String> {
    let Some(python) = std::env::var_os("PYTHON") else {
        return Some("PYTHON names no interpreter with duckdb and pandas".to_owned());
    };
    let mut command = Command::new(python);
    let status = command
        .args(["-c", "import duckdb, pandas, pyarrow"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let works = status.is_ok_and(|status| status.success());
    (!works).then(|| "no duckdb, pandas and pyarrow for Python".to_owned())
}

/// A kernel without 32-bit calls ends the process at its first one.
fn ia32(trigger: &Path) -> Option<String> {
    let mut command = Command::new(trigger);
    let status = command
        .arg("int80")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    let works = status.is_ok_and(|status| status.success());
    (!works).then(|| "no 32-bit system calls".to_owned())
}
