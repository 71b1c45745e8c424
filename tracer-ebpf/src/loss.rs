//! Counters of losses and of runtime errors.
//!
//! In: a reason or a site. Out: one more in this CPU's counters. Atomic, because a program can be interrupted by
//! another one on the same CPU.

use crate::atomics::fetch_add;
use crate::log::opt_log_loss;
use crate::maps::{site, stats};
use aya_ebpf::helpers::generated::bpf_get_current_comm;
use core::ptr::addr_of;
use tracer_ebpf::{CpuStats, LOSSES};

/// Adds to a counter that lies in a map.
#[inline(always)]
pub fn add(counter: &u64, delta: u64) -> u64 {
    // SAFETY: the counters that are passed here are aligned words in a map.
    unsafe { fetch_add(core::ptr::from_ref(counter).cast_mut(), delta) }
}

/// Counts a loss.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_loss(reason: u64) {
    if reason >= LOSSES as u64 {
        return;
    }
    if let Some(stats) = stats() {
        // SAFETY: `reason` was compared with the length above.
        add(unsafe { stats.lost.get_unchecked(reason as usize) }, 1);
    }
    opt_log_loss(reason);
}

/// Notes whose record did not fit: see [`Flooder`]. A program that interrupts another one here may take or give it a vote.
#[inline(always)]
pub fn flooded(stats: &CpuStats, pid_tgid: u64) {
    let flooder = addr_of!(stats.flooder).cast_mut();
    let tgid = pid_tgid >> 32;
    // SAFETY: an aligned struct in a map, of this CPU alone; the helper writes 16 bytes.
    unsafe {
        if (*flooder).votes == 0 {
            (*flooder).tgid = tgid;
            bpf_get_current_comm((&raw mut (*flooder).comm).cast(), 16);
            (*flooder).votes = 1;
        } else if (*flooder).tgid == tgid {
            (*flooder).votes += 1;
        } else {
            (*flooder).votes -= 1;
        }
    }
}

/// Counts a runtime error at its place in the script.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_site(index: u64) {
    if let Some(counter) = site(index as u32) {
        add(counter, 1);
    }
}
