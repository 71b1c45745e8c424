//! Where the time goes: of each query of the `cost` figures, its instructions and the kernel's own measure of a run.
//!
//! In: the queries. Out: translated instructions, bytes of machine code, nanoseconds a run of each program. The kernel's statistics
//! cost some 20 ns a run themselves, which is why `cost` is measured without.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cost::{self, QUERIES, Query};
use super::figure::{Figure, Goal, Series};
use super::subject::Subject;
use super::workload::Workload;
use super::{Bench, Setting};

/// See the module.
pub const BENCH: Bench = Bench {
    name: "evidence",
    about: "instructions of each query, and what the kernel says that a run of its programs takes",
    run,
};

const CALLS: u64 = 1_000_000;
/// Counts runs of programs and their time while it is 1.
const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The kernel's statistics, on as long as this lives.
struct Statistics {
    before: String,
}

impl Statistics {
    fn on() -> Result<Statistics> {
        let before = fs::read_to_string(STATISTICS).context(STATISTICS)?;
        fs::write(STATISTICS, "1").context(STATISTICS)?;
        Ok(Statistics { before })
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        if let Err(error) = fs::write(STATISTICS, &self.before) {
            eprintln!(
                "cannot set {STATISTICS} back to {}: {error}",
                self.before.trim()
            );
        }
    }
}

fn run(setting: &Setting) -> Result<Vec<Figure>> {
    let _on = Statistics::on()?;
    let mut figures = Vec::new();
    for query in QUERIES {
        figures.extend(look(setting, query)?);
    }
    Ok(figures)
}

fn look(setting: &Setting, query: &Query) -> Result<Vec<Figure>> {
    let mut workload = Workload::start(setting)?;
    let running = Subject::Tracer(cost::arguments(query)).start(setting, "/dev/null".as_ref())?;
    workload.order(query.order, setting.count(CALLS))?;
    let pid = running.pid().context("the tracer is a process")?;
    let output = Command::new(&setting.workload)
        .args(["programs", &pid.to_string()])
        .output()?;
    running.stop()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut figures = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        figures.extend(program(query, &serde_json::from_str(line)?));
    }
    Ok(figures)
}

/// Figures of one program.
fn program(query: &Query, told: &Value) -> Vec<Figure> {
    let number = |name: &str| told[name].as_f64().unwrap_or(0.0);
    let name = told["name"].as_str().unwrap_or_default();
    let runs = number("runs");
    let one = |what: &str, unit, value| Figure {
        what: format!("{}: {name}, {what}", query.what),
        unit,
        series: vec![Series {
            subject: "tracer".to_owned(),
            values: vec![value],
        }],
        goal: Goal::None,
    };
    let mut figures = vec![
        one("instructions", "", number("translated_bytes") / 8.0),
        one("machine code", "bytes", number("machine_bytes")),
    ];
    if runs > 0.0 {
        figures.push(one("a run", "ns", number("nanoseconds") / runs));
    }
    figures
}
