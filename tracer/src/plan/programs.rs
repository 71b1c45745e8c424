//! Programs: one for each mechanism and set of clauses, attached to all places where just these clauses run, in source order.
//!
//! In: clauses and the parts of the shared syscall programs. Out: [`Program`]s: BEGIN, the syscall pair,
//! events in order of first mention, intervals, END. Never looks into a body.

use super::predicates;
use super::syscalls::Shared;
use super::{
    At, FunctionPlace, Hook, Part, Program, Role, SyscallPlan, TracepointPlace, UserPlace, again,
    within,
};
use crate::facts::Facts;
use crate::ir::{self, ClauseId, Probe};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Plans the programs. Names of probes and functions that the IR's tables lack are added to them.
pub(super) fn plan(
    ir: &mut ir::Program,
    shared: Shared,
    syscalls: Option<&SyscallPlan>,
    facts: &dyn Facts,
) -> Vec<Program> {
    let mut hooks: Vec<(Hook, Vec<Part>)> = Vec::new();
    if !shared.enter.is_empty() {
        let syscalls = syscalls.expect("parts of calls have a plan");
        let again = again::parts(&shared.enter, syscalls, facts);
        hooks.extend(within::hooks(shared.enter, syscalls, facts));
        hooks.extend(again);
    }
    if !shared.exit.is_empty() {
        hooks.push((Hook::SysExit, shared.exit));
    }
    let places = places(ir);
    for group in groups(places) {
        let parts = group
            .firings
            .iter()
            .map(|f| part(ir, f, group.places.len()));
        let parts = parts.collect();
        hooks.push((hook(group.places), parts));
    }
    hooks.sort_by_key(|(hook, _)| rank(hook));
    name_programs(hooks)
}

/// A clause that runs at a place, and what the place is called there.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Firing {
    clause: ClauseId,
    probe_name: u32,
    func_name: Option<u32>,
}

/// Where events come from. Two probes of one place have one program, whatever they are called.
struct Place {
    probe: Probe,
    /// In source order.
    firings: Vec<Firing>,
}

/// Places that one program serves.
struct Group {
    places: Vec<(Probe, u64)>,
    firings: Vec<Firing>,
}

/// All places but those of system calls, in order of first mention.
fn places(ir: &mut ir::Program) -> Vec<Place> {
    let mut names = Interned::of(&ir.probe_names);
    let mut functions = Interned::of(&ir.func_names);
    let mut places: Vec<Place> = Vec::new();
    let mut known: HashMap<Probe, usize> = HashMap::new();
    for (at, clause) in ir.clauses.iter().enumerate() {
        let clause_id = ClauseId(at as u32);
        for probe in &clause.probes {
            if matches!(probe, Probe::Syscall { .. }) {
                continue;
            }
            let place = *known.entry(without_name(probe)).or_insert_with(|| {
                let (probe, firings) = (probe.clone(), Vec::new());
                places.push(Place { probe, firings });
                places.len() - 1
            });
            let firings = &mut places[place].firings;
            // A place that a clause names twice fires it once.
            if firings.last().is_none_or(|f| f.clause != clause_id) {
                firings.push(Firing {
                    clause: clause_id,
                    probe_name: names.index(probe.to_string()),
                    func_name: function(probe).map(|f| functions.index(f.to_owned())),
                });
            }
        }
    }
    ir.probe_names = names.names;
    ir.func_names = functions.names;
    places
}

/// Names by their index.
struct Interned {
    names: Vec<String>,
    known: HashMap<String, u32>,
}

impl Interned {
    fn of(names: &[String]) -> Interned {
        let known = names.iter().cloned().zip(0..).collect();
        Interned {
            names: names.to_vec(),
            known,
        }
    }

    fn index(&mut self, name: String) -> u32 {
        if let Some(index) = self.known.get(&name) {
            return *index;
        }
        let index = self.names.len() as u32;
        self.names.push(name.clone());
        self.known.insert(name, index);
        index
    }
}

