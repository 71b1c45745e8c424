//! What processes map to execute, as it happens: the kernel's own side records of perf events.
//!
//! In: nothing. Out: [`Change`]s in order of time. Nothing of a process is read, and no program runs in the kernel for it:
//! records come from a ring of an event that never counts. Formats: perf_event_open(2), `PERF_RECORD_*`.

use super::perf;
use aya_obj::generated::perf_event_mmap_page;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of the rings of all CPUs together, and the least and most of one.
const RINGS_BYTES: usize = 4 << 20;
const LEAST_BYTES: usize = 32 << 10;
const MOST_BYTES: usize = 512 << 10;
/// Bytes of a page.
const PAGE: usize = 4096;

/// Kinds of records, and the bit of a COMM that came of an execve.
const LOST: u32 = 2;
const COMM: u32 = 3;
const EXIT: u32 = 4;
const FORK: u32 = 7;
const MMAP2: u32 = 10;
const COMM_EXEC: u16 = 1 << 13;
/// Where the path of an MMAP2 stands, and its numbers.
const MMAP2_PATH: usize = 64;
/// Bytes behind each record: the time.
const TRAILER: usize = 8;

/// Something that changes what addresses mean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Part of a file was mapped to be executed.
    Mapped {
        /// By which process.
        process: u32,
        /// First address.
        start: u64,
        /// Bytes.
        bytes: u64,
        /// Where it begins in the file.
        offset: u64,
        /// As the kernel names it: a path, `[vdso]`, `//anon`.
        path: Vec<u8>,
    },
    /// A process executes another program: nothing is mapped any more.
    Executed(u32),
    /// A process began with all that its parent had mapped.
    Forked {
        /// The new one.
        process: u32,
        /// Of whom.
        parent: u32,
    },
    /// A process ended.
    Ended(u32),
    /// The ring was full, so many changes are not known.
    Lost(u64),
}

/// Changes of all processes.
pub struct Changes {
    rings: Vec<Ring>,
}

impl Changes {
    /// From now on.
    ///
    /// # Errors
    /// The kernel's.
    pub fn follow() -> io::Result<Changes> {
        let cpus = aya::util::online_cpus().map_err(|(_, error)| error)?;
        let share = RINGS_BYTES / cpus.len().max(1);
        let bytes = share.clamp(LEAST_BYTES, MOST_BYTES);
        // The kernel wants a power of two.
        let bytes = 1 << bytes.ilog2();
        let rings = cpus.into_iter().map(|cpu| Ring::open(cpu as i32, bytes));
        let rings = rings.collect::<io::Result<_>>()?;
        Ok(Changes { rings })
    }

    /// A second handle of the descriptors to wait at.
    ///
    /// # Errors
    /// When there are no more descriptors.
    pub fn waiter(&self) -> io::Result<Waiter> {
        let handles = self.rings.iter().map(|ring| ring.event.try_clone());
        Ok(Waiter(handles.collect::<io::Result<_>>()?))
    }

    /// All that has happened since the last time, in order.
    pub fn take(&mut self) -> Vec<Change> {
        let mut found = Vec::new();
        for ring in &mut self.rings {
            ring.drain(&mut |record| found.extend(parse(record)));
        }
        found.sort_by_key(|(time, _)| *time);
        found.into_iter().map(|(_, change)| change).collect()
    }
}

/// Waits until there is something to take.
pub struct Waiter(Vec<OwnedFd>);

impl Waiter {
    /// Whether a ring has filled so far that it ought to be emptied.
    pub fn wait(&self, at_most: Duration) -> bool {
        let event = |fd: &OwnedFd| libc::pollfd {
            fd: fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let mut events: Vec<libc::pollfd> = self.0.iter().map(event).collect();
        let wait_ms = at_most.as_millis() as libc::c_int;
        // SAFETY: as many structures as the length says.
        let ready = unsafe { libc::poll(events.as_mut_ptr(), events.len() as u64, wait_ms) };
        ready > 0
    }
}

/// The ring of one CPU.
struct Ring {
    event: OwnedFd,
    /// The control page, the data behind it.
    base: *mut u8,
    bytes: usize,
}

// SAFETY: the mapping is this value's alone, and is reached through `&mut self`.
unsafe impl Send for Ring {}

impl Ring {
    fn open(cpu: i32, bytes: usize) -> io::Result<Ring> {
        let event = perf::side_records(cpu, bytes as u32 / 4)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of a descriptor of ours; the kernel picks the place.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                PAGE + bytes,
                access,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = base.cast();
        Ok(Ring { event, base, bytes })
    }

    /// The kernel's end and ours.
    fn positions(&self) -> (&AtomicU64, &AtomicU64) {
        let page: *mut perf_event_mmap_page = self.base.cast();
        // SAFETY: the first page of the mapping is this structure, lives as long as `self`, and both words are only ever
        // read and written atomically here.
        unsafe {
            (
                AtomicU64::from_ptr(&raw mut (*page).data_head),
                AtomicU64::from_ptr(&raw mut (*page).data_tail),
            )
        }
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        let (head, tail) = self.positions();
        let end = head.load(Ordering::Acquire);
        let mut at = tail.load(Ordering::Relaxed);
        let mut record = Vec::new();
        while at < end {
            self.copy(at, 8, &mut record);
            let bytes = usize::from(u16::from_ne_bytes([record[6], record[7]]));
            if bytes < 8 {
                break;
            }
            self.copy(at, bytes, &mut record);
            take(&record);
            at += bytes as u64;
        }
        tail.store(end, Ordering::Release);
    }

