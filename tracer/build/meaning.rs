//! From types as tables write them to `What`s: the one place that knows the words.
//!
//! In: types, and the arguments or members that lengths and cases may name. Out: Rust text of a `What`, and how the
//! thing lies in memory. Never lays a struct out.

use crate::cases::Cases;
use crate::constants;
use crate::expression::Type;
use crate::intern::Interned;
use crate::lines::wrong;
use crate::sets::Sets;
use crate::structs::Structs;
use std::collections::BTreeSet;

/// A size in bytes: on x86-64, on i386.
pub type Bytes = [usize; 2];

/// What a type means.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// A `What`.
    pub what: String,
    /// Its bytes in memory; 0 when only its length says.
    pub width: Bytes,
    /// Where it may lie: at multiples of this.
    pub align: Bytes,
    /// A number with a sign.
    pub signed: bool,
    /// The struct, by the kernel's names for both ABIs, that a pointer points to.
    pub target: Option<[String; 2]>,
}

/// What names mean in lengths and cases: arguments of the call, or members of the struct.
#[derive(Clone, Copy)]
pub enum Scope<'a> {
    /// The names of a call's arguments.
    Call(&'a [&'a str]),
    /// The names of a struct's members.
    Struct(&'a [&'a str]),
}

/// Everything that types refer to.
pub struct Words<'a> {
    pub sets: &'a Sets,
    pub structs: &'a Structs,
    pub cases: &'a Cases,
    pub interned: &'a Interned,
}

/// Numbers: name, bytes, sign, meaning.
const NUMBERS: &[(&str, Bytes, bool, &str)] = &[
    ("i8", [1, 1], true, "Int"),
    ("u8", [1, 1], false, "Int"),
    ("i16", [2, 2], true, "Int"),
    ("u16", [2, 2], false, "Int"),
    ("i32", [4, 4], true, "Int"),
    ("u32", [4, 4], false, "Int"),
    ("i64", [8, 8], true, "Int"),
    ("u64", [8, 8], false, "Int"),
    ("long", [8, 4], true, "Int"),
    ("ulong", [8, 4], false, "Int"),
    // An address that is not followed, or whose meaning cases say; the language may look there at entry, or exit.
    ("ptr", [8, 4], false, "Hex"),
    ("outptr", [8, 4], false, "Hex"),
    ("fd", [4, 4], true, "Fd"),
    ("dirfd", [4, 4], true, "DirFd"),
    ("pid", [4, 4], true, "Pid"),
    ("uid", [4, 4], false, "Uid"),
    ("gid", [4, 4], false, "Gid"),
    ("signal", [4, 4], true, "Signal"),
    ("mode", [2, 2], false, "Octal"),
];

/// What a number can mean.
const MEANINGS: &[(&str, &str)] = &[
    ("none", "None"),
    ("int", "Int"),
    ("hex", "Hex"),
    ("mode", "Octal"),
    ("fd", "Fd"),
    ("dirfd", "DirFd"),
    ("pid", "Pid"),
    ("uid", "Uid"),
    ("gid", "Gid"),
    ("signal", "Signal"),
    ("errno", "Errno"),
    ("wait_status", "WaitStatus"),
    ("dev", "Dev"),
    ("bool", "Bool"),
    ("port", "Port"),
    ("ip4", "Ip4"),
    ("ioctl_command", "IoctlCommand"),
    ("ioctl_arg", "IoctlArg"),
];