/// The probe with what only its name depends on set to one value.
fn without_name(probe: &Probe) -> Probe {
    let mut probe = probe.clone();
    match &mut probe {
        Probe::Function { asked, used, .. } => *asked = *used,
        // Aliases of a function are one place.
        Probe::UserFunction { function, .. } => function.clear(),
        _ => {}
    }
    probe
}

/// What places must have in common to be served by one program: its kind, and the clauses that it runs.
#[derive(PartialEq, Eq, Hash)]
struct Common {
    kind: Kind,
    clauses: Vec<ClauseId>,
}

/// Mechanisms that attach one program to many places and tell it which one fires.
#[derive(PartialEq, Eq, Hash)]
enum Kind {
    Tracepoint,
    Function(ir::Mechanism),
    User { returns: bool },
}

fn groups(places: Vec<Place>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<Common, usize> = HashMap::new();
    for Place { probe, firings } in places {
        let first = &firings[0];
        let place = (probe, super::cookie(first.probe_name, first.func_name));
        match shared(&place.0, &firings) {
            Some(key) => match known.entry(key) {
                Entry::Occupied(at) => groups[*at.get()].places.push(place),
                Entry::Vacant(at) => {
                    at.insert(groups.len());
                    groups.push(Group {
                        places: vec![place],
                        firings,
                    });
                }
            },
            None => groups.push(Group {
                places: vec![place],
                firings,
            }),
        }
    }
    groups
}

/// `None` when the place has a program of its own: the mechanism has one place a program, or the place has one name in
/// one clause and another in the next, and a firing can be told only one.
fn shared(probe: &Probe, firings: &[Firing]) -> Option<Common> {
    let kind = match probe {
        Probe::Tracepoint { .. } => Kind::Tracepoint,
        Probe::Function { used, .. } => Kind::Function(*used),
        Probe::UserFunction { returns, .. } => Kind::User { returns: *returns },
        Probe::Usdt { .. } => Kind::User { returns: false },
        _ => return None,
    };
    let first = &firings[0];
    let one_name = firings
        .iter()
        .all(|f| (f.probe_name, f.func_name) == (first.probe_name, first.func_name));
    one_name.then(|| Common {
        kind,
        clauses: firings.iter().map(|f| f.clause).collect(),
    })
}

fn part(ir: &ir::Program, firing: &Firing, places: usize) -> Part {
    let clause = &ir.clauses[firing.clause.0 as usize];
    let alone = places == 1;
    Part {
        clause: firing.clause,
        mask_bit: None,
        role: Role::Run {
            probe_name: alone.then_some(firing.probe_name),
            func_name: firing.func_name.filter(|_| alone),
            predicate: predicates::conjuncts(clause.predicate.as_ref()),
            body: clause.body.clone(),
            captures: Vec::new(),
        },
    }
}

/// What `func` is.
fn function(probe: &Probe) -> Option<&str> {
    match probe {
        Probe::Function { function, .. } => Some(function),
        // Without the offset.
        Probe::UserFunction { function, .. } => function.split('+').next(),
        Probe::Usdt { name, .. } => Some(name),
        _ => None,
    }
}

