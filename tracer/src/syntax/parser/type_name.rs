//! C types as written in casts, `sizeof`, `offsetof` and `let`.
//!
//! In: the parser at a type. Out: [`TypeName`]. Never looks a type up.

use super::{Kind, Parsed, Parser, Role, Sign};
use crate::diag::codes;
use crate::syntax::ast::{Tag, TypeName};
use crate::syntax::lexer::Lexer;
use crate::syntax::literal;

/// Words that are types by themselves and can stand together (`unsigned long int`).
const C_WORDS: &[&str] = &[
    "void", "char", "short", "int", "long", "signed", "unsigned", "float", "double", "_Bool",
];

/// Types of the language.
const BUILT_IN: &[&str] = &[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8_t",
    "int16_t",
    "int32_t",
    "int64_t",
    "uint8_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "size_t",
    "ssize_t",
    "uintptr_t",
    "intptr_t",
    "string",
    "buffer",
];

/// Pointers to pointers.
const MAX_POINTERS: u32 = 64;

impl Parser<'_> {
    /// `struct task_struct *`, `unsigned long`, `char[16]`.
    pub(super) fn type_name(&mut self) -> Parsed<TypeName> {
        let start = self.token.span.start;
        let tag = self.tag();
        if self.token.kind != Kind::Ident {
            let message = format!("expected a type, found {}", self.found());
            let error = self.error(codes::BAD_TYPE, message);
            return self.fail(error.help("e.g. uint64, struct task_struct *"));
        }
        let mut name = self.ident().text;
        while tag.is_none() && self.token.kind == Kind::Ident && is_c_word(&name) {
            let word = self.slice(self.token.span);
            if !is_c_word(word) {
                break;
            }
            self.advance();
            name = format!("{name} {word}");
        }
        let mut pointers = 0;
        while self.at(Sign::Star) {
            self.note(Role::TypeStar);
            self.advance();
            pointers += 1;
            if pointers > MAX_POINTERS {
                return self.fail_too_deep(self.span_from(start));
            }
        }
        let mut dims = Vec::new();
        while self.eat(Sign::LBracket) {
            dims.push(self.dimension()?);
        }
        Ok(TypeName {
            tag,
            name,
            pointers,
            dims,
            span: self.span_from(start),
        })
    }

    fn tag(&mut self) -> Option<Tag> {
        while self.at_word("const") || self.at_word("volatile") {
            self.advance();
        }
        let tag = match self.token.kind {
            Kind::Ident => tag_of(self.slice(self.token.span))?,
            _ => return None,
        };
        self.advance();
        Some(tag)
    }

    /// The number in `[n]`, behind the bracket; 0 when there is none.
    fn dimension(&mut self) -> Parsed<u32> {
        if self.eat(Sign::RBracket) {
            return Ok(0);
        }
        let length = match self.token.kind {
            Kind::Int => literal::number(self.slice(self.token.span)).ok(),
            _ => None,
        };
        let Some(length) = length.and_then(|n| u32::try_from(n).ok()) else {
            let message = format!("expected an array's length, found {}", self.found());
            let error = self.error(codes::BAD_TYPE, message);
            return self.fail(error);
        };
        self.advance();
        self.expect(Sign::RBracket)?;
        Ok(length)
    }

    /// Whether the current `(` begins a cast. `(word)` does when `word` is a known type, or when what follows
    /// could not go on behind a value.
    pub(super) fn at_cast(&self) -> bool {
        self.at(Sign::LParen)
            && match self.type_ahead() {
                TypeAhead::Surely => true,
                TypeAhead::Perhaps(next) => matches!(
                    next,
                    Kind::Ident
                        | Kind::Var
                        | Kind::Map
                        | Kind::Positional
                        | Kind::Int
                        | Kind::Str
                        | Kind::Sign(Sign::LParen)
                ),
                TypeAhead::No => false,
            }
    }

    /// Whether a type, and surely not a value, stands behind the current `(`.
    pub(super) fn at_surely_type(&self) -> bool {
        matches!(self.type_ahead(), TypeAhead::Surely)
    }

    /// Looks behind the current `(`.
    fn type_ahead(&self) -> TypeAhead {
        let mut ahead: Lexer<'_> = self.lexer;
        let first = ahead.next_token();
        if first.kind != Kind::Ident {
            return TypeAhead::No;
        }
        let word = self.slice(first.span);
        if tag_of(word).is_some() || word == "const" || is_c_word(word) {
            return TypeAhead::Surely;
        }
        let mut pointers = 0;
        let mut next = ahead.next_token().kind;
        while next.is(Sign::Star) {
            pointers += 1;
            next = ahead.next_token().kind;
        }
        let closes = next.is(Sign::RParen);
        let built_in = BUILT_IN.contains(&word);
        if closes && (pointers > 0 || built_in) || built_in && next.is(Sign::LBracket) {
            TypeAhead::Surely
        } else if closes {
            TypeAhead::Perhaps(ahead.next_token().kind)
        } else {
            TypeAhead::No
        }
    }
}

/// What stands behind a `(`.
enum TypeAhead {
    /// A type.
    Surely,
    /// `word)`, and what follows.
    Perhaps(Kind),
    /// Something else.
    No,
}

pub(super) fn tag_of(word: &str) -> Option<Tag> {
    match word {
        "struct" => Some(Tag::Struct),
        "union" => Some(Tag::Union),
        "enum" => Some(Tag::Enum),
        _ => None,
    }
}

/// Whether every word so far is one of C's.
pub(super) fn is_c_word(name: &str) -> bool {
    name.split(' ').all(|word| C_WORDS.contains(&word))
}
