//! What a probe offers whose firing has no arguments to declare: when it fires, in which unit its number is, how it is written.
//!
//! In: the rest of a probe's name, as the list has it. Out: declarations, and comments that end with a probe that can be copied. Never
//! asks the kernel: these probes are the same on each.

use crate::ir::Access;
use crate::types::counter::{self, Source};

/// What every probe sees that interrupts a CPU or a program.
const REGISTERS: &str = "// registers: reg(\"ip\"), reg(\"ax\"), …";

pub(super) fn of_begin() -> Vec<String> {
    vec![told("once, before everything else", "BEGIN")]
}

pub(super) fn of_end() -> Vec<String> {
    vec![told("once, after everything else", "END")]
}

pub(super) fn of_interval(unit: &str) -> Vec<String> {
    let (period, number) = timed(unit);
    let when = format!("{period}, in the tracer's own task");
    vec![told(&when, &format!("interval:{unit}{number}"))]
}

pub(super) fn of_profile(unit: &str) -> Vec<String> {
    let (period, number) = timed(unit);
    let when = format!("{period}, on every CPU, whatever runs there");
    let example = format!("profile:{unit}{number}");
    vec![told(&when, &example), REGISTERS.to_string()]
}

/// What the number behind a unit says, and a number that suits it.
fn timed(unit: &str) -> (&'static str, u32) {
    match unit {
        "hz:" => ("so many times a second", 99),
        "ms:" => ("each time that many milliseconds have passed", 100),
        "us:" => ("each time that many microseconds have passed", 500),
        _ => ("each time that many seconds have passed", 1),
    }
}

pub(super) fn of_counter(source: Source, name: &str) -> Vec<String> {
    let Some(counter) = counter::find(source, name) else {
        return Vec::new();
    };
    let counted = match (counter.every, name.ends_with("-clock")) {
        (1, _) => "one more was".to_string(),
        (every, true) => format!("{every} ns more were"),
        (every, false) => format!("{every} more were"),
    };
    let when = format!("each time {counted} counted, or as many as a number says");
    let example = format!("{}:{name}:{}", source.name(), counter.every);
    vec![told(&when, &example), REGISTERS.to_string()]
}

pub(super) fn of_own_signal(name: &str) -> Vec<String> {
    let when = "each time the tracer gets that signal, in its own task";
    vec![told(when, &format!("self:{name}"))]
}

/// Forms of `watchpoint`, one an access.
pub(super) fn accesses() -> Vec<String> {
    let accesses = Access::ALL.iter();
    accesses
        .map(|access| format!("ADDRESS:BYTES:{}", access.letters()))
        .collect()
}

pub(super) fn of_watchpoint(name: &str) -> Vec<String> {
    let letters = name.rsplit(':').next().unwrap_or_default();
    let what = match letters {
        "w" => "written",
        "x" => "executed",
        _ => "read or written",
    };
    let when = format!(
        "each time 1, 2, 4 or 8 bytes of memory are {what}, in the process of -p or in any"
    );
    let example = format!("watchpoint:0x7ffe1000:8:{letters}");
    vec![told(&when, &example), REGISTERS.to_string()]
}

/// Of functions of programs and libraries, before a file is named.
pub(super) fn of_functions(provider: &str) -> Vec<String> {
    vec![
        of_function_in_file(provider).to_string(),
        REGISTERS.to_string(),
        listed(provider),
    ]
}

/// Of each function of a file.
pub(super) fn of_function_in_file(provider: &str) -> &'static str {
    match provider {
        "uretprobe" => "int64 retval",
        _ => "uint64 arg0, arg1, … // nothing describes them",
    }
}

pub(super) fn of_user_tracepoint() -> Vec<String> {
    vec![
        "arg0, arg1, … // of the types that the file says".to_string(),
        listed("usdt"),
    ]
}

fn listed(provider: &str) -> String {
    format!("// those of a file: tracer list -v '{provider}:/bin/bash:*'")
}

/// A comment: when, and how such a probe is written.
fn told(when: &str, example: &str) -> String {
    format!("// {when}: {example}")
}
