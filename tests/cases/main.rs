//! The runner of the kernel cases: attaches the tracer, lets a trigger cause known events, compares what was printed.
//!
//! In: the environment: `TRACER`, `TRIGGER` (programs), `CASES`, `SCRIPTS`, `TOOLS` (directories), `FEATURES` (what this kernel
//! is known to have; a case that finds one of them missing fails, any other missing feature only sets the case
//! aside, by name). Out: the lines of a Rust test runner. Never sleeps to wait for something.

mod behaviour;
mod beside;
mod bpf_ids;
mod case;
mod expect;
mod features;
mod live;
mod oneliners;
mod page;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use features::Features;

/// What every case needs to know.
pub struct Place {
    /// The program under test.
    pub tracer: PathBuf,
    /// The program that causes events.
    pub trigger: PathBuf,
    /// Ready-made queries.
    pub scripts: PathBuf,
    /// What this kernel and user can do.
    pub features: Features,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("diff-strace", command)) = words.split_first().map(|(w, rest)| (w.as_str(), rest))
    {
        return ended(place().and_then(|place| beside::report(&place, command)));
    }
    let arguments = Arguments::from_args();
    ended(trials().map(|trials| libtest_mimic::run(&arguments, trials).exit_code()))
}

fn ended(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

fn place() -> Result<Place> {
    let trigger = path_from("TRIGGER")?;
    Ok(Place {
        tracer: path_from("TRACER")?,
        scripts: path_from("SCRIPTS")?,
        features: Features::find(&trigger),
        trigger,
    })
}

fn trials() -> Result<Vec<Trial>> {
    let place = Arc::new(place()?);
    let mut trials = Vec::new();
    for case in case::read_all(&path_from("CASES")?)? {
        let (name, needs) = (case.name.clone(), case.needs.clone());
        trials.push(trial(&place, name, needs, move |place| {
            live::run_case(place, &case)
        }));
    }
    for &(name, needs, behaviour) in behaviour::ALL {
        let needs = self::needs(needs);
        trials.push(trial(&place, name.to_owned(), needs, behaviour));
    }
    for &(name, programs, command) in beside::ALL {
        let needs = vec!["root".to_owned(), "strace".to_owned()];
        let name = format!("beside-strace-{name}");
        trials.push(trial_with(&place, name, needs, programs, move |place| {
            beside::check(place, command)
        }));
    }
    if let Some(table) = std::env::var_os("ONELINERS") {
        trials.extend(table_trials(&place, Path::new(&table))?);
    }
    if let Some(page) = std::env::var_os("PAGE") {
        trials.extend(page_trials(&place, Path::new(&page))?);
    }
    if let Some((tools, table)) = tools::Tools::find()? {
        for tool in table {
            let tools = tools.clone();
            let name = format!("tool::{}", tool.name);
            let needs = vec!["root".to_owned(), "btf".to_owned()];
            trials.push(trial(&place, name, needs, move |place| {
                tool.check(place, &tools)
            }));
        }
    }
    Ok(trials)
}

/// Each one-liner by the tracer; and all of a file by the reference.
fn table_trials(place: &Arc<Place>, table: &Path) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for (file, lines) in oneliners::read_all(table)? {
        let lines = Arc::new(lines);
        for at in 0..lines.len() {
            let (name, lines) = (format!("oneliner::{file}::{}", at + 1), Arc::clone(&lines));
            let check = move |place: &Place| lines[at].check(&place.tracer);
            trials.push(trial(place, name, needs("root btf"), check));
        }
        let check = move |_: &Place| oneliners::compare(&lines);
        let name = format!("reference::{file}");
        trials.push(trial(place, name, needs("root btf bpftrace"), check));
    }
    Ok(trials)
}

/// Each example of the language page; and the commands of each other page.
fn page_trials(place: &Arc<Place>, language: &Path) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for example in page::read_all(language)? {
        let name = format!("page::line-{}", example.line);
        let check = move |place: &Place| example.check(&place.tracer);
        trials.push(trial(place, name, needs("root btf tracefs"), check));
    }
    for &(page, features, text) in page::commands::PAGES {
        let follow = move |place: &Place| page::commands::follow(place, text);
        trials.push(trial(
            place,
            format!("page::{page}"),
            needs(features),
            follow,
        ));
    }
    Ok(trials)
}

fn needs(features: &str) -> Vec<String> {
    features.split_whitespace().map(str::to_owned).collect()
}

fn trial<F>(place: &Arc<Place>, name: String, needs: Vec<String>, run: F) -> Trial
where
    F: FnOnce(&Place) -> Result<()> + Send + 'static,
{
    trial_with(place, name, needs, &[], run)
}

/// A trial that needs programs too.
fn trial_with<F>(
    place: &Arc<Place>,
    name: String,
    needs: Vec<String>,
    programs: &'static [&'static str],
    run: F,
) -> Trial
where
    F: FnOnce(&Place) -> Result<()> + Send + 'static,
{
    let place = Arc::clone(place);
    Trial::ignorable_test(format!("kernel::{name}"), move || {
        if let Some(missing) = place.features.missing(&needs)? {
            return Ok(Completion::ignored_with(missing));
        }
        if let Some(missing) = beside::missing(programs) {
            return Ok(Completion::ignored_with(missing));
        }
        run(&place).map_err(|error| Failed::from(format!("{error:#}")))?;
        Ok(Completion::Completed)
    })
}

fn path_from(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable).with_context(|| format!("{variable} is not set"))?;
    Path::new(&path)
        .canonicalize()
        .with_context(|| format!("{variable}={}", path.display()))
}
