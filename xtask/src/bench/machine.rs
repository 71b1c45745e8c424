//! What was measured on: machine and versions, so that figures can be read later.
//!
//! In: files of this machine, `--version` of the programs. Out: text and JSON. Never measures.

use std::fmt;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::Setting;

/// The machine and the programs.
pub struct Machine(Vec<(String, String)>);

impl Machine {
    /// Looks once.
    pub fn of(setting: &Setting) -> Machine {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':']));
        let cpus = cpuinfo
            .lines()
            .filter(|line| line.starts_with("processor"))
            .count();
        let read = |path| {
            fs::read_to_string(path)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let mut known = vec![
            ("processor".to_owned(), format!("{model}, {cpus} CPUs")),
            ("kernel".to_owned(), read("/proc/sys/kernel/osrelease")),
            ("load".to_owned(), read("/proc/loadavg")),
            ("rounds".to_owned(), setting.rounds.to_string()),
            (
                "tracer".to_owned(),
                version(&setting.tracer.to_string_lossy()),
            ),
        ];
        for peer in setting.peers.all() {
            known.push((peer.name.clone(), version(&peer.path)));
        }
        Machine(known)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let members = self
            .0
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)));
        Value::Object(members.collect())
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            writeln!(f, "{name:<10} {value}")?;
        }
        write!(
            f,
            "Each figure is the median of its rounds; subjects took turns within a round."
        )
    }
}

/// The first line that a program says of itself.
fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
