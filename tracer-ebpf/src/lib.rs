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
    /// Array, `ABIS * SYSCALL_ROWS` × [`CallSteps`](super::CallSteps), by call as [`WANTED`].
    pub const CALL_STEPS: &str = "CALL_STEPS";
    /// Array of [`CallOp`](super::CallOp): the steps of all calls.
    pub const CALL_OPS: &str = "CALL_OPS";
    /// Array, [`CALL_SPILLS`](super::CALL_SPILLS) entries: parts of calls that are too many for the task's state.
    pub const CALL_SPILL: &str = "CALL_SPILL";
    /// Array, one u64: entries of `CALL_SPILL` in use.
    pub const CALL_SPILL_BUSY: &str = "CALL_SPILL_BUSY";
    /// Array of [`PatternRow`](super::PatternRow): the automata of the script's patterns, see [`pattern`](super::pattern).
    pub const PATTERNS: &str = "PATTERNS";
    /// Array, one entry × [`KernelOffsets`](super::KernelOffsets).
    pub const CALL_OFFSETS: &str = "CALL_OFFSETS";
}

/// A state of an automaton: the state that follows on each byte of a text; byte 0 ends it.
pub type PatternRow = [u16; 256];

/// The rows of [`map::PATTERNS`] that belong to no pattern.
pub mod pattern {
    /// Says at which row each pattern begins, by the pattern's number.
    pub const STARTS: u16 = 0;
    /// The text does not match: never left.
    pub const NO: u16 = 1;
    /// The text matches: never left.
    pub const YES: u16 = 2;
    /// The first row of the first pattern.
    pub const FIRST: u16 = 3;
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
    /// Always 0, which the verifier does not know: it follows a path by itself for each value that it knows.
    pub zero: u64,
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
    /// Who sends what is lost because the main ring is full.
    pub flooder: Flooder,
}

/// A process that sends much of what is lost: each of its losses is a vote for it, each of another one's a vote against, and at no
/// votes the next one is it. So a process with more than half of the losses is found, and never has fewer than its votes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Flooder {
    /// Its thread-group id.
    pub tgid: u64,
    /// Votes.
    pub votes: u64,
    /// Name of the thread that came first, NUL-padded.
    pub comm: [u8; 16],
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
    /// The process, as the first pid namespace numbers it: known before the runtime is asked.
    pub tgid: u64,
    /// `bpf_ktime_get_ns`, read by whoever first asks for it; 0: nobody did. So all that is said of a firing has one time.
    pub time_ns: u64,
    /// Arguments as they were at entry (only those asked for are filled).
    pub args: [u64; 6],
}

/// What a program asks for: each costs time, so none is filled unasked.
pub mod want {
    /// [`SysFrame::args`](super::SysFrame::args).
    pub const ARGS: u64 = 1;
    /// [`EntryState::time_ns`](super::EntryState::time_ns).
    pub const TIME: u64 = 2;
    /// The return of a fork in the new process, for clauses that send whole calls.
    pub const CHILDREN: u64 = 4;
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
    /// A call that the kernel goes on with by `restart_syscall`: one more than as in `call`; 0: none.
    pub interrupted: u64,
    /// Its first argument.
    pub interrupted_arg: u64,
}

/// Front of a captured user string; its bytes (capacity of the type) follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CapturedStr {
    /// The address.
    pub addr: u64,
    /// Length read at entry including the NUL, or a negative errno: then it is read again at exit, and [`LATE`](Self::LATE)
    /// is set when that went well.
    pub len: i64,
}

impl CapturedStr {
    /// Bit of `len`: read at exit.
    pub const LATE: i64 = 1 << 32;
}

/// A captured scalar that was loaded from user memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CapturedLoad {
    /// The value, extended as its type says.
    pub value: u64,
    /// 0, or 1 when a load faulted at entry: then it is loaded again at exit, or, in an execve, while the old program's memory is
    /// still there; [`LATE`](Self::LATE) when that went well.
    pub failed: u64,
}

