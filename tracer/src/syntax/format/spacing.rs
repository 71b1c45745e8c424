//! What goes between two tokens.
//!
//! In: a token, the one before it, what stood between them. Out: [`Between`]. Never looks further than that.

use super::gap::Gap;
use super::{Between, Formatter};
use crate::syntax::parser::Role;
use crate::syntax::token::{Kind, SIGNS, Sign, Token};

/// Words that a space follows, also before a bracket.
const KEYWORDS: &[&str] = &[
    "if", "else", "while", "for", "unroll", "let", "return", "macro", "fn", "import", "struct",
    "union", "enum", "typedef",
];

impl Formatter<'_> {
    /// Between `previous` and the token of number `at`.
    pub(super) fn between(&self, previous: Token, at: usize, gap: &Gap<'_>) -> Between {
        let token = self.tokens[at];
        if self.begins_line(previous, token) {
            return Between::Line;
        }
        let tight = self.tight(previous, token);
        if gap.breaks && self.may_break(previous, token) {
            return Between::Continued;
        }
        match tight && !self.would_join(previous, token) {
            true => Between::Nothing,
            false => Between::Space,
        }
    }

    /// Whether a statement or an item begins.
    fn begins_line(&self, previous: Token, token: Token) -> bool {
        let top = self.open.is_empty();
        if previous.kind == Kind::Directive || token.kind == Kind::Directive {
            return true;
        }
        match previous.kind {
            Kind::Sign(Sign::LBrace) => self.inner_lines(),
            Kind::Sign(Sign::Semicolon) => {
                top && !token.kind.is(Sign::Semicolon) || self.inner_lines()
            }
            Kind::Sign(Sign::RBrace) if top || self.inner_lines() => !self.follows_brace(token),
            _ => false,
        }
    }

    /// Whether a token goes on behind `}`.
    fn follows_brace(&self, token: Token) -> bool {
        if self.role(token) == Some(Role::Tail) {
            return true;
        }
        match token.kind {
            Kind::Ident => matches!(self.slice(token), "else" | "__attribute__" | "__packed"),
            Kind::Sign(Sign::LBrace | Sign::RBrace | Sign::PlusPlus | Sign::MinusMinus) => false,
            Kind::Sign(_) => self.role(token) != Some(Role::Prefix),
            _ => false,
        }
    }

    /// Whether a line break of the writer stays.
    fn may_break(&self, previous: Token, token: Token) -> bool {
        let brace = token.kind.is(Sign::LBrace) || token.kind.is(Sign::RBrace);
        let word = token.kind == Kind::Ident && self.slice(token) == "else";
        // Behind a prefix or a cast there is nothing to break.
        let held = matches!(self.role(previous), Some(Role::Prefix | Role::CastEnd));
        // On one line means on one line.
        let one_line = self.open.iter().any(|o| o.sign == Sign::LBrace && !o.lines);
        !brace && !word && !held && !one_line && !token.kind.is(Sign::Semicolon)
    }

    /// Whether nothing stands between two tokens. Long because it is one flat list of rules.
    fn tight(&self, previous: Token, token: Token) -> bool {
        use Sign::{
            Arrow, Colon, Comma, Dot, DotDot, LBrace, LBracket, LParen, MinusMinus, Not, PlusPlus,
            RBrace, RBracket, RParen, Semicolon, Slash, Star, Tilde,
        };
        let before = self.role(previous);
        let role = self.role(token);
        if matches!(
            before,
            Some(Role::Prefix | Role::CastEnd | Role::PredicateStart)
        ) {
            return true;
        }
        if before == Some(Role::TypeStar) {
            // `*name`, `**`, `*)`.
            return true;
        }
        if role == Some(Role::TypeStar) {
            return previous.kind.is(LParen);
        }
        if role == Some(Role::TypeColon) || role == Some(Role::Postfix) {
            return true;
        }
        if token.kind == Kind::EndPredicate {
            return true;
        }
        match (previous.kind, token.kind) {
            (Kind::Sign(LBrace), Kind::Sign(RBrace)) => true,
            (_, Kind::Sign(Comma | Semicolon | RParen | RBracket | Dot | Arrow | DotDot)) => {
                !previous.kind.is(Comma)
            }
            (Kind::Sign(LParen | LBracket | Dot | Arrow | DotDot), _) => true,
            (Kind::Sign(Not | Tilde), _) => true,
            (_, Kind::Sign(LBracket)) => self.is_operand(previous),
            (_, Kind::Sign(LParen)) => {
                previous.kind == Kind::Ident && !KEYWORDS.contains(&self.slice(previous))
                    || previous.kind.is(RParen) && self.role(token) == Some(Role::Parameters)
            }
            (_, Kind::Sign(PlusPlus | MinusMinus)) => role == Some(Role::Postfix),
            (_, Kind::Sign(Colon | Slash | Star)) => false,
            _ => false,
        }
    }

    /// Whether an element can be picked from what ends with this token.
    fn is_operand(&self, token: Token) -> bool {
        match token.kind {
            Kind::Ident => !KEYWORDS.contains(&self.slice(token)),
            Kind::Var | Kind::Map | Kind::Positional | Kind::Str => true,
            Kind::Sign(Sign::RParen | Sign::RBracket) => true,
            _ => false,
        }
    }

    /// Whether two tokens without a space would be read as something else.
    fn would_join(&self, previous: Token, token: Token) -> bool {
        let is_word =
            |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_$@#".contains(c));
        let (before, text) = (self.slice(previous), self.slice(token));
        if is_word(before.chars().next_back()) && is_word(text.chars().next()) {
            return true;
        }
        // A bare `@` or `$` takes the word behind it.
        if before.ends_with(['@', '$']) && is_word(text.chars().next()) {
            return true;
        }
        if !matches!(previous.kind, Kind::Sign(_) | Kind::EndPredicate) {
            return previous.kind == Kind::Probe && !token.kind.is(Sign::Comma);
        }
        // `!~x` is read as two operators where no value stands before it.
        if previous.kind.is(Sign::Not) && token.kind.is(Sign::Tilde) {
            return false;
        }
        let joined: String = before.chars().chain(text.chars().take(2)).collect();
        let longer = |sign: &str| sign.len() > before.len() && joined.starts_with(sign);
        SIGNS.iter().any(|(sign, _)| longer(sign))
            || joined.starts_with("//")
            || joined.starts_with("/*")
            || before == "." && text.starts_with('.')
    }
}
