//! `tracer trace`: what its options mean, as a program of the language.
//!
//! In: [`Options`], filled in by `cli`, and expressions as strace's users write them ([`expression`]). Out: the text of a
//! script ([`program::text`]), which goes through the pipeline as any other and can be shown; and what the maps of a
//! summary add up to ([`summary`]). Never runs anything, never prints: each option is a predicate, and where it is decided
//! is the planner's business.

pub mod calls;
pub mod expression;
pub mod program;
pub mod summary;
#[cfg(test)]
mod tests;

pub use calls::Calls;
pub use program::text;

use std::collections::BTreeSet;

/// What is to be traced, and what is wanted of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Options {
    /// Whose calls.
    pub who: Who,
    /// Which calls.
    pub calls: Calls,
    /// Calls that ended so.
    pub results: Results,
    /// Calls that name one of these paths; empty: all.
    pub paths: Vec<String>,
    /// Calls with one of these descriptors as an argument; empty: all.
    pub descriptors: Vec<u32>,
    /// Which signals are shown.
    pub signals: Signals,
    /// The end of processes is shown.
    pub exits: bool,
    /// What is made of the calls.
    pub wanted: Wanted,
    /// Stacks under each line.
    pub stacks: Stacks,
    /// Bytes of a string or buffer that lines show.
    pub string_limit: u32,
    /// Lines tell what descriptors stand for.
    pub name_descriptors: bool,
    /// Calls are recorded, not printed: each with user, group and control group. How much of them is the run's settings' business.
    pub recorded: bool,
}

impl Options {
    /// Conditions on whose calls are traced, beside the processes that were named.
    pub fn comms_users_and_groups(&self) -> usize {
        self.who.comms.len() + self.who.uids.len() + self.who.cgroups.len()
    }
}

/// Whose calls: all conditions hold together, one of the values of each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Who {
    /// Processes; empty: all.
    pub pids: Vec<u32>,
    /// Only the target of the run (and its descendants, when the run follows forks).
    pub tree: bool,
    /// Names of threads, with `*` and `?`.
    pub comms: Vec<String>,
    /// Users.
    pub uids: Vec<u32>,
    /// Ids of control groups.
    pub cgroups: Vec<u64>,
}

/// How calls ended that are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Results {
    /// Without an error.
    pub successful: bool,
    /// With one.
    pub failed: bool,
    /// Not at all: `exit`, or killed within it.
    pub unfinished: bool,
}

impl Default for Results {
    fn default() -> Results {
        Results {
            successful: true,
            failed: true,
            unfinished: true,
        }
    }
}

/// Which signals are shown when they are delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signals {
    /// All but these.
    But(BTreeSet<u32>),
    /// These alone.
    Only(BTreeSet<u32>),
}

impl Default for Signals {
    fn default() -> Signals {
        Signals::But(BTreeSet::new())
    }
}

impl Signals {
    /// None at all.
    pub fn none() -> Signals {
        Signals::Only(BTreeSet::new())
    }
}

/// What is made of the calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wanted {
    /// A line each.
    #[default]
    Lines,
    /// A table at the end.
    Summary,
    /// Both.
    Both,
}

impl Wanted {
    /// A line is printed for each call.
    pub fn lines(self) -> bool {
        self != Wanted::Summary
    }

    /// A table is printed at the end.
    pub fn summary(self) -> bool {
        self != Wanted::Lines
    }
}

/// Stacks under each line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stacks {
    /// None.
    #[default]
    None,
    /// The kernel's.
    Kernel,
    /// The program's.
    User,
}
