//! The wire: layouts and constants that the kernel half and user space share. No logic, `no_std`.
//!
//! In: nothing. Out: `repr(C)` structs, native endian, without padding. Never code.
#![no_std]

/// Generations of a map that is cleared: slots of its array of maps. The kernel writes slot
/// `generation % GENERATIONS`; user space reads and recycles the older ones.
pub const GENERATIONS: u32 = 4;

/// Rows of the syscall mask table for one ABI. The last row stands for every number that no table knows
/// (out of range, negative, x32).
pub const SYSCALL_ROWS: u32 = 1024;
/// ABIs in the syscall mask table; its index is `abi * SYSCALL_ROWS + row`.
pub const ABIS: u32 = 2;
/// The row of unknown numbers.
pub const UNKNOWN_ROW: u32 = SYSCALL_ROWS - 1;

/// Names of the runtime's maps.
pub mod map {
    /// Array of maps: ring buffers, two for each possible CPU; index = 2 × cpu for the main ring, 2 × cpu + 1 for the
    /// control ring.
    pub const RINGS: &str = "RINGS";
    /// Array, `ABIS * SYSCALL_ROWS` × u64: clauses that want the call (bit = mask bit).
    pub const WANTED: &str = "WANTED";
    /// Task storage: [`EntryState`](super::EntryState) and captures.
    pub const STATE: &str = "STATE";
    /// Array, one entry per script map × [`Generation`](super::Generation).
    pub const GENERATION: &str = "GENERATION";
    /// Array, one u64 per script map: `Generation::current` may grow up to this, because user space has empty maps ready.
    /// A map of its own, since user space can only write whole entries and must never write `current`.
    pub const LIMIT: &str = "LIMIT";
    /// Per-CPU array, one entry × [`CpuStats`](super::CpuStats).
    pub const STATS: &str = "STATS";
    /// Array, one u64 per [`SiteId`]: runtime errors.
    pub const SITES: &str = "SITES";
    /// Array, possible CPUs × `FRAMES_PER_CPU` entries of the plan's frame size: scratch.
    pub const FRAMES: &str = "FRAMES";
    /// Per-CPU array, one u64: bits of the CPU's frames in use.
    pub const FRAMES_BUSY: &str = "FRAMES_BUSY";
    /// Array, one entry of zero bytes, as large as the largest value or key: source for new map entries.
    pub const ZEROES: &str = "ZEROES";
    /// Array, one entry × [`Control`](super::Control).
    pub const CONTROL: &str = "CONTROL";
    /// Array, possible CPUs × 2 entries: [`CallArea`](super::CallArea) with the bytes of a call; index = 2 × cpu at the call's entry,
    /// 2 × cpu + 1 at its exit. A program on a raw tracepoint never runs on top of itself, so no entry has two users.
    pub const CALL_AREAS: &str = "CALL_AREAS";
    /// Hash, process id (u32) × u64: the processes that `tree` is true for. The value is the address of the process's first
    /// task, 0 for what user space put there.
    pub const TREE: &str = "TREE";
}

/// Processes that `tree` can be true for at one time.
pub const TREE_MAX: u32 = 1 << 16;
/// Scratch frames of one CPU.
pub const FRAMES_PER_CPU: u32 = 4;
/// Processes that can be excluded from tracing.
pub const EXCLUDED_MAX: usize = 16;

/// The words that say whether to trace at all.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// 1 while tracing. Opened by user space after BEGIN and all attachments; closed by `exit()` in the
    /// kernel or by user space before draining.
    pub active: u64,
    /// `bpf_ktime_get_ns` when tracing started: what `elapsed` subtracts.
    pub start_ns: u64,
    /// Process id of the command that the run started, 0 without one: what `cpid` reads.
    pub child: u64,
    /// Used entries of `excluded`.
    pub excluded_len: u64,
    /// Where `tgid` is in `task_struct`, for following forks; 0: not known.
    pub tgid_offset: u64,
    /// The tracer itself first, then its ancestors up to the terminal: tgid as the first namespace sees it.
    pub excluded: [u32; EXCLUDED_MAX],
    /// Written by the runtime's `whoami` program: the caller's and its ancestors' tgids, 0-terminated.
    pub ancestors: [u32; EXCLUDED_MAX],
}

