//! System calls: numbers, names, arguments, classes.
//!
//! In: `data/syscalls.txt`, `data/classes.txt` and the `syscalls` crate's numbers, at build time. Out: look-ups by
//! ABI. Never decodes an argument's value.

use super::what::{Dir, What};
use super::{sets, shared};
use crate::types::Abi;

/// A call's arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The call.
    pub name: &'static str,
    /// In order; argument i is register argument i.
    pub args: &'static [Arg],
    /// Members of a struct that an argument points to and that count as arguments (`clone3`: `flags`, …).
    pub fields: &'static [StructField],
    /// Numbers of 64 bits that a 32-bit call passes in two arguments (`pread64` of i386: `pos`).
    pub pairs: &'static [ArgPair],
    /// What a result that is no error means.
    pub result: What,
}

/// An argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgKind,
    /// A pointer to memory that the call writes: what stands there matters at its exit, not at its entry.
    pub written: bool,
    /// What its value means.
    pub what: What,
}

impl Arg {
    /// Which way data go through it; `None` when it is no pointer (or one only for some values of another argument).
    pub const fn dir(&self) -> Option<Dir> {
        self.what.dir()
    }
}

/// What an argument is, as far as the language needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgKind {
    /// A number of 32 or 64 bits.
    Int {
        /// 32 or 64 (what the kernel looks at).
        bits: u8,
        /// Signed.
        signed: bool,
    },
    /// A NUL-terminated string that the kernel reads (path or other).
    Str,
    /// A pointer to user memory; the struct's name when it is one.
    Ptr(Option<&'static str>),
}

/// A member that counts as an argument, read at entry from user memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StructField {
    /// Its name.
    pub name: &'static str,
    /// Which argument points to the struct.
    pub arg: u8,
    /// Bytes into it.
    pub offset: u32,
    /// 1, 2, 4, 8.
    pub width: u8,
    /// Signed.
    pub signed: bool,
}

/// A number of 64 bits in two arguments of 32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArgPair {
    /// Its name: that of the native call's argument.
    pub name: &'static str,
    /// Which argument has the low half.
    pub low: u8,
    /// Which has the high half.
    pub high: u8,
    /// Signed.
    pub signed: bool,
}

include!(concat!(env!("OUT_DIR"), "/syscalls.rs"));

fn by_number(abi: Abi) -> &'static [(u32, &'static str)] {
    match abi {
        Abi::Native => NATIVE_BY_NUMBER,
        Abi::I386 => I386_BY_NUMBER,
    }
}

/// The name of a call; `None` when no table knows the number.
pub fn name(abi: Abi, nr: u32) -> Option<&'static str> {
    let table = by_number(abi);
    let at = table.binary_search_by_key(&nr, |&(n, _)| n).ok()?;
    Some(table[at].1)
}

/// The number of a call.
pub fn number(abi: Abi, name: &str) -> Option<u32> {
    let table = match abi {
        Abi::Native => NATIVE_BY_NAME,
        Abi::I386 => I386_BY_NAME,
    };
    let at = table.binary_search_by_key(&name, |&(n, _)| n).ok()?;
    Some(table[at].1)
}

/// The name of a call of aarch64. Its calls take what x86-64's of the same name take; only `clone` passes its
/// arguments in i386's order.
pub fn aarch64_name(nr: u32) -> Option<&'static str> {
    let at = AARCH64_BY_NUMBER.binary_search_by_key(&nr, |&(n, _)| n);
    at.ok().map(|at| AARCH64_BY_NUMBER[at].1)
}

/// The number of a call of aarch64.
pub fn aarch64_number(name: &str) -> Option<u32> {
    let at = AARCH64_BY_NAME.binary_search_by_key(&name, |&(n, _)| n);
    at.ok().map(|at| AARCH64_BY_NAME[at].1)
}

/// Names of the generic table (asm-generic/unistd.h) and what x86-64 calls the same.
const GENERIC_NAMES: [(&str, &str); 3] = [
    ("fstatat", "newfstatat"),
    ("fadvise64_64", "fadvise64"),
    ("sync_file_range2", "sync_file_range"),
];

