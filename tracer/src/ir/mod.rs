//! The typed IR: what a script means, with every name resolved and every type known.
//!
//! In: built by `sema`, or read from its text form. Out: taken by `plan`, `codegen` and `interp`, which
//! must agree on it; `verify` checks its rules and `text` prints it. Never knows how something is
//! executed, captured or attached.
//!
//! Meaning that all executors share:
//! - Integers are 64-bit two's complement in registers; a narrower [`Type::Int`] is kept already
//!   extended. `Cast` is the only narrowing. Arithmetic wraps. Both operands of a [`Binary`] have 64-bit
//!   types of one signedness (sema inserts casts); signedness of the operands selects the operation.
//! - `x / 0` is 0, `x % 0` is x; both count at their [`SiteId`]. i64::MIN / -1 wraps, % is 0.
//! - A shift count is unsigned; >= 64 gives 0, or all sign bits for a signed right shift.
//! - Strings compare by bytes up to the first NUL (both are NUL-padded), cut at the smaller capacity
//!   only by an explicit `Cast`.
//! - A missing map key reads as 0 or the empty string and is not created.
//! - A failed memory read gives 0 or the empty string and counts at its site.
//! - Evaluation order is left to right; `&&`, `||` and `?:` are lazy.
//!
//! [`Binary`]: ExprKind::Binary

#[cfg(any(test, feature = "fuzz"))]
pub mod arbitrary;
#[cfg(any(test, feature = "fuzz"))]
pub mod build;
mod name;
pub mod ops;
pub mod text;
pub mod verify;
pub mod walk;

use crate::diag::Span;
use crate::types::counter::Counter;
use crate::types::pattern::Pattern;
use crate::types::{Abi, AggKind, Space, Stack, Type};

/// Index into [`Program::clauses`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClauseId(pub u32);
/// Index into [`Program::maps`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MapId(pub u32);
/// Index into [`Clause::vars`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VarId(pub u32);
/// Index into [`Program::emits`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EmitId(pub u32);
/// Index into [`Program::sites`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SiteId(pub u32);
/// Index into [`Program::patterns`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PatternId(pub u32);

/// How often loop conditions are tested in one firing of a clause. The test after that leaves the clause instead, as
/// `return` does, and counts at the site of the loop whose condition it was. (`bpf_loop` runs at most 2^23 steps, and
/// the first one begins the clause.)
pub const LOOP_TESTS: u32 = (1 << 23) - 1;

/// Strings that [`ExprKind::ReadArgv`] reads at most, and bytes of each of them with its NUL.
pub const ARGV_STRINGS: u32 = 16;
/// See [`ARGV_STRINGS`].
pub const ARGV_BYTES: u32 = 1024;

/// Capacity that a path has at least.
pub const PATH_BYTES: u32 = 32;

/// Which tail of a clause runs in user space: index into `plan::UserHalf::tails`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TailId(pub u32);

/// A whole typed script.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Program {
    /// In source order; clauses on one probe run in this order.
    pub clauses: Vec<Clause>,
    /// Every map used.
    pub maps: Vec<Map>,
    /// Every statement that sends something to user space.
    pub emits: Vec<Emit>,
    /// Every place where a runtime error can be counted.
    pub sites: Vec<Site>,
    /// What `Lazy::ProbeName` indexes.
    pub probe_names: Vec<String>,
    /// What `Lazy::FuncName` indexes.
    pub func_names: Vec<String>,
    /// What the first word of `Wide::Time` indexes: formats of `strftime`.
    pub texts: Vec<String>,
    /// What `Lazy::Enum` indexes.
    pub enums: Vec<EnumNames>,
    /// What [`ExprKind::Matches`] indexes.
    pub patterns: Vec<Pattern>,
    /// Capacity of a `str()` without length, including the NUL.
    pub max_strlen: u32,
    /// Entries a map may hold.
    pub max_map_keys: u32,
    /// What [`Builtin::Call`] carries.
    pub call: CallOptions,
    /// What the script decides about the user half.
    pub user: UserSettings,
}

