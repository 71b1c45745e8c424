//! The plan: typed IR and kernel facts to programs, attach points, maps and record layouts; what runs where.
//!
//! In: [`ir::Program`] and [`Facts`]. Out: [`Plan`], complete: `codegen`, `link`,
//! `load`, `stream` and `session` need nothing else. `explain` prints it. Never emits instructions, never
//! asks the machine.
//!
//! Decisions made here:
//! - Syscall clauses share one raw `sys_enter` and one raw `sys_exit` program, whatever the number of
//!   calls; a table of masks by ABI and number says which clauses want a call.
//! - A `Whole` clause runs at exit. What must be taken at entry becomes a [`Capture`]; a clause without
//!   captures and without `Duration` needs no entry program at all.
//! - An execve that succeeds clears its registers and shows another number: what a clause needs of it is
//!   kept at entry, and its identity with it. Other calls do not pay for that.
//! - What the kernel cannot evaluate is split off, and run by the interpreter on records ([`UserHalf`]).
//! - A predicate conjunct runs at entry as well when its value there is already final (constants,
//!   scalar syscall arguments, pid, tid), so that entry work is skipped; it is always checked at exit.

pub mod explain;
pub mod limits;

mod again;
mod captures;
mod maps;
pub mod patterns;
mod predicates;
mod programs;
mod records;
mod rings;
mod split;
mod syscalls;
#[cfg(test)]
mod tests;
pub mod whole_calls;
mod within;

pub use split::UserHalf;

use crate::diag::depth::with_stack;
use crate::diag::{Diagnostic, codes};
use crate::facts::Facts;
use crate::ir::{self, ClauseId, EmitId, Expr, MapId, Mechanism, Stmt, SyscallSet};
use crate::types::Type;
use crate::types::counter::Counter;
use crate::types::task::TaskOffsets;
use std::fmt;
use tracer_ebpf::KernelOffsets;

/// What the user decides about a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Sizes of the record buffers; `None`: chosen by the plan.
    pub rings: Option<Rings>,
}

/// Plans a program for a kernel.
///
/// # Errors
/// What the kernel or the runtime cannot hold (`E05xx`), all of it.
pub fn plan(
    program: ir::Program,
    facts: &dyn Facts,
    options: &Options,
) -> Result<Plan, Vec<Diagnostic>> {
    with_stack(|| plan_all(program, facts, options))
}

fn plan_all(
    mut ir: ir::Program,
    facts: &dyn Facts,
    options: &Options,
) -> Result<Plan, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let user = split::split(&mut ir, &mut found);
    let (syscalls, shared) = syscalls::plan(&ir, facts, &mut found);
    let programs = programs::plan(&mut ir, shared, syscalls.as_ref(), facts);
    let task = syscalls.as_ref().and_then(|_| facts.task());
    let records = records::plan(&ir, &mut found);
    let mut syscalls = syscalls;
    if let Some(syscalls) = &mut syscalls {
        syscalls.exit_type = match syscalls.exit_bits {
            0 => None,
            _ => facts.raw_tracepoint_type("sys_exit"),
        };
        syscalls.call = records::call(&records, &ir, syscalls);
    }
    let calls = syscalls.as_ref().is_some_and(|s| s.call.is_some());
    let offsets = whole_calls::offsets(&ir, calls, facts, &mut found);
    let rings = options
        .rings
        .unwrap_or_else(|| rings::choose(&ir, &records, facts.possible_cpus()));
    let session_maps = maps::session(&ir, &programs, user.as_ref(), &mut found);
    check_loops(&ir, &mut found);
    if !found.is_empty() {
        return Err(found);
    }
    let maps = maps::specs(
        &ir,
        &session_maps,
        (syscalls.as_ref(), offsets.is_some()),
        rings,
        facts,
    );
    let streams = rings::streams(&ir, user.as_ref());
    let tree = maps::uses_tree(&ir);
    Ok(Plan {
        ir,
        user,
        programs,
        maps,
        session_maps,
        records,
        syscalls,
        rings,
        streams,
        tree,
        task,
        offsets,
        possible_cpus: facts.possible_cpus(),
    })
}

