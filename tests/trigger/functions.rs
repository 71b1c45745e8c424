//! Calls of functions of this program, and its own tracepoints.
//!
//! In: how often. Out: `probed_add(i, 100)` for each i from 0, each with a tracepoint `sample:added(i, sum)` that has a semaphore, and
//! `sample:always(i)` that has none; `probed_outer` calls `probed_inner` once.
#![allow(
    unsafe_code,
    reason = "functions with names of their own, and notes that only the assembler can write"
)]

use crate::{Facts, number, release};
use std::hint::black_box;
use std::sync::atomic::{AtomicU16, Ordering};

/// Raised by whoever attaches to `sample:added`.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".probes")]
static SAMPLE_ADDED_SEMAPHORE: AtomicU16 = AtomicU16::new(0);

/// The note of a tracepoint: address, base, semaphore, provider, name, arguments
/// (<https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation>). The base is 0: this file is never prelinked.
macro_rules! tracepoint {
    ($name:literal, $semaphore:literal, $arguments:literal, $($operand:tt)*) => {
        // SAFETY: one instruction that does nothing.
        unsafe {
            std::arch::asm!(
                "990: nop",
                ".pushsection .note.stapsdt,\"\",\"note\"",
                ".balign 4",
                ".4byte 992f-991f, 994f-993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b",
                ".8byte 0",
                concat!(".8byte ", $semaphore),
                ".asciz \"sample\"",
                concat!(".asciz \"", $name, "\""),
                concat!(".asciz \"", $arguments, "\""),
                "994: .balign 4",
                ".popsection",
                $($operand)*,
                options(nostack, preserves_flags),
            );
        }
    };
}

/// The sum of both.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn probed_add(left: i32, right: i64) -> i64 {
    let sum = i64::from(left) + right;
    tracepoint!("added", "SAMPLE_ADDED_SEMAPHORE", "-4@%{0:e} -8@%{1}", in(reg) left, in(reg) sum);
    tracepoint!("always", "0", "-4@%{0:e}", in(reg) left);
    sum
}

/// Called by [`probed_outer`] alone.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn probed_inner(text: *const u8) -> u8 {
    // SAFETY: the caller's text has a byte.
    black_box(unsafe { *text })
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn probed_outer(text: *const u8) -> u8 {
    // Not a tail call: the outer function stands on the stack.
    black_box(probed_inner(text)) + 1
}

/// `functions [TIMES]`.
pub fn functions(args: &[String], facts: &mut Facts) {
    let times = number(args, 0, 1) as i32;
    release();
    for i in 0..times {
        black_box(probed_add(black_box(i), 100));
    }
    black_box(probed_outer(black_box(c"hello".as_ptr().cast())));
    facts.say("semaphore", SAMPLE_ADDED_SEMAPHORE.load(Ordering::Relaxed));
}
