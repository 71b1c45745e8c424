//! A plan as text for people: what runs where and why, what is kept, what is sent, what memory is bound.
//!
//! In: a plan. Out: text, in sections; nothing in it depends on the machine that prints it. Never decides
//! anything, and never leaves out a program.

mod expr;
mod memory;
mod names;

use super::{At, Capture, CaptureId, Hook, Part, Plan, Program, Role};
use crate::diag::depth::with_stack;
use crate::ir::{Clause, EmitKind, Expr, MapValue, Rate, Stmt, StmtKind, SyscallSet, walk};
use names::Names;
use std::fmt::{self, Display, Write};

/// The plan as text.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    let written = with_stack(|| write_all(plan, &mut out));
    written.expect("writing to a string does not fail");
    out
}

fn write_all(plan: &Plan, out: &mut String) -> fmt::Result {
    writeln!(out, "programs")?;
    for program in &plan.programs {
        write_program(plan, program, out)?;
    }
    if !plan.session_maps.is_empty() {
        writeln!(out, "\nmaps")?;
        for at in 0..plan.session_maps.len() {
            write_map(plan, at, out)?;
        }
    }
    if !plan.records.is_empty() {
        writeln!(out, "\nrecords")?;
        let sent = names::sent(&plan.ir);
        for at in (0..plan.records.len()).filter(|at| sent[*at]) {
            write_record(plan, at, out)?;
        }
    }
    writeln!(out, "\nmemory")?;
    memory::write(plan, out)?;
    if plan.streams {
        writeln!(
            out,
            "\nSomething is printed for each event: the terminal's own processes are not traced."
        )?;
    }
    Ok(())
}

fn write_program(plan: &Plan, program: &Program, out: &mut String) -> fmt::Result {
    writeln!(out, "  {}: {}", program.name, mechanism(&program.hook))?;
    write_gate(plan, program, out)?;
    for part in &program.parts {
        write_part(plan, program, part, out)?;
    }
    Ok(())
}

/// What is asked before anything else.
fn write_gate(plan: &Plan, program: &Program, out: &mut String) -> fmt::Result {
    let (true, Some(syscalls), Some(part)) = (
        program.hook.is_of_calls(),
        &plan.syscalls,
        program.parts.first(),
    ) else {
        return Ok(());
    };
    let names = Names::new(&plan.ir, &plan.ir.clauses[part.clause.0 as usize], None);
    for conjunct in &syscalls.gate {
        writeln!(out, "    first     {}", expr::text(conjunct, &names))?;
    }
    Ok(())
}

/// How a program comes to run.
fn mechanism(hook: &Hook) -> String {
    match hook {
        Hook::SysEnter => "raw tracepoint sys_enter, one program for all system calls".to_owned(),
        Hook::SysExit => "raw tracepoint sys_exit, one program for all system calls".to_owned(),
        Hook::SysLeave => {
            "raw tracepoint sched_process_exit: calls that never return are seen when \
            the task ends, so other calls' entries stay free"
                .to_owned()
        }
        Hook::SysExec => "raw tracepoint sched_prepare_exec: execves that cannot fail any more, so other calls' entries stay free".to_owned(),
        Hook::RawTracepoint(name) => format!("raw tracepoint {name}"),
        Hook::Tracepoints(places) => several("tracepoint", places),
        Hook::Functions { mechanism, places } => several(mechanism.name(), places),
        Hook::UserPlaces { returns, places } => {
            several(if *returns { "uretprobe" } else { "uprobe" }, places)
        }
        Hook::Profile { rate } => match rate {
            Rate::Hertz(times) => format!("a timer on each CPU, {times} times a second"),
            Rate::Period(ns) => format!("a timer on each CPU, every {}", period(*ns)),
        },
        Hook::Watchpoint {
            address,
            length,
            access,
        } => format!(
            "{length} bytes at {address:#x} on each CPU, by a register of it ({})",
            access.letters()
        ),
        Hook::Counter { counter, every } => format!(
            "the {} counter {} on each CPU, every {every}",
            counter.source.name(),
            counter.name
        ),
        Hook::Begin => "run once by the tracer, before anything is attached".to_owned(),
        Hook::End => "run once by the tracer, after everything has stopped".to_owned(),
        Hook::Interval { period_ns } => {
            format!("run by the tracer every {}", period(*period_ns))
        }
        Hook::Signal { name, .. } => format!("run by the tracer at each {name} that it gets"),
        Hook::Iterator(name) => format!("run by the kernel for each `{name}`, once"),
    }
}

