//! From a clause of the script to clauses of the IR.
//!
//! In: a clause as written. Out: first its probes, resolved and grouped by what the clause's properties mean
//! there; then, in each pass, an IR clause a group. Never lowers an expression itself.

use super::config::{Missing, Settings};
use super::nearest::{did_you_mean, quoted};
use super::pass::{Pass, Scope, and};
use super::providers::{self, Blind, CallProperty, Family, Lack, Offer, Target, View};
use super::uses::Uses;
use crate::diag::{Diagnostic, Severity, Span, codes};
use crate::facts::Facts;
use crate::ir::{self, Probe, SyscallSet};
use crate::syntax::ast;
use crate::types::Abi;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A clause whose probes are known.
pub struct Resolved<'a> {
    /// As written.
    pub clause: &'a ast::Clause,
    /// Each becomes an IR clause.
    pub groups: Vec<Group>,
}

/// Probes that give the clause one meaning.
pub struct Group {
    /// At least one, or none when all were in error.
    pub probes: Vec<Probe>,
    /// What they offer.
    pub view: Rc<dyn View>,
}

/// Resolves the probes of a clause and groups them.
pub fn resolve<'a>(
    clause: &'a ast::Clause,
    facts: &dyn Facts,
    settings: &Settings,
    notes: &mut Vec<Diagnostic>,
) -> Resolved<'a> {
    let uses = Uses::of(clause);
    let mut targets = Vec::new();
    let mut missing = Vec::new();
    for spec in &clause.probes {
        match providers::resolve(spec, &uses, facts, settings.max_strlen) {
            Ok(found) => targets.extend(found),
            Err(diagnostic) => missing.push(diagnostic),
        }
    }
    // Scripts list one function by its names in several kernels: one that exists will do.
    for diagnostic in &mut missing {
        let is_missing =
            [codes::NO_SUCH_FUNCTION, codes::NO_SUCH_SYMBOL].contains(&diagnostic.code);
        if is_missing && !targets.is_empty() {
            diagnostic.severity = Severity::Warning;
        }
    }
    notes.extend(
        missing
            .into_iter()
            .filter_map(|diagnostic| weighed(diagnostic, settings)),
    );
    let asked = properties(&uses);
    let targets = without_lacks(targets, &asked, facts, notes);
    let mut groups = group(targets, &asked, facts);
    if groups.is_empty() {
        groups.push(Group {
            probes: Vec::new(),
            view: Rc::new(Blind),
        });
    }
    Resolved { clause, groups }
}

/// A probe that does not exist here, as the script wants to have it told.
fn weighed(mut diagnostic: Diagnostic, settings: &Settings) -> Option<Diagnostic> {
    let is_missing = [
        codes::NO_SUCH_SYSCALL,
        codes::NO_SUCH_TRACEPOINT,
        codes::NO_SUCH_FUNCTION,
        codes::NO_MATCH,
        codes::PROBE_NOT_HERE,
        codes::NO_SUCH_FILE,
        codes::NO_SUCH_SYMBOL,
        codes::NO_SUCH_USDT,
    ];
    if !is_missing.contains(&diagnostic.code) {
        return Some(diagnostic);
    }
    match settings.missing_probes {
        Missing::Error => Some(diagnostic),
        Missing::Warn => {
            diagnostic.severity = Severity::Warning;
            Some(diagnostic)
        }
        Missing::Ignore => None,
    }
}

/// Probes that an error names at most.
const NAMED: usize = 3;

/// A property of the event that the clause asks for.
#[derive(Clone, Debug)]
enum Property {
    Arg(String),
    State(String),
    Decoded(String),
    Position(u8),
    Retval,
    Call(CallProperty, &'static str),
}

impl Property {
    fn of(&self, view: &dyn View, facts: &dyn Facts) -> Result<Offer, Lack> {
        match self {
            Property::Arg(name) => view.arg(name, facts),
            Property::State(name) => view.state(name, facts),
            Property::Decoded(name) => view.decoded(name),
            Property::Position(n) => view.position(*n, facts),
            Property::Retval => view.retval(facts),
            Property::Call(property, _) => view.call(*property),
        }
    }

