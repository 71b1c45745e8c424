//! Text to tree: tokens, AST with spans, a parser that recovers, text forms of both.
//!
//! In: the script's text. Out: [`ast::Script`] and diagnostics. Never knows what a name means, which
//! probes exist or what a type is: that is `sema`.

pub mod ast;
pub mod dump;
pub mod format;
mod lexer;
mod literal;
mod parser;
mod token;

use crate::diag::Diagnostic;

/// Reads a whole script. The tree holds what could be read, also when there are errors; `params` are the
/// positional parameters (`$1` is the first).
pub fn parse(text: &str, params: &[String]) -> (ast::Script, Vec<Diagnostic>) {
    let parsed = parser::parse(text, params);
    (parsed.script, parsed.diagnostics)
}

/// A script's text from its bytes, whatever they are: each byte that is not UTF-8 becomes a character of its own, which in a
/// string is that byte again.
pub fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|&b| literal::byte_char(b)));
    }
    text
}

/// The bytes that a text was made from by [`text_of`].
pub fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for c in text.chars() {
        match literal::char_byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    bytes
}

/// A number as it may be written in a script, with a sign: whether it is negative, and its size.
pub fn number(text: &str) -> Option<(bool, u64)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    Some((negative, literal::number(digits).ok()?))
}

/// The tokens of a script as the parser took them, one a line: place, kind, text.
pub fn tokens(text: &str) -> String {
    dump::tokens(text, &parser::parse(text, &[]).tokens)
}

#[cfg(test)]
mod tests {
    use super::ast::{Block, Expr, ExprKind, Item, Script, StmtKind};
    use super::*;
    use crate::diag::codes;
    use proptest::prelude::*;

    fn codes_of(text: &str) -> Vec<u16> {
        parse(text, &[]).1.iter().map(|d| d.code.0).collect()
    }

    #[test]
    fn much_of_anything_gives_a_diagnostic() {
        for piece in [
            "(", "{", "[", "!", "-", "a+", "$a=1?", "if(1)", "else if", "@x[", "f(", "&", "a.b",
            "\"", "/", "\u{201c}", "*", "x(", "(x)",
        ] {
            for before in ["BEGIN { $a = ", "BEGIN { ", "BEGIN ", "k:f /", ""] {
                let text = format!("{before}{}", piece.repeat((1 << 15) / piece.len()));
                assert!(!codes_of(&text).is_empty(), "{before}{piece}");
            }
        }
    }

    #[test]
    fn nesting_is_bounded_and_said() {
        for text in [
            format!("BEGIN {}", "{".repeat(1 << 20)),
            format!("BEGIN {{ $a = {}", "(".repeat(1 << 20)),
            format!("BEGIN {{ $a = {} 1; }}", "1 + ".repeat(1 << 18)),
            format!("BEGIN {{ $a{} = 1; }}", ".b".repeat(1 << 18)),
            format!("BEGIN {{ {} f(); }}", "if (1) ".repeat(1 << 16)),
        ] {
            assert!(codes_of(&text).contains(&codes::NESTED_TOO_DEEP.0));
        }
    }

    /// Every expression of a tree.
    fn expressions(script: &Script) -> Vec<&Expr> {
        fn block<'s>(b: &'s Block, out: &mut Vec<&'s Expr>) {
            for stmt in &b.stmts {
                match &stmt.kind {
                    StmtKind::Expr(e) | StmtKind::Return(Some(e)) => out.push(e),
                    StmtKind::Assign { target, value, .. } => out.extend([target, value]),
                    StmtKind::If {
                        cond,
                        then,
                        otherwise,
                    } => {
                        out.push(cond);
                        block(then, out);
                        otherwise.iter().for_each(|b| block(b, out));
                    }
                    StmtKind::Block(b) => block(b, out),
                    _ => {}
                }
            }
        }
        fn inside<'s>(e: &'s Expr, out: &mut Vec<&'s Expr>) {
            out.push(e);
            match &e.kind {
                ExprKind::Binary { left, right, .. } => {
                    inside(left, out);
                    inside(right, out);
                }
                ExprKind::Unary { operand: x, .. }
                | ExprKind::Cast { operand: x, .. }
                | ExprKind::Step { target: x, .. }
                | ExprKind::Member { base: x, .. } => inside(x, out),
                ExprKind::Call { args, .. }
                | ExprKind::Tuple(args)
                | ExprKind::Map {
                    keys: Some(args), ..
                } => {
                    args.iter().for_each(|a| inside(a, out));
                }
                ExprKind::Cond {
                    cond,
                    then,
                    otherwise,
                } => {
                    [cond, then, otherwise]
                        .into_iter()
                        .for_each(|x| inside(x, out));
                }
                _ => {}
            }
        }
        let mut roots = Vec::new();
        for item in &script.items {
            if let Item::Clause(c) = item {
                roots.extend(&c.predicate);
                block(&c.body, &mut roots);
            }
        }
        let mut out = Vec::new();
        roots.into_iter().for_each(|e| inside(e, &mut out));
        out
    }

    #[test]
    fn a_span_holds_exactly_its_expression() {
        let text = include_str!("../../../tests/lang/parse/expressions.bt");
        let (script, diagnostics) = parse(text, &[]);
        assert_eq!(diagnostics, []);
        let all = expressions(&script);
        assert!(all.len() > 150, "the case has many expressions");
        for e in all {
            if matches!(e.kind, ExprKind::Regex(_)) {
                continue;
            }
            let piece = &text[e.span.start as usize..e.span.end as usize];
            let again = format!("BEGIN {{ return {piece}; }}");
            let (script, diagnostics) = parse(&again, &[]);
            assert_eq!(diagnostics, [], "{piece}");
            let first = expressions(&script)[0];
            assert_eq!(dump::expression(first), dump::expression(e), "{piece}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics_and_spans_stay_inside(text in ".{0,200}") {
            for d in parse(&text, &[]).1 {
                prop_assert!(text.get(d.span.start as usize..d.span.end as usize).is_some());
            }
        }

        #[test]
        fn no_mix_of_tokens_panics(picks in proptest::collection::vec(0usize..40, 0..60)) {
            const PIECES: &[&str] = &[
                "BEGIN", "{", "}", "(", ")", "[", "]", "/", ";", ",", "$x", "@", "@y", "=", "=~", "!~", "==",
                "if", "else", "for", ":", "..", "?", "1", "\"s\"", "\"", "'", "//", "/*", "*/", "#x\n", "struct",
                "config", "let", "macro", "fn", "k:f", "-", "++", "\n",
            ];
            let text: Vec<&str> = picks.iter().map(|&i| PIECES[i]).collect();
            for text in [text.join(" "), text.join("")] {
                for d in parse(&text, &[]).1 {
                    prop_assert!(text.get(d.span.start as usize..d.span.end as usize).is_some());
                }
            }
        }
    }
}
