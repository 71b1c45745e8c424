//! Lazy values: raw in the kernel, in keys and in records, text when printed.
//!
//! In: nothing. Out: what kinds there are, how many words each takes and what they mean. Comparison, ordering and hashing
//! use the raw words. Never makes the text: that is `print` and `decode`.

use super::Abi;
use std::fmt;

/// How a lazy value of one word becomes text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lazy {
    /// Kernel address; prints as `symbol+offset` or hex.
    Ksym,
    /// A syscall: ABI in bits 32.., number (as u32) in bits 0..32; prints as the call's name.
    SyscallName,
    /// Error number, 0 or positive; prints as `ENOENT`, 0 as `0`.
    Errno,
    /// Error number, 0 or positive; prints as `No such file or directory`, 0 as `Success`.
    Strerror,
    /// Signal number; prints as `SIGKILL`, one without a name as the number.
    SignalName,
    /// Index into the program's table of probe names; prints as `tracepoint:sched:sched_switch`. With
    /// [`SyscallProbe::MARK`] set it is a [`SyscallProbe`] instead, whose text is made from the call.
    ProbeName,
    /// Index into the program's table of function names (`func`).
    FuncName,
    /// ABI as in [`Abi`](super::Abi); prints as `x86_64` or `i386`.
    Abi,
    /// User id; prints as `root`, one without a name as the number.
    Username,
    /// Hardware address: its six bytes, the first one lowest; prints as `02:AB:00:00:00:01`.
    Mac,
    /// Id of a cgroup (version 2); prints as its path, `/user.slice`; one that is gone as the number.
    CgroupPath,
    /// Id of a cgroup (version 2); prints as the id of the container that it belongs to, empty outside of one.
    Container,
    /// Which machine, among those of a query: 0 in a live run; prints as its name.
    Host,
    /// How an argument's memory was read ([`ArgState`](super::call::ArgState)); prints as `ok`, `late`, `fault`, ….
    ArgState,
    /// An argument of a system call; prints as in the whole call: `O_RDONLY|O_CLOEXEC`.
    Decoded(CallArg),
    /// A number of the enum of this index in the program's table; prints as the enumerator's name, one without a
    /// name as the number.
    Enum(u32),
}

/// Which argument of which system call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallArg {
    /// Convention of the call.
    pub abi: Abi,
    /// Its number.
    pub number: u16,
    /// From 0.
    pub arg: u8,
}

/// How a lazy value of several words becomes text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Wide {
    /// An internet address: family (`AF_INET`, `AF_INET6`), then its 4 or 16 bytes as they lie in memory, 0 behind them.
    Inet,
    /// A moment: index of its format in the program's table of texts, then nanoseconds of the monotonic clock.
    Time,
    /// An address of a process: the process, then the address; prints as the symbol's name, or the address in hex.
    Usym,
    /// An exact quotient: numerator, then denominator, both signed; prints as a decimal fraction, `?` when the
    /// denominator is 0.
    Ratio,
}

impl Wide {
    /// Number of words.
    pub fn words(self) -> u32 {
        match self {
            Wide::Inet => 3,
            Wide::Time | Wide::Usym | Wide::Ratio => 2,
        }
    }
}

impl fmt::Display for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lazy::Ksym => "ksym",
            Lazy::SyscallName => "syscall_name",
            Lazy::Errno => "errno",
            Lazy::Strerror => "strerror",
            Lazy::SignalName => "signal_name",
            Lazy::ProbeName => "probe",
            Lazy::FuncName => "func",
            Lazy::Abi => "abi",
            Lazy::Username => "username",
            Lazy::Mac => "macaddr",
            Lazy::CgroupPath => "cgroup_path",
            Lazy::Container => "container",
            Lazy::Host => "host",
            Lazy::ArgState => "state",
            Lazy::Decoded(of) => return write!(f, "argument {} of call {}", of.arg, of.number),
            Lazy::Enum(id) => return write!(f, "enum#{id}"),
        })
    }
}

impl fmt::Display for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wide::Inet => "inet",
            Wide::Time => "timestamp",
            Wide::Usym => "usym",
            Wide::Ratio => "ratio",
        })
    }
}

/// The name of a probe that is served by the shared syscall programs, as raw bits of [`Lazy::ProbeName`]:
/// [`SyscallProbe::MARK`], the form from bit 40 on, and the call as in [`Lazy::SyscallName`] below. One clause may
/// stand for hundreds of calls, so these names are made when printed and are in no table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum SyscallProbe {
    /// `syscall:openat`.
    Whole = 0,
    /// `syscall:openat:entry`.
    Entry = 1,
    /// `syscall:openat:return`.
    Return = 2,
    /// `tracepoint:syscalls:sys_enter_openat`.
    TracepointEnter = 3,
    /// `tracepoint:syscalls:sys_exit_openat`.
    TracepointExit = 4,
    /// `tracepoint:raw_syscalls:sys_enter`.
    RawEnter = 5,
    /// `tracepoint:raw_syscalls:sys_exit`.
    RawExit = 6,
}

impl SyscallProbe {
    /// Bit that tells such a name from an index.
    pub const MARK: u64 = 1 << 63;

    /// What to OR to the raw [`Lazy::SyscallName`] of the call.
    pub fn bits(self) -> u64 {
        Self::MARK | (self as u64) << 40
    }

    /// Form and raw [`Lazy::SyscallName`] of a [`Lazy::ProbeName`]; `None` when it is an index.
    pub fn split(raw: u64) -> Option<(SyscallProbe, u64)> {
        use SyscallProbe::*;
        let forms = [
            Whole,
            Entry,
            Return,
            TracepointEnter,
            TracepointExit,
            RawEnter,
            RawExit,
        ];
        let form = forms.get((raw >> 40 & 0xff) as usize)?;
        (raw & Self::MARK != 0).then_some((*form, raw & 0xff_ffff_ffff))
    }

    /// The probe's name; `call` is the call's name, or whatever stands for an unknown one.
    pub fn text(self, call: &str) -> String {
        match self {
            SyscallProbe::Whole => format!("syscall:{call}"),
            SyscallProbe::Entry => format!("syscall:{call}:entry"),
            SyscallProbe::Return => format!("syscall:{call}:return"),
            SyscallProbe::TracepointEnter => format!("tracepoint:syscalls:sys_enter_{call}"),
            SyscallProbe::TracepointExit => format!("tracepoint:syscalls:sys_exit_{call}"),
            SyscallProbe::RawEnter => "tracepoint:raw_syscalls:sys_enter".to_owned(),
            SyscallProbe::RawExit => "tracepoint:raw_syscalls:sys_exit".to_owned(),
        }
    }
}
