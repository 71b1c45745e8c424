//! A system call as it was captured: registers, and a sparse image of the memory and descriptors it named.
//!
//! In: the bytes of a call record (`CallRecord` of the wire and its parts). Out: [`Call`], which answers "what stood
//! at this address, and how was it read". Never decodes a value, never allocates, and never trusts the bytes: a
//! record that is cut or wrong gives fewer parts, not a panic.

mod build;
mod descriptor;

pub use build::CallBuilder;
pub use descriptor::{Descriptor, DescriptorKind};

use super::Abi;
use std::cell::Cell;

/// How memory that an argument points to was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ArgState {
    /// Whole, when it should be.
    Ok = 0,
    /// Its page was absent at entry: it was read at exit, when the process may have changed it.
    Late = 1,
    /// It cannot be read: there is no memory.
    Fault = 2,
    /// The pointer was null.
    Null = 3,
    /// Only the first part was read.
    Truncated = 4,
    /// Nobody tried.
    NotRead = 5,
}

impl ArgState {
    /// All, by wire value.
    pub const ALL: [ArgState; 6] = [
        ArgState::Ok,
        ArgState::Late,
        ArgState::Fault,
        ArgState::Null,
        ArgState::Truncated,
        ArgState::NotRead,
    ];

    /// The state of that wire value; what no table knows was not read.
    pub fn from_wire(value: u8) -> ArgState {
        let known = Self::ALL.get(usize::from(value));
        known.copied().unwrap_or(ArgState::NotRead)
    }

    /// `ok`, `late`, `fault`, `null`, `truncated` or `not_read`.
    pub fn name(self) -> &'static str {
        match self {
            ArgState::Ok => "ok",
            ArgState::Late => "late",
            ArgState::Fault => "fault",
            ArgState::Null => "null",
            ArgState::Truncated => "truncated",
            ArgState::NotRead => "not_read",
        }
    }

    /// Whether there is something to show.
    pub fn is_readable(self) -> bool {
        matches!(self, ArgState::Ok | ArgState::Late | ArgState::Truncated)
    }
}

/// Which ends of a call were seen. The discriminant is the wire value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u16)]
pub enum CallKind {
    /// Entry and exit.
    Call = 0,
    /// The call never returns (`exit`, `exit_group`).
    NoExit = 1,
    /// Exit only: denied by seccomp, in flight when tracing began.
    NoEntry = 2,
    /// Entry only: killed, or tracing ended.
    Unfinished = 3,
    /// Exit only: the return of a fork in the new process.
    Child = 4,
}

impl CallKind {
    /// `call`, `no_exit`, `no_entry`, `unfinished` or `child`.
    pub fn name(self) -> &'static str {
        match self {
            CallKind::Call => "call",
            CallKind::NoExit => "no_exit",
            CallKind::NoEntry => "no_entry",
            CallKind::Unfinished => "unfinished",
            CallKind::Child => "child",
        }
    }

    /// Whether the call came back.
    pub fn returned(self) -> bool {
        matches!(self, CallKind::Call | CallKind::NoEntry | CallKind::Child)
    }

    /// The kind of that wire value.
    pub fn from_wire(value: u16) -> Option<CallKind> {
        use CallKind::*;
        [Call, NoExit, NoEntry, Unfinished, Child]
            .get(usize::from(value))
            .copied()
    }
}

/// At which end of the call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum When {
    /// Before the kernel worked on it.
    Entry,
    /// After.
    Exit,
}

/// What a part of the image is. The discriminant is the wire value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum PartKind {
    /// Memory, as it was at entry.
    EntryMemory = 0,
    /// Memory, as it was at exit.
    ExitMemory = 1,
    /// A descriptor at entry ([`Descriptor`]).
    EntryDescriptor = 2,
    /// A descriptor at exit.
    ExitDescriptor = 3,
    /// A NUL-terminated string at entry.
    EntryString = 4,
    /// A NUL-terminated string at exit.
    ExitString = 5,
}

impl PartKind {
    fn from_wire(value: u8) -> Option<PartKind> {
        use PartKind::*;
        [
            EntryMemory,
            ExitMemory,
            EntryDescriptor,
            ExitDescriptor,
            EntryString,
            ExitString,
        ]
        .get(usize::from(value))
        .copied()
    }

    /// The end at which it was read.
    pub fn when(self) -> When {
        match self {
            PartKind::EntryMemory | PartKind::EntryDescriptor | PartKind::EntryString => {
                When::Entry
            }
            _ => When::Exit,
        }
    }

