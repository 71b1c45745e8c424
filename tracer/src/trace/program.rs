//! The script that does what the options say.
//!
//! In: [`Options`]. Out: its text. Calls whose conditions are about different arguments are in different clauses; a call is
//! in one of them alone, so it is never reported twice. Never decides where a condition is checked.

use super::{Calls, Options, Results, Signals, Stacks, Wanted, Who, summary};
use crate::tables::syscalls::{self, ArgKind};
use crate::tables::what::What;
use crate::types::Abi;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The fields of `kernel_siginfo` that some signal has: of a child's end, of a sender, of a fault.
const SIGNAL: &str = " trace_signal(args.sig, args.info->si_code, args.info->si_errno, \
    args.info->_sifields._sigchld._pid, args.info->_sifields._sigchld._uid, args.info->_sifields._sigchld._status, \
    args.info->_sifields._sigchld._utime, args.info->_sifields._sigchld._stime, \
    (uint64)args.info->_sifields._sigfault._addr); ";
/// As `wait(2)` packs it.
const EXIT: &str = " trace_exit(curtask->exit_code); ";
/// SIGKILL: the kernel delivers it to whoever another signal ends, too, and tells nothing about it.
const KILL: &str = "args.sig != 9";

/// Groups of calls that the kernel half tells apart by their arguments, for lines picked by a path.
const MOST_GROUPS: usize = 6;

/// Bytes of a buffer that a call carries when nothing else is said.
const DEFAULT_LIMIT: u32 = 32;

/// What lines want of each call beside the usual.
fn settings(options: &Options) -> Vec<String> {
    let mut settings = Vec::new();
    if !options.wanted.lines() || options.recorded {
        return settings;
    }
    if options.string_limit != DEFAULT_LIMIT {
        settings.push(format!("max_call_bytes = {}", options.string_limit));
    }
    if options.name_descriptors || names_paths(options) {
        settings.push("call_descriptors = 1".to_owned());
    }
    settings
}

/// The script.
pub fn text(options: &Options) -> String {
    let mut out = String::new();
    let settings = settings(options);
    if !settings.is_empty() {
        let _ = writeln!(out, "config = {{ {} }}", settings.join("; "));
    }
    if options.wanted.summary() {
        out.push_str(summary::DECLARATIONS);
    }
    let who = who(&options.who);
    for (calls, condition) in by_arguments(options) {
        let (results, has_some) = results(options.results, &calls);
        let asks_for_result = options.wanted.summary() || results.is_some();
        let (ending, endless) = calls.by_ending(asks_for_result);
        if has_some && !ending.is_empty() {
            let conditions = [who.as_deref(), condition.as_deref(), results.as_deref()];
            clause(
                &mut out,
                &ending.probes(),
                &conditions,
                &body(options, true),
            );
        }
        if options.results.unfinished && !endless.is_empty() {
            let conditions = [who.as_deref(), condition.as_deref()];
            clause(
                &mut out,
                &endless.probes(),
                &conditions,
                &body(options, false),
            );
        }
    }
    if options.wanted.lines() {
        lifecycle(&mut out, options, who.as_deref());
    }
    out
}

fn clause(out: &mut String, probes: &str, conditions: &[Option<&str>], body: &str) {
    let conditions: Vec<&str> = conditions.iter().copied().flatten().collect();
    out.push_str(probes);
    if !conditions.is_empty() {
        let _ = write!(out, " /{}/", conditions.join(" && "));
    }
    let _ = writeln!(out, " {{{body}}}");
}

/// What is done with a call.
fn body(options: &Options, ends: bool) -> String {
    let mut out = String::new();
    if options.recorded {
        out.push_str(match options.stacks {
            Stacks::None => " trace(uid, gid, cgroup);",
            Stacks::Kernel => " trace(uid, gid, cgroup, kstack);",
            Stacks::User => " trace(uid, gid, cgroup, ustack);",
        });
    } else if options.wanted.lines() {
        out.push_str(match options.stacks {
            Stacks::None => " trace();",
            Stacks::Kernel => " trace(kstack);",
            Stacks::User => " trace(ustack);",
        });
    }
    if options.wanted.summary() {
        out.push_str(summary::statements(ends));
    }
    out.push(' ');
    out
}

/// Signals as they are delivered, and the ends of processes.
fn lifecycle(out: &mut String, options: &Options, who: Option<&str>) {
    if options.signals != Signals::none() {
        let signals = signals(&options.signals);
        let conditions = [who, Some(KILL), signals.as_deref()];
        clause(out, "rawtracepoint:signal_deliver", &conditions, SIGNAL);
    }
    if options.exits {
        clause(out, "rawtracepoint:sched_process_exit", &[who], EXIT);
    }
}

