//! Atomic operations on words in maps.
//!
//! In: a pointer to an aligned u64 in a map. Out: the word's value before. In assembly, because `core` has no atomic
//! read-modify-write for this target; the instructions are those of BPF's instruction set version 3 (Linux 5.12).

use core::arch::asm;

/// `*word += delta`, and what was there.
///
/// # Safety
/// `word` is a valid, aligned pointer into a map.
#[inline(always)]
pub unsafe fn fetch_add(word: *mut u64, delta: u64) -> u64 {
    let mut value = delta;
    // SAFETY: the caller's promise; the operand is replaced by the old value.
    unsafe {
        asm!("{v} = atomic_fetch_add((u64 *)({p} + 0), {v})", p = in(reg) word, v = inout(reg) value)
    };
    value
}

/// `*word |= bits`, and what was there.
///
/// # Safety
/// `word` is a valid, aligned pointer into a map.
#[inline(always)]
pub unsafe fn fetch_or(word: *mut u64, bits: u64) -> u64 {
    let mut value = bits;
    // SAFETY: as in `fetch_add`.
    unsafe {
        asm!("{v} = atomic_fetch_or((u64 *)({p} + 0), {v})", p = in(reg) word, v = inout(reg) value)
    };
    value
}

/// `*word &= bits`.
///
/// # Safety
/// `word` is a valid, aligned pointer into a map.
#[inline(always)]
pub unsafe fn and(word: *mut u64, bits: u64) {
    // SAFETY: as in `fetch_add`.
    unsafe { asm!("lock *(u64 *)({p} + 0) &= {v}", p = in(reg) word, v = in(reg) bits) };
}

/// Replaces `*word` by `new` when it is `old`; whether it was.
///
/// # Safety
/// `word` is a valid, aligned pointer into a map.
#[inline(always)]
pub unsafe fn replace(word: *mut u64, old: u64, new: u64) -> bool {
    let mut seen = old;
    // SAFETY: as in `fetch_add`; the instruction compares with r0 and leaves the old value there.
    unsafe {
        asm!("r0 = cmpxchg_64({p} + 0, r0, {n})", p = in(reg) word, n = in(reg) new, inout("r0") seen)
    };
    seen == old
}