/// The places of a program; the first ones when there are many.
fn several<T: Display>(mechanism: &str, places: &[At<T>]) -> String {
    const NAMED: usize = 4;
    let named = places.iter().take(NAMED).map(|at| at.place.to_string());
    let mut text = format!("{mechanism} {}", named.collect::<Vec<_>>().join(", "));
    if places.len() > NAMED {
        text.push_str(&format!(" and {} more", places.len() - NAMED));
    }
    if places.len() > 1 {
        text.push_str(", one program for all");
    }
    text
}

fn period(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    let unit = units.iter().find(|(size, _)| ns.is_multiple_of(*size));
    let (size, name) = unit.unwrap_or(&(1, "ns"));
    format!("{} {name}", ns / size)
}

fn write_part(plan: &Plan, program: &Program, part: &Part, out: &mut String) -> fmt::Result {
    let clause = &plan.ir.clauses[part.clause.0 as usize];
    let calls = wanted(plan, part);
    let names = Names::new(&plan.ir, clause, calls);
    write!(
        out,
        "    clause {}",
        names::clause_number(&plan.ir, part.clause)
    )?;
    if let Some(calls) = calls {
        write!(out, ": {}", names::calls(calls))?;
    }
    writeln!(out)?;
    match &part.role {
        Role::Capture {
            predicate,
            captures,
        } => write_entry_half(plan, part, &names, predicate, captures, out),
        Role::Again { .. } => writeln!(
            out,
            "      again   what could not be read at entry, before the old program's memory is gone"
        ),
        Role::Run {
            predicate,
            captures,
            body,
            ..
        } => {
            write_conjuncts("when", predicate, &names, out)?;
            if program.hook == Hook::SysExit {
                write_entry_use(plan, part, clause, &names, captures, out)?;
            }
            write_tails(plan, body, &names, out)
        }
    }
}

/// What is left to user space, and what it gets from the kernel.
fn write_tails(plan: &Plan, body: &[Stmt], names: &Names<'_>, out: &mut String) -> fmt::Result {
    let mut taken = Vec::new();
    walk::visit_stmts(body, &mut |stmt| {
        if let StmtKind::Emit { id, args } = &stmt.kind
            && matches!(plan.ir.emits[id.0 as usize].kind, EmitKind::Tail(_))
        {
            let texts = args.iter().map(|arg| expr::text(&arg.value, names));
            taken.push(texts.collect::<Vec<_>>().join(", "));
        }
    });
    for what in taken {
        let with = if what.is_empty() { "nothing" } else { &what };
        writeln!(out, "      then    the rest in user space, with {with}")?;
    }
    Ok(())
}

fn wanted<'p>(plan: &'p Plan, part: &Part) -> Option<&'p SyscallSet> {
    let bit = usize::from(part.mask_bit?);
    plan.syscalls.as_ref()?.wants.get(bit)
}

fn write_entry_half(
    plan: &Plan,
    part: &Part,
    names: &Names<'_>,
    predicate: &[Expr],
    captures: &[CaptureId],
    out: &mut String,
) -> fmt::Result {
    let syscalls = plan.syscalls.as_ref().expect("an entry half has a plan");
    if is_marker(plan, part) {
        return writeln!(
            out,
            "      keeps   which execve it is: a successful one shows another number at exit"
        );
    }
    write_conjuncts("when", predicate, names, out)?;
    let time = if syscalls.needs_time {
        "the time"
    } else {
        "that it was seen"
    };
    writeln!(out, "      keeps   {time}")?;
    for capture in captures.iter().map(|c| &syscalls.captures[c.0 as usize]) {
        writeln!(out, "      keeps   {}", captured(capture, names))?;
    }
    Ok(())
}

fn captured(capture: &Capture, names: &Names<'_>) -> String {
    let text = expr::text(&capture.expr, names);
    format!("{text} ({} bytes)", super::captures::size(&capture.expr))
}