/// Memory that is as long as the brackets say.
struct Memory {
    word: &'static str,
    /// The `What`.
    what: &'static str,
    /// What follows the length in it: the direction of the data.
    dir: &'static str,
    /// Bytes of one that the length counts; 0: never inside a struct.
    one: usize,
    /// The struct that scripts see.
    target: Option<[&'static str; 2]>,
}

const fn memory(word: &'static str, what: &'static str, one: usize) -> Memory {
    Memory {
        word,
        what,
        dir: "",
        one,
        target: None,
    }
}

/// Structs in a row, with kernel's names for both ABIs.
const fn row(word: &'static str, what: &'static str, target: [&'static str; 2]) -> Memory {
    Memory {
        target: Some(target),
        ..memory(word, what, 0)
    }
}

/// The same, with data that the structs point to.
const fn data(dir: &'static str, row: Memory) -> Memory {
    Memory { dir, ..row }
}

const IOVEC: [&str; 2] = ["iovec", "compat_iovec"];
const MMSGHDR: [&str; 2] = ["mmsghdr", "compat_mmsghdr"];

const MEMORY: &[Memory] = &[
    memory("bytes", "Bytes", 1),
    memory("chars", "Chars", 1),
    Memory {
        one: 1,
        ..row("sockaddr", "Sockaddr", ["sockaddr", "sockaddr"])
    },
    data(", Dir::In", row("iovec_in", "Iovec", IOVEC)),
    data(", Dir::Out", row("iovec_out", "Iovec", IOVEC)),
    data(", Dir::In", row("mmsghdr_in", "Mmsghdr", MMSGHDR)),
    data(", Dir::Out", row("mmsghdr_out", "Mmsghdr", MMSGHDR)),
    memory("cmsgs", "Cmsgs", 0),
    memory("sigset", "SigSet", 1),
    memory("fdset", "FdSet", 0),
    memory("cpuset", "CpuSet", 1),
    memory("nodeset", "NodeSet", 0),
    row(
        "dirents",
        "Dirents",
        ["linux_dirent", "compat_linux_dirent"],
    ),
    row(
        "dirents64",
        "Dirents64",
        ["linux_dirent64", "linux_dirent64"],
    ),
];

/// Memory that ends by itself.
const SELF_ENDING: &[(&str, &str, Option<[&str; 2]>)] = &[
    ("path", "Path", None),
    ("str", "Str", None),
    ("strs", "StrArray", None),
    (
        "msghdr_in",
        "Msghdr(Dir::In)",
        Some(["user_msghdr", "compat_msghdr"]),
    ),
    (
        "msghdr_out",
        "Msghdr(Dir::Out)",
        Some(["user_msghdr", "compat_msghdr"]),
    ),
];

impl Words<'_> {
    /// A word means one thing.
    pub fn check_names(&self) {
        let own = NUMBERS.iter().map(|n| n.0);
        let own = own.chain(MEMORY.iter().map(|m| m.word));
        let own = own.chain(SELF_ENDING.iter().map(|m| m.0));
        let own: BTreeSet<&str> = own.chain(MEANINGS.iter().map(|m| m.0)).collect();
        let mut seen = BTreeSet::new();
        let tables = self.sets.names().chain(self.structs.names());
        for name in tables.chain(self.cases.names()) {
            if own.contains(name) || !seen.insert(name) {
                wrong("data", format!("two things are called {name}"));
            }
        }
    }

    /// What a type means; the tables must have all its names.
    pub fn meaning(&self, at: &str, text: &Type, scope: Scope) -> Meaning {
        if let Some(pointer) = self.pointer(at, text, scope) {
            return pointer;
        }
        if let Some(memory) = self.memory(at, text, scope) {
            return memory;
        }
        let one = self
            .number(at, text, scope)
            .or_else(|| self.structs.meaning(at, text, self, scope))
            .unwrap_or_else(|| self.word(at, &text.head, scope));
        match &text.length {
            Some(length) => self.array(at, one, length, scope),
            None => one,
        }
    }

    /// A word without a width: in a register, or a case that says it.
    fn word(&self, at: &str, word: &str, scope: Scope) -> Meaning {
        if let Some(on) = self.cases.meaning(at, word, self, scope) {
            return on;
        }
        let what = self
            .named(word)
            .unwrap_or_else(|| wrong(at, format!("nothing is called {word}")));
        Meaning {
            what,
            width: [0, 0],
            align: [1, 1],
            signed: false,
            target: None,
        }
    }

    /// A meaning or a set by name.
    fn named(&self, word: &str) -> Option<String> {
        let meaning = MEANINGS.iter().find(|(name, _)| *name == word);
        meaning
            .map(|(_, what)| format!("What::{what}"))
            .or_else(|| self.sets.what(word))
    }

    /// `u32`, `u32(hex)`, `u32(SET)`, `i64(CASES)`, `ptr(CASES,STRUCT)`
    fn number(&self, at: &str, text: &Type, scope: Scope) -> Option<Meaning> {
        let &(_, width, signed, what) = NUMBERS.iter().find(|(name, ..)| *name == text.head)?;
        let what = match &text.arguments[..] {
            [] => format!("What::{what}"),
            [one] => self.word(at, &one.head, scope).what,
            [one, _] if text.head.ends_with("ptr") => self.word(at, &one.head, scope).what,
            _ => wrong(at, format!("{}: one meaning, please", text.head)),
        };
        let target = text.arguments.get(1);
        // What i386 aligns at most: 4 bytes.
        let align = [width[0], width[1].min(4)];
        Some(Meaning {
            what,
            width,
            align,
            signed,
            target: target.map(|t| self.structs.kernel_names(&t.head)),
        })
    }

    /// `in(X)`, `out(X)`, `inout(X)`, `update(X)`; `in64(X)`: one of 8 bytes, whatever the ABI.
    fn pointer(&self, at: &str, text: &Type, scope: Scope) -> Option<Meaning> {
        let word = text.head.trim_end_matches("64");
        let dir = match word {
            "in" => "In",
            "out" => "Out",
            "inout" | "update" => "InOut",
            _ => return None,
        };
        let [target] = &text.arguments[..] else {
            wrong(at, format!("{}: what does it point to?", text.head));
        };
        let inner = self.meaning(at, target, scope);
        let (width, align) = match text.head.ends_with("64") {
            true => ([8, 8], [8, 8]),
            false => ([8, 4], [8, 4]),
        };
        let pointer = Meaning {
            what: format!("What::Ptr(Dir::{dir}, {})", self.element(&inner)),
            width,
            align,
            signed: false,
            // Of an address of addresses, scripts see no struct.
            target: inner.target.filter(|_| !inner.what.contains("What::Ptr")),
        };
        Some(match &text.length {
            Some(length) => self.array(at, pointer, length, scope),
            None => pointer,
        })
    }

    fn memory(&self, at: &str, text: &Type, scope: Scope) -> Option<Meaning> {
        let kernel = |names: Option<[&str; 2]>| names.map(|n| n.map(str::to_string));
        if let Some((_, what, target)) = SELF_ENDING.iter().find(|(w, ..)| *w == text.head) {
            return Some(Meaning {
                what: format!("What::{what}"),
                width: [0, 0],
                align: [1, 1],
                signed: false,
                target: kernel(*target),
            });
        }
        let memory = MEMORY.iter().find(|m| m.word == text.head)?;
        let Some(length) = &text.length else {
            wrong(at, format!("{} wants a [LENGTH]", text.head));
        };
        let bytes = constants::number(length).map_or(0, |n| n as usize * memory.one);
        let (what, dir) = (memory.what, memory.dir);
        Some(Meaning {
            what: format!("What::{what}({}{dir})", self.length(at, length, scope)),
            width: [bytes, bytes],
            align: [1, 1],
            signed: false,
            target: kernel(memory.target),
        })
    }

    fn array(&self, at: &str, one: Meaning, length: &str, scope: Scope) -> Meaning {
        let count = constants::number(length).map_or(0, |n| n as usize);
        Meaning {
            what: format!(
                "What::Array({}, {})",
                self.element(&one),
                self.length(at, length, scope)
            ),
            width: one.width.map(|w| w * count),
            ..one
        }
    }

    /// `&Elem`
    fn element(&self, one: &Meaning) -> String {
        let Meaning {
            what,
            width: [native, i386],
            signed,
            ..
        } = one;
        self.interned.add(
            "Elem",
            format!(
                "Elem {{ what: {what}, width: ByAbi {{ native: {native}, i386: {i386} }}, signed: {signed} }}"
            ),
        )
    }

    /// `16`, `rest`, `ret`, `ret<size`, `*lenp`, `count*8`, `pages:size`, `count`, `arg2`
    pub fn length(&self, at: &str, text: &str, scope: Scope) -> String {
        let place = |name: &str| {
            scope
                .place(name)
                .unwrap_or_else(|| wrong(at, format!("a length: what is {name}?")))
        };
        let argument = |name: &str| match place(name) {
            Place::Arg(at) => at,
            Place::Field(_) => wrong(at, format!("{text}: want an argument")),
        };
        let length = if let Some(n) = constants::number(text) {
            format!("Const({n})")
        } else if text == "rest" {
            "Rest".into()
        } else if text == "ret" {
            "Ret".into()
        } else if let Some(most) = text.strip_prefix("ret<") {
            format!("RetUpTo({})", argument(most))
        } else if let Some(name) = text.strip_prefix("pages:") {
            format!("Pages({})", argument(name))
        } else if let Some(name) = text.strip_prefix('*') {
            match place(name) {
                Place::Arg(at) => format!("Pointee({at})"),
                Place::Field(at) => format!("FieldPointee({at})"),
            }
        } else if let Some((name, times)) = text.split_once('*') {
            format!("ArgTimes({}, {times})", argument(name))
        } else {
            match place(text) {
                Place::Arg(at) => format!("Arg({at})"),
                Place::Field(at) => format!("Field({at})"),
            }
        };
        format!("Len::{length}")
    }
}

/// Where a named value stands.
pub enum Place {
    Arg(usize),
    Field(usize),
}

impl Scope<'_> {
    /// An argument or a member by name; `arg2` is the call's argument from everywhere.
    pub fn place(self, name: &str) -> Option<Place> {
        let number = name.strip_prefix("arg").and_then(|n| n.parse().ok());
        let index = |names: &[&str]| names.iter().position(|n| *n == name);
        match self {
            Scope::Call(names) => index(names).map(Place::Arg),
            Scope::Struct(names) => index(names).map(Place::Field),
        }
        .or(number.map(Place::Arg))
    }
}