impl CapturedLoad {
    /// `failed`: at entry it did, and was loaded since.
    pub const LATE: u64 = 2;
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
    pub kind: u16,
    /// One more than the number of the call that this one, a `restart_syscall`, goes on with; 0: none.
    pub continues: u16,
    /// Parts that follow.
    pub parts: u32,
}

/// What a [`CallRecord`] tells of: [`CallRecord::kind`].
pub mod call_kind {
    /// A call from entry to exit.
    pub const CALL: u16 = 0;
    /// A call that never returns: `exit`, `exit_group`.
    pub const NO_EXIT: u16 = 1;
    /// An exit whose entry was not seen: a call that seccomp denied, or one that had begun before tracing.
    pub const NO_ENTRY: u16 = 2;
    /// A call that has not ended: it is seen at its entry, or while its thread waits in it.
    pub const UNFINISHED: u16 = 3;
    /// The return of a fork in the new process, which has no entry of its own.
    pub const CHILD: u16 = 4;
}

/// What the runtime is told about the place that asks for a call.
pub mod call_flag {
    /// The call is at its entry.
    pub const AT_ENTRY: u64 = 1;
    /// The entry is seen when tracing is open: an exit without one is [`call_kind::NO_ENTRY`](super::call_kind::NO_ENTRY).
    pub const ENTRY_WANTED: u64 = 2;
    /// The entry kept memory: a [`CallEntry`](super::CallEntry) stands in the task's state, so many bytes from its front.
    pub const KEPT_AT: u32 = 16;
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
    /// A NUL-terminated string as it was at entry; without its NUL when only its front was read.
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

/// Front of a CPU's area for the bytes of a call, and the state of the walk over its memory. Room for the front of a record follows,
/// then the bytes of the call, then what a single read may run over.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CallArea {
    /// Bytes of the call that are there.
    pub len: u64,
    /// The next step: index into [`map::CALL_OPS`].
    pub op: u64,
    /// One past the last step.
    pub end: u64,
    /// The first step; bit i of `late` is step `first + i`.
    pub first: u64,
    /// Steps that faulted at entry.
    pub late: u64,
    /// What kind of walk it is: [`walk`].
    pub walk: u64,
    /// What the next turn does: [`turn`].
    pub turn: u64,
    /// The turn after a piece of memory was copied.
    pub after: u64,
    /// Where the piece is read on, and how much of it.
    pub addr: u64,
    /// Bytes to copy.
    pub left: u64,
    /// Where the part that is being written begins, from the call's first byte.
    pub part: u64,
    /// The next item of an array that is walked.
    pub item: u64,
    /// Its first item.
    pub items_at: u64,
    /// Items left.
    pub items: u64,
    /// Bytes of data left for all items.
    pub budget: u64,
    /// Bytes of each item at most.
    pub max: u64,
    /// [`op_flag`]s of the step.
    pub flags: u64,
    /// The argument that the step belongs to.
    pub arg: u64,
    /// 1 while the array itself is copied, not what its items point to.
    pub is_array: u64,
    /// What comes behind the last step: the first step of another walk, and one past its last.
    pub then: u64,
    /// See `then`.
    pub then_end: u64,
    /// The entry of a path that is walked: a `struct dentry`.
    pub dentry: u64,
    /// The `struct mount` that it is in.
    pub mount: u64,
    /// Where the process's root is: `dentry` and `vfsmount`.
    pub root: [u64; 2],
    /// Where the path begins so far, from the first byte behind the call.
    pub path_at: u64,
    /// Bytes and parts of the call when the last part was closed that the task's state could still hold.
    pub kept: u64,
    /// See `kept`.
    pub kept_parts: u64,
    /// How much the task's state can hold.
    pub keep: u64,
}

/// Kinds of walk: [`CallArea::walk`].
pub mod walk {
    /// What the call reads, at its entry.
    pub const IN: u64 = 0;
    /// What faulted at entry, at the exit.
    pub const LATE: u64 = 1;
    /// What the call wrote, at its exit.
    pub const OUT: u64 = 2;
}