/// The arguments of a call of aarch64, in the order of its registers, and its result; `None` when no table knows it. (`clone` is
/// built with `CONFIG_CLONE_BACKWARDS` there: the fourth and fifth argument change places.)
pub fn aarch64_arguments(nr: u32) -> Option<(Vec<Arg>, What)> {
    let name = aarch64_name(nr)?;
    let other = GENERIC_NAMES.iter().find(|(generic, _)| *generic == name);
    let known = signature(Abi::Native, other.map_or(name, |(_, name)| name))?;
    let mut args = known.args.to_vec();
    if name == "clone" {
        args.swap(3, 4);
    }
    Some((args, known.result))
}

/// All calls of an ABI: number and name, by number.
pub fn all(abi: Abi) -> impl Iterator<Item = (u32, &'static str)> {
    by_number(abi).iter().copied()
}

/// Whether a call never returns: the table gives it no result.
pub fn never_returns(call: &str) -> bool {
    signature(Abi::Native, call).is_some_and(|call| call.result == What::None)
}

/// The arguments of a call by name, as that ABI passes them (`clone`, `mmap`, `pread64`, … differ);
/// `None` when there is no such call.
pub fn signature(abi: Abi, name: &str) -> Option<&'static Signature> {
    let table = match abi {
        Abi::Native => SIGNATURES,
        Abi::I386 => SIGNATURES_I386,
    };
    let at = table.binary_search_by_key(&name, |s| s.name).ok()?;
    Some(&table[at])
}

/// Native calls whose tracepoints (`syscalls:sys_enter_*`) are named by another name than the table of numbers has.
const TRACEPOINTS: &[(&str, &str)] = &[
    ("newfstat", "fstat"),
    ("newlstat", "lstat"),
    ("newstat", "stat"),
    ("newuname", "uname"),
    ("sendfile64", "sendfile"),
    ("umount", "umount2"),
];

/// What a native call is called in the names of its tracepoints.
pub fn tracepoint_name(call: &str) -> &str {
    let renamed = TRACEPOINTS.iter().find(|(_, renamed)| *renamed == call);
    renamed.map_or(call, |(name, _)| *name)
}

/// The native call of the tracepoints that are called so.
pub fn tracepoint_call(name: &str) -> &str {
    let renamed = TRACEPOINTS.iter().find(|(own, _)| *own == name);
    renamed.map_or(name, |(_, call)| *call)
}

/// The calls of a class (`file`, `net`, `process`, `desc`, `memory`, `signal`, `ipc`, `creds`, `clock`), sorted
/// names; `None` when there is no such class.
pub fn class(class: &str) -> Option<&'static [&'static str]> {
    let at = CLASSES.binary_search_by_key(&class, |&(c, _)| c).ok()?;
    Some(CLASSES[at].1)
}

