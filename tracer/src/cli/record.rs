//! `tracer record`: calls to a file.
//!
//! In: the typed options. Out: a recording; an exit status. Which calls are recorded is said as for `tracer trace`.

use super::failure::{Failure, Status};
use super::trace::{meant, passed, typed::TraceArgs};
use crate::kernel::Live;
use crate::record::{Header, Rotation, Writer};
use crate::sema::Settings;
use crate::session::recording::{Recording, machine};
use crate::session::{self, Limits, Output, Request, Script, compile};
use crate::trace::{self, Options, Stacks};
use clap::Args;
use std::process::ExitCode;
use std::time::Duration;

/// Bytes of each CPU's buffer when nothing else is said: what comes while a batch is compressed has room.
const RING_BYTES: u32 = 16 << 20;

/// `tracer record`.
#[derive(Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub struct RecordArgs {
    /// Whose calls, which of them, how much of each, and where to: as for `tracer trace`.
    #[command(flatten)]
    pub trace: TraceArgs,

    /// Answer a query at the same time, on standard output
    #[arg(long, value_name = "PROGRAM", help_heading = "Recording")]
    pub query: Option<String>,
    /// Begin another file (FILE.1, FILE.2, …) when one has so many bytes: 100M, 1G
    #[arg(long, value_name = "SIZE", value_parser = bytes, help_heading = "Recording")]
    pub rotate_size: Option<u64>,
    /// Begin another file after this time: 10m, 1h
    #[arg(long, value_name = "DURATION", value_parser = super::meant::duration, help_heading = "Recording")]
    pub rotate_time: Option<Duration>,
    /// Keep so many files, and delete the oldest for a new one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Recording")]
    pub keep: Option<u32>,
}

const EXAMPLES: &str = "\
Examples:
  tracer record -o build.rec -f make             all calls of a build
  tracer record -o sys.rec -e %file --for 10s    file calls of the whole system
  tracer record -o day.rec --rotate-size 1G --keep 24
  tracer query build.rec -e 'syscall:openat /retval < 0/ { @[str(args.filename)] = count(); }'";

/// Runs what was typed.
pub fn run(typed: &RecordArgs) -> Result<ExitCode, Failure> {
    let request = request(typed)?;
    let script = request.script.clone();
    let strict = request.limits.strict;
    let ended = session::run(request, &Live::new()).map_err(|error| Failure::of(error, &script))?;
    Ok(match ended.command {
        _ if ended.lossy && strict => Status::Losses.into(),
        Some(status) if typed.trace.pass_status => passed(status),
        _ => ExitCode::from(ended.code),
    })
}

fn request(typed: &RecordArgs) -> Result<Request, Failure> {
    let trace = &typed.trace;
    let Some(path) = &trace.output else {
        return Err(Failure::Usage(
            "where to record? name a file with -o".into(),
        ));
    };
    refuse(trace)?;
    let mut options = meant::options(trace).map_err(Failure::Usage)?;
    options.recorded = true;
    let limits = limits(trace, &options);
    let recorder = trace::text(&options);
    let query = checked(typed.query.as_deref(), &limits)?;
    let header = Header {
        command: std::env::args().collect(),
        traced: trace.command.clone(),
        follow: trace.follow_forks > 0,
        script: recorder.clone(),
        calls: (!options.calls.is_all())
            .then(|| options.calls.names().map(str::to_owned).collect()),
        only: only(trace),
        max_bytes: options.string_limit,
        stacks: options.stacks == Stacks::Kernel,
        tree: options.who.tree,
        ..machine::header()
    };
    let rotation = Rotation {
        bytes: typed.rotate_size,
        age: typed.rotate_time,
        keep: typed.keep,
    };
    let naming = Box::new(machine::Names::default());
    let sink = Writer::create(path, header, rotation, naming)
        .map_err(|source| Failure::Machine(format!("open output {}: {source}", path.display())))?;
    Ok(Request {
        script: Script {
            name: "-e".into(),
            text: format!("{query}{recorder}"),
            params: Vec::new(),
        },
        scope: meant::scope(trace),
        output: output(typed),
        limits,
        record: Some(Recording {
            sink: Box::new(sink),
            from: query.len(),
        }),
        ready: super::meant::ready(&trace.ready)?,
        dry_run: false,
        collector: None,
    })
}

/// Options about lines have nothing to decide here.
fn refuse(trace: &TraceArgs) -> Result<(), Failure> {
    let about_lines = [
        (trace.time > 0, "-t"),
        (trace.relative, "-r"),
        (trace.took, "-T"),
        (trace.number, "-n"),
        (trace.whole, "-v"),
        (trace.summary_only, "-c"),
        (trace.summary, "-C"),
        (trace.explain, "--explain"),
    ];
    match about_lines.iter().find(|(typed, _)| *typed) {
        Some((_, option)) => Err(Failure::Usage(format!(
            "{option} is about lines; a recording holds all that is needed for them"
        ))),
        None => Ok(()),
    }
}

/// The query that is answered meanwhile, with an end of line; it has to be right by itself.
fn checked(query: Option<&str>, limits: &Limits) -> Result<String, Failure> {
    let Some(query) = query else {
        return Ok(String::new());
    };
    let script = Script {
        name: "--query".into(),
        text: query.to_owned(),
        params: Vec::new(),
    };
    let options = compile::Options::new(None, limits);
    compile::check(&script, &options, &Live::new()).map_err(|error| Failure::of(error, &script))?;
    Ok(format!("{query}\n"))
}

fn limits(trace: &TraceArgs, options: &Options) -> Limits {
    let mut settings = Settings::default();
    settings.call.max_bytes = options.string_limit;
    settings.call.times = true;
    settings.call.descriptors = options.name_descriptors;
    Limits {
        strict: trace.strict,
        backpressure: trace.backpressure,
        ring_bytes: Some(trace.buffers.ring_size.unwrap_or(RING_BYTES)),
        settings,
    }
}

fn output(typed: &RecordArgs) -> Output {
    let trace = &typed.trace;
    Output {
        format: super::meant::format(trace.format),
        quiet: !trace.verbose,
        verbose: trace.verbose,
        ..Output::default()
    }
}

/// What else calls had to be, in the words of the command line.
fn only(trace: &TraceArgs) -> String {
    let mut all = Vec::new();
    let mut list = |option: &str, values: Vec<String>| {
        all.extend(values.iter().map(|value| format!("{option} {value}")));
    };
    let numbers = |values: &[u32]| values.iter().map(u32::to_string).collect();
    list("-p", numbers(&trace.pid));
    list("--comm", trace.comm.clone());
    list("--uid", trace.uid.clone());
    list("--cgroup", trace.cgroup.clone());
    list("-P", trace.paths.clone());
    list("--fd", numbers(&trace.fd));
    list("-e status=", trace.status.clone());
    list(
        "-e",
        trace
            .expressions
            .iter()
            .filter(|e| e.starts_with("status="))
            .cloned()
            .collect(),
    );
    if trace.failed {
        all.push("--errors".to_owned());
    }
    if trace.successful {
        all.push("-z".to_owned());
    }
    all.join(", ")
}

/// Bytes: a whole number and `K`, `M` or `G`.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: Option<u64> = number.parse().ok().filter(|&n| n > 0);
    let bytes = number.and_then(|n| n.checked_mul(1 << shift));
    bytes.ok_or_else(|| "a number of bytes is expected, such as 100M or 1G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("100M"), Ok(100 << 20));
        assert_eq!(bytes("1G"), Ok(1 << 30));
        assert_eq!(bytes("7"), Ok(7));
        for wrong in ["", "0", "-1", "1T", "99999999999G"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
