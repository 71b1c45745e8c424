//! C in front of a script: preprocessor lines, structs, unions, enums, typedefs.
//!
//! In: the parser at a `#` line or at `struct`, `union`, `enum`, `typedef`. Out: the item. Never lays a type out, never
//! decides a condition, never opens a header.

use super::type_name::is_c_word;
use super::{Kind, Parsed, Parser, Role, Sign};
use crate::diag::{Diagnostic, Span, codes};
use crate::syntax::ast::c::{Attributes, Base, Declaration, Declarator, Enum, Record};
use crate::syntax::ast::{Define, Expr, Ident, Item, Tag, TypeName};
use crate::syntax::lexer::Lexer;

/// Words that may stand before a type or behind a `*` and change no layout.
const QUALIFIERS: &[&str] = &[
    "const",
    "volatile",
    "restrict",
    "__restrict",
    "__user",
    "__kernel",
    "__rcu",
    "__iomem",
    "__percpu",
    "__extension__",
];

impl<'t> Parser<'t> {
    /// A line that begins with `#`.
    pub(super) fn directive(&mut self) -> Parsed<Item> {
        let span = self.advance().span;
        let text = self.slice(span).trim_end();
        let word_at = skip(text, 1, char::is_whitespace);
        let word_end = skip(text, word_at, |c| c.is_ascii_alphanumeric() || c == '_');
        let rest_at = skip(text, word_end, char::is_whitespace);
        let ident = |from: usize, to: usize| Ident {
            text: text[from..to].to_owned(),
            span: Span::new(span.start as usize + from, span.start as usize + to),
        };
        let word = ident(word_at, word_end);
        let at = |offset: usize| span.start + offset as u32;
        let end = at(text.len());
        if word.text == "define" {
            let name_end = skip(text, rest_at, is_word);
            let name = ident(rest_at, name_end);
            return self.define(name, Span { start: at(0), end });
        }
        let condition = match word.text.as_str() {
            "if" | "elif" => self.expression_within(at(rest_at), end),
            _ => None,
        };
        Ok(Item::Directive {
            word,
            rest: text[rest_at..].to_owned(),
            condition,
            span,
        })
    }

    /// `name` of a `#define` line, and what follows on it.
    fn define(&mut self, name: Ident, span: Span) -> Parsed<Item> {
        if name.text.is_empty() {
            let message = "this `#define` has no name";
            let error = Diagnostic::error(codes::BAD_DIRECTIVE, span, message);
            return self.fail(error.help("e.g. #define LIMIT 100"));
        }
        let rest = self.slice(Span {
            start: name.span.end,
            end: span.end,
        });
        let mut value_at = name.span.end;
        let mut params = None;
        if let Some(inside) = rest.strip_prefix('(') {
            let Some(close) = inside.find(')') else {
                let message = "the parameters of this `#define` have no closing bracket";
                return self.fail(Diagnostic::error(codes::BAD_DIRECTIVE, span, message));
            };
            let mut at = value_at as usize + 1;
            let mut names = Vec::new();
            for piece in inside[..close].split(',') {
                let start = at + (piece.len() - piece.trim_start().len());
                let text = piece.trim().to_owned();
                let span = Span::new(start, start + text.len());
                names.extend((!text.is_empty()).then_some(Ident { text, span }));
                at += piece.len() + 1;
            }
            params = Some(names);
            value_at += close as u32 + 2;
        }
        let value = self.expression_within(value_at, span.end);
        Ok(Item::Define(Define {
            name,
            params,
            value,
            span,
        }))
    }

    /// The expression that these bytes are, all of them; `None`, without a word, when they are none.
    fn expression_within(&mut self, start: u32, end: u32) -> Option<Expr> {
        let said = self.diagnostics.len();
        let taken = self.tokens.len();
        let kept = (self.lexer, self.token, self.previous_end, self.end_reported);
        self.lexer = Lexer::within(&self.text[..end as usize], start);
        self.token = self.fetch();
        let read = self.expr().ok();
        let whole = read.filter(|_| self.token.kind == Kind::Eof && self.diagnostics.len() == said);
        (self.lexer, self.token, self.previous_end, self.end_reported) = kept;
        self.diagnostics.truncate(said);
        self.tokens.truncate(taken);
        whole
    }