    /// Whether it tells what a descriptor stands for, and no memory.
    pub fn is_descriptor(self) -> bool {
        matches!(self, PartKind::EntryDescriptor | PartKind::ExitDescriptor)
    }

    fn is_string(self) -> bool {
        matches!(self, PartKind::EntryString | PartKind::ExitString)
    }
}

/// A piece of the image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// User address; the number of a descriptor.
    pub addr: u64,
    /// Bytes asked for; `u32::MAX`: a string of unknown length.
    pub wanted: u32,
    /// What it is.
    pub kind: PartKind,
    /// How it was read.
    pub state: ArgState,
    /// The argument it belongs to.
    pub arg: u8,
    /// What was read.
    pub bytes: &'a [u8],
}

/// What stands at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory<'a> {
    /// At most as many bytes as were asked for.
    pub bytes: &'a [u8],
    /// `Ok` and `Late` say that all are there.
    pub state: ArgState,
}

impl Memory<'_> {
    fn none(state: ArgState) -> Memory<'static> {
        Memory { bytes: &[], state }
    }
}

/// A call record.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Calling convention, taken at entry.
    pub abi: Abi,
    /// Number, as at entry. May be one that no table knows.
    pub nr: u32,
    /// Which ends were seen.
    pub kind: CallKind,
    /// Number of the interrupted call that this one goes on with (`restart_syscall`).
    pub continues: Option<u32>,
    /// The argument registers as at entry; those of 32-bit calls are zero-extended.
    pub args: [u64; 6],
    /// The result register at exit: negative errors, internal ones too.
    pub ret: i64,
    /// Clock of the kernel at entry; 0 when it was not seen.
    pub entry_ns: u64,
    /// The same at exit; 0 when the call did not return.
    pub exit_ns: u64,
    /// The thread's name, NUL-padded.
    pub comm: [u8; 16],
    parts: &'a [u8],
    /// Where the last search ended: arrays are walked in the order in which they were captured.
    last: Cell<usize>,
}

/// Bytes of a record without parts.
pub const RECORD_SIZE: usize = 104;
/// Bytes of a part without its data.
pub const PART_SIZE: usize = 24;

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}

impl<'a> Call<'a> {
    /// `None` when these are not the bytes of a call record.
    pub fn read(bytes: &'a [u8]) -> Option<Call<'a>> {
        let call = u64_at(bytes, 0)?;
        let mut args = [0; 6];
        for (i, arg) in args.iter_mut().enumerate() {
            *arg = u64_at(bytes, 32 + 8 * i)?;
        }
        Some(Call {
            abi: match call >> 32 {
                0 => Abi::Native,
                1 => Abi::I386,
                _ => return None,
            },
            nr: call as u32,
            kind: CallKind::from_wire(u16_at(bytes, 96)?)?,
            continues: u16_at(bytes, 98)?.checked_sub(1).map(u32::from),
            args,
            ret: u64_at(bytes, 8)? as i64,
            entry_ns: u64_at(bytes, 16)?,
            exit_ns: u64_at(bytes, 24)?,
            comm: bytes.get(80..96)?.try_into().ok()?,
            parts: bytes.get(RECORD_SIZE..)?,
            last: Cell::new(0),
        })
    }

    /// A call of which only the image is known; its registers are filled in by whoever keeps them elsewhere.
    pub fn of_parts(parts: &'a [u8]) -> Call<'a> {
        Call {
            abi: Abi::Native,
            nr: 0,
            kind: CallKind::Call,
            continues: None,
            args: [0; 6],
            ret: 0,
            entry_ns: 0,
            exit_ns: 0,
            comm: [0; 16],
            parts,
            last: Cell::new(0),
        }
    }

    /// The bytes of [`Call::parts`].
    pub fn image(&self) -> &'a [u8] {
        self.parts
    }

    /// All pieces of the image, as captured.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a>> {
        Parts {
            bytes: self.parts,
            at: 0,
        }
        .map(|(_, part)| part)
    }

    /// The thread's name up to its NUL.
    pub fn comm(&self) -> &[u8] {
        let end = self.comm.iter().position(|&b| b == 0);
        &self.comm[..end.unwrap_or(self.comm.len())]
    }

    /// Nanoseconds between entry and exit; `None` when one of them was not seen.
    pub fn duration_ns(&self) -> Option<u64> {
        let seen = self.entry_ns != 0 && self.exit_ns != 0;
        seen.then(|| self.exit_ns.saturating_sub(self.entry_ns))
    }

