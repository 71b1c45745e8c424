//! Kernel stacks.

use crate::strings::zero;
use aya_ebpf::helpers::generated::bpf_get_stack;
use core::ffi::c_void;
use core::ptr::read_volatile;

/// The kernel stack's addresses, innermost first; the rest of `dst` is 0. Returns bytes, or a negative errno.
///
/// # Safety
/// `ctx` is the program's context; `dst` has `bytes` writable bytes.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_kstack(ctx: *mut c_void, dst: *mut u8, bytes: u64) -> i64 {
    // SAFETY: the caller's promise, which the verifier checks.
    unsafe {
        zero(dst, bytes);
        bpf_get_stack(ctx, dst.cast(), bytes as u32, 0)
    }
}

/// Frames of a stack of `bytes` bytes: the words before the first 0.
///
/// # Safety
/// `stack` has `bytes` readable bytes, a multiple of 8.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_stack_len(stack: *const u64, bytes: u64) -> u64 {
    let mut i = 0;
    // SAFETY: `i * 8 < bytes`, and the caller's promise.
    while i * 8 < bytes && unsafe { read_volatile(stack.add(i as usize)) } != 0 {
        i += 1;
    }
    i
}
