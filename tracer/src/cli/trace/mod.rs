//! `tracer trace`: strace for the whole system.
//!
//! In: the typed options. Out: a run of the script that they make (or the script itself, or its plan); an exit status.

mod ids;
pub mod meant;
pub mod spelling;
#[cfg(test)]
mod tests;
pub mod typed;

use super::failure::{Failure, Status};
use crate::kernel::Live;
use crate::plan;
use crate::session::{self, Request, compile};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

/// Runs what was typed.
pub fn run(typed: &typed::TraceArgs) -> Result<ExitCode, Failure> {
    let request = meant::request(typed)?;
    if typed.explain {
        return explain(&request);
    }
    let script = request.script.clone();
    let strict = request.limits.strict;
    let ended = session::run(request, &Live::new()).map_err(|error| Failure::of(error, &script))?;
    Ok(match ended.command {
        _ if ended.lossy && strict => Status::Losses.into(),
        Some(status) if typed.pass_status => passed(status),
        _ => ExitCode::from(ended.code),
    })
}

/// The script, and what of it runs where.
fn explain(request: &Request) -> Result<ExitCode, Failure> {
    let script = &request.script;
    let facts = Live::new();
    let options = compile::Options::new(None, &request.limits);
    let (plan, _) =
        compile::plan(script, &options, &facts).map_err(|error| Failure::of(error, script))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "script\n{}", indented(&script.text))?;
    out.write_all(plan::explain::text(&plan).as_bytes())?;
    Ok(Status::Done.into())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// A command's status as a shell gives it.
pub fn passed(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.unwrap_or(0) as u8)
}
