//! The formatter: a script to the same script, evenly spaced.
//!
//! In: a script. Out: its text with one statement a line, four spaces a level, and every token and comment as it was. Only
//! blanks and line breaks change, so the meaning cannot: what is between two tokens never makes one of them. Line
//! breaks within a statement stay where the writer put them, and a block stays on one line when it was on one and fits.
//! Never wraps a long line, never moves a comment to another statement.

mod gap;
mod spacing;

use super::parser::{self, Outcome, Role};
use super::token::{Kind, Sign, Token};
use crate::diag::Diagnostic;
use gap::{Comment, Gap};
use std::collections::BTreeMap;

/// Spaces a level.
const INDENT: usize = 4;
/// A block on one line ends before this column.
const WIDTH: usize = 100;

/// Formats a script; formatting the result changes nothing.
///
/// # Errors
/// What the parser says against the script.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let outcome = parser::parse(text, &[]);
    // A script for other parameters, or for none, is well-formed all the same.
    let broken = |d: &Diagnostic| d.code != crate::diag::codes::MISSING_PARAMETER;
    if outcome.diagnostics.iter().any(broken) {
        return Err(outcome.diagnostics);
    }
    Ok(Formatter::new(text, &outcome).run())
}

/// An open bracket.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Open {
    sign: Sign,
    /// A block whose content has lines of its own.
    lines: bool,
}

struct Formatter<'t> {
    text: &'t str,
    tokens: &'t [Token],
    roles: &'t BTreeMap<u32, Role>,
    /// For each `{` the number of its `}`.
    partners: BTreeMap<usize, usize>,
    out: String,
    open: Vec<Open>,
    /// Nothing of the current statement has been written.
    fresh: bool,
}

/// What goes between two tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Between {
    Nothing,
    Space,
    /// A new line of the same statement.
    Continued,
    /// A new statement, at the level of the open blocks.
    Line,
}

