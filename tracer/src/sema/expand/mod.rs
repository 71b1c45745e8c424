//! A script as written to one without macros, constants of C, blocks in expressions and `getopt`.
//!
//! In: the tree, what the preamble's names stand for, options of the command line. Out: a tree of the same meaning that the
//! rest of `sema` understands, and diagnostics. Never knows a type.
//!
//! A macro's call becomes its body, with the arguments in place of the parameters. Its own variables get names that no
//! script can write ([`shown`] takes them back), so they meet nobody else's; maps it sees only as parameters. An argument
//! for a bare name is put in as it is, at each use.
//!
//! A block in an expression is moved in front of the statement (`flatten`): what is evaluated before it in the
//! same expression is kept in variables first, and what is evaluated only sometimes (`&&`, `||`, `?:`) becomes `if`.

mod flatten;
mod substitute;

use super::preamble::Constants;
use crate::diag::depth::HEIGHT;
use crate::diag::{Code, Diagnostic, Span, codes};
use crate::syntax::ast::{
    Block, Clause, Expr, ExprKind, Item, Macro, Script, Stmt, StmtKind, UnaryOp,
};
use std::collections::BTreeMap;

/// Values of named options: `--name=value`, or `--name` alone.
pub type Options = BTreeMap<String, Option<String>>;

/// A named option that a script asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptionUse {
    /// Its name.
    pub name: String,
    /// Its value when it is not given, as text; `None` for one that is on or off.
    pub default: Option<String>,
    /// What it is for.
    pub description: String,
}

/// Macros within macros.
const MAX_DEPTH: usize = 64;
/// Expressions and statements that all macros of a script may make.
const MAX_MADE: u32 = 200_000;

/// Behind it in a variable's name stands the number of the macro's call.
const MARK: char = '#';

/// A variable's name as the script has it.
pub fn shown(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

/// What became of a script.
pub struct Expanded {
    /// Without macros.
    pub script: Script,
    /// Options that it asks for.
    pub options: Vec<OptionUse>,
    /// Where macros are called.
    pub calls: Vec<MacroCall>,
}

/// A macro's call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MacroCall {
    /// The macro's definition.
    pub definition: Span,
    /// The call.
    pub call: Span,
}

/// Calls of one macro that a diagnostic names at most.
const NAMED_CALLS: usize = 3;

/// Says of what is wrong in a macro where the macro is called.
pub fn name_calls(notes: &mut [Diagnostic], calls: &[MacroCall]) {
    for note in notes {
        let at = note.span;
        let inside = |c: &&MacroCall| c.definition.start <= at.start && at.end <= c.definition.end;
        let also = calls.iter().filter(inside).take(NAMED_CALLS);
        note.also
            .extend(also.map(|c| (c.call, "the macro is called here".to_owned())));
    }
}

/// See the module.
pub fn expand(
    script: &Script,
    constants: &Constants,
    options: &Options,
    notes: &mut Vec<Diagnostic>,
) -> Expanded {
    let mut expander = Expander {
        constants,
        options,
        used: Vec::new(),
        macros: BTreeMap::new(),
        notes,
        calls: Vec::new(),
        called: Vec::new(),
        fresh: 0,
        height: 0,
        made: 0,
    };
    for item in &script.items {
        if let Item::Macro(m) = item {
            expander.define(m);
        }
    }
    let items = script.items.iter().map(|item| match item {
        Item::Clause(clause) => Item::Clause(expander.clause(clause)),
        Item::MapDecl {
            name,
            kind,
            args,
            span,
        } => Item::MapDecl {
            name: name.clone(),
            kind: kind.clone(),
            args: expander.plain(args),
            span: *span,
        },
        Item::Config { entries, span } => Item::Config {
            entries: entries.clone(),
            span: *span,
        },
        other => other.clone(),
    });
    let items = items.collect();
    Expanded {
        script: Script { items },
        options: expander.used,
        calls: expander.called,
    }
}

