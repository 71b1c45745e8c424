//! `tracer run` (and `tracer` alone, and `bpftrace`): a query is run, or a stage of it is printed.
//!
//! In: the typed options. Out: results, or a stage's value, on the output; an exit status.

use super::failure::{Failure, Status};
use super::{meant, typed};
use crate::kernel::Live;
use crate::session;
use std::process::ExitCode;

/// Runs what was typed.
pub fn run(typed: &typed::RunArgs) -> Result<ExitCode, Failure> {
    if typed.list {
        let pattern = typed.script.words.first().cloned();
        super::list::run(
            pattern.as_deref(),
            typed.verbose,
            &mut std::io::stdout().lock(),
        )?;
        return Ok(Status::Done.into());
    }
    let request = meant::request(typed)?;
    let script = request.script.clone();
    let facts = Live::new();
    if !typed.dump.is_empty() {
        let options = session::compile::Options::new(request.scope.pid, &request.limits);
        super::dump::stages(&script, &typed.dump, options, &facts)?;
        return Ok(Status::Done.into());
    }
    let strict = request.limits.strict;
    let ended = session::run(request, &facts).map_err(|error| Failure::of(error, &script))?;
    Ok(match ended.lossy && strict {
        true => Status::Losses.into(),
        false => ExitCode::from(ended.code),
    })
}
