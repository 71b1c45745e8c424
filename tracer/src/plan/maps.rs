//! Maps: how each script map is kept, and every kernel map a run may need, with its exact size.
//!
//! In: the script's maps, the planned programs, the sizes of rings and entry state. Out: [`SessionMap`]s and
//! [`MapSpec`]s. The linker drops those that no instruction refers to. Never creates one.

use super::{
    CallPlan, MapKind, MapSpec, Program, Rings, Role, SessionMap, SyscallPlan, UserHalf, limits,
};
use crate::diag::{Diagnostic, codes};
use crate::facts::{Facts, Feature, Support};
use crate::ir::{self, Builtin, ExprKind, MapId, MapValue, StmtKind, walk};
use crate::types::AggKind;
use std::collections::BTreeSet;
use tracer_ebpf::{
    ABIS, CALL_SPILLS, CallOp, CallSteps, Control, CpuStats, FRAMES_PER_CPU, GENERATIONS,
    Generation, KernelOffsets, PatternRow, SYSCALL_ROWS, TREE_MAX, map,
};

/// `BPF_F_NO_PREALLOC` of include/uapi/linux/bpf.h.
pub const BPF_F_NO_PREALLOC: u32 = 1;

/// Entries from this size on are made in advance when the script says how many there are: the kernel keeps only a handful of
/// free ones of that size for each CPU (`bpf_mem_alloc`), and many new keys within a millisecond would be dropped.
const LARGE_BYTES: u32 = 256;

/// Characters of a map's name that the kernel keeps: `BPF_OBJ_NAME_LEN` less the NUL.
const NAME_CHARS: usize = 15;

/// How each script map is kept, in order of [`MapId`].
pub(super) fn session(
    ir: &ir::Program,
    programs: &[Program],
    user: Option<&UserHalf>,
    found: &mut Vec<Diagnostic>,
) -> Vec<SessionMap> {
    for program in programs {
        check_number(ir, program, found);
    }
    let cleared = cleared(ir);
    let nested = updated_where_writers_nest(programs);
    ir.maps
        .iter()
        .enumerate()
        .map(|(at, map)| {
            let id = MapId(at as u32);
            let kept = SessionMap {
                map: id,
                spec: spec_name(at, &map.name),
                user: user.is_some_and(|half| half.owns(id)),
                cleared: cleared.contains(&id),
                atomic: matches!(map.value, MapValue::Plain(_)) || nested.contains(&id),
                key_size: map.key.iter().map(crate::types::Type::size).sum(),
                value_size: match &map.value {
                    MapValue::Plain(ty) => ty.size(),
                    MapValue::Agg(kind) => kind.size(),
                },
            };
            if !kept.user {
                check(map, &kept, found);
            }
            kept
        })
        .collect()
}

fn check(map: &ir::Map, kept: &SessionMap, found: &mut Vec<Diagnostic>) {
    if kept.key_size > limits::KEY_BYTES {
        let what = format!(
            "the key of @{} takes {} bytes, at most {} fit",
            map.name,
            kept.key_size,
            limits::KEY_BYTES
        );
        found.push(
            Diagnostic::error(codes::KEY_TOO_LARGE, map.span, what)
                .help("cut the strings in it, e.g. str(x, 64)"),
        );
    }
    let (limit, help) = match &map.value {
        MapValue::Agg(AggKind::Hist(_)) => (
            limits::PERCPU_VALUE_BYTES,
            "use fewer buckets: a larger step or a smaller range",
        ),
        MapValue::Agg(AggKind::Series(_)) => (limits::PERCPU_VALUE_BYTES, "keep fewer intervals"),
        MapValue::Agg(_) => (limits::PERCPU_VALUE_BYTES, "keep less in one key"),
        MapValue::Plain(_) => (
            limits::PLAIN_VALUE_BYTES,
            "cut the strings in it, e.g. str(x, 64)",
        ),
    };
    if kept.value_size > limit {
        let what = format!(
            "a value of @{} takes {} bytes, at most {limit} fit",
            map.name, kept.value_size
        );
        found.push(Diagnostic::error(codes::VALUE_TOO_LARGE, map.span, what).help(help));
    }
}

