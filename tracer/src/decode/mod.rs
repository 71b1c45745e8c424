//! Raw values to the text that people know them by: names of errors, signals, system calls and conventions.
//!
//! In: a raw value and what it is. Out: text from the tables, or what stands for an unknown number. Never
//! needs the machine: names of kernel addresses are `symbols`.

pub mod call;

use crate::tables::{errno, signals, syscalls};
use crate::types::Abi;
use core::net::{Ipv4Addr, Ipv6Addr};
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

/// `02:AB:00:00:00:01`; the first byte is the lowest.
pub fn mac_address(raw: u64) -> String {
    let bytes: Vec<String> = raw.to_le_bytes()[..6]
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect();
    bytes.join(":")
}

/// `127.0.0.1`, `::1`; nothing for another family. The bytes lie in the words as in memory.
pub fn internet_address(family: u64, words: [u64; 2]) -> String {
    const AF_INET: u64 = 2;
    const AF_INET6: u64 = 10;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&words[0].to_ne_bytes());
    bytes[8..].copy_from_slice(&words[1].to_ne_bytes());
    match family {
        AF_INET => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).to_string(),
        AF_INET6 => Ipv6Addr::from(bytes).to_string(),
        _ => String::new(),
    }
}

/// The id of the container that a cgroup of this path belongs to: the innermost name with at least 32 hexadecimal digits in
/// a row, as Docker, containerd, CRI-O and Podman make them (`docker-<id>.scope`, `/kubepods/…/<id>`). Empty when there is none.
pub fn container(path: &[u8]) -> &[u8] {
    const LEAST: usize = 32;
    let ids = path.rsplit(|b| *b == b'/').filter_map(|name| {
        name.split(|b| !b.is_ascii_hexdigit())
            .find(|part| part.len() >= LEAST)
    });
    ids.into_iter().next().unwrap_or_default()
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
    fn addresses_are_written_as_people_know_them() {
        assert_eq!(mac_address(0x0201_0000_ab02), "02:AB:00:00:01:02");
        assert_eq!(internet_address(2, [0x0100_007f, 0]), "127.0.0.1");
        let loopback = u64::from_ne_bytes([0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(internet_address(10, [0, loopback]), "::1");
        assert_eq!(internet_address(1, [0, 0]), "");
    }

    #[test]
    fn containers_are_told_by_the_names_of_their_cgroups() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for path in [
            format!("/system.slice/docker-{id}.scope"),
            format!("/kubepods/burstable/pod12345678-1234-1234-1234-123456789abc/{id}"),
            format!("/machine.slice/libpod-{id}.scope/container"),
        ] {
            assert_eq!(container(path.as_bytes()), id.as_bytes(), "{path}");
        }
        assert_eq!(container(b"/user.slice/user-1000.slice"), b"");
    }

    #[test]
    fn conventions_have_names() {
        assert_eq!(
            [abi_name(0), abi_name(1), abi_name(2)],
            ["x86_64", "i386", "2"]
        );
    }
}
