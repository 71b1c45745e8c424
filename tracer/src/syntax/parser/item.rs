//! The top level: clauses, `config`, map declarations, macros.
//!
//! In: the parser at the start of an item. Out: the item. Never stops at an error: it goes on behind the
//! clause that has it.

use super::{Kind, Parsed, Parser, Reported, Role, Sign};
use crate::diag::{Diagnostic, codes};
use crate::syntax::ast::{Clause, Expr, ExprKind, Ident, Item, Macro, Script};

impl Parser<'_> {
    pub(super) fn script(&mut self) -> Script {
        let mut script = Script::default();
        while self.token.kind != Kind::Eof {
            if self.eat(Sign::Semicolon) {
                continue;
            }
            let has_block = !self.at_word("let") && !self.at_word("import");
            match self.item() {
                Ok(item) => script.items.extend(item),
                Err(Reported) => self.skip_item(has_block),
            }
        }
        if script.items.is_empty() && self.diagnostics.is_empty() {
            let error = self.error(codes::NO_PROBE, "the script has no probe");
            self.report(error.help("e.g. BEGIN { printf(\"hello\\n\"); }"));
        }
        script
    }

    /// `None`: what stands here was reported and has been passed over.
    fn item(&mut self) -> Parsed<Option<Item>> {
        let next = self.peek();
        let item = match (self.token.kind, self.slice(self.token.span)) {
            (Kind::Directive, _) => self.directive(),
            (Kind::Ident, "struct" | "union" | "enum" | "typedef") => self.c_declaration(),
            (Kind::Ident, "config") if next.is(Sign::Assign) => self.config(),
            (Kind::Ident, "let") if next == Kind::Map => self.map_declaration(),
            (Kind::Ident, "macro") if next == Kind::Ident => self.macro_definition(),
            (Kind::Ident, "fn") if next == Kind::Ident => self.not_built("functions (`fn`)"),
            (Kind::Ident, "import") if next == Kind::Str => self.not_built("imports"),
            (Kind::Sign(Sign::LBrace), _) => return self.action_without_probe(),
            (Kind::Sign(Sign::RBrace), _) => {
                let error = self.error(codes::UNMATCHED_CLOSE, "this `}` closes nothing");
                self.fail(error)
            }
            _ => self.clause().map(Item::Clause),
        };
        item.map(Some)
    }

    fn config(&mut self) -> Parsed<Item> {
        let start = self.advance().span.start;
        self.expect(Sign::Assign)?;
        self.expect(Sign::LBrace)?;
        let mut entries = Vec::new();
        while !self.eat(Sign::RBrace) {
            if self.eat(Sign::Semicolon) {
                continue;
            }
            match self.setting() {
                Ok(entry) => entries.push(entry),
                Err(Reported) if self.token.kind == Kind::Eof => return Err(Reported),
                Err(Reported) => self.skip_stmt(),
            }
        }
        let span = self.span_from(start);
        Ok(Item::Config { entries, span })
    }

    /// `name = value`
    fn setting(&mut self) -> Parsed<(Ident, Expr)> {
        if self.token.kind != Kind::Ident {
            let message = format!("expected a setting's name, found {}", self.found());
            let error = self.error(codes::BAD_CONFIG, message);
            return self.fail(error.help("write config = { name = value; }"));
        }
        let name = self.ident();
        self.expect(Sign::Assign)?;
        let value = self.expr()?;
        if !self.at(Sign::RBrace) {
            self.expect(Sign::Semicolon)?;
        }
        Ok((name, value))
    }

    /// `let @m = hash(100);`
    fn map_declaration(&mut self) -> Parsed<Item> {
        let start = self.advance().span.start;
        let name = self.sigil_ident();
        self.expect(Sign::Assign)?;
        let kind = self.expect_ident("a kind of map: hash, lruhash, percpuhash")?;
        self.expect(Sign::LParen)?;
        let args = self.list(Sign::RParen)?;
        let span = self.span_from(start);
        self.eat(Sign::Semicolon);
        Ok(Item::MapDecl {
            name,
            kind,
            args,
            span,
        })
    }

    fn macro_definition(&mut self) -> Parsed<Item> {
        let start = self.advance().span.start;
        let name = self.ident();
        self.expect(Sign::LParen)?;
        let params: Vec<Expr> = self.list(Sign::RParen)?;
        for param in &params {
            self.macro_parameter(param);
        }
        let body = self.value_block()?;
        let span = self.span_from(start);
        Ok(Item::Macro(Macro {
            name,
            params,
            body,
            span,
        }))
    }

    fn macro_parameter(&mut self, param: &Expr) {
        let fits = match &param.kind {
            ExprKind::Var(_) | ExprKind::Name(_) => true,
            ExprKind::Map { keys, .. } => keys.is_none(),
            _ => false,
        };
        if !fits {
            let message = "a macro's parameter is `$variable`, `@map` or a bare name";
            let error = Diagnostic::error(codes::BAD_MACRO_PARAMETER, param.span, message);
            self.report(error.help("a bare name stands for any value: macro twice(x) { x * 2 }"));
        }
    }

    fn not_built(&mut self, what: &str) -> Parsed<Item> {
        let message = format!("{what} are not built yet");
        let error = self.error(codes::GRAMMAR_NOT_BUILT, message);
        self.fail(error)
    }

    fn action_without_probe(&mut self) -> Parsed<Option<Item>> {
        let error = self.error(codes::NO_PROBE, "this action has no probe");
        self.report(error.help("write the probe before it, e.g. BEGIN { … }"));
        // Read for the errors inside of it only.
        self.block()?;
        Ok(None)
    }

    fn clause(&mut self) -> Parsed<Clause> {
        let start = self.token.span.start;
        let probes = self.probes()?;
        let predicate = match self.token.kind {
            Kind::Sign(Sign::Slash) | Kind::EndPredicate => self.predicate(),
            _ => None,
        };
        if !self.at(Sign::LBrace) {
            return self.no_action(start);
        }
        let body = self.block()?;
        Ok(Clause {
            probes,
            predicate,
            body,
            span: self.span_from(start),
        })
    }

    /// Between slashes. When it cannot be read, reading goes on at the action.
    fn predicate(&mut self) -> Option<Expr> {
        let read = self.predicate_inner();
        if read.is_err() {
            while !self.at(Sign::LBrace) && self.token.kind != Kind::Eof {
                self.advance();
            }
            self.end_reported |= self.token.kind == Kind::Eof;
        }
        read.ok()
    }

    fn predicate_inner(&mut self) -> Parsed<Expr> {
        self.note(Role::PredicateStart);
        let open = self.advance();
        if open.kind == Kind::EndPredicate {
            let message = "expected a condition between two slashes";
            let error = Diagnostic::error(codes::PREDICATE_NOT_CLOSED, open.span, message);
            return self.fail(error.help("write /condition/ before the action"));
        }
        let condition = self.expr()?;
        if self.token.kind == Kind::EndPredicate {
            self.advance();
            return Ok(condition);
        }
        if self.at(Sign::Assign) {
            let error = self.error(codes::SINGLE_EQUALS, "`=` assigns, it does not compare");
            return self.fail(error.help("write `==` to compare"));
        }
        let message = format!("expected `/` and an action, found {}", self.found());
        let error = self.error(codes::PREDICATE_NOT_CLOSED, message);
        self.fail(error.help("a predicate is written /condition/ and followed by { … }"))
    }

    fn no_action(&mut self, start: u32) -> Parsed<Clause> {
        if self.end_reported {
            return Err(Reported);
        }
        let head = self.span_from(start);
        if self.token.kind == Kind::Eof {
            let message = "this probe has no action";
            let error = Diagnostic::error(codes::NO_ACTION, head, message);
            return self.fail(error.help("write what to do between braces, e.g. { @ = count(); }"));
        }
        let message = format!(
            "expected `{{` or `/condition/` behind the probe, found {}",
            self.found()
        );
        let error = self.error(codes::NO_ACTION, message);
        let help = match self.token.kind {
            Kind::Ident | Kind::Sign(Sign::Colon) => {
                "a probe is written without spaces; several are separated by `,`"
            }
            _ => "an action stands between braces",
        };
        self.fail(error.help(help))
    }

    /// Goes behind the next block; behind the next `;` when the item has none.
    fn skip_item(&mut self, has_block: bool) {
        let mut depth = 0u32;
        while self.token.kind != Kind::Eof {
            let taken = self.advance();
            match taken.kind {
                Kind::Sign(Sign::LBrace) => depth += 1,
                Kind::Sign(Sign::RBrace) if depth <= 1 => return,
                Kind::Sign(Sign::RBrace) => depth -= 1,
                Kind::Sign(Sign::Semicolon) if !has_block => return,
                _ => {}
            }
        }
    }

    /// The current word.
    pub(super) fn ident(&mut self) -> Ident {
        let span = self.advance().span;
        Ident {
            text: self.slice(span).to_owned(),
            span,
        }
    }

    /// The current `$x` or `@x`, without its sigil.
    pub(super) fn sigil_ident(&mut self) -> Ident {
        let span = self.advance().span;
        Ident {
            text: self.slice(span)[1..].to_owned(),
            span,
        }
    }

    pub(super) fn expect_ident(&mut self, what: &str) -> Parsed<Ident> {
        if self.token.kind == Kind::Ident {
            return Ok(self.ident());
        }
        self.fail_expected(what)
    }
}
