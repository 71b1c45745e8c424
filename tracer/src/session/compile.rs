//! From a script to an image: the stages in their order, each a value that can be looked at.
//!
//! In: a script, what the user decided, kernel facts. Out: each stage's value, or why there is none. Never touches
//! the kernel: the facts do, when a stage asks.

use super::{Error, Limits, Script, scope};
use crate::bpf::Generated;
use crate::diag::{Diagnostic, Severity};
use crate::facts::Facts;
use crate::ir;
use crate::plan::{self, Plan};
use crate::{codegen, link, sema, syntax};

/// What decides about the stages besides the script.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// See [`Scope::pid`](super::Scope::pid).
    pub pid: Option<u32>,
    /// See [`Scope::only_tree`](super::Scope::only_tree).
    pub only_tree: bool,
    /// See [`Limits::ring_bytes`].
    pub ring_bytes: Option<u32>,
    /// See [`Limits::settings`].
    pub settings: sema::Settings,
}

impl Options {
    /// From a request's parts.
    pub fn new(pid: Option<u32>, limits: &Limits) -> Options {
        Options {
            pid,
            only_tree: false,
            ring_bytes: limits.ring_bytes,
            settings: limits.settings.clone(),
        }
    }
}

/// A value, and the warnings on the way to it.
pub type Warned<T> = (T, Vec<Diagnostic>);

/// The typed program.
///
/// # Errors
/// The script's diagnostics when one of them is an error.
pub fn check(
    script: &Script,
    options: &Options,
    facts: &dyn Facts,
) -> Result<Warned<ir::Program>, Error> {
    let (params, named) = script.parameters();
    let (tree, mut found) = syntax::parse(&script.text, &params);
    found = no_errors(found)?;
    let settings = options.settings.clone();
    let (mut program, more, _) = sema::check_with_options(&tree, facts, settings, &named);
    found.extend(more);
    let found = no_errors(found)?;
    if let Some(pid) = options.pid {
        scope::restrict(&mut program, pid);
    }
    if options.only_tree {
        scope::restrict_to_tree(&mut program);
    }
    verify("typed program", || {
        ir::verify::verify(&program).map_err(|broken| broken.join("; "))
    })?;
    Ok((program, found))
}

/// The options that the script takes, as text, when `--help` is one that was given to it.
///
/// # Errors
/// As [`check`], for what cannot even be read.
pub fn usage(script: &Script, facts: &dyn Facts) -> Result<Option<String>, Error> {
    let (params, mut named) = script.parameters();
    if named.remove("help").is_none() {
        return Ok(None);
    }
    let (tree, found) = syntax::parse(&script.text, &params);
    no_errors(found)?;
    let settings = sema::Settings::default();
    let (_, _, options) = sema::check_with_options(&tree, facts, settings, &named);
    let mut text = format!(
        "Usage: tracer {} [PARAMETER]... [-- OPTION...]\n",
        script.name
    );
    if !options.is_empty() {
        text += "\nOptions:\n";
    }
    for option in options {
        let name = match option.default {
            Some(_) => format!("--{}=VALUE", option.name),
            None => format!("--{}", option.name),
        };
        let default = option.default.map(|d| format!(" [default: {d}]"));
        let about = option.description + default.as_deref().unwrap_or_default();
        text += format!("  {name:24} {}", about.trim()).trim_end();
        text += "\n";
    }
    Ok(Some(text))
}

/// The plan.
///
/// # Errors
/// As [`check`], and what this kernel cannot hold.
pub fn plan(script: &Script, options: &Options, facts: &dyn Facts) -> Result<Warned<Plan>, Error> {
    let (program, found) = check(script, options, facts)?;
    let rings = options.ring_bytes.or(program.user.ring_bytes);
    let rings = rings.map(|main_bytes| plan::Rings {
        main_bytes,
        ..plan::Rings::default()
    });
    let plan = plan::plan(program, facts, &plan::Options { rings }).map_err(Error::Script)?;
    Ok((plan, found))
}

/// The generated programs of a plan.
///
/// # Errors
/// When the generator or its checker finds a mistake of ours.
pub fn generate(plan: &Plan) -> Result<Generated, Error> {
    let generated = codegen::generate(plan).map_err(|error| from_codegen(plan, error))?;
    verify("generated code", || {
        codegen::checker::check(plan, &generated).map_err(|broken| broken.to_string())
    })?;
    Ok(generated)
}

/// What the generator says: a limit that the script meets, or a mistake of ours.
pub fn from_codegen(plan: &Plan, error: codegen::Error) -> Error {
    match error.diagnostic(plan) {
        Some(limit) => Error::Script(vec![limit]),
        None => Error::Bug(error.to_string()),
    }
}

/// The image to load.
///
/// # Errors
/// When the parts do not fit together: a mistake of ours.
pub fn link(plan: &Plan, generated: &Generated) -> Result<Vec<u8>, Error> {
    link::link(plan, generated, link::runtime()).map_err(|error| Error::Bug(error.to_string()))
}

/// The diagnostics when none of them is an error, else they are the error.
pub fn no_errors(found: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Error> {
    match found.iter().any(|d| d.severity == Severity::Error) {
        true => Err(Error::Script(found)),
        false => Ok(found),
    }
}

/// Checks a stage's own rules in debug builds, where a mistake should be named before the kernel's verifier stumbles.
fn verify(stage: &str, check: impl FnOnce() -> Result<(), String>) -> Result<(), Error> {
    if cfg!(debug_assertions) {
        check().map_err(|broken| Error::Bug(format!("the {stage} breaks a rule: {broken}")))?;
    }
    Ok(())
}
