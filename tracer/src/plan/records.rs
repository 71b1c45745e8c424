//! Records: where each argument of an emit lies in its record.
//!
//! In: the program's emits. Out: [`RecordLayout`]s. Never knows how a record is built or read.

use super::whole_calls::Steps;
use super::{CallPlan, RecordLayout, SyscallPlan, limits};
use crate::diag::{Diagnostic, codes};
use crate::ir::{self, CallOptions, Emit, EmitId, EmitKind, Probe, StmtKind, walk};
use crate::types::Type;
use tracer_ebpf::RecordHeader;

/// Lays out the record of each emit, in order of [`EmitId`].
pub(super) fn plan(ir: &ir::Program, found: &mut Vec<Diagnostic>) -> Vec<RecordLayout> {
    let has_absent = with_absent_arguments(ir);
    let of_lifecycle = of_lifecycle(ir);
    ir.emits
        .iter()
        .enumerate()
        .map(|(at, emit)| {
            let id = EmitId(at as u32);
            let mut layout = layout(id, emit, has_absent[at], ir.call);
            layout.control |= of_lifecycle[at];
            check(emit, &layout, found);
            layout
        })
        .collect()
}

fn with_absent_arguments(ir: &ir::Program) -> Vec<bool> {
    let mut has_absent = vec![false; ir.emits.len()];
    for clause in &ir.clauses {
        walk::visit_stmts(&clause.body, &mut |stmt| {
            if let StmtKind::Emit { id, args } = &stmt.kind {
                has_absent[id.0 as usize] |= args.iter().any(|a| a.present.is_some());
            }
        });
    }
    has_absent
}

/// Hooks that tell of processes: how they begin, what they become, and how they end.
const LIFECYCLE: [&str; 4] = [
    "sched_process_fork",
    "sched_process_exec",
    "sched_process_exit",
    "signal_deliver",
];

/// Emits that only clauses about processes send: no flood of other records takes their room.
fn of_lifecycle(ir: &ir::Program) -> Vec<bool> {
    let mut sent = vec![None; ir.emits.len()];
    for clause in &ir.clauses {
        let here = clause.probes.iter().all(is_lifecycle);
        walk::visit_stmts(&clause.body, &mut |stmt| {
            if let StmtKind::Emit { id, .. } = &stmt.kind {
                let before = &mut sent[id.0 as usize];
                *before = Some(before.unwrap_or(true) && here);
            }
        });
    }
    sent.into_iter().map(|all| all == Some(true)).collect()
}

fn is_lifecycle(probe: &Probe) -> bool {
    match probe {
        Probe::Tracepoint { name, .. } | Probe::RawTracepoint { name } => {
            LIFECYCLE.contains(&name.as_str())
        }
        _ => false,
    }
}

/// Room for the calls that these records hold, and what they hold.
pub(super) fn call(
    records: &[RecordLayout],
    ir: &ir::Program,
    syscalls: &SyscallPlan,
) -> Option<CallPlan> {
    let with_call = || records.iter().filter(|r| r.call_bytes > 0);
    let front = with_call().map(|r| r.max_size).max()?;
    let call = with_call().map(|r| r.call_bytes).max()?;
    Some(CallPlan {
        front_bytes: front + size_of::<RecordHeader>() as u32,
        call_bytes: call,
        steps: Steps::of(syscalls.sent_whole.calls.iter().copied(), ir.call),
    })
}

fn layout(id: EmitId, emit: &Emit, has_absent: bool, options: CallOptions) -> RecordLayout {
    let control = is_control(&emit.kind);
    if is_about_map(&emit.kind) {
        return RecordLayout {
            id,
            has_absent: false,
            args: Vec::new(),
            fixed_size: 8,
            max_size: 8,
            call_bytes: 0,
            control,
        };
    }
    let mut at = if has_absent { 8 } else { 0 };
    let mut strings = 0;
    let mut args = Vec::with_capacity(emit.args.len());
    for ty in &emit.args {
        args.push((ty.clone(), at));
        at += match ty {
            Type::Str { .. } | Type::Bytes { .. } => 8,
            _ => ty.size(),
        };
        strings += match ty {
            Type::Str { .. } => ty.size(),
            Type::Bytes { cap } => cap.next_multiple_of(8),
            _ => 0,
        };
    }
    RecordLayout {
        id,
        has_absent,
        args,
        fixed_size: at,
        max_size: at + strings,
        call_bytes: match emit.args.contains(&Type::Call) {
            true => limits::CALL_BYTES + options.max_bytes.next_multiple_of(8),
            false => 0,
        },
        control,
    }
}

fn is_control(kind: &EmitKind) -> bool {
    !matches!(
        kind,
        EmitKind::Printf(_)
            | EmitKind::PrintValue
            | EmitKind::Call
            | EmitKind::Verdict { .. }
            | EmitKind::Tail(_)
    )
}

/// Carries the map's generation and nothing else.
fn is_about_map(kind: &EmitKind) -> bool {
    matches!(
        kind,
        EmitKind::PrintMap { .. } | EmitKind::Clear(_) | EmitKind::Zero(_)
    )
}

fn check(emit: &Emit, layout: &RecordLayout, found: &mut Vec<Diagnostic>) {
    let size = layout.max_size + size_of::<RecordHeader>() as u32;
    if size > limits::RECORD_BYTES {
        let what = format!(
            "what this sends takes up to {size} bytes, at most {} fit",
            limits::RECORD_BYTES
        );
        found.push(
            Diagnostic::error(codes::RECORD_TOO_LARGE, emit.span, what)
                .help("cut the strings, e.g. str(x, 64), or use two statements"),
        );
    }
    if layout.args.len() > limits::RECORD_ARGS {
        let what = format!(
            "this sends {} values, at most {} fit one record",
            layout.args.len(),
            limits::RECORD_ARGS
        );
        found.push(
            Diagnostic::error(codes::TOO_MANY_ARGUMENTS, emit.span, what)
                .help("use two statements"),
        );
    }
}