/// What a script decides about the user half of its run. It changes no result, only what is shown of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserSettings {
    /// Maps are printed when the run ends.
    pub print_maps_on_exit: bool,
    /// What follows a string that was cut at [`Program::max_strlen`].
    pub trailer: String,
    /// How rows are sorted where the script does not say.
    pub sort: Order,
    /// Bytes of a file that `cat` prints at most.
    pub max_cat_bytes: u32,
    /// Bytes of a main ring; a power of two.
    pub ring_bytes: Option<u32>,
}

/// As bpftrace does.
impl Default for UserSettings {
    fn default() -> UserSettings {
        UserSettings {
            print_maps_on_exit: true,
            trailer: "..".to_owned(),
            sort: Order::Value,
            max_cat_bytes: 10 << 10,
            ring_bytes: None,
        }
    }
}

/// What the value of `call` carries besides registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallOptions {
    /// Bytes of each buffer. Paths and structs are whole.
    pub max_bytes: u32,
    /// The time of the entry too, also of calls whose entry has nothing else to keep.
    pub times: bool,
    /// What descriptors stand for: paths of files, ends of sockets.
    pub descriptors: bool,
    /// The return of a fork in the new process too.
    pub children: bool,
}

/// As strace does.
impl Default for CallOptions {
    fn default() -> CallOptions {
        CallOptions {
            max_bytes: 32,
            times: false,
            descriptors: false,
            children: false,
        }
    }
}

/// The enumerators of an enum.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EnumNames {
    /// Number and name, in order of declaration: the first name of a number stands for it.
    pub names: Vec<(i64, String)>,
}

/// A place where something can go wrong at run time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// What.
    pub kind: SiteKind,
    /// Where in the script.
    pub span: Span,
}

/// Runtime errors that are counted by place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SiteKind {
    /// Division by zero; the result was 0.
    DivideByZero,
    /// Modulo by zero; the result was the left operand.
    ModuloByZero,
    /// Memory could not be read; the result was 0 or empty.
    ReadFailed,
    /// An aggregation or assignment was skipped: its value was absent.
    Absent,
    /// A loop had not ended after [`LOOP_TESTS`]; the clause was left.
    LoopLimit,
}

/// One typed clause. A source clause whose probes give its body different types becomes several.
#[derive(Clone, PartialEq, Debug)]
pub struct Clause {
    /// The probes it runs on; at least one. All give the body the same meaning.
    pub probes: Vec<Probe>,
    /// Runs only when this is true (type Bool).
    pub predicate: Option<Expr>,
    /// What it does.
    pub body: Vec<Stmt>,
    /// Types of its `$variables`; all start as 0 or empty in each firing.
    pub vars: Vec<Var>,
    /// The source clause.
    pub span: Span,
}

/// A `$variable`.
#[derive(Clone, PartialEq, Debug)]
pub struct Var {
    /// Without `$`. Names made by sema begin with a dot.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A probe, resolved: it names one hook (or one set of system calls).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Probe {
    /// Once, before tracing starts.
    Begin,
    /// Once, after tracing ended.
    End,
    /// Each period, on one CPU, in the tracer's own task.
    Interval {
        /// Nanoseconds, > 0.
        period_ns: u64,
    },
    /// Each time the tracer gets that signal, in its own task.
    Signal {
        /// e.g. `SIGUSR1`.
        name: String,
        /// Its number.
        number: u8,
    },
    /// Once for each object of a kind, in the tracer's own task: when all else is attached.
    Iterator {
        /// The kernel's name of it: `task`, `task_file`.
        name: String,
    },
    /// On each CPU each time a timer of it has gone off, whatever runs there.
    Profile {
        /// How often.
        rate: Rate,
    },
    /// Each time memory is accessed, on any CPU, whoever does it.
    Watchpoint {
        /// A multiple of the length; of the kernel or of a process.
        address: u64,
        /// Bytes: 1, 2, 4 or 8.
        length: u8,
        /// How.
        access: Access,
    },
    /// Each time a counter has moved on by so much, on the CPU where it did.
    Counter {
        /// Which.
        counter: &'static Counter,
        /// By how much, > 0.
        every: u64,
    },
    /// System calls.
    Syscall {
        /// Which.
        calls: SyscallSet,
        /// When.
        phase: Phase,
    },
    /// `tracepoint:category:name`.
    Tracepoint {
        /// e.g. `sched`.
        category: String,
        /// e.g. `sched_switch`.
        name: String,
    },
    /// `rawtracepoint:name`.
    RawTracepoint {
        /// e.g. `sched_switch`.
        name: String,
    },
    /// A function of the kernel: `kprobe:function+offset`, `fentry:module:function`, ….
    Function {
        /// e.g. `vfs_read`.
        function: String,
        /// The module that was chosen; `None`: wherever it is.
        module: Option<String>,
        /// Bytes into it; 0 for all but a kprobe.
        offset: u64,
        /// What the script says: the probe's name.
        asked: Mechanism,
        /// What serves it.
        used: Mechanism,
    },
    /// A place in a program or library: `uprobe:path:function`, `uretprobe:path:function`.
    UserFunction {
        /// The file, found and made absolute.
        path: String,
        /// As it is shown: `malloc`, `malloc+4`, `0x1234`.
        function: String,
        /// Bytes from the file's start.
        at: u64,
        /// Fires at the return.
        returns: bool,
    },
    /// A tracepoint that a program or library brings along, at one of its places: `usdt:path:provider:name`.
    Usdt {
        /// The file, found and made absolute.
        path: String,
        /// Who defines it.
        provider: String,
        /// Its name.
        name: String,
        /// Bytes from the file's start.
        at: u64,
        /// Of the counter that switches it on, bytes from the file's start; 0 when it is always on.
        semaphore: u64,
    },
}

