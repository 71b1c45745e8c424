//! Tables of names and numbers: system calls, errno, constants, sets of them,
//! structs, commands of ioctl (generated from `tracer/data/`), signals.
//!
//! In: nothing at run time. Out: look-ups by name and by number, on sorted static arrays. Pure; `sema` and
//! `decode` both read it (which is why it is a room of its own). Never decodes a value.

pub mod constants;
pub mod errno;
pub mod ioctls;
pub mod sets;
mod shared;
pub mod signals;
pub mod structs;
pub mod syscalls;
#[cfg(test)]
mod tests;
pub mod what;
