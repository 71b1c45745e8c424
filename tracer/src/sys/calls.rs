//! Calls for tests: raw system calls that ignore their arguments.
//!
//! In: which, and any words. Out: the result as the kernel gives it. Never a call that reads or writes memory.

use std::io;

/// A call that the kernel answers without looking at its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deaf {
    /// `getppid`: succeeds.
    Getppid,
    /// `afs_syscall`, a number without a call behind it: -ENOSYS.
    AfsSyscall,
}

impl Deaf {
    /// Its number.
    pub fn number(self) -> u32 {
        match self {
            Deaf::Getppid => libc::SYS_getppid as u32,
            Deaf::AfsSyscall => libc::SYS_afs_syscall as u32,
        }
    }

    /// Makes the call. An error is negative.
    pub fn make(self, args: [u64; 6]) -> i64 {
        let [a, b, c, d, e, f] = args;
        let number = libc::c_long::from(self.number());
        // SAFETY: the kernel uses none of the arguments.
        let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
        if result == -1 {
            let errno = io::Error::last_os_error().raw_os_error();
            return -i64::from(errno.expect("the call has failed"));
        }
        result
    }
}