/// What a parameter stands for.
#[derive(Clone, Copy)]
enum Argument<'e> {
    /// An expression, and what names in it stand for.
    Value(&'e Expr, &'e Env<'e>),
    /// A variable, by its name after expansion.
    Variable(&'e str),
    /// A whole map.
    Map(&'e str),
}

/// What names stand for in the body that is being read.
struct Env<'e> {
    /// Parameters of the macro, each with its sigil.
    params: BTreeMap<String, Argument<'e>>,
    /// The number of the macro's call; `None` in a clause.
    call: Option<u32>,
}

impl Env<'_> {
    const CLAUSE: Env<'static> = Env {
        params: BTreeMap::new(),
        call: None,
    };
}

struct Expander<'s, 'n> {
    constants: &'s Constants<'s>,
    options: &'s Options,
    used: Vec<OptionUse>,
    macros: BTreeMap<&'s str, &'s Macro>,
    notes: &'n mut Vec<Diagnostic>,
    /// Macros and constants that are being put in, outermost first.
    calls: Vec<&'s str>,
    /// Each place where a macro is called.
    called: Vec<MacroCall>,
    /// Counts names that are made.
    fresh: u32,
    height: u32,
    made: u32,
}

impl<'s> Expander<'s, '_> {
    fn say(&mut self, diagnostic: Diagnostic) {
        if !self.notes.contains(&diagnostic) {
            self.notes.push(diagnostic);
        }
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.say(Diagnostic::error(code, span, message));
    }

    fn define(&mut self, m: &'s Macro) {
        if let Some(first) = self.macros.get(m.name.text.as_str()) {
            let message = format!("the macro `{}` is defined twice", m.name.text);
            let diagnostic = Diagnostic::error(codes::MACRO_TWICE, m.name.span, message);
            let at = first.name.span;
            return self.say(diagnostic.also(at, "first defined here"));
        }
        self.macros.insert(&m.name.text, m);
    }

    /// Expressions that must be constants: nothing is moved out of them.
    fn plain(&mut self, args: &[Expr]) -> Vec<Expr> {
        let mut out = Vec::new();
        args.iter()
            .map(|e| self.expr(e, &Env::CLAUSE, &mut out))
            .collect()
    }

    fn clause(&mut self, clause: &Clause) -> Clause {
        let mut before = Vec::new();
        let predicate = clause.predicate.as_ref();
        let predicate = predicate.map(|p| self.expr(p, &Env::CLAUSE, &mut before));
        let mut body = self.block(&clause.body, &Env::CLAUSE);
        let mut kept = None;
        match predicate {
            // What the predicate does first cannot stand in front of the clause.
            Some(cond) if !before.is_empty() => {
                before.push(leave_unless(cond));
                before.append(&mut body.stmts);
                body.stmts = before;
            }
            other => kept = other,
        }
        Clause {
            probes: clause.probes.clone(),
            predicate: kept,
            body,
            span: clause.span,
        }
    }

    fn block(&mut self, block: &Block, env: &Env) -> Block {
        let mut stmts = Vec::new();
        for stmt in &block.stmts {
            self.stmt(stmt, env, &mut stmts);
        }
        Block {
            stmts,
            span: block.span,
        }
    }

    /// Counts what is made; `false`, after it was said, when that is too much.
    fn within_limits(&mut self, span: Span) -> bool {
        self.made += u32::from(!self.calls.is_empty());
        if self.made < MAX_MADE && self.height < HEIGHT {
            return true;
        }
        let message = "the macros called here grow beyond any use";
        self.error(codes::MACRO_ENDLESS, span, message);
        false
    }

    /// A name for a variable that no script has.
    fn temporary(&mut self) -> String {
        self.fresh += 1;
        format!(".{}", self.fresh)
    }
}

/// `if (!cond) { return; }`
fn leave_unless(cond: Expr) -> Stmt {
    let span = cond.span;
    let leave = Stmt {
        kind: StmtKind::Return(None),
        span,
    };
    Stmt {
        kind: StmtKind::If {
            cond: not(cond),
            then: Block {
                stmts: vec![leave],
                span,
            },
            otherwise: None,
        },
        span,
    }
}

fn not(e: Expr) -> Expr {
    let span = e.span;
    let kind = ExprKind::Unary {
        op: UnaryOp::Not,
        operand: Box::new(e),
    };
    Expr { kind, span }
}

fn variable(name: &str, span: Span) -> Expr {
    Expr {
        kind: ExprKind::Var(name.to_owned()),
        span,
    }
}
