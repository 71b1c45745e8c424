//! Structs of the kernel's user interface: members, offsets for both ABIs, and what each member means.
//!
//! In: `data/structs.txt`, laid out at build time as a C compiler does for x86-64 and for i386. Out: look-ups by name.
//! Never reads memory.

use super::what::{ByAbi, Dir, Len, What};
use super::{sets, shared, structs};
use crate::types::Abi;

/// A struct.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Struct {
    /// This table's name.
    pub name: &'static str,
    /// The kernel's names, of x86-64's and of i386's (`iovec`, `compat_iovec`); `None` when it has none.
    pub kernel: Option<(&'static str, &'static str)>,
    /// Bytes.
    pub size: ByAbi,
    /// In the order in which they are shown.
    pub fields: &'static [Field],
}

/// A member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name; empty for the members of an unnamed union: what they are decides `what`, and they are shown as if
    /// they stood here.
    pub name: &'static str,
    /// Bytes into the struct.
    pub offset: ByAbi,
    /// Bytes.
    pub width: ByAbi,
    /// A number with a sign.
    pub signed: bool,
    /// What it means. What lies in memory (a struct, an array, characters) lies right here.
    pub what: What,
}

impl Struct {
    /// Its size.
    pub const fn size(&self, abi: Abi) -> usize {
        self.size.of(abi)
    }
}

/// A struct by name.
pub fn find(name: &str) -> Option<&'static Struct> {
    let at = STRUCTS.binary_search_by_key(&name, |s| s.name).ok()?;
    Some(STRUCTS[at])
}

/// All structs, by name.
pub fn all() -> impl Iterator<Item = &'static Struct> {
    STRUCTS.iter().copied()
}

include!(concat!(env!("OUT_DIR"), "/structs.rs"));
