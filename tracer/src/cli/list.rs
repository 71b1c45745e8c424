//! `tracer list`: the probes that this kernel has, with their arguments by `-v`.
//!
//! In: a pattern and the kernel's [`Facts`]. Out: one name a line, `-v`: the arguments below it, indented. A pattern that
//! matches nothing is an error that proposes the nearest. Never loads or attaches a probe.

mod arguments;
mod pattern;
mod user;

use std::collections::HashSet;
use std::io::{BufWriter, Write};

use super::failure::Failure;
use crate::facts::{Facts, Feature, Support};
use crate::kernel::Live;
use crate::sema::nearest::{nearest, quoted};
use crate::sema::providers::iterator;
use crate::tables::syscalls;
use crate::types::Abi;
use crate::types::btf::Btf;
use crate::types::counter::{self, Source};
use pattern::Pattern;

/// What can be listed of one probe provider.
struct Provider {
    name: &'static str,
    /// What serves such probes, the best first; any of them will do. Empty: always there.
    served_by: &'static [Feature],
    /// Names without the provider's, sorted.
    names: fn(&dyn Facts) -> Vec<String>,
    /// Declarations of what a name offers to a clause.
    arguments: fn(&dyn Facts, &str) -> Vec<String>,
}

/// In the order of the list.
const PROVIDERS: [Provider; 11] = [
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
        arguments: |_, _| Vec::new(),
    },
    Provider {
        name: "kretprobe",
        served_by: &[Feature::Kprobe, Feature::Fentry],
        names: |facts| facts.functions().to_vec(),
        arguments: |_, _| vec!["int64 retval".to_string()],
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
        name: "profile",
        served_by: &[Feature::PerfEvent],
        // Units, each before a number of one's own.
        names: |_| ["hz:", "ms:", "s:", "us:"].map(str::to_string).to_vec(),
        arguments: |_, _| Vec::new(),
    },
    Provider {
        name: "software",
        served_by: &[Feature::PerfEvent],
        names: |_| counters(Source::Software),
        arguments: |_, _| Vec::new(),
    },
    Provider {
        name: "hardware",
        served_by: &[Feature::HardwareCounter],
        names: |_| counters(Source::Hardware),
        arguments: |_, _| Vec::new(),
    },
    Provider {
        name: "iter",
        served_by: &[Feature::Iterator],
        names: |facts| facts.btf().map_or_else(Vec::new, iterators),
        arguments: arguments::of_iterator,
    },
];

/// Lists the probes of this machine that match; all without a pattern.
///
/// # Errors
/// When nothing matches, when the kernel has no probes of that kind, or when `out` cannot be written to.
pub fn run(pattern: Option<&str>, verbose: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let live = Live::new();
    let left_out = list(&live, pattern.unwrap_or("*"), verbose, out)?;
    let mut err = std::io::stderr().lock();
    for sentence in live.notices().into_iter().chain(left_out) {
        // The list is complete without it.
        let _ = writeln!(err, "tracer: {sentence}");
    }
    Ok(())
}

/// The listing itself. Says which probes were left out, and why.
fn list(
    facts: &dyn Facts,
    typed: &str,
    verbose: bool,
    out: &mut dyn Write,
) -> Result<Vec<String>, Failure> {
    if let Some(wanted) = user::split(typed) {
        user::list(facts, wanted, verbose, out)?;
        return Ok(Vec::new());
    }
    let pattern = Pattern::parse(typed).map_err(Failure::Usage)?;
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut missing = Vec::new();
    let mut found = false;
    for provider in PROVIDERS.iter().filter(|p| pattern.wants(p.name)) {
        match unavailable(facts, provider) {
            Some(why) => missing.push((provider.name, why)),
            None => found |= list_one(facts, provider, &pattern, verbose, &mut out)?,
        }
    }
    out.flush()?;
    let left_out = left_out(missing);
    match found {
        true => Ok(left_out),
        false => Err(Failure::Machine(nothing(facts, typed, &pattern, left_out))),
    }
}

/// Says whether anything matched.
fn list_one(
    facts: &dyn Facts,
    provider: &Provider,
    pattern: &Pattern,
    verbose: bool,
    out: &mut dyn Write,
) -> std::io::Result<bool> {
    let mut found = false;
    let names = (provider.names)(facts);
    for name in names.iter().filter(|n| pattern.matches(provider.name, n)) {
        found = true;
        writeln!(out, "{}:{name}", provider.name)?;
        if verbose {
            for line in (provider.arguments)(facts, name) {
                writeln!(out, "    {line}")?;
            }
        }
    }
    Ok(found)
}

/// Why there are no probes of a provider: nothing serves them.
fn unavailable(facts: &dyn Facts, provider: &Provider) -> Option<String> {
    let mut why = None;
    for &feature in provider.served_by {
        match facts.has(feature) {
            Support::No(reason) => why = why.or(Some(reason)),
            // Names can be listed by whom the kernel does not let try.
            Support::Yes | Support::Unknown(_) => return None,
        }
    }
    why
}

/// A sentence a reason: kprobe and kretprobe are missing together.
fn left_out(missing: Vec<(&'static str, String)>) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, why) in missing {
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(name),
            None => reasons.push((why, vec![name])),
        }
    }
    reasons
        .into_iter()
        .map(|(why, names)| format!("no {} here: {why}", names.join(", ")))
        .collect()
}

/// Why nothing was listed: the name is wrong, or probes of the kind are not there.
fn nothing(facts: &dyn Facts, typed: &str, pattern: &Pattern, left_out: Vec<String>) -> String {
    let near = near(facts, pattern);
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    match (near.is_empty(), left_out.is_empty()) {
        (false, _) => format!(
            "no probe matches `{typed}`; did you mean {}?",
            quoted(&near, "or")
        ),
        (true, true) => format!("no probe matches `{typed}`"),
        (true, false) => format!("no probe matches `{typed}`; {}", left_out.join("; ")),
    }
}

/// Full names whose last part is near to the pattern's; a system call before the many that are named after it.
fn near(facts: &dyn Facts, pattern: &Pattern) -> Vec<String> {
    let stem = pattern.stem();
    if stem.is_empty() {
        return Vec::new();
    }
    for provider in PROVIDERS.iter().filter(|p| pattern.wants(p.name)) {
        if unavailable(facts, provider).is_some() {
            continue;
        }
        let names = (provider.names)(facts);
        let last = |name: &str| name.rsplit(':').next().unwrap_or_default().to_string();
        let lasts: Vec<String> = names.iter().map(|n| last(n)).collect();
        let near = nearest(&stem, lasts.iter().map(String::as_str));
        if !near.is_empty() {
            let full = near
                .iter()
                .filter_map(|near| names.iter().find(|n| last(n) == *near));
            return full.map(|n| format!("{}:{n}", provider.name)).collect();
        }
    }
    Vec::new()
}

fn counters(source: Source) -> Vec<String> {
    counter::of(source).map(|c| c.name.to_string()).collect()
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

#[cfg(test)]
mod tests;
