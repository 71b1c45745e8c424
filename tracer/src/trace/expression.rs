//! `-e EXPRESSION`: strace's qualifiers, and what becomes of each here.
//!
//! In: an expression as it is typed. Out: a [`Qualifier`], or a sentence that says what to use instead. Never fills in
//! defaults.

use super::{Results, Signals};
use crate::tables::signals;
use std::collections::BTreeSet;

/// One expression, understood.
#[derive(Clone, PartialEq, Debug)]
pub enum Qualifier {
    /// `trace=SET`, or a set alone: for [`Calls::parse`](super::Calls::parse).
    Calls(String),
    /// `status=SET`
    Results(Results),
    /// `signal=SET`
    Signals(Signals),
    /// `decode-fds=SET`: descriptors as paths, or with all that is known of them.
    Descriptors(Option<bool>),
    /// `abbrev=none`: structs are shown whole.
    Whole,
    /// `quiet=SET`: the ends of processes are not shown.
    NoExits,
    /// It asks for what is so anyway.
    Nothing,
}

/// Reads an expression.
///
/// # Errors
/// A sentence: what is wrong, or what serves instead.
pub fn parse(expression: &str) -> Result<Qualifier, String> {
    let Some((name, value)) = expression.split_once('=') else {
        return Ok(Qualifier::Calls(expression.to_owned()));
    };
    match name {
        "trace" | "t" => Ok(Qualifier::Calls(value.to_owned())),
        "status" => status(value).map(Qualifier::Results),
        "signal" | "signals" | "s" => signal(value).map(Qualifier::Signals),
        "decode-fd" | "decode-fds" => descriptors(value),
        "quiet" | "silent" | "silence" | "q" => quiet(value),
        "abbrev" | "a" => match value {
            "none" => Ok(Qualifier::Whole),
            "all" => Ok(Qualifier::Nothing),
            _ => Err("-e abbrev=SET: structs are shown whole for all calls (-v) or none".into()),
        },
        "verbose" | "v" if value == "all" => Ok(Qualifier::Nothing),
        _ => Err(instead(name, expression)),
    }
}

/// What serves instead of a qualifier that is not here.
fn instead(name: &str, expression: &str) -> String {
    let sentence = match name {
        "fault" | "inject" => {
            "changes what the traced process does; the tracer only watches: use strace for it"
        }
        "raw" | "x" => {
            "--format json has the raw number of each argument beside what it stands for"
        }
        "verbose" | "v" => "structs are always decoded; --format json has the addresses too",
        "read" | "reads" | "r" | "write" | "writes" | "w" => {
            "data is shown with the call: -s N for more of it"
        }
        "kvm" => {
            "exits of virtual CPUs are the tracepoint kvm:kvm_exit: tracer -e 'tracepoint:kvm:kvm_exit { … }'"
        }
        "secontext" => "security contexts are not read",
        "decode-pid" | "decode-pids" => {
            "lines name their process; --format json has both ids of it"
        }
        _ => {
            return format!(
                "-e {expression}: no such qualifier: there are trace, status, signal, decode-fds, quiet and abbrev"
            );
        }
    };
    format!("-e {expression}: {sentence}")
}

/// A set with `!` before it to take away, and its items.
fn set(value: &str) -> (bool, Vec<&str>) {
    match value.strip_prefix('!') {
        Some(rest) => (true, rest.split(',').collect()),
        None => (false, value.split(',').collect()),
    }
}

fn status(value: &str) -> Result<Results, String> {
    let (negated, items) = set(value);
    let mut results = Results {
        successful: negated,
        failed: negated,
        unfinished: negated,
    };
    for item in items {
        match item {
            "successful" => results.successful = !negated,
            "failed" => results.failed = !negated,
            "unfinished" => results.unfinished = !negated,
            "all" | "none" => {
                let all = (item == "all") != negated;
                results = Results {
                    successful: all,
                    failed: all,
                    unfinished: all,
                };
            }
            // Nobody is detached from, and every result is known.
            "unavailable" | "detached" => {}
            _ => {
                return Err(format!(
                    "-e status={value}: `{item}` is none of successful, failed, unfinished, unavailable, detached, all and none"
                ));
            }
        }
    }
    Ok(results)
}

fn signal(value: &str) -> Result<Signals, String> {
    let (negated, items) = set(value);
    let mut named = BTreeSet::new();
    for item in items {
        match item {
            "all" => return Ok(all(!negated)),
            "none" => return Ok(all(negated)),
            _ => {
                let number = number_of(item);
                named.insert(number.ok_or_else(|| {
                    format!(
                        "-e signal={value}: `{item}` is no signal: give names (SIGINT) or numbers"
                    )
                })?);
            }
        }
    }
    Ok(match negated {
        true => Signals::But(named),
        false => Signals::Only(named),
    })
}

fn all(shown: bool) -> Signals {
    match shown {
        true => Signals::default(),
        false => Signals::none(),
    }
}

/// By name, with or without `SIG`, in any case, or by number.
fn number_of(item: &str) -> Option<u32> {
    if let Ok(number) = item.parse() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = item.to_ascii_uppercase();
    let full = match upper.starts_with("SIG") {
        true => upper,
        false => format!("SIG{upper}"),
    };
    signals::number(&full).map(|number| number as u32)
}

fn descriptors(value: &str) -> Result<Qualifier, String> {
    match value {
        "all" | "socket" => Ok(Qualifier::Descriptors(Some(true))),
        "path" => Ok(Qualifier::Descriptors(Some(false))),
        "none" => Ok(Qualifier::Descriptors(None)),
        _ => Err(format!(
            "-e decode-fds={value}: there are path (-y), socket and all (-yy), and none"
        )),
    }
}

fn quiet(value: &str) -> Result<Qualifier, String> {
    let mut qualifier = Qualifier::Nothing;
    for item in value.split(',') {
        match item {
            "exit" | "exits" | "all" => qualifier = Qualifier::NoExits,
            // Nobody is attached to, no path is resolved aloud, and ABIs are part of each call.
            "attach" | "path-resolution" | "path-resolve" | "personality" | "thread-execve"
            | "superseded" | "none" => {}
            _ => {
                return Err(format!(
                    "-e quiet={value}: `{item}` is no message: there are exit and all"
                ));
            }
        }
    }
    Ok(qualifier)
}