/// The hook of probes of one kind, each with what its firing is told. At least one.
fn hook(places: Vec<(Probe, u64)>) -> Hook {
    match places[0].0.clone() {
        Probe::Syscall { .. } => unreachable!("system calls have their shared programs"),
        Probe::Begin => Hook::Begin,
        Probe::End => Hook::End,
        Probe::Interval { period_ns } => Hook::Interval { period_ns },
        Probe::Signal { name, number } => Hook::Signal { name, number },
        Probe::Iterator { name } => Hook::Iterator(name),
        Probe::Profile { rate } => Hook::Profile { rate },
        Probe::Watchpoint {
            address,
            length,
            access,
        } => Hook::Watchpoint {
            address,
            length,
            access,
        },
        Probe::Counter { counter, every } => Hook::Counter { counter, every },
        Probe::RawTracepoint { name } => Hook::RawTracepoint(name),
        Probe::Tracepoint { .. } => Hook::Tracepoints(each(places, tracepoint)),
        Probe::Function { used, .. } => Hook::Functions {
            mechanism: used,
            places: each(places, function_place),
        },
        Probe::UserFunction { returns, .. } => Hook::UserPlaces {
            returns,
            places: each(places, user_place),
        },
        Probe::Usdt { .. } => Hook::UserPlaces {
            returns: false,
            places: each(places, user_place),
        },
    }
}

fn each<T>(places: Vec<(Probe, u64)>, make: fn(Probe) -> Option<T>) -> Vec<At<T>> {
    let at = |(probe, cookie)| {
        Some(At {
            place: make(probe)?,
            cookie,
        })
    };
    places.into_iter().filter_map(at).collect()
}

fn tracepoint(probe: Probe) -> Option<TracepointPlace> {
    match probe {
        Probe::Tracepoint { category, name } => Some(TracepointPlace { category, name }),
        _ => None,
    }
}

fn function_place(probe: Probe) -> Option<FunctionPlace> {
    match probe {
        Probe::Function {
            function,
            module,
            offset,
            ..
        } => Some(FunctionPlace {
            function,
            module,
            offset,
        }),
        _ => None,
    }
}

fn user_place(probe: Probe) -> Option<UserPlace> {
    match probe {
        Probe::UserFunction {
            path, function, at, ..
        } => Some(UserPlace {
            path,
            name: function,
            at,
            semaphore: 0,
        }),
        Probe::Usdt {
            path,
            provider,
            name,
            at,
            semaphore,
        } => Some(UserPlace {
            path,
            name: format!("{provider}:{name}"),
            at,
            semaphore,
        }),
        _ => None,
    }
}

/// Programs stand in this order; a mechanism's own order is that of first mention.
fn rank(hook: &Hook) -> u32 {
    match hook {
        Hook::Begin => 0,
        Hook::SysEnter | Hook::SysLeave | Hook::SysExec => 1,
        Hook::SysExit => 2,
        Hook::Interval { .. } | Hook::Signal { .. } => 4,
        Hook::End => 5,
        _ => 3,
    }
}

fn name_programs(hooks: Vec<(Hook, Vec<Part>)>) -> Vec<Program> {
    let mut programs: Vec<Program> = Vec::with_capacity(hooks.len());
    for (hook, parts) in hooks {
        let stem = stem(&hook);
        let number = programs
            .iter()
            .filter(|p| self::stem(&p.hook) == stem)
            .count();
        let name = if hook.is_of_calls() {
            stem.to_owned()
        } else {
            format!("{stem}_{number}")
        };
        programs.push(Program { name, hook, parts });
    }
    programs
}

fn stem(hook: &Hook) -> &'static str {
    match hook {
        Hook::SysEnter => "sys_enter",
        Hook::SysExit => "sys_exit",
        Hook::SysLeave => "sys_leave",
        Hook::SysExec => "sys_exec",
        Hook::RawTracepoint(_) => "rawtp",
        Hook::Tracepoints(_) => "tp",
        Hook::Functions { mechanism, .. } => mechanism.name(),
        Hook::UserPlaces { returns: false, .. } => "uprobe",
        Hook::UserPlaces { returns: true, .. } => "uretprobe",
        Hook::Profile { .. } => "profile",
        Hook::Watchpoint { .. } => "watchpoint",
        Hook::Counter { counter, .. } => counter.source.name(),
        Hook::Begin => "begin",
        Hook::End => "end",
        Hook::Interval { .. } => "interval",
        Hook::Signal { .. } => "signal",
        Hook::Iterator(_) => "iter",
    }
}
