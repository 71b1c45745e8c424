//! What the kernel knows of the programs that a process holds.
//!
//! In: a process. Out: a JSON object a line for each program: name, size, runs and their time, which are counted while
//! `kernel.bpf_stats_enabled` is 1.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use aya::programs::loaded_programs;
use serde_json::json;

/// Prints them.
pub fn tell(pid: &str) -> Result<()> {
    let held = held(pid)?;
    for program in loaded_programs() {
        let program = program.context("ask the kernel for its programs")?;
        if !held.contains(&program.id()) {
            continue;
        }
        println!(
            "{}",
            json!({
                "name": program.name_as_str(),
                "translated_bytes": program.size_translated(),
                "machine_bytes": program.size_jitted(),
                "nanoseconds": program.run_time().as_nanos() as u64,
                "runs": program.run_count(),
            })
        );
    }
    Ok(())
}

/// Ids of the programs that a process has descriptors or links of.
fn held(pid: &str) -> Result<BTreeSet<u32>> {
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).context("the process")? {
        let text = fs::read_to_string(entry?.path()).unwrap_or_default();
        let id = text.lines().find_map(|line| line.strip_prefix("prog_id:"));
        ids.extend(id.and_then(|id| id.trim().parse::<u32>().ok()));
    }
    Ok(ids)
}