impl Probe {
    /// A firing sees the registers of what was interrupted.
    pub fn has_registers(&self) -> bool {
        match self {
            Probe::Function { used, .. } => !used.needs_btf(),
            Probe::UserFunction { .. }
            | Probe::Usdt { .. }
            | Probe::Profile { .. }
            | Probe::Watchpoint { .. }
            | Probe::Counter { .. } => true,
            _ => false,
        }
    }

    /// It fires because the tracer does something, not because of anything that is watched.
    pub fn is_own(&self) -> bool {
        matches!(
            self,
            Probe::Begin | Probe::End | Probe::Interval { .. } | Probe::Signal { .. }
        )
    }

    /// It fires in a process, because of what that process does.
    pub fn is_of_a_process(&self) -> bool {
        matches!(
            self,
            Probe::Syscall { .. }
                | Probe::UserFunction { .. }
                | Probe::Usdt { .. }
                | Probe::Watchpoint { .. }
        )
    }
}

/// How memory is accessed that is watched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// It is written.
    Write,
    /// It is read or written.
    ReadWrite,
    /// An instruction there is executed.
    Execute,
}

impl Access {
    /// All of them.
    pub const ALL: [Access; 3] = [Access::Write, Access::ReadWrite, Access::Execute];

    /// As in a probe.
    pub fn letters(self) -> &'static str {
        match self {
            Access::Write => "w",
            Access::ReadWrite => "rw",
            Access::Execute => "x",
        }
    }
}

/// How a kernel function is probed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mechanism {
    /// A breakpoint or a jump at an instruction.
    Kprobe,
    /// The same at the return.
    Kretprobe,
    /// The compiler's own hook at the function's start.
    Fentry,
    /// The same at its return.
    Fexit,
}

impl Mechanism {
    /// The provider's name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Kprobe => "kprobe",
            Mechanism::Kretprobe => "kretprobe",
            Mechanism::Fentry => "fentry",
            Mechanism::Fexit => "fexit",
        }
    }

    /// It fires when the function returns.
    pub fn returns(self) -> bool {
        matches!(self, Mechanism::Kretprobe | Mechanism::Fexit)
    }

    /// The kernel attaches it by a BTF id.
    pub fn needs_btf(self) -> bool {
        matches!(self, Mechanism::Fentry | Mechanism::Fexit)
    }
}

/// How often a timer goes off. Hertz stay hertz: they are in the probe's name, and their period is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rate {
    /// Times a second, > 0.
    Hertz(u64),
    /// Nanoseconds from one time to the next, > 0.
    Period(u64),
}

