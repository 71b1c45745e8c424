//! What the doctor finds, as data.
//!
//! In: [`Live`] and files below `/proc/sys`. Out: a [`Report`]. Never formats.

use std::fs;

use crate::facts::{Facts, Feature, Support};
use crate::kernel::Live;
use crate::kernel::lockdown::Lockdown;
use crate::kernel::privilege::{Capability, setcap_command};
use crate::symbols;

/// All that was found.
pub struct Report {
    /// The main job can be done.
    pub syscall_probes: bool,
    /// Questions and answers, by subject.
    pub sections: Vec<Section>,
    /// What was done to the machine meanwhile.
    pub notices: Vec<String>,
    /// How to get what is missing: a sentence each, with the exact command.
    pub advice: Vec<String>,
}

/// A subject.
pub struct Section {
    /// For programs.
    pub key: &'static str,
    /// For people.
    pub title: &'static str,
    /// Its answers.
    pub rows: Vec<Row>,
}

/// A question and its answer.
pub struct Row {
    /// What was asked about.
    pub name: String,
    /// What was found.
    pub answer: Answer,
    /// Why, or what it is for; may be empty.
    pub detail: String,
}

/// What was found.
pub enum Answer {
    /// It can be done.
    Yes,
    /// It cannot.
    No,
    /// It cannot be told.
    Unknown,
    /// A setting's value.
    Value(String),
}

impl Answer {
    /// As a word.
    pub fn text(&self) -> &str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "unknown",
            Answer::Value(value) => value,
        }
    }
}

impl Row {
    fn new(name: &str, answer: Answer, detail: impl Into<String>) -> Row {
        Row {
            name: name.to_string(),
            answer,
            detail: detail.into(),
        }
    }

    fn of(name: &str, support: Support) -> Row {
        match support {
            Support::Yes => Row::new(name, Answer::Yes, ""),
            Support::No(why) => Row::new(name, Answer::No, why),
            Support::Unknown(why) => Row::new(name, Answer::Unknown, why),
        }
    }

    fn of_result<E: ToString>(name: &str, result: Result<String, E>) -> Row {
        match result {
            Ok(detail) => Row::new(name, Answer::Yes, detail),
            Err(error) => Row::new(name, Answer::No, error.to_string()),
        }
    }
}

impl Report {
    /// Examines the running kernel and this process.
    pub fn of(live: &Live) -> Report {
        let syscall = syscall_support(live);
        let syscall_probes = syscall == Support::Yes;
        let sections = vec![
            Section {
                key: "probes",
                title: "Probes",
                rows: probes(live, syscall),
            },
            Section {
                key: "kernel",
                title: "Kernel",
                rows: kernel(live),
            },
            Section {
                key: "capabilities",
                title: "Capabilities of this process",
                rows: capabilities(live),
            },
            Section {
                key: "settings",
                title: "Settings",
                rows: settings(),
            },
        ];
        Report {
            syscall_probes,
            sections,
            notices: live.notices(),
            advice: advice(live),
        }
    }
}

/// `syscall` probes take the right to load, raw tracepoints and ring buffers; the first that is missing is the reason.
fn syscall_support(live: &Live) -> Support {
    let missing = live.held().missing(&[Capability::Bpf, Capability::Perfmon]);
    if !missing.is_empty() {
        let names = Capability::list(&missing);
        return Support::No(match live.held().confined() {
            true => format!("it takes {names} outside of this user namespace"),
            false => format!("it takes {names}"),
        });
    }
    [Feature::RawTracepoint, Feature::RingBuffer]
        .into_iter()
        .map(|feature| live.has(feature))
        .find(|support| *support != Support::Yes)
        .unwrap_or(Support::Yes)
}

fn probes(live: &Live, syscall: Support) -> Vec<Row> {
    vec![
        Row::of("syscall", syscall),
        Row::of("tracepoint", live.has(Feature::Tracepoint)),
        Row::of("rawtracepoint", live.has(Feature::RawTracepoint)),
        Row::of("profile, software", live.has(Feature::PerfEvent)),
        Row::of("hardware", live.has(Feature::HardwareCounter)),
        Row::of("kprobe, kretprobe", live.has(Feature::Kprobe)),
        Row::of("fentry, fexit", live.has(Feature::Fentry)),
        Row::of("uprobe, usdt", live.has(Feature::Uprobe)),
        Row::of("iter", live.has(Feature::Iterator)),
    ]
}

