//! Tokens to tree, by recursive descent; operators by precedence climbing.
//!
//! In: the script and its positional parameters. Out: the tree and every diagnostic of E01xx. After an error
//! the rest of the statement is skipped (or of the clause, when its head is wrong) and reading goes on.
//! Never nests deeper than [`NESTING`] calls or builds a tree higher than [`HEIGHT`](crate::diag::depth::HEIGHT), whatever
//! the input: those who walk the tree may recurse. Never asks what a name means.

mod c;
mod expr;
mod item;
mod probe;
mod stmt;
mod type_name;

use super::ast::Script;
use super::lexer::Lexer;
use super::token::{Bad, Kind, Sign, Token};
use crate::diag::depth::{NESTING, with_stack};
use crate::diag::{Code, Diagnostic, Span, codes};
use std::collections::{BTreeMap, HashSet};

/// Clauses of a script, names of its variables, names of its maps: later stages look them up one by one.
const MAX_NAMES: usize = 4096;
/// Errors after which the rest of the script is not read.
const MAX_ERRORS: usize = 50;

/// What a script became.
pub struct Outcome {
    /// The tree of what could be read.
    pub script: Script,
    /// In the order of the script.
    pub diagnostics: Vec<Diagnostic>,
    /// Every token taken, in order.
    pub tokens: Vec<Token>,
    /// By first byte: what signs are there for, where the sign alone does not tell.
    pub roles: BTreeMap<u32, Role>,
}

/// What a token is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// An operator before its operand.
    Prefix,
    /// `++` or `--` behind its operand.
    Postfix,
    /// The `)` of a cast.
    CastEnd,
    /// The slash before a predicate.
    PredicateStart,
    /// A `*` of a type.
    TypeStar,
    /// The `:` before a variable's type.
    TypeColon,
    /// The `(` before the parameters of a pointer to a function.
    Parameters,
    /// A name or star behind the members of a C type.
    Tail,
}

/// A diagnostic has been recorded; the caller gives up what it was reading.
struct Reported;

type Parsed<T> = Result<T, Reported>;

/// Reads a whole script.
pub fn parse(text: &str, params: &[String]) -> Outcome {
    let mut parser = Parser {
        text,
        params,
        lexer: Lexer::new(text),
        token: Token {
            kind: Kind::Eof,
            span: Span::default(),
        },
        previous_end: 0,
        tokens: Vec::new(),
        roles: BTreeMap::new(),
        diagnostics: Vec::new(),
        nesting: 0,
        height: 0,
        highest: 0,
        end_reported: false,
    };
    parser.token = parser.fetch();
    let mut script = with_stack(|| parser.script());
    if let Some(error) = parser.too_large(&script) {
        parser.diagnostics.push(error);
        script = Script::default();
    }
    // A token is looked at before the grammar complains of the one before it.
    parser.diagnostics.sort_by_key(|d| d.span.start);
    Outcome {
        script,
        diagnostics: parser.diagnostics,
        tokens: parser.tokens,
        roles: parser.roles,
    }
}

/// The state: where it reads and what it has found.
struct Parser<'t> {
    text: &'t str,
    params: &'t [String],
    lexer: Lexer<'t>,
    /// The token not yet taken.
    token: Token,
    /// End of the token taken last.
    previous_end: u32,
    tokens: Vec<Token>,
    roles: BTreeMap<u32, Role>,
    diagnostics: Vec<Diagnostic>,
    nesting: u32,
    /// Height of the expression read last.
    height: u32,
    /// Height of the highest expression in the block that is being read.
    highest: u32,
    /// An error has already explained why the script ends too early.
    end_reported: bool,
}

impl<'t> Parser<'t> {
    /// Notes what the current token is there for.
    fn note(&mut self, role: Role) {
        self.roles.insert(self.token.span.start, role);
    }

    /// Takes the current token.
    fn advance(&mut self) -> Token {
        let taken = self.token;
        if taken.kind != Kind::Eof {
            self.tokens.push(taken);
        }
        self.previous_end = taken.span.end;
        self.token = self.fetch();
        taken
    }

    /// The next token that is one; what is not is reported and passed over, except what stands in the place
    /// of a value.
    fn fetch(&mut self) -> Token {
        loop {
            let token = self.lexer.next_token();
            let Kind::Bad(bad) = token.kind else {
                return token;
            };
            self.report_bad(bad, token.span);
            if matches!(bad, Bad::Str | Bad::Char | Bad::Dollar) {
                return token;
            }
        }
    }

    /// The kind of the token behind the current one.
    fn peek(&self) -> Kind {
        let mut ahead = self.lexer;
        ahead.next_token().kind
    }

    /// Reads the current token again as a probe.
    fn reread_as_probe(&mut self) {
        self.lexer.seek(self.token.span.start);
        self.token = self.lexer.next_probe();
        if let Kind::Bad(bad) = self.token.kind {
            self.report_bad(bad, self.token.span);
        }
    }

    /// Makes the first character of a two-character sign a token of its own (`=~` in `$x=~1`).
    fn split_sign(&mut self, first: Sign) {
        let start = self.token.span.start;
        self.lexer.seek(start + 1);
        self.token = Token {
            kind: Kind::Sign(first),
            span: Span {
                start,
                end: start + 1,
            },
        };
    }

    fn at(&self, sign: Sign) -> bool {
        self.token.kind.is(sign)
    }

    fn at_word(&self, word: &str) -> bool {
        self.token.kind == Kind::Ident && self.slice(self.token.span) == word
    }

