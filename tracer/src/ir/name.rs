//! Names of probes, as `probe` prints them and as a user would type them, and of built-ins.
//!
//! In: resolved probes and built-ins, or a built-in's name. Out: text, or the built-in. Never looks a call's
//! name up: a syscall probe with several calls is named by their number.

use super::{Builtin, Phase, Probe, Rate};
use crate::types::{Space, Stack, StackMode};
use std::fmt;
use std::str::FromStr;

/// Built-ins without a number, and their names; the text form's words too.
pub(in crate::ir) const BUILTINS: &[(&str, Builtin)] = &[
    ("pid", Builtin::Pid),
    ("tid", Builtin::Tid),
    ("uid", Builtin::Uid),
    ("gid", Builtin::Gid),
    ("comm", Builtin::Comm),
    ("cpu", Builtin::Cpu),
    ("nsecs", Builtin::Nsecs),
    ("elapsed", Builtin::Elapsed),
    ("rand", Builtin::Rand),
    ("cgroup", Builtin::Cgroup),
    ("tree", Builtin::Tree),
    ("curtask", Builtin::Curtask),
    ("ncpus", Builtin::Ncpus),
    ("probe", Builtin::Probe),
    ("func", Builtin::Func),
    ("retval", Builtin::Retval),
    ("nr", Builtin::SyscallNr),
    ("name", Builtin::SyscallName),
    ("abi", Builtin::SyscallAbi),
    ("errno", Builtin::Errno),
    ("entry-seen", Builtin::EntrySeen),
    ("duration", Builtin::Duration),
    ("call", Builtin::Call),
    ("jiffies", Builtin::Jiffies),
    ("numaid", Builtin::Numaid),
    ("usermode", Builtin::Usermode),
    ("ctx", Builtin::Ctx),
    ("cpid", Builtin::Cpid),
    ("host", Builtin::Host),
];

/// One word: `pid`, `arg0`, `kstack5`.
impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Builtin::Arg(n) => write!(f, "arg{n}"),
            Builtin::Stack(stack) => stack.fmt(f),
            Builtin::Reg(offset) => write!(f, "reg{offset}"),
            plain => {
                let named = BUILTINS.iter().find(|(_, b)| b == plain);
                let (name, _) = named.expect("every built-in without a number is in the table");
                f.write_str(name)
            }
        }
    }
}

/// The name belongs to no built-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no built-in of this name")]
pub struct UnknownBuiltin;

impl FromStr for Builtin {
    type Err = UnknownBuiltin;

    fn from_str(name: &str) -> Result<Builtin, UnknownBuiltin> {
        let number = |digits: &str| digits.parse().map_err(|_| UnknownBuiltin);
        if let Some((_, builtin)) = BUILTINS.iter().find(|(n, _)| *n == name) {
            Ok(*builtin)
        } else if let Some(digits) = name.strip_prefix("arg") {
            let n = number(digits)?;
            u8::try_from(n)
                .map(Builtin::Arg)
                .map_err(|_| UnknownBuiltin)
        } else if let Some(rest) = name.strip_prefix("kstack") {
            stack(Space::Kernel, rest).map(Builtin::Stack)
        } else if let Some(rest) = name.strip_prefix("ustack") {
            stack(Space::User, rest).map(Builtin::Stack)
        } else if let Some(digits) = name.strip_prefix("reg") {
            number(digits).map(Builtin::Reg)
        } else {
            Err(UnknownBuiltin)
        }
    }
}

