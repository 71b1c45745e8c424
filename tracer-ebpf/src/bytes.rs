//! Bytes of any kind: reading, appending to a record; and the strings of an argument vector.
//!
//! In: addresses and capacities. Out: buffers of a length (one word) and as many bytes, 0 behind them. Capacities are
//! immediates of the caller, multiples of 8.

use crate::strings::{read_user, zero};
use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user,
};
use core::arch::asm;
use core::ffi::c_void;

/// Strings of a vector, and bytes of each with its NUL: `ARGV_STRINGS` and `ARGV_BYTES` in `tracer/src/ir/mod.rs`.
const STRINGS: u64 = 16;
const STRING_BYTES: u64 = 1024;

/// `x`, at most `most`, in a way that the verifier can follow: the compiler would compute it otherwise.
#[inline(always)]
fn at_most(mut x: u64, most: u64) -> u64 {
    // SAFETY: no instruction at all; the compiler forgets what it knew of the number.
    unsafe { asm!("/* {0} */", inout(reg) x, options(pure, nomem, nostack)) };
    if x > most { most } else { x }
}

/// Reads `len` bytes, at most `cap`, of the current process (`user` is not 0) or of the kernel. Returns 0, or a negative errno: then
/// there are no bytes.
///
/// # Safety
/// `dst` has a word and `cap` bytes, all writable.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_bytes(
    dst: *mut u64,
    cap: u64,
    addr: *const c_void,
    len: u64,
    user: u64,
) -> i64 {
    // SAFETY: the caller's promise; the helpers take any address.
    unsafe {
        zero(dst.cast(), cap + 8);
        let len = at_most(len, cap);
        let bytes = dst.add(1).cast();
        let failed = if user != 0 {
            bpf_probe_read_user(bytes, len as u32, addr)
        } else {
            bpf_probe_read_kernel(bytes, len as u32, addr)
        };
        if failed == 0 {
            *dst = len;
        }
        failed
    }
}

/// Copies the bytes at `src` (a length, then at most `cap` bytes) to `record + at`, and clears the rest of their last word.
/// Nothing is copied when `at + cap` is past `max`. Returns the length.
///
/// # Safety
/// `record` has `max` writable bytes, `src` a word and `cap` readable ones; `cap` is a multiple of 8.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_append_bytes(
    record: *mut u8,
    at: u64,
    max: u64,
    src: *const u64,
    cap: u64,
) -> u64 {
    if cap > max || at > max - cap {
        return 0;
    }
    // SAFETY: the room was checked; `src` is the caller's promise.
    unsafe {
        let dst = record.add(at as usize);
        let len = at_most(*src, cap);
        if bpf_probe_read_kernel(dst.cast(), len as u32, src.add(1).cast()) != 0 {
            return 0;
        }
        let word = len & !7;
        if len & 7 != 0 && word <= cap - 8 {
            let last = dst.add(word as usize).cast::<u64>();
            *last &= (1 << ((len & 7) * 8)) - 1;
        }
        len
    }
}

/// Reads the strings that a vector of pointers, ended by a null pointer, points to: each with its NUL, one behind the
/// other. Returns 0, or a negative errno: then the strings before the fault are there.
///
/// # Safety
/// `dst` has a word and `cap` bytes, all writable; `cap` is at least `STRING_BYTES`.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_argv(dst: *mut u64, cap: u64, argv: u64, user: u64) -> i64 {
    let mut at = 0;
    let mut failed = 0;
    // SAFETY: the caller's promise; the helpers take any address, and `at` is tested before each string.
    unsafe {
        zero(dst.cast(), cap + 8);
        let bytes = dst.add(1).cast::<u8>();
        let mut i = 0;
        while i < STRINGS {
            let mut string = 0u64;
            let from = (argv + i * 8) as *const c_void;
            failed = if user != 0 {
                bpf_probe_read_user((&raw mut string).cast(), 8, from)
            } else {
                bpf_probe_read_kernel((&raw mut string).cast(), 8, from)
            };
            if failed != 0 || string == 0 || at > cap - STRING_BYTES {
                break;
            }
            let to = bytes.add(at as usize).cast();
            let len = if user != 0 {
                read_user(to, STRING_BYTES as u32, string as *const c_void)
            } else {
                bpf_probe_read_kernel_str(to, STRING_BYTES as u32, string as *const c_void)
            };
            if len < 0 {
                failed = len;
                break;
            }
            at += len as u64;
            i += 1;
        }
        *dst = at;
    }
    failed
}