impl Rate {
    /// Nanoseconds from one time to the next; 0 for a rate that no timer reaches.
    pub fn period_ns(self) -> u64 {
        match self {
            Rate::Hertz(times) => 1_000_000_000u64.checked_div(times).unwrap_or(0),
            Rate::Period(ns) => ns,
        }
    }
}

/// When a syscall clause fires.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// At `sys_enter`.
    Entry,
    /// At `sys_exit`, the return's view: `args` are not available.
    Return,
    /// At `sys_exit`, once per finished call, with arguments as at entry, result and duration.
    Whole,
}

/// A set of system calls.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct SyscallSet {
    /// Sorted, without duplicates.
    pub calls: Vec<(Abi, u32)>,
    /// Also numbers that no table knows (a plain `*`).
    pub unknown: bool,
}

/// A map.
#[derive(Clone, PartialEq, Debug)]
pub struct Map {
    /// Without `@`; empty for the unnamed map.
    pub name: String,
    /// Key components; empty for a scalar map `@x`.
    pub key: Vec<Type>,
    /// What it holds.
    pub value: MapValue,
    /// How many keys it may hold, when the script says so; else [`Program::max_map_keys`]. Only with keys.
    pub room: Option<Room>,
    /// First use.
    pub span: Span,
}

/// What a script declares of a map's size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Keys, > 0.
    pub entries: u32,
    /// A new key takes the place of one that was not used lately, instead of being dropped. Which one is up to the
    /// kernel.
    pub recent: bool,
}

impl Map {
    /// How many keys it may hold.
    pub fn entries(&self, program: &Program) -> u32 {
        self.room.map_or(program.max_map_keys, |room| room.entries)
    }

    /// The type of a key and its value, as `for` gives them; `None` when the map has no key or no single values.
    pub fn pair(&self) -> Option<Type> {
        let key = match self.key.as_slice() {
            [] => return None,
            [only] => only.clone(),
            parts => Type::Tuple(parts.to_vec()),
        };
        let value = match &self.value {
            MapValue::Plain(ty) => ty.clone(),
            MapValue::Agg(kind) => kind.value()?,
        };
        Some(Type::Tuple(vec![key, value]))
    }
}

/// What a map holds.
#[derive(Clone, PartialEq, Debug)]
pub enum MapValue {
    /// A plain value, shared by all CPUs.
    Plain(Type),
    /// An aggregation, per CPU.
    Agg(AggKind),
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// Its type.
    pub ty: Type,
    /// What.
    pub kind: ExprKind,
    /// Where in the script.
    pub span: Span,
}