fn kernel(live: &Live) -> Vec<Row> {
    let release = setting("kernel/osrelease");
    let machine = std::env::consts::ARCH.to_string();
    let types = live.types().map(|btf| format!("{} types", btf.len()));
    let tracefs = live.tracefs().map(|t| t.root().display().to_string());
    let cpus = live.possible_cpus().to_string();
    vec![
        Row::new("release", release, machine),
        Row::new("CPUs", Answer::Value(cpus), "possible; buffers are per CPU"),
        Row::of_result("BTF", types),
        Row::of_result("tracefs", tracefs),
        Row::of("ring buffer", live.has(Feature::RingBuffer)),
        Row::of("task storage", live.has(Feature::TaskStorage)),
        Row::of("growing maps", live.has(Feature::NoPreallocSafe)),
        Row::of("signed division", live.has(Feature::SignedDivision)),
        Row::of("bpf_loop", live.has(Feature::Loop)),
    ]
}

fn capabilities(live: &Live) -> Vec<Row> {
    let held = live.held();
    let rows = Capability::ALL.iter().map(|&capability| {
        let answer = match held.has(capability) {
            true => Answer::Yes,
            false => Answer::No,
        };
        Row::new(capability.name(), answer, capability.purpose())
    });
    rows.collect()
}

fn settings() -> Vec<Row> {
    let lockdown = Lockdown::read();
    let locked = match lockdown {
        Lockdown::None => "nothing is refused",
        Lockdown::Integrity => {
            "user memory cannot be written to from probes; reading is unaffected"
        }
        Lockdown::Confidentiality => "probes cannot read kernel memory; kprobes are refused",
        Lockdown::Unknown => "securityfs is not mounted, or the kernel has no lockdown",
    };
    let addresses = match symbols::addresses_shown() {
        Ok(()) => "kernel addresses are shown to this process".to_string(),
        Err(why) => why,
    };
    vec![
        Row::new(
            "lockdown",
            Answer::Value(lockdown.name().to_string()),
            locked,
        ),
        Row::new(
            "kernel.kptr_restrict",
            setting("kernel/kptr_restrict"),
            addresses,
        ),
        Row::new(
            "kernel.perf_event_paranoid",
            setting("kernel/perf_event_paranoid"),
            "does not matter with CAP_PERFMON",
        ),
        Row::new(
            "kernel.unprivileged_bpf_disabled",
            setting("kernel/unprivileged_bpf_disabled"),
            "does not matter with CAP_BPF",
        ),
        Row::new(
            "net.core.bpf_jit_enable",
            setting("net/core/bpf_jit_enable"),
            "0: probes are interpreted, several times slower",
        ),
    ]
}

fn setting(name: &str) -> Answer {
    fs::read_to_string(format!("/proc/sys/{name}")).map_or(Answer::Unknown, |text| {
        Answer::Value(text.trim().to_string())
    })
}

/// What can be changed about the answers that are not yes.
fn advice(live: &Live) -> Vec<String> {
    let mut advice = Vec::new();
    let held = live.held();
    let wanted = [
        Capability::Bpf,
        Capability::Perfmon,
        Capability::DacReadSearch,
        Capability::Syslog,
        Capability::SysPtrace,
    ];
    if held.confined() {
        advice.push(
            "this process is in a user namespace (a container): run it outside, capabilities inside do not count"
                .to_string(),
        );
    } else if !held.missing(&wanted[..2]).is_empty() {
        let least = setcap_command(&wanted[..2]);
        advice.push(format!("for syscall probes: `{least}`, or run it as root"));
    }
    if !held.confined() && !held.missing(&wanted).is_empty() {
        let all = setcap_command(&wanted);
        advice.push(format!(
            "for tracepoints and names in kernel stacks too: `{all}`"
        ));
    }
    if let Err(error) = live.tracepoint_names() {
        advice.push(format!("for tracepoints: {error}"));
    }
    if let Err(error) = live.types() {
        advice.push(format!(
            "for struct members, fentry and typed arguments: {error}"
        ));
    }
    if matches!(live.has(Feature::Kprobe), Support::No(_)) {
        let instead = match live.has(Feature::Fentry) {
            Support::Yes => "fentry and fexit serve the same functions here",
            _ => "tracepoints and raw tracepoints are what this kernel has",
        };
        advice.push(format!("instead of kprobes: {instead}"));
    }
    advice
}
