//! Diagnostics: spans, codes, and what is said about a script.
//!
//! In: what a stage found wrong. Out: data; `render` makes the text with source line and caret.
//! Never prints, never decides whether to go on.

pub mod codes;
pub mod depth;
pub mod render;

pub use codes::Code;

/// A range of bytes in the script. `start <= end`; both are on character boundaries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` to `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Nothing will be traced.
    Error,
    /// It will run, but probably not as meant.
    Warning,
}

/// One thing said about a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Stable code, e.g. `E0207`; each has an entry in [`codes`] and a golden case.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// What was found and what was expected, one sentence, no full stop.
    pub message: String,
    /// Short text under the caret; may be empty.
    pub label: String,
    /// Other places that matter, each with a few words: where a map was first used.
    pub also: Vec<(Span, String)>,
    /// What to type or do instead, one sentence each.
    pub help: Vec<String>,
}

/// Characters of a message: what it quotes of a script may have any length.
const MESSAGE_MAX: usize = 500;

/// The message, cut when it is longer than anybody reads.
fn short(message: String) -> String {
    match message.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

impl Diagnostic {
    /// An error without label and help.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            span,
            message: short(message.into()),
            label: String::new(),
            also: Vec::new(),
            help: Vec::new(),
        }
    }

    /// With a text under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// With another place that matters.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.also.push((span, label.into()));
        self
    }

    /// With one more proposal.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help.push(help.into());
        self
    }
}