    /// Takes the sign when it is there.
    fn eat(&mut self, sign: Sign) -> bool {
        let there = self.at(sign);
        if there {
            self.advance();
        }
        there
    }

    /// Takes the sign or reports that it is missing.
    fn expect(&mut self, sign: Sign) -> Parsed<Token> {
        if self.at(sign) {
            return Ok(self.advance());
        }
        if self.at(Sign::Assign) && sign == Sign::RParen {
            let error = self.error(codes::SINGLE_EQUALS, "`=` assigns, it does not compare");
            return self.fail(error.help("write `==` to compare"));
        }
        self.fail_expected(&format!("`{}`", sign.text()))
    }

    fn slice(&self, span: Span) -> &'t str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// From a byte to the end of what was taken.
    fn span_from(&self, start: u32) -> Span {
        Span {
            start,
            end: self.previous_end.max(start),
        }
    }

    /// The current token, as a message names it.
    fn found(&self) -> String {
        match self.token.kind {
            Kind::Eof => "the end of the script".to_owned(),
            _ => {
                let text = self.slice(self.token.span);
                let line = text.lines().next().unwrap_or_default();
                let mut shown: String = line.chars().take(30).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                format!("`{shown}`")
            }
        }
    }

    /// An error at the current token.
    fn error(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.token.span, message)
    }

    fn fail<T>(&mut self, diagnostic: Diagnostic) -> Parsed<T> {
        self.report(diagnostic);
        Err(Reported)
    }

    fn fail_expected<T>(&mut self, what: &str) -> Parsed<T> {
        // The reason was given where the string began.
        if matches!(self.token.kind, Kind::Bad(_)) {
            return Err(Reported);
        }
        if self.token.kind == Kind::Eof && self.end_reported {
            return Err(Reported);
        }
        let message = format!("expected {what}, found {}", self.found());
        let error = self.error(codes::UNEXPECTED, message);
        self.fail(error)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_ERRORS {
            self.diagnostics.push(diagnostic);
            return;
        }
        if self.diagnostics.len() == MAX_ERRORS {
            let message = "too many errors: the rest of the script was not read";
            let last = Diagnostic::error(codes::TOO_MANY_ERRORS, diagnostic.span, message);
            self.diagnostics.push(last);
        }
        self.end_reported = true;
        self.lexer.seek(self.text.len() as u32);
    }

    fn report_bad(&mut self, bad: Bad, span: Span) {
        let text = self.slice(span);
        let error = match bad {
            Bad::Character => bad_character(text, span),
            Bad::Str => {
                let message = "this string has no closing quote on its line";
                Diagnostic::error(codes::UNTERMINATED_STRING, span, message)
                    .help("end it with `\"`; a line break inside of it is written `\\n`")
            }
            Bad::Comment => {
                let message = "this comment has no end";
                Diagnostic::error(codes::UNTERMINATED_COMMENT, span, message)
                    .help("end it with `*/`")
            }
            Bad::Char => {
                let message = "this character has no closing quote on its line";
                Diagnostic::error(codes::BAD_CHAR_LITERAL, span, message)
                    .help("text stands between double quotes")
            }
            Bad::Dollar => {
                let message = "expected a name, a number or `#` behind `$`";
                Diagnostic::error(codes::BAD_CHARACTER, span, message)
            }
        };
        // A brace that a string or comment swallowed is not missing.
        self.end_reported |= matches!(bad, Bad::Str | Bad::Char | Bad::Comment);
        self.report(error);
    }

    /// What a script has too many of.
    fn too_large(&self, script: &Script) -> Option<Diagnostic> {
        let names = |kind: Kind| {
            let tokens = self.tokens.iter().filter(|t| t.kind == kind);
            let names: HashSet<&str> = tokens.map(|t| self.slice(t.span)).collect();
            names.len()
        };
        let counts = [
            ("clauses", script.items.len()),
            ("variables", names(Kind::Var)),
            ("maps", names(Kind::Map)),
        ];
        let (what, count) = counts.into_iter().find(|(_, n)| *n > MAX_NAMES)?;
        let message = format!("the script has {count} {what}, at most {MAX_NAMES} fit");
        Some(Diagnostic::error(
            codes::SCRIPT_TOO_LARGE,
            Span::default(),
            message,
        ))
    }

    /// Runs `read` one level deeper, or reports that this is too deep.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting == NESTING {
            return self.fail_too_deep(self.token.span);
        }
        self.nesting += 1;
        let result = read(self);
        self.nesting -= 1;
        result
    }

    fn fail_too_deep<T>(&mut self, span: Span) -> Parsed<T> {
        let message = "this is nested too deep";
        let error = Diagnostic::error(codes::NESTED_TOO_DEEP, span, message);
        self.fail(error.help("use variables for parts of it"))
    }
}

fn bad_character(text: &str, span: Span) -> Diagnostic {
    let shown = text.escape_debug();
    let error = Diagnostic::error(
        codes::BAD_CHARACTER,
        span,
        format!("`{shown}` has no meaning here"),
    );
    match text {
        "\u{201c}" | "\u{201d}" | "\u{201e}" => error.help("use the plain quote `\"`"),
        "\u{2018}" | "\u{2019}" => error.help("use the plain quote `'`"),
        "\u{2013}" | "\u{2014}" | "\u{2212}" => error.help("use the plain minus `-`"),
        "\u{a0}" => error.help("this is a non-breaking space: use a plain one"),
        _ => error,
    }
}
