//! One pass over the script: the program that is being made and what was found on the way.
//!
//! In: the facts, the settings and what earlier passes learned about types. Out: an IR program, the
//! same knowledge grown, and diagnostics. The other files of this room are its methods by theme.
//! Never decides how often the script is passed over.

use super::config::Settings;
use super::providers::View;
use super::rooms::Rooms;
use super::unify::{Known, MapHolds, MapKnown, Seen, VarKey};
use crate::diag::{Code, Diagnostic, Span};
use crate::facts::Facts;
use crate::ir::{self, Expr, ExprKind, MapId, SiteId, SiteKind, Stmt, StmtKind, VarId};
use crate::types::Type;
use std::rc::Rc;

/// A value, and when it is absent.
#[derive(Clone, PartialEq, Debug)]
pub struct Val {
    /// The value.
    pub expr: Expr,
    /// Bool; when given and false at run time, the value is absent.
    pub present: Option<Expr>,
    /// The struct it points to, by name, when only the name is known: looked up when a member is asked for.
    pub points_to: Option<String>,
}

impl From<Expr> for Val {
    fn from(expr: Expr) -> Val {
        Val {
            expr,
            present: None,
            points_to: None,
        }
    }
}

impl Val {
    /// The same presence, another value.
    pub fn with(self, expr: Expr) -> Val {
        Val {
            expr,
            present: self.present,
            points_to: None,
        }
    }
}

/// A `$variable` in scope.
#[derive(Clone, Debug)]
pub struct Local {
    /// Without `$`.
    pub name: String,
    /// What is known of it.
    pub key: VarKey,
    /// In the clause.
    pub id: VarId,
    /// Bool: the value is absent. Made when an absent value is first assigned.
    pub absent: Option<VarId>,
    /// `let $x: type`.
    pub declared: Option<Type>,
}

/// What belongs to the clause that is being made.
pub struct Scope {
    /// Its number in the program.
    pub clause: usize,
    /// What its probes offer.
    pub view: Rc<dyn View>,
    /// Its variables.
    pub vars: Vec<ir::Var>,
    /// Blocks, innermost last, each with the variables declared in it.
    pub blocks: Vec<Vec<Local>>,
    /// Names of variables of blocks that have ended.
    pub ended: Vec<String>,
    /// Loops around the current statement.
    pub loops: u32,
    /// Where a struct in user memory is read that lies otherwise in 32-bit programs, and its name.
    pub native_layout: Option<(Span, String)>,
}

/// See the module.
pub struct Pass<'a> {
    /// What is asked about the kernel.
    pub facts: &'a dyn Facts,
    /// From the config block.
    pub settings: Settings,
    /// Maps that the script declares.
    pub rooms: Rooms,
    /// Types of maps and variables; grows.
    pub known: Known,
    /// The program so far. Types of maps are filled in at the end.
    pub program: ir::Program,
    /// What was found wrong.
    pub notes: Vec<Diagnostic>,
    /// The current clause.
    pub scope: Scope,
    /// Divisions of constants are left to do: their exact quotient is wanted.
    pub keep_divisions: bool,
}

/// An expression.
pub fn expr(ty: Type, kind: ExprKind, span: Span) -> Expr {
    Expr { ty, kind, span }
}

/// A constant of type int64.
pub fn int(value: i64, span: Span) -> Expr {
    expr(Type::I64, ExprKind::Int(value as u64), span)
}

/// A constant of type bool.
pub fn boolean(value: bool, span: Span) -> Expr {
    expr(Type::Bool, ExprKind::Int(u64::from(value)), span)
}

/// `!e`, of bool.
pub fn not(e: Expr) -> Expr {
    let span = e.span;
    let kind = ExprKind::Unary {
        op: ir::Unary::Not,
        operand: Box::new(e),
    };
    expr(Type::Bool, kind, span)
}

/// `a && b`, of bool.
pub fn and(a: Expr, b: Expr) -> Expr {
    let span = a.span.to(b.span);
    expr(Type::Bool, ExprKind::And(Box::new(a), Box::new(b)), span)
}

/// Present when both are. Equal conditions are written once.
pub fn both_present(a: Option<Expr>, b: Option<Expr>) -> Option<Expr> {
    match (a, b) {
        (Some(a), Some(b)) if a.ty == b.ty && a.kind == b.kind => Some(a),
        (Some(a), Some(b)) => Some(and(a, b)),
        (a, b) => a.or(b),
    }
}

/// A statement.
pub fn stmt(kind: StmtKind, span: Span) -> Stmt {
    Stmt { kind, span }
}

