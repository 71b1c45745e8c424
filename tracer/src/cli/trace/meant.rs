//! What the options of `tracer trace` mean.
//!
//! In: [`TraceArgs`](super::typed::TraceArgs). Out: a [`Request`] with the script that does it. Reads `/etc/passwd` and control groups, starts nothing.

use super::ids;
use super::typed::TraceArgs;
use crate::cli::failure::Failure;
use crate::cli::meant;
use crate::decode::call::{self, Descriptors, Hex};
use crate::print::trace::{Clock, Prefix, Style};
use crate::session::{Buffering, Limits, Output, Request, Scope, Script};
use crate::trace::expression::{self, Qualifier};
use crate::trace::summary::Order;
use crate::trace::{self, Calls, Options, Results, Signals, Stacks, Wanted, Who};

/// What diagnostics call the script.
const SCRIPT: &str = "the script of these options";

/// The whole run.
pub fn request(typed: &TraceArgs) -> Result<Request, Failure> {
    if let Some(sentence) = typed.elsewhere.sentence() {
        return Err(Failure::Usage(sentence.into()));
    }
    if !typed.pid.is_empty() && !typed.command.is_empty() {
        let sentence = "-p and a command: trace one or the other";
        return Err(Failure::Usage(sentence.into()));
    }
    if let Some(sentence) = misplaced(typed) {
        return Err(Failure::Usage(sentence.into()));
    }
    let options = options(typed).map_err(Failure::Usage)?;
    Ok(Request {
        script: Script {
            name: SCRIPT.into(),
            text: trace::text(&options),
            params: Vec::new(),
        },
        scope: scope(typed),
        output: output(typed, &options),
        limits: Limits {
            strict: typed.strict,
            backpressure: typed.backpressure,
            ring_bytes: typed.buffers.ring_size,
            ..Limits::default()
        },
        ready: meant::ready(&typed.ready)?,
        record: None,
        dry_run: false,
        collector: None,
    })
}

/// Whom and how long to trace.
pub fn scope(typed: &TraceArgs) -> Scope {
    Scope {
        pid: None,
        roots: typed.pid.clone(),
        follow: typed.follow_forks > 0,
        only_tree: false,
        until_last: typed.follow_forks > 0 && !typed.system,
        command: (!typed.command.is_empty()).then(|| typed.command.clone()),
        duration: typed.limit.duration,
        include_terminal: typed.watchers.include_terminal,
        include_self: typed.watchers.include_self,
    }
}

fn output(typed: &TraceArgs, options: &Options) -> Output {
    let has_target = !typed.pid.is_empty() || !typed.command.is_empty();
    let prefix = match (has_target && !typed.system, typed.output.is_some()) {
        (false, _) => Prefix::System,
        (true, true) if typed.follow_forks > 0 => Prefix::Number,
        (true, _) => Prefix::WhenSeveral,
    };
    let style = Style {
        clock: match typed.time {
            0 => Clock::None,
            1 => Clock::Seconds,
            2 => Clock::Micros,
            _ => Clock::Epoch,
        },
        since_last: typed.relative,
        durations: typed.took,
        numbers: typed.number,
        call: call_style(typed),
        prefix,
        paths: match options.wanted {
            Wanted::Lines => options.paths.clone(),
            _ => Vec::new(),
        },
        summary: options
            .wanted
            .summary()
            .then(|| typed.order.unwrap_or_default()),
    };
    Output {
        file: typed.output.clone(),
        to_stderr: !typed.command.is_empty(),
        format: meant::format(typed.format),
        trace: Some(style),
        pending: pending(typed, options),
        // What a command prints on the same terminal stays near the calls that print it.
        buffering: None::<Buffering>,
        quiet: !typed.verbose,
        verbose: typed.verbose,
    }
}

/// What strace's users write with options that are here, but not so.
fn misplaced(typed: &TraceArgs) -> Option<&'static str> {
    let file = typed.output.as_ref()?.to_str()?;
    match file.starts_with(['|', '!']) {
        true => Some("-o '|COMMAND': let the shell do it: tracer trace … 2> >(COMMAND)"),
        false if typed.follow_forks > 1 => Some(
            "-ff: all lines go to one file; each begins with its thread, so grep '^PID ' FILE has those of one",
        ),
        false => None,
    }
}

/// Calls that are told before they end: those of the traced processes, where nothing but the call decides.
fn pending(typed: &TraceArgs, options: &Options) -> Option<Calls> {
    let has_target = !typed.pid.is_empty() || !typed.command.is_empty() && !typed.system;
    let by_process = options.comms_users_and_groups() == 0;
    let by_call = options.paths.is_empty() && options.descriptors.is_empty();
    let wanted = has_target && by_process && by_call && options.results.unfinished;
    (wanted && options.wanted.lines()).then(|| options.calls.clone())
}