/// Generation of a cleared map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Generation {
    /// The slot in use is `current % GENERATIONS`. Only the kernel changes it (compare and exchange), up to the
    /// map's entry in [`map::LIMIT`].
    pub current: u64,
}

/// What one CPU counted. issued = delivered + filtered + lost, where delivered is what user space read (records)
/// or what reached a map.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuStats {
    /// Records whose sending was attempted on the main ring: the next one's sequence number.
    pub attempts_main: u64,
    /// The same for the control ring.
    pub attempts_control: u64,
    /// Losses, by [`loss`].
    pub lost: [u64; LOSSES],
}

/// Reasons of a loss: index into [`CpuStats::lost`].
pub const LOSSES: usize = 8;
/// Loss reasons.
pub mod loss {
    /// A record did not fit into the main ring.
    pub const RING_FULL: u64 = 0;
    /// A record did not fit into the control ring.
    pub const CONTROL_FULL: u64 = 1;
    /// An update was dropped: the map is full (or the kernel had no memory).
    pub const MAP_FULL: u64 = 2;
    /// No scratch frame was free; the clause did not run.
    pub const SCRATCH_BUSY: u64 = 3;
    /// Entry state could not be stored; the call was reported without it.
    pub const STATE_FULL: u64 = 4;
    /// `clear`/`zero` found no spare map; the map was not cleared.
    pub const NO_SPARE: u64 = 5;
    /// A record was larger than a record may be.
    pub const TOO_LARGE: u64 = 6;
}

/// Front of every record.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordHeader {
    /// `bpf_ktime_get_ns` when it was sent.
    pub time_ns: u64,
    /// Number of the attempt on this CPU's ring, from 0: a gap is a loss.
    pub seq: u64,
    /// Thread-group id in the high half, thread id in the low half.
    pub pid_tgid: u64,
    /// Which emit of the script.
    pub emit: u32,
    /// Index into the script's probe names, or `u32::MAX` for a syscall probe (see `syscall`).
    pub probe: u32,
    /// For syscall probes: ABI in bits 32.., number in bits 0..32.
    pub syscall: u64,
    /// CPU.
    pub cpu: u32,
    /// Payload bytes that follow.
    pub len: u32,
}

/// What the syscall programs know of a firing; on the generated program's stack.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SysFrame {
    /// Clauses that want this call.
    pub mask: u64,
    /// ABI in bits 32.., number (u32) in bits 0..32.
    pub call: u64,
    /// Result (exit only).
    pub ret: i64,
    /// Arguments as they were at entry (only those asked for are filled).
    pub args: [u64; 6],
}

/// What a program asks for: each costs time, so none is filled unasked.
pub mod want {
    /// [`SysFrame::args`](super::SysFrame::args).
    pub const ARGS: u64 = 1;
    /// [`EntryState::time_ns`](super::EntryState::time_ns).
    pub const TIME: u64 = 2;
}

/// How `rt_extreme` compares.
pub mod extreme {
    /// The least value, not the greatest.
    pub const LEAST: u64 = 1;
    /// As signed numbers.
    pub const SIGNED: u64 = 2;
}

/// Front of a task's entry state.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct EntryState {
    /// Clauses (mask bits) whose entry was saved and not yet used; 0: nothing saved.
    pub seen: u64,
    /// As in [`SysFrame::call`].
    pub call: u64,
    /// `bpf_ktime_get_ns` at entry, when asked for ([`want::TIME`]); else 0.
    pub time_ns: u64,
}

/// Front of a captured user string; its bytes (capacity of the type) follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CapturedStr {
    /// The address.
    pub addr: u64,
    /// Length read at entry including the NUL, or a negative errno: then it is read again at exit.
    pub len: i64,
}

