//! Expressions, by precedence climbing.
//!
//! In: the parser at an expression. Out: the expression; `Parser::height` tells how high its tree is. Never
//! folds or rewrites, except positional parameters.

use super::stmt::is_assignable;
use super::{Kind, Parsed, Parser, Role, Sign};
use crate::diag::depth::HEIGHT;
use crate::diag::{Diagnostic, Span, codes};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Ident, TypeName, UnaryOp};
use crate::syntax::literal;

/// Words that begin a statement and are never a value.
const KEYWORDS: &[&str] = &[
    "if", "else", "while", "for", "unroll", "let", "return", "break", "continue", "struct",
    "union", "enum",
];

impl Parser<'_> {
    /// A whole expression.
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.nested(|p| {
            let first = p.unary()?;
            p.after_unary(first)
        })
    }

    /// What may follow a first operand: infix operators, then `?:`.
    pub(super) fn after_unary(&mut self, first: Expr) -> Parsed<Expr> {
        let cond = self.infix(first, 0)?;
        if !self.eat(Sign::Question) {
            return Ok(cond);
        }
        let mut height = self.height;
        let then = self.expr()?;
        height = height.max(self.height);
        self.expect(Sign::Colon)?;
        let otherwise = self.expr()?;
        height = height.max(self.height);
        let span = cond.span.to(otherwise.span);
        let kind = ExprKind::Cond {
            cond: Box::new(cond),
            then: Box::new(then),
            otherwise: Box::new(otherwise),
        };
        self.node(kind, span, height)
    }

    /// Infix operators that bind at least as strongly as `least`, with `left` already read.
    fn infix(&mut self, mut left: Expr, least: u8) -> Parsed<Expr> {
        while let Some((op, strength)) = self.infix_operator() {
            if strength < least {
                break;
            }
            let mut height = self.height;
            let right = match op {
                BinaryOp::Match | BinaryOp::NoMatch => self.pattern(strength)?,
                _ => {
                    self.advance();
                    self.operand(strength)?
                }
            };
            height = height.max(self.height);
            let span = left.span.to(right.span);
            let kind = ExprKind::Binary {
                op,
                left: Box::new(left),
                right: Box::new(right),
            };
            left = self.node(kind, span, height)?;
        }
        Ok(left)
    }

    /// The right side of an operator: everything that binds more strongly.
    fn operand(&mut self, strength: u8) -> Parsed<Expr> {
        let first = self.unary()?;
        self.infix(first, strength + 1)
    }

    /// The right side of `=~`: `/regex/` or any value. The current token is still the operator.
    fn pattern(&mut self, strength: u8) -> Parsed<Expr> {
        let Some(regex) = self.lexer.next_regex() else {
            self.advance();
            if self.at(Sign::Slash) || self.token.kind == Kind::EndPredicate {
                let message = "this regular expression has no closing slash on its line";
                let error = self.error(codes::BAD_REGEX, message);
                return self.fail(error);
            }
            return self.operand(strength);
        };
        // The lexer now stands behind the regular expression: take the operator, then the expression.
        self.tokens.push(self.token);
        self.token = regex;
        self.advance();
        let text = self.slice(regex.span);
        let pattern = text[1..text.len() - 1].replace("\\/", "/");
        self.node(ExprKind::Regex(pattern), regex.span, 0)
    }

    fn infix_operator(&self) -> Option<(BinaryOp, u8)> {
        let Kind::Sign(sign) = self.token.kind else {
            return None;
        };
        Some(match sign {
            Sign::OrOr => (BinaryOp::Or, 1),
            Sign::AndAnd => (BinaryOp::And, 2),
            Sign::Or => (BinaryOp::BitOr, 3),
            Sign::Xor => (BinaryOp::BitXor, 4),
            Sign::And => (BinaryOp::BitAnd, 5),
            Sign::EqEq => (BinaryOp::Eq, 6),
            Sign::NotEq => (BinaryOp::Ne, 6),
            Sign::Match => (BinaryOp::Match, 6),
            Sign::NoMatch => (BinaryOp::NoMatch, 6),
            Sign::Lt => (BinaryOp::Lt, 7),
            Sign::Le => (BinaryOp::Le, 7),
            Sign::Gt => (BinaryOp::Gt, 7),
            Sign::Ge => (BinaryOp::Ge, 7),
            Sign::Shl => (BinaryOp::Shl, 8),
            Sign::Shr => (BinaryOp::Shr, 8),
            Sign::Plus => (BinaryOp::Add, 9),
            Sign::Minus => (BinaryOp::Sub, 9),
            Sign::Star => (BinaryOp::Mul, 10),
            Sign::Slash => (BinaryOp::Div, 10),
            Sign::Percent => (BinaryOp::Mod, 10),
            _ => return None,
        })
    }

    /// Prefix operators and casts.
    pub(super) fn unary(&mut self) -> Parsed<Expr> {
        if self.at(Sign::NoMatch) {
            // `!~x`: no value stands before it.
            self.split_sign(Sign::Not);
        }
        let op = match self.token.kind {
            Kind::Sign(Sign::Minus) => UnaryOp::Neg,
            Kind::Sign(Sign::Not) => UnaryOp::Not,
            Kind::Sign(Sign::Tilde) => UnaryOp::BitNot,
            Kind::Sign(Sign::Star) => UnaryOp::Deref,
            Kind::Sign(Sign::And) => UnaryOp::AddressOf,
            Kind::Sign(Sign::PlusPlus) => return self.prefix_step(1),
            Kind::Sign(Sign::MinusMinus) => return self.prefix_step(-1),
            _ if self.at_cast() => return self.cast(),
            _ => return self.postfix(),
        };
        self.note(Role::Prefix);
        let start = self.advance().span.start;
        let operand = Box::new(self.nested(Self::unary)?);
        let kind = ExprKind::Unary { op, operand };
        self.node(kind, self.span_from(start), self.height)
    }

    fn prefix_step(&mut self, delta: i8) -> Parsed<Expr> {
        self.note(Role::Prefix);
        let start = self.advance().span.start;
        let target = self.nested(Self::unary)?;
        if !is_assignable(&target) {
            return self.fail_not_assignable(&target);
        }
        let kind = ExprKind::Step {
            delta,
            prefix: true,
            target: Box::new(target),
        };
        self.node(kind, self.span_from(start), self.height)
    }

    fn cast(&mut self) -> Parsed<Expr> {
        let start = self.advance().span.start;
        let ty = self.type_name()?;
        self.note(Role::CastEnd);
        self.expect(Sign::RParen)?;
        let operand = Box::new(self.nested(Self::unary)?);
        let kind = ExprKind::Cast { ty, operand };
        self.node(kind, self.span_from(start), self.height)
    }

    /// A value and what is written behind it: `.x`, `->x`, `[i]`, `++`, `--`.
    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let mut base = self.primary()?;
        while let Kind::Sign(sign) = self.token.kind {
            let height = self.height;
            let start = base.span.start;
            let (kind, inner) = match sign {
                Sign::Dot | Sign::Arrow => (self.member(base)?, 0),
                Sign::LBracket => {
                    self.advance();
                    let index = Box::new(self.expr()?);
                    let inner = self.height;
                    self.expect(Sign::RBracket)?;
                    let base = Box::new(base);
                    (ExprKind::Index { base, index }, inner)
                }
                Sign::PlusPlus | Sign::MinusMinus if is_assignable(&base) => {
                    self.note(Role::Postfix);
                    self.advance();
                    let kind = ExprKind::Step {
                        delta: if sign == Sign::PlusPlus { 1 } else { -1 },
                        prefix: false,
                        target: Box::new(base),
                    };
                    (kind, 0)
                }
                Sign::PlusPlus | Sign::MinusMinus => return self.fail_not_assignable(&base),
                _ => break,
            };
            base = self.node(kind, self.span_from(start), height.max(inner))?;
        }
        Ok(base)
    }

    fn member(&mut self, base: Expr) -> Parsed<ExprKind> {
        let arrow = self.advance().kind.is(Sign::Arrow);
        if !matches!(self.token.kind, Kind::Ident | Kind::Int) {
            return self.fail_expected("a member's name");
        }
        Ok(ExprKind::Member {
            base: Box::new(base),
            name: self.ident(),
            arrow,
        })
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let span = self.token.span;
        let text = self.slice(span);
        let kind = match self.token.kind {
            Kind::Int => ExprKind::Int(self.literal(literal::number)?),
            Kind::Char => ExprKind::Int(self.literal(literal::character)?),
            Kind::Str => ExprKind::Str(self.literal(literal::string)?),
            Kind::Var => ExprKind::Var(self.sigil_ident().text),
            Kind::Map => return self.map(),
            Kind::Positional | Kind::ParamCount => {
                self.advance();
                self.positional(text, span)
            }
            Kind::Sign(Sign::LParen) => return self.parenthesised(),
            Kind::Sign(Sign::LBrace) => return self.block_expression(),
            Kind::Ident if !KEYWORDS.contains(&text) => return self.word(),
            Kind::Bad(_) => return Err(super::Reported),
            _ => return self.fail_no_expression(),
        };
        self.node(kind, span, 0)
    }

    /// `{ …; value }`, as high as its highest part.
    fn block_expression(&mut self) -> Parsed<Expr> {
        let start = self.token.span.start;
        let around = std::mem::take(&mut self.highest);
        let block = self.nested(Self::value_block)?;
        let inside = std::mem::replace(&mut self.highest, around);
        self.node(ExprKind::Block(block), self.span_from(start), inside)
    }

    fn fail_no_expression(&mut self) -> Parsed<Expr> {
        if self.token.kind == Kind::Eof && self.end_reported {
            return Err(super::Reported);
        }
        let message = format!("expected a value, found {}", self.found());
        let error = self.error(codes::EXPECTED_EXPRESSION, message);
        self.end_reported |= self.token.kind == Kind::Eof;
        self.fail(error)
    }

    /// Takes the current token and reads its value.
    fn literal<T>(&mut self, read: impl Fn(&str) -> Result<T, literal::Fault>) -> Parsed<T> {
        let span = self.advance().span;
        read(self.slice(span)).or_else(|fault| {
            let start = span.start as usize + fault.start;
            let place = Span::new(start, start + fault.len);
            self.fail(Diagnostic::error(fault.code, place, fault.message))
        })
    }

    /// `@x` or `@x[k1, k2]`.
    fn map(&mut self) -> Parsed<Expr> {
        let start = self.token.span.start;
        let name = self.sigil_ident().text;
        self.height = 0;
        let keys = match self.eat(Sign::LBracket) {
            true => Some(self.list(Sign::RBracket)?),
            false => None,
        };
        let kind = ExprKind::Map { name, keys };
        self.node(kind, self.span_from(start), self.height)
    }

    /// Values separated by commas, behind the opening bracket; takes the closing one. The height is that of
    /// the highest.
    pub(super) fn list(&mut self, close: Sign) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        let mut height = 0;
        while !(self.at(close) && close == Sign::RParen) {
            items.push(self.expr()?);
            height = height.max(self.height);
            if !self.eat(Sign::Comma) {
                break;
            }
        }
        self.expect_close(close)?;
        self.height = height;
        Ok(items)
    }

    fn expect_close(&mut self, close: Sign) -> Parsed<()> {
        if self.at(close) || self.at(Sign::Assign) {
            return self.expect(close).map(|_| ());
        }
        self.fail_expected(&format!("`,` or `{}`", close.text()))
    }

    /// `(x)`, a tuple or a record.
    pub(super) fn parenthesised(&mut self) -> Parsed<Expr> {
        let start = self.advance().span.start;
        if self.token.kind == Kind::Ident && self.peek().is(Sign::Assign) {
            return self.record(start);
        }
        let first = self.expr()?;
        let mut height = self.height;
        if !self.at(Sign::Comma) {
            self.expect_close(Sign::RParen)?;
            let span = self.span_from(start);
            return Ok(Expr { span, ..first });
        }
        self.advance();
        let mut parts = vec![first];
        parts.extend(self.list(Sign::RParen)?);
        height = height.max(self.height);
        self.node(ExprKind::Tuple(parts), self.span_from(start), height)
    }

    /// `(a = 1, b = "x")`, behind the bracket.
    fn record(&mut self, start: u32) -> Parsed<Expr> {
        let mut fields: Vec<(Ident, Expr)> = Vec::new();
        let mut height = 0;
        while !self.at(Sign::RParen) {
            let name = self.expect_ident("a field's name")?;
            self.expect(Sign::Assign)?;
            fields.push((name, self.expr()?));
            height = height.max(self.height);
            if !self.eat(Sign::Comma) {
                break;
            }
        }
        self.expect_close(Sign::RParen)?;
        self.node(ExprKind::Record(fields), self.span_from(start), height)
    }

    /// A word: a constant, an operator written as a word, a call or a name.
    fn word(&mut self) -> Parsed<Expr> {
        let name = self.ident();
        let start = name.span.start;
        self.height = 0;
        let called = self.at(Sign::LParen);
        let kind = match name.text.as_str() {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "sizeof" if called => self.sizeof()?,
            "offsetof" if called => {
                self.advance();
                let (ty, path) = self.member_path()?;
                ExprKind::Offsetof { ty, path }
            }
            "container_of" if called => self.container_of()?,
            _ if called => {
                self.advance();
                let args = self.arguments(&name)?;
                ExprKind::Call { name, args }
            }
            _ => ExprKind::Name(name.text),
        };
        self.node(kind, self.span_from(start), self.height)
    }

    /// Arguments, behind the bracket. In `str($1)` the parameter is text, also when it looks like a number.
    fn arguments(&mut self, name: &Ident) -> Parsed<Vec<Expr>> {
        let span = self.token.span;
        let parameter = matches!(self.token.kind, Kind::Positional | Kind::ParamCount);
        let alone = matches!(self.peek(), Kind::Sign(Sign::Comma | Sign::RParen));
        if name.text != "str" || !parameter || !alone {
            return self.list(Sign::RParen);
        }
        self.advance();
        let text = self.parameter_text(self.slice(span)).unwrap_or_default();
        let first = self.node(ExprKind::Str(text.into_bytes()), span, 0)?;
        let mut args = vec![first];
        if self.eat(Sign::Comma) {
            args.extend(self.list(Sign::RParen)?);
        } else {
            self.expect(Sign::RParen)?;
        }
        Ok(args)
    }

    /// `$1` or `$#` as a value: a number when it is one, 0 when it was not given.
    fn positional(&mut self, sign: &str, span: Span) -> ExprKind {
        let index = sign[1..].parse().unwrap_or(0);
        let Some(text) = self.parameter_text(sign) else {
            return ExprKind::Int(0);
        };
        if let Ok(value) = literal::number(&text) {
            return ExprKind::Int(value);
        }
        match text.strip_prefix('-').map(literal::number) {
            Some(Ok(value)) => ExprKind::Unary {
                op: UnaryOp::Neg,
                operand: Box::new(Expr {
                    kind: ExprKind::Int(value),
                    span,
                }),
            },
            _ => ExprKind::Positional {
                index,
                text: Some(text),
            },
        }
    }

    /// The text of `$1` or `$#`; `None` when it was not given.
    fn parameter_text(&self, sign: &str) -> Option<String> {
        if sign == "$#" {
            return Some(self.params.len().to_string());
        }
        let index = sign[1..].parse::<usize>().ok()?.checked_sub(1)?;
        self.params.get(index).cloned()
    }

    /// `sizeof(type)` or `sizeof(value)`, at the bracket.
    fn sizeof(&mut self) -> Parsed<ExprKind> {
        let is_type = self.at_surely_type();
        self.advance();
        let kind = match is_type {
            true => ExprKind::SizeofType(self.type_name()?),
            false => ExprKind::SizeofExpr(Box::new(self.expr()?)),
        };
        self.expect(Sign::RParen)?;
        Ok(kind)
    }

    /// `container_of(pointer, type, member.path)`, at the bracket.
    fn container_of(&mut self) -> Parsed<ExprKind> {
        self.advance();
        let pointer = Box::new(self.expr()?);
        let height = self.height;
        self.expect(Sign::Comma)?;
        let (ty, path) = self.member_path()?;
        self.height = height;
        Ok(ExprKind::ContainerOf { pointer, ty, path })
    }

    /// `type, member.path)`.
    fn member_path(&mut self) -> Parsed<(TypeName, Vec<Ident>)> {
        let ty = self.type_name()?;
        self.expect(Sign::Comma)?;
        let mut path = vec![self.expect_ident("a member's name")?];
        while self.eat(Sign::Dot) {
            path.push(self.expect_ident("a member's name")?);
        }
        self.expect(Sign::RParen)?;
        Ok((ty, path))
    }

    /// An expression above ones that are `below` high, unless that is too high.
    fn node(&mut self, kind: ExprKind, span: Span, below: u32) -> Parsed<Expr> {
        self.height = below + 1;
        self.highest = self.highest.max(self.height);
        if self.height > HEIGHT {
            return self.fail_too_deep(span);
        }
        Ok(Expr { kind, span })
    }
}
