//! Probes: `provider:part:part`, several separated by commas.
//!
//! In: the parser at a probe. Out: its parts, quotes taken off and `$1` replaced. Never knows a provider.

use super::{Kind, Parsed, Parser, Sign};
use crate::diag::{Diagnostic, Span, codes};
use crate::syntax::ast::{Ident, ProbeSpec};

impl<'t> Parser<'t> {
    /// At least one.
    pub(super) fn probes(&mut self) -> Parsed<Vec<ProbeSpec>> {
        let mut probes = Vec::new();
        loop {
            self.reread_as_probe();
            if self.token.kind != Kind::Probe {
                let message = format!("expected a probe, found {}", self.found());
                let error = self.error(codes::BAD_PROBE, message);
                return self
                    .fail(error.help("a probe is written provider:name, e.g. syscall:openat"));
            }
            let span = self.advance().span;
            probes.push(self.probe(span)?);
            if !self.eat(Sign::Comma) {
                return Ok(probes);
            }
        }
    }

    fn probe(&mut self, span: Span) -> Parsed<ProbeSpec> {
        let mut parts = Vec::new();
        let mut start = span.start;
        for piece in split_parts(self.slice(span)) {
            let end = start + piece.len() as u32;
            let part = Span { start, end };
            parts.push(Ident {
                text: self.replace_parameters(&piece.replace('"', ""), part)?,
                span: part,
            });
            start = end + 1;
        }
        if parts[0].text.is_empty() {
            let message = "this probe has no provider before its first `:`";
            let error = Diagnostic::error(codes::BAD_PROBE, span, message);
            return self.fail(error.help("a probe is written provider:name, e.g. syscall:openat"));
        }
        Ok(ProbeSpec { parts, span })
    }

    /// Replaces `$1` and `$#`; a `$` with anything else behind it stays.
    fn replace_parameters(&mut self, part: &str, span: Span) -> Parsed<String> {
        let mut out = String::new();
        let mut pieces = part.split('$');
        out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(piece.len());
            let (number, rest) = piece.split_at(digits);
            if let Some(rest) = piece.strip_prefix('#') {
                out.push_str(&self.params.len().to_string());
                out.push_str(rest);
            } else if number.is_empty() {
                out.push('$');
                out.push_str(rest);
            } else {
                out.push_str(self.parameter_or_fail(number, span)?);
                out.push_str(rest);
            }
        }
        Ok(out)
    }

    fn parameter_or_fail(&mut self, number: &str, span: Span) -> Parsed<&'t str> {
        let params = self.params;
        let index = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        match index.and_then(|i| params.get(i)) {
            Some(text) => Ok(text),
            None => {
                let count = params.len();
                let message =
                    format!("this probe needs parameter ${number}, but {count} were given");
                let error = Diagnostic::error(codes::MISSING_PARAMETER, span, message);
                self.fail(error.help("write the parameters behind the script"))
            }
        }
    }
}

/// Splits at the colons outside of quotes.
fn split_parts(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })
    .collect()
}
