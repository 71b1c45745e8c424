//! Statements and blocks.
//!
//! In: the parser at a statement. Out: the statement. After an error in one, the block goes on behind its
//! `;` or block.

use super::{Bad, Kind, Parsed, Parser, Reported, Role, Sign};
use crate::diag::{Diagnostic, Span, codes};
use crate::syntax::ast::{BinaryOp, Block, Expr, ExprKind, Stmt, StmtKind, ValueBlock};

impl Parser<'_> {
    /// `{ … }`.
    pub(super) fn block(&mut self) -> Parsed<Block> {
        let open = self.expect(Sign::LBrace)?.span;
        let mut stmts = Vec::new();
        while !self.eat(Sign::RBrace) {
            if self.token.kind == Kind::Eof {
                self.report_unclosed(open);
                break;
            }
            if self.eat(Sign::Semicolon) {
                continue;
            }
            match self.nested(Self::stmt) {
                Ok(stmt) => stmts.push(stmt),
                Err(Reported) => self.skip_stmt(),
            }
        }
        Ok(Block {
            stmts,
            span: self.span_from(open.start),
        })
    }

    /// `{ …; value }`: the last expression is the value when no `;` stands behind it.
    pub(super) fn value_block(&mut self) -> Parsed<ValueBlock> {
        let mut block = self.block()?;
        let bare = |kind: &StmtKind| matches!(kind, StmtKind::Expr(_));
        let value = match block.stmts.last() {
            Some(last) if bare(&last.kind) && !self.terminated(last.span) => block.stmts.pop(),
            _ => None,
        };
        let value = value.and_then(|stmt| match stmt.kind {
            StmtKind::Expr(e) => Some(Box::new(e)),
            _ => None,
        });
        Ok(ValueBlock { block, value })
    }

    /// Whether the statement was ended by `;`.
    fn terminated(&self, span: Span) -> bool {
        self.slice(span).ends_with(';')
    }

    fn report_unclosed(&mut self, open: Span) {
        if !self.end_reported {
            self.end_reported = true;
            let error = Diagnostic::error(codes::UNCLOSED, open, "this `{` is never closed");
            self.report(error.help("write `}` at the end of the block"));
        }
    }

    /// Goes behind the next `;` or block of this level, or to the `}` that ends it. A string without end took
    /// the rest of its line: the statement most likely ended there.
    pub(super) fn skip_stmt(&mut self) {
        let mut depth = 0u32;
        while self.token.kind != Kind::Eof {
            match self.token.kind {
                Kind::Sign(Sign::RBrace) if depth == 0 => return,
                Kind::Sign(Sign::RBrace) => depth -= 1,
                Kind::Sign(Sign::LBrace) => depth += 1,
                _ => {}
            }
            let taken = self.advance().kind;
            let ends = match taken {
                Kind::Sign(sign) => matches!(sign, Sign::Semicolon | Sign::RBrace),
                _ => matches!(taken, Kind::Bad(Bad::Str | Bad::Char)),
            };
            if depth == 0 && ends {
                return;
            }
        }
    }

    fn stmt(&mut self) -> Parsed<Stmt> {
        let start = self.token.span.start;
        let word = match self.token.kind {
            Kind::Ident => self.slice(self.token.span),
            _ => "",
        };
        let kind = match word {
            "if" => self.if_stmt()?,
            "while" => self.while_stmt()?,
            "for" => self.for_stmt()?,
            "unroll" => self.unroll_stmt()?,
            "let" => self.let_stmt()?,
            "return" => self.return_stmt()?,
            "break" => self.jump(StmtKind::Break)?,
            "continue" => self.jump(StmtKind::Continue)?,
            "else" => {
                let error = self.error(codes::UNEXPECTED, "this `else` has no `if`");
                return self
                    .fail(error.help("`else` follows directly behind the block of an `if`"));
            }
            _ if self.at(Sign::LBrace) => StmtKind::Block(self.block()?),
            _ => self.simple()?,
        };
        let span = self.span_from(start);
        Ok(Stmt { kind, span })
    }

    /// `if (c) …`, where the brackets may be missing and the branch may be one statement.
    fn if_stmt(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let cond = self.condition()?;
        let then = self.branch()?;
        let otherwise = if self.at_word("else") {
            self.advance();
            Some(self.branch()?)
        } else {
            None
        };
        Ok(StmtKind::If {
            cond,
            then,
            otherwise,
        })
    }

    /// A condition in brackets ends with them when a statement follows: `if (a) f();`, but `if (a) && (b) {`.
    fn condition(&mut self) -> Parsed<Expr> {
        if !self.at(Sign::LParen) || self.at_surely_type() {
            return self.expr();
        }
        let first = self.nested(Self::parenthesised)?;
        self.after_unary(first)
    }

    /// A block, or one statement in its place.
    fn branch(&mut self) -> Parsed<Block> {
        if self.at(Sign::LBrace) {
            return self.block();
        }
        if self.token.kind == Kind::Eof || self.at(Sign::RBrace) {
            return self.fail_expected("a statement or `{`");
        }
        if self.at(Sign::Semicolon) {
            let span = self.advance().span;
            return Ok(Block {
                stmts: Vec::new(),
                span,
            });
        }
        let stmt = self.nested(Self::stmt)?;
        Ok(Block {
            span: stmt.span,
            stmts: vec![stmt],
        })
    }

    fn while_stmt(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let cond = self.condition()?;
        let body = self.branch()?;
        Ok(StmtKind::While { cond, body })
    }

    /// `for ($kv : @map) { … }` or `for ($i : a..b) { … }`; the brackets may be missing.
    fn for_stmt(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let bracket = self.eat(Sign::LParen);
        if self.token.kind != Kind::Var {
            return self.fail_expected("a variable such as `$i`");
        }
        let var = self.sigil_ident();
        self.expect(Sign::Colon)?;
        let first = self.expr()?;
        let end = match self.eat(Sign::DotDot) {
            true => Some(self.expr()?),
            false => None,
        };
        if bracket {
            self.expect(Sign::RParen)?;
        }
        if end.is_none() && !matches!(first.kind, ExprKind::Map { .. }) {
            let message = "expected a map or a range";
            let error = Diagnostic::error(codes::UNEXPECTED, first.span, message);
            return self.fail(error.help("write `for ($kv : @map)` or `for ($i : 0..10)`"));
        }
        let body = self.branch()?;
        Ok(match end {
            None => StmtKind::ForMap {
                var,
                map: first,
                body,
            },
            Some(end) => StmtKind::ForRange {
                var,
                start: first,
                end,
                body,
            },
        })
    }

    fn unroll_stmt(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let count = self.condition()?;
        let body = self.branch()?;
        Ok(StmtKind::Unroll { count, body })
    }

    /// `let $x: type = value;`, both parts optional.
    fn let_stmt(&mut self) -> Parsed<StmtKind> {
        self.advance();
        if self.token.kind != Kind::Var {
            return self.fail_expected("a variable such as `$x`");
        }
        let name = self.sigil_ident();
        if self.at(Sign::Colon) {
            self.note(Role::TypeColon);
        }
        let ty = match self.eat(Sign::Colon) {
            true => Some(self.type_name()?),
            false => None,
        };
        let value = match self.eat(Sign::Assign) {
            true => Some(self.expr()?),
            false => None,
        };
        self.end_stmt()?;
        Ok(StmtKind::Let { name, ty, value })
    }

    fn return_stmt(&mut self) -> Parsed<StmtKind> {
        self.advance();
        let ends = self.at(Sign::Semicolon) || self.at(Sign::RBrace);
        let value = match ends || self.token.kind == Kind::Eof {
            true => None,
            false => Some(self.expr()?),
        };
        self.end_stmt()?;
        Ok(StmtKind::Return(value))
    }

    fn jump(&mut self, kind: StmtKind) -> Parsed<StmtKind> {
        self.advance();
        self.end_stmt()?;
        Ok(kind)
    }

    /// An assignment, or an expression for its effect.
    fn simple(&mut self) -> Parsed<StmtKind> {
        let target = self.nested(Self::unary)?;
        if is_assignable(&target) && self.at(Sign::Match) {
            // `$x=~1` assigns: a comparison would have no effect.
            self.split_sign(Sign::Assign);
        }
        let Some(op) = self.assignment() else {
            let whole = self.after_unary(target)?;
            self.end_stmt()?;
            return Ok(StmtKind::Expr(whole));
        };
        let discarded = op.is_none() && matches!(&target.kind, ExprKind::Name(n) if n == "_");
        if !is_assignable(&target) && !discarded {
            return self.fail_not_assignable(&target);
        }
        self.advance();
        let value = self.expr()?;
        self.end_stmt()?;
        if discarded {
            return Ok(StmtKind::Expr(value));
        }
        Ok(StmtKind::Assign { target, op, value })
    }

    /// The operator of an assignment, when the current token is one; `Some(None)` for `=`.
    fn assignment(&self) -> Option<Option<BinaryOp>> {
        let Kind::Sign(sign) = self.token.kind else {
            return None;
        };
        Some(match sign {
            Sign::Assign => None,
            Sign::PlusAssign => Some(BinaryOp::Add),
            Sign::MinusAssign => Some(BinaryOp::Sub),
            Sign::StarAssign => Some(BinaryOp::Mul),
            Sign::SlashAssign => Some(BinaryOp::Div),
            Sign::PercentAssign => Some(BinaryOp::Mod),
            Sign::ShlAssign => Some(BinaryOp::Shl),
            Sign::ShrAssign => Some(BinaryOp::Shr),
            Sign::AndAssign => Some(BinaryOp::BitAnd),
            Sign::OrAssign => Some(BinaryOp::BitOr),
            Sign::XorAssign => Some(BinaryOp::BitXor),
            _ => return None,
        })
    }

    pub(super) fn fail_not_assignable<T>(&mut self, target: &Expr) -> Parsed<T> {
        let message = "only $variables and @maps can be assigned to";
        let error = Diagnostic::error(codes::NOT_ASSIGNABLE, target.span, message);
        match &target.kind {
            ExprKind::Name(name) => {
                let help = format!("write `${name}` for a variable or `@{name}` for a map");
                self.fail(error.help(help))
            }
            _ => self.fail(error),
        }
    }

    /// `;`, or nothing before `}`. A missing one is reported and reading goes on, when a statement follows.
    fn end_stmt(&mut self) -> Parsed<()> {
        if self.eat(Sign::Semicolon) || self.at(Sign::RBrace) || self.token.kind == Kind::Eof {
            return Ok(());
        }
        let starts_stmt = match self.token.kind {
            Kind::Ident | Kind::Var | Kind::Map => true,
            Kind::Sign(sign) => matches!(sign, Sign::LBrace | Sign::PlusPlus | Sign::MinusMinus),
            _ => false,
        };
        if !starts_stmt {
            return self.fail_expected("`;` or an operator");
        }
        let place = Span {
            start: self.previous_end,
            end: self.previous_end,
        };
        let message = format!("expected `;` before {}", self.found());
        self.report(Diagnostic::error(codes::MISSING_SEMICOLON, place, message));
        Ok(())
    }
}

pub(super) fn is_assignable(target: &Expr) -> bool {
    matches!(target.kind, ExprKind::Var(_) | ExprKind::Map { .. })
}
