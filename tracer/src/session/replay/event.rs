//! Recorded calls as events of the interpreter.
//!
//! In: a row of a batch. Out: answers, each taken from its column when it is asked for: nothing is copied before. Never answers for the
//! machine that runs the query.

use super::names::Recalled;
use crate::interp::{Event, read_str_by_bytes};
use crate::ir::{Builtin, Phase};
use crate::print::value;
use crate::record::{Batch, Header};
use crate::types::call::{ArgState, Call, When};
use crate::types::{Space, Stack, Type, Value};
use std::cell::{Cell, OnceCell};

/// A call, at one of its ends.
pub(super) struct Recorded<'a, 'p> {
    pub batch: &'a Batch,
    pub row: usize,
    pub phase: Phase,
    pub header: &'a Header,
    /// When tracing began on that host.
    pub start_ns: u64,
    pub names: &'a Recalled<'p>,
    /// Counts reads of memory that was not recorded.
    pub beyond: &'a Cell<u64>,
    /// The memory of the call: of the rest of it the columns tell.
    pub image: OnceCell<Call<'a>>,
}

/// What [`needs`](super::needs) let through.
const HELD: &str = "a query is refused when it asks for what recordings do not hold";

impl<'a> Recorded<'a, '_> {
    fn time_ns(&self) -> u64 {
        let entry = match self.phase {
            Phase::Entry => self.batch.entry_ns(self.row),
            Phase::Whole | Phase::Return => 0,
        };
        match entry {
            0 => self.batch.time_ns(self.row),
            entry => entry,
        }
    }

    fn image(&self) -> &Call<'a> {
        let read = || Call::of_parts(self.batch.image(self.row));
        self.image.get_or_init(read)
    }

    /// Bytes at an address: as at entry, else as at exit.
    fn memory(&self, addr: u64, buf: &mut [u8]) -> ArgState {
        let call = self.image();
        let mut at = 0;
        while at < buf.len() {
            let from = addr.wrapping_add(at as u64);
            let wanted = buf.len() - at;
            if self.phase == Phase::Entry
                && call.memory(from, 1, When::Entry).state == ArgState::Late
            {
                // Its page was absent at the entry: a live clause there could not read it.
                return ArgState::Fault;
            }
            let entry = call.memory(from, wanted, When::Entry);
            let memory = match entry.bytes {
                [] => call.memory(from, wanted, When::Exit),
                _ => entry,
            };
            if memory.bytes.is_empty() {
                return match memory.state {
                    ArgState::NotRead => entry.state,
                    state => state,
                };
            }
            buf[at..at + memory.bytes.len()].copy_from_slice(memory.bytes);
            at += memory.bytes.len();
        }
        ArgState::Ok
    }
}

impl Event for Recorded<'_, '_> {
    fn word(&self, builtin: Builtin) -> u64 {
        let (batch, row) = (self.batch, self.row);
        match builtin {
            Builtin::Pid => batch.pid(row).into(),
            Builtin::Tid => batch.tid(row).into(),
            Builtin::Uid => batch.uid(row).into(),
            Builtin::Gid => batch.gid(row).into(),
            Builtin::Cpu => batch.cpu(row).into(),
            Builtin::Cgroup => batch.cgroup(row),
            Builtin::Nsecs => self.time_ns(),
            Builtin::Elapsed => self.time_ns().saturating_sub(self.start_ns),
            Builtin::Arg(n) => batch.arg(row, n),
            Builtin::Retval => batch.ret(row) as u64,
            Builtin::SyscallNr => i64::from(batch.call(row) as i32) as u64,
            Builtin::SyscallAbi => batch.call(row) >> 32,
            Builtin::EntrySeen => u64::from(batch.took_ns(row).is_some()),
            Builtin::Duration => batch.took_ns(row).unwrap_or(0),
            Builtin::Tree => u64::from(self.header.tree),
            Builtin::Ncpus => self.header.cpus.into(),
            Builtin::Host => self.names.first_of(batch.host),
            other => unreachable!("{HELD}: {other}"),
        }
    }

    fn comm(&self) -> Vec<u8> {
        let comm = self.batch.comm(self.row);
        let end = comm.iter().position(|&b| b == 0).unwrap_or(comm.len());
        comm[..end].to_vec()
    }

    fn stack(&self, stack: Stack) -> Vec<u64> {
        let (frames, _) = self.batch.stack(self.row).as_chunks::<8>();
        let frames = frames.iter().take(usize::from(stack.depth));
        frames.map(|frame| u64::from_le_bytes(*frame)).collect()
    }

    fn call(&self) -> Vec<u8> {
        let row = self.batch.row(self.row);
        row.map_or_else(Vec::new, |row| row.wire())
    }

    fn record_addr(&self) -> u64 {
        0
    }

    fn read(&self, space: Space, addr: u64, buf: &mut [u8]) -> bool {
        if space == Space::Kernel {
            self.beyond.set(self.beyond.get() + 1);
            return false;
        }
        let state = self.memory(addr, buf);
        let unknown = matches!(state, ArgState::NotRead | ArgState::Truncated);
        self.beyond.set(self.beyond.get() + u64::from(unknown));
        state == ArgState::Ok
    }

    fn is_late(&self, space: Space, addr: u64) -> bool {
        let state = || self.image().memory(addr, 1, When::Entry).state;
        space == Space::User && state() == ArgState::Late
    }

    fn read_str(&self, space: Space, addr: u64, most: u32) -> Option<Vec<u8>> {
        if space == Space::User && self.phase != Phase::Entry {
            let piece = self.image().memory(addr, most as usize, When::Entry).bytes;
            if let Some(end) = piece.iter().position(|&byte| byte == 0) {
                return Some(piece[..end].to_vec());
            }
        }
        read_str_by_bytes(self, space, addr, most)
    }

    fn text(&self, ty: &Type, raw: &Value) -> Vec<u8> {
        text(self.names, ty, raw)
    }
}

fn text(names: &Recalled<'_>, ty: &Type, raw: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    value::write(&mut text, names, Some(ty), raw, value::Bytes::Raw);
    text
}

/// `BEGIN`, `END` or an interval.
pub(super) struct Moment<'a, 'p> {
    pub time_ns: u64,
    pub start_ns: u64,
    pub cpus: u32,
    pub names: &'a Recalled<'p>,
}

impl Event for Moment<'_, '_> {
    fn word(&self, builtin: Builtin) -> u64 {
        match builtin {
            Builtin::Nsecs => self.time_ns,
            Builtin::Elapsed => self.time_ns.saturating_sub(self.start_ns),
            Builtin::Ncpus => self.cpus.into(),
            other => unreachable!("{HELD}: {other}"),
        }
    }

    fn comm(&self) -> Vec<u8> {
        unreachable!("{HELD}: comm")
    }

    fn stack(&self, _stack: Stack) -> Vec<u64> {
        unreachable!("{HELD}: stack")
    }

    fn call(&self) -> Vec<u8> {
        unreachable!("{HELD}: call")
    }

    fn record_addr(&self) -> u64 {
        0
    }

    fn read(&self, _space: Space, _addr: u64, _buf: &mut [u8]) -> bool {
        false
    }

    fn is_late(&self, _space: Space, _addr: u64) -> bool {
        false
    }

    fn text(&self, ty: &Type, raw: &Value) -> Vec<u8> {
        text(self.names, ty, raw)
    }
}