/// Kinds of expression. Each says what type it has.
#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// A constant of scalar type: the 64 bits.
    Int(u64),
    /// A constant string, without NUL; type `Str { cap >= len + 1 }`.
    Str(Vec<u8>),
    /// A property of the event or of the current task.
    Builtin(Builtin),
    /// A variable.
    Var(VarId),
    /// A plain map's value.
    MapGet {
        /// A `Plain` map.
        map: MapId,
        /// One per key component, of exactly its type.
        key: Vec<Expr>,
    },
    /// An aggregation's value, merged from all CPUs as it is now: a count, a sum, an average, …; 0 for a missing key. Of the
    /// kind's type ([`AggKind::value`]).
    AggGet {
        /// An `Agg` map whose kind has a value.
        map: MapId,
        /// One per key component, of exactly its type.
        key: Vec<Expr>,
    },
    /// The map has that key; type Bool.
    HasKey {
        /// A map of any kind, with a key.
        map: MapId,
        /// One per key component, of exactly its type.
        key: Vec<Expr>,
    },
    /// Unary operation.
    Unary {
        /// Which.
        op: Unary,
        /// Its operand.
        operand: Box<Expr>,
    },
    /// Binary operation.
    Binary {
        /// Which.
        op: Binary,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
        /// For Div and Mod: where a zero divisor is counted.
        site: Option<SiteId>,
    },
    /// Comparison; type Bool. Operands have one type up to `Str` capacity: scalars (signedness from the
    /// type), strings (all six), tuples (`Eq`, `Ne`).
    Compare {
        /// Which.
        op: Compare,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `a && b`, lazy; all Bool.
    And(Box<Expr>, Box<Expr>),
    /// `a || b`, lazy; all Bool.
    Or(Box<Expr>, Box<Expr>),
    /// `c ? a : b`; both of the expression's type.
    Cond(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Conversion: scalar to scalar (narrow, extend, to Bool as `!= 0`, reinterpret), string to string
    /// of another capacity (cut or padded), a tuple of 64-bit integers to a [`Wide`](crate::types::Wide) of as many words or to
    /// an array of that size, a tuple to the record of the same types and back, or string to bytes: as many as the capacity, 0 behind the text.
    Cast(Box<Expr>),
    /// A load of 1, 2, 4 or 8 bytes (or a bit field) at `base + offset`, extended as the type says.
    Load {
        /// An address (scalar).
        base: Box<Expr>,
        /// Bytes added to it.
        offset: i64,
        /// Address space.
        space: Space,
        /// Bytes to load: 1, 2, 4, 8.
        width: u8,
        /// Cut out of the loaded (little-endian) word: first bit and number of bits.
        bits: Option<(u8, u8)>,
        /// Where a fault is counted.
        site: SiteId,
    },
    /// A NUL-terminated string read at an address, or a fixed `char[n]`; type Str, which gives the capacity.
    ReadStr {
        /// The address (scalar).
        addr: Box<Expr>,
        /// Address space.
        space: Space,
        /// Where a fault is counted.
        site: SiteId,
    },
    /// An array read at an address, its elements side by side as in C; type Array, packed. A fault leaves all of it 0.
    ReadArray {
        /// The address (scalar).
        addr: Box<Expr>,
        /// Address space.
        space: Space,
        /// Where a fault is counted.
        site: SiteId,
    },
    /// So many bytes read at an address, at most the capacity; type Bytes. A fault leaves it without bytes.
    ReadBytes {
        /// The address (scalar).
        addr: Box<Expr>,
        /// How many, an unsigned 64-bit integer.
        length: Box<Expr>,
        /// Address space.
        space: Space,
        /// Where a fault is counted.
        site: SiteId,
    },
    /// The strings that an array of pointers points to, up to a null pointer, [`ARGV_STRINGS`] of them, [`ARGV_BYTES`] or
    /// the capacity: each with its NUL, one behind the other; type Bytes of at least [`ARGV_BYTES`]. One that does not fit is
    /// cut. A fault ends it.
    ReadArgv {
        /// The address of the array (scalar).
        addr: Box<Expr>,
        /// Address space of the array and of the strings.
        space: Space,
        /// Where a fault is counted.
        site: SiteId,
    },
    /// The path at the address of a `struct path` of the kernel, as the current process sees it; type Str of at least
    /// [`PATH_BYTES`]. Of one that does not fit the front is missing. A fault leaves it empty.
    ReadPath {
        /// The address (scalar).
        addr: Box<Expr>,
        /// Where a fault is counted.
        site: SiteId,
    },
    /// How a reading goes, a `ReadStr` or a `Load`; type Lazy ArgState. The reading is not counted when it fails. `null`: the
    /// address (of a load: the base) is 0; `fault`: it cannot be read; `truncated`: the string fills its capacity; `late`: it
    /// could not be read, or was not seen, when the event began, and can be now; else `ok`.
    ReadState(Box<Expr>),
    /// Length in bytes of a string or of `Bytes`, number of frames of a stack; type U64.
    Length(Box<Expr>),
    /// Where the second string begins in the first one, from 0; -1 when it does not. Type I64. An empty one is at 0.
    Position(Box<Expr>, Box<Expr>),
    /// A pattern matches the string; type Bool.
    Matches(Box<Expr>, PatternId),
    /// An element of an array value, 0 in all its bytes when the index is beyond its end; of the array's element type. Of a
    /// string a byte, of a signed 8-bit type.
    Element(Box<Expr>, Box<Expr>),
    /// The map has that key; type Bool. If so, the variable gets the key's value.
    Find {
        /// A `Plain` map, with a key.
        map: MapId,
        /// One per key component, of exactly its type.
        key: Vec<Expr>,
        /// Of the map's type.
        var: VarId,
    },
    /// Address of a dynamic (`__data_loc`) string or array of a tracepoint: context + (word & 0xffff), as a
    /// kernel pointer. The word is 4 bytes at `offset` in the tracepoint's record.
    DataLoc {
        /// Offset of the 4-byte word.
        offset: u32,
    },
    /// A field in the tracepoint's own record (`Probe::Tracepoint` only), extended as the type says.
    Field {
        /// Offset in the record, from its first byte (the common fields).
        offset: u32,
        /// 1, 2, 4 or 8.
        width: u8,
    },
    /// Address of a field in the tracepoint's own record, for `ReadStr` of fixed arrays.
    FieldAddr {
        /// Offset in the record.
        offset: u32,
    },
    /// The tuple of its parts; type Tuple of their types.
    Tuple(Vec<Expr>),
    /// A component of a tuple.
    TupleField(Box<Expr>, u32),
    /// A member of a struct that is a value, by its number in the shape; of the member's type.
    Member(Box<Expr>, u32),
    /// What printing the operand shows (a lazy value, a stack), cut to the capacity; type Str. User space alone can
    /// tell it: `plan` moves what needs it there.
    Text(Box<Expr>),
    /// `++x` and the like on a variable: type of the variable.
    StepVar {
        /// The variable, of 64-bit integer or pointer type.
        var: VarId,
        /// Added.
        delta: i64,
        /// Yields the value before the step.
        postfix: bool,
    },
    /// `@x++` and the like on a plain integer map: atomic; a missing key starts from 0.
    StepMap {
        /// The map.
        map: MapId,
        /// Its key.
        key: Vec<Expr>,
        /// Added.
        delta: i64,
        /// Yields the value before the step.
        postfix: bool,
    },
}

/// Properties of an event or of the current task.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Builtin {
    /// Thread-group id, as the kernel's first namespace sees it. U32.
    Pid,
    /// Thread id. U32.
    Tid,
    /// Real user id. U32.
    Uid,
    /// Real group id. U32.
    Gid,
    /// Name of the current thread. COMM.
    Comm,
    /// CPU number. U32.
    Cpu,
    /// Monotonic clock, ns. U64.
    Nsecs,
    /// Nanoseconds since tracing started. U64.
    Elapsed,
    /// Random. U32.
    Rand,
    /// Id of the cgroup (v2). U64.
    Cgroup,
    /// The process is the target of the run or descends from it. Bool.
    Tree,
    /// Address of the `task_struct`. Kernel pointer or U64.
    Curtask,
    /// Number of possible CPUs. U64.
    Ncpus,
    /// Name of the probe that fired. Lazy ProbeName. Not in syscall clauses: there sema makes the name from
    /// `SyscallName` (see [`SyscallProbe`](crate::types::SyscallProbe)).
    Probe,
    /// Name of the function that fired. Lazy FuncName. Not in syscall clauses: there it is `SyscallName`.
    Func,
    /// Argument `n` (from 0) of the hook: raw_tp, fentry/fexit argument, kprobe argument register,
    /// or syscall argument. 64 bits.
    Arg(u8),
    /// Result: of the syscall (I64), the function (kretprobe, fexit).
    Retval,
    /// Syscall probes: number, as it was seen. I64.
    SyscallNr,
    /// Syscall probes: ABI and number. Lazy SyscallName.
    SyscallName,
    /// Syscall probes: Lazy Abi.
    SyscallAbi,
    /// Syscall probes: `retval` in -4095..0 negated, else 0. Lazy Errno.
    Errno,
    /// Syscall probes: the entry was seen. Bool. sema guards every use of `Duration` with it.
    EntrySeen,
    /// Syscall probes: ns from entry to exit; 0 when the entry was not seen. U64.
    Duration,
    /// A stack, of that type.
    Stack(Stack),
    /// Syscall probes that have arguments: the whole call. Call. Only ever an argument of an emit, without `present`.
    Call,
    /// The kernel's count of timer ticks. U64.
    Jiffies,
    /// Number of the NUMA node. U32.
    Numaid,
    /// The event interrupted a program, not the kernel. Bool. False where the probe has no registers.
    Usermode,
    /// Address of the event's context. U64, or a kernel pointer.
    Ctx,
    /// Process id of the command that the run started; 0 without one. U32.
    Cpid,
    /// The machine that the event is of. Lazy Host.
    Host,
    /// A saved register: bytes into `struct pt_regs`. U64. Only where the context is one.
    Reg(u16),
}

