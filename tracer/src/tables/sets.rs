//! Sets of constants: flags and enumerations, each under the name that `data/` gives it.
//!
//! In: `data/sets.txt`, whose entries are names of `data/constants.txt`, at build time. Out: names by value. Never
//! formats.

use super::constants;

/// Names for the values of an argument or a member: enumerations in parts of its bits, flags in the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Set {
    /// As signatures call it.
    pub name: &'static str,
    /// Bits that hold one of several values each. Empty: flags only. One with all bits: an enumeration.
    pub parts: &'static [Part],
    /// Flags in the order in which they are shown: a flag is set when all its bits are, and one of several bits stands
    /// for those of its bits that are flags too.
    pub flags: Names,
    /// The name of no flag at all (`PROT_NONE`), if it has one.
    pub zero: Names,
}

/// Bits that together are one of several values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Which bits.
    pub mask: u64,
    /// How they are written.
    pub kind: PartKind,
}

/// How a part of a set is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartKind {
    /// One of these values (which are not shifted), sorted.
    Values(Names),
    /// A number behind a shift: `21<<MAP_HUGE_SHIFT`. The name is the shift's.
    Shifted(u8, &'static str),
    /// A signal's number: the low byte of clone's flags.
    Signal,
    /// Permission bits, in base 8.
    Octal,
}

/// Constants, as places in the table of all constants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Names(pub(super) &'static [u16]);

impl Names {
    /// Value (sign-extended when negative) and name, in the set's order.
    pub fn iter(self) -> impl Iterator<Item = (u64, &'static str)> {
        self.0.iter().map(|&at| constants::at(at))
    }

    /// The name of exactly this value, when sorted by value (as a part's are).
    pub fn find(self, value: u64) -> Option<&'static str> {
        let at = self
            .0
            .binary_search_by_key(&value, |&at| constants::at(at).0)
            .ok()?;
        Some(constants::at(self.0[at]).1)
    }

    /// None at all.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl Set {
    /// One of several values, and no flags.
    pub const fn is_enum(&self) -> bool {
        self.flags.is_empty()
    }
}

/// A set by name.
pub fn set(name: &str) -> Option<&'static Set> {
    let at = SETS.binary_search_by_key(&name, |s| s.name).ok()?;
    Some(SETS[at])
}

/// All sets, by name.
pub fn all() -> impl Iterator<Item = &'static Set> {
    SETS.iter().copied()
}

include!(concat!(env!("OUT_DIR"), "/sets.rs"));
