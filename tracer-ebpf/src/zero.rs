//! Zeroes, written word by word.
//!
//! In: where. Out: nothing. Several zeroes beside each other would otherwise become a call of `memset`, whose loop over single bytes
//! the processor would run for each event and the verifier would follow on each path.

use core::ptr::write_volatile;

/// Clears words.
///
/// # Safety
/// All of it is writable.
#[inline(always)]
pub unsafe fn words<const N: usize>(at: *mut [u64; N]) {
    for i in 0..N {
        // SAFETY: the caller's promise.
        unsafe { write_volatile(at.cast::<u64>().add(i), 0) };
    }
}

/// Clears bytes that do not make words.
///
/// # Safety
/// All of it is writable.
#[inline(always)]
pub unsafe fn bytes<const N: usize>(at: *mut [u8; N]) {
    for i in 0..N {
        // SAFETY: the caller's promise.
        unsafe { write_volatile(at.cast::<u8>().add(i), 0) };
    }
}