    fn copy(&self, at: u64, bytes: usize, to: &mut Vec<u8>) {
        let at = at as usize & (self.bytes - 1);
        let first = bytes.min(self.bytes - at);
        to.clear();
        // SAFETY: the data are `self.bytes` bytes behind the first page, and the kernel writes none of those between its
        // end and ours.
        let part = |from: usize, count: usize| unsafe {
            std::slice::from_raw_parts(self.base.add(PAGE + from), count)
        };
        to.extend_from_slice(part(at, first));
        to.extend_from_slice(part(0, bytes - first));
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: made by `open`, and nobody else has it.
        unsafe { libc::munmap(self.base.cast(), PAGE + self.bytes) };
    }
}

/// Time and change of a record; `None` for what changes nothing.
fn parse(record: &[u8]) -> Option<(u64, Change)> {
    let u32_at = |at: usize| Some(u32::from_ne_bytes(record.get(at..at + 4)?.try_into().ok()?));
    let u64_at = |at: usize| Some(u64::from_ne_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let body = record.len().checked_sub(TRAILER)?;
    let misc = u16::from_ne_bytes(record.get(4..6)?.try_into().ok()?);
    let process = u32_at(8)?;
    let thread = u32_at(12)?;
    let change = match u32_at(0)? {
        MMAP2 => Change::Mapped {
            process,
            start: u64_at(16)?,
            bytes: u64_at(24)?,
            offset: u64_at(32)?,
            path: text(record.get(MMAP2_PATH + 8..body)?),
        },
        COMM if misc & COMM_EXEC != 0 => Change::Executed(process),
        // Threads come and go with the ids of their process and of each other.
        FORK if thread != process => Change::Forked {
            process,
            parent: thread,
        },
        EXIT if u32_at(16)? == process => Change::Ended(process),
        LOST => Change::Lost(u64_at(16)?),
        _ => return None,
    };
    Some((u64_at(body)?, change))
}

/// Up to the NUL.
fn text(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|&b| b == 0).next().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, misc: u16, words: &[u32], text: &[u8], time: u64) -> Vec<u8> {
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend(misc.to_ne_bytes());
        bytes.extend([0, 0]);
        words.iter().for_each(|w| bytes.extend(w.to_ne_bytes()));
        bytes.extend(text);
        bytes.extend(time.to_ne_bytes());
        bytes
    }

    #[test]
    fn records_of_the_kernel_are_read() {
        let mapped = record(
            MMAP2,
            2,
            &[
                7, 8, 0x1000, 0, 0x2000, 0, 0x3000, 0, 8, 1, 55, 0, 0, 0, 5, 2,
            ],
            b"/bin/sh\0",
            42,
        );
        let change = Change::Mapped {
            process: 7,
            start: 0x1000,
            bytes: 0x2000,
            offset: 0x3000,
            path: b"/bin/sh".to_vec(),
        };
        assert_eq!(parse(&mapped), Some((42, change)));
        let comm = |misc| record(COMM, misc, &[7, 7], b"sh\0\0\0\0\0\0", 1);
        assert_eq!(parse(&comm(COMM_EXEC)), Some((1, Change::Executed(7))));
        assert_eq!(parse(&comm(0)), None);
        let fork = |thread| record(FORK, 0, &[9, 7, thread, 7, 0, 0], b"", 3);
        let forked = Change::Forked {
            process: 9,
            parent: 7,
        };
        assert_eq!(parse(&fork(9)), Some((3, forked)));
        let exit = |thread| record(EXIT, 0, &[9, 7, thread, 7, 0, 0], b"", 3);
        assert_eq!(parse(&exit(9)), Some((3, Change::Ended(9))));
        assert_eq!(parse(&exit(10)), None);
        assert_eq!(parse(&[1, 2, 3]), None);
    }

    #[test]
    fn a_command_is_seen_from_its_beginning_to_its_end() {
        // Without the privilege there is nothing to see.
        let Ok(mut changes) = Changes::follow() else {
            return;
        };
        let mut child = std::process::Command::new("true").spawn().expect("true");
        let process = child.id();
        child.wait().expect("it ends");
        let seen = changes.take();
        let at = |wanted: &dyn Fn(&Change) -> bool| seen.iter().position(wanted);
        let executed = at(&|c| *c == Change::Executed(process)).expect("execve");
        let mapped = at(&|c| {
            matches!(c, Change::Mapped { process: p, path, .. }
                if *p == process && path.ends_with(b"true"))
        });
        let ended = at(&|c| *c == Change::Ended(process)).expect("exit");
        assert!(executed < mapped.expect("its file") && executed < ended);
    }
}
