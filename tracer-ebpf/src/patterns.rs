//! Patterns: walking an automaton over the bytes of a string.
//!
//! In: a string and the number of a pattern. Out: whether it matches. The table is user space's; a turn of the walk takes
//! eight bytes without looking where it stands, since the states that end a walk are never left.

use crate::maps::pattern_row;
use aya_ebpf::helpers::generated::bpf_loop;
use core::ffi::c_void;
use core::ptr::read_volatile;
use tracer_ebpf::pattern;

/// Where a walk stands.
#[repr(C)]
pub struct Walk {
    text: *const u64,
    /// Where the last word of the text begins.
    last: u64,
    state: u64,
}

/// Whether a pattern matches a NUL-padded string: 1 or 0.
///
/// # Safety
/// `text` has `cap` readable bytes, a multiple of 8 above 0, and is not on the stack. `index` is a pattern of the script.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_match(text: *const u64, cap: u64, index: u64) -> u64 {
    let Some(starts) = pattern_row(u32::from(pattern::STARTS)) else {
        return 0;
    };
    // Read from the table, so that the verifier does not take the callback's first turn for all of them.
    let state = u64::from(starts[index as usize & 255]);
    let last = cap - 8;
    let mut walk = Walk { text, last, state };
    let turn: unsafe extern "C" fn(u64, *mut Walk) -> u64 = rt_match_word;
    // SAFETY: the helper calls back with what it is given.
    unsafe {
        bpf_loop(
            (cap / 8) as u32,
            turn as *mut c_void,
            (&raw mut walk).cast(),
            0,
        );
        u64::from(read_volatile(&raw const walk.state) == u64::from(pattern::YES))
    }
}

/// Takes eight bytes; 1 when the walk is over.
///
/// # Safety
/// `walk` is what [`rt_match`] made.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_match_word(index: u64, walk: *mut Walk) -> u64 {
    // SAFETY: the caller's promise.
    let (text, last, mut state) = unsafe { ((*walk).text, (*walk).last, (*walk).state) };
    let at = index * 8;
    if at > last {
        return 1;
    }
    // SAFETY: the last word begins at `last`, and both are multiples of 8.
    let mut word = unsafe { read_volatile(text.cast::<u8>().add(at as usize).cast::<u64>()) };
    for _ in 0..8 {
        let Some(row) = pattern_row(state as u32) else {
            return 1;
        };
        state = u64::from(row[word as usize & 255]);
        word >>= 8;
    }
    // SAFETY: the caller's promise.
    unsafe { (*walk).state = state };
    u64::from(state == u64::from(pattern::NO) || state == u64::from(pattern::YES))
}
