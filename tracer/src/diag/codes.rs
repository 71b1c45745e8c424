//! The table of diagnostic codes. E01xx: tokens and grammar. E02xx: names and types. E03xx: probes.
//! E04xx: functions and maps. E05xx: limits. E09xx: not built yet.
//!
//! A code never changes its meaning and is never used again.

use std::fmt;

/// A stable code: the number after `E` (or `W` for a warning).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:04}", self.0)
    }
}
