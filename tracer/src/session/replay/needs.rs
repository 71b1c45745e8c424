//! What a query needs of recordings, and whether they hold it.
//!
//! In: a typed program, headers. Out: the columns to read, which clauses want which call, or diagnostics about what was not recorded.
//! Never reads a row.

use crate::diag::{Diagnostic, Span, codes};
use crate::interp::adds_up;
use crate::ir::{
    Builtin, Clause, ClauseId, EmitKind, Expr, ExprKind, Phase, Probe, Program, StmtKind, walk,
};
use crate::record::{Columns, Header};
use crate::tables::syscalls;
use crate::types::{Abi, Space};
use std::collections::{BTreeSet, HashSet};
use tracer_ebpf::{ABIS, SYSCALL_ROWS, UNKNOWN_ROW};

/// What can be asked.
pub(super) const HELD_PROBES: &str = "they hold system calls: syscall:NAME, tracepoint:syscalls:*, BEGIN, END and interval can be asked";

/// What a query needs.
#[derive(Debug)]
pub(super) struct Needs {
    /// Columns to read.
    pub columns: Columns,
    /// The time of rows is among them.
    pub columns_has_time: bool,
    /// The columns that make firings alike: none other is asked for. `None` when rows have to be fired one by one.
    pub alike: Option<Columns>,
    /// Clauses by call.
    pub calls: Calls,
}

/// Clauses by call: each call has a class, each class the clauses that want it.
#[derive(Debug)]
pub(super) struct Calls {
    /// By row of the table.
    classes: Vec<Class>,
    clauses: Vec<Vec<(ClauseId, Phase)>>,
}

/// Calls that the same clauses want.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Class(u32);

impl Class {
    /// Nobody wants them.
    pub const NONE: Class = Class(0);

    /// Its number.
    pub fn number(self) -> u64 {
        self.0.into()
    }
}

impl Calls {
    fn of_program(program: &Program) -> Calls {
        let mut calls = Calls {
            classes: Vec::new(),
            clauses: vec![Vec::new()],
        };
        for at in 0..ABIS * SYSCALL_ROWS {
            let abi = if at / SYSCALL_ROWS == 0 {
                Abi::Native
            } else {
                Abi::I386
            };
            let wanted = clauses_for(program, abi, at % SYSCALL_ROWS);
            let known = calls.clauses.iter().position(|known| *known == wanted);
            let class = known.unwrap_or(calls.clauses.len());
            if known.is_none() {
                calls.clauses.push(wanted);
            }
            calls.classes.push(Class(class as u32));
        }
        calls
    }

    /// The class of a call.
    #[inline]
    pub fn class(&self, call: u64) -> Class {
        let row = (call as u32).min(UNKNOWN_ROW);
        let at = (call >> 32).saturating_mul(SYSCALL_ROWS.into()) + u64::from(row);
        let class = usize::try_from(at).ok().and_then(|at| self.classes.get(at));
        class.copied().unwrap_or(Class::NONE)
    }

    /// Clauses that want the calls of a class, and at which end of the call they fire.
    #[inline]
    pub fn wanted(&self, class: Class) -> &[(ClauseId, Phase)] {
        &self.clauses[class.0 as usize]
    }
}

/// Clauses that want a call. Entries come before ends: they are fired first.
fn clauses_for(program: &Program, abi: Abi, row: u32) -> Vec<(ClauseId, Phase)> {
    let mut found = Vec::new();
    for (at, clause) in program.clauses.iter().enumerate() {
        for probe in &clause.probes {
            let Probe::Syscall { calls, phase } = probe else {
                continue;
            };
            let known = syscalls::name(abi, row).is_some();
            let wanted = calls.calls.binary_search(&(abi, row)).is_ok() || calls.unknown && !known;
            if wanted {
                found.push((ClauseId(at as u32), *phase));
            }
        }
    }
    found.sort_by_key(|(_, phase)| *phase != Phase::Entry);
    found
}

impl Needs {
    /// Of a program; diagnostics when the recordings lack something.
    pub fn of(program: &Program, headers: &[Header]) -> Result<Needs, Vec<Diagnostic>> {
        let mut look = Look {
            program,
            headers,
            columns: Columns::LEAST,
            alike: Some(Columns::NONE),
            lacking: Vec::new(),
            said: HashSet::new(),
        };
        for clause in &program.clauses {
            look.clause(clause);
        }
        if !look.lacking.is_empty() {
            return Err(look.lacking);
        }
        let columns = look.columns;
        Ok(Needs {
            columns,
            columns_has_time: columns.and(Columns::TIME) == columns || headers.len() > 1,
            alike: look.alike,
            calls: Calls::of_program(program),
        })
    }
}

