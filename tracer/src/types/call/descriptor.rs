//! What a descriptor was at the time of a call.
//!
//! In: the bytes of a descriptor part. Out: [`Descriptor`]. Never looks into `/proc`.
//!
//! The bytes, native endian:
//!
//! | offset | | |
//! |---|---|---|
//! | 0 | `kind: u8` | [`DescriptorKind`] |
//! | 1 | `flags: u8` | 1: the file was deleted; 2: the path is cut at its front |
//! | 2 | `family: u16` | of a socket: `AF_*` |
//! | 4 | `sock_type: u16` | of a socket: `SOCK_*` |
//! | 6 | `protocol: u16` | of a socket |
//! | 8 | `ino: u64` | inode number (sockets, pipes) |
//! | 16 | `peer: u64` | inode number of the other end (unix sockets), 0: none |
//! | 24 | `rdev: u32` | of a device: major in bits 20 and up, minor below (the kernel's own `dev_t`) |
//! | 28 | `mode: u32` | `st_mode`: tells block devices from character devices |
//! | 32 | `local: [u8; 28]` | of inet sockets: `sockaddr_in`/`sockaddr_in6`; family 0: none |
//! | 60 | `remote: [u8; 28]` | the same of the other end |
//! | 88 | text to the end | path of a file, name of an anonymous inode (`[eventpoll]`), path of a unix socket |

/// Sort of descriptor. The discriminant is the wire value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum DescriptorKind {
    /// A file, directory or device with a path.
    File = 0,
    /// A pipe without a name.
    Pipe = 1,
    /// A socket.
    Socket = 2,
    /// An inode without a file system (epoll, eventfd, …).
    Anonymous = 3,
}

/// What a descriptor stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor<'a> {
    /// Sort.
    pub kind: DescriptorKind,
    /// The file has no name any more.
    pub deleted: bool,
    /// The front of the path is missing.
    pub cut: bool,
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub sock_type: u16,
    /// Protocol of a socket.
    pub protocol: u16,
    /// Inode number.
    pub ino: u64,
    /// Inode number of a unix socket's other end; 0: none.
    pub peer: u64,
    /// Device number in the kernel's own form: major << 20 | minor.
    pub rdev: u32,
    /// `st_mode`.
    pub mode: u32,
    /// Own address (28 bytes, family first); empty when there is none.
    pub local: &'a [u8],
    /// Address of the other end; empty when there is none.
    pub remote: &'a [u8],
    /// Path or name.
    pub text: &'a [u8],
}

/// Bytes in front of the text.
pub const HEAD_SIZE: usize = 88;

impl<'a> Descriptor<'a> {
    /// `None` when the bytes are not those of a descriptor part.
    pub fn read(bytes: &'a [u8]) -> Option<Descriptor<'a>> {
        use DescriptorKind::*;
        let (head, text) = bytes.split_at_checked(HEAD_SIZE)?;
        let u16_at = |at: usize| u16::from_ne_bytes([head[at], head[at + 1]]);
        let address = |at: usize| match u16_at(at) {
            0 => &head[..0],
            _ => &head[at..at + 28],
        };
        Some(Descriptor {
            kind: *[File, Pipe, Socket, Anonymous].get(usize::from(head[0]))?,
            deleted: head[1] & 1 != 0,
            cut: head[1] & 2 != 0,
            family: u16_at(2),
            sock_type: u16_at(4),
            protocol: u16_at(6),
            ino: super::u64_at(head, 8)?,
            peer: super::u64_at(head, 16)?,
            rdev: super::u32_at(head, 24)?,
            mode: super::u32_at(head, 28)?,
            local: address(32),
            remote: address(60),
            text,
        })
    }

    /// The bytes that [`Descriptor::read`] takes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![
            self.kind as u8,
            u8::from(self.deleted) | u8::from(self.cut) << 1,
        ];
        for word in [self.family, self.sock_type, self.protocol] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(self.ino.to_ne_bytes());
        bytes.extend(self.peer.to_ne_bytes());
        bytes.extend(self.rdev.to_ne_bytes());
        bytes.extend(self.mode.to_ne_bytes());
        for (address, end) in [(self.local, 60), (self.remote, HEAD_SIZE)] {
            bytes.extend(&address[..address.len().min(28)]);
            bytes.resize(end, 0);
        }
        bytes.extend(self.text);
        bytes
    }
}
