//! Stacks as values: whose, how many frames, and how they print.
//!
//! In: nothing. Out: the layout of a stack. A kernel stack is its addresses; a user stack begins with a word that tells
//! the process, since an address means nothing without it. Never makes names of addresses: that is `print` and `symbols`.

use super::Space;
use std::fmt;

/// How a stack becomes text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum StackMode {
    /// `name+offset`.
    #[default]
    Bpftrace,
    /// As `perf script` has it: the address, `name+offset`, for user addresses the file.
    Perf,
    /// Addresses alone.
    Raw,
}

impl StackMode {
    /// All of them.
    pub const ALL: [StackMode; 3] = [StackMode::Bpftrace, StackMode::Perf, StackMode::Raw];

    /// As a script says it.
    pub fn name(self) -> &'static str {
        match self {
            StackMode::Bpftrace => "bpftrace",
            StackMode::Perf => "perf",
            StackMode::Raw => "raw",
        }
    }

    /// The mode of that name.
    pub fn named(name: &str) -> Option<StackMode> {
        StackMode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// What kind of stack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stack {
    /// Of the kernel, or of the process.
    pub space: Space,
    /// Maximum number of frames.
    pub depth: u16,
    /// How it prints.
    pub mode: StackMode,
}

impl Stack {
    /// A kernel stack in the usual mode.
    pub const fn kernel(depth: u16) -> Stack {
        let (space, mode) = (Space::Kernel, StackMode::Bpftrace);
        Stack { space, depth, mode }
    }

    /// A user stack in the usual mode.
    pub const fn user(depth: u16) -> Stack {
        let (space, mode) = (Space::User, StackMode::Bpftrace);
        Stack { space, depth, mode }
    }

    /// As a script calls it.
    pub fn name(self) -> &'static str {
        match self.space {
            Space::Kernel => "kstack",
            Space::User => "ustack",
        }
    }

    /// Bytes before the first frame.
    pub fn head(self) -> u32 {
        match self.space {
            Space::Kernel => 0,
            Space::User => 8,
        }
    }

    /// Bytes that it takes.
    pub fn size(self) -> u32 {
        self.head() + u32::from(self.depth) * 8
    }

    /// The process of a stack's words (0 for the kernel's), and its frames, innermost first, without the unused ones.
    pub fn parts(self, words: &[u64]) -> (u32, &[u64]) {
        let (head, frames) = words.split_at(words.len().min(self.head() as usize / 8));
        let used = frames.iter().position(|&frame| frame == 0);
        let process = head.first().map_or(0, |&word| word as u32);
        (process, &frames[..used.unwrap_or(frames.len())])
    }
}

/// One word: `kstack5`, `ustack127perf`.
impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name(), self.depth)?;
        match self.mode {
            StackMode::Bpftrace => Ok(()),
            mode => f.write_str(mode.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_stack_begins_with_its_process() {
        assert_eq!(Stack::user(3).size(), 32);
        assert_eq!(Stack::user(3).parts(&[7, 1, 2, 0]), (7, &[1, 2][..]));
        assert_eq!(Stack::kernel(3).size(), 24);
        assert_eq!(Stack::kernel(3).parts(&[1, 2, 3]), (0, &[1, 2, 3][..]));
        assert_eq!(Stack::user(3).parts(&[]), (0, &[][..]));
    }
}
