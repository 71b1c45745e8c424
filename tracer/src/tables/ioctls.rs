//! Commands of ioctl: names by number, and what the argument is.
//!
//! In: `data/ioctls.txt`, at build time. Out: look-ups by ABI and number. Never takes a number apart: where no name is
//! known, the bits say direction, type, number and size (asm-generic/ioctl.h).

use super::constants;
use super::what::{Dir, What};
use super::{sets, shared};
use crate::types::Abi;

/// A command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ioctl {
    /// Its number.
    pub number: u32,
    /// Its name's place among the constants.
    name: u16,
    /// What the argument is.
    pub what: What,
}

impl Ioctl {
    /// Its name.
    pub fn name(&self) -> &'static str {
        constants::at(self.name).1
    }
}

/// Where a number has the size of the caller's buffer, and `EVIOCGNAME(len)` is a command for each size.
const SIZE: u32 = 0x3fff << 16;

/// A command by number. Numbers that hold the size of a `long` or of a pointer are other ones on i386.
pub fn find(abi: Abi, number: u32) -> Option<&'static Ioctl> {
    let table = match abi {
        Abi::Native => IOCTLS,
        Abi::I386 => IOCTLS_I386,
    };
    let search = |table: &'static [Ioctl], number: u32| {
        let at = table.binary_search_by_key(&number, |i| i.number).ok()?;
        Some(&table[at])
    };
    search(table, number).or_else(|| search(IOCTLS_ANY_SIZE, number & !SIZE))
}

/// All commands of an ABI, by number.
pub fn all(abi: Abi) -> &'static [Ioctl] {
    match abi {
        Abi::Native => IOCTLS,
        Abi::I386 => IOCTLS_I386,
    }
}

include!(concat!(env!("OUT_DIR"), "/ioctls.rs"));