fn check_loops(ir: &ir::Program, found: &mut Vec<Diagnostic>) {
    for clause in &ir.clauses {
        let depth = ir::walk::loop_depth(&clause.body);
        if depth > limits::LOOP_DEPTH {
            let most = limits::LOOP_DEPTH;
            let what =
                format!("the loops of this clause run {depth} functions deep, at most {most} fit");
            found.push(
                Diagnostic::error(codes::LOOPS_TOO_DEEP, clause.span, what)
                    .help("a loop over a map is one; all other loops around or in it are one more each time"),
            );
        }
    }
}

/// Everything that one run needs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The typed script.
    pub ir: ir::Program,
    /// What runs in user space, when the kernel cannot do everything.
    pub user: Option<UserHalf>,
    /// Programs to generate, load and attach.
    pub programs: Vec<Program>,
    /// Maps to create: the session's, then the runtime's. Names are unique.
    pub maps: Vec<MapSpec>,
    /// How each script map is kept, by [`MapId`].
    pub session_maps: Vec<SessionMap>,
    /// Record layouts, by [`EmitId`].
    pub records: Vec<RecordLayout>,
    /// Which calls the shared programs look at.
    pub syscalls: Option<SyscallPlan>,
    /// Buffers for records.
    pub rings: Rings,
    /// The run prints or sends something for each event (then the terminal's processes are excluded too).
    pub streams: bool,
    /// Some clause asks for `tree`: the run has to say which processes it is about.
    pub tree: bool,
    /// Where the programs on system calls find what they ask of a task; without it they ask the kernel's helpers, which is dearer.
    pub task: Option<TaskOffsets>,
    /// Where the kernel keeps what leads to a path, when some part asks for one.
    pub offsets: Option<KernelOffsets>,
    /// CPUs that the kernel can have: what `ncpus` reads.
    pub possible_cpus: u32,
}

impl Plan {
    /// Number of the kernel's type of the tracepoint to which a program is bound when it is loaded; `None`: it is attached by name.
    pub fn bound_to(&self, hook: &Hook) -> Option<u32> {
        let syscalls = self.syscalls.as_ref().filter(|_| *hook == Hook::SysExit);
        syscalls.and_then(|syscalls| syscalls.exit_type)
    }
}

/// One BPF program.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    /// Unique, a valid symbol, at most 15 characters are shown by the kernel: `sys_exit`, `tp_0`, `begin_0`.
    pub name: String,
    /// How it is attached.
    pub hook: Hook,
    /// What it does, in order.
    pub parts: Vec<Part>,
}

impl Program {
    /// Of system calls, whatever it is attached to: it begins by asking which call the task is in.
    pub fn is_of_calls(&self) -> bool {
        let again = |part: &Part| matches!(part.role, Role::Again { .. });
        self.hook.is_of_calls() || self.parts.iter().any(again)
    }
}

/// Where a program is attached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hook {
    /// `raw_tp/sys_enter`, all calls.
    SysEnter,
    /// `raw_tp/sys_exit`, all calls.
    SysExit,
    /// `raw_tp/sched_process_exit`: the entry of calls that never return, seen when the task ends.
    SysLeave,
    /// `raw_tp/sched_prepare_exec`: execves, seen when they cannot fail any more.
    SysExec,
    /// `raw_tp/NAME`.
    RawTracepoint(String),
    /// Perf tracepoints.
    Tracepoints(Vec<At<TracepointPlace>>),
    /// Functions of the kernel.
    Functions {
        /// All by the same.
        mechanism: Mechanism,
        /// At least one.
        places: Vec<At<FunctionPlace>>,
    },
    /// Places in programs and libraries.
    UserPlaces {
        /// At the return of the functions that begin there.
        returns: bool,
        /// At least one.
        places: Vec<At<UserPlace>>,
    },
    /// A timer on each CPU.
    Profile {
        /// How often.
        rate: ir::Rate,
    },
    /// An address on each CPU.
    Watchpoint {
        /// A multiple of the length.
        address: u64,
        /// Bytes.
        length: u8,
        /// How it is accessed.
        access: ir::Access,
    },
    /// A counter on each CPU.
    Counter {
        /// Which.
        counter: &'static Counter,
        /// By how much it moves on from one firing to the next.
        every: u64,
    },
    /// A raw_tp program run by `BPF_PROG_TEST_RUN`: BEGIN.
    Begin,
    /// The same: END.
    End,
    /// The same: interval.
    Interval {
        /// Nanoseconds.
        period_ns: u64,
    },
    /// The same: a signal to the tracer.
    Signal {
        /// Its name.
        name: String,
        /// Its number.
        number: u8,
    },
    /// All objects of a kind, by the kernel's name of it, when user space asks for them.
    Iterator(String),
}

