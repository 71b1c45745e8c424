//! Processes: one that waits before its exec, one that is watched until it ends.
//!
//! In: a command, or a pid. Out: [`Held`], [`Watched`]. Never reads `/proc`, never decides when to end a process.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;

/// A process known by a descriptor, so that its number cannot be taken by another one meanwhile.
pub struct Watched {
    pidfd: OwnedFd,
}

impl Watched {
    /// Opens process `pid` (not a thread of one).
    pub fn open(pid: u32) -> io::Result<Watched> {
        // SAFETY: pidfd_open(2) takes two integers and gives a new descriptor or -1.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made for us, nobody else owns it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
        Ok(Watched { pidfd })
    }

    /// What becomes readable when the process ends. Inside a tokio runtime.
    pub fn end(&self) -> io::Result<AsyncFd<OwnedFd>> {
        super::fd::readable(self.pidfd.as_fd())
    }

    /// Asks the process to end (SIGTERM). It may have ended already.
    pub fn terminate(&self) -> io::Result<()> {
        // SAFETY: pidfd_send_signal(2) with an open descriptor and no siginfo.
        let done = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                libc::SIGTERM,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// Lets this thread run before all that are not as urgent (`SCHED_FIFO`): for one that hardly ever runs.
pub fn before_others() -> io::Result<()> {
    let urgent = libc::sched_param { sched_priority: 1 };
    let how = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: changes this thread alone, and reads a struct that is alive.
    match unsafe { libc::sched_setscheduler(0, how, &raw const urgent) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A child that was forked and waits just before its exec. Dropped without [`Held::release`], it ends without having
/// run anything; the same when this process is killed.
pub struct Held {
    pid: u32,
    go: PipeWriter,
    gate: Gate,
    ended: Receiver<io::Result<ExitStatus>>,
}

impl Held {
    /// Forks for `command`.
    pub fn spawn(mut command: Command) -> io::Result<Held> {
        let (mut hello_read, hello_write) = io::pipe()?;
        let (go_read, go) = io::pipe()?;
        let parent_end = go.as_raw_fd();
        let gate = Gate::new()?;
        let place = gate.place();
        let hold = move || {
            wait_for_go(&hello_write, &go_read, parent_end)?;
            place.wait()
        };
        // SAFETY: `hold` runs between fork and exec. It makes only read, write, close and getpid calls on descriptors that it
        // owns (and on the fork's own copy of `go`), looks at a page that the fork shares, allocates nothing and takes no lock.
        unsafe { command.pre_exec(hold) };
        let (report, ended) = channel();
        // `spawn` returns only after the exec, so a thread has to wait for it.
        std::thread::spawn(move || {
            let spawned = command.spawn();
            // Closes this side's copies of the child's pipe ends.
            drop(command);
            // Nobody listens any more when the run has ended before the child: that is fine.
            let _ = report.send(spawned.and_then(|mut child| child.wait()));
        });
        let mut pid = [0; 4];
        if hello_read.read_exact(&mut pid).is_err() {
            let error = ended.recv().ok().and_then(Result::err);
            return Err(
                error.unwrap_or_else(|| io::Error::other("the child ended before its exec"))
            );
        }
        let pid = u32::from_ne_bytes(pid);
        Ok(Held {
            pid,
            go,
            gate,
            ended,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Brings it to its last step before the exec: from now until [`Held::release`] it makes no system call, so that the exec is the first
    /// that a tracer sees. It uses a CPU meanwhile: for moments only.
    pub fn ready(&mut self) -> io::Result<()> {
        self.go.write_all(&[1])?;
        self.gate.wait_until_reached();
        Ok(())
    }

    /// Lets it exec. What is received is how it ended, or why it could not be executed.
    pub fn release(mut self) -> io::Result<Receiver<io::Result<ExitStatus>>> {
        if !self.gate.is_reached() {
            self.ready()?;
        }
        self.gate.open();
        Ok(self.ended)
    }
}

/// A word in a page that a process shares with its fork: 0, then [`REACHED`], then [`OPEN`].
struct Gate {
    page: NonNull<AtomicU32>,
}

/// The fork waits at the gate.
const REACHED: u32 = 1;
/// It may go on.
const OPEN: u32 = 2;
/// It must not.
const CLOSED: u32 = 3;
/// A fork waits so many times (some seconds): then this process is gone.
const WAITS: u32 = 1 << 26;
/// What is mapped for the word.
const PAGE: usize = 4096;

// SAFETY: the word is atomic and lives as long as the gate, whichever thread has it.
unsafe impl Send for Gate {}

impl Gate {
    fn new() -> io::Result<Gate> {
        let (access, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        );
        // SAFETY: a new mapping of nobody's memory.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, access, kind, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(page.cast()) {
            Some(page) => Ok(Gate { page }),
            None => Err(io::Error::other("a page at address 0")),
        }
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: the page is mapped until the gate is dropped, zeroed by the kernel, and aligned.
        unsafe { self.page.as_ref() }
    }

    /// The same word for the fork, whose copy of the mapping nobody unmaps before its exec does.
    fn place(&self) -> Place {
        Place(self.page)
    }

    fn is_reached(&self) -> bool {
        self.word().load(Ordering::Acquire) != 0
    }

    /// A fork that is killed before it gets there opens the way too: then there is nobody to wait for.
    fn wait_until_reached(&self) {
        let start = Instant::now();
        while !self.is_reached() && start.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
    }

    fn open(&self) {
        self.word().store(OPEN, Ordering::Release);
    }
}

/// How long a fork may take to its last step; longer only when it was stopped or killed.
const PATIENCE: Duration = Duration::from_secs(2);

impl Drop for Gate {
    fn drop(&mut self) {
        // A fork that still waits must not wait for ever.
        let _ = self
            .word()
            .compare_exchange(REACHED, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: the mapping of `new`, which nothing refers to any more in this process.
        unsafe { libc::munmap(self.page.as_ptr().cast(), PAGE) };
    }
}

/// The fork's view of a [`Gate`].
struct Place(NonNull<AtomicU32>);

// SAFETY: as for `Gate`; used in the fork alone, which has the mapping of its own.
unsafe impl Send for Place {}
// SAFETY: the word is atomic.
unsafe impl Sync for Place {}

impl Place {
    /// Without any system call.
    fn wait(&self) -> io::Result<()> {
        // SAFETY: the fork's copy of the mapping is there until its exec.
        let word = unsafe { self.0.as_ref() };
        word.store(REACHED, Ordering::Release);
        for _ in 0..WAITS {
            match word.load(Ordering::Acquire) {
                OPEN => return Ok(()),
                REACHED => std::hint::spin_loop(),
                _ => break,
            }
        }
        Err(io::Error::from_raw_os_error(libc::ECANCELED))
    }
}

/// In the child: says its pid, and waits for a byte. End of file means that the parent is gone or gave up.
fn wait_for_go(mut hello: &PipeWriter, mut go: &PipeReader, parent_end: RawFd) -> io::Result<()> {
    // SAFETY: this is the fork's copy of the parent's end; nothing in the child uses it. While it is open, the end of
    // the parent would not be seen.
    unsafe { libc::close(parent_end) };
    hello.write_all(&std::process::id().to_ne_bytes())?;
    let mut byte = [0];
    go.read_exact(&mut byte)
        .map_err(|_| io::Error::from_raw_os_error(libc::ECANCELED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_child_runs_only_after_its_release() {
        let (mut out, write) = io::pipe().expect("a pipe");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo ran; exit 3"]).stdout(write);
        let held = Held::spawn(command).expect("a fork");
        let watched = Watched::open(held.pid()).expect("it exists");
        let ended = held.release().expect("it listens");
        let status = ended.recv().expect("a report").expect("it ran");
        assert_eq!(status.code(), Some(3));
        let mut text = String::new();
        out.read_to_string(&mut text).expect("the pipe");
        assert_eq!(text, "ran\n");
        assert!(watched.terminate().is_err(), "it has ended");
    }

    #[test]
    fn a_held_child_that_is_dropped_never_runs() {
        let (mut out, write) = io::pipe().expect("a pipe");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo ran"]).stdout(write);
        drop(Held::spawn(command).expect("a fork"));
        let mut text = String::new();
        out.read_to_string(&mut text).expect("the pipe");
        assert_eq!(text, "");
    }

    #[test]
    fn a_command_that_does_not_exist_is_reported() {
        let held = Held::spawn(Command::new("/no/such/program")).expect("a fork");
        let ended = held.release().expect("it listens");
        let error = ended.recv().expect("a report").expect_err("no such file");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_process_that_does_not_exist_cannot_be_watched() {
        let gone = Watched::open(i32::MAX as u32).map(|_| ());
        assert_eq!(
            gone.expect_err("no such process").raw_os_error(),
            Some(libc::ESRCH)
        );
    }
}