/// What the exit takes from the entry, or why it needs none.
fn write_entry_use(
    plan: &Plan,
    part: &Part,
    clause: &Clause,
    names: &Names<'_>,
    captures: &[CaptureId],
    out: &mut String,
) -> fmt::Result {
    let syscalls = plan.syscalls.as_ref().expect("a syscall part has a plan");
    let has_entry = part
        .mask_bit
        .is_some_and(|b| syscalls.enter_bits >> b & 1 != 0);
    if !has_entry {
        let needed = if keeps_call(plan, part) {
            "only which execve it is: a successful one shows another number"
        } else {
            "not needed: what is asked for is still known at exit"
        };
        return writeln!(out, "      entry   {needed}");
    }
    if names::uses_time(clause) {
        writeln!(out, "      entry   its time, for the duration")?;
    }
    for capture in captures.iter().map(|c| &syscalls.captures[c.0 as usize]) {
        let why = if names::is_register(&capture.expr) {
            "its register holds something else at the exit"
        } else {
            "memory may have changed by the exit; read again when its page was absent"
        };
        let text = expr::text(&capture.expr, names);
        writeln!(out, "      entry   {text}: {why}")?;
    }
    Ok(())
}

/// Whether some other part's entry keeps calls that this one runs for: the identity of execves.
fn keeps_call(plan: &Plan, part: &Part) -> bool {
    let entries = plan.programs.iter();
    let entries = entries.filter(|p| p.hook.is_of_calls() && p.hook != Hook::SysExit);
    let keepers = entries.flat_map(|p| &p.parts);
    let own = wanted(plan, part);
    keepers
        .filter(|p| is_marker(plan, p))
        .any(|p| own.zip(wanted(plan, p)).is_some_and(|(a, b)| a.meets(b)))
}

/// See [`Part::keeps_identity`].
fn is_marker(plan: &Plan, part: &Part) -> bool {
    let syscalls = plan.syscalls.as_ref();
    syscalls.is_some_and(|syscalls| part.keeps_identity(syscalls))
}

fn write_conjuncts(
    label: &str,
    conjuncts: &[Expr],
    names: &Names<'_>,
    out: &mut String,
) -> fmt::Result {
    if conjuncts.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = conjuncts.iter().map(|c| expr::text(c, names)).collect();
    writeln!(out, "      {label:<7} {}", texts.join(", then "))
}

fn write_map(plan: &Plan, at: usize, out: &mut String) -> fmt::Result {
    let (kept, declared) = (&plan.session_maps[at], &plan.ir.maps[at]);
    let holds = match &declared.value {
        MapValue::Plain(ty) => ty.to_string(),
        MapValue::Agg(kind) => format!("{} of {} bytes", kind.name(), kind.size()),
    };
    if kept.user {
        let keys = plan.ir.max_map_keys;
        let name = &declared.name;
        return writeln!(
            out,
            "  @{name}: {holds}, kept in user space; up to {keys} keys"
        );
    }
    let is_aggregation = matches!(declared.value, MapValue::Agg(_));
    let place = if is_aggregation {
        "on each CPU, merged when printed"
    } else {
        "shared by all CPUs"
    };
    write!(out, "  @{}: {holds}, {place}", declared.name)?;
    if kept.key_size > 0 {
        let keys = declared.entries(&plan.ir);
        write!(out, "; up to {keys} keys of {} bytes", kept.key_size)?;
    }
    if is_aggregation && kept.atomic {
        write!(out, "; updated atomically: its probes can meet on one CPU")?;
    }
    if kept.cleared {
        let generations = tracer_ebpf::GENERATIONS;
        write!(
            out,
            "; {generations} generations: clearing it switches to an empty one"
        )?;
    }
    writeln!(out)
}

fn write_record(plan: &Plan, at: usize, out: &mut String) -> fmt::Result {
    let (layout, emit) = (&plan.records[at], &plan.ir.emits[at]);
    let header = size_of::<tracer_ebpf::RecordHeader>() as u32;
    let ring = if layout.control { "control" } else { "main" };
    let smallest = header + layout.fixed_size;
    let largest = header + layout.max_size;
    write!(out, "  {}: ", names::emit(&emit.kind, &plan.ir))?;
    if smallest == largest {
        write!(out, "{smallest} bytes")?;
    } else {
        write!(out, "{smallest} bytes and its strings, at most {largest}")?;
    }
    write!(out, ", {ring} ring")?;
    let types: Vec<String> = emit.args.iter().map(ToString::to_string).collect();
    if !types.is_empty() {
        write!(out, ": {}", types.join(", "))?;
    }
    if layout.has_absent {
        write!(out, "; some can be absent")?;
    }
    writeln!(out)
}
