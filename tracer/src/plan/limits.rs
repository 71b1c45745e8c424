//! Numbers that bound a plan, each with where it comes from.
//!
//! In: nothing. Out: constants. Never decides anything.

/// Clauses on system calls: bits of the mask in one row of the `WANTED` table.
pub const SYSCALL_CLAUSES: u32 = 64;

/// Script maps that one program can refer to: the kernel takes 64 (`MAX_USED_MAPS` in kernel/bpf/verifier.c), of which the
/// runtime may need twelve of its own ([`tracer_ebpf::map`]), one for its diagnostics and one for constants.
pub const PROGRAM_MAPS: usize = 64 - 12 - 2;

/// Functions that the loops of a clause may run deep: the kernel allows 8 frames and 512 bytes of stack, which the
/// program and the runtime take their share of (docs/design/runtime-abi.md).
pub const LOOP_DEPTH: usize = 3;

/// Bytes of a map key. The kernel's own limit is far higher (`htab_map_alloc_check` in kernel/bpf/hashtab.c
/// bounds key and value together by `KMALLOC_MAX_SIZE`), but a key is built in a scratch frame.
pub const KEY_BYTES: u32 = 8 << 10;

/// Bytes of one CPU's value in a per-CPU map: `PCPU_MIN_UNIT_SIZE` in include/linux/percpu.h.
pub const PERCPU_VALUE_BYTES: u32 = 32 << 10;

/// Bytes of a plain map value: it is built in a scratch frame.
pub const PLAIN_VALUE_BYTES: u32 = 8 << 10;

/// Bytes of a record with its header: it is built in a scratch frame, and BPF addresses at most 32 KiB
/// from a base register.
pub const RECORD_BYTES: u32 = 16 << 10;

/// Bytes of a task's entry state: task storage ends a little below 64 KiB
/// (`BPF_LOCAL_STORAGE_MAX_VALUE_SIZE`), and every thread that makes a call holds one.
pub const STATE_BYTES: u32 = 16 << 10;

/// Arguments of one record: bits of the word that says which are absent.
pub const RECORD_ARGS: usize = 64;

/// Bytes of all main rings together, when records are sent for each event.
pub const MAIN_RINGS_BYTES: u32 = 64 << 20;

/// Bytes of all control rings together.
pub const CONTROL_RINGS_BYTES: u32 = 16 << 20;

/// Bytes of a call besides the buffers that are cut: registers, paths, structs, an execve's arguments, a directory's entries.
pub const CALL_BYTES: u32 = 40 << 10;

/// Bytes that a single read for a call may take: a page, which is also the longest path (`PATH_MAX`).
pub const CALL_READ_BYTES: u32 = 4096;

/// Bytes behind a call: a read that runs over, or a path that is walked from its end.
pub const CALL_SPARE_BYTES: u32 = 2 * CALL_READ_BYTES;
