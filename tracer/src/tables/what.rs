//! What a value of a call means: the vocabulary in which signatures, structs and ioctl commands are written.
//!
//! In: nothing; the values are generated from `data/`. Out: types and look-ups. Never reads memory, never decodes.

use super::sets::Set;
use super::structs::Struct;
use crate::types::Abi;

/// What a value is: one in a register, or one that lies in memory (a member, an element, what a pointer points to).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Nothing: for this call the value has no meaning and is not shown (`mode` of an open without `O_CREAT`; the
    /// result of a call that does not return).
    None,
    /// A number.
    Int,
    /// A number written in base 16: an address that is not followed, a cookie, a mask.
    Hex,
    /// Bits of a file's mode: type and permissions, in base 8.
    Octal,
    /// A descriptor.
    Fd,
    /// A descriptor or `AT_FDCWD`.
    DirFd,
    /// A process or thread.
    Pid,
    /// A user.
    Uid,
    /// A group.
    Gid,
    /// A signal's number.
    Signal,
    /// An error number, positive.
    Errno,
    /// How a process ended or stopped, as `wait(2)` packs it.
    WaitStatus,
    /// A device's number, as `stat(2)` packs it.
    Dev,
    /// No or yes.
    Bool,
    /// A number in the network's byte order.
    Port,
    /// An IPv4 address, 4 bytes in the network's order.
    Ip4,
    /// An IPv6 address, 16 bytes.
    Ip6,
    /// Bits with names, and perhaps a part that is an enumeration.
    Flags(&'static Set),
    /// One of the values of a set.
    Enum(&'static Set),
    /// A command of ioctl: by name from its table, else taken apart (`_IOC(...)`).
    IoctlCommand,
    /// The argument of ioctl: by command; when no table has it, size and direction are the command's own.
    IoctlArg,

    /// The address of one thing in user memory.
    Ptr(Dir, &'static Elem),

    // What lies in memory, not in a register.
    /// A NUL-terminated string that names a file.
    Path,
    /// A NUL-terminated string.
    Str,
    /// Addresses of strings up to a null one: `argv`, `envp`.
    StrArray,
    /// Data.
    Bytes(Len),
    /// Text in a buffer of fixed size: ends at a NUL or at the length.
    Chars(Len),
    /// Things of one kind in a row; the length counts things.
    Array(&'static Elem, Len),
    /// A struct.
    Struct(&'static Struct),
    /// A struct of which that many bytes count, newer members may be missing.
    Sized(&'static Struct, Len),
    /// An address of a socket; the length counts bytes.
    Sockaddr(Len),
    /// `struct iovec`s; the length counts them; the call reads (In) or writes (Out) what they point to. Written data
    /// ends where the call's result says.
    Iovec(Len, Dir),
    /// `struct msghdr`, with what it points to; the direction is that of the data.
    Msghdr(Dir),
    /// `struct mmsghdr`s; the length counts them.
    Mmsghdr(Len, Dir),
    /// Control messages; the length counts bytes.
    Cmsgs(Len),
    /// A set of signals; the length counts bytes.
    SigSet(Len),
    /// A set of descriptors (select); the length counts bits.
    FdSet(Len),
    /// A set of CPUs; the length counts bytes.
    CpuSet(Len),
    /// A set of memory nodes; the length counts bits.
    NodeSet(Len),
    /// `struct linux_dirent` (old: i386's `readdir` has one); the length counts bytes.
    Dirents(Len),
    /// `struct linux_dirent64`; the length counts bytes.
    Dirents64(Len),
    /// What a command of `bpf(2)`, `ptrace(2)`, … says, by the value of another argument or member.
    On(&'static On),
}

/// Which way data go through a pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dir {
    /// The kernel reads: what stood there at entry counts.
    In,
    /// The kernel writes, when the call succeeds: what stands there at exit counts.
    Out,
    /// Both.
    InOut,
}

/// One thing in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elem {
    /// What it is.
    pub what: What,
    /// Its bytes, by ABI; 0 when the length stands in `what`.
    pub width: ByAbi,
    /// A number with a sign.
    pub signed: bool,
}

/// A size or an offset in bytes, which pointers and `long` make different.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ByAbi {
    /// On x86-64.
    pub native: u16,
    /// On i386.
    pub i386: u16,
}

impl ByAbi {
    /// That of an ABI.
    pub const fn of(self, abi: Abi) -> usize {
        match abi {
            Abi::Native => self.native as usize,
            Abi::I386 => self.i386 as usize,
        }
    }
}

/// Bytes of a page of x86.
pub const PAGE_BYTES: u64 = 4096;

/// How long something in memory is. What is counted (bytes, elements) says the one who has the length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Len {
    /// So long.
    Const(u32),
    /// As an argument says.
    Arg(u8),
    /// As the 32-bit number says that an argument points to (`socklen_t *`): at exit for what is written, at most
    /// what it was at entry.
    Pointee(u8),
    /// As the call's result says.
    Ret,
    /// As the result says, at most what the argument says (`recv` with `MSG_TRUNC`, `getxattr` with size 0).
    RetUpTo(u8),
    /// An argument's value times so many.
    ArgTimes(u8, u32),
    /// As many as there are pages in so many bytes as an argument says, the last one perhaps in part.
    Pages(u8),
    /// As the number says that is member so-and-so (index) of the struct that holds it.
    Field(u8),
    /// As the 32-bit number says that such a member points to.
    FieldPointee(u8),
    /// Up to the end of the memory that holds it.
    Rest,
}

/// Where the value stands that decides what another one means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// An argument of the call, also from inside a struct.
    Arg(u8),
    /// A member (index) of the struct that holds the value.
    Field(u8),
    /// The 32-bit number that an argument points to, at entry.
    Pointee(u8),
    /// The call's result.
    Ret,
}

/// What a value means, by another value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct On {
    /// What decides.
    pub source: Source,
    /// Which of its bits. Never more than the source is wide.
    pub mask: u64,
    /// By those bits (not shifted), sorted.
    pub cases: &'static [(u64, What)],
    /// When no case has them.
    pub otherwise: What,
}

impl On {
    /// What the value means when the source is `value`.
    pub fn case(&self, value: u64) -> What {
        let at = self
            .cases
            .binary_search_by_key(&(value & self.mask), |&(v, _)| v);
        at.map_or(self.otherwise, |at| self.cases[at].1)
    }
}

impl What {
    /// Which way data go, if the value is an address.
    pub const fn dir(self) -> Option<Dir> {
        match self {
            What::Ptr(dir, _) => Some(dir),
            _ => None,
        }
    }
}
