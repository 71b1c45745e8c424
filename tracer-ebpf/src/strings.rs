//! Strings: reading, comparing, appending to a record.
//!
//! In: addresses and capacities. Out: NUL-padded buffers. A capacity is an immediate of the caller, so the verifier knows it here too.
//! It need not be a multiple of 8, but the memory is: a buffer has its capacity rounded up to whole words.

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user_str,
};
use core::ffi::c_void;
use core::ptr::{null, read_volatile};

/// Fills `dst[..bytes]` with 0.
///
/// A read from address 0 always fails, and the helper then clears the whole destination: one call, whatever the size,
/// where a loop would be executed (and verified) word by word.
///
/// # Safety
/// `dst` has `bytes` writable bytes.
#[inline(always)]
pub unsafe fn zero(dst: *mut u8, bytes: u64) {
    // SAFETY: the caller's promise; the failure is what is wanted.
    unsafe { bpf_probe_read_kernel(dst.cast(), bytes as u32, null()) };
}

/// The memory of a string of this capacity.
#[inline(always)]
fn whole(cap: u64) -> u64 {
    (cap + 7) & !7
}

/// Reads a string of the current process into `cap` bytes. Its length with NUL (`cap` when it was cut), or a negative errno. Kernels
/// before 6.13 say 0 of an empty string.
///
/// # Safety
/// `dst` has `cap` writable bytes.
#[inline(always)]
pub unsafe fn read_user(dst: *mut c_void, cap: u32, addr: *const c_void) -> i64 {
    // SAFETY: the caller's promise; the helper takes any address.
    match unsafe { bpf_probe_read_user_str(dst, cap, addr) } {
        0 => 1,
        len => len,
    }
}

/// Reads a string of the current process, at most `cap - 1` bytes. Behind it the buffer is 0; on a fault all of it is.
/// Returns the length with NUL, or a negative errno.
///
/// # Safety
/// `dst` has `cap` writable bytes, rounded up to a word.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_str_user(dst: *mut u8, cap: u64, addr: *const c_void) -> i64 {
    // SAFETY: the caller's promise; the helper takes any address.
    unsafe {
        zero(dst, whole(cap));
        read_user(dst.cast(), cap as u32, addr)
    }
}

/// The same for kernel memory.
///
/// # Safety
/// `dst` has `cap` writable bytes, rounded up to a word.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_str_kernel(dst: *mut u8, cap: u64, addr: *const c_void) -> i64 {
    // SAFETY: the caller's promise; the helper takes any address.
    unsafe {
        zero(dst, whole(cap));
        bpf_probe_read_kernel_str(dst.cast(), cap as u32, addr)
    }
}

/// Copies the string at `src`, at most `cap` bytes with its NUL, to `record + at`, and clears the rest of its last word, so
/// that no record carries bytes that nobody wrote. Nothing is copied when `at + cap` (rounded up to a word) is past `max`.
/// Returns the length without NUL.
///
/// # Safety
/// `record` has `max` writable bytes, `src` has `cap` readable ones, at least 1.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_append(
    record: *mut u8,
    at: u64,
    max: u64,
    src: *const u8,
    cap: u64,
) -> u64 {
    let room = whole(cap);
    // The verifier does not relate two unknown numbers: `at` itself must be compared with a constant of the caller.
    if room > max || at > max - room {
        return 0;
    }
    // SAFETY: the room was checked; `src` is the caller's promise.
    unsafe {
        let dst = record.add(at as usize);
        let len = bpf_probe_read_kernel_str(dst.cast(), cap as u32, src.cast());
        if len <= 0 {
            return 0;
        }
        let len = len as u64 - 1;
        let word = len & !7;
        if word <= room - 8 {
            let last = dst.add(word as usize).cast::<u64>();
            *last &= (1 << ((len & 7) * 8)) - 1;
        }
        len
    }
}

/// Compares two NUL-padded strings by bytes: -1, 0 or 1. Both have `cap` bytes, rounded up to a word.
///
/// # Safety
/// `a` and `b` have `cap` readable bytes, rounded up to a multiple of 8.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_str_cmp(a: *const u64, b: *const u64, cap: u64) -> i64 {
    let mut i = 0;
    while i * 8 < cap {
        // Volatile, so that the loop stays a loop of words: the compiler would make it a call of memcmp, byte by byte.
        // SAFETY: `i * 8 < cap`, and the caller's promise.
        let (x, y) = unsafe {
            (
                read_volatile(a.add(i as usize)),
                read_volatile(b.add(i as usize)),
            )
        };
        if x != y {
            // The first byte is the most significant one of a big-endian word.
            return if u64::from_be(x) < u64::from_be(y) {
                -1
            } else {
                1
            };
        }
        i += 1;
    }
    0
}

/// Bit 7 of each byte of `word` that is 0, at least of the lowest one: what is above it may be set by a borrow.
#[inline(always)]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080
}

/// Bytes of a NUL-padded string of `cap` bytes (rounded up to a word), without the NUL.
///
/// # Safety
/// `s` has `cap` readable bytes, rounded up to a multiple of 8.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_str_len(s: *const u64, cap: u64) -> u64 {
    let mut i = 0;
    while i * 8 < cap {
        // SAFETY: `i * 8 < cap`, and the caller's promise.
        let zeroes = zero_bytes(unsafe { read_volatile(s.add(i as usize)) });
        if zeroes != 0 {
            // The bits below the first zero byte's: 8 for each byte before it, and 7.
            let below = (zeroes & zeroes.wrapping_neg()) - 1;
            return i * 8 + u64::from(below.count_ones() >> 3);
        }
        i += 1;
    }
    cap
}

/// Where the string `needle` begins in the string `hay`, or -1. Both are NUL-padded.
///
/// # Safety
/// `needle` has `needle_cap` readable bytes and `hay` as many behind its `hay_cap`; both are multiples of 8. Words
/// may be read at any byte of `hay`, so it does not lie on the stack.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_str_find(
    hay: *const u8,
    hay_cap: u64,
    needle: *const u64,
    needle_cap: u64,
) -> i64 {
    let mut at = 0;
    while at < hay_cap {
        let mut differs = 0;
        let mut i = 0;
        while i * 8 < needle_cap {
            // SAFETY: both words lie in what the caller promises.
            let (wanted, found) = unsafe {
                (
                    read_volatile(needle.add(i as usize)),
                    hay.add((at + i * 8) as usize)
                        .cast::<u64>()
                        .read_unaligned(),
                )
            };
            // All bits before the needle's NUL: all of them when this word has none, none when one before had it.
            let zeroes = zero_bytes(wanted);
            let text = ((zeroes & zeroes.wrapping_neg()) >> 7).wrapping_sub(1);
            differs |= (wanted ^ found) & text;
            if zeroes != 0 {
                break;
            }
            i += 1;
        }
        if differs == 0 {
            return at as i64;
        }
        // SAFETY: `at < hay_cap`.
        if unsafe { *hay.add(at as usize) } == 0 {
            break;
        }
        at += 1;
    }
    -1
}
