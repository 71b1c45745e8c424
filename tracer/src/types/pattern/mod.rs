//! Patterns that text is matched with: globs and regular expressions, as automata.
//!
//! In: a pattern as written. Out: a [`Pattern`], whose [`Automaton`] the interpreter and the kernel walk over the bytes of a
//! text. Patterns see bytes, not characters of Unicode, since that is what the kernel has. Never looks at a text in another
//! way than the kernel does.

mod automaton;
#[cfg(test)]
mod tests;

pub use automaton::{Automaton, Row};

use std::fmt;
use std::sync::Arc;

/// How a pattern is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dialect {
    /// `*`, `?` and `[…]`; all of the text is matched. The same as in names of probes ([`super::glob`]).
    Glob,
    /// A regular expression; a part of the text is enough.
    Regex,
}

/// A pattern that can be walked.
#[derive(Clone)]
pub struct Pattern {
    /// How it is written.
    pub dialect: Dialect,
    /// What is written.
    pub source: String,
    /// What is walked: follows from the other two.
    pub automaton: Arc<Automaton>,
}

/// Why a pattern cannot be walked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatternError {
    /// It is not one: what is wrong with it, and the byte at which it is.
    Malformed(String, Option<usize>),
    /// Its automaton would have more states than [`Automaton::MOST_STATES`].
    TooLarge,
}

impl Pattern {
    /// The pattern that is written so.
    ///
    /// # Errors
    /// When it is malformed or too large.
    pub fn new(dialect: Dialect, source: &str) -> Result<Pattern, PatternError> {
        let automaton = match dialect {
            Dialect::Glob => Automaton::new(&regex_of_glob(source)),
            Dialect::Regex => Automaton::new(source),
        }?;
        Ok(Pattern {
            dialect,
            source: source.to_owned(),
            automaton: Arc::new(automaton),
        })
    }

    /// Whether it matches a text, which holds no NUL.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.automaton.matches(text)
    }
}

/// The automaton follows from what is written.
impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.dialect == other.dialect && self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?})", self.dialect, self.source)
    }
}

/// As it is written in a script.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dialect {
            Dialect::Glob => write!(f, "{:?}", self.source),
            Dialect::Regex => write!(f, "/{}/", self.source.replace('/', "\\/")),
        }
    }
}

/// The regular expression that matches what a glob matches.
fn regex_of_glob(glob: &str) -> String {
    let mut regex = String::from(r"\A");
    let mut rest = glob.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'*' => regex.push_str("(?s:.)*"),
            b'?' => regex.push_str("(?s:.)"),
            b'[' => match tail.iter().position(|&byte| byte == b']') {
                Some(end) => {
                    regex.push_str(&class(&tail[..end]));
                    rest = &tail[end + 1..];
                }
                // Nothing matches a class without an end.
                None => return NOTHING.to_owned(),
            },
            byte => regex.push_str(&escaped(*byte)),
        }
    }
    regex + r"\z"
}

/// A regular expression that matches no byte.
const NOTHING: &str = r"[^\x00-\xFF]";

/// `abc`, `a-z`, `!abc` between brackets.
fn class(members: &[u8]) -> String {
    let (negated, mut rest) = match members {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, members),
    };
    let mut ranges = String::new();
    loop {
        rest = match rest {
            [low, b'-', high, tail @ ..] => {
                if low <= high {
                    ranges += &format!("{}-{}", escaped(*low), escaped(*high));
                }
                tail
            }
            [byte, tail @ ..] => {
                ranges += &escaped(*byte);
                tail
            }
            [] => break,
        };
    }
    match (negated, ranges.is_empty()) {
        (false, true) => NOTHING.to_owned(),
        (true, true) => "(?s:.)".to_owned(),
        (false, false) => format!("[{ranges}]"),
        (true, false) => format!("[^{ranges}]"),
    }
}

fn escaped(byte: u8) -> String {
    match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("\\x{byte:02X}"),
    }
}
