//! `cargo xtask fuzz`: random programs in the kernel and in the interpreter, or a fuzz target of `fuzz/`, for some time.
//!
//! In: what, and how long. Out: a failure when a random program fails (made small, with its seed), or when an input made a
//! target panic: cargo-fuzz says which, and keeps it in `fuzz/artifacts`. Targets need a nightly compiler, and
//! cargo-fuzz, which is installed when it is missing; their corpus grows below `target`, not in the repository.

use crate::product::{self, Build};
use crate::vm::kernel::KERNELS;
use crate::{need, project, vm};
use anyhow::{Result, ensure};
use std::fs;
use std::process::Command;

/// The targets, each a file in `fuzz/targets`.
pub const TARGETS: &[&str] = &["parse", "check", "plan", "record", "recording"];

/// Longest input: a script that a person would write, and some more.
const MAX_BYTES: u32 = 4096;

/// Runs random programs with the fuzzer's own options, here or in guests.
pub fn programs(options: &[String], guests: &[String]) -> Result<()> {
    if guests.is_empty() {
        let fuzzer = product::fuzzer(Build::Quick)?;
        return need::succeed(Command::new(fuzzer).args(options));
    }
    need::guests()?;
    let products = product::all(Build::Quick)?;
    let command = format!("fuzzer {}", options.join(" "));
    let kernels = KERNELS
        .iter()
        .filter(|k| guests.iter().any(|g| g == k.version));
    for kernel in kernels {
        vm::run_command(kernel, &products, &command)?;
    }
    Ok(())
}

/// Runs a target. The scripts of the repository are what it starts from.
pub fn target(name: &str, seconds: u64) -> Result<()> {
    ensure!(
        TARGETS.contains(&name),
        "no fuzz target {name}: there are {}",
        TARGETS.join(", ")
    );
    need::fuzz_tools()?;
    let root = project::root();
    let corpus = root.join("target/fuzz").join(name);
    fs::create_dir_all(&corpus)?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["+nightly", "fuzz", "run", name])
        .arg(&corpus)
        .current_dir(&root);
    if !name.starts_with("record") {
        cargo.args(["tests/lang/check", "tests/lang/parse", "scripts"]);
    }
    cargo.arg("--").args([
        format!("-max_total_time={seconds}"),
        format!("-max_len={MAX_BYTES}"),
        "-timeout=10".to_owned(),
        // Each round in a process of its own: memory that piles up is not the target's.
        "-fork=1".to_owned(),
        "-rss_limit_mb=4096".to_owned(),
    ]);
    need::succeed(&mut cargo)
}