    fn text(&self) -> String {
        match self {
            Property::Arg(name) => format!("args.{name}"),
            Property::State(name) => format!("state(args.{name})"),
            Property::Decoded(name) => format!("decode(args.{name})"),
            Property::Position(n) => format!("arg{n}"),
            Property::Retval => "retval".to_owned(),
            Property::Call(_, name) => (*name).to_owned(),
        }
    }
}

/// The name of a property that only system calls have.
pub fn call_property(name: &str) -> Option<(CallProperty, &'static str)> {
    Some(match name {
        "errno" => (CallProperty::Errno, "errno"),
        "duration" => (CallProperty::Duration, "duration"),
        "name" => (CallProperty::Name, "name"),
        "nr" => (CallProperty::Number, "nr"),
        "abi" => (CallProperty::Abi, "abi"),
        "call" => (CallProperty::Whole, "call"),
        _ => return None,
    })
}

fn properties(uses: &Uses) -> Vec<(Property, Span)> {
    let args = uses
        .args
        .iter()
        .map(|(name, span)| (Property::Arg(name.clone()), *span));
    let named = |names: &BTreeMap<String, Span>, property: fn(String) -> Property| {
        let of = |(name, span): (&String, &Span)| (property(name.clone()), *span);
        names.iter().map(of).collect::<Vec<_>>()
    };
    let states = named(&uses.states, Property::State);
    let decoded = named(&uses.decoded, Property::Decoded);
    let positions = uses
        .positions
        .iter()
        .map(|(n, span)| (Property::Position(*n), *span));
    let names = uses.names.iter().filter_map(|(name, span)| {
        let property = match name.as_str() {
            "retval" => Property::Retval,
            other => {
                let (property, name) = call_property(other)?;
                Property::Call(property, name)
            }
        };
        Some((property, *span))
    });
    args.chain(states)
        .chain(decoded)
        .chain(positions)
        .chain(names)
        .collect()
}

/// Drops targets that lack a property, with one diagnostic a property.
fn without_lacks(
    targets: Vec<Target>,
    asked: &[(Property, Span)],
    facts: &dyn Facts,
    notes: &mut Vec<Diagnostic>,
) -> Vec<Target> {
    let mut lacking = vec![false; targets.len()];
    for (property, span) in asked {
        let mut first: Option<Lack> = None;
        let mut without = Vec::new();
        for (at, target) in targets.iter().enumerate() {
            if let Err(lack) = property.of(&*target.view, facts) {
                lacking[at] = true;
                without.push(target);
                first.get_or_insert(lack);
            }
        }
        if let Some(lack) = first {
            let all = without.len() == targets.len();
            notes.push(explain(property, *span, lack, &without, all, facts));
        }
    }
    let mut lacking = lacking.into_iter();
    let mut targets = targets;
    targets.retain(|_| !lacking.next().unwrap_or(false));
    targets
}

/// Why `without` do not have the property; `all`: none of the clause's probes has.
fn explain(
    property: &Property,
    span: Span,
    lack: Lack,
    without: &[&Target],
    all: bool,
    facts: &dyn Facts,
) -> Diagnostic {
    let text = property.text();
    let (which, has) = these(without);
    match lack {
        Lack::Because(code, message, help) => {
            let diagnostic = Diagnostic::error(code, span, message);
            help.into_iter().fold(diagnostic, Diagnostic::help)
        }
        Lack::NotHere | Lack::Silent => {
            let message = format!("{which} {has} no `{text}`");
            let diagnostic = Diagnostic::error(codes::NOT_IN_THIS_PROBE, span, message);
            match property {
                Property::Call(..) | Property::State(_) | Property::Decoded(_) => {
                    diagnostic.help(format!("`{text}` belongs to `syscall` probes"))
                }
                _ => diagnostic,
            }
        }
        Lack::NoSuchArg => {
            let text = match property {
                Property::State(name) | Property::Decoded(name) => format!("args.{name}"),
                _ => text,
            };
            let message = format!("{which} {has} no argument `{text}`");
            let diagnostic = Diagnostic::error(codes::NO_SUCH_ARGUMENT, span, message);
            with_arguments(diagnostic, property, without, all, facts)
        }
    }
}

/// Targets as the subject of a sentence, and its verb.
fn these(targets: &[&Target]) -> (String, &'static str) {
    let mut names: Vec<String> = targets.iter().map(|t| t.view.name()).collect();
    names.dedup();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.as_slice() {
        [only] => (format!("`{only}`"), "has"),
        names if names.len() <= NAMED => (quoted(names, "and"), "have"),
        names => {
            let listed = names[..NAMED].join("`, `");
            (
                format!("`{listed}` and {} others", names.len() - NAMED),
                "have",
            )
        }
    }
}

fn with_arguments(
    mut diagnostic: Diagnostic,
    property: &Property,
    without: &[&Target],
    all: bool,
    facts: &dyn Facts,
) -> Diagnostic {
    let known = without
        .first()
        .map_or_else(Vec::new, |t| t.view.arg_names(facts));
    if let Property::Arg(name) | Property::State(name) | Property::Decoded(name) = property {
        let near = did_you_mean(name, known.iter().map(String::as_str));
        diagnostic.help.extend(near);
    }
    if let Property::Position(_) = property {
        diagnostic =
            diagnostic.help("numbered arguments begin with arg0; a probe has at most a few");
    } else if diagnostic.help.is_empty() && !known.is_empty() && all {
        diagnostic = diagnostic.help(format!("it has {}", known.join(", ")));
    }
    match all {
        true => diagnostic,
        false => diagnostic.help("other probes of the clause have it: write two clauses"),
    }
}

/// Targets whose properties are the same expressions share an IR clause, in order of their first.
fn group(targets: Vec<Target>, asked: &[(Property, Span)], facts: &dyn Facts) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut meanings: Vec<(Family, Option<String>, Vec<Offer>)> = Vec::new();
    for target in targets {
        let offers = asked
            .iter()
            .filter_map(|(p, _)| p.of(&*target.view, facts).ok());
        let view = &target.view;
        let meaning = (view.family(), view.context(), offers.collect());
        match meanings.iter().position(|m| *m == meaning) {
            Some(at) => add(&mut groups[at].probes, target.probe),
            None => {
                meanings.push(meaning);
                groups.push(Group {
                    probes: vec![target.probe],
                    view: target.view,
                });
            }
        }
    }
    for group in &mut groups {
        group.probes.iter_mut().for_each(sort_calls);
    }
    groups
}