/// How a call looks.
fn call_style(typed: &TraceArgs) -> call::Style {
    let asked = |qualifier: &str| typed.expressions.iter().any(|e| e == qualifier);
    call::Style {
        max_string: typed.string_limit as usize,
        descriptors: match typed.descriptors {
            0 if asked("decode-fds=path") => Descriptors::Paths,
            0 if asked("decode-fds=all") || asked("decode-fds=socket") => Descriptors::Full,
            0 => Descriptors::None,
            1 => Descriptors::Paths,
            _ => Descriptors::Full,
        },
        hex: match typed.hex {
            0 => Hex::Never,
            1 => Hex::Unprintable,
            _ => Hex::All,
        },
        verbose: typed.whole || asked("abbrev=none"),
        column: typed.columns,
        ..call::Style::default()
    }
}

/// What is to be traced, and what is wanted of it.
pub fn options(typed: &TraceArgs) -> Result<Options, String> {
    let mut sets = typed.trace.clone();
    let mut options = Options {
        who: who(typed)?,
        paths: paths(&typed.paths),
        descriptors: typed.fd.clone(),
        string_limit: typed.string_limit,
        name_descriptors: !matches!(call_style(typed).descriptors, Descriptors::None),
        exits: typed.quiet == 0,
        wanted: match (typed.summary_only, typed.summary) {
            (true, _) => Wanted::Summary,
            (false, true) => Wanted::Both,
            (false, false) => Wanted::Lines,
        },
        stacks: match (typed.stacks, typed.kernel_stacks) {
            (true, _) => Stacks::User,
            (false, true) => Stacks::Kernel,
            (false, false) => Stacks::None,
        },
        ..Options::default()
    };
    let status = typed.status.iter().map(|set| format!("status={set}"));
    let signal = typed.signal.iter().map(|set| format!("signal={set}"));
    for expression in typed
        .expressions
        .iter()
        .cloned()
        .chain(status)
        .chain(signal)
    {
        match expression::parse(&expression)? {
            Qualifier::Calls(set) => sets.push(set),
            Qualifier::Results(results) => options.results = results,
            Qualifier::Signals(signals) => options.signals = signals,
            Qualifier::NoExits => options.exits = false,
            Qualifier::Descriptors(_) | Qualifier::Whole | Qualifier::Nothing => {}
        }
    }
    options.calls = Calls::parse(&sets)?;
    if typed.failed || typed.successful {
        options.results = Results {
            successful: typed.successful,
            failed: typed.failed,
            unfinished: false,
        };
    }
    if typed.quiet > 1 {
        options.signals = Signals::none();
    }
    if trace::text(&options).is_empty() {
        return Err("these options ask for no call, no signal and no end of a process".into());
    }
    Ok(options)
}

/// The paths as they were typed, and where links lead: descriptors stand for files.
fn paths(typed: &[String]) -> Vec<String> {
    let mut paths = typed.to_vec();
    for path in typed {
        let real = std::fs::canonicalize(path).ok();
        let real = real.and_then(|path| path.into_os_string().into_string().ok());
        paths.extend(real.filter(|real| real != path));
    }
    paths
}

fn who(typed: &TraceArgs) -> Result<Who, String> {
    let follows = typed.follow_forks > 0 && !typed.pid.is_empty();
    let mut who = Who {
        pids: if follows {
            Vec::new()
        } else {
            typed.pid.clone()
        },
        tree: follows || !typed.command.is_empty() && !typed.system,
        comms: typed.comm.clone(),
        ..Who::default()
    };
    for name in &typed.uid {
        who.uids.push(ids::user(name)?);
    }
    for path in &typed.cgroup {
        who.cgroups.extend(ids::cgroups(path)?);
    }
    Ok(who)
}

/// An order of the summary, by strace's names and ours.
pub fn order(name: &str) -> Result<Order, String> {
    Ok(match name {
        "time" | "time-total" | "total-time" | "time_total" | "total_time" => Order::Time,
        "calls" | "count" => Order::Calls,
        "errors" | "error" => Order::Errors,
        "name" | "syscall" | "syscall-name" => Order::Name,
        "min" | "min-time" | "time-min" | "shortest" => Order::Min,
        "mean" | "avg" | "avg-time" | "time-avg" => Order::Mean,
        "max" | "max-time" | "time-max" | "longest" => Order::Max,
        "p99" => Order::P99,
        "nothing" | "none" => Order::Number,
        _ => return Err("time, calls, errors, name, min, mean, max, p99 or none".into()),
    })
}
