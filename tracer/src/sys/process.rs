//! Processes: one that waits before its exec, one that is watched until it ends.
//!
//! In: a command, or a pid. Out: [`Held`], [`Watched`]. Never reads `/proc`, never decides when to end a process.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
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

/// A child that was forked and waits just before its exec. Dropped without [`Held::release`], it ends without having
/// run anything; the same when this process is killed.
pub struct Held {
    pid: u32,
    go: PipeWriter,
    ended: Receiver<io::Result<ExitStatus>>,
}

impl Held {
    /// Forks for `command`.
    pub fn spawn(mut command: Command) -> io::Result<Held> {
        let (mut hello_read, hello_write) = io::pipe()?;
        let (go_read, go) = io::pipe()?;
        let parent_end = go.as_raw_fd();
        let hold = move || wait_for_go(&hello_write, &go_read, parent_end);
        // SAFETY: `hold` runs between fork and exec. It makes only read, write, close and getpid calls on descriptors that it
        // owns (and on the fork's own copy of `go`), allocates nothing and takes no lock.
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
        Ok(Held { pid, go, ended })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets it exec. What is received is how it ended, or why it could not be executed.
    pub fn release(mut self) -> io::Result<Receiver<io::Result<ExitStatus>>> {
        self.go.write_all(&[1])?;
        Ok(self.ended)
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