    /// `struct x { … };` and the like, at the top of a script.
    pub(super) fn c_declaration(&mut self) -> Parsed<Item> {
        let start = self.token.span.start;
        let typedef = self.at_word("typedef");
        if typedef {
            self.advance();
        }
        let base = self.base()?;
        let complete = !typedef && !matches!(base, Base::Named(_));
        // The `;` behind the brace may be missing: what follows then is a probe, no name.
        let ends = complete && !self.at(Sign::Semicolon) && !self.declarator_follows();
        if !ends && !self.at(Sign::Semicolon) {
            self.note(Role::Tail);
        }
        let names = match ends {
            true => Vec::new(),
            false => self.declarators()?,
        };
        Ok(Item::Declaration(Declaration {
            typedef,
            base,
            names,
            span: self.span_from(start),
        }))
    }

    /// Whether `name;`, `*name`, `name[` and the like stand here, rather than a probe.
    fn declarator_follows(&self) -> bool {
        self.at(Sign::Star)
            || self.token.kind == Kind::Ident
                && matches!(
                    self.peek(),
                    Kind::Sign(Sign::Semicolon | Sign::LBracket | Sign::Comma)
                )
    }

    /// The part before the names.
    fn base(&mut self) -> Parsed<Base> {
        let before = self.attributes()?;
        self.qualifiers();
        let start = self.token.span.start;
        let tag = match self.token.kind {
            Kind::Ident => super::type_name::tag_of(self.slice(self.token.span)),
            _ => None,
        };
        let Some(tag) = tag else {
            return self.named(start).map(Base::Named);
        };
        self.advance();
        let attributes = merge(before, self.attributes()?);
        let name = (self.token.kind == Kind::Ident).then(|| self.ident());
        if !self.at(Sign::LBrace) {
            let Some(name) = name else {
                return self.fail_expected("a type's name or `{`");
            };
            self.qualifiers();
            return Ok(Base::Named(TypeName {
                tag: Some(tag),
                name: name.text,
                pointers: 0,
                dims: Vec::new(),
                span: self.span_from(start),
            }));
        }
        match tag {
            Tag::Enum => self.enumerators(name, start).map(Base::Enum),
            _ => {
                let members = self.nested(Self::members)?;
                let span = self.span_from(start);
                Ok(Base::Record(Record {
                    union: tag == Tag::Union,
                    name,
                    members,
                    attributes: merge(attributes, self.attributes()?),
                    span,
                }))
            }
        }
    }

    /// `unsigned long`, `u64`, without stars.
    fn named(&mut self, start: u32) -> Parsed<TypeName> {
        if self.token.kind != Kind::Ident {
            return self.fail_expected("a type");
        }
        let mut name = self.ident().text;
        while self.token.kind == Kind::Ident && is_c_word(&name) {
            let word = self.slice(self.token.span);
            if QUALIFIERS.contains(&word) {
                self.advance();
            } else if is_c_word(word) {
                self.advance();
                name = format!("{name} {word}");
            } else {
                break;
            }
        }
        let span = self.span_from(start);
        self.qualifiers();
        Ok(TypeName {
            tag: None,
            name,
            pointers: 0,
            dims: Vec::new(),
            span,
        })
    }

    fn qualifiers(&mut self) {
        while self.token.kind == Kind::Ident && QUALIFIERS.contains(&self.slice(self.token.span)) {
            self.advance();
        }
    }

    /// `{ member; … }`.
    fn members(&mut self) -> Parsed<Vec<Declaration>> {
        self.expect(Sign::LBrace)?;
        let mut members = Vec::new();
        while !self.eat(Sign::RBrace) {
            if self.eat(Sign::Semicolon) {
                continue;
            }
            let start = self.token.span.start;
            let base = self.base()?;
            if matches!(base, Base::Record(_) | Base::Enum(_)) && !self.at(Sign::Semicolon) {
                self.note(Role::Tail);
            }
            let names = self.declarators()?;
            members.push(Declaration {
                typedef: false,
                base,
                names,
                span: self.span_from(start),
            });
        }
        Ok(members)
    }

    /// `{ A, B = 3 }`.
    fn enumerators(&mut self, name: Option<Ident>, start: u32) -> Parsed<Enum> {
        self.expect(Sign::LBrace)?;
        let mut values = Vec::new();
        while !self.at(Sign::RBrace) {
            let name = self.expect_ident("an enumerator's name")?;
            let value = match self.eat(Sign::Assign) {
                true => Some(self.expr()?),
                false => None,
            };
            values.push((name, value));
            if !self.eat(Sign::Comma) {
                break;
            }
        }
        if !self.eat(Sign::RBrace) {
            return self.fail_expected("`,` or `}`");
        }
        let span = self.span_from(start);
        self.attributes()?;
        Ok(Enum { name, values, span })
    }

