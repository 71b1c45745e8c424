//! Descriptors that were handed to this process by number (`--ready-fd N`).
//!
//! In: a number. Out: an owned file. Never takes the standard streams.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, RawFd};

/// Takes over descriptor `number`, which whoever started us left open for us.
///
/// # Errors
/// When it is not open, or is one of the standard streams (those belong to the standard library).
pub fn inherited(number: RawFd) -> io::Result<File> {
    if number <= 2 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a descriptor above 2 is needed",
        ));
    }
    // SAFETY: F_GETFD only asks; it is defined for every number.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and by contract it was opened for us before we started: nothing in this
    // process owns it. Called while options are read, before anything else is opened.
    Ok(unsafe { File::from_raw_fd(number) })
}
