//! One thing that happened, and who wants to know of it.
//!
//! In: registers and bytes, borrowed from a ring or from a file. Out: [`Row`], handed to a [`Sink`]: live runs and recordings
//! feed the same ones. Never owns what it shows.

use crate::types::Abi;
use crate::types::call::{Call, CallKind};
use std::fmt;
use std::io;
use std::time::Instant;

/// What a row tells of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A system call.
    Call(CallKind),
    /// A thread ended: `ret` is its wait status.
    Exit,
    /// A signal was delivered: `args` are its number, code and error number, the sender's process and user, and an address.
    Signal,
    /// Events were lost: `ret` is how many, `image` why, `cpu` where (all bits set: not known).
    Loss,
    /// What an id stands for: `args` are [`Name`] and the id, `image` is the text.
    Name,
    /// Tracing opened.
    Start,
    /// Tracing ended: `image` and `args` are an [`Ending`].
    End,
}

impl Kind {
    /// The number in a file.
    pub fn wire(self) -> u8 {
        match self {
            Kind::Call(kind) => kind as u8,
            Kind::Exit => 16,
            Kind::Signal => 17,
            Kind::Loss => 32,
            Kind::Name => 33,
            Kind::Start => 34,
            Kind::End => 35,
        }
    }

    /// The kind of that number; `None` for one that a later version writes.
    pub fn from_wire(wire: u8) -> Option<Kind> {
        Some(match wire {
            16 => Kind::Exit,
            17 => Kind::Signal,
            32 => Kind::Loss,
            33 => Kind::Name,
            34 => Kind::Start,
            35 => Kind::End,
            call => Kind::Call(CallKind::from_wire(u16::from(call))?),
        })
    }

    /// A word for it, as the Parquet export has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Call(kind) => kind.name(),
            Kind::Exit => "exit",
            Kind::Signal => "signal",
            Kind::Loss => "loss",
            Kind::Name => "name",
            Kind::Start => "start",
            Kind::End => "end",
        }
    }
}

/// What is named by a [`Kind::Name`] row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u64)]
pub enum Name {
    /// A user id.
    User = 0,
    /// A group id.
    Group = 1,
    /// The id of a control group: its path below the root.
    Cgroup = 2,
}

impl Name {
    /// The sort of that number.
    pub fn from_wire(wire: u64) -> Option<Name> {
        [Name::User, Name::Group, Name::Cgroup]
            .into_iter()
            .find(|name| *name as u64 == wire)
    }
}

/// One thing that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// What.
    pub kind: Kind,
    /// On which machine: index into [`Merged::headers`](super::Merged::headers); 0 in a live run.
    pub host: u16,
    /// When, on that machine's monotonic clock: a call's end, or when it was seen last.
    pub time_ns: u64,
    /// When the call began; 0: not seen.
    pub entry_ns: u64,
    /// CPU.
    pub cpu: u32,
    /// Thread-group id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Id of the control group (version 2).
    pub cgroup: u64,
    /// Name of the thread, NUL-padded.
    pub comm: [u8; 16],
    /// Calls: ABI in bits 32.., number below.
    pub call: u64,
    /// Calls: the result.
    pub ret: i64,
    /// Calls: the argument registers.
    pub args: [u64; 6],
    /// Calls: the pieces of memory, as [`Call::image`].
    pub image: &'a [u8],
    /// Kernel stack: addresses, innermost first, 8 bytes each; empty when none was recorded.
    pub stack: &'a [u8],
}

impl Row<'_> {
    /// About nobody, at no time.
    pub fn new(kind: Kind) -> Row<'static> {
        Row {
            kind,
            host: 0,
            time_ns: 0,
            entry_ns: 0,
            cpu: 0,
            pid: 0,
            tid: 0,
            uid: 0,
            gid: 0,
            cgroup: 0,
            comm: [0; 16],
            call: 0,
            ret: 0,
            args: [0; 6],
            image: &[],
            stack: &[],
        }
    }

    /// The thread's name up to its NUL.
    pub fn comm(&self) -> &[u8] {
        let end = self.comm.iter().position(|&b| b == 0);
        &self.comm[..end.unwrap_or(self.comm.len())]
    }
}