/// `5`, `127perf`.
fn stack(space: Space, rest: &str) -> Result<Stack, UnknownBuiltin> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (depth, mode) = rest.split_at(digits);
    let mode = match mode {
        "" => Some(StackMode::default()),
        mode => StackMode::named(mode),
    };
    match (depth.parse(), mode) {
        (Ok(depth), Some(mode)) => Ok(Stack { space, depth, mode }),
        _ => Err(UnknownBuiltin),
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Begin => f.write_str("BEGIN"),
            Probe::End => f.write_str("END"),
            Probe::Interval { period_ns } => write!(f, "interval:{}", Rate::Period(*period_ns)),
            Probe::Signal { name, .. } => write!(f, "self:signal:{name}"),
            Probe::Iterator { name } => write!(f, "iter:{name}"),
            Probe::Profile { rate } => write!(f, "profile:{rate}"),
            Probe::Watchpoint {
                address,
                length,
                access,
            } => write!(f, "watchpoint:{address:#x}:{length}:{}", access.letters()),
            Probe::Counter { counter, every } => {
                write!(f, "{}:{}:{every}", counter.source.name(), counter.name)
            }
            Probe::Syscall { calls, phase } => {
                let phase = match phase {
                    Phase::Entry => ":entry",
                    Phase::Return => ":return",
                    Phase::Whole => "",
                };
                match calls.calls.len() {
                    _ if calls.unknown => write!(f, "syscall:*{phase}"),
                    n => write!(f, "syscall:({n} calls){phase}"),
                }
            }
            Probe::Tracepoint { category, name } => write!(f, "tracepoint:{category}:{name}"),
            Probe::RawTracepoint { name } => write!(f, "rawtracepoint:{name}"),
            Probe::Function {
                function,
                module,
                offset,
                asked,
                ..
            } => {
                write!(f, "{}:", asked.name())?;
                if let Some(module) = module {
                    write!(f, "{module}:")?;
                }
                f.write_str(function)?;
                match offset {
                    0 => Ok(()),
                    offset => write!(f, "+{offset}"),
                }
            }
            Probe::UserFunction {
                path,
                function,
                returns,
                ..
            } => {
                let provider = if *returns { "uretprobe" } else { "uprobe" };
                write!(f, "{provider}:{path}:{function}")
            }
            Probe::Usdt {
                path,
                provider,
                name,
                ..
            } => write!(f, "usdt:{path}:{provider}:{name}"),
        }
    }
}

/// As in a probe: `hz:99`, `ms:10`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Rate::Hertz(times) => write!(f, "hz:{times}"),
            Rate::Period(period_ns) => {
                let (unit, ns) = period_unit(period_ns);
                write!(f, "{unit}:{}", period_ns / ns)
            }
        }
    }
}

/// The largest unit that divides a period, and its nanoseconds.
fn period_unit(period_ns: u64) -> (&'static str, u64) {
    [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)]
        .into_iter()
        .find(|(_, ns)| period_ns.is_multiple_of(*ns))
        .unwrap_or(("ns", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_named_by_its_largest_unit() {
        let name = |period_ns| Probe::Interval { period_ns }.to_string();
        assert_eq!(name(1_000_000_000), "interval:s:1");
        assert_eq!(name(1_500_000_000), "interval:ms:1500");
        assert_eq!(name(7), "interval:ns:7");
    }

    #[test]
    fn a_rate_is_named_as_it_was_written() {
        let name = |rate| Probe::Profile { rate }.to_string();
        assert_eq!(name(Rate::Hertz(100)), "profile:hz:100");
        assert_eq!(name(Rate::Period(10_000_000)), "profile:ms:10");
    }

    #[test]
    fn a_builtin_is_read_back_from_its_name() {
        let raw = Stack {
            mode: StackMode::Raw,
            ..Stack::user(3)
        };
        let numbered = [
            Builtin::Arg(5),
            Builtin::Stack(Stack::kernel(127)),
            Builtin::Stack(raw),
            Builtin::Reg(80),
        ];
        for builtin in BUILTINS.iter().map(|(_, b)| *b).chain(numbered) {
            assert_eq!(builtin.to_string().parse(), Ok(builtin));
        }
        assert_eq!("arg256".parse::<Builtin>(), Err(UnknownBuiltin));
        assert_eq!("pids".parse::<Builtin>(), Err(UnknownBuiltin));
    }
}