/// The kernel bounds the maps that one program refers to.
fn check_number(ir: &ir::Program, program: &Program, found: &mut Vec<Diagnostic>) {
    let used = referred_to(program);
    let Some(first_beyond) = used.iter().nth(limits::PROGRAM_MAPS) else {
        return;
    };
    let what = format!(
        "{} maps are used in one program (`{}`), at most {} fit",
        used.len(),
        program.name,
        limits::PROGRAM_MAPS
    );
    let map = &ir.maps[first_beyond.0 as usize];
    found.push(
        Diagnostic::error(codes::TOO_MANY_MAPS, map.span, what)
            .label("this one has no place left")
            .help("use one map with one more key, e.g. @n[\"opens\"], instead of several"),
    );
}

/// The maps whose entries a program reads or writes.
fn referred_to(program: &Program) -> BTreeSet<MapId> {
    let mut used = BTreeSet::new();
    for part in &program.parts {
        let (predicate, body): (&[ir::Expr], &[ir::Stmt]) = match &part.role {
            Role::Run {
                predicate, body, ..
            } => (predicate, body),
            other => (other.predicate(), &[]),
        };
        let mut see = |e: &ir::Expr| match e.kind {
            ExprKind::MapGet { map, .. }
            | ExprKind::AggGet { map, .. }
            | ExprKind::HasKey { map, .. }
            | ExprKind::Find { map, .. }
            | ExprKind::StepMap { map, .. } => {
                used.insert(map);
            }
            _ => {}
        };
        predicate.iter().for_each(|e| e.visit(&mut see));
        walk::visit_exprs(body, &mut see);
        walk::visit_stmts(body, &mut |stmt| match stmt.kind {
            StmtKind::SetMap { map, .. }
            | StmtKind::Aggregate { map, .. }
            | StmtKind::Delete { map, .. }
            | StmtKind::ForEach { map, .. } => {
                used.insert(map);
            }
            _ => {}
        });
    }
    used
}

/// Unique by its number; what the script calls it follows as far as the kernel takes it.
fn spec_name(at: usize, name: &str) -> String {
    let name = name.chars().map(|c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => c,
        _ => '_',
    });
    format!("m{at}_")
        .chars()
        .chain(name)
        .take(NAME_CHARS)
        .collect()
}

fn cleared(ir: &ir::Program) -> Vec<MapId> {
    let mut cleared = Vec::new();
    for clause in &ir.clauses {
        walk::visit_stmts(&clause.body, &mut |stmt| {
            if let StmtKind::Clear(map) | StmtKind::Zero(map) = stmt.kind {
                cleared.push(map);
            }
        });
    }
    cleared
}

/// Maps whose updates can meet another update on the same CPU.
///
/// A raw tracepoint's program never runs on top of itself: the kernel counts it in `prog->active` for each CPU, and
/// skips (and counts) what would nest (`__bpf_trace_run` in kernel/trace/bpf_trace.c, since 6.1; commit 05b24ff9b2cf). So one of the two
/// syscall programs alone updates plainly. Two of them cannot meet either while preemption is off around them:
/// `__DO_TRACE` in include/linux/tracepoint.h up to 6.12, `__BPF_DECLARE_TRACE_SYSCALL` in include/trace/bpf_probe.h from
/// 6.13 on (commit 4aadde89d81f) and `get_cpu` in `bpf_prog_test_run_raw_tp`; but making the former preemptible
/// (`migrate_disable`) is under discussion, so a map with several such writers does not rely on it. The end of a task is like the
/// two: preemption is off around tracepoints. Every other event can come from an interrupt.
fn updated_where_writers_nest(programs: &[Program]) -> Vec<MapId> {
    let mut nested = Vec::new();
    let mut updated_before: Vec<MapId> = Vec::new();
    for program in programs {
        let updated = updated_by(program);
        if program.hook.is_synthetic() || program.hook.is_of_calls() {
            nested.extend(updated.iter().filter(|m| updated_before.contains(m)));
        } else {
            nested.extend(&updated);
        }
        updated_before.extend(updated);
    }
    nested
}

