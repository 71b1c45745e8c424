//! `tracer list`: the probes that this kernel has, with their arguments by `-v`.
//!
//! In: a pattern and the kernel's [`Facts`]. Out: one name a line, `-v`: the arguments below it, indented. A pattern that
//! matches nothing is an error that proposes the nearest. Never loads or attaches a probe.

mod arguments;
mod offers;
mod pattern;
mod providers;
mod user;

use std::io::{BufWriter, Write};

use super::failure::Failure;
use crate::facts::{Facts, Support};
use crate::kernel::Live;
use crate::sema::nearest::{nearest, quoted};
use pattern::Pattern;
use providers::{PROVIDERS, Provider};

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
        writeln!(out, "{}", full(provider, name))?;
        if verbose {
            for line in (provider.arguments)(facts, name) {
                writeln!(out, "    {line}")?;
            }
        }
    }
    Ok(found)
}

/// A name as a clause takes it: `BEGIN` stands alone.
fn full(provider: &Provider, name: &str) -> String {
    match name {
        "" => provider.name.to_string(),
        _ => format!("{}:{name}", provider.name),
    }
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
        let last = |name: &str| {
            let full = full(provider, name);
            full.rsplit(':').next().unwrap_or_default().to_string()
        };
        let lasts: Vec<String> = names.iter().map(|n| last(n)).collect();
        let near = nearest(&stem, lasts.iter().map(String::as_str));
        if !near.is_empty() {
            let matching = near
                .iter()
                .filter_map(|near| names.iter().find(|n| last(n) == *near));
            return matching.map(|n| full(provider, n)).collect();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
