//! Buckets of power-of-two histograms.
//!
//! In: a value. Out: its bucket, as `HistShape::Log2` in `tracer/src/types/agg.rs` defines it.

use core::arch::asm;

/// Bucket of `x`; the verifier knows the upper bound, which follows from `bits`: a constant of the caller.
///
/// Without branches but for the sign: a search with branches would be 64 paths that the verifier follows one by one.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_hist_log2(x: u64, signed: u64, bits: u64) -> u64 {
    if signed != 0 && (x as i64) < 0 {
        return 0;
    }
    let last = (65 - bits) << bits;
    // Of what is below 2^bits nothing is shifted out.
    let shift = u64::from(63 - ((x >> bits) | 1).leading_zeros());
    let mut bucket = (shift << bits) + (x >> shift) + 1;
    // SAFETY: no instruction at all. The compiler knows that the bound below always holds and would drop it; the verifier
    // does not know it and needs to see it.
    unsafe { asm!("/* {0} */", inout(reg) bucket, options(pure, nomem, nostack)) };
    if bucket > last { last } else { bucket }
}