/// The names of all classes, sorted.
pub fn classes() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().map(|&(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers come from the `syscalls` crate; libc has its own.
    #[test]
    fn numbers_are_those_of_libc() {
        for (name, nr) in [
            ("openat", libc::SYS_openat),
            ("clone3", libc::SYS_clone3),
            ("fork", libc::SYS_fork),
            ("execveat", libc::SYS_execveat),
            ("statx", libc::SYS_statx),
        ] {
            assert_eq!(number(Abi::Native, name), Some(nr as u32), "{name}");
            assert_eq!(super::name(Abi::Native, nr as u32), Some(name));
        }
        assert_eq!(number(Abi::I386, "openat"), Some(295));
        assert_eq!(super::name(Abi::I386, 5), Some("open"));
        assert_eq!(super::name(Abi::Native, 5000), None);
    }

    /// asm-generic/unistd.h; the last call has the number that all ABIs share.
    #[test]
    fn aarch64_has_its_own_numbers() {
        assert_eq!(aarch64_name(56), Some("openat"));
        assert_eq!(aarch64_number("write"), Some(64));
        assert_eq!(aarch64_number("open"), None);
        for (nr, name) in AARCH64_BY_NUMBER {
            assert_eq!(aarch64_number(name), Some(*nr));
            if *nr >= 424 {
                assert_eq!(super::name(Abi::Native, *nr), Some(*name));
            }
        }
    }

    #[test]
    fn calls_of_aarch64_have_the_arguments_of_the_native_ones() {
        let names = |nr| {
            let (args, _) = aarch64_arguments(nr).expect("a call of the generic table");
            args.iter().map(|arg| arg.name).collect::<Vec<_>>()
        };
        assert_eq!(names(56), ["dfd", "filename", "flags", "mode"]);
        let clone = aarch64_number("clone").expect("it has one");
        assert_eq!(
            names(clone),
            [
                "clone_flags",
                "newsp",
                "parent_tidptr",
                "tls",
                "child_tidptr"
            ]
        );
        let without: Vec<&str> = AARCH64_BY_NUMBER
            .iter()
            .filter(|(nr, _)| aarch64_arguments(*nr).is_none())
            .map(|(_, name)| *name)
            .collect();
        // The generic table has calls that only machines of 32 bits make.
        assert!(
            without.iter().all(|name| name.ends_with("64")),
            "{without:?}"
        );
    }

    #[test]
    fn a_32_bit_call_has_its_own_arguments() {
        let names = |abi| {
            signature(abi, "clone")
                .expect("clone")
                .args
                .iter()
                .map(|a| a.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Abi::Native)[3..], ["child_tidptr", "tls"]);
        assert_eq!(names(Abi::I386)[3..], ["tls", "child_tidptr"]);
        let lseek = signature(Abi::I386, "lseek").expect("lseek");
        assert_eq!(
            lseek.args[1].kind,
            ArgKind::Int {
                bits: 32,
                signed: true
            }
        );
    }

    /// `long` and pointers have 4 bytes there, and times are 32-bit unless the call's name says 64.
    #[test]
    fn a_32_bit_call_has_its_own_structs() {
        const NATIVE_ONLY: [&str; 7] = [
            "__kernel_old_timeval",
            "__kernel_old_itimerval",
            "iovec",
            "stat",
            "rusage",
            "sigaction",
            "user_msghdr",
        ];
        const TIMES: [&str; 3] = ["__kernel_timespec", "__kernel_itimerspec", "__kernel_timex"];
        let takes_time64 = |call: &str| {
            call.ends_with("64") || ["epoll_pwait2", "futex_wait", "futex_waitv"].contains(&call)
        };
        for (_, call) in all(Abi::I386) {
            let signature = signature(Abi::I386, call).expect("each call has a line");
            for arg in signature.args {
                let ArgKind::Ptr(Some(target)) = arg.kind else {
                    continue;
                };
                assert!(!NATIVE_ONLY.contains(&target), "{call}: {target}");
                assert!(
                    takes_time64(call) || !TIMES.contains(&target),
                    "{call}: {target}"
                );
            }
        }
    }

    #[test]
    fn what_a_call_writes_is_told_from_what_it_reads() {
        let written = |call| -> Vec<&str> {
            let args = signature(Abi::Native, call).expect("known").args;
            args.iter().filter(|a| a.written).map(|a| a.name).collect()
        };
        assert_eq!(written("read"), ["buf"]);
        assert_eq!(written("write"), [""; 0]);
        assert_eq!(written("newfstatat"), ["statbuf"]);
        assert_eq!(written("prlimit64"), ["old_rlim"]);
    }

    #[test]
    fn members_of_clone_args_count_as_arguments() {
        let clone3 = signature(Abi::Native, "clone3").expect("clone3");
        let signal = clone3
            .fields
            .iter()
            .find(|f| f.name == "exit_signal")
            .expect("exit_signal");
        assert_eq!((signal.arg, signal.offset, signal.width), (0, 32, 8));
    }

    #[test]
    fn every_native_argument_has_its_name_in_the_32_bit_call_too() {
        for native in super::SIGNATURES {
            let Some(other) = signature(Abi::I386, native.name) else {
                continue;
            };
            let mut names: Vec<&str> = other.args.iter().map(|a| a.name).collect();
            names.extend(other.fields.iter().map(|f| f.name));
            names.extend(other.pairs.iter().map(|p| p.name));
            for arg in native.args {
                assert!(names.contains(&arg.name), "{}: {}", native.name, arg.name);
            }
        }
    }

    #[test]
    fn tracepoints_are_named_both_ways() {
        for (tracepoint, call) in TRACEPOINTS {
            assert!(number(Abi::Native, call).is_some(), "{call}");
            assert_eq!(tracepoint_name(call), *tracepoint);
            assert_eq!(tracepoint_call(tracepoint), *call);
        }
        assert_eq!(tracepoint_name("openat"), "openat");
    }

    #[test]
    fn classes_name_only_calls_that_exist() {
        for class in classes() {
            for call in super::class(class).expect("listed") {
                let known = number(Abi::Native, call).or(number(Abi::I386, call));
                assert!(known.is_some(), "%{class}: {call}");
            }
        }
    }
}