/// One of the places where a program is attached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct At<T> {
    /// Where.
    pub place: T,
    /// What the program is told about it: see [`cookie`].
    pub cookie: u64,
}

/// A tracepoint.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TracepointPlace {
    /// Subsystem.
    pub category: String,
    /// Event.
    pub name: String,
}

/// A place in the kernel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FunctionPlace {
    /// Function.
    pub function: String,
    /// The module that was chosen.
    pub module: Option<String>,
    /// Bytes into it.
    pub offset: u64,
}

/// A place in a program or library.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct UserPlace {
    /// The file.
    pub path: String,
    /// As it is shown.
    pub name: String,
    /// Bytes from its start.
    pub at: u64,
    /// Of the counter to be raised while it is attached; 0: there is none.
    pub semaphore: u64,
}

impl fmt::Display for TracepointPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.category, self.name)
    }
}

impl fmt::Display for FunctionPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(module) = &self.module {
            write!(f, "{module}:")?;
        }
        f.write_str(&self.function)?;
        match self.offset {
            0 => Ok(()),
            offset => write!(f, "+{offset}"),
        }
    }
}

impl fmt::Display for UserPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.name)
    }
}

/// What a program with several places is told about the one that fired: indices of the names of probe and function.
pub fn cookie(probe_name: u32, func_name: Option<u32>) -> u64 {
    u64::from(func_name.unwrap_or(u32::MAX)) << 32 | u64::from(probe_name)
}

impl Hook {
    /// How many places the program is attached to, where that can be several.
    pub fn places(&self) -> usize {
        match self {
            Hook::Tracepoints(places) => places.len(),
            Hook::Functions { places, .. } => places.len(),
            Hook::UserPlaces { places, .. } => places.len(),
            _ => 1,
        }
    }

    /// Of system calls: one of the programs that serve all clauses on them.
    pub fn is_of_calls(&self) -> bool {
        matches!(
            self,
            Hook::SysEnter | Hook::SysExit | Hook::SysLeave | Hook::SysExec
        )
    }

    /// Run by user space through `BPF_PROG_TEST_RUN`, not by an event.
    pub fn is_synthetic(&self) -> bool {
        matches!(
            self,
            Hook::Begin | Hook::End | Hook::Interval { .. } | Hook::Signal { .. }
        )
    }
}

/// One clause's share of a program.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// The clause it comes from.
    pub clause: ClauseId,
    /// Bit in the syscall mask that selects it; `None` when the program has one hook and every firing is meant.
    pub mask_bit: Option<u8>,
    /// What it does.
    pub role: Role,
}