/// Maps that a program updates.
fn updated_by(program: &Program) -> Vec<MapId> {
    let mut updated = Vec::new();
    for part in &program.parts {
        let Role::Run {
            predicate, body, ..
        } = &part.role
        else {
            continue;
        };
        let conjuncts = predicate.iter();
        conjuncts.for_each(|e| e.visit(&mut |e| updated.extend(stepped(e))));
        walk::visit_exprs(body, &mut |e| updated.extend(stepped(e)));
        walk::visit_stmts(body, &mut |stmt| {
            if let StmtKind::Aggregate { map, .. } | StmtKind::SetMap { map, .. } = stmt.kind {
                updated.push(map);
            }
        });
    }
    updated
}

fn stepped(e: &ir::Expr) -> Option<MapId> {
    match e.kind {
        ExprKind::StepMap { map, .. } => Some(map),
        _ => None,
    }
}

/// Every kernel map: the script's, then the runtime's.
pub(super) fn specs(
    ir: &ir::Program,
    session: &[SessionMap],
    (syscalls, with_offsets): (Option<&SyscallPlan>, bool),
    rings: Rings,
    facts: &dyn Facts,
) -> Vec<MapSpec> {
    let hash_flags = match facts.has(Feature::NoPreallocSafe) {
        Support::Yes => BPF_F_NO_PREALLOC,
        Support::No(_) | Support::Unknown(_) => 0,
    };
    let mut specs: Vec<MapSpec> = session
        .iter()
        .filter(|kept| !kept.user)
        .map(|kept| script_map(ir, kept, hash_flags))
        .collect();
    if uses_tree(ir) {
        specs.push(tree(hash_flags));
    }
    specs.extend(runtime_maps(
        ir,
        session,
        (syscalls, with_offsets),
        rings,
        facts.possible_cpus(),
    ));
    specs
}

fn script_map(ir: &ir::Program, kept: &SessionMap, hash_flags: u32) -> MapSpec {
    let shape = &ir.maps[kept.map.0 as usize];
    let is_aggregation = matches!(shape.value, MapValue::Agg(_));
    let is_keyed = !shape.key.is_empty();
    let recent = shape.room.is_some_and(|room| room.recent);
    let ahead = shape.room.is_some() && kept.key_size + kept.value_size >= LARGE_BYTES;
    let spec = MapSpec {
        name: kept.spec.clone(),
        kind: match (is_keyed, is_aggregation, recent) {
            (true, true, true) => MapKind::LruPercpuHash,
            (true, true, false) => MapKind::PercpuHash,
            (true, false, true) => MapKind::LruHash,
            (true, false, false) => MapKind::Hash,
            (false, true, _) => MapKind::PercpuArray,
            (false, false, _) => MapKind::Array,
        },
        key_size: if is_keyed { kept.key_size } else { 4 },
        value_size: kept.value_size,
        max_entries: if is_keyed { shape.entries(ir) } else { 1 },
        // The kernel makes room in advance where keys give way.
        flags: match is_keyed && !recent && !ahead {
            true => hash_flags,
            false => 0,
        },
        inner: None,
    };
    if kept.cleared {
        array_of_maps(&kept.spec, GENERATIONS, spec)
    } else {
        spec
    }
}

fn array_of_maps(name: &str, entries: u32, inner: MapSpec) -> MapSpec {
    MapSpec {
        inner: Some(Box::new(inner)),
        ..array(name, entries, 4)
    }
    .of_kind(MapKind::ArrayOfMaps)
}

fn array(name: &str, max_entries: u32, value_size: u32) -> MapSpec {
    MapSpec {
        name: name.to_owned(),
        kind: MapKind::Array,
        key_size: 4,
        value_size,
        max_entries,
        flags: 0,
        inner: None,
    }
}