/// Unary operations on 64-bit integers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unary {
    /// Two's complement.
    Neg,
    /// Logical; Bool to Bool.
    Not,
    /// Bitwise.
    BitNot,
    /// The eight bytes in reverse order.
    Swap,
}

/// Binary operations on 64-bit integers; signedness from the left operand's type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "each is the operator of its name")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    And,
    Or,
    Xor,
    Shl,
    Shr,
}

/// Comparisons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "each is the operator of its name")]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Stmt {
    /// What.
    pub kind: StmtKind,
    /// Where in the script.
    pub span: Span,
}

/// Kinds of statement.
#[derive(Clone, PartialEq, Debug)]
pub enum StmtKind {
    /// `$x = value`, of the variable's type.
    SetVar(VarId, Expr),
    /// `@x[k] = value`, of the map's type.
    SetMap {
        /// A `Plain` map.
        map: MapId,
        /// Its key.
        key: Vec<Expr>,
        /// The value.
        value: Expr,
    },
    /// `@x[k] = count()` and the like.
    Aggregate {
        /// An `Agg` map.
        map: MapId,
        /// Its key.
        key: Vec<Expr>,
        /// The operand, 64-bit; `None` for `count()`.
        value: Option<Expr>,
    },
    /// `delete(@x[k])`: nothing happens when the key is missing.
    Delete {
        /// The map.
        map: MapId,
        /// Its key.
        key: Vec<Expr>,
    },
    /// `if`.
    If {
        /// Bool.
        cond: Expr,
        /// When true.
        then: Vec<Stmt>,
        /// When false.
        otherwise: Vec<Stmt>,
    },
    /// `while (cond) { body }`, and every loop that is made of one.
    Loop {
        /// Bool, tested before each iteration.
        cond: Expr,
        /// What is repeated.
        body: Vec<Stmt>,
        /// What follows each iteration, `continue` or not; holds no `Break`, `Continue` or `Loop`.
        next: Vec<Stmt>,
        /// Where a loop that does not end is counted.
        site: SiteId,
    },
    /// `for ($kv : @map) { body }`: once for each key. A key that is deleted before its turn is not visited, and one that is
    /// added may or may not be; their order is the kernel's.
    ForEach {
        /// A map with a key, whose values can be read.
        map: MapId,
        /// Gets the pair of key (a tuple, when there are several components) and value before each iteration.
        var: VarId,
        /// What is done. Loop conditions in it are counted for each key anew.
        body: Vec<Stmt>,
    },
    /// Ends the innermost loop.
    Break,
    /// Ends the iteration of the innermost loop.
    Continue,
    /// Sends a record: `printf`, `print`, `time`, ….
    Emit {
        /// What the reader does with it.
        id: EmitId,
        /// One per [`Emit::args`].
        args: Vec<EmitArg>,
    },
    /// `clear(@x)`.
    Clear(MapId),
    /// `zero(@x)`.
    Zero(MapId),
    /// `exit(code)`: ends the firing and the run. Constant or computed code, I64.
    Exit(Expr),
    /// Ends the clause (not the other clauses of the probe).
    Return,
    /// Sends a signal to the current process. I64.
    Signal(Expr),
    /// Makes the probed function return this at once. U64; kprobes only.
    Override(Expr),
    /// Evaluated for its effect.
    Expr(Expr),
    /// Counts at a site.
    Count(SiteId),
}

