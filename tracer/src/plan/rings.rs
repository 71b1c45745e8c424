//! Rings: how large the record buffers are.
//!
//! In: what is sent, how often it can be, and the number of CPUs. Out: [`Rings`]. All rings of a kind
//! together keep to a bound whatever the number of CPUs, except that each holds two of the largest records.

use super::{RecordLayout, Rings, UserHalf, limits};
use crate::ir::{self, Clause, EmitKind, StmtKind, walk};
use tracer_ebpf::RecordHeader;

/// The smallest ring: a page.
const PAGE_BYTES: u32 = 4096;
/// A CPU's main ring when each event can send.
const STREAMING_BYTES: u32 = 4 << 20;
/// A CPU's main ring when only BEGIN, END and intervals send.
const OCCASIONAL_BYTES: u32 = 64 << 10;
/// A CPU's control ring; when an event can send to it, and else.
const CONTROL_BYTES: (u32, u32) = (64 << 10, 16 << 10);

/// Chooses the sizes.
pub(super) fn choose(ir: &ir::Program, records: &[RecordLayout], cpus: u32) -> Rings {
    let sent = |control: bool| records.iter().filter(move |r| r.control == control);
    let by_event = |control: bool| {
        sends_by_event(ir, &|id: ir::EmitId| {
            records[id.0 as usize].control == control
        })
    };
    let main_bytes = if by_event(false) {
        bounded(STREAMING_BYTES, limits::MAIN_RINGS_BYTES, cpus)
    } else if sent(false).next().is_some() {
        bounded(OCCASIONAL_BYTES, limits::MAIN_RINGS_BYTES, cpus)
    } else {
        PAGE_BYTES
    };
    let control_bytes = if by_event(true) {
        CONTROL_BYTES.0
    } else {
        CONTROL_BYTES.1
    };
    Rings {
        main_bytes: main_bytes.max(two_of_largest(sent(false))),
        control_bytes: bounded(control_bytes, limits::CONTROL_RINGS_BYTES, cpus)
            .max(two_of_largest(sent(true))),
    }
}

/// The largest power of two that is at most `wanted`, and keeps `cpus` rings within `total`.
fn bounded(wanted: u32, total: u32, cpus: u32) -> u32 {
    let share = (total / cpus.max(1)).max(PAGE_BYTES);
    wanted.min(1 << share.ilog2())
}

fn two_of_largest<'a>(records: impl Iterator<Item = &'a RecordLayout>) -> u32 {
    let largest = records
        .map(|r| r.max_size + r.call_bytes)
        .max()
        .unwrap_or(0);
    let with_header = largest + size_of::<RecordHeader>() as u32;
    (2 * with_header).next_power_of_two().max(PAGE_BYTES)
}

/// Whether something is printed for each event.
pub(super) fn streams(ir: &ir::Program, user: Option<&UserHalf>) -> bool {
    let prints = |id: ir::EmitId| {
        !matches!(
            ir.emits[id.0 as usize].kind,
            EmitKind::Exit
                | EmitKind::Clear(_)
                | EmitKind::Zero(_)
                | EmitKind::Verdict { .. }
                | EmitKind::Tail(_)
        )
    };
    let in_user_space = user.map(|half| &half.program);
    let halves = [Some(ir), in_user_space].into_iter().flatten();
    halves.into_iter().any(|half| sends_by_event(half, &prints))
}

/// Whether an event can send a record that is meant. Statements that switch maps or end the run send one of
/// their own.
fn sends_by_event(ir: &ir::Program, is_meant: &dyn Fn(ir::EmitId) -> bool) -> bool {
    let is_sent = |kind: &EmitKind| {
        let emits = ir.emits.iter().enumerate();
        emits
            .filter(|(_, emit)| emit.kind == *kind)
            .any(|(at, _)| is_meant(ir::EmitId(at as u32)))
    };
    let mut sends = false;
    for clause in ir.clauses.iter().filter(|c| is_on_event(c)) {
        walk::visit_stmts(&clause.body, &mut |stmt| {
            sends |= match stmt.kind {
                StmtKind::Emit { id, .. } => is_meant(id),
                StmtKind::Clear(map) => is_sent(&EmitKind::Clear(map)),
                StmtKind::Zero(map) => is_sent(&EmitKind::Zero(map)),
                _ => false,
            };
        });
    }
    sends
}

fn is_on_event(clause: &Clause) -> bool {
    clause.probes.iter().any(|probe| !probe.is_own())
}
