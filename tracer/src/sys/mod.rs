//! The only `unsafe` of the project's user half: what neither the standard library nor aya offers safely.
//!
//! In: plain values and owned descriptors. Out: the same, with `std::io::Error`. Knows nothing of ours.
#![allow(
    unsafe_code,
    reason = "this room exists so that no other one needs unsafe; each block says why it is sound"
)]

pub mod bpf;
#[cfg(test)]
pub mod calls;
pub mod clock;
pub mod confine;
#[cfg(any(test, feature = "fuzz"))]
pub mod cpu;
pub mod fd;
pub mod link;
pub mod mapped;
pub mod mappings;
pub mod memory;
pub mod mount;
pub mod perf;
pub mod probe;
pub mod process;
pub mod warden;