/// Adds a hook; system calls of one phase are one probe.
fn add(probes: &mut Vec<Probe>, probe: Probe) {
    if let Probe::Syscall { calls, phase } = &probe {
        let phase = *phase;
        let same = probes.iter_mut().find_map(|p| match p {
            Probe::Syscall { calls, phase: p } if *p == phase => Some(calls),
            _ => None,
        });
        if let Some(set) = same {
            merge(set, calls);
            return;
        }
    }
    if !probes.contains(&probe) {
        probes.push(probe);
    }
}

fn merge(set: &mut SyscallSet, more: &SyscallSet) {
    set.calls.extend_from_slice(&more.calls);
    set.unknown |= more.unknown;
}

fn sort_calls(probe: &mut Probe) {
    if let Probe::Syscall { calls, .. } = probe {
        calls.calls.sort_unstable();
        calls.calls.dedup();
    }
}

/// Takes calls of 32-bit programs out of a probe; says whether anything is left.
fn keep_native(probe: &mut Probe) -> bool {
    let Probe::Syscall { calls, .. } = probe else {
        return true;
    };
    calls.calls.retain(|(abi, _)| *abi == Abi::Native);
    calls.unknown || !calls.calls.is_empty()
}

impl Pass<'_> {
    /// A struct in user memory was read by its native layout: 32-bit calls would be read wrongly.
    fn native_only(&mut self, probes: &[Probe], name: &str, span: Span) -> Vec<Probe> {
        let mut native = probes.to_vec();
        native.retain_mut(keep_native);
        if native != probes {
            let message = format!(
                "calls of 32-bit programs are left out: `{name}` lies otherwise in their memory"
            );
            let mut warning = Diagnostic::error(codes::NATIVE_LAYOUT, span, message);
            warning.severity = Severity::Warning;
            self.say(warning);
        }
        native
    }

    /// What must hold for the clause to run: that the probe has fired, and what the script says.
    fn predicate(&mut self, clause: &ast::Clause) -> Option<ir::Expr> {
        let written = clause.predicate.as_ref().and_then(|p| self.condition(p));
        let guard = self.scope.view.guard(self.facts);
        let guard = guard.map(|mut guard| {
            self.settle(&mut guard, clause.span);
            guard
        });
        match (guard, written) {
            (Some(guard), Some(written)) => Some(and(guard, written)),
            (guard, written) => guard.or(written),
        }
    }

    /// Makes the IR clauses of a clause.
    pub fn clause(&mut self, resolved: &Resolved) {
        for group in &resolved.groups {
            self.scope = Scope {
                clause: self.program.clauses.len(),
                view: Rc::clone(&group.view),
                vars: Vec::new(),
                blocks: vec![Vec::new()],
                ended: Vec::new(),
                loops: 0,
                native_layout: None,
            };
            let clause = resolved.clause;
            let predicate = self.predicate(clause);
            let body = self.block(&clause.body);
            let vars = std::mem::take(&mut self.scope.vars);
            let probes = match self.scope.native_layout.take() {
                Some((span, name)) => self.native_only(&group.probes, &name, span),
                None => group.probes.clone(),
            };
            self.program.clauses.push(ir::Clause {
                probes,
                predicate,
                body,
                vars,
                span: clause.span,
            });
        }
    }
}
