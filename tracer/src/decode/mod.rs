//! Raw values to the text that people know them by: names of errors, signals, system calls and conventions.
//!
//! In: a raw value and what it is. Out: text from the tables, or what stands for an unknown number. Never
//! needs the machine: names of kernel addresses are `symbols`.

pub mod call;

use crate::tables::{errno, signals, syscalls};
use crate::types::Abi;
use std::borrow::Cow;

/// `ENOENT` for 2, `0` for 0, the number when it has no name.
pub fn errno_name(errno: u64) -> Cow<'static, str> {
    match errno::name(errno) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(errno.to_string()),
    }
}

/// `No such file or directory` for 2, `Success` for 0.
pub fn errno_text(errno: u64) -> Cow<'static, str> {
    match (errno, errno::text(errno)) {
        (0, _) => Cow::Borrowed("Success"),
        (_, Some(text)) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("Unknown error {errno}")),
    }
}

/// `SIGKILL` for 9, the number when it has no name.
pub fn signal_name(signal: u64) -> Cow<'static, str> {
    match signals::name(signal) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned((signal as i64).to_string()),
    }
}

/// `openat`; `syscall_0x270f` when no table knows the number. `raw` holds the ABI in bits 32 and up, the
/// number below.
pub fn syscall_name(raw: u64) -> Cow<'static, str> {
    let nr = raw as u32;
    match abi(raw >> 32).and_then(|abi| syscalls::name(abi, nr)) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("syscall_{nr:#x}")),
    }
}

/// What the call of such a name is called in the names of its tracepoints: `newstat` for `stat`.
pub fn tracepoint_name(call: &str) -> &str {
    syscalls::tracepoint_name(call)
}

/// `x86_64` or `i386`; the number of an unknown one.
pub fn abi_name(raw: u64) -> Cow<'static, str> {
    match abi(raw) {
        Some(Abi::Native) => Cow::Borrowed("x86_64"),
        Some(Abi::I386) => Cow::Borrowed("i386"),
        None => Cow::Owned(raw.to_string()),
    }
}

fn abi(raw: u64) -> Option<Abi> {
    match raw {
        0 => Some(Abi::Native),
        1 => Some(Abi::I386),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_names_and_texts() {
        assert_eq!(errno_name(2), "ENOENT");
        assert_eq!(errno_name(0), "0");
        assert_eq!(errno_name(4000), "4000");
        assert_eq!(errno_text(0), "Success");
        assert_eq!(errno_text(2), "No such file or directory");
        assert_eq!(errno_text(4000), "Unknown error 4000");
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(signal_name(9), "SIGKILL");
        assert_eq!(signal_name(40), "40");
        assert_eq!(signal_name(-1i64 as u64), "-1");
    }

    #[test]
    fn calls_are_named_by_their_own_table() {
        assert_eq!(syscall_name(257), "openat");
        assert_eq!(syscall_name(1 << 32 | 5), "open");
        assert_eq!(syscall_name(9999), "syscall_0x270f");
        assert_eq!(syscall_name(7 << 32 | 1), "syscall_0x1");
    }

    #[test]
    fn conventions_have_names() {
        assert_eq!(
            [abi_name(0), abi_name(1), abi_name(2)],
            ["x86_64", "i386", "2"]
        );
    }
}
