//! The calls that are issued, by what they are about.
//!
//! In: a bench. Out: calls on it. Never one that could reach another process, or change what outlives this one.

mod compat;
mod events;
mod files;
mod memory;
mod network;
mod process;
mod system;
mod vectors;

use crate::bench::Bench;

/// All of them.
pub fn all(bench: &mut Bench) {
    files::all(bench);
    vectors::all(bench);
    memory::all(bench);
    events::all(bench);
    network::all(bench);
    process::all(bench);
    system::all(bench);
    compat::all(bench);
}

/// A descriptor number in `AT_FDCWD`'s place.
pub const CWD: u64 = libc::AT_FDCWD as u64;
/// -1 in a register.
pub const NONE: u64 = u64::MAX;

/// A flag of libc's as a register has it.
pub fn bits(flags: i32) -> u64 {
    u64::from(flags as u32)
}