/// Turns of a walk: [`CallArea::turn`].
pub mod turn {
    /// The next step.
    pub const STEP: u64 = 0;
    /// A page of the current piece.
    pub const COPY: u64 = 1;
    /// An item of an `iovec` array.
    pub const VECTOR: u64 = 2;
    /// An item of an array of pointers: the pointer.
    pub const POINTER: u64 = 3;
    /// An item of an array of pointers: the string there.
    pub const STRING: u64 = 4;
    /// A directory of a file's path, from its end.
    pub const PATH: u64 = 5;
}

/// A step of taking a call's memory. Steps are made from the table of signatures for the calls of a run.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallOp {
    /// One of [`call_op`].
    pub kind: u8,
    /// The argument that leads there.
    pub arg: u8,
    /// [`op_flag`]s.
    pub flags: u8,
    /// A further bound of the size: this argument's value, or 255.
    pub bound: u8,
    /// Steps to pass over.
    pub skip: u32,
    /// What is read.
    pub place: CallPlace,
    /// How long it is (bytes; items of an array), or what is tested.
    pub size: CallOperand,
    /// How much data all items of an `iovec` array hold together.
    pub budget: CallOperand,
    /// Bytes of what `size` counts.
    pub times: u32,
    /// Bytes at most: more are asked for, not copied.
    pub max: u32,
    /// 0.
    pub pad: u32,
    /// What a test compares with.
    pub value: u64,
    /// Which bits a test looks at.
    pub mask: u64,
}

/// Kinds of step: [`CallOp::kind`].
pub mod call_op {
    /// Reads a string.
    pub const STRING: u8 = 0;
    /// Reads bytes.
    pub const BYTES: u8 = 1;
    /// Reads an array of `struct iovec`, and what each of them points to.
    pub const VECTORS: u8 = 2;
    /// Reads an array of pointers up to a null one.
    pub const POINTERS: u8 = 3;
    /// The same, and the string at each.
    pub const STRINGS: u8 = 4;
    /// Passes over steps unless the masked value is `value`.
    pub const UNLESS_EQUAL: u8 = 5;
    /// Passes over steps unless the masked value is at least `value`.
    pub const UNLESS_AT_LEAST: u8 = 6;
    /// Passes over steps.
    pub const SKIP: u8 = 7;
    /// Says what a descriptor stands for; `size` is its number.
    pub const DESCRIPTOR: u8 = 8;
}

/// Flags of a step: [`CallOp::flags`].
pub mod op_flag {
    /// Pointers have 4 bytes.
    pub const SHORT: u8 = 1;
    /// The size counts bits, in whole pointers' widths.
    pub const BITS: u8 = 2;
    /// The size is that of the ioctl command in argument 1.
    pub const IOCTL: u8 = 4;
    /// The size counts bytes, and what is read has as many items as these have pages.
    pub const PAGES: u8 = 8;
}

/// An address: an argument plus `first`, or what the pointer there holds plus `then`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallPlace {
    /// The argument.
    pub arg: u8,
    /// 1: through the pointer at the address.
    pub through: u8,
    /// 0.
    pub pad: u16,
    /// Bytes added to the argument.
    pub first: u32,
    /// Bytes added to the pointer.
    pub then: u32,
}

/// A number.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallOperand {
    /// One of [`operand`].
    pub from: u8,
    /// Its bytes.
    pub width: u8,
    /// 0.
    pub pad: u16,
    /// Where it is; `first` is a constant's value.
    pub place: CallPlace,
}

/// Sources of a number: [`CallOperand::from`].
pub mod operand {
    /// A constant.
    pub const CONST: u8 = 0;
    /// An argument.
    pub const ARG: u8 = 1;
    /// The result.
    pub const RET: u8 = 2;
    /// Memory.
    pub const MEMORY: u8 = 3;
}

