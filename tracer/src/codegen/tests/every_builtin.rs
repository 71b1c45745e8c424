//! Every built-in of the language that kernel and interpreter can both run, held together: a script for each, run in both on the
//! same events. What is not here says why, and a built-in that is in neither list is a failure.

use super::equivalence::same;
use super::privileged;
use crate::codegen::regalloc::Resources;
use crate::facts::Fixed;
use crate::ir::{Program, arbitrary};
use crate::sema::{self, VARIABLES, builtins::FUNCTIONS};
use crate::syntax;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

/// What a built-in does with arguments `arg0` to `arg3` of any value and readable memory of the process at `arg4`.
const HELD: &[(&str, &str)] = &[
    ("avg", "@[arg1 % 3] = avg(arg0); printf(\"%d\", @[1]);"),
    ("bswap", "printf(\"%d\", bswap(arg0));"),
    ("buf", "printf(\"%r\", buf(uptr(arg4), arg0 % 40));"),
    (
        "cgroup_path",
        "@[cgroup_path(arg0)] = count(); print(cgroup_path(arg1));",
    ),
    ("comm", "@[comm] = count(); print(comm);"),
    (
        "count",
        "@[arg0 % 3] = count(); printf(\"%d\", @[arg1 % 3]);",
    ),
    (
        "delete",
        "@[arg0 % 3] = arg1; delete(@[arg2 % 3]); print(@[arg0 % 3]);",
    ),
    (
        "find",
        "@[arg0 % 3] = arg1; $v = (uint64)7; print(find(@, arg2 % 3, $v)); print($v);",
    ),
    ("gid", "print(gid);"),
    (
        "has_key",
        "@[arg0 % 3] = arg1; print(has_key(@, arg2 % 3));",
    ),
    (
        "hist",
        "@[arg1 % 3] = hist(arg0, 3); @s = hist((int64)arg0);",
    ),
    ("kptr", "@[kptr(arg0)] = count();"),
    ("ksym", "@[ksym(arg0)] = count(); print(ksym(arg1));"),
    (
        "len",
        "@m[arg0 % 5] = 1; print(len(@m)); print(len(str(uptr(arg4))));",
    ),
    (
        "lhist",
        "@[arg1 % 3] = lhist(arg0 % 100, 5, 90, 7); @s = lhist(arg0, -5, 5, 2);",
    ),
    (
        "max",
        "@[arg1 % 3] = max(arg0); @s = max((int64)arg0); printf(\"%d\", @s);",
    ),
    (
        "min",
        "@[arg1 % 3] = min(arg0); @s = min((int64)arg0); printf(\"%d\", @s);",
    ),
    ("ncpus", "print(ncpus);"),
    (
        "ntop",
        "print(ntop(arg0)); @[ntop(10, pton(\"::1\"))] = count();",
    ),
    (
        "print",
        "print((arg0, str(uptr(arg4), 5), (k = arg1))); print(arg2 < arg3);",
    ),
    (
        "printf",
        "printf(\"%s %d %x %f\", str(uptr(arg4)), arg0, arg1, arg2 / 3);",
    ),
    (
        "pton",
        "print(pton(\"1.2.3.4\") == pton(\"1.2.3.5\")); @[pton(\"::2\")] = count();",
    ),
    (
        "signal_name",
        "@[signal_name(arg0)] = count(); print(signal_name(arg1));",
    ),
    (
        "stats",
        "@[arg1 % 3] = stats(arg0); @s = stats((int64)arg0);",
    ),
    (
        "stddev",
        "@[arg1 % 3] = stddev(arg0); @s = stddev((int64)arg0);",
    ),
    (
        "str",
        "@[str(uptr(arg4 + arg0 % 50)), str(uptr(arg4), 3)] = count();",
    ),
    (
        "strcontains",
        "print(strcontains(str(uptr(arg4 + arg0 % 50)), str(uptr(arg4), 2)));",
    ),
    (
        "strerror",
        "@[strerror(arg0)] = count(); print(strerror(arg1));",
    ),
    ("strftime", "print(strftime(\"%H\", arg0));"),
    ("strlen", "print(strlen(str(uptr(arg4 + arg0 % 50), 9)));"),
    (
        "strncmp",
        "print(strncmp(str(uptr(arg4 + arg0 % 6)), \"abc\", 2));",
    ),
    (
        "strstr",
        "print(strstr(str(uptr(arg4 + arg0 % 50)), \"ext\"));",
    ),
    (
        "sum",
        "@[arg1 % 3] = sum(arg0); @s = sum((int64)arg0); printf(\"%d\", @s);",
    ),
    ("syscall_name", "@[syscall_name(arg0 % 500)] = count();"),
    ("uid", "print(uid);"),
    (
        "uptr",
        "@[uptr(arg0)] = count(); print(*(int32 *)uptr(arg4));",
    ),
    ("username", "@[username] = count();"),
];

/// Only the kernel knows the value: the interpreter is given it with an event.
const OF_THE_EVENT: &str =
    "a property of the event: codegen/tests/calls.rs and live.rs hold what is made of it";
/// The value is known before the run, or user space alone does it.
const OF_USER_SPACE: &str =
    "no program runs it: sema makes a constant of it, or user space does it with a record";
/// It has an effect besides maps and records, which has a test of its own.
const EFFECT: &str = "ends, clears or changes something: codegen/tests/live.rs and tests/kernel";