impl Pass<'_> {
    /// Says something, once: a clause that becomes several is checked several times.
    pub fn say(&mut self, diagnostic: Diagnostic) {
        if !self.notes.contains(&diagnostic) {
            self.notes.push(diagnostic);
        }
    }

    /// Says that something is wrong; for `return self.fail(…)`.
    pub fn fail<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.say(diagnostic);
        None
    }

    /// [`Pass::fail`] without label and help.
    pub fn error<T>(&mut self, code: Code, span: Span, message: impl Into<String>) -> Option<T> {
        self.fail(Diagnostic::error(code, span, message))
    }

    /// A new place where a runtime error can be counted.
    pub fn site(&mut self, kind: SiteKind, span: Span) -> SiteId {
        self.program.sites.push(ir::Site { kind, span });
        SiteId(self.program.sites.len() as u32 - 1)
    }

    /// `stmts` when `present`, else a count at a site of their own.
    pub fn guard(&mut self, present: Option<Expr>, stmts: Vec<Stmt>, span: Span) -> Vec<Stmt> {
        let Some(cond) = present else {
            return stmts;
        };
        let site = self.site(SiteKind::Absent, span);
        let otherwise = vec![stmt(StmtKind::Count(site), span)];
        let kind = StmtKind::If {
            cond,
            then: stmts,
            otherwise,
        };
        vec![stmt(kind, span)]
    }

    /// The map of that name; its first use makes it.
    pub fn map_id(&mut self, name: &str, span: Span) -> MapId {
        if let Some(at) = self.program.maps.iter().position(|m| m.name == name) {
            return MapId(at as u32);
        }
        self.known
            .maps
            .entry(name.to_owned())
            .or_insert_with(|| MapKnown {
                span,
                key: None,
                holds: MapHolds::Unknown,
            });
        self.program.maps.push(ir::Map {
            name: name.to_owned(),
            key: Vec::new(),
            value: ir::MapValue::Plain(Type::I64),
            room: None,
            span,
        });
        MapId(self.program.maps.len() as u32 - 1)
    }

    /// What is known of a map.
    pub fn map_known(&mut self, id: MapId) -> &mut MapKnown {
        let name = &self.program.maps[id.0 as usize].name;
        self.known
            .maps
            .get_mut(name)
            .expect("map_id made an entry for each map of the program")
    }

    /// The map as written: `@name`.
    pub fn map_text(&self, id: MapId) -> String {
        format!("@{}", self.program.maps[id.0 as usize].name)
    }

    /// Makes a variable in the innermost block.
    pub fn declare(&mut self, name: &str, declared: Option<Type>) -> Local {
        let scope = &mut self.scope;
        let before = scope.vars.iter().filter(|v| v.name == name).count();
        let local = Local {
            name: name.to_owned(),
            key: (scope.clause, name.to_owned(), before),
            id: VarId(scope.vars.len() as u32),
            absent: None,
            declared: declared.clone(),
        };
        scope.vars.push(ir::Var {
            name: name.to_owned(),
            ty: Type::I64,
        });
        let hoisted = (scope.clause, name.to_owned());
        let block = match self.known.hoisted.contains(&hoisted) && declared.is_none() {
            true => scope.blocks.first_mut(),
            false => scope.blocks.last_mut(),
        };
        block
            .expect("a clause has a block around its statements")
            .push(local.clone());
        let known = self.known.vars.entry(local.key.clone()).or_insert(None);
        if let (None, Some(ty)) = (&known, declared) {
            *known = Some(Seen {
                ty,
                weak: false,
                span: Span::default(),
            });
        }
        local
    }

    /// The variable of that name, innermost first.
    pub fn local(&mut self, name: &str) -> Option<&mut Local> {
        let blocks = self.scope.blocks.iter_mut().rev();
        blocks
            .flat_map(|b| b.iter_mut().rev())
            .find(|l| l.name == name)
    }

    /// Bits of the numbers that a variable was given; 64 when it is not known.
    pub fn given_bits(&mut self, name: &str) -> u8 {
        let key = self.local(name).map(|local| local.key.clone());
        let seen = key.and_then(|key| self.known.vars.get(&key)?.as_ref());
        match seen.map(|seen| &seen.ty) {
            Some(Type::Int { bits, .. }) => *bits,
            _ => 64,
        }
    }

    /// The type a variable is kept in; `None` while it is not known.
    pub fn var_type(&self, key: &VarKey) -> Option<Type> {
        Some(self.known.vars.get(key)?.as_ref()?.stored())
    }

    /// Completes the program: types of maps, and without clauses that were left without a probe.
    pub fn finish(&mut self) {
        self.program.clauses.retain(|c| !c.probes.is_empty());
        self.fill_map_types();
        self.fill_rooms();
    }

    /// Writes what is known into the maps of the program.
    fn fill_map_types(&mut self) {
        for map in &mut self.program.maps {
            let Some(known) = self.known.maps.get(&map.name) else {
                continue;
            };
            let key = known.key.iter().flat_map(|(parts, _)| parts);
            map.key = key.map(Seen::stored).collect();
            map.value = match &known.holds {
                MapHolds::Plain(seen) => ir::MapValue::Plain(seen.stored()),
                MapHolds::Agg(kind, _) => ir::MapValue::Agg(*kind),
                MapHolds::Unknown | MapHolds::Assigned => ir::MapValue::Plain(Type::I64),
            };
        }
    }
}
