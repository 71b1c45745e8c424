//! Aggregations read in the kernel: what all CPUs hold of a key, merged.
//!
//! In: a per-CPU map, a key, the number of possible CPUs. Out: a number. A missing key has nothing on any CPU.
//!
//! The verifier follows the loops over CPUs one by one. What is gathered is made unknown to it in each iteration, so that the
//! ways through one become one again.

use aya_ebpf::helpers::generated::bpf_map_lookup_percpu_elem;
use core::arch::asm;
use core::ffi::c_void;
use tracer_ebpf::extreme;

/// Hides from the verifier what a number is.
#[inline(always)]
fn forget(x: u64) -> u64 {
    let mut y = x;
    // SAFETY: negated twice, it is what it was.
    unsafe { asm!("{0} = -{0}", "{0} = -{0}", inout(reg) y, options(pure, nomem, nostack)) };
    y
}

/// Word `word` of a CPU's value, or `None` without an entry.
///
/// # Safety
/// `map` is a per-CPU map, `key` one of its keys, and its values have at least `word + 1` words.
#[inline(always)]
unsafe fn value(map: *mut c_void, key: *const c_void, cpu: u64) -> Option<*const u64> {
    // SAFETY: the caller's promise.
    let value = unsafe { bpf_map_lookup_percpu_elem(map, key, cpu as u32) };
    (!value.is_null()).then_some(value.cast_const().cast())
}

/// The sum over all CPUs of word `word` of a key's values.
///
/// # Safety
/// `map` is a per-CPU map, `key` one of its keys, and its values have at least `word + 1` words.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_total(
    map: *mut c_void,
    key: *const c_void,
    cpus: u64,
    word: u64,
) -> u64 {
    let mut sum = 0u64;
    let mut cpu = 0;
    while cpu < cpus {
        // SAFETY: the caller's promise.
        if let Some(value) = unsafe { value(map, key, cpu) } {
            // SAFETY: likewise.
            sum = sum.wrapping_add(unsafe { value.add(word as usize).read_volatile() });
        }
        sum = forget(sum);
        cpu += 1;
    }
    sum
}

/// The least or greatest (`how`: bits of [`extreme`]) of the values that some CPU has set; 0 when none has.
///
/// # Safety
/// `map` is a per-CPU map whose values are a number and whether it is set, `key` is one of its keys.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_extreme(
    map: *mut c_void,
    key: *const c_void,
    cpus: u64,
    how: u64,
) -> u64 {
    // With the sign bit flipped, signed numbers compare as unsigned ones; complemented, the least is the greatest.
    let flip = if how & extreme::SIGNED != 0 {
        1 << 63
    } else {
        0
    };
    let flip = flip
        ^ if how & extreme::LEAST != 0 {
            u64::MAX
        } else {
            0
        };
    let (mut best, mut any) = (0u64, 0u64);
    let mut cpu = 0;
    while cpu < cpus {
        // SAFETY: the caller's promise.
        if let Some(value) = unsafe { value(map, key, cpu) } {
            // SAFETY: likewise.
            let (x, set) = unsafe { (value.read_volatile() ^ flip, value.add(1).read_volatile()) };
            if set != 0 {
                any = 1;
                if x > best {
                    best = x;
                }
            }
        }
        (best, any) = (forget(best), forget(any));
        cpu += 1;
    }
    if any != 0 { best ^ flip } else { 0 }
}
