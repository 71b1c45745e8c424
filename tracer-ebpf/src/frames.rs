//! Scratch frames: memory for values that do not fit the 512-byte stack.
//!
//! In: nothing. Out: a frame of this CPU, taken with an atomic bit: a depth counter would be wrong, because kprobe and
//! fentry programs can interrupt each other. A program does not migrate, so a frame is given back on its own CPU.

use crate::atomics::{and, fetch_or};
use crate::loss::rt_loss;
use crate::maps::{frame, frames_busy};
use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use core::ptr::{from_ref, null};
use tracer_ebpf::{FRAMES_PER_CPU, loss};

/// Takes a frame; null and a counted loss when all are in use. `*slot` is what `rt_frame_put` wants.
///
/// # Safety
/// `slot` points to 8 writable bytes.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_frame_get(slot: *mut u64) -> *const u8 {
    // SAFETY: the helper has no preconditions.
    let first = unsafe { bpf_get_smp_processor_id() } * FRAMES_PER_CPU;
    if let Some(busy) = frames_busy() {
        for i in 0..FRAMES_PER_CPU {
            // SAFETY: an aligned word in a map.
            let before = unsafe { fetch_or(from_ref(busy).cast_mut(), 1 << i) };
            if before & (1 << i) == 0 {
                // SAFETY: the caller's promise.
                unsafe { *slot = u64::from(first + i) };
                return frame(first + i).map_or(null(), from_ref);
            }
        }
    }
    rt_loss(loss::SCRATCH_BUSY);
    null()
}

/// Gives a frame back.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_frame_put(slot: u64) {
    if let Some(busy) = frames_busy() {
        let bit = 1 << (slot % u64::from(FRAMES_PER_CPU));
        // SAFETY: an aligned word in a map.
        unsafe { and(from_ref(busy).cast_mut(), !bit) };
    }
}