/// Whose calls, as a condition.
fn who(who: &Who) -> Option<String> {
    let mut all = Vec::new();
    if who.tree {
        all.push("tree".to_owned());
    }
    all.extend(any(who.pids.iter().map(|pid| format!("pid == {pid}"))));
    all.extend(any(who.comms.iter().map(|comm| match is_pattern(comm) {
        true => format!("comm =~ {}", quoted(comm)),
        false => format!("comm == {}", quoted(comm)),
    })));
    all.extend(any(who.uids.iter().map(|uid| format!("uid == {uid}"))));
    all.extend(any(who.cgroups.iter().map(|id| format!("cgroup == {id}"))));
    (!all.is_empty()).then(|| all.join(" && "))
}

fn is_pattern(comm: &str) -> bool {
    comm.contains(['*', '?', '['])
}

/// One of several conditions; none when there are none.
fn any(conditions: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<String> = conditions.collect();
    match all.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", all.join(" || "))),
    }
}

/// The condition on the result, and whether any call that ends can hold it. A condition on the result leaves out calls that
/// have none: `syscall:*` would be true for them too.
fn results(results: Results, calls: &Calls) -> (Option<String>, bool) {
    match (results.successful, results.failed) {
        (true, true) if !results.unfinished && calls.is_all() => {
            (Some("(errno == 0 || errno != 0)".to_owned()), true)
        }
        (true, true) => (None, true),
        (true, false) => (Some("errno == 0".to_owned()), true),
        (false, true) => (Some("errno != 0".to_owned()), true),
        (false, false) => (None, false),
    }
}

fn signals(signals: &Signals) -> Option<String> {
    let join = |set: &BTreeSet<u32>, op, between| {
        let all: Vec<String> = set.iter().map(|n| format!("args.sig {op} {n}")).collect();
        format!("({})", all.join(between))
    };
    match signals {
        Signals::But(set) if set.is_empty() => None,
        Signals::But(set) => Some(join(set, "!=", " && ")),
        Signals::Only(set) => Some(join(set, "==", " || ")),
    }
}

/// The calls, and for each group the condition on its arguments.
fn by_arguments(options: &Options) -> Vec<(Calls, Option<String>)> {
    if options.paths.is_empty() && options.descriptors.is_empty() {
        return vec![(options.calls.clone(), None)];
    }
    let mut groups: BTreeMap<Option<String>, Vec<&'static str>> = BTreeMap::new();
    for name in options.calls.names() {
        if let Some(condition) = arguments(name, options) {
            groups.entry(condition).or_default().push(name);
        }
    }
    if names_paths(options) {
        gather_small(&mut groups);
    }
    let group = |(condition, names): (Option<String>, Vec<&str>)| {
        (options.calls.only(|name| names.contains(&name)), condition)
    };
    groups.into_iter().map(group).collect()
}

/// Sends the calls of all but the largest groups without a condition: they are compared where lines are printed. Each group is a
/// clause, and the kernel's verifier follows what sends a call anew for each.
fn gather_small(groups: &mut BTreeMap<Option<String>, Vec<&'static str>>) {
    let mut sizes: Vec<usize> = groups.values().map(Vec::len).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let Some(&smallest) = sizes.get(MOST_GROUPS) else {
        return;
    };
    let is_small = |condition: &Option<String>, names: &mut Vec<_>| {
        condition.is_some() && names.len() <= smallest
    };
    let small: Vec<_> = groups
        .extract_if(.., is_small)
        .flat_map(|(_, names)| names)
        .collect();
    groups.entry(None).or_default().extend(small);
}

/// The condition on the arguments of a call, if there is one; none at all when it cannot hold. What a descriptor stands for is
/// compared where lines are printed: calls with a descriptor are all sent when a path is asked for.
fn arguments(name: &str, options: &Options) -> Option<Option<String>> {
    let abis = [Abi::Native, Abi::I386].into_iter();
    let signature = abis
        .filter_map(|abi| syscalls::signature(abi, name))
        .next()?;
    let mut conditions = Vec::new();
    for arg in signature.args {
        if arg.what == What::Fd && names_paths(options) {
            return Some(None);
        }
        if matches!(arg.what, What::Fd | What::DirFd) {
            let is_one = |fd: &u32| format!("args.{} == {fd}", arg.name);
            conditions.extend(options.descriptors.iter().map(is_one));
        }
        if arg.kind == ArgKind::Str && !arg.written {
            let is_one = |path: &String| format!("args.{} == {}", arg.name, quoted(path));
            conditions.extend(options.paths.iter().map(is_one));
        }
    }
    any(conditions.into_iter()).map(Some)
}

/// Whether lines are picked by what their descriptors stand for.
fn names_paths(options: &Options) -> bool {
    options.wanted == Wanted::Lines && !options.paths.is_empty()
}

/// A string of the language.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Calls {
    /// Those that return, and those that never do where they need a clause of their own: `syscall:*` fires for them too,
    /// unless the clause asks for a result.
    fn by_ending(&self, asks_for_result: bool) -> (Calls, Calls) {
        let endless = self.only(syscalls::never_returns);
        match (self.is_all(), asks_for_result) {
            (true, true) => (self.clone(), endless),
            (true, false) => (self.clone(), Calls::none()),
            (false, _) => (self.without(&endless), endless),
        }
    }
}
