//! The command line: argv to a command, the command to its room, the outcome to an exit status.
//!
//! In: argv. Out: an exit status, and at most one sentence (or a script's diagnostics) on standard error. What was typed
//! ([`typed`]) and what it means ([`meant`]) are two things. Never traces, never formats a result.

pub mod check;
pub mod diff;
pub mod doctor;
mod dump;
mod explain;
mod export;
pub mod failure;
mod fmt;
mod generate;
pub mod list;
pub mod meant;
pub mod profile;
mod query;
mod record;
mod run;
mod shared;
mod sides;
mod trace;
pub mod typed;

use clap::Parser;
use failure::{Failure, Status};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use typed::{BpftraceLine, Command, CommandLine};

/// The whole program: `args` is argv.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    std::panic::set_hook(Box::new(report_bug));
    let command = command(args.into_iter().collect());
    match perform(command) {
        Ok(status) => status,
        Err(failure) => {
            // Standard error may be gone too: then there is nobody to tell.
            let _ = write!(std::io::stderr(), "{failure}");
            failure.status().into()
        }
    }
}

/// Parses argv; help, version and usage errors end the process here (status 0 or 2), as clap prints them.
fn command(args: Vec<OsString>) -> Command {
    let args = trace::spelling::rewrite(args);
    let called = args.first().and_then(|name| Path::new(name).file_name());
    if called.is_some_and(|name| name == "bpftrace") {
        return Command::Run(BpftraceLine::parse_from(args).run);
    }
    let line = match CommandLine::try_parse_from(&args) {
        Ok(line) => line,
        // Status 2 would be a verdict there.
        Err(error) if error.use_stderr() && check::status::is_check(&args) => {
            let _ = error.print();
            std::process::exit(check::status::Harness::Usage as i32);
        }
        Err(error) => error.exit(),
    };
    line.command.unwrap_or(Command::Run(line.run))
}

fn perform(command: Command) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Completions { shell } => generate::completions(shell, &mut out)?,
        Command::Man => generate::man(&mut out)?,
        Command::Run(typed) => {
            drop(out);
            return run::run(&typed);
        }
        Command::Trace(typed) => {
            drop(out);
            return trace::run(&typed);
        }
        Command::Record(typed) => {
            drop(out);
            return record::run(&typed);
        }
        Command::Query(typed) => {
            drop(out);
            return query::run(&typed);
        }
        Command::Export(typed) => export::run(&typed)?,
        Command::Check(typed) => {
            drop(out);
            return Ok(check::run(&typed));
        }
        Command::Profile(typed) => {
            drop(out);
            return profile::run(&typed);
        }
        Command::Diff(typed) => return diff::run(&typed, &mut out),
        Command::List(typed) => list::run(typed.pattern.as_deref(), typed.verbose, &mut out)?,
        Command::Doctor(typed) => {
            let works = doctor::run(typed.format != typed::Format::Text, &mut out)?;
            return Ok(if works { Status::Done } else { Status::Machine }.into());
        }
        Command::Fmt(typed) => return fmt::run(&typed, &mut out),
        Command::Explain(typed) => explain::run(&typed, &mut out)?,
    }
    Ok(Status::Done.into())
}

/// A panic is a bug of ours: one sentence, and a status that no script can mean.
fn report_bug(info: &std::panic::PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(String::new, |at| format!(" ({at})"));
    let said = info.payload_as_str().unwrap_or("no message");
    let _ = writeln!(
        std::io::stderr(),
        "tracer: a bug of the tracer: {said}{place}"
    );
    std::process::exit(Status::Bug as i32);
}
