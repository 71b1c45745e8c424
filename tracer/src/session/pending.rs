//! Calls that threads of the traced processes are in and do not come back from: a reader that waits, a deadlock.
//!
//! In: processes, and what `/proc` says of their threads, twice a second. Out: the calls in which a thread has been for at least
//! one such period without running at all; each once. A call of which the end is seen is a record; these are what no record
//! tells yet. Never stops a thread, never reads its memory.

use crate::trace::Calls;
use crate::types::Abi;
use crate::types::call::{CallBuilder, CallKind};
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

/// How often threads are looked at.
const PERIOD: Duration = Duration::from_millis(500);
/// Threads that are looked at.
const THREADS: usize = 1024;

/// What is known of waiting threads.
pub struct Pending {
    wanted: Calls,
    /// At the last look, by thread.
    before: HashMap<u32, Waiting>,
    /// What was told last, by thread.
    told: HashMap<u32, Waiting>,
    next: Option<Instant>,
}

/// A thread that is in a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Its process.
    pub pid: u32,
    /// Itself.
    pub tid: u32,
    /// Number and arguments.
    nr: u32,
    args: [u64; 6],
    /// Stack and instruction pointer.
    place: [u64; 2],
    /// How often it has gone to sleep: when that has not changed, it is the same call.
    sleeps: u64,
}

impl Pending {
    /// For calls of this set.
    pub fn new(wanted: Calls) -> Pending {
        Pending {
            wanted,
            before: HashMap::new(),
            told: HashMap::new(),
            next: None,
        }
    }

    /// Whether it is time to look again.
    pub fn is_due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| now >= next)
    }

    /// Threads whose calls are to be told now. `last`: there is no further look, so one is enough.
    pub fn look(&mut self, processes: &[u32], now: Instant, last: bool) -> Vec<Waiting> {
        self.next = Some(now + PERIOD);
        let waiting = processes.iter().flat_map(|&pid| threads(pid));
        let waiting = waiting
            .take(THREADS)
            .filter_map(|(pid, tid)| Waiting::of(pid, tid));
        let waiting: HashMap<u32, Waiting> = waiting.map(|w| (w.tid, w)).collect();
        let is_new = |w: &&Waiting| {
            let stays = last || self.before.get(&w.tid) == Some(w);
            stays && self.told.get(&w.tid) != Some(w) && self.is_wanted(w)
        };
        let mut new: Vec<Waiting> = waiting.values().filter(is_new).cloned().collect();
        new.sort_by_key(|w| (w.pid, w.tid));
        self.told.retain(|tid, told| waiting.get(tid) == Some(told));
        self.told.extend(new.iter().map(|w| (w.tid, w.clone())));
        self.before = waiting;
        new
    }

    fn is_wanted(&self, waiting: &Waiting) -> bool {
        let abi = waiting.abi();
        let name = crate::tables::syscalls::name(abi, waiting.nr);
        name.map_or(self.wanted.is_all(), |name| self.wanted.has(name))
    }
}

impl Waiting {
    /// What `/proc/PID/task/TID/syscall` says: `230 0x0 … 0x7ffc389eeeb8 0x7f9239f2f503`, or `running`.
    fn of(pid: u32, tid: u32) -> Option<Waiting> {
        let task = format!("/proc/{pid}/task/{tid}");
        let text = fs::read_to_string(format!("{task}/syscall")).ok()?;
        let (nr, place) = text.split_once(' ')?;
        let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
        let words: Vec<u64> = place.split_whitespace().map(hex).collect::<Option<_>>()?;
        let [a, b, c, d, e, f, sp, pc] = words[..] else {
            return None;
        };
        let status = fs::read_to_string(format!("{task}/status")).ok()?;
        let sleeps = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        Some(Waiting {
            pid,
            tid,
            nr: nr.parse().ok()?,
            args: [a, b, c, d, e, f],
            place: [sp, pc],
            sleeps: sleeps.trim().parse().ok()?,
        })
    }

    /// The call as a record that has only begun.
    pub fn call(&self) -> Vec<u8> {
        let comm = fs::read(format!("/proc/{}/task/{}/comm", self.pid, self.tid));
        let comm = comm.unwrap_or_default();
        CallBuilder::new(self.abi(), self.nr, self.args)
            .kind(CallKind::Unfinished)
            .times(0, 0)
            .comm(comm.trim_ascii_end())
            .bytes()
    }

    /// Programs of 32 bits make their own calls.
    fn abi(&self) -> Abi {
        let mut front = [0; 5];
        let program = fs::File::open(format!("/proc/{}/exe", self.pid));
        let read = program.and_then(|mut file| file.read_exact(&mut front));
        match (read, front) {
            (Ok(()), [0x7f, b'E', b'L', b'F', 1]) => Abi::I386,
            _ => Abi::Native,
        }
    }
}

/// The threads of a process; none when it has ended.
fn threads(pid: u32) -> Vec<(u32, u32)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let tid = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    tasks.filter_map(tid).map(|tid| (pid, tid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::call::Call;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// A call is told when a thread was found in it twice, and once only.
    #[test]
    fn a_call_that_does_not_end_is_told_once() {
        let mut command = Command::new("cat");
        command.stdin(std::process::Stdio::piped()).process_group(0);
        let mut child = command.spawn().expect("cat");
        let pid = child.id();
        let mut pending = Pending::new(Calls::default());
        let now = Instant::now();
        // Until it waits for its input.
        let found = loop {
            let found = pending.look(&[pid], now, false);
            if !found.is_empty() {
                break found;
            }
            std::thread::yield_now();
        };
        let bytes = found[0].call();
        let call = Call::read(&bytes).expect("a call");
        assert_eq!((call.nr, call.args[0], call.comm()), (0, 0, &b"cat"[..]));
        assert!(pending.look(&[pid], now, true).is_empty());
        let mut others = Pending::new(Calls::parse(["write"]).expect("a call"));
        assert!(others.look(&[pid], now, true).is_empty());
        drop(child.stdin.take());
        child.wait().expect("it ends");
        assert!(pending.look(&[pid], now, true).is_empty());
    }
}
