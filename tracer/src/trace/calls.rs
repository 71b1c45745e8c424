//! Which calls: `-e trace=…` as strace's users write it.
//!
//! In: sets of calls in strace's notation. Out: [`Calls`], as names and as probes of the language. A set is items with
//! commas: a name, `%class`, `/regular expression`, `all`, `none`, a number; `?` before an item: no error when there is no such call; `!` before a set takes
//! its calls away. Several sets add up, and what is taken away is taken away last.

use crate::tables::syscalls;
use crate::types::Abi;
use regex_lite::Regex;
use std::collections::BTreeSet;

/// A set of calls, by name: a name means the calls of that name in every ABI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calls {
    names: BTreeSet<&'static str>,
    /// Calls that no table knows belong to it.
    unknown: bool,
}

/// Every call.
impl Default for Calls {
    fn default() -> Calls {
        Calls {
            names: all_names(),
            unknown: true,
        }
    }
}

/// Classes that strace has and the language has not: facts of strace(1), by name.
const MORE_CLASSES: &[(&str, &[&str])] = &[
    ("stat", &["oldstat", "stat", "stat64"]),
    ("lstat", &["lstat", "lstat64", "oldlstat"]),
    (
        "fstat",
        &["fstat", "fstat64", "fstatat64", "newfstatat", "oldfstat"],
    ),
    (
        "%stat",
        &[
            "fstat",
            "fstat64",
            "fstatat64",
            "lstat",
            "lstat64",
            "newfstatat",
            "oldfstat",
            "oldlstat",
            "oldstat",
            "stat",
            "stat64",
            "statx",
        ],
    ),
    ("statfs", &["statfs", "statfs64"]),
    ("fstatfs", &["fstatfs", "fstatfs64"]),
    (
        "%statfs",
        &["fstatfs", "fstatfs64", "statfs", "statfs64", "ustat"],
    ),
    (
        "pure",
        &[
            "getegid",
            "getegid32",
            "geteuid",
            "geteuid32",
            "getgid",
            "getgid32",
            "getpgrp",
            "getpid",
            "getppid",
            "gettid",
            "getuid",
            "getuid32",
        ],
    ),
];

/// Other names of classes.
const ALIASES: &[(&str, &str)] = &[("network", "net"), ("%sock", "net")];

impl Calls {
    /// The calls of some sets together.
    ///
    /// # Errors
    /// A sentence about the item that names no call.
    pub fn parse<S: AsRef<str>>(sets: impl IntoIterator<Item = S>) -> Result<Calls, String> {
        let mut wanted: Option<Calls> = None;
        let mut unwanted = Calls::none();
        for set in sets {
            let set = set.as_ref();
            match set.strip_prefix('!') {
                Some(set) => unwanted.add(items(set)?),
                None => wanted.get_or_insert_with(Calls::none).add(items(set)?),
            }
        }
        Ok(wanted.unwrap_or_default().without(&unwanted))
    }

    /// No call at all.
    pub fn none() -> Calls {
        Calls {
            names: BTreeSet::new(),
            unknown: false,
        }
    }

    /// Whether it is every call.
    pub fn is_all(&self) -> bool {
        *self == Calls::default()
    }

    /// Whether no call is in it.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.unknown
    }

    /// Whether the call is in it.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Those calls of the set that a condition holds for.
    pub fn only(&self, is_wanted: impl Fn(&str) -> bool) -> Calls {
        let names = self.names.iter().copied();
        Calls {
            names: names.filter(|name| is_wanted(name)).collect(),
            unknown: false,
        }
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied()
    }

    /// What stands before a clause of the language.
    pub fn probes(&self) -> String {
        if self.is_all() {
            return "syscall:*".to_owned();
        }
        let unknown = self.unknown.then_some("%unknown");
        let names = self.names().chain(unknown);
        let probes: Vec<String> = names.map(|name| format!("syscall:{name}")).collect();
        probes.join(",")
    }

    /// Those that are not in the other set.
    pub fn without(&self, other: &Calls) -> Calls {
        let names = self.names().filter(|name| !other.has(name));
        Calls {
            names: names.collect(),
            unknown: self.unknown && !other.unknown,
        }
    }

    fn add(&mut self, more: Calls) {
        self.names.extend(more.names);
        self.unknown |= more.unknown;
    }
}

/// Names of all calls of all ABIs.
fn all_names() -> BTreeSet<&'static str> {
    let names = [Abi::Native, Abi::I386].into_iter().flat_map(syscalls::all);
    names.map(|(_, name)| name).collect()
}

fn items(set: &str) -> Result<Calls, String> {
    let mut calls = Calls::none();
    if set.is_empty() {
        return Err("an empty set of calls: name some, such as openat,%net".to_owned());
    }
    for item in set.split(',') {
        calls.add(self::item(item)?);
    }
    Ok(calls)
}

fn item(item: &str) -> Result<Calls, String> {
    let (item, optional) = match item.strip_prefix('?') {
        Some(item) => (item, true),
        None => (item, false),
    };
    match find(item)? {
        Some(calls) => Ok(calls),
        None if optional => Ok(Calls::none()),
        None => Err(no_such(item)),
    }
}

/// The calls of an item; nothing when there is no such call.
fn find(item: &str) -> Result<Option<Calls>, String> {
    let some = |names: BTreeSet<&'static str>| {
        (!names.is_empty()).then_some(Calls {
            names,
            unknown: false,
        })
    };
    if let Some(pattern) = item.strip_prefix('/') {
        let regex = Regex::new(pattern)
            .map_err(|error| format!("`/{pattern}` is no regular expression: {error}"))?;
        let mut names = all_names();
        names.retain(|name| regex.is_match(name));
        return Ok(some(names));
    }
    if let Some(name) = item.strip_prefix('%') {
        return Ok(class(name).and_then(some));
    }
    if item.bytes().all(|b| b.is_ascii_digit()) && !item.is_empty() {
        let name = item
            .parse()
            .ok()
            .and_then(|n| syscalls::name(Abi::Native, n));
        return Ok(some(name.into_iter().collect()));
    }
    Ok(match item {
        "all" => Some(Calls::default()),
        "none" => Some(Calls::none()),
        _ => {
            let named: BTreeSet<_> = all_names().into_iter().filter(|n| *n == item).collect();
            // strace's older spelling of a class has no %.
            some(named).or_else(|| class(item).and_then(some))
        }
    })
}

fn class(name: &str) -> Option<BTreeSet<&'static str>> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, class)| class);
    let more = MORE_CLASSES.iter().find(|(class, _)| *class == name);
    let names = more.map(|(_, names)| *names);
    let names = names.or_else(|| syscalls::class(name))?;
    Some(names.iter().copied().collect())
}

fn no_such(item: &str) -> String {
    if let Some(class) = item.strip_prefix('%') {
        let more = MORE_CLASSES.iter().map(|(name, _)| *name);
        let all: Vec<String> = syscalls::classes()
            .chain(more)
            .map(|c| format!("%{c}"))
            .collect();
        return format!(
            "no such class of system calls: `%{class}`; there are {}",
            all.join(" ")
        );
    }
    if item.starts_with('/') {
        return format!("no system call matches `{item}`");
    }
    if let Some((name, abi)) = item.split_once('@') {
        return format!(
            "`{item}`: calls of one ABI cannot be picked (@{abi}); `{name}` means those of 32-bit programs too"
        );
    }
    let near = crate::sema::nearest::did_you_mean(item, all_names());
    let near = near.map_or_else(String::new, |sentence| format!("; {sentence}"));
    format!("no such system call: `{item}`{near} (?{item}: no error where there is none)")
}