    /// Names up to the semicolon, which is taken.
    fn declarators(&mut self) -> Parsed<Vec<Declarator>> {
        let mut names = Vec::new();
        while !self.at(Sign::Semicolon) {
            names.push(self.declarator()?);
            if !self.eat(Sign::Comma) {
                break;
            }
        }
        if !self.eat(Sign::Semicolon) {
            return self.fail_expected("`;` at the end of the declaration");
        }
        Ok(names)
    }

    fn declarator(&mut self) -> Parsed<Declarator> {
        let mut pointers = 0;
        while self.at(Sign::Star) {
            self.note(Role::TypeStar);
            self.advance();
            pointers += 1;
            self.qualifiers();
        }
        let function = self.at(Sign::LParen);
        let mut dims = Vec::new();
        let name = match function {
            true => self.function_pointer(&mut dims)?,
            false => self.declared_name(),
        };
        self.dims(&mut dims)?;
        let bits = match self.eat(Sign::Colon) {
            true => Some(self.expr()?),
            false => None,
        };
        if name.is_none() && bits.is_none() {
            return self.fail_expected("a name");
        }
        Ok(Declarator {
            name,
            pointers,
            function,
            dims,
            bits,
            attributes: self.attributes()?,
        })
    }

    fn declared_name(&mut self) -> Option<Ident> {
        (self.token.kind == Kind::Ident).then(|| self.ident())
    }

    fn dims(&mut self, dims: &mut Vec<Option<Expr>>) -> Parsed<()> {
        while self.eat(Sign::LBracket) {
            if self.eat(Sign::RBracket) {
                dims.push(None);
                continue;
            }
            dims.push(Some(self.expr()?));
            self.expect(Sign::RBracket)?;
        }
        Ok(())
    }

    /// `(*name[n])(parameters)`, at the bracket; array lengths go to `dims`.
    fn function_pointer(&mut self, dims: &mut Vec<Option<Expr>>) -> Parsed<Option<Ident>> {
        self.advance();
        self.note(Role::TypeStar);
        if !self.eat(Sign::Star) {
            return self.fail_expected("`*`: members are data or pointers to functions");
        }
        while self.at(Sign::Star) {
            self.note(Role::TypeStar);
            self.advance();
        }
        self.qualifiers();
        let name = self.declared_name();
        self.dims(dims)?;
        self.expect(Sign::RParen)?;
        if !self.at(Sign::LParen) {
            return self.fail_expected("`(` and the function's parameters");
        }
        self.note(Role::Parameters);
        self.skip_brackets()?;
        Ok(name)
    }

    /// Goes behind the partner of the current `(`.
    fn skip_brackets(&mut self) -> Parsed<()> {
        let mut depth = 0u32;
        loop {
            match self.token.kind {
                Kind::Eof => return self.fail_expected("`)`"),
                Kind::Sign(Sign::LParen) => depth += 1,
                Kind::Sign(Sign::RParen) => depth -= 1,
                _ => {}
            }
            self.advance();
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// `__attribute__((packed, aligned(8)))`, any number of them; others than these two change nothing.
    fn attributes(&mut self) -> Parsed<Attributes> {
        let mut found = Attributes::default();
        loop {
            if self.at_word("__packed") {
                self.advance();
                found.packed = true;
                continue;
            }
            if !self.at_word("__attribute__") && !self.at_word("__attribute") {
                return Ok(found);
            }
            self.advance();
            self.expect(Sign::LParen)?;
            self.expect(Sign::LParen)?;
            while !self.at(Sign::RParen) {
                self.attribute(&mut found)?;
                self.eat(Sign::Comma);
            }
            self.expect(Sign::RParen)?;
            self.expect(Sign::RParen)?;
        }
    }

    fn attribute(&mut self, found: &mut Attributes) -> Parsed<()> {
        let name = self.expect_ident("an attribute's name")?.text;
        match name.trim_matches('_') {
            "packed" => found.packed = true,
            "aligned" if self.eat(Sign::LParen) => {
                found.aligned = Some(self.expr()?);
                self.expect(Sign::RParen)?;
            }
            _ if self.at(Sign::LParen) => self.skip_brackets()?,
            _ => {}
        }
        Ok(())
    }
}

fn merge(a: Attributes, b: Attributes) -> Attributes {
    Attributes {
        packed: a.packed || b.packed,
        aligned: a.aligned.or(b.aligned),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The first byte from `at` on whose character is not `of` the kind.
fn skip(text: &str, at: usize, of: impl Fn(char) -> bool) -> usize {
    let rest = &text[at..];
    at + rest.find(|c| !of(c)).unwrap_or(rest.len())
}
