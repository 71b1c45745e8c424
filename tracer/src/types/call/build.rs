//! Writes the bytes of a call record: what the kernel half does, for tests and for whoever makes records from other
//! sources.
//!
//! In: registers and pieces of memory. Out: bytes that [`Call::read`](super::Call::read) takes. Never reads memory.

use super::{ArgState, CallKind, PartKind};
use crate::types::Abi;

/// A call record in the making.
#[derive(Clone, Debug)]
pub struct CallBuilder {
    abi: Abi,
    nr: u32,
    kind: CallKind,
    continues: u16,
    args: [u64; 6],
    ret: i64,
    entry_ns: u64,
    exit_ns: u64,
    comm: [u8; 16],
    count: u32,
    parts: Vec<u8>,
}

impl CallBuilder {
    /// A finished call that returned 0.
    pub fn new(abi: Abi, nr: u32, args: [u64; 6]) -> CallBuilder {
        CallBuilder {
            abi,
            nr,
            kind: CallKind::Call,
            continues: 0,
            args,
            ret: 0,
            entry_ns: 1,
            exit_ns: 2,
            comm: [0; 16],
            count: 0,
            parts: Vec::new(),
        }
    }

    /// Its result.
    pub fn ret(mut self, ret: i64) -> CallBuilder {
        self.ret = ret;
        self
    }

    /// Which ends were seen.
    pub fn kind(mut self, kind: CallKind) -> CallBuilder {
        self.kind = kind;
        self
    }

    /// It goes on with a call of that number.
    pub fn continues(mut self, number: u16) -> CallBuilder {
        self.continues = number + 1;
        self
    }

    /// The clock at both ends; 0 for one that was not seen.
    pub fn times(mut self, entry_ns: u64, exit_ns: u64) -> CallBuilder {
        (self.entry_ns, self.exit_ns) = (entry_ns, exit_ns);
        self
    }

    /// The thread's name; what is behind 15 bytes is cut.
    pub fn comm(mut self, comm: &[u8]) -> CallBuilder {
        self.comm = [0; 16];
        let len = comm.len().min(15);
        self.comm[..len].copy_from_slice(&comm[..len]);
        self
    }

    /// A piece that was read whole.
    pub fn part(self, kind: PartKind, addr: u64, bytes: &[u8]) -> CallBuilder {
        let wanted = match kind {
            PartKind::EntryString | PartKind::ExitString => u32::MAX,
            _ => bytes.len() as u32,
        };
        self.part_as(kind, ArgState::Ok, addr, wanted, bytes)
    }

    /// A piece of which `bytes` were read, with all that is said about it.
    pub fn part_as(
        mut self,
        kind: PartKind,
        state: ArgState,
        addr: u64,
        wanted: u32,
        bytes: &[u8],
    ) -> CallBuilder {
        let arg = self.args.iter().position(|&arg| arg == addr).unwrap_or(0);
        self.parts.extend(addr.to_ne_bytes());
        self.parts.extend(wanted.to_ne_bytes());
        self.parts.extend((bytes.len() as u32).to_ne_bytes());
        self.parts
            .extend([kind as u8, state as u8, arg as u8, 0, 0, 0, 0, 0]);
        self.parts.extend(bytes);
        let padding = bytes.len().next_multiple_of(8) - bytes.len();
        self.parts.extend(&[0; 8][..padding]);
        self.count += 1;
        self
    }

    /// The record.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(super::RECORD_SIZE + self.parts.len());
        let call = (self.abi as u64) << 32 | u64::from(self.nr);
        bytes.extend(call.to_ne_bytes());
        bytes.extend(self.ret.to_ne_bytes());
        bytes.extend(self.entry_ns.to_ne_bytes());
        bytes.extend(self.exit_ns.to_ne_bytes());
        for arg in self.args {
            bytes.extend(arg.to_ne_bytes());
        }
        bytes.extend(self.comm);
        bytes.extend((self.kind as u16).to_ne_bytes());
        bytes.extend(self.continues.to_ne_bytes());
        bytes.extend(self.count.to_ne_bytes());
        bytes.extend(&self.parts);
        bytes
    }
}
