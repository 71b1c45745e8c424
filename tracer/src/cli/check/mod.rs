//! `tracer check`: the verdict of a bisection, as an exit status.
//!
//! In: the typed options. Out: the report on standard output, and a status: 0 good, 1 bad, 125 could not tell, 128 and above
//! when the check itself is broken. What is good or bad, [`crate::verdict`] decides; this room runs and reports.

mod against;
pub mod program;
mod report;
pub mod status;
pub mod typed;

use crate::cli::meant;
use crate::diag::Span;
use crate::diag::render::position;
use crate::kernel::Live;
use crate::plan;
use crate::print::RuntimeError;
use crate::session::collect::{Collected, Collector};
use crate::session::{self, By, Ended, Output, Request, Scope, compile, report as session_report};
use crate::verdict::{self, Command, Evidence, Judgement, Said, Verdict};
use program::{Program, Unfit};
use report::{Report, Run};
use status::{Harness, Trouble};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::ExitCode;
use typed::{CheckArgs, ReportFormat};

/// Checks what was typed. All troubles end here, with a status that no verdict has.
pub fn run(typed: &CheckArgs) -> ExitCode {
    let ended = match typed {
        CheckArgs { learn: true, .. } => against::learn(typed),
        CheckArgs { explain: true, .. } => explain(typed),
        CheckArgs {
            against: Some(profile),
            ..
        } => against::check(typed, profile).and_then(|report| tell(typed, &report)),
        _ => check(typed).and_then(|report| tell(typed, &report)),
    };
    match ended {
        Ok(status) => ExitCode::from(status),
        Err(trouble) => {
            // Standard error may be gone too: then there is nobody to tell.
            let _ = write!(io::stderr(), "{}", trouble.said);
            trouble.status.exit()
        }
    }
}

fn check(typed: &CheckArgs) -> Result<Report, Trouble> {
    let facts = Live::new();
    let program = match Program::of(typed, &facts) {
        Ok(program) => program,
        Err(Unfit::Broken(trouble)) => return Err(trouble),
        Err(Unfit::Unsure(reason)) => return Ok(cannot_tell(typed, reason)),
    };
    if program.by_status && typed.command.is_empty() {
        return Err(Trouble::usage(
            "--same-symptom alone judges a command: give it behind --",
        ));
    }
    let mut runs = Vec::new();
    for number in 0..typed.runs {
        let run = once(typed, &program, &facts, number == 0)?;
        let is_bad = run.judgement.verdict == Verdict::Bad;
        runs.push(run);
        if is_bad {
            break;
        }
    }
    let judgements: Vec<Judgement> = runs.iter().map(|run| run.judgement.clone()).collect();
    Ok(Report {
        judgement: verdict::over_runs(&judgements),
        runs,
        label: typed.label.clone(),
        details: None,
    })
}

fn cannot_tell(typed: &CheckArgs, reason: String) -> Report {
    Report {
        judgement: Judgement {
            verdict: Verdict::Unsure,
            reason,
        },
        runs: Vec::new(),
        label: typed.label.clone(),
        details: None,
    }
}

/// One run of the program.
fn once(typed: &CheckArgs, program: &Program, facts: &Live, first: bool) -> Result<Run, Trouble> {
    let collector = Collector::default();
    let request = request(typed, program, collector.clone(), first)?;
    let ended = match session::run(request, facts) {
        Ok(ended) => ended,
        Err(error) => {
            let reason = status::of_session(error, &program.script)?;
            return Ok(Run {
                judgement: Judgement {
                    verdict: Verdict::Unsure,
                    reason,
                },
                command: None,
                unseen: Vec::new(),
            });
        }
    };
    was_whole(&ended)?;
    let evidence = evidence(typed, program, &ended, &collector.take());
    Ok(Run {
        judgement: verdict::judge(&evidence),
        command: ended.command.map(|status| status.to_string()),
        unseen: evidence.unseen,
    })
}

/// A run that somebody ended shows nothing.
pub fn was_whole(ended: &Ended) -> Result<(), Trouble> {
    match ended.by {
        By::Signal => Err(Trouble {
            status: Harness::Interrupted,
            said: "tracer: interrupted: there is no verdict\n".into(),
        }),
        By::Output => Err(Trouble::output(
            "nobody reads standard error, where the program prints",
        )),
        By::Target | By::Script | By::Time => Ok(()),
    }
}