/// A captured scalar that was loaded from user memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CapturedLoad {
    /// The value, extended as its type says.
    pub value: u64,
    /// 0, or 1 when a load faulted at entry: then it is loaded again at exit.
    pub failed: u64,
}

/// Front of the bytes of a call (a value of the language's type `call`): the registers, as they were. [`CallPart`]s follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallRecord {
    /// ABI in bits 32.., number in bits 0..32, as at entry.
    pub call: u64,
    /// The result; 0 when there is none.
    pub ret: i64,
    /// `bpf_ktime_get_ns` at entry; 0: the entry was not seen, or nobody asked for its time.
    pub entry_ns: u64,
    /// `bpf_ktime_get_ns` at exit; 0: the call has not ended.
    pub exit_ns: u64,
    /// Arguments as they were at entry.
    pub args: [u64; 6],
    /// Name of the thread, NUL-padded.
    pub comm: [u8; 16],
    /// One of [`call_kind`].
    pub kind: u32,
    /// Parts that follow.
    pub parts: u32,
}

/// What a [`CallRecord`] tells of: [`CallRecord::kind`].
pub mod call_kind {
    /// A call from entry to exit.
    pub const CALL: u32 = 0;
    /// A call that never returns: `exit`, `exit_group`.
    pub const NO_EXIT: u32 = 1;
    /// An exit whose entry was not seen: the return of a fork in the child, a call that seccomp denied, or one that had begun before tracing.
    pub const NO_ENTRY: u32 = 2;
    /// A call that did not end: its thread was killed, or it is seen at its entry.
    pub const UNFINISHED: u32 = 3;
}

/// What the runtime is told about the place that asks for a call.
pub mod call_flag {
    /// The call is at its entry.
    pub const AT_ENTRY: u64 = 1;
    /// The entry is seen when tracing is open: an exit without one is [`call_kind::NO_ENTRY`](super::call_kind::NO_ENTRY).
    pub const ENTRY_WANTED: u64 = 2;
}

/// A piece of memory of the calling process, or what a descriptor stands for: `len` bytes follow, padded to 8.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallPart {
    /// User address; for descriptors the descriptor's number.
    pub addr: u64,
    /// Bytes asked for; `u32::MAX` for a string, whose length nobody knew.
    pub wanted: u32,
    /// Bytes that follow. Fewer than `wanted` in state [`part_state::OK`]: more were not to be copied.
    pub len: u32,
    /// One of [`part_kind`].
    pub what: u8,
    /// One of [`part_state`].
    pub state: u8,
    /// The argument that led here.
    pub arg: u8,
    /// 0.
    pub pad: [u8; 5],
}

/// What a [`CallPart`] holds: [`CallPart::what`].
pub mod part_kind {
    /// Memory as it was at entry.
    pub const MEMORY_IN: u8 = 0;
    /// Memory as it was at exit.
    pub const MEMORY_OUT: u8 = 1;
    /// What a descriptor stood for at entry.
    pub const DESCRIPTOR_IN: u8 = 2;
    /// The same at exit.
    pub const DESCRIPTOR_OUT: u8 = 3;
    /// A NUL-terminated string (without its NUL) as it was at entry.
    pub const STRING_IN: u8 = 4;
    /// The same at exit.
    pub const STRING_OUT: u8 = 5;
}

/// How a [`CallPart`] was read: [`CallPart::state`].
pub mod part_state {
    /// When it was meant to be.
    pub const OK: u8 = 0;
    /// Its page was not present at entry: read at exit.
    pub const LATE: u8 = 1;
    /// Not at all: the address cannot be read.
    pub const FAULT: u8 = 2;
    /// The address is 0.
    pub const NULL: u8 = 3;
    /// Up to a page that cannot be read.
    pub const TRUNCATED: u8 = 4;
    /// Not at all: there was no room.
    pub const NOT_READ: u8 = 5;
}

/// Front of a CPU's area for the bytes of a call. Room for the front of a record follows, then the bytes of the call, then what
/// a single read may run over.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CallArea {
    /// Bytes of the call that are there.
    pub len: u64,
}