/// Front of a descriptor's part; a path or name follows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallDescriptor {
    /// One of [`descriptor_kind`].
    pub kind: u8,
    /// Bit 0: the file was deleted. Bit 1: the path's front is missing.
    pub flags: u8,
    /// Address family of a socket.
    pub family: u16,
    /// Type of a socket.
    pub sock_type: u16,
    /// Protocol of a socket.
    pub protocol: u16,
    /// Inode number.
    pub ino: u64,
    /// Inode number of a unix socket's other end; 0: none.
    pub peer: u64,
    /// Device number: major << 20 | minor.
    pub rdev: u32,
    /// Type and permissions.
    pub mode: u32,
    /// `sockaddr_in` or `sockaddr_in6` of a socket; family 0: none.
    pub local: [u8; 28],
    /// That of its other end.
    pub remote: [u8; 28],
}

/// Sorts of descriptor.
pub mod descriptor_kind {
    /// A file with a path.
    pub const FILE: u8 = 0;
    /// A pipe without a name.
    pub const PIPE: u8 = 1;
    /// A socket.
    pub const SOCKET: u8 = 2;
    /// An anonymous inode.
    pub const ANONYMOUS: u8 = 3;
}

/// Bytes behind the room in which a path is written: the longest name in a directory (`NAME_MAX`), and one.
pub const PATH_SPARE: u64 = 256;

/// Where the kernel keeps what leads from a descriptor to a path or an address: offsets of members in bytes. From the kernel's types; entry of
/// [`map::CALL_OFFSETS`], in this order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is STRUCT_MEMBER")]
pub struct KernelOffsets {
    pub task_files: u32,
    pub task_fs: u32,
    pub files_fdt: u32,
    pub fdtable_max_fds: u32,
    pub fdtable_fd: u32,
    pub fs_root: u32,
    pub fs_pwd: u32,
    pub path_mnt: u32,
    pub path_dentry: u32,
    pub file_path: u32,
    pub file_inode: u32,
    pub file_private: u32,
    pub inode_mode: u32,
    pub inode_ino: u32,
    pub inode_rdev: u32,
    pub inode_sb: u32,
    pub sb_magic: u32,
    pub dentry_parent: u32,
    pub dentry_name: u32,
    pub dentry_len: u32,
    pub dentry_hashed: u32,
    pub vfsmount_root: u32,
    pub mount_mnt: u32,
    pub mount_parent: u32,
    pub mount_point: u32,
    pub socket_sk: u32,
    pub socket_type: u32,
    pub socket_inode: u32,
    pub sock_family: u32,
    pub sock_daddr: u32,
    pub sock_rcv_saddr: u32,
    pub sock_dport: u32,
    pub sock_num: u32,
    pub sock_v6_daddr: u32,
    pub sock_v6_rcv_saddr: u32,
    pub sock_protocol: u32,
    pub sock_socket: u32,
    pub unix_addr: u32,
    pub unix_peer: u32,
    pub unix_address_len: u32,
    pub unix_address_name: u32,
    pub dentry_inode: u32,
}

/// The steps of one call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallSteps {
    /// The first step for what it reads.
    pub in_first: u32,
    /// How many.
    pub in_count: u32,
    /// The first step for what it writes.
    pub out_first: u32,
    /// How many.
    pub out_count: u32,
}

/// What a call's entry keeps for the value of `call` at its exit, in the task's state; [`CALL_KEPT_BYTES`] follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CallEntry {
    /// Bytes of parts.
    pub len: u64,
    /// Parts.
    pub parts: u64,
    /// Steps that faulted.
    pub late: u64,
    /// One more than the entry of [`map::CALL_SPILL`] that holds the parts; 0: they follow here.
    pub spill: u64,
    /// The arguments.
    pub args: [u64; 6],
}

/// Bytes of parts that each task's state has room for. A call with more takes an entry of [`map::CALL_SPILL`] until its exit.
pub const CALL_KEPT_BYTES: u32 = 952;

/// Entries of [`map::CALL_SPILL`].
pub const CALL_SPILLS: u32 = 64;
