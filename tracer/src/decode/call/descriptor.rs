//! Descriptors: their number, and the file, pipe or socket that they stood for.
//!
//! In: a number, and what the image knows of it. Out: text as strace's `-y` and `-yy` have it, or JSON. Never looks
//! into `/proc`: a name is that of the time of the call.

use super::sink::Sink;
use super::walk::{Num, Walk};
use super::{Descriptors, escape, number, sockaddr};
use crate::types::call::{CallKind, Descriptor, DescriptorKind, When};

/// `AT_FDCWD` of linux/fcntl.h.
const AT_FDCWD: i32 = -100;
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// A descriptor.
    pub fn descriptor(&mut self, num: Num, when: When) {
        let fd = num.raw as i32;
        let known = self.known(fd, when);
        let full = self.style.descriptors == Descriptors::Full;
        self.sink.descriptor(fd, known.as_ref(), full);
    }

    /// A descriptor or the current directory.
    pub fn directory(&mut self, num: Num, when: When) {
        if num.raw as i32 != AT_FDCWD {
            return self.descriptor(num, when);
        }
        let known = self.known(AT_FDCWD, when);
        let full = self.style.descriptors == Descriptors::Full;
        self.sink.cwd(known.as_ref(), full);
    }

    fn known(&self, fd: i32, when: When) -> Option<Descriptor<'a>> {
        let wanted = self.style.descriptors != Descriptors::None;
        // What was not open at entry (the target of a dup2) must not get the name of what it is at exit.
        let other = match when {
            When::Entry if self.call.kind == CallKind::NoEntry => Some(When::Exit),
            When::Entry => None,
            When::Exit => Some(When::Entry),
        };
        wanted.then(|| {
            let at = |when| self.call.descriptor(fd, when);
            at(when).or_else(|| at(other?))
        })?
    }
}

/// `</etc/hosts>`, `<TCP:[127.0.0.1:80->127.0.0.1:4711]>`; with `full` also what kind of device it is.
pub(super) fn text(out: &mut Vec<u8>, descriptor: &Descriptor<'_>, full: bool) {
    out.push(b'<');
    match descriptor.kind {
        DescriptorKind::File => file(out, descriptor, full),
        DescriptorKind::Pipe => inode(out, "pipe", descriptor.ino),
        DescriptorKind::Anonymous => {
            out.extend_from_slice(b"anon_inode:");
            path(out, descriptor.text);
        }
        DescriptorKind::Socket if full => socket(out, descriptor),
        DescriptorKind::Socket => inode(out, "socket", descriptor.ino),
    }
    out.push(b'>');
    if descriptor.deleted {
        out.extend_from_slice(b"(deleted)");
    }
}

fn inode(out: &mut Vec<u8>, kind: &str, ino: u64) {
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b":[");
    number::decimal(out, ino);
    out.push(b']');
}

fn file(out: &mut Vec<u8>, descriptor: &Descriptor<'_>, full: bool) {
    if descriptor.cut {
        out.extend_from_slice(b"...");
    }
    path(out, descriptor.text);
    let kind = match descriptor.mode & 0o170_000 {
        0o020_000 => "char",
        0o060_000 => "block",
        _ => return,
    };
    if full {
        out.push(b'<');
        out.extend_from_slice(kind.as_bytes());
        out.push(b' ');
        number::decimal(out, u64::from(descriptor.rdev >> 20));
        out.push(b':');
        number::decimal(out, u64::from(descriptor.rdev & 0xf_ffff));
        out.push(b'>');
    }
}

/// A path without quotes: `<` and `>` would end it.
fn path(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'<' | b'>' => {
                out.push(b'\\');
                number::digits(out, u64::from(byte), 8, 3);
            }
            _ => {
                let mut quoted = Vec::new();
                escape::c_string(&mut quoted, &[byte]);
                out.extend_from_slice(&quoted[1..quoted.len() - 1]);
            }
        }
    }
}

/// The names of protocols by `AF_*`, `SOCK_*` and number.
fn protocol(descriptor: &Descriptor<'_>) -> &'static str {
    match (descriptor.family, descriptor.sock_type, descriptor.protocol) {
        (AF_UNIX, 1, _) => "UNIX-STREAM",
        (AF_UNIX, 2, _) => "UNIX-DGRAM",
        (AF_UNIX, 5, _) => "UNIX-SEQPACKET",
        (AF_UNIX, ..) => "UNIX",
        (AF_INET, 1, 0 | 6) => "TCP",
        (AF_INET, 2, 0 | 17) => "UDP",
        (AF_INET, 2, 1) => "PING",
        (AF_INET, 3, _) => "RAW",
        (AF_INET6, 1, 0 | 6) => "TCPv6",
        (AF_INET6, 2, 0 | 17) => "UDPv6",
        (AF_INET6, 2, 58) => "PINGv6",
        (AF_INET6, 3, _) => "RAWv6",
        (16, ..) => "NETLINK",
        (17, ..) => "PACKET",
        _ => "socket",
    }
}

fn socket(out: &mut Vec<u8>, descriptor: &Descriptor<'_>) {
    out.extend_from_slice(protocol(descriptor).as_bytes());
    out.extend_from_slice(b":[");
    // Sockets that have no address yet are told by their inode.
    let has_address = descriptor.local.iter().skip(2).any(|&byte| byte != 0);
    let inet = matches!(descriptor.family, AF_INET | AF_INET6) && has_address;
    if inet {
        sockaddr::endpoint(out, descriptor.local);
    } else {
        number::decimal(out, descriptor.ino);
    }
    if inet && !descriptor.remote.is_empty() {
        out.extend_from_slice(b"->");
        sockaddr::endpoint(out, descriptor.remote);
    } else if !inet && descriptor.peer != 0 {
        out.extend_from_slice(b"->");
        number::decimal(out, descriptor.peer);
    }
    if !descriptor.text.is_empty() {
        unix_path(out, descriptor.text);
    }
    out.push(b']');
}

/// `,"/run/x"`, `,@"abstract"`
fn unix_path(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b',');
    match text {
        [0, name @ ..] => {
            out.push(b'@');
            escape::c_string(out, name);
        }
        _ => escape::c_string(out, text),
    }
}

/// `{"kind":"file","path":"/etc/hosts"}`
pub(super) fn json(out: &mut Vec<u8>, descriptor: &Descriptor<'_>) {
    let kind = match descriptor.kind {
        DescriptorKind::File => "file",
        DescriptorKind::Pipe => "pipe",
        DescriptorKind::Socket => "socket",
        DescriptorKind::Anonymous => "anonymous",
    };
    out.extend_from_slice(b"{\"kind\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"text\":");
    let at = out.len();
    text(out, descriptor, true);
    let shown = out.split_off(at);
    escape::json_string(out, &String::from_utf8_lossy(&shown));
    if !descriptor.text.is_empty() {
        out.extend_from_slice(b",\"path\":");
        super::json::Json { out }.string(descriptor.text, descriptor.cut);
    }
    if descriptor.kind != DescriptorKind::File {
        out.extend_from_slice(b",\"ino\":");
        number::decimal(out, descriptor.ino);
    }
    if descriptor.deleted {
        out.extend_from_slice(b",\"deleted\":true");
    }
    out.push(b'}');
}