/// Looks through a program.
struct Look<'p> {
    program: &'p Program,
    headers: &'p [Header],
    columns: Columns,
    /// See [`Needs::alike`].
    alike: Option<Columns>,
    lacking: Vec<Diagnostic>,
    said: HashSet<Span>,
}

impl Look<'_> {
    fn want(&mut self, columns: Columns) {
        self.columns = self.columns.and(columns);
    }

    fn lacks(&mut self, span: Span, what: &str, help: &str) {
        if self.said.insert(span) {
            let message = format!("recordings do not hold {what}");
            let diagnostic = Diagnostic::error(codes::NOT_RECORDED, span, message);
            self.lacking.push(diagnostic.help(help.to_owned()));
        }
    }

    fn clause(&mut self, clause: &Clause) {
        let mut of_calls = false;
        let mut at_entry = false;
        for probe in &clause.probes {
            match probe {
                Probe::Syscall { phase, .. } => {
                    of_calls = true;
                    at_entry |= *phase == Phase::Entry;
                    self.recorded(clause, probe);
                }
                Probe::Begin | Probe::End => {}
                Probe::Interval { .. } => self.want(Columns::TIME),
                _ => self.lacks(clause.span, "this probe", HELD_PROBES),
            }
        }
        if at_entry {
            self.want(Columns::ENTRY);
        }
        if of_calls && !adds_up(self.program, clause) {
            self.alike = None;
        }
        let roots = clause.predicate.iter().collect::<Vec<_>>();
        for expr in roots {
            expr.visit(&mut |e| self.expr(e, of_calls, at_entry));
        }
        walk::visit_exprs(&clause.body, &mut |e| self.expr(e, of_calls, at_entry));
        walk::visit_stmts(&clause.body, &mut |stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &crate::ir::Stmt) {
        match &stmt.kind {
            StmtKind::Signal(_) | StmtKind::Override(_) => self.lacks(
                stmt.span,
                "processes that could be changed",
                "signal() and override() work while a program runs",
            ),
            StmtKind::Emit { id, .. } => {
                let kind = &self.program.emits[id.0 as usize].kind;
                if !matches!(kind, EmitKind::PrintMap { .. }) {
                    let origin = Columns::TIME.and(Columns::CPU).and(Columns::PID);
                    self.want(origin.and(Columns::TID));
                }
            }
            _ => {}
        }
    }

    fn expr(&mut self, e: &Expr, of_calls: bool, at_entry: bool) {
        match &e.kind {
            ExprKind::Builtin(builtin) => self.builtin(*builtin, e.span, of_calls, at_entry),
            ExprKind::ReadPath { .. } => {
                self.lacks(
                    e.span,
                    "paths of the kernel's files",
                    "ask while the processes run",
                );
            }
            ExprKind::ReadStr { .. }
            | ExprKind::ReadArray { .. }
            | ExprKind::ReadBytes { .. }
            | ExprKind::ReadArgv { .. }
            | ExprKind::Load { .. } => {
                self.want(Columns::IMAGE);
                self.alike = None;
            }
            _ => {}
        }
    }

    /// Firings are alike only when they see the same of this.
    fn tell_apart(&mut self, builtin: Builtin, column: Columns) {
        let column = match builtin {
            // The same at all rows of a file.
            Builtin::Ncpus | Builtin::Tree | Builtin::Host => Some(Columns::NONE),
            // Hardly ever the same, or not compared.
            Builtin::Nsecs | Builtin::Elapsed | Builtin::Call | Builtin::Stack(_) => None,
            _ => Some(column),
        };
        let both = self.alike.zip(column);
        self.alike = both.map(|(others, column)| others.and(column));
    }

    fn builtin(&mut self, builtin: Builtin, span: Span, of_calls: bool, at_entry: bool) {
        let time = if at_entry {
            Columns::ENTRY
        } else {
            Columns::TIME
        };
        let columns = match builtin {
            Builtin::Nsecs | Builtin::Elapsed => Some(time),
            Builtin::Ncpus => Some(Columns::LEAST),
            _ if !of_calls => None,
            Builtin::Pid => Some(Columns::PID),
            Builtin::Tid => Some(Columns::TID),
            Builtin::Uid => Some(Columns::UID),
            Builtin::Gid => Some(Columns::GID),
            Builtin::Comm => Some(Columns::COMM),
            Builtin::Cpu => Some(Columns::CPU),
            Builtin::Cgroup => Some(Columns::CGROUP),
            Builtin::Arg(n) => Some(Columns::arg(n)),
            Builtin::Retval | Builtin::Errno => Some(Columns::RET),
            Builtin::EntrySeen | Builtin::Duration => Some(Columns::TOOK),
            Builtin::SyscallNr
            | Builtin::SyscallName
            | Builtin::SyscallAbi
            | Builtin::Tree
            | Builtin::Host => Some(Columns::LEAST),
            Builtin::Call => Some(Columns::ALL),
            Builtin::Stack(stack)
                if stack.space == Space::Kernel && self.headers.iter().all(|h| h.stacks) =>
            {
                Some(Columns::STACK)
            }
            _ => None,
        };
        if let Some(columns) = columns.filter(|_| of_calls) {
            self.tell_apart(builtin, columns);
        }
        match (columns, builtin) {
            (Some(columns), _) => self.want(columns),
            (None, Builtin::Stack(_)) => self.lacks(span, "these stacks", "tracer record -k keeps them"),
            (None, _) => self.lacks(
                span,
                &format!("`{builtin}`"),
                "they hold each call with its arguments, result, times, CPU, thread, user, group and control group",
            ),
        }
    }

    /// Some recording holds some of the calls.
    fn recorded(&mut self, clause: &Clause, probe: &Probe) {
        if is_unrecorded(probe, self.headers) {
            let missing = missing(probe, self.headers).unwrap_or_default();
            let first: Vec<&str> = missing.iter().copied().take(3).collect();
            let what = format!("`{}`", first.join("`, `"));
            self.lacks(
                clause.span,
                &what,
                "other calls were selected when it was recorded: -e trace=… of tracer record",
            );
        }
    }
}

