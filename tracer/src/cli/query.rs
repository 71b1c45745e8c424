//! `tracer query`: a query over recordings.
//!
//! In: the typed options. Out: what a live run would have shown, or the same question as SQL; an exit status.

use super::failure::{Failure, Status};
use super::shared::Results;
use super::{meant, typed};
use crate::kernel::Live;
use crate::session::output::Output;
use crate::session::replay::{self, Question};
use crate::session::{self, Limits, Script, compile};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// `tracer query`.
#[derive(Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub struct QueryArgs {
    /// Recordings, of one host or of several; and the file of the query, when -e does not say it
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The query itself
    #[arg(short = 'e', value_name = "PROGRAM")]
    pub program: Option<String>,
    /// A parameter of the query, $1, $2, …; may be repeated
    #[arg(long = "param", value_name = "VALUE", allow_hyphen_values = true)]
    pub params: Vec<String>,
    /// Print the same question as SQL for the Parquet export, and ask nothing
    #[arg(long)]
    pub sql: bool,

    /// Where results go.
    #[command(flatten, next_help_heading = "Output")]
    pub results: Results,
    /// Nothing on standard error but errors and losses
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// End with status 3 when events were lost, or a recording is cut
    #[arg(long)]
    pub strict: bool,
}

const EXAMPLES: &str = "\
Examples:
  tracer query build.rec -e 'syscall:openat /retval < 0/ { @[str(args.filename)] = count(); }'
  tracer query web1.rec web2.rec -e 'syscall:* { @[host, name] = hist(duration); }'
  tracer query build.rec opens.bt
  tracer query build.rec --sql -e 'syscall:* { @[comm] = count(); }'";

/// Runs what was typed.
pub fn run(typed: &QueryArgs) -> Result<ExitCode, Failure> {
    let question = question(typed)?;
    let script = question.script.clone();
    let failed = |error| Failure::of(error, &script);
    let facts = Live::new();
    if typed.sql {
        let options = compile::Options::new(None, &question.limits);
        let (program, _) = replay::check(&script, &options, &facts).map_err(failed)?;
        let text = replay::sql::text(&program)
            .map_err(session::Error::Script)
            .map_err(failed)?;
        let out = Output::open(&question.output);
        let mut out = out.map_err(|error| Failure::Machine(error.to_string()))?;
        out.write_all(text.as_bytes())?;
        out.flush()?;
        return Ok(Status::Done.into());
    }
    let answered = replay::run(question, &facts).map_err(failed)?;
    Ok(match answered.lossy && typed.strict {
        true => Status::Losses.into(),
        false => ExitCode::from(answered.code),
    })
}

fn question(typed: &QueryArgs) -> Result<Question, Failure> {
    let mut files = typed.files.clone();
    let script = match &typed.program {
        Some(text) => Script {
            name: "-e".into(),
            text: text.clone(),
            params: typed.params.clone(),
        },
        None => {
            let is_script = |path: &PathBuf| path.extension().is_some_and(|e| e == "bt");
            let Some(at) = files.iter().position(is_script) else {
                let sentence =
                    "no query: give one with -e, or a script file whose name ends with .bt";
                return Err(Failure::Usage(sentence.into()));
            };
            let path = files.remove(at);
            meant::script(&typed::ScriptArgs {
                program: None,
                words: [path.to_string_lossy().into_owned()]
                    .into_iter()
                    .chain(typed.params.iter().cloned())
                    .collect(),
            })?
        }
    };
    if files.is_empty() && !typed.sql {
        return Err(Failure::Usage("no recording: name the files to ask".into()));
    }
    Ok(Question {
        script,
        files,
        output: session::Output {
            file: typed.results.output.clone(),
            format: meant::format(typed.results.format),
            quiet: typed.quiet,
            ..session::Output::default()
        },
        limits: Limits {
            strict: typed.strict,
            backpressure: false,
            ring_bytes: None,
            settings: meant::settings(false)?,
        },
        collector: None,
    })
}
