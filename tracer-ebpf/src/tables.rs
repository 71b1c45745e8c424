//! The script's maps: finding or making an entry, and the generations of maps that are cleared.
//!
//! In: a map, a key. Out: a pointer to the value. What the value means is generated code's business.

use crate::atomics::replace;
use crate::loss::rt_loss;
use crate::maps::{generation, limit};
use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::generated::{bpf_map_lookup_elem, bpf_map_update_elem};
use core::ffi::c_void;
use core::ptr::{addr_of, null_mut, read_volatile};
use tracer_ebpf::{GENERATIONS, loss};

/// How often a clear that meets another clear tries again.
const CLEAR_TRIES: u32 = 4;

/// The value of a key; a missing one is made from `zeroes`. Null and a counted loss when the map is full.
///
/// # Safety
/// `map` is a map; `key` and `zeroes` are as large as its keys and values.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_slot(
    map: *mut c_void,
    key: *const c_void,
    zeroes: *const c_void,
) -> *mut c_void {
    // SAFETY: the caller's promise, which the verifier checks.
    unsafe {
        let value = bpf_map_lookup_elem(map, key);
        if !value.is_null() {
            return value;
        }
        // Whether this made the entry or another CPU did at the same time: it is there now, or the map is full.
        bpf_map_update_elem(map, key, zeroes, u64::from(BPF_NOEXIST));
        let value = bpf_map_lookup_elem(map, key);
        if value.is_null() {
            rt_loss(loss::MAP_FULL);
        }
        value
    }
}

/// The map that a cleared map's current generation lives in, or null.
///
/// # Safety
/// `outer` is an array of `GENERATIONS` maps.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_inner(outer: *mut c_void, index: u64) -> *mut c_void {
    let Some(words) = generation(index as u32) else {
        return null_mut();
    };
    // SAFETY: a valid reference; volatile because other CPUs change the word.
    let slot = unsafe { read_volatile(addr_of!(words.current)) } as u32 % GENERATIONS;
    // SAFETY: the caller's promise; the key of an array of maps has 4 bytes.
    unsafe { bpf_map_lookup_elem(outer, (&raw const slot).cast()) }
}

/// Switches a cleared map to its next generation. Returns 0, and counts a loss, when user space has none ready.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_clear(index: u64) -> u64 {
    let Some(words) = generation(index as u32) else {
        return 0;
    };
    for _ in 0..CLEAR_TRIES {
        let current = addr_of!(words.current).cast_mut();
        // SAFETY: a valid pointer; volatile because other CPUs change the word.
        let now = unsafe { read_volatile(current) };
        if now >= limit(index as u32) {
            break;
        }
        // SAFETY: an aligned word in a map.
        if unsafe { replace(current, now, now + 1) } {
            return 1;
        }
    }
    rt_loss(loss::NO_SPARE);
    0
}
