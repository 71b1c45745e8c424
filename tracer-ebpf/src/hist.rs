//! Buckets of power-of-two histograms.
//!
//! In: a value. Out: its bucket, as `HistShape::Log2` in `tracer/src/types/agg.rs` defines it.

use core::arch::asm;

/// The last bucket.
const LAST: u64 = 65;

/// Bucket of `x`, 0 to 65; the verifier knows the upper bound.
///
/// Without branches but for the sign: a search with branches would be 64 paths that the verifier follows one by one.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_hist_log2(x: u64, signed: u64) -> u64 {
    if signed != 0 && (x as i64) < 0 {
        return 0;
    }
    let mut bucket = u64::from(64 - x.leading_zeros()) + 1;
    // SAFETY: no instruction at all. The compiler knows that the bound below always holds and would drop it; the verifier
    // does not know it and needs to see it.
    unsafe { asm!("/* {0} */", inout(reg) bucket, options(pure, nomem, nostack)) };
    if bucket > LAST { LAST } else { bucket }
}
