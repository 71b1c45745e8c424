//! Stacks.

use crate::strings::zero;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_get_stack;
use core::ffi::c_void;
use core::ptr::read_volatile;

/// `BPF_F_USER_STACK`.
const USER: u64 = 1 << 8;
/// `BPF_F_SKIP_FIELD_MASK`.
const SKIP_MASK: u64 = 0xff;
/// Bytes in front of a user stack: whose it is.
const HEAD: u64 = 8;

/// The kernel stack's addresses without the first `skip`, innermost first; the rest of `dst` is 0. Returns bytes, or a negative errno.
///
/// # Safety
/// `ctx` is the program's context; `dst` has `bytes` writable bytes.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_kstack(ctx: *mut c_void, dst: *mut u8, bytes: u64, skip: u64) -> i64 {
    // SAFETY: the caller's promise, which the verifier checks.
    unsafe {
        zero(dst, bytes);
        bpf_get_stack(ctx, dst.cast(), bytes as u32, skip & SKIP_MASK)
    }
}

/// The process, then its stack's addresses, innermost first; the rest of `dst` is 0. Returns bytes of the addresses, or a
/// negative errno.
///
/// # Safety
/// `ctx` is the program's context; `dst` has `bytes` writable bytes, more than 8.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_ustack(ctx: *mut c_void, dst: *mut u8, bytes: u64) -> i64 {
    // SAFETY: the caller's promise, which the verifier checks.
    unsafe {
        zero(dst, bytes);
        dst.cast::<u64>().write(bpf_get_current_pid_tgid() >> 32);
        let frames = dst.add(HEAD as usize);
        bpf_get_stack(ctx, frames.cast(), (bytes - HEAD) as u32, USER)
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