/// What a part does.
#[derive(Clone, PartialEq, Debug)]
pub enum Role {
    /// Predicate, then body.
    Run {
        /// Index into [`ir::Program::probe_names`] when the program has one place; with several the [`cookie`] says it, and
        /// for syscall programs the name is made from the call.
        probe_name: Option<u32>,
        /// The same for `func`.
        func_name: Option<u32>,
        /// Checked first; all must hold.
        predicate: Vec<Expr>,
        /// The action. Expressions listed in `captures` read the state saved at entry instead of being
        /// evaluated, when the entry was seen; else they are evaluated here.
        body: Vec<Stmt>,
        /// What the entry saved for this clause; index into [`SyscallPlan::captures`].
        captures: Vec<CaptureId>,
    },
    /// Entry half of a clause that runs at exit: when the conjuncts hold, state is saved. A part of this role
    /// whose mask bit the exit program does not look at only keeps the call's identity across an execve.
    Capture {
        /// Conjuncts whose value is final at entry; all must hold.
        predicate: Vec<Expr>,
        /// What to save; index into [`SyscallPlan::captures`].
        captures: Vec<CaptureId>,
    },
    /// Between both, in an execve that cannot fail any more: what faulted at entry is read again, as long as the old program's
    /// memory is there.
    Again {
        /// What may have faulted; index into [`SyscallPlan::captures`].
        captures: Vec<CaptureId>,
    },
}

impl Role {
    /// What is asked first; all must hold.
    pub fn predicate(&self) -> &[Expr] {
        match self {
            Role::Run { predicate, .. } | Role::Capture { predicate, .. } => predicate,
            Role::Again { .. } => &[],
        }
    }
}

/// Index into [`SyscallPlan::captures`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CaptureId(pub u32);

/// The shared syscall programs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SyscallPlan {
    /// For each mask bit: the calls that clause wants. One table serves entry and exit.
    pub wants: Vec<SyscallSet>,
    /// Bits that the entry program looks at.
    pub enter_bits: u64,
    /// Bits that the exit program looks at.
    pub exit_bits: u64,
    /// Bits of the exit program whose clauses send whole calls.
    pub whole_bits: u64,
    /// These clauses get the return of a fork in the new process too.
    pub children: bool,
    /// Conjuncts of every clause's predicate that both programs ask before anything else.
    pub gate: Vec<Expr>,
    /// The kernel's type of `sys_exit`, where it tells: the exit program is bound to it, so that it can load from the registers that it
    /// is given (`tp_btf`).
    pub exit_type: Option<u32>,
    /// The entry program saves a state (time stamp, captures) for the exit.
    pub needs_state: bool,
    /// The state holds the entry's time.
    pub needs_time: bool,
    /// Saved values.
    pub captures: Vec<Capture>,
    /// Calls that are sent whole.
    pub sent_whole: SyscallSet,
    /// How whole calls are put together, when some clause sends them.
    pub call: Option<CallPlan>,
    /// Bytes of one task's state, with [`tracer_ebpf::EntryState`] at its front.
    pub state_size: u32,
}

/// Whole calls: sizes of a CPU's area ([`tracer_ebpf::CallArea`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallPlan {
    /// Bytes for what stands before a call in its record: header and other arguments, of the largest one.
    pub front_bytes: u32,
    /// Most bytes of a call.
    pub call_bytes: u32,
    /// Which memory is copied.
    pub steps: whole_calls::Steps,
}

impl CallPlan {
    /// Bytes of one area: the verifier takes the front and the whole at their largest, each by itself.
    pub fn area_bytes(&self) -> u32 {
        let spare = self.front_bytes.max(limits::CALL_SPARE_BYTES);
        size_of::<tracer_ebpf::CallArea>() as u32 + self.front_bytes + self.call_bytes + spare
    }
}

/// A value saved at entry for the exit.
#[derive(Clone, PartialEq, Debug)]
pub struct Capture {
    /// The expression as it stands in the clause, up to spans and sites ([`Expr::same_value`]). Evaluated at
    /// entry, where a fault is not counted.
    pub expr: Expr,
    /// Where its value lies in the state, from the state's first byte. A multiple of 8.
    ///
    /// - `Builtin::Arg`: 8 bytes.
    /// - `ReadStr` in user space: [`tracer_ebpf::CapturedStr`], then the capacity.
    /// - `Load` in user space (with the loads it is based on): [`tracer_ebpf::CapturedLoad`].
    /// - `Builtin::Call`: [`tracer_ebpf::CallEntry`] and [`tracer_ebpf::CALL_KEPT_BYTES`]. Nothing else lies there, whatever the call.
    ///
    /// What faulted at entry (its page was not present yet) is read again at exit (of an execve: before its old memory is gone),
    /// and counted there when it faults again.
    pub offset: u32,
}

