//! Mounting a file system.
//!
//! In: type and place. Out: done, or the kernel's error. Never decides whether to mount.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `mount -t KIND nodev TARGET`.
///
/// # Errors
/// The kernel's (`EPERM` without CAP_SYS_ADMIN, `EBUSY` when it is mounted there already), or `EINVAL` for a NUL in the path.
pub fn mount(kind: &str, target: &Path) -> io::Result<()> {
    let kind = CString::new(kind)?;
    let target = CString::new(target.as_os_str().as_bytes())?;
    // SAFETY: the three strings are NUL-terminated and live until the call returns; data may be null.
    let result = unsafe {
        libc::mount(
            c"nodev".as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            0,
            std::ptr::null(),
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
