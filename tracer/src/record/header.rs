//! What a recording says of itself before its first row.
//!
//! In: the machine and the run, as plain data; or the metadata of a schema. Out: the other of the two. Never asks the machine.

use super::layout::LAYOUT;
use arrow_schema::Metadata;
use std::collections::HashMap;

/// The header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Version of the tracer that wrote it.
    pub version: String,
    /// Host name.
    pub host: String,
    /// Identifies the boot: monotonic times of one boot can be compared.
    pub boot_id: String,
    /// `uname -r`.
    pub kernel: String,
    /// Build id of the kernel, in hex; empty when it is not readable.
    pub kernel_build_id: String,
    /// Modules as `/proc/modules` tells them: name, size and address, a line each.
    pub modules: String,
    /// Machine, as in `uname -m`.
    pub machine: String,
    /// Possible CPUs.
    pub cpus: u32,
    /// Wall clock (ns since 1970) minus monotonic clock.
    pub clock_offset_ns: i64,
    /// Monotonic clock when the file was opened.
    pub opened_ns: u64,
    /// The command line that records.
    pub command: Vec<String>,
    /// The command that was started to be recorded; empty: none.
    pub traced: Vec<String>,
    /// Descendants of what is traced are recorded too.
    pub follow: bool,
    /// The script that records.
    pub script: String,
    /// Names of the recorded calls; `None`: all.
    pub calls: Option<Vec<String>>,
    /// Not every such call was recorded: what else it had to be, in words; empty: nothing.
    pub only: String,
    /// Bytes of each buffer.
    pub max_bytes: u32,
    /// Calls have their kernel stacks.
    pub stacks: bool,
    /// All rows are of the traced process and its descendants.
    pub tree: bool,
    /// Number of this file among those that a run was written to.
    pub part: u32,
}

const PREFIX: &str = "tracer.";

impl Header {
    /// As the metadata of a schema. Lists are JSON.
    pub fn metadata(&self) -> HashMap<String, String> {
        let list = |items: &[String]| serde_json::Value::from(items).to_string();
        let mut entries = vec![
            ("layout", LAYOUT.to_string()),
            ("version", self.version.clone()),
            ("host", self.host.clone()),
            ("boot_id", self.boot_id.clone()),
            ("kernel", self.kernel.clone()),
            ("kernel_build_id", self.kernel_build_id.clone()),
            ("modules", self.modules.clone()),
            ("machine", self.machine.clone()),
            ("cpus", self.cpus.to_string()),
            ("clock_offset_ns", self.clock_offset_ns.to_string()),
            ("opened_ns", self.opened_ns.to_string()),
            ("command", list(&self.command)),
            ("traced", list(&self.traced)),
            ("follow", self.follow.to_string()),
            ("script", self.script.clone()),
            ("only", self.only.clone()),
            ("max_bytes", self.max_bytes.to_string()),
            ("stacks", self.stacks.to_string()),
            ("tree", self.tree.to_string()),
            ("part", self.part.to_string()),
        ];
        entries.extend(self.calls.iter().map(|calls| ("calls", list(calls))));
        let entries = entries.into_iter();
        entries
            .map(|(key, value)| (format!("{PREFIX}{key}"), value))
            .collect()
    }

    /// From the metadata of a schema; what is missing is empty or 0.
    pub fn of(metadata: &Metadata) -> Header {
        let text = |key: &str| {
            metadata
                .get(&format!("{PREFIX}{key}"))
                .cloned()
                .unwrap_or_default()
        };
        let list = |text: String| serde_json::from_str::<Vec<String>>(&text).ok();
        Header {
            version: text("version"),
            host: text("host"),
            boot_id: text("boot_id"),
            kernel: text("kernel"),
            kernel_build_id: text("kernel_build_id"),
            modules: text("modules"),
            machine: text("machine"),
            cpus: text("cpus").parse().unwrap_or(0),
            clock_offset_ns: text("clock_offset_ns").parse().unwrap_or(0),
            opened_ns: text("opened_ns").parse().unwrap_or(0),
            command: list(text("command")).unwrap_or_default(),
            traced: list(text("traced")).unwrap_or_default(),
            follow: text("follow") == "true",
            script: text("script"),
            calls: list(text("calls")),
            only: text("only"),
            max_bytes: text("max_bytes").parse().unwrap_or(0),
            stacks: text("stacks") == "true",
            tree: text("tree") == "true",
            part: text("part").parse().unwrap_or(0),
        }
    }

    /// The layout that some metadata name; `None`: it is no recording's.
    pub fn layout(metadata: &Metadata) -> Option<u32> {
        metadata.get(&format!("{PREFIX}layout"))?.parse().ok()
    }

    /// A moment of the monotonic clock as nanoseconds since 1970.
    pub fn wall_ns(&self, time_ns: u64) -> i64 {
        (time_ns as i64).wrapping_add(self.clock_offset_ns)
    }
}
