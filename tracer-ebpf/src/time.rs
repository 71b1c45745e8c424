//! The time of a firing: the clock is read once, so that all clauses, and records of whole calls, say the same.
//!
//! In: a word that is 0 until somebody asked, which generated code reads and writes the same way. Out: the time. Never reads the
//! clock for a firing that nobody times.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

/// The time of the firing that the word belongs to.
///
/// # Safety
/// `word` is writable.
#[inline(always)]
pub unsafe fn now(word: *mut u64) -> u64 {
    // SAFETY: the caller's promise; the helper has no preconditions.
    unsafe {
        if *word == 0 {
            *word = bpf_ktime_get_ns();
        }
        *word
    }
}
