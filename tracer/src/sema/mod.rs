//! AST to typed IR: every name resolved, every type known, or a diagnostic that says why not.
//!
//! In: a script's tree and the facts of a kernel. Out: an [`ir::Program`] and diagnostics; the program is meaningful
//! only when none of them is an error. Never asks the machine, never knows how something is run.
//!
//! The work in order:
//! 1. `preamble` reads what C declares, `expand` puts in macros and constants, `config` reads the config block.
//! 2. `clause` resolves probes through `providers` and splits a clause where its probes differ in meaning.
//! 3. A `pass` over all clauses makes IR: `stmt` and `assign` for statements; `value`, `operators`, `access` and `names` for
//!    expressions; `builtins` for calls. It learns types of maps and variables on the way (`unify`): a map may
//!    be read before it is written, and a later assignment may widen it.
//! 4. Passes repeat until nothing new is learned. Only the last one's program and diagnostics count.
//!
//! `duration` can be absent, but the IR has no absent values: a `pass::Val` carries the condition under which it
//! is present, and whoever uses it says what happens otherwise.

mod access;
mod assign;
pub mod builtins;
mod clause;
mod config;
mod convert;
mod ctype;
mod expand;
mod format;
mod layout32;
mod loops;
mod maps;
mod matches;
mod names;
pub mod nearest;
mod operators;
mod pass;
mod preamble;
pub mod providers;
mod records;
mod rooms;
mod stmt;
mod unify;
mod uses;
mod value;

#[cfg(test)]
mod tests;

pub use config::Settings;
pub use expand::{OptionUse, Options};
pub use names::{VARIABLES, Variable};

use crate::diag::depth::with_stack;
use crate::diag::{Diagnostic, Severity, Span, codes};
use crate::facts::Facts;
use crate::ir;
use crate::syntax::ast::{Item, Script};
pub use crate::types::glob;
use clause::Resolved;
use pass::{Pass, Scope};
use preamble::Declared;
use providers::Blind;
use rooms::Rooms;
use std::rc::Rc;
use unify::Known;

/// Checks a script. The program is meaningful only without errors.
pub fn check(script: &Script, facts: &dyn Facts) -> (ir::Program, Vec<Diagnostic>) {
    check_with(script, facts, Settings::default())
}

/// The same with other settings than the usual ones; the script's own config block comes first.
pub fn check_with(
    script: &Script,
    facts: &dyn Facts,
    settings: Settings,
) -> (ir::Program, Vec<Diagnostic>) {
    let (program, notes, _) = check_with_options(script, facts, settings, &Options::new());
    (program, notes)
}

/// The same with options from the command line (`--name=value`), and which the script asks for.
pub fn check_with_options(
    script: &Script,
    facts: &dyn Facts,
    settings: Settings,
    options: &Options,
) -> (ir::Program, Vec<Diagnostic>, Vec<OptionUse>) {
    with_stack(|| check_all(script, facts, settings, options))
}

fn check_all(
    script: &Script,
    facts: &dyn Facts,
    settings: Settings,
    options: &Options,
) -> (ir::Program, Vec<Diagnostic>, Vec<OptionUse>) {
    let mut notes = Vec::new();
    let preamble = preamble::read(script, facts, &mut notes);
    let declared;
    let facts = match preamble.types {
        Some(types) => {
            declared = Declared { facts, types };
            &declared as &dyn Facts
        }
        None => facts,
    };
    let expanded = expand::expand(script, &preamble.constants, options, &mut notes);
    let used = expanded.options;
    notes.extend(
        options
            .keys()
            .filter_map(|name| no_such_option(name, &used)),
    );
    let (program, mut notes) = check_expanded(&expanded.script, facts, settings, notes);
    expand::name_calls(&mut notes, &expanded.calls);
    (program, notes, used)
}