    /// What stood at `addr`, at most `len` bytes of it. Memory that was read late counts as that of the entry.
    pub fn memory(&self, addr: u64, len: usize, when: When) -> Memory<'a> {
        if addr == 0 {
            return Memory::none(ArgState::Null);
        }
        let fits = |part: &Part<'_>| {
            !part.kind.is_descriptor() && at_time(part, when) && part.covers(addr)
        };
        match self.find(fits) {
            Some(part) => part.memory(addr, len),
            None => Memory::none(ArgState::NotRead),
        }
    }

    /// The string at `addr` without its NUL. `Truncated` when its end was not read.
    pub fn string(&self, addr: u64, when: When) -> Memory<'a> {
        if addr == 0 {
            return Memory::none(ArgState::Null);
        }
        let own =
            |part: &Part<'_>| part.kind.is_string() && at_time(part, when) && part.covers(addr);
        let Some(part) = self.find(own) else {
            return self.string_in_memory(addr, when);
        };
        let memory = part.memory(addr, usize::MAX);
        until_nul(memory)
    }

    fn string_in_memory(&self, addr: u64, when: When) -> Memory<'a> {
        until_nul(self.memory(addr, usize::MAX, when))
    }

    /// What the descriptor was.
    pub fn descriptor(&self, fd: i32, when: When) -> Option<Descriptor<'a>> {
        let fits = |part: &Part<'_>| {
            part.kind.is_descriptor() && at_time(part, when) && part.addr as i32 == fd
        };
        Descriptor::read(self.find(fits)?.bytes)
    }

    /// How the memory that argument `arg` points to was read: the state of its first part.
    pub fn state(&self, arg: u8) -> ArgState {
        let fits = |part: &Part<'_>| part.arg == arg && !part.kind.is_descriptor();
        self.find(fits).map_or(ArgState::NotRead, |part| part.state)
    }

    /// The first part that fits, from where the last search ended.
    fn find(&self, fits: impl Fn(&Part<'_>) -> bool) -> Option<Part<'a>> {
        let start = self.last.get();
        let from = |at| Parts {
            bytes: self.parts,
            at,
        };
        let before = from(0).take_while(|&(at, _)| at < start);
        let (at, part) = from(start).chain(before).find(|(_, part)| fits(part))?;
        self.last.set(at);
        Some(part)
    }
}

/// Whether a part tells what stood there then.
fn at_time(part: &Part<'_>, when: When) -> bool {
    part.kind.when() == when || when == When::Entry && part.state == ArgState::Late
}

fn until_nul(memory: Memory<'_>) -> Memory<'_> {
    if !memory.state.is_readable() {
        return memory;
    }
    match memory.bytes.iter().position(|&b| b == 0) {
        Some(end) => Memory {
            bytes: &memory.bytes[..end],
            state: memory.state,
        },
        None => Memory {
            bytes: memory.bytes,
            state: ArgState::Truncated,
        },
    }
}

impl<'a> Part<'a> {
    /// Whether it says something about that address: it was read there, or should have been.
    fn covers(&self, addr: u64) -> bool {
        let len = match self.wanted {
            u32::MAX => self.bytes.len().max(1) as u64,
            wanted => u64::from(wanted).max(self.bytes.len() as u64).max(1),
        };
        addr.wrapping_sub(self.addr) < len
    }

    /// `len` bytes from `addr` on, which it covers.
    fn memory(&self, addr: u64, len: usize) -> Memory<'a> {
        let skip = addr.wrapping_sub(self.addr) as usize;
        let bytes = self.bytes.get(skip..).unwrap_or_default();
        let whole = bytes.len() >= len;
        let state = match self.state {
            ArgState::Truncated if whole => ArgState::Ok,
            ArgState::Ok | ArgState::Late if !whole && len != usize::MAX => ArgState::Truncated,
            state => state,
        };
        Memory {
            bytes: &bytes[..bytes.len().min(len)],
            state,
        }
    }
}

/// The parts from an offset on; each with its own offset.
struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = (usize, Part<'a>);

    fn next(&mut self) -> Option<(usize, Part<'a>)> {
        let at = self.at;
        let head = self.bytes.get(at..at.checked_add(PART_SIZE)?)?;
        let len = u32_at(head, 12)? as usize;
        let data = at + PART_SIZE;
        let part = Part {
            addr: u64_at(head, 0)?,
            wanted: u32_at(head, 8)?,
            kind: PartKind::from_wire(head[16])?,
            state: ArgState::from_wire(head[17]),
            arg: head[18],
            bytes: self.bytes.get(data..data.checked_add(len)?)?,
        };
        self.at = data + len.next_multiple_of(8);
        Some((at, part))
    }
}

#[cfg(test)]
mod tests;