/// A record that says what a run has shown.
const VERDICT: &str = "a record like that of printf: tests/cases/behaviour/verdicts.rs";
/// About the memory and the arguments of a call.
const OF_A_CALL: &str =
    "asks how a call's argument was read: codegen/tests/calls.rs, tests/kernel/states*.case";

/// The moment is the event's own.
const IN_TIME: &str = "asks for the time: codegen/tests/tables.rs and random programs give it";

/// Only the kernel holds what is walked.
const PATHS: &str = "walks files of the kernel: tests/kernel/paths*.case";

/// Why a built-in is not in [`HELD`].
const NOT_HELD: &[(&str, &str)] = &[
    ("abi", OF_THE_EVENT),
    ("bad", VERDICT),
    ("call", OF_THE_EVENT),
    ("cat", OF_USER_SPACE),
    ("cgroup", OF_THE_EVENT),
    ("cgroupid", OF_USER_SPACE),
    ("clear", EFFECT),
    ("container", OF_THE_EVENT),
    ("cpid", OF_THE_EVENT),
    ("cpu", OF_THE_EVENT),
    ("ctx", OF_THE_EVENT),
    ("curtask", OF_THE_EVENT),
    ("decode", OF_A_CALL),
    ("cwd", OF_THE_EVENT),
    ("duration", OF_THE_EVENT),
    ("elapsed", OF_THE_EVENT),
    ("errno", OF_THE_EVENT),
    ("errorf", OF_USER_SPACE),
    ("exe", OF_THE_EVENT),
    ("exit", EFFECT),
    ("func", OF_THE_EVENT),
    ("good", VERDICT),
    ("host", OF_THE_EVENT),
    ("jiffies", OF_THE_EVENT),
    (
        "join",
        "reads pointers in memory: tests/kernel/execs-joined.case",
    ),
    ("kaddr", OF_USER_SPACE),
    ("kstack", OF_THE_EVENT),
    (
        "macaddr",
        "takes six bytes of a struct: tests/oneliners/names.txt",
    ),
    ("name", OF_THE_EVENT),
    ("nr", OF_THE_EVENT),
    ("nsecs", OF_THE_EVENT),
    ("numaid", OF_THE_EVENT),
    ("override", EFFECT),
    ("path", PATHS),
    ("pcomm", OF_THE_EVENT),
    ("pid", OF_THE_EVENT),
    ("ppid", OF_THE_EVENT),
    ("probe", OF_THE_EVENT),
    ("rand", OF_THE_EVENT),
    ("reg", OF_THE_EVENT),
    ("retval", OF_THE_EVENT),
    ("signal", EFFECT),
    ("state", OF_A_CALL),
    ("system", OF_USER_SPACE),
    ("tid", OF_THE_EVENT),
    ("time", OF_USER_SPACE),
    ("trace", OF_USER_SPACE),
    ("trace_exit", OF_THE_EVENT),
    ("trace_signal", OF_THE_EVENT),
    ("tree", OF_THE_EVENT),
    ("tseries", IN_TIME),
    ("unsure", VERDICT),
    ("usermode", OF_THE_EVENT),
    ("ustack", OF_THE_EVENT),
    ("usym", OF_THE_EVENT),
    ("warnf", OF_USER_SPACE),
    ("zero", EFFECT),
];

#[test]
fn every_builtin_is_held_or_says_why_not() {
    let functions = FUNCTIONS.iter().map(|f| f.name);
    let all: BTreeSet<&str> = functions.chain(VARIABLES.iter().map(|v| v.name)).collect();
    let held: BTreeSet<&str> = HELD.iter().map(|(name, _)| *name).collect();
    let not_held: BTreeSet<&str> = NOT_HELD.iter().map(|(name, _)| *name).collect();
    let listed: BTreeSet<&str> = held.union(&not_held).copied().collect();
    assert_eq!(listed, all, "each built-in stands in one of the lists");
    assert_eq!(held.intersection(&not_held).count(), 0, "and in one only");
    for (name, body) in HELD {
        assert!(body.contains(name), "{name} is not in its own script");
    }
}

/// The script's program.
fn program(body: &str) -> Program {
    let text = format!("rawtracepoint:sched_switch {{ {body} }}");
    let facts = Fixed {
        raw_tracepoints: vec!["sched_switch".to_owned()],
        ..Fixed::default()
    };
    let settings = sema::Settings {
        max_strlen: arbitrary::STR_BYTES,
        ..sema::Settings::default()
    };
    let (script, wrong) = syntax::parse(&text, &[]);
    assert_eq!(wrong, [], "{text}");
    let (program, wrong) = sema::check_with(&script, &facts, settings);
    assert_eq!(wrong, [], "{text}");
    program
}

#[test]
fn builtins_mean_the_same_to_kernel_and_interpreter() {
    if !privileged("builtins_mean_the_same_to_kernel_and_interpreter") {
        return;
    }
    let config = ProptestConfig {
        failure_persistence: None,
        cases: 4,
        ..ProptestConfig::default()
    };
    for (name, body) in HELD {
        let program = program(body);
        let words = vec(any::<u64>().prop_map(arbitrary::word), 4);
        let held = TestRunner::new(config.clone()).run(&vec(words, 1..12), |events| {
            same(program.clone(), &events, Resources::ALL)
        });
        if let Err(error) = held {
            panic!("{name}: {body}\n{error}");
        }
    }
}
