//! `tracer run` (and `tracer` alone, and `bpftrace`): a query is run, or a stage of it is printed.
//!
//! In: the typed options. Out: results, or a stage's value, on the output; an exit status.

use super::failure::{Failure, Status};
use super::{meant, typed};
use crate::kernel::Live;
use crate::session;
use crate::session::output::Output;
use std::io::Write;
use std::process::ExitCode;

/// Runs what was typed.
pub fn run(typed: &typed::RunArgs) -> Result<ExitCode, Failure> {
    if typed.list {
        let pattern = typed.script.words.first().cloned();
        let mut out = output(typed)?;
        super::list::run(pattern.as_deref(), typed.verbose, &mut out)?;
        out.flush()?;
        return Ok(Status::Done.into());
    }
    let request = meant::request(typed)?;
    let script = request.script.clone();
    let facts = Live::new();
    let usage = session::compile::usage(&script, &facts);
    if let Some(usage) = usage.map_err(|error| Failure::of(error, &script))? {
        let mut out = output(typed)?;
        out.write_all(usage.as_bytes())?;
        out.flush()?;
        return Ok(Status::Done.into());
    }
    if !typed.dump.is_empty() {
        let options = session::compile::Options::new(request.scope.pid, &request.limits);
        let values = super::dump::stages(&script, &typed.dump, &options, &facts)
            .map_err(|error| Failure::of(error, &script))?;
        print_stages(&values, typed)?;
        return Ok(Status::Done.into());
    }
    let strict = request.limits.strict;
    let ended = session::run(request, &facts).map_err(|error| Failure::of(error, &script))?;
    Ok(match ended.lossy && strict {
        true => Status::Losses.into(),
        false => ExitCode::from(ended.code),
    })
}

fn print_stages(values: &[u8], typed: &typed::RunArgs) -> Result<(), Failure> {
    let mut out = output(typed)?;
    if typed.dump.contains(&typed::Stage::Elf) && out.is_terminal() {
        let sentence = "the object is not text: send it to a file or through a pipe";
        return Err(Failure::Usage(sentence.into()));
    }
    out.write_all(values)?;
    Ok(out.flush()?)
}

/// Where anything goes that is no run's result: the file that `-o` names, else standard output.
fn output(typed: &typed::RunArgs) -> Result<Output, Failure> {
    Output::open(&meant::output(typed)).map_err(|error| Failure::Machine(error.to_string()))
}
