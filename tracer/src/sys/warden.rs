//! A process that outlives this one for a moment, and puts a control group away.
//!
//! In: a control group of version 2 and the one above it. Out: when this process ends in whatever way, or lets go: the group's
//! processes run, are in the one above it, and the group is gone. Never does anything before.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Rounds of moving processes and removing the group, and nanoseconds between two: together far more than it takes.
const ROUNDS: u32 = 500;
const PAUSE_NS: libc::c_long = 1_000_000;

/// Holds the group. Dropped, it is put away.
#[derive(Debug)]
pub struct Warden {
    pid: libc::pid_t,
    /// Closed with this process, by whatever it ends.
    alive: Option<PipeWriter>,
}

/// What the fork works with: all of it was made before.
struct Duty {
    /// Its end is the sign.
    sign: PipeReader,
    /// The group's `cgroup.freeze` and `cgroup.procs`.
    freeze: File,
    inside: File,
    /// `cgroup.procs` of the one above it.
    above: File,
    /// The group's directory.
    group: CString,
}

impl Warden {
    /// Forks for a group and the one above it, both directories.
    ///
    /// # Errors
    /// When their files cannot be opened, or there is no other process.
    pub fn post(group: &Path, above: &Path) -> io::Result<Warden> {
        let write = |path: &Path| OpenOptions::new().write(true).open(path);
        let (sign, alive) = io::pipe()?;
        let mut duty = Duty {
            sign,
            freeze: write(&group.join("cgroup.freeze"))?,
            inside: File::open(group.join("cgroup.procs"))?,
            above: write(&above.join("cgroup.procs"))?,
            group: CString::new(group.as_os_str().as_bytes())?,
        };
        // SAFETY: the child calls `Duty::fulfil` alone, which makes system calls on what exists already, allocates nothing, takes
        // no lock, and never returns.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => duty.fulfil(alive.as_raw_fd()),
            pid => Ok(Warden {
                pid,
                alive: Some(alive),
            }),
        }
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        drop(self.alive.take());
        // SAFETY: waits for a child of our own, which nobody else waits for; its status is not asked for.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

impl Duty {
    /// In the fork: waits for the sign, then does it. `parent_end` is the fork's copy of the pipe's other end: while it is open, the
    /// end of the parent would not be seen.
    fn fulfil(&mut self, parent_end: RawFd) -> ! {
        // SAFETY: none of them has a pointer but prctl, whose string is a constant. In a session of its own no key and no signal
        // to the parent's group reaches it.
        unsafe {
            libc::close(parent_end);
            libc::setsid();
            libc::prctl(libc::PR_SET_NAME, c"tracer-warden".as_ptr());
        }
        // Nothing is ever written: this returns at the end.
        while matches!(self.sign.read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::Interrupted)
        {
        }
        // Whatever fails here has nobody to be told to.
        let _ = self.freeze.write_all(b"0");
        for _ in 0..ROUNDS {
            self.send_up();
            // SAFETY: a path that ends with NUL, and a time that is not changed.
            unsafe {
                if libc::rmdir(self.group.as_ptr()) == 0
                    || *libc::__errno_location() == libc::ENOENT
                {
                    break;
                }
                let pause = libc::timespec {
                    tv_sec: 0,
                    tv_nsec: PAUSE_NS,
                };
                libc::nanosleep(&raw const pause, std::ptr::null_mut());
            }
        }
        // SAFETY: ends this process at once, without anything of the parent's being done a second time.
        unsafe { libc::_exit(0) }
    }

    /// Moves the group's processes up: their numbers stand a line each, and are written one by one.
    fn send_up(&mut self) {
        let mut lines = [0; 4096];
        let there = self.inside.read_at(&mut lines, 0).unwrap_or(0);
        for line in lines[..there].split_inclusive(|&byte| byte == b'\n') {
            // One that has ended meanwhile is not there any more.
            let _ = self.above.write(line);
        }
    }
}
