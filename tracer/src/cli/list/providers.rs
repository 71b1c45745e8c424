//! The providers of probes as `tracer list` goes through them: what serves each, its names, and what a name offers.
//!
//! In: the kernel's [`Facts`]. Out: [`PROVIDERS`], in the order of the list. Names that a clause completes (`hz:`) end in a colon or
//! have words in capitals. Never lists the functions of a file: `user` does.

use std::collections::HashSet;

use super::{arguments, offers};
use crate::facts::{Facts, Feature};
use crate::sema::providers::{iterator, own_signal};
use crate::tables::syscalls;
use crate::types::Abi;
use crate::types::btf::Btf;
use crate::types::counter::{self, Source};

/// What can be listed of one probe provider.
pub(super) struct Provider {
    pub(super) name: &'static str,
    /// What serves such probes, the best first; any of them will do. Empty: always there.
    pub(super) served_by: &'static [Feature],
    /// Names without the provider's, sorted; one that is empty is the provider's alone.
    pub(super) names: fn(&dyn Facts) -> Vec<String>,
    /// Declarations of what a name offers to a clause, and what cannot be declared as a comment.
    pub(super) arguments: fn(&dyn Facts, &str) -> Vec<String>,
}

/// In the order of the list.
pub(super) const PROVIDERS: [Provider; 19] = [
    Provider {
        name: "BEGIN",
        served_by: &[],
        names: |_| strings(&[""]),
        arguments: |_, _| offers::of_begin(),
    },
    Provider {
        name: "END",
        served_by: &[],
        names: |_| strings(&[""]),
        arguments: |_, _| offers::of_end(),
    },
    Provider {
        name: "interval",
        served_by: &[],
        names: |_| strings(&UNITS),
        arguments: |_, unit| offers::of_interval(unit),
    },
    Provider {
        name: "self",
        served_by: &[],
        names: |_| own_signals(),
        arguments: |_, signal| offers::of_own_signal(signal),
    },
    Provider {
        name: "syscall",
        served_by: &[],
        names: |_| calls(),
        arguments: |_, name| arguments::of_syscall(name),
    },
    Provider {
        name: "tracepoint",
        served_by: &[Feature::Tracepoint],
        names: |facts| facts.tracepoints().to_vec(),
        arguments: arguments::of_tracepoint,
    },
    Provider {
        name: "rawtracepoint",
        served_by: &[Feature::RawTracepoint],
        names: |facts| facts.raw_tracepoints().to_vec(),
        arguments: arguments::of_raw_tracepoint,
    },
    Provider {
        name: "kprobe",
        served_by: &[Feature::Kprobe, Feature::Fentry],
        names: |facts| facts.functions().to_vec(),
        arguments: arguments::of_registers,
    },
    Provider {
        name: "kretprobe",
        served_by: &[Feature::Kprobe, Feature::Fentry],
        names: |facts| facts.functions().to_vec(),
        arguments: |_, _| strings(&["int64 retval"]),
    },
    Provider {
        name: "fentry",
        served_by: &[Feature::Fentry, Feature::Kprobe],
        names: described_functions,
        arguments: |facts, name| arguments::of_function(facts, name, false),
    },
    Provider {
        name: "fexit",
        served_by: &[Feature::Fentry, Feature::Kprobe],
        names: described_functions,
        arguments: |facts, name| arguments::of_function(facts, name, true),
    },
    Provider {
        name: "uprobe",
        served_by: &[Feature::Uprobe],
        names: |_| strings(&["PATH:FUNCTION"]),
        arguments: |_, _| offers::of_functions("uprobe"),
    },
    Provider {
        name: "uretprobe",
        served_by: &[Feature::Uprobe],
        names: |_| strings(&["PATH:FUNCTION"]),
        arguments: |_, _| offers::of_functions("uretprobe"),
    },
    Provider {
        name: "usdt",
        served_by: &[Feature::Uprobe],
        names: |_| strings(&["PATH:PROVIDER:NAME"]),
        arguments: |_, _| offers::of_user_tracepoint(),
    },
    Provider {
        name: "profile",
        served_by: &[Feature::PerfEvent],
        names: |_| strings(&UNITS),
        arguments: |_, unit| offers::of_profile(unit),
    },
    Provider {
        name: "software",
        served_by: &[Feature::PerfEvent],
        names: |_| counters(Source::Software),
        arguments: |_, name| offers::of_counter(Source::Software, name),
    },
    Provider {
        name: "hardware",
        served_by: &[Feature::HardwareCounter],
        names: |_| counters(Source::Hardware),
        arguments: |_, name| offers::of_counter(Source::Hardware, name),
    },
    Provider {
        name: "watchpoint",
        served_by: &[Feature::PerfEvent],
        names: |_| offers::accesses(),
        arguments: |_, name| offers::of_watchpoint(name),
    },
    Provider {
        name: "iter",
        served_by: &[Feature::Iterator],
        names: |facts| facts.btf().map_or_else(Vec::new, iterators),
        arguments: arguments::of_iterator,
    },
];

/// Units of time, each before a number of one's own.
const UNITS: [&str; 4] = ["hz:", "ms:", "s:", "us:"];

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_string()).collect()
}

fn counters(source: Source) -> Vec<String> {
    counter::of(source).map(|c| c.name.to_string()).collect()
}

fn own_signals() -> Vec<String> {
    let mut names: Vec<String> = own_signal::names().map(|n| format!("signal:{n}")).collect();
    names.sort_unstable();
    names
}

fn iterators(btf: &Btf) -> Vec<String> {
    let kinds = iterator::kinds(btf).into_iter();
    kinds.map(str::to_string).collect()
}

/// The system calls of both ABIs, sorted.
fn calls() -> Vec<String> {
    let native = syscalls::all(Abi::Native);
    let mut names: Vec<String> = native
        .chain(syscalls::all(Abi::I386))
        .map(|(_, name)| name.to_string())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Functions that can be traced and whose prototype is known: fentry attaches by BTF id.
fn described_functions(facts: &dyn Facts) -> Vec<String> {
    let Some(btf) = facts.btf() else {
        return Vec::new();
    };
    let described: HashSet<&str> = btf.functions().map(|(name, _)| name).collect();
    let names = facts.functions().iter();
    names
        .filter(|name| described.contains(name.as_str()))
        .cloned()
        .collect()
}