fn names(calls: &[(Abi, u32)]) -> BTreeSet<&'static str> {
    let names = calls
        .iter()
        .filter_map(|(abi, nr)| syscalls::name(*abi, *nr));
    names.collect()
}

/// Calls of a probe that no recording was to hold; `None` when some recording holds all calls.
fn missing(probe: &Probe, headers: &[Header]) -> Option<BTreeSet<&'static str>> {
    let Probe::Syscall { calls, .. } = probe else {
        return None;
    };
    let mut missing = names(&calls.calls);
    for header in headers {
        let held = header.calls.as_ref()?;
        missing.retain(|name| !held.iter().any(|held| held == name));
    }
    Some(missing)
}

/// Makes clauses on calls that no recording was to hold fire for nothing.
pub(super) fn leave_out_unrecorded(program: &mut Program, headers: &[Header]) {
    for clause in &mut program.clauses {
        clause.probes.retain(|probe| !is_unrecorded(probe, headers));
        if clause.probes.is_empty() {
            (clause.predicate, clause.body) = (None, Vec::new());
        }
    }
}

/// No recording was to hold any of the probe's calls.
fn is_unrecorded(probe: &Probe, headers: &[Header]) -> bool {
    let Probe::Syscall { calls, .. } = probe else {
        return false;
    };
    let missing = missing(probe, headers);
    missing.is_some_and(|missing| !missing.is_empty() && missing.len() == names(&calls.calls).len())
}

/// What somebody should know who reads the answer: that not all was recorded.
pub(super) fn notes(program: &Program, headers: &[Header]) -> Vec<String> {
    let mut notes = Vec::new();
    let probes = program.clauses.iter().flat_map(|clause| &clause.probes);
    let lacking = probes.filter_map(|probe| missing(probe, headers));
    let lacking: BTreeSet<&str> = lacking.flatten().collect();
    if !lacking.is_empty() {
        notes.push(format!(
            "{} of the calls that the query names were not selected when it was recorded",
            lacking.len()
        ));
    }
    let only: BTreeSet<&str> = headers.iter().map(|h| h.only.as_str()).collect();
    notes.extend(
        only.into_iter()
            .filter(|only| !only.is_empty())
            .map(|only| format!("the recording holds only what its options selected: {only}")),
    );
    notes
}
