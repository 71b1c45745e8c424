//! `cargo xtask fuzz --target NAME`: a fuzz target of `fuzz/` for some time.
//!
//! In: its name and how long. Out: a failure when an input made it panic; cargo-fuzz says which, and keeps it in
//! `fuzz/artifacts`. Needs cargo-fuzz and a nightly compiler. The corpus grows below `target`, not in the repository.

use crate::{need, project};
use anyhow::{Result, ensure};
use std::fs;
use std::process::Command;

/// The targets, each a file in `fuzz/targets`.
pub const TARGETS: &[&str] = &["parse", "check", "plan", "record", "recording"];

/// Longest input: a script that a person would write, and some more.
const MAX_BYTES: u32 = 4096;

/// Runs a target. The scripts of the repository are what it starts from.
pub fn target(name: &str, seconds: u64) -> Result<()> {
    ensure!(
        TARGETS.contains(&name),
        "no fuzz target {name}: there are {}",
        TARGETS.join(", ")
    );
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
        "-rss_limit_mb=4096".to_owned(),
    ]);
    need::succeed(&mut cargo)
}
