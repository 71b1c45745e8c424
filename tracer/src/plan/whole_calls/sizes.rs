//! How much of a thing in memory is copied at most, each with where the number comes from.
//!
//! In: nothing. Out: constants. What is longer is cut, and the part says how long it would have been.

/// The longest path, with its NUL: `PATH_MAX` in include/uapi/linux/limits.h.
pub const PATH: u32 = 4096;
/// The longest address of a socket: `struct sockaddr_storage` in include/uapi/linux/socket.h.
pub const SOCKADDR: u32 = 128;
/// Control messages; the kernel's own bound is `net.core.optmem_max`, mostly 20 KiB and more.
pub const CONTROL: u32 = 4096;
/// An array of small things.
pub const ARRAY: u32 = 4096;
/// Directory entries: what the C library asks for in one call.
pub const DIRENTS: u32 = 32 << 10;
/// Sets of signals, CPUs, nodes and descriptors: 8192 bits.
pub const SET: u32 = 1024;
/// A struct whose size the caller gives; the largest (`union bpf_attr`) is well below.
pub const STRUCT: u32 = 512;
/// An argument of ioctl whose size only its number tells: 14 bits (asm-generic/ioctl.h).
pub const IOCTL: u32 = 16 << 10;
/// Messages of `sendmmsg` and `recvmmsg` that are followed.
pub const MESSAGES: u32 = 8;