/// An option of the command line that the script does not ask for.
fn no_such_option(name: &str, used: &[OptionUse]) -> Option<Diagnostic> {
    let mut known = used.iter().map(|o| o.name.as_str());
    if known.clone().any(|n| n == name) {
        return None;
    }
    let message = format!("the script has no option --{name}");
    let diagnostic = Diagnostic::error(codes::NO_SUCH_OPTION, Span::default(), message);
    let near = nearest::nearest(name, known.clone());
    Some(match (near.first(), known.next()) {
        (Some(near), _) => diagnostic.help(format!("did you mean --{near}?")),
        (None, Some(_)) => diagnostic.help("`-- --help` lists its options"),
        (None, None) => diagnostic.help("a script asks for one with getopt(\"name\", default)"),
    })
}

/// The script without macros and constants of its own.
fn check_expanded(
    script: &Script,
    facts: &dyn Facts,
    settings: Settings,
    mut notes: Vec<Diagnostic>,
) -> (ir::Program, Vec<Diagnostic>) {
    let settings = config::read(script, settings, &mut notes);
    let clauses: Vec<Resolved> = script
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Clause(clause) => Some(clause::resolve(clause, facts, &settings, &mut notes)),
            _ => None,
        })
        .collect();
    let broken = notes.iter().any(is_error);
    let rooms = rooms::read(script, &mut notes);
    let broken = broken || notes.iter().any(is_error);
    let (program, found) = passes(&clauses, settings, &rooms, facts, broken);
    notes.extend(found);
    notes.sort_by_key(|d| (d.span.start, d.span.end));
    keep_first(&mut notes);
    if program.clauses.is_empty() && !notes.iter().any(is_error) {
        let message = match clauses.is_empty() {
            true => "the script has no probe",
            false => "no probe of the script is here",
        };
        notes.push(Diagnostic::error(
            codes::NO_CLAUSE,
            Span::default(),
            message,
        ));
    }
    (program, notes)
}

/// Errors that are told; more are hardly read.
const MAX_NOTES: usize = 50;

/// Leaves the first ones, and says how many there were.
fn keep_first(notes: &mut Vec<Diagnostic>) {
    let Some(next) = notes.get(MAX_NOTES).map(|d| d.span) else {
        return;
    };
    if notes.iter().any(is_error) {
        let message = format!("{} more are not shown", notes.len() - MAX_NOTES);
        notes.truncate(MAX_NOTES);
        notes.push(Diagnostic::error(codes::TOO_MANY_ERRORS, next, message));
    }
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

/// Passes until nothing new is learned. `broken`: an error was said before.
fn passes(
    clauses: &[Resolved],
    settings: Settings,
    rooms: &Rooms,
    facts: &dyn Facts,
    broken: bool,
) -> (ir::Program, Vec<Diagnostic>) {
    let mut known = Known::default();
    for done in 0.. {
        let mut pass = new_pass(known.clone(), settings.clone(), facts);
        pass.rooms = rooms.clone();
        clauses.iter().for_each(|c| pass.clause(c));
        if pass.known == known {
            // With an error said, an unknown type is its consequence, not news.
            let failed = broken || pass.notes.iter().any(is_error);
            if failed || !pass.known.assume_integers() {
                pass.finish();
                return (pass.program, pass.notes);
            }
        }
        known = pass.known;
        // A chain of maps that are assigned from each other takes a pass each; a type widens a few times at most.
        let enough = 64 + 8 * (known.maps.len() + known.vars.len());
        assert!(done < enough, "types only widen, so passes end");
    }
    unreachable!("the passes above return or panic")
}

fn new_pass(known: Known, settings: Settings, facts: &dyn Facts) -> Pass<'_> {
    Pass {
        facts,
        rooms: Rooms::new(),
        known,
        program: ir::Program {
            max_strlen: settings.max_strlen,
            max_map_keys: settings.max_map_keys,
            call: settings.call,
            user: settings.user.clone(),
            ..ir::Program::default()
        },
        settings,
        notes: Vec::new(),
        scope: Scope {
            loops: 0,
            clause: 0,
            view: Rc::new(Blind),
            vars: Vec::new(),
            blocks: Vec::new(),
            ended: Vec::new(),
            native_layout: None,
        },
        keep_divisions: false,
    }
}