/// A map to create in the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapSpec {
    /// Symbol and kernel name (at most 15 characters).
    pub name: String,
    /// Kind.
    pub kind: MapKind,
    /// Bytes.
    pub key_size: u32,
    /// Bytes.
    pub value_size: u32,
    /// Entries; bytes for a ring.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub flags: u32,
    /// For an array of maps: what it holds.
    pub inner: Option<Box<MapSpec>>,
}

/// Kinds of kernel map. The discriminant is `enum bpf_map_type`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u32)]
#[allow(missing_docs, reason = "each is the BPF_MAP_TYPE of its name")]
pub enum MapKind {
    Hash = 1,
    Array = 2,
    PercpuHash = 5,
    PercpuArray = 6,
    LruHash = 9,
    LruPercpuHash = 10,
    ArrayOfMaps = 12,
    Ringbuf = 27,
    TaskStorage = 29,
}

/// How a script map is kept in the kernel.
///
/// Key: the components, each in the layout of [`Type::size`], one after the other; a map without key has
/// the 4-byte index 0 of an array. Value: [`Type::size`] of a plain value; `AggKind::size` of an aggregation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionMap {
    /// The script's map.
    pub map: MapId,
    /// Its [`MapSpec`] by name; an array of [`tracer_ebpf::GENERATIONS`] maps when `cleared`.
    pub spec: String,
    /// Some clause clears or zeroes it: accesses go through the generation word
    /// (`GENERATION` map, index = `MapId`).
    pub cleared: bool,
    /// Kept in user space: there is no map in the kernel.
    pub user: bool,
    /// Updates use atomic instructions: writers can meet on one CPU. Plain per-CPU updates otherwise.
    pub atomic: bool,
    /// Key bytes; 0 without key.
    pub key_size: u32,
    /// Value bytes (of one CPU).
    pub value_size: u32,
}

/// How the arguments of an [`ir::Emit`] lie in its record's payload, after [`tracer_ebpf::RecordHeader`].
///
/// First the absent bits (`u64`, bit i = argument i was absent) when `has_absent`, then each argument at its
/// offset. The fixed part of a string, or of bytes of any kind, is 8 bytes: `u32` offset from the payload's first byte,
/// `u32` length; its bytes stand behind the fixed part of all arguments, in argument order, each start aligned to 8, without
/// NUL. A call's fixed part is like a string's, and its bytes are the last. Everything else is inline as in [`Type::size`].
///
/// `PrintMap`, `Clear` and `Zero` have no arguments; their payload is always one `u64` (`fixed_size` and
/// `max_size` are 8): [`tracer_ebpf::Generation::current`] of the map when the record was made, 0 for a map that is
/// not `cleared`. It tells the reader which inner map a print means, and up to which generation a clear has frozen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordLayout {
    /// The emit.
    pub id: EmitId,
    /// Whether some argument can be absent.
    pub has_absent: bool,
    /// Type and offset in the payload.
    pub args: Vec<(Type, u32)>,
    /// Bytes of the fixed part; a multiple of 8.
    pub fixed_size: u32,
    /// Bytes of the largest payload, without [`Type::Call`]s; a multiple of 8.
    pub max_size: u32,
    /// Most bytes of a [`Type::Call`], which stand at the payload's end; 0: it has none.
    pub call_bytes: u32,
    /// Sent through the control ring (print, clear, zero, exit, time) instead of the main one.
    pub control: bool,
}

/// Record buffers: one main and one control ring a CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rings {
    /// Bytes of a main ring: a power of two, >= 4096.
    pub main_bytes: u32,
    /// Bytes of a control ring.
    pub control_bytes: u32,
}

impl Default for Rings {
    fn default() -> Rings {
        Rings {
            main_bytes: 1 << 20,
            control_bytes: 1 << 14,
        }
    }
}
