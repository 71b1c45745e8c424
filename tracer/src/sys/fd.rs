//! Descriptors: those handed to this process by number (`--ready-fd N`), and those that tokio watches.
//!
//! In: a number, or a descriptor. Out: an owned file, or a future's source.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A file over descriptor `number`, which whoever started us left open for us. It is a duplicate: the number itself may
/// be a standard stream, which belongs to the standard library.
///
/// # Errors
/// When it is not open.
pub fn inherited(number: RawFd) -> io::Result<File> {
    // SAFETY: F_DUPFD_CLOEXEC is defined for every number and gives a new descriptor or -1.
    let own = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if own < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open; a command that is started must not get it, and a failure changes nothing.
    unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    // SAFETY: the descriptor was just made for us, nobody else owns it.
    Ok(unsafe { File::from_raw_fd(own) })
}

/// Watches whatever stands behind `fd` for reading. Inside a tokio runtime.
///
/// # Errors
/// When it cannot be duplicated or watched.
pub fn readable(fd: BorrowedFd<'_>) -> io::Result<AsyncFd<OwnedFd>> {
    let own = fd.try_clone_to_owned()?;
    // SAFETY: an `OwnedFd` keeps its one descriptor open until it is dropped, and `AsyncFd` owns it.
    let watched = unsafe { AsyncFd::register_with_interest(own, Interest::READABLE) };
    watched.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::inherited;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;

    #[test]
    fn a_number_becomes_a_file_of_its_own() {
        let (mut read, write) = std::io::pipe().expect("a pipe");
        let mut file = inherited(write.as_raw_fd()).expect("it is open");
        drop(write);
        file.write_all(b"ready").expect("the pipe");
        drop(file);
        let mut text = String::new();
        read.read_to_string(&mut text).expect("the pipe");
        assert_eq!(text, "ready");
        assert!(inherited(-1).is_err());
    }
}