/// A value sent to user space.
#[derive(Clone, PartialEq, Debug)]
pub struct EmitArg {
    /// The value, of the type in [`Emit::args`].
    pub value: Expr,
    /// When given and false at run time, the value is absent (prints `?`) and not evaluated.
    pub present: Option<Expr>,
}

/// What user space does with a record.
#[derive(Clone, PartialEq, Debug)]
pub struct Emit {
    /// Which action.
    pub kind: EmitKind,
    /// Types of what it carries.
    pub args: Vec<Type>,
    /// The statement.
    pub span: Span,
}

/// Actions in user space.
#[derive(Clone, PartialEq, Debug)]
pub enum EmitKind {
    /// `printf(fmt, …)`: formatted, without a newline of its own.
    Printf(Format),
    /// `print(value)`: one value and a newline.
    PrintValue,
    /// `trace(…)`: a call as a line; the first argument is the call, what follows stands under it.
    Call,
    /// `trace_exit(…)`, `trace_signal(…)`: what happens to a thread, as a line; the last argument is the thread's name. Sent
    /// through the control ring: calls cannot push it out.
    Lifecycle(Lifecycle),
    /// `print(@map[, top[, div]])`; `None` means all and 1.
    PrintMap {
        /// Which.
        map: MapId,
        /// Only the largest.
        top: Option<u64>,
        /// Values are divided by this.
        div: Option<u64>,
        /// How rows are sorted.
        order: Order,
        /// What is shown of each.
        view: View,
    },
    /// `clear(@map)`; sent after the switch to the spare map.
    Clear(MapId),
    /// `zero(@map)`.
    Zero(MapId),
    /// `time(fmt)`: local wall-clock time, `strftime` format.
    Time(String),
    /// `exit(code)`: carries the code.
    Exit,
    /// `system(fmt, …)`: a shell runs the command; what it writes is printed.
    System(Format),
    /// `cat(fmt, …)`: prints the file of that name.
    Cat(Format),
    /// `warnf(fmt, …)` and `errorf(fmt, …)`: a message with the place in the script.
    Message {
        /// It is about a mistake.
        error: bool,
        /// Its text.
        format: Format,
    },
    /// `bad(…)`, `good(…)`, `unsure(…)`: what the run has shown, and why.
    Verdict {
        /// Which.
        verdict: Verdict,
        /// The reason; may be empty.
        format: Format,
    },
    /// `join(args, between)`: the strings of one `Bytes` of [`ReadArgv`](ExprKind::ReadArgv), and a newline.
    Join(Vec<u8>),
    /// The rest of a clause, for user space: carries the variables that the tail starts with. Made by `plan`.
    Tail(TailId),
}