impl<'a> Row<'a> {
    /// The bytes of the call, as [`Call::read`] takes them; nothing for rows that are none.
    pub fn wire(&self) -> Vec<u8> {
        let Some(call) = self.call() else {
            return Vec::new();
        };
        let words = [self.call, self.ret as u64, call.entry_ns, call.exit_ns];
        let words = words.into_iter().chain(self.args);
        let mut out: Vec<u8> = words.flat_map(u64::to_ne_bytes).collect();
        out.extend_from_slice(&self.comm);
        out.extend_from_slice(&(call.kind as u32).to_ne_bytes());
        out.extend_from_slice(&(call.parts().count() as u32).to_ne_bytes());
        out.extend_from_slice(self.image);
        out
    }

    /// The call, for rows that are one.
    pub fn call(&self) -> Option<Call<'a>> {
        let Kind::Call(kind) = self.kind else {
            return None;
        };
        let mut call = Call::of_parts(self.image);
        call.abi = match self.call >> 32 {
            0 => Abi::Native,
            1 => Abi::I386,
            _ => return None,
        };
        call.nr = self.call as u32;
        call.kind = kind;
        call.args = self.args;
        call.ret = self.ret;
        call.entry_ns = self.entry_ns;
        call.exit_ns = match kind {
            CallKind::Call | CallKind::NoEntry | CallKind::Child => self.time_ns,
            CallKind::NoExit | CallKind::Unfinished => 0,
        };
        call.comm = self.comm;
        Some(call)
    }
}

/// Who wants rows.
pub trait Sink: Send + fmt::Debug {
    /// Takes one, in the order of time.
    ///
    /// # Errors
    /// When it cannot be kept: nothing more is handed over then.
    fn row(&mut self, row: &Row<'_>) -> io::Result<()>;

    /// Time has passed: called at least a few times a second.
    ///
    /// # Errors
    /// As [`Sink::row`].
    fn tick(&mut self, _now: Instant) -> io::Result<()> {
        Ok(())
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// As [`Sink::row`].
    fn end(&mut self, _ending: &Ending) -> io::Result<()> {
        Ok(())
    }
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum How {
    /// The command or process ended.
    Target = 0,
    /// It was interrupted.
    Signal = 1,
    /// Its time was over.
    Time = 2,
    /// The script ended it.
    Script = 3,
    /// Nobody read the output any more.
    Closed = 4,
    /// The file was full or old enough: another one goes on.
    Rotated = 5,
}

impl How {
    const ALL: [How; 6] = [
        How::Target,
        How::Signal,
        How::Time,
        How::Script,
        How::Closed,
        How::Rotated,
    ];

    /// In words, behind "it ended".
    pub fn sentence(self) -> &'static str {
        match self {
            How::Target => "with the traced process",
            How::Signal => "by a signal to the recorder",
            How::Time => "when its time was over",
            How::Script => "by the script's exit()",
            How::Closed => "when nobody read the output any more",
            How::Rotated => "where the next file goes on",
        }
    }
}

/// The end of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ending {
    /// Why.
    pub how: How,
    /// When, on the monotonic clock.
    pub time_ns: u64,
    /// Events that were lost, all together.
    pub lost: u64,
    /// The wait status of the command, when there was one and it has ended.
    pub command: Option<i32>,
}

impl Ending {
    /// As a row.
    pub fn row(&self) -> Row<'static> {
        let command = self.command.map_or(0, |status| u64::from(status as u32));
        let has_command = u64::from(self.command.is_some());
        Row {
            time_ns: self.time_ns,
            args: [self.how as u64, self.lost, has_command, command, 0, 0],
            ..Row::new(Kind::End)
        }
    }

    /// From a row of [`Kind::End`].
    pub fn of(row: &Row<'_>) -> Option<Ending> {
        let [how, lost, has_command, command, ..] = row.args;
        Some(Ending {
            how: *How::ALL.get(usize::try_from(how).ok()?)?,
            time_ns: row.time_ns,
            lost,
            command: (has_command != 0).then_some(command as i32),
        })
    }
}