impl MapSpec {
    fn of_kind(self, kind: MapKind) -> MapSpec {
        MapSpec { kind, ..self }
    }
}

/// Whether a clause asks for `tree`.
pub(super) fn uses_tree(ir: &ir::Program) -> bool {
    let is_tree = |e: &ir::Expr| matches!(e.kind, ExprKind::Builtin(Builtin::Tree));
    let mut uses = false;
    for clause in &ir.clauses {
        uses |= clause.predicate.iter().any(|p| p.any(&is_tree));
        walk::visit_exprs(&clause.body, &mut |e| uses |= is_tree(e));
    }
    uses
}

/// The processes that `tree` is true for.
fn tree(hash_flags: u32) -> MapSpec {
    MapSpec {
        flags: hash_flags,
        ..array(map::TREE, TREE_MAX, 8)
    }
    .of_kind(MapKind::Hash)
}

fn runtime_maps(
    ir: &ir::Program,
    session: &[SessionMap],
    (syscalls, with_offsets): (Option<&SyscallPlan>, bool),
    rings: Rings,
    cpus: u32,
) -> Vec<MapSpec> {
    // Control rings stand in the same array of maps: the kernel compares inner rings by kind and flags, not
    // by size (`bpf_map_meta_equal` in kernel/bpf/map_in_map.c).
    let ring = MapSpec {
        key_size: 0,
        ..array("ring", rings.main_bytes, 0)
    }
    .of_kind(MapKind::Ringbuf);
    let largest = session
        .iter()
        .map(|m| m.key_size.max(m.value_size))
        .max()
        .unwrap_or(0)
        .max(8);
    let state = MapSpec {
        flags: BPF_F_NO_PREALLOC,
        ..array(map::STATE, 0, syscalls.map_or(8, |s| s.state_size))
    }
    .of_kind(MapKind::TaskStorage);
    let mut maps = vec![
        array_of_maps(map::RINGS, 2 * cpus, ring),
        array(map::WANTED, ABIS * SYSCALL_ROWS, 8),
        state,
        array(
            map::GENERATION,
            (session.len() as u32).max(1),
            size_of::<Generation>() as u32,
        ),
        array(map::LIMIT, (session.len() as u32).max(1), 8),
        array(map::STATS, 1, size_of::<CpuStats>() as u32).of_kind(MapKind::PercpuArray),
        array(map::SITES, (ir.sites.len() as u32).max(1), 8),
        // The size of a frame is known once code is generated: the linker sets it.
        array(map::FRAMES, cpus * FRAMES_PER_CPU, 0),
        array(map::FRAMES_BUSY, 1, 8).of_kind(MapKind::PercpuArray),
        array(map::ZEROES, 1, largest),
        array(map::CONTROL, 1, size_of::<Control>() as u32),
    ];
    if !ir.patterns.is_empty() {
        maps.push(array(
            map::PATTERNS,
            super::patterns::rows(ir).len() as u32,
            size_of::<PatternRow>() as u32,
        ));
    }
    if let Some(call) = syscalls.and_then(|syscalls| syscalls.call.as_ref()) {
        maps.extend(call_maps(call, cpus));
    }
    if with_offsets {
        let offsets = size_of::<KernelOffsets>() as u32;
        maps.push(array(map::CALL_OFFSETS, 1, offsets));
    }
    maps
}

/// What whole calls take.
fn call_maps(call: &CallPlan, cpus: u32) -> [MapSpec; 5] {
    let steps = (call.steps.ops.len() as u32).max(1);
    [
        array(map::CALL_AREAS, 2 * cpus, call.area_bytes()),
        array(
            map::CALL_STEPS,
            ABIS * SYSCALL_ROWS,
            size_of::<CallSteps>() as u32,
        ),
        array(map::CALL_OPS, steps, size_of::<CallOp>() as u32),
        array(map::CALL_SPILL, CALL_SPILLS, call.call_bytes),
        array(map::CALL_SPILL_BUSY, 1, 8),
    ]
}
