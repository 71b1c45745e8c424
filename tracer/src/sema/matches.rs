//! `x =~ "glob"`, `x =~ /regex/`, `!~`: text matched with a pattern.
//!
//! In: a value and a pattern. Out: bool, at once when the text is a constant. Calls are compared by number where few enough
//! names match. Never makes a pattern of what is not known before the run.

use super::convert::to_text;
use super::operators::names_of_calls;
use super::pass::{Pass, Val, and, boolean, expr, not};
use super::value::describe;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Compare, Expr, ExprKind, PatternId};
use crate::syntax::ast;
use crate::types::pattern::{Automaton, Dialect, Pattern, PatternError};
use crate::types::{Lazy, Type};

/// Patterns of one script: their first states stand side by side in one row of the kernel's table.
const MOST_PATTERNS: usize = 256;
/// States of all patterns of one script.
const MOST_STATES: usize = 8192;
/// Calls whose numbers are compared one by one.
const FEW_CALLS: usize = 16;

impl Pass<'_> {
    /// `text =~ pattern`; `!~` when `negated`. What is absent neither matches nor not.
    pub fn matching(
        &mut self,
        text: &ast::Expr,
        pattern: &ast::Expr,
        negated: bool,
        span: Span,
    ) -> Option<Val> {
        let (text, pattern) = (self.searched(text), self.pattern(pattern));
        let (text, (pattern, pattern_span)) = (text?, pattern?);
        let matched = match &text.expr.ty {
            Type::Lazy(Lazy::SyscallName) => self.call_matching(&text.expr, &pattern, span),
            _ => None,
        };
        let matched = match matched {
            Some(matched) => matched,
            None => self.text_matching(text.expr, pattern, pattern_span, span)?,
        };
        let matched = if negated { not(matched) } else { matched };
        Some(match text.present {
            Some(present) => and(present, matched).into(),
            None => matched.into(),
        })
    }

    fn text_matching(
        &mut self,
        value: Expr,
        pattern: Pattern,
        pattern_span: Span,
        span: Span,
    ) -> Option<Expr> {
        let (ty, value_span) = (value.ty.clone(), value.span);
        let Some(text) = to_text(value) else {
            let message = format!(
                "only text is matched with a pattern, this is {}",
                describe(&ty)
            );
            let diagnostic = Diagnostic::error(codes::CANNOT_COMPARE, value_span, message);
            return self.fail(diagnostic.help("the text at an address is str(x)"));
        };
        if let ExprKind::Str(known) = &text.kind {
            return Some(boolean(pattern.matches(known), span));
        }
        let id = self.pattern_id(pattern, pattern_span)?;
        let kind = ExprKind::Matches(Box::new(text), id);
        Some(expr(Type::Bool, kind, span))
    }

    /// A call's name, when few enough calls are meant: then the kernel knows which.
    fn call_matching(&mut self, call: &Expr, pattern: &Pattern, span: Span) -> Option<Expr> {
        let names: Vec<&str> = names_of_calls()
            .into_iter()
            .filter(|name| pattern.matches(name.as_bytes()))
            .collect();
        if names.is_empty() || names.len() > FEW_CALLS {
            return None;
        }
        let equal = |name: &&str| {
            let text = super::value::string(name.as_bytes(), span);
            self.compare_name(Compare::Eq, Lazy::SyscallName, call.clone(), text, span)
        };
        let all: Vec<Expr> = names.iter().map(equal).collect::<Option<_>>()?;
        all.into_iter()
            .reduce(|a, b| expr(Type::Bool, ExprKind::Or(Box::new(a), Box::new(b)), span))
    }

    /// The pattern on the right side.
    fn pattern(&mut self, e: &ast::Expr) -> Option<(Pattern, Span)> {
        let (dialect, source) = match &e.kind {
            ast::ExprKind::Regex(source) => (Dialect::Regex, source.clone()),
            _ => (Dialect::Glob, self.glob_text(e)?),
        };
        match Pattern::new(dialect, &source) {
            Ok(pattern) => Some((pattern, e.span)),
            Err(PatternError::Malformed(what, at)) => {
                self.error(codes::BAD_REGEX, inside(e.span, at), what)
            }
            Err(PatternError::TooLarge) => self.too_large(e.span),
        }
    }

    /// A constant text: a literal or `str($1)`.
    fn glob_text(&mut self, e: &ast::Expr) -> Option<String> {
        let val = self.value(e)?;
        let ExprKind::Str(text) = &val.expr.kind else {
            let message = "a pattern is known before the run: a string literal or /regex/";
            let diagnostic = Diagnostic::error(codes::NOT_CONSTANT, e.span, message);
            return self
                .fail(diagnostic.help("two texts are compared with ==, or strcontains(a, b)"));
        };
        match String::from_utf8(text.clone()) {
            Ok(text) => Some(text),
            Err(_) => {
                let message = "a glob is text; other bytes are written in a /regex/ as \\xNN";
                self.error(codes::BAD_REGEX, e.span, message)
            }
        }
    }

    fn too_large<T>(&mut self, span: Span) -> Option<T> {
        let message = format!(
            "the automaton of this pattern has more than {} states",
            Automaton::MOST_STATES
        );
        let diagnostic = Diagnostic::error(codes::PATTERN_TOO_LARGE, span, message);
        self.fail(diagnostic.help("use smaller counts in x{n,m}, or match parts with && and ||"))
    }

    fn pattern_id(&mut self, pattern: Pattern, span: Span) -> Option<PatternId> {
        let patterns = &mut self.program.patterns;
        if let Some(at) = patterns.iter().position(|known| *known == pattern) {
            return Some(PatternId(at as u32));
        }
        patterns.push(pattern);
        let states: usize = patterns.iter().map(|p| p.automaton.states()).sum();
        let count = patterns.len();
        if count <= MOST_PATTERNS && states <= MOST_STATES {
            return Some(PatternId(count as u32 - 1));
        }
        let message = format!(
            "{count} patterns with {states} states in all; a script has at most {MOST_PATTERNS} and {MOST_STATES}"
        );
        let diagnostic = Diagnostic::error(codes::PATTERN_TOO_LARGE, span, message);
        self.fail(diagnostic.help("join patterns of one text into one: /a|b/"))
    }
}

/// The byte of a `/regex/` that is wrong, where its slashes are not escaped.
fn inside(span: Span, at: Option<usize>) -> Span {
    let start = at.map_or(span.start, |at| span.start + 1 + at as u32);
    match start < span.end {
        true => Span { start, ..span },
        false => span,
    }
}
