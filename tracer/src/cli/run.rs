//! `tracer run` (and `tracer` alone, and `bpftrace`): a query is run, or a stage of it is printed.
//!
//! In: the typed options. Out: results, or a stage's value, on the output; an exit status.

use super::failure::{Failure, Status};
use super::{meant, typed};
use crate::diag::{Diagnostic, Severity, render};
use crate::session::Script;
use std::io::{IsTerminal, Write};
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
    if !typed.dump.is_empty() {
        dump(&request.script, &typed.dump)?;
        return Ok(Status::Done.into());
    }
    Err(Failure::Machine("this build cannot trace yet".into()))
}

/// Prints what the stages made of the script, in the order asked for.
fn dump(script: &Script, stages: &[typed::Stage]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for stage in stages {
        match stage {
            typed::Stage::Tokens => {
                out.write_all(crate::syntax::tokens(&script.text).as_bytes())?
            }
            typed::Stage::Ast => {
                let (tree, found) = crate::syntax::parse(&script.text, &script.params);
                out.write_all(crate::syntax::dump::text(&tree).as_bytes())?;
                no_errors(script, &found)?;
            }
            other => return Err(Failure::Usage(format!("stage {other:?} is not built yet"))),
        }
    }
    Ok(())
}

/// Fails with the diagnostics as text when one of them is an error.
fn no_errors(script: &Script, found: &[Diagnostic]) -> Result<(), Failure> {
    if found.iter().any(|d| d.severity == Severity::Error) {
        return Err(Failure::Script(diagnostics(script, found)));
    }
    Ok(())
}

/// Diagnostics as people read them: with colours on a terminal.
pub fn diagnostics(script: &Script, found: &[Diagnostic]) -> String {
    let colour = if std::io::stderr().is_terminal() {
        render::Colour::Always
    } else {
        render::Colour::Never
    };
    render::text(&script.name, &script.text, found, colour)
}
