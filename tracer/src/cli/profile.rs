//! `tracer profile`: what runs of a command did, as a file to keep and compare.
//!
//! In: the typed options. Out: a [`Profile`] as JSON. Also measures for `tracer check --against`.

use super::check;
use super::failure::{Failure, Status};
use super::meant;
use crate::kernel::Live;
use crate::profile::gather::Gathered;
use crate::profile::{Profile, Run, script};
use crate::session::collect::Collector;
use crate::session::{self, By, Limits, Output, Request, Scope, Script};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// `tracer profile`.
#[derive(Args, Debug, Clone)]
pub struct ProfileArgs {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Run the command so often. From 7 runs on each side, `tracer diff` can tell a difference from chance; 10 are good
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub runs: u32,
    /// End each run after this time: 10s, 500ms, 2m
    #[arg(long = "for", value_name = "DURATION", value_parser = meant::duration)]
    pub duration: Option<Duration>,
    /// End with status 3 when anything was lost
    #[arg(long)]
    pub strict: bool,
    /// Tell more on standard error
    #[arg(short, long)]
    pub verbose: bool,
    /// The command that is run, behind --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// What is measured.
pub struct Wanted<'a> {
    /// The command.
    pub command: &'a [String],
    /// How often it is run.
    pub runs: u32,
    /// Each run ends after this.
    pub duration: Option<Duration>,
    /// Steps on standard error.
    pub verbose: bool,
}

/// Why there is no profile.
pub enum Unmeasured {
    /// A session could not begin or go on.
    Session(session::Error),
    /// Somebody ended it.
    Ended(By),
}

/// Measures, and writes.
pub fn run(typed: &ProfileArgs) -> Result<ExitCode, Failure> {
    let wanted = Wanted {
        command: &typed.command,
        runs: typed.runs,
        duration: typed.duration,
        verbose: typed.verbose,
    };
    let profile = measure(&wanted).map_err(|unmeasured| match unmeasured {
        Unmeasured::Session(error) => Failure::of(error, &measuring()),
        Unmeasured::Ended(_) => Failure::Machine("interrupted: there is no profile".into()),
    })?;
    let lossy = profile.runs.iter().any(|run| !run.unseen.is_empty());
    match &typed.output {
        Some(path) => std::fs::write(path, profile.json())
            .map_err(|error| Failure::Machine(format!("write {}: {error}", path.display())))?,
        None => std::io::stdout()
            .lock()
            .write_all(profile.json().as_bytes())?,
    }
    Ok(match lossy && typed.strict {
        true => Status::Losses.into(),
        false => Status::Done.into(),
    })
}

/// Runs a command and counts.
pub fn measure(wanted: &Wanted<'_>) -> Result<Profile, Unmeasured> {
    let facts = Live::new();
    let runs: Result<Vec<Run>, Unmeasured> =
        (0..wanted.runs).map(|_| once(wanted, &facts)).collect();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let command = wanted.command.to_vec();
    Ok(Profile::new(command, kernel.trim().to_owned(), runs?))
}

fn once(wanted: &Wanted<'_>, facts: &Live) -> Result<Run, Unmeasured> {
    let collector = Collector::default();
    let request = Request {
        script: measuring(),
        scope: Scope {
            follow: true,
            only_tree: true,
            command: Some(wanted.command.to_vec()),
            duration: wanted.duration,
            ..Scope::default()
        },
        output: Output {
            to_stderr: true,
            quiet: !wanted.verbose,
            verbose: wanted.verbose,
            ..Output::default()
        },
        limits: Limits::default(),
        collector: Some(collector.clone()),
        ..Request::default()
    };
    let ended = session::run(request, facts).map_err(Unmeasured::Session)?;
    if matches!(ended.by, By::Signal | By::Output) {
        return Err(Unmeasured::Ended(ended.by));
    }
    let how = match ended.command {
        Some(status) => status.to_string(),
        None => "unfinished".to_owned(),
    };
    // A path that the program itself gave wrongly cannot be read by anybody; losses are another matter.
    let lost = session::Ended {
        errors: Vec::new(),
        ..ended
    };
    Ok(gathered(&collector).finish(how, check::unseen(&lost)))
}

/// What the measuring script has counted.
pub fn gathered(collector: &Collector) -> Gathered {
    let mut gathered = Gathered::default();
    for (map, entries) in collector.take().maps {
        for entry in entries {
            gathered.entry(&map, &entry.key, &entry.cell);
        }
    }
    gathered
}

/// The script that measures, in the kernel or over a recording.
pub fn measuring() -> Script {
    Script {
        name: "profile".into(),
        text: script::text(),
        params: Vec::new(),
    }
}
