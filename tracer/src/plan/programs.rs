//! Programs: one for each hook, with the clauses that run there in source order.
//!
//! In: clauses and the parts of the shared syscall programs. Out: [`Program`]s: BEGIN, the syscall pair,
//! events in order of first mention, intervals, END. Never looks into a body.

use super::predicates;
use super::syscalls::Shared;
use super::{Hook, Part, Program, Role};
use crate::facts::Facts;
use crate::ir::{self, Builtin, Clause, ClauseId, ExprKind, Probe, walk};

/// Plans the programs. Names of probes and functions that the IR's tables lack are added to them.
pub(super) fn plan(ir: &mut ir::Program, shared: Shared, facts: &dyn Facts) -> Vec<Program> {
    let mut hooks: Vec<(Hook, Vec<Part>)> = Vec::new();
    if !shared.enter.is_empty() {
        hooks.push((Hook::SysEnter, shared.enter));
    }
    if !shared.exit.is_empty() {
        hooks.push((Hook::SysExit, shared.exit));
    }
    for at in 0..ir.clauses.len() {
        let id = ClauseId(at as u32);
        let probes = ir.clauses[at].probes.clone();
        for probe in &probes {
            let Some(hook) = hook(probe, &ir.clauses[at], facts) else {
                continue;
            };
            let parts = match hooks.iter_mut().position(|(h, _)| *h == hook) {
                Some(at) => &mut hooks[at].1,
                None => {
                    hooks.push((hook, Vec::new()));
                    let last = hooks.len() - 1;
                    &mut hooks[last].1
                }
            };
            // A hook that a clause names twice fires it once.
            if parts.last().is_none_or(|p| p.clause != id) {
                parts.push(part(ir, id, probe));
            }
        }
    }
    hooks.sort_by_key(|(hook, _)| rank(hook));
    name_programs(hooks)
}

fn part(ir: &mut ir::Program, id: ClauseId, probe: &Probe) -> Part {
    let probe_name = intern(&mut ir.probe_names, probe.to_string());
    let func_name = function(probe).map(|f| intern(&mut ir.func_names, f.to_owned()));
    let clause = &ir.clauses[id.0 as usize];
    Part {
        clause: id,
        mask_bit: None,
        role: Role::Run {
            probe_name: Some(probe_name),
            func_name,
            predicate: predicates::conjuncts(clause.predicate.as_ref()),
            body: clause.body.clone(),
            captures: Vec::new(),
        },
    }
}

fn intern(names: &mut Vec<String>, name: String) -> u32 {
    let at = names.iter().position(|n| *n == name);
    at.unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    }) as u32
}

fn function(probe: &Probe) -> Option<&str> {
    match probe {
        Probe::Kprobe { function, .. }
        | Probe::Kretprobe { function }
        | Probe::Fentry { function }
        | Probe::Fexit { function } => Some(function),
        _ => None,
    }
}

/// The hook of a probe; `None` for system calls, which have their shared programs.
fn hook(probe: &Probe, clause: &Clause, facts: &dyn Facts) -> Option<Hook> {
    Some(match probe.clone() {
        Probe::Syscall { .. } => return None,
        Probe::Begin => Hook::Begin,
        Probe::End => Hook::End,
        Probe::Interval { period_ns } => Hook::Interval { period_ns },
        Probe::Profile { rate } => Hook::Profile { rate },
        Probe::Counter { counter, every } => Hook::Counter { counter, every },
        Probe::Tracepoint { category, name } => Hook::Tracepoint { category, name },
        Probe::RawTracepoint { name } => Hook::RawTracepoint(name),
        Probe::Kprobe { function, offset } => Hook::Kprobe { function, offset },
        Probe::Kretprobe { function } => Hook::Kretprobe(function),
        Probe::Fentry { function } => Hook::Fentry(function),
        Probe::Fexit { function } => {
            let args = arguments(&function, clause, facts);
            Hook::Fexit { function, args }
        }
    })
}

/// How many arguments stand before a function's result.
///
/// # Panics
/// When the result is wanted and the kernel does not describe the function: sema has let nobody ask for it.
fn arguments(function: &str, clause: &Clause, facts: &dyn Facts) -> u8 {
    let proto = facts.btf().and_then(|btf| btf.func_named(function));
    let known = proto.is_some() || !uses_result(clause);
    assert!(
        known,
        "the result of {function}, which BTF does not describe"
    );
    proto.map_or(0, |proto| proto.params.len() as u8)
}

fn uses_result(clause: &Clause) -> bool {
    let is_result = |e: &ir::Expr| matches!(e.kind, ExprKind::Builtin(Builtin::Retval));
    let mut uses = clause.predicate.iter().any(|p| p.any(&is_result));
    walk::visit_exprs(&clause.body, &mut |e| uses |= is_result(e));
    uses
}

/// Programs stand in this order; a mechanism's own order is that of first mention.
fn rank(hook: &Hook) -> u32 {
    match hook {
        Hook::Begin => 0,
        Hook::SysEnter => 1,
        Hook::SysExit => 2,
        Hook::Interval { .. } => 4,
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
        let name = if matches!(hook, Hook::SysEnter | Hook::SysExit) {
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
        Hook::RawTracepoint(_) => "rawtp",
        Hook::Tracepoint { .. } => "tp",
        Hook::Kprobe { .. } => "kprobe",
        Hook::Kretprobe(_) => "kretprobe",
        Hook::Fentry(_) => "fentry",
        Hook::Fexit { .. } => "fexit",
        Hook::Profile { .. } => "profile",
        Hook::Counter { counter, .. } => counter.source.name(),
        Hook::Begin => "begin",
        Hook::End => "end",
        Hook::Interval { .. } => "interval",
    }
}
