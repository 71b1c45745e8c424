//! Checks by profiles: a run must be as a profile says; and what tells two profiles apart.
//!
//! In: the typed options, profiles. Out: a [`Report`], or what to bisect with. Too few runs on either side could not tell.

use super::report::Report;
use super::status::{self, Harness, Trouble};
use super::typed::{CheckArgs, ReportFormat};
use super::{cannot_tell, print};
use crate::cli::diff;
use crate::cli::profile::{self, Unmeasured, Wanted};
use crate::cli::sides;
use crate::profile::diff::{LEAST_RUNS, Options};
use crate::profile::{learn, unlike};
use crate::session::{By, Script};
use crate::verdict::{Judgement, Verdict};
use serde_json::json;
use std::path::Path;

/// Measures the command, and compares.
pub fn check(typed: &CheckArgs, path: &Path) -> Result<Report, Trouble> {
    if typed.command.is_empty() {
        return Err(Trouble::usage(
            "--against judges a command: give it behind --",
        ));
    }
    if typed.same_symptom.is_some() {
        return Err(Trouble::usage(
            "--against and --same-symptom do not go together",
        ));
    }
    let wanted = sides::read(path).map_err(Trouble::usage)?;
    if let Some(part) = wanted.iter().find(|profile| !profile.selected.is_empty()) {
        let said = format!(
            "--against takes recordings of all that a command and its descendants do (tracer record -f -- COMMAND); this one holds: {}",
            part.selected
        );
        return Err(Trouble::usage(said));
    }
    let runs: usize = wanted.iter().map(|profile| profile.runs.len()).sum();
    if runs < LEAST_RUNS {
        let why =
            format!("too few samples: the profile has {runs} runs, at least {LEAST_RUNS} tell");
        return Ok(cannot_tell(typed, why));
    }
    if (typed.runs as usize) < LEAST_RUNS {
        let said = format!("--against takes at least --runs {LEAST_RUNS}: fewer could never tell");
        return Err(Trouble::usage(said));
    }
    let measured = profile::measure(&Wanted {
        command: &typed.command,
        runs: typed.runs,
        duration: typed.duration,
        verbose: typed.verbose,
    });
    let measured = match measured {
        Ok(measured) => measured,
        Err(Unmeasured::Session(error)) => {
            let reason = status::of_session(error, &Script::default())?;
            return Ok(cannot_tell(typed, reason));
        }
        Err(Unmeasured::Ended(By::Output)) => {
            return Err(Trouble::output("nobody reads standard error"));
        }
        Err(Unmeasured::Ended(_)) => {
            return Err(Trouble {
                status: Harness::Interrupted,
                said: "tracer: interrupted: there is no verdict\n".into(),
            });
        }
    };
    let found = crate::profile::diff::diff(&wanted, &[measured], Options::default());
    let judgement = match (found.unseen.first(), found.changes.first()) {
        (Some(unseen), _) => Judgement {
            verdict: Verdict::Unsure,
            reason: unseen.clone(),
        },
        (None, None) => Judgement {
            verdict: Verdict::Good,
            reason: format!("as the profile says: {} numbers compared", found.compared),
        },
        (None, Some(first)) => Judgement {
            verdict: Verdict::Bad,
            reason: match found.changes.len() {
                1 => diff::sentence(first),
                n => format!("{} (and {} differences more)", diff::sentence(first), n - 1),
            },
        },
    };
    let details = serde_json::to_value(&found).ok();
    Ok(Report {
        judgement,
        runs: Vec::new(),
        label: typed.label.clone(),
        details,
    })
}

/// Prints what tells a good profile from a bad one.
pub fn learn(typed: &CheckArgs) -> Result<u8, Trouble> {
    let read = |path: &Option<std::path::PathBuf>| match path {
        Some(path) => sides::read(path).map_err(Trouble::usage),
        None => Err(Trouble::usage(
            "--learn takes --good PROFILE and --bad PROFILE",
        )),
    };
    let (good, bad) = (read(&typed.good)?, read(&typed.bad)?);
    if let Some(sentence) = unlike(&good, &bad) {
        return Err(Trouble::usage(sentence));
    }
    let (lessons, found) = learn::learn(&good, &bad);
    let text = match typed.format {
        ReportFormat::Json => {
            let lessons = lessons.iter().map(|lesson| {
                json!({
                    "change": lesson.change,
                    "program": lesson.program,
                    "assertion": lesson.assertion,
                })
            });
            let lessons: Vec<_> = lessons.collect();
            format!(
                "{}\n",
                json!({"type": "lessons", "version": 1, "controlled": found.controlled, "lessons": lessons})
            )
        }
        ReportFormat::Text => {
            let shown = lessons.iter().map(|lesson| {
                let assertion = lesson.assertion.replace('\'', "'\\''");
                let program = lesson.program.replace('\'', "'\\''");
                format!(
                    "{}\n  look:   tracer -e '{program}'\n  bisect: git bisect run tracer check --assert '{assertion}' -- COMMAND\n",
                    diff::sentence(&lesson.change)
                )
            });
            shown.collect()
        }
    };
    if lessons.is_empty() {
        let what = match found.changes.len() {
            0 => "the profiles do not differ".to_owned(),
            n => format!("{n} differences, of which none separates every good from every bad run"),
        };
        return Err(Trouble::usage(format!("nothing to bisect with: {what}")));
    }
    print(&text)?;
    Ok(0)
}