impl<'t> Formatter<'t> {
    fn new(text: &'t str, outcome: &'t Outcome) -> Formatter<'t> {
        let mut partners = BTreeMap::new();
        let mut open = Vec::new();
        for (at, token) in outcome.tokens.iter().enumerate() {
            match token.kind {
                Kind::Sign(Sign::LBrace) => open.push(at),
                Kind::Sign(Sign::RBrace) => {
                    partners.extend(open.pop().map(|start| (start, at)));
                }
                _ => {}
            }
        }
        Formatter {
            text,
            tokens: &outcome.tokens,
            roles: &outcome.roles,
            partners,
            out: String::with_capacity(text.len() + text.len() / 4),
            open: Vec::new(),
            fresh: true,
        }
    }

    fn run(mut self) -> String {
        let mut end = 0;
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
            let gap = Gap::read(&self.text[end..token.span.start as usize], end == 0);
            self.gap(at, &gap);
            self.token(at);
            end = token.span.end as usize;
        }
        let gap = Gap::read(&self.text[end..], end == 0);
        self.ending(&gap);
        self.out
    }

    /// Comments and blanks before a token, or before the end.
    fn gap(&mut self, at: usize, gap: &Gap<'_>) {
        let previous = at.checked_sub(1).map(|p| self.tokens[p]);
        let closes = self.tokens[at].kind.is(Sign::RBrace) && self.inner_lines();
        if closes {
            // Comments before a brace stand at the level of what it closes.
            self.comments(gap, Between::Line, previous.is_none());
            self.open.pop();
            self.start_line(0);
            self.fresh = true;
            return;
        }
        let between = match previous {
            None => Between::Line,
            Some(previous) => self.between(previous, at, gap),
        };
        self.comments(gap, between, previous.is_none());
    }

    fn ending(&mut self, gap: &Gap<'_>) {
        let first = self.tokens.is_empty();
        self.comments(gap, Between::Line, first);
        let kept = self.out.trim_end().len();
        self.out.truncate(kept);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Writes comments, then what `between` says.
    fn comments(&mut self, gap: &Gap<'_>, between: Between, first: bool) {
        let opened = first || self.out.ends_with("{") && self.inner_lines();
        let mut own_line = false;
        for (i, comment) in gap.comments.iter().enumerate() {
            let leading = first && i == 0;
            let trailing = !(comment.own_line || leading);
            if trailing && !(own_line && comment.is_line) {
                self.trailing(comment);
            } else {
                self.start_line(comment.blank_lines.min(usize::from(!opened || i > 0)));
                if between == Between::Continued && !self.open.is_empty() {
                    self.pad(INDENT);
                }
                self.out.push_str(comment.text);
            }
            own_line = comment.is_line;
        }
        let after_line = gap.comments.last().is_some_and(|c| c.is_line);
        let blank = match opened && gap.comments.is_empty() {
            true => 0,
            false => gap.blank_lines.min(1),
        };
        match between {
            Between::Line => {
                self.start_line(blank);
                self.fresh = true;
            }
            Between::Continued => self.continued(),
            _ if after_line => self.continued(),
            Between::Space => self.space(),
            Between::Nothing if !gap.comments.is_empty() => self.space(),
            Between::Nothing => {}
        }
    }

    /// A comment on the line of what stands before it.
    fn trailing(&mut self, comment: &Comment<'_>) {
        self.space();
        self.out.push_str(comment.text);
    }

    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
    }

    /// A new line at the level of the open blocks, with so many empty ones before it.
    fn start_line(&mut self, blank: usize) {
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        if self.out.is_empty() {
            return;
        }
        let breaks = 1 + blank;
        let have = self.out.len() - self.out.trim_end_matches('\n').len();
        for _ in have..breaks {
            self.out.push('\n');
        }
        let level = self.open.iter().filter(|o| o.lines).count();
        self.pad(level * INDENT);
    }

    fn continued(&mut self) {
        self.start_line(0);
        // Probes of a clause stand below each other.
        if !self.fresh && !self.open.is_empty() {
            self.pad(INDENT);
        }
    }

    fn pad(&mut self, spaces: usize) {
        self.out.extend(std::iter::repeat_n(' ', spaces));
    }

    fn token(&mut self, at: usize) {
        let token = self.tokens[at];
        self.out.push_str(self.slice(token).trim_end());
        self.fresh = false;
        match token.kind {
            Kind::Sign(Sign::LBrace) => {
                let lines = !self.fits_on_line(at);
                let sign = Sign::LBrace;
                self.open.push(Open { sign, lines });
            }
            Kind::Sign(sign @ (Sign::LParen | Sign::LBracket)) => {
                self.open.push(Open { sign, lines: false });
            }
            Kind::Sign(Sign::RParen | Sign::RBracket) => {
                self.open.pop();
            }
            Kind::Sign(Sign::RBrace)
                if self
                    .open
                    .last()
                    .is_some_and(|o| !o.lines && o.sign == Sign::LBrace) =>
            {
                self.open.pop();
            }
            _ => {}
        }
    }

    /// Whether the innermost bracket is a block with lines of its own.
    fn inner_lines(&self) -> bool {
        self.open.last().is_some_and(|o| o.lines)
    }

    /// Whether the block that this `{` opens stands on one line and may stay there.
    fn fits_on_line(&self, at: usize) -> bool {
        // A block within one that stays on its line stays too.
        if self.open.iter().any(|o| o.sign == Sign::LBrace && !o.lines) {
            return true;
        }
        let Some(&close) = self.partners.get(&at) else {
            return false;
        };
        let start = self.tokens[at].span.start as usize;
        let source = &self.text[start..self.tokens[close].span.end as usize];
        if source.contains('\n') {
            return false;
        }
        let line = self.out.rfind('\n').map_or(0, |at| at + 1);
        let before = self.out[line..].chars().count();
        before + self.width(at, close) <= WIDTH
    }

    /// Columns that tokens take on one line, counted generously: the result does not depend on blanks.
    fn width(&self, from: usize, to: usize) -> usize {
        self.tokens[from..=to]
            .iter()
            .map(|t| self.slice(*t).chars().count() + 1)
            .sum()
    }

    fn slice(&self, token: Token) -> &'t str {
        &self.text[token.span.start as usize..token.span.end as usize]
    }

    fn role(&self, token: Token) -> Option<Role> {
        self.roles.get(&token.span.start).copied()
    }
}

#[cfg(test)]
mod tests;
