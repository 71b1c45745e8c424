//! The runtime object: functions that generated programs call, and a few programs of its own (`whoami`, `tree`).
//!
//! In: calls from generated code, as `docs/design/runtime-abi.md` says. Out: `tracer/bpf/runtime.o`, one
//! `.text` of functions that the linker copies from as needed. Each file is one group of functions.
//!
//! Rules for all of them:
//! - `extern "C"`, `#[unsafe(no_mangle)]`, `#[inline(never)]`, at most five 64-bit arguments.
//! - Maps are symbols without a definition (`maps`): the linker defines them.
//! - No panics, no slices with unknown length, no constants in memory: there is no `.rodata` but the log level's.
//! - A function whose name begins with `opt_` is replaced by one that returns 0 when the run lacks one of its maps.
//! - The verifier checks a function anew at each call, so sizes that callers pass as immediates are constants to it.
#![no_std]
#![no_main]
// BPF assembly is not stable yet; aya-ebpf needs it as well.
#![feature(asm_experimental_arch)]

mod arch;
mod atomics;
mod bytes;
mod call;
mod emit;
mod exclude;
mod frames;
mod hist;
mod kernel;
mod log;
mod loss;
mod maps;
mod path;
mod patterns;
mod stack;
mod state;
mod strings;
mod syscalls;
mod tables;
mod time;
mod totals;
mod tree;
mod whoami;
mod zero;

/// The kernel takes helpers that are for GPL programs only from an object that says it is (also) under the GPL.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Never reached: nothing here panics. The compiler wants it all the same.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
