//! The automata of the script's patterns.
//!
//! In: the plan's rows. Out: the map `PATTERNS`, before any program runs.

use super::Error;
use super::maps::Maps;
use crate::plan::{self, Plan};
use tracer_ebpf::map;

/// Fills the table, when a program reads it.
pub(super) fn fill(maps: &Maps, plan: &Plan) -> Result<(), Error> {
    if !maps.has(map::PATTERNS) {
        return Ok(());
    }
    let rows = plan::patterns::rows(&plan.ir);
    let keys: Vec<u8> = (0..rows.len() as u32).flat_map(u32::to_ne_bytes).collect();
    let bytes = rows.iter().flatten().flat_map(|state| state.to_ne_bytes());
    maps.write_many(map::PATTERNS, &keys, &bytes.collect::<Vec<u8>>())
}