/// The session of one run: what the program prints goes to standard error, and standard output is the report's.
fn request(
    typed: &CheckArgs,
    program: &Program,
    collector: Collector,
    first: bool,
) -> Result<Request, Trouble> {
    let ready = match first {
        true => meant::ready(&typed.ready)?,
        false => None,
    };
    Ok(Request {
        script: program.script.clone(),
        scope: Scope {
            pid: typed.pid,
            follow: true,
            only_tree: program::is_of_command(typed),
            command: (!typed.command.is_empty()).then(|| typed.command.clone()),
            duration: typed.duration,
            ..Scope::default()
        },
        output: Output {
            to_stderr: true,
            quiet: !typed.verbose,
            verbose: typed.verbose,
            ..Output::default()
        },
        limits: program::limits(typed)?,
        ready,
        collector: Some(collector),
        ..Request::default()
    })
}

fn evidence(
    typed: &CheckArgs,
    program: &Program,
    ended: &Ended,
    collected: &Collected,
) -> Evidence {
    let said = program.statements.iter().filter_map(|statement| {
        let said = collected.said.get(&statement.emit)?;
        Some(Said {
            verdict: statement.verdict,
            reason: said.reason.clone(),
            direct: statement.direct && !has_error(program, statement.clause, &ended.errors),
            symptom: program.is_symptom(statement),
        })
    });
    Evidence {
        said: said.collect(),
        can: program.can(),
        command: command(typed, ended),
        unseen: unseen(ended),
        any_status: typed.any_status,
        by_status: program.by_status,
        has_symptom: program.symptom.is_some(),
    }
}

/// What a run has not seen.
pub fn unseen(ended: &Ended) -> Vec<String> {
    let lost = ended.losses.iter().map(|loss| {
        let s = if loss.count == 1 { " was" } else { "s were" };
        format!("{} event{s} lost: {}", loss.count, loss.reason)
    });
    let errors = ended.errors.iter().map(session_report::sentence);
    lost.chain(errors)
        .chain(ended.missed.iter().cloned())
        .collect()
}

/// Something could not be read or computed in this clause: what it said may rest on that.
fn has_error(program: &Program, clause: Span, errors: &[RuntimeError]) -> bool {
    let sites = program.ir.sites.iter().map(|site| site.span);
    let mut own = sites.filter(|span| clause.start <= span.start && span.end <= clause.end);
    own.any(|span| {
        let (line, column) = position(&program.script.text, span.start as usize);
        let place = (line as u32, column as u32);
        errors
            .iter()
            .any(|error| (error.line, error.column) == place)
    })
}

fn command(typed: &CheckArgs, ended: &Ended) -> Command {
    match ended.command {
        _ if typed.command.is_empty() => Command::None,
        Some(status) if status.success() => Command::Succeeded,
        Some(status) => Command::Failed(status.to_string()),
        None => Command::Unfinished,
    }
}

/// Writes the report where it was asked for.
fn tell(typed: &CheckArgs, report: &Report) -> Result<u8, Trouble> {
    if let Some(path) = &typed.log {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(report.json().as_bytes()))
            .map_err(|error| Trouble::output(format!("write {}: {error}", path.display())))?;
    }
    let text = match typed.format {
        ReportFormat::Text => report.text(),
        ReportFormat::Json => report.json(),
    };
    print(&text)?;
    Ok(status::of(report.judgement.verdict))
}

/// Writes to standard output at once: what cannot be written is no verdict that anybody has seen.
pub fn print(text: &str) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Trouble::output(format!("write the report: {error}")))
}

/// The program, and what of it runs where.
fn explain(typed: &CheckArgs) -> Result<u8, Trouble> {
    let facts = Live::new();
    let program = match Program::of(typed, &facts) {
        Ok(program) => program,
        Err(Unfit::Broken(trouble)) => return Err(trouble),
        Err(Unfit::Unsure(reason)) => return Err(Trouble::usage(reason)),
    };
    let options = compile::Options {
        only_tree: program::is_of_command(typed),
        ..compile::Options::new(typed.pid, &program::limits(typed)?)
    };
    let plan = compile::plan(&program.script, &options, &facts);
    let plan = match plan {
        Ok((plan, _)) => plan,
        Err(error) => return Err(Trouble::usage(status::of_session(error, &program.script)?)),
    };
    let script: String = program
        .script
        .text
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    print(&format!("script\n{script}\n{}", plan::explain::text(&plan)))?;
    Ok(0)
}
