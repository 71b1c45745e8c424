//! Memory that a plan binds in the kernel, at most.
//!
//! In: a plan. Out: lines with sizes. What the kernel adds to an entry is counted as it is in 6.x
//! (`struct htab_elem`); fixed tables of a few KiB are one line. Never measures.

use super::super::{MapKind, MapSpec, Plan};
use std::fmt::{self, Write};
use tracer_ebpf::map;

/// What a hash keeps beside key and value: `struct htab_elem`, and a pointer to the values of all CPUs.
const HASH_ENTRY_BYTES: u64 = 48;

pub(super) fn write(plan: &Plan, out: &mut String) -> fmt::Result {
    let cpus = plan.possible_cpus;
    if !plan.records.is_empty() {
        let (main, control) = (plan.rings.main_bytes, plan.rings.control_bytes);
        let total = u64::from(cpus) * (u64::from(main) + u64::from(control));
        writeln!(
            out,
            "  rings: {} ({cpus} CPUs, {} main and {} control on each)",
            bytes(total),
            bytes(main.into()),
            bytes(control.into())
        )?;
    }
    for (kept, declared) in plan.session_maps.iter().zip(&plan.ir.maps) {
        if let Some(spec) = plan.maps.iter().find(|m| m.name == kept.spec) {
            let most = bytes(map_bytes(spec, cpus));
            writeln!(out, "  @{}: at most {most}", declared.name)?;
        }
    }
    if let Some(syscalls) = plan.syscalls.as_ref().filter(|s| s.needs_state) {
        let state = syscalls.state_size;
        writeln!(
            out,
            "  entries of calls: {state} bytes for each thread that made one"
        )?;
    }
    if let Some(spec) = plan.maps.iter().find(|m| m.name == map::TREE) {
        let most = bytes(map_bytes(spec, cpus));
        writeln!(out, "  processes of the tree: at most {most}")?;
    }
    let fixed: u64 = plan
        .maps
        .iter()
        .filter(|m| is_fixed_table(plan, &m.name))
        .map(|m| map_bytes(m, cpus))
        .sum();
    writeln!(out, "  tables: {}", bytes(fixed))
}

fn is_fixed_table(plan: &Plan, name: &str) -> bool {
    ![map::RINGS, map::STATE, map::TREE].contains(&name)
        && plan.session_maps.iter().all(|m| m.spec != name)
}

fn map_bytes(spec: &MapSpec, cpus: u32) -> u64 {
    let entries = u64::from(spec.max_entries);
    let key = u64::from(spec.key_size.next_multiple_of(8));
    let value = u64::from(spec.value_size.next_multiple_of(8));
    let cpus = u64::from(cpus);
    match (spec.kind, &spec.inner) {
        (MapKind::ArrayOfMaps, Some(inner)) => entries * map_bytes(inner, cpus as u32),
        (MapKind::Hash | MapKind::LruHash, _) => entries * (HASH_ENTRY_BYTES + key + value),
        (MapKind::PercpuHash | MapKind::LruPercpuHash, _) => {
            entries * (HASH_ENTRY_BYTES + key + cpus * value)
        }
        (MapKind::PercpuArray, _) => entries * cpus * value,
        _ => entries * value,
    }
}

/// A size in the unit that a person would choose.
fn bytes(n: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match n {
        0..KIB => format!("{n} bytes"),
        KIB..MIB => format!("{} KiB", n.div_ceil(KIB)),
        _ => format!("{}.{} MiB", n / MIB, n % MIB * 10 / MIB),
    }
}
