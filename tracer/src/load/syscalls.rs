//! The mask table of system calls.
//!
//! In: which clause wants which calls. Out: the `WANTED` map: for each ABI and number, the clauses' bits.

use super::Error;
use super::maps::Maps;
use crate::plan::Plan;
use crate::tables;
use crate::types::Abi;
use tracer_ebpf::{ABIS, SYSCALL_ROWS, UNKNOWN_ROW, map};

/// Fills the table, when a program reads it.
pub(super) fn fill(maps: &Maps, plan: &Plan) -> Result<(), Error> {
    let Some(syscalls) = &plan.syscalls else {
        return Ok(());
    };
    if !maps.has(map::WANTED) {
        return Ok(());
    }
    let mut rows = vec![0_u64; (ABIS * SYSCALL_ROWS) as usize];
    for (bit, set) in syscalls.wants.iter().enumerate() {
        for &(abi, number) in &set.calls {
            rows[row(abi, number)] |= 1 << bit;
        }
        if set.unknown {
            for abi in [Abi::Native, Abi::I386] {
                for number in
                    (0..SYSCALL_ROWS).filter(|&n| tables::syscalls::name(abi, n).is_none())
                {
                    rows[row(abi, number)] |= 1 << bit;
                }
            }
        }
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (index, mask) in rows.iter().enumerate().filter(|(_, mask)| **mask != 0) {
        keys.extend_from_slice(&(index as u32).to_ne_bytes());
        values.extend_from_slice(&mask.to_ne_bytes());
    }
    maps.write_many(map::WANTED, &keys, &values)
}

/// The row of a call; all numbers that have none of their own share the last one.
pub(super) fn row(abi: Abi, number: u32) -> usize {
    (abi as u32 * SYSCALL_ROWS + number.min(UNKNOWN_ROW)) as usize
}
