//! The words of the text form that stand for values of plain enums.
//!
//! In: nothing. Out: tables, read in both directions; that of built-ins is `ir::name`'s. Never a word twice in one table.

use crate::ir::{Binary, Compare, Mechanism, Order, Phase, SiteKind, Unary};
use crate::types::pattern::Dialect;
use crate::types::{Abi, Gathered, Lazy, Space, Wide};

pub(in crate::ir) use crate::ir::name::BUILTINS;

/// Words of expressions and statements that are in no table here.
pub const OPERATIONS: &[&str] = &[
    "arg",
    "kstack",
    "ustack",
    "reg",
    "var",
    "get",
    "agg-get",
    "has-key",
    "and",
    "or",
    "cond",
    "cast",
    "load",
    "read-str",
    "read-array",
    "read-bytes",
    "read-argv",
    "read-path",
    "read-state",
    "length",
    "position",
    "matches",
    "element",
    "find",
    "data-loc",
    "field",
    "field-addr",
    "tuple",
    "text",
    "tuple-field",
    "member",
    "step-var",
    "step-var-old",
    "step-map",
    "step-map-old",
    "set-var",
    "set-map",
    "aggregate",
    "delete",
    "if",
    "loop",
    "for-each",
    "break",
    "continue",
    "emit",
    "clear",
    "zero",
    "exit",
    "signal",
    "override",
    "return",
    "expr",
    "count",
];

/// Words and what they stand for.
pub type Names<T> = &'static [(&'static str, T)];

/// The word of a value.
pub fn name<T: PartialEq>(table: Names<T>, value: &T) -> Option<&'static str> {
    table
        .iter()
        .find(|(_, v)| v == value)
        .map(|(name, _)| *name)
}

/// The value of a word.
pub fn value<T: Copy>(table: Names<T>, name: &str) -> Option<T> {
    table.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
}

pub const DIALECTS: Names<Dialect> = &[("glob", Dialect::Glob), ("regex", Dialect::Regex)];

pub const UNARY: Names<Unary> = &[
    ("neg", Unary::Neg),
    ("not", Unary::Not),
    ("bit-not", Unary::BitNot),
    ("swap", Unary::Swap),
];

pub const BINARY: Names<Binary> = &[
    ("add", Binary::Add),
    ("sub", Binary::Sub),
    ("mul", Binary::Mul),
    ("div", Binary::Div),
    ("mod", Binary::Mod),
    ("bit-and", Binary::And),
    ("bit-or", Binary::Or),
    ("bit-xor", Binary::Xor),
    ("shl", Binary::Shl),
    ("shr", Binary::Shr),
];

pub const COMPARE: Names<Compare> = &[
    ("eq", Compare::Eq),
    ("ne", Compare::Ne),
    ("lt", Compare::Lt),
    ("le", Compare::Le),
    ("gt", Compare::Gt),
    ("ge", Compare::Ge),
];

pub const LAZY: Names<Lazy> = &[
    ("ksym", Lazy::Ksym),
    ("syscall-name", Lazy::SyscallName),
    ("errno", Lazy::Errno),
    ("strerror", Lazy::Strerror),
    ("signal-name", Lazy::SignalName),
    ("probe-name", Lazy::ProbeName),
    ("func-name", Lazy::FuncName),
    ("abi", Lazy::Abi),
    ("username", Lazy::Username),
    ("mac", Lazy::Mac),
    ("cgroup-path", Lazy::CgroupPath),
    ("container", Lazy::Container),
    ("host", Lazy::Host),
    ("arg-state", Lazy::ArgState),
];

pub const WIDE: Names<Wide> = &[
    ("inet", Wide::Inet),
    ("time", Wide::Time),
    ("usym", Wide::Usym),
    ("ratio", Wide::Ratio),
];

pub const ORDERS: Names<Order> = &[
    ("usual", Order::Usual),
    ("by-value", Order::Value),
    ("by-key", Order::Key),
];

pub const SITES: Names<SiteKind> = &[
    ("divide-by-zero", SiteKind::DivideByZero),
    ("modulo-by-zero", SiteKind::ModuloByZero),
    ("read-failed", SiteKind::ReadFailed),
    ("absent", SiteKind::Absent),
    ("loop-limit", SiteKind::LoopLimit),
];

pub const MECHANISMS: Names<Mechanism> = &[
    ("kprobe", Mechanism::Kprobe),
    ("kretprobe", Mechanism::Kretprobe),
    ("fentry", Mechanism::Fentry),
    ("fexit", Mechanism::Fexit),
];

pub const PHASES: Names<Phase> = &[
    ("entry", Phase::Entry),
    ("return", Phase::Return),
    ("whole", Phase::Whole),
];

pub const ABIS: Names<Abi> = &[("native", Abi::Native), ("i386", Abi::I386)];

pub const SPACES: Names<Space> = &[("kernel", Space::Kernel), ("user", Space::User)];

pub const GATHERED: Names<Gathered> = &[
    ("last", Gathered::Last),
    ("sum", Gathered::Sum),
    ("min", Gathered::Min),
    ("max", Gathered::Max),
    ("avg", Gathered::Avg),
];

pub const SIGNED: Names<bool> = &[("signed", true), ("unsigned", false)];
