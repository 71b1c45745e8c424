//! The bytes of a file of the kernel's that never changes, without a copy where it can be mapped.
//!
//! In: its path. Out: [`Bytes`]. The kernel hands files of `/sys` out by the page, one call each: 1,347 of them for its types, which
//! take as long as all the rest of a start. From 6.16 on the types can be mapped. Never for a file that somebody may cut short
//! while it is mapped.

use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

/// A file's bytes.
#[derive(Debug)]
pub enum Bytes {
    /// As the kernel keeps them.
    Mapped(Mmap),
    /// A copy.
    Read(Vec<u8>),
}

impl Bytes {
    /// Maps a file that never changes, or reads it.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn of(path: &Path) -> io::Result<Bytes> {
        let mut file = File::open(path)?;
        // SAFETY: the file is one of the kernel's that never changes, as the caller promises by calling this for it: nobody writes
        // to it or cuts it short.
        // (Private: the kernel refuses to share these.)
        if let Ok(mapped) = unsafe { MmapOptions::new().map_copy_read_only(&file) } {
            return Ok(Bytes::Mapped(mapped));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Bytes::Read(bytes))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(bytes) => bytes,
            Bytes::Read(bytes) => bytes,
        }
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Vec<u8> {
        match bytes {
            Bytes::Mapped(bytes) => bytes.to_vec(),
            Bytes::Read(bytes) => bytes,
        }
    }
}
