//! `self:signal:SIGUSR1`: each time the tracer gets that signal, in its own task.
//!
//! In: the signal's name, with or without `SIG`. Out: one target. Never takes a signal.

use super::begin_end::Synthetic;
use super::{Provider, Request, Target};
use crate::diag::{Diagnostic, codes};
use crate::ir::Probe;
use crate::sema::nearest::did_you_mean;
use crate::syntax::ast::Ident;
use crate::tables::signals;
use std::rc::Rc;

/// See the module.
pub const SELF: Provider = Provider {
    name: "self",
    aliases: &[],
    forms: "self:signal:SIGUSR1",
    resolve,
};

/// Signals that have a meaning for the tracer already: these end a run.
const ENDING: [&str; 3] = ["SIGHUP", "SIGINT", "SIGTERM"];
/// Those that no process can take (signal(7)), and those that say that a process itself has gone wrong.
const NEVER_TAKEN: [&str; 8] = [
    "SIGKILL", "SIGSTOP", "SIGILL", "SIGTRAP", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS",
];

/// Signals that a probe can wait for.
pub fn names() -> impl Iterator<Item = &'static str> {
    let has_meaning = |name: &&str| !ENDING.contains(name) && !NEVER_TAKEN.contains(name);
    signals::names().filter(has_meaning)
}

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let [what, signal] = request.parts else {
        return Err(request.malformed(SELF.forms));
    };
    if what.text != "signal" {
        return Err(request.malformed(SELF.forms));
    }
    let name = format!("SIG{}", signal.text.trim_start_matches("SIG"));
    let number = number(&name, signal)?;
    let probe = Probe::Signal { name, number };
    let view = Rc::new(Synthetic(probe.to_string()));
    Ok(vec![Target { probe, view }])
}

/// The number of a signal that the tracer can take.
fn number(name: &str, written: &Ident) -> Result<u8, Diagnostic> {
    let error = |message: String| {
        Diagnostic::error(codes::MALFORMED_PROBE, written.span, message)
            .help("SIGUSR1 and SIGUSR2 are free for this")
    };
    let number = signals::number(name).and_then(|number| u8::try_from(number).ok());
    let Some(number) = number else {
        let near = did_you_mean(name, signals::names());
        let error = error(format!("no such signal: `{}`", written.text));
        return Err(near.into_iter().fold(error, Diagnostic::help));
    };
    if ENDING.contains(&name) {
        return Err(error(format!("`{name}` ends the run")));
    }
    if NEVER_TAKEN.contains(&name) {
        return Err(error(format!("`{name}` cannot be waited for")));
    }
    Ok(number)
}