/// What a script says about the run that it watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// The mistake is not there.
    Good,
    /// The mistake is there.
    Bad,
    /// The run cannot tell.
    Unsure,
}

impl Verdict {
    /// The function that says it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Unsure => "unsure",
        }
    }

    /// The verdict of that name.
    pub fn named(name: &str) -> Option<Verdict> {
        let all = [Verdict::Good, Verdict::Bad, Verdict::Unsure];
        all.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// What happens to a thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lifecycle {
    /// It ends: wait status.
    Exit,
    /// A signal is delivered to it: number, code, error number, process, user, status, user time, system time, address.
    Signal,
}

impl Lifecycle {
    /// Numbers that its record carries before the thread's name.
    pub fn numbers(self) -> usize {
        match self {
            Lifecycle::Exit => 1,
            Lifecycle::Signal => 9,
        }
    }
}

/// How rows of a map are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Order {
    /// As the script's settings say.
    #[default]
    Usual,
    /// By value, then by key.
    Value,
    /// By key.
    Key,
}

/// What is shown of a map's values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum View {
    /// All of each.
    #[default]
    Whole,
    /// Of a histogram, the number below which so many millionths of its values lie.
    Quantile(u32),
}

/// A parsed `printf` format.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Format {
    /// Text and conversions, in order.
    pub parts: Vec<FormatPart>,
}

/// A piece of a format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FormatPart {
    /// Literal bytes.
    Text(Vec<u8>),
    /// A conversion: consumes one argument.
    Conv(Conversion),
}

/// `%[flags][width][.precision]conv`; length modifiers (`h`, `l`, `ll`, `z`) are accepted and dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conversion {
    /// `-`.
    pub left: bool,
    /// `0`.
    pub zero: bool,
    /// `+`.
    pub plus: bool,
    /// Space.
    pub space: bool,
    /// `#`.
    pub alt: bool,
    /// Minimum width.
    pub width: Option<u32>,
    /// Precision.
    pub precision: Option<u32>,
    /// The conversion: one of `d i u o x X c p s r f`; `R` for `%rx`, `h` for `%rh`.
    pub conv: u8,
}
