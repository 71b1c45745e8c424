//! Text to tokens, one at a time.
//!
//! In: the script and a position. Out: the next [`Token`]. The parser says what it expects, because the
//! same characters mean other things in a probe (`uprobe:/bin/*:f`), behind `=~` (`/a+/`) and elsewhere; what was
//! already read as ordinary tokens is read again by going back to its start. Never reports: a
//! malformed piece is a [`Kind::Bad`] token. Never copies text. Always advances, except at the end.

use super::token::{Bad, Kind, SIGNS, Sign, Token};
use crate::diag::Span;

/// Providers with a path in one of their parts, and which: a slash there belongs to it.
const PATHS: &[(&str, u32)] = &[
    ("uprobe", 1),
    ("u", 1),
    ("uretprobe", 1),
    ("ur", 1),
    ("usdt", 1),
    ("U", 1),
    ("iter", 2),
    ("it", 2),
];

/// Reads tokens; copying it is looking ahead.
#[derive(Clone, Copy)]
pub struct Lexer<'t> {
    text: &'t str,
    pos: usize,
}

impl<'t> Lexer<'t> {
    /// At the start of `text`, behind a `#!` line.
    pub fn new(text: &'t str) -> Lexer<'t> {
        let mut lexer = Lexer { text, pos: 0 };
        if text.starts_with("#!") {
            lexer.skip_line();
        }
        lexer
    }

    /// At a byte of a text that ends earlier than the script.
    pub fn within(text: &'t str, pos: u32) -> Lexer<'t> {
        let pos = (pos as usize).min(text.len());
        Lexer { text, pos }
    }

    /// Goes back (or on) to a byte position, which must be a character boundary.
    pub fn seek(&mut self, pos: u32) {
        self.pos = pos as usize;
    }

    /// The next ordinary token.
    pub fn next_token(&mut self) -> Token {
        if let Some(open) = self.skip_space() {
            return open;
        }
        let start = self.pos;
        let kind = match self.peek() {
            None => Kind::Eof,
            Some(b'"') => self.quoted(b'"', Kind::Str, Bad::Str),
            Some(b'\'') => self.quoted(b'\'', Kind::Char, Bad::Char),
            Some(b'#') => self.directive(),
            Some(b'$') => self.dollar(),
            Some(b'@') => {
                self.pos += 1;
                self.skip_word();
                Kind::Map
            }
            Some(b'0'..=b'9') => {
                self.skip_word();
                Kind::Int
            }
            Some(b) if is_word(b) => {
                self.skip_word();
                Kind::Ident
            }
            Some(_) => self.sign(),
        };
        self.token(kind, start)
    }

    /// A probe, from here to the space, comma, brace or predicate that ends it.
    pub fn next_probe(&mut self) -> Token {
        if let Some(open) = self.skip_space() {
            return open;
        }
        let start = self.pos;
        let mut part = 0;
        let mut path_part = None;
        while let Some(b) = self.peek() {
            match b {
                b':' => {
                    if part == 0 {
                        let provider = &self.text[start..self.pos];
                        let known = PATHS.iter().find(|(name, _)| *name == provider);
                        path_part = known.map(|(_, part)| *part);
                    }
                    part += 1;
                }
                b'"' => {
                    if matches!(self.quoted(b'"', Kind::Str, Bad::Str), Kind::Bad(_)) {
                        return self.token(Kind::Bad(Bad::Str), start);
                    }
                    continue;
                }
                b'/' if path_part != Some(part) => break,
                _ if ends_probe(b) => break,
                _ => {}
            }
            self.pos += 1;
        }
        if self.pos == start {
            return self.next_token();
        }
        self.token(Kind::Probe, start)
    }

    /// `/regex/` on one line, when that is what comes next.
    pub fn next_regex(&mut self) -> Option<Token> {
        let rest = &self.text[self.pos..];
        let start = self.pos + (rest.len() - rest.trim_start().len());
        let mut bytes = self.text[start..].bytes().enumerate();
        if bytes.next()?.1 != b'/' {
            return None;
        }
        while let Some((i, b)) = bytes.next() {
            match b {
                b'\n' => return None,
                b'\\' => {
                    bytes.next();
                }
                b'/' => {
                    self.pos = start + i + 1;
                    return Some(self.token(Kind::Regex, start));
                }
                _ => {}
            }
        }
        None
    }

    fn token(&self, kind: Kind, start: usize) -> Token {
        Token {
            kind,
            span: Span::new(start, self.pos),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn rest(&self) -> &'t [u8] {
        &self.text.as_bytes()[self.pos..]
    }

    /// Skips blanks and comments; a comment that does not end is a token.
    fn skip_space(&mut self) -> Option<Token> {
        loop {
            match self.rest() {
                [b, ..] if b.is_ascii_whitespace() || *b == 0x0b => self.pos += 1,
                [b'\\', b'\n', ..] => self.pos += 2,
                [b'\\', b'\r', b'\n', ..] => self.pos += 3,
                [b'/', b'/', ..] => self.skip_line(),
                [b'/', b'*', ..] => {
                    let start = self.pos;
                    match self.text[start + 2..].find("*/") {
                        Some(length) => self.pos = start + 2 + length + 2,
                        None => {
                            self.pos = self.text.len();
                            return Some(Token {
                                kind: Kind::Bad(Bad::Comment),
                                span: Span::new(start, start + 2),
                            });
                        }
                    }
                }
                _ => return None,
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.pos..];
        self.pos += rest.find('\n').unwrap_or(rest.len());
    }

    fn skip_word(&mut self) {
        while self.peek().is_some_and(is_word) {
            self.pos += 1;
        }
    }

    /// From a quote to its partner on the same line; a backslash takes the next character with it.
    fn quoted(&mut self, quote: u8, good: Kind, bad: Bad) -> Kind {
        self.pos += 1;
        while let Some(b) = self.peek() {
            match b {
                b'\n' => break,
                b'\\' if !matches!(self.rest(), [_, b'\n', ..] | [_]) => self.pos += 2,
                _ => self.pos += 1,
            }
            if b == quote {
                return good;
            }
        }
        // An escaped character may have been the first byte of several.
        while !self.text.is_char_boundary(self.pos) {
            self.pos += 1;
        }
        Kind::Bad(bad)
    }

    /// A `#` line; a backslash at its end continues it.
    fn directive(&mut self) -> Kind {
        loop {
            self.skip_line();
            if !self.text[..self.pos].ends_with('\\') || self.peek().is_none() {
                return Kind::Directive;
            }
            self.pos += 1;
        }
    }

    fn dollar(&mut self) -> Kind {
        self.pos += 1;
        match self.peek() {
            Some(b'#') => {
                self.pos += 1;
                Kind::ParamCount
            }
            Some(b) if b.is_ascii_digit() => {
                while self.peek().is_some_and(|b| b.is_ascii_digit()) {
                    self.pos += 1;
                }
                Kind::Positional
            }
            Some(b) if is_word(b) => {
                self.skip_word();
                Kind::Var
            }
            _ => Kind::Bad(Bad::Dollar),
        }
    }

    fn sign(&mut self) -> Kind {
        let rest = &self.text[self.pos..];
        let Some((text, sign)) = SIGNS.iter().find(|(text, _)| rest.starts_with(text)) else {
            self.pos += rest.chars().next().map_or(0, char::len_utf8);
            return Kind::Bad(Bad::Character);
        };
        self.pos += text.len();
        if *sign == Sign::Slash && self.brace_follows() {
            return Kind::EndPredicate;
        }
        Kind::Sign(*sign)
    }

    /// No expression goes on with `{` behind a division, so such a slash ends a predicate.
    fn brace_follows(&self) -> bool {
        let mut ahead = *self;
        ahead.skip_space().is_none() && ahead.peek() == Some(b'{')
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn ends_probe(b: u8) -> bool {
    b.is_ascii_whitespace() || matches!(b, b',' | b'{' | b'}' | b'(' | b')' | b';' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let mut lexer = Lexer::new(text);
        std::iter::from_fn(|| {
            let t = lexer.next_token();
            let piece = &text[t.span.start as usize..t.span.end as usize];
            (t.kind != Kind::Eof).then_some((t.kind, piece))
        })
        .collect()
    }

    #[test]
    fn signs_are_tried_longest_first() {
        for (i, (text, _)) in SIGNS.iter().enumerate() {
            for (later, _) in &SIGNS[i + 1..] {
                assert!(!later.starts_with(text), "{text} hides {later}");
            }
        }
    }

    #[test]
    fn a_slash_before_a_brace_ends_a_predicate() {
        let got = kinds("/ a / b / /* c */ {");
        let slashes: Vec<Kind> = got
            .iter()
            .map(|t| t.0)
            .filter(|k| *k != Kind::Ident)
            .collect();
        let slash = Kind::Sign(Sign::Slash);
        let brace = Kind::Sign(Sign::LBrace);
        assert_eq!(slashes, [slash, slash, Kind::EndPredicate, brace]);
    }

    #[test]
    fn paths_keep_their_slashes_and_predicates_do_not() {
        for (text, probe) in [
            ("uprobe:/usr/lib/*:f/pid/{", "uprobe:/usr/lib/*:f"),
            ("u:/a//b:f {", "u:/a//b:f"),
            ("kprobe:f/pid/{", "kprobe:f"),
            ("iter:task:/sys/fs/bpf/x {", "iter:task:/sys/fs/bpf/x"),
            ("iter:task/pid/{", "iter:task"),
            ("BEGIN{", "BEGIN"),
            ("usdt:\"/a b\":c:d,", "usdt:\"/a b\":c:d"),
            ("syscall::open:entry{", "syscall::open:entry"),
        ] {
            let token = Lexer::new(text).next_probe();
            assert_eq!(token.kind, Kind::Probe, "{text}");
            assert_eq!(&text[..token.span.end as usize], probe);
        }
    }

    #[test]
    fn malformed_pieces_are_bad_tokens_on_character_boundaries() {
        assert_eq!(
            kinds("\u{201c}")[0],
            (Kind::Bad(Bad::Character), "\u{201c}")
        );
        assert_eq!(kinds("\"a\nb")[0], (Kind::Bad(Bad::Str), "\"a"));
        assert_eq!(kinds("/* x")[0], (Kind::Bad(Bad::Comment), "/*"));
        assert_eq!(kinds("\"\\é")[0], (Kind::Bad(Bad::Str), "\"\\é"));
        assert_eq!(kinds("$")[0], (Kind::Bad(Bad::Dollar), "$"));
    }
}
