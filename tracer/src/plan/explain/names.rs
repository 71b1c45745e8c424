//! Names that an explanation uses: calls by set, arguments by what the calls name them.
//!
//! In: a clause and its calls. Out: short text. Never prints hundreds of names.

use crate::diag::Span;
use crate::ir::{
    self, Builtin, Clause, ClauseId, EmitKind, Expr, ExprKind, Lifecycle, StmtKind, SyscallSet,
    walk,
};
use crate::tables::syscalls;
use crate::types::Abi;

/// Calls that are listed by name before only their number is said.
const LISTED_CALLS: usize = 8;

/// What the names in a clause's expressions stand for.
pub(super) struct Names<'p> {
    pub(super) ir: &'p ir::Program,
    pub(super) clause: &'p Clause,
    calls: Option<&'p SyscallSet>,
}

impl<'p> Names<'p> {
    pub(super) fn new(
        ir: &'p ir::Program,
        clause: &'p Clause,
        calls: Option<&'p SyscallSet>,
    ) -> Names<'p> {
        Names { ir, clause, calls }
    }

    /// `args.filename` when all calls of the clause call it that, else `arg1`.
    pub(super) fn argument(&self, n: u8) -> String {
        let named = self.calls.filter(|c| !c.unknown).and_then(|calls| {
            let mut names = calls.calls.iter().map(|&(abi, number)| {
                let call = syscalls::name(abi, number)?;
                let args = syscalls::signature(abi, call)?.args;
                args.get(usize::from(n)).map(|a| a.name)
            });
            let first = names.next()??;
            names.all(|name| name == Some(first)).then_some(first)
        });
        named.map_or(format!("arg{n}"), |name| format!("args.{name}"))
    }
}

/// Number of the source clause, from 1: a clause that the checker has split is still one to its reader.
pub(super) fn clause_number(ir: &ir::Program, id: ClauseId) -> usize {
    let mut spans: Vec<Span> = Vec::new();
    for clause in &ir.clauses[..=id.0 as usize] {
        if !spans.contains(&clause.span) {
            spans.push(clause.span);
        }
    }
    let own = ir.clauses[id.0 as usize].span;
    let at = spans.iter().position(|s| *s == own);
    at.map_or(0, |at| at + 1)
}

/// A set of calls in a few words.
pub(super) fn calls(set: &SyscallSet) -> String {
    if set.unknown {
        return "every system call".to_owned();
    }
    let mut names: Vec<&str> = Vec::new();
    for &(abi, number) in &set.calls {
        let name = syscalls::name(abi, number).unwrap_or("?");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let abis = match (has(set, Abi::Native), has(set, Abi::I386)) {
        (true, false) => ", 64-bit",
        (false, true) => ", 32-bit",
        _ => "",
    };
    if names.len() <= LISTED_CALLS {
        return format!("{}{abis}", names.join(", "));
    }
    let first = names[..LISTED_CALLS / 2].join(", ");
    format!("{first}, … ({} calls){abis}", names.len())
}

fn has(set: &SyscallSet, abi: Abi) -> bool {
    set.calls.iter().any(|(a, _)| *a == abi)
}

/// The statement that sends a record.
pub(super) fn emit(kind: &EmitKind, ir: &ir::Program) -> String {
    let map = |map: &ir::MapId| format!("@{}", ir.maps[map.0 as usize].name);
    match kind {
        EmitKind::Printf(_) => "printf".to_owned(),
        EmitKind::PrintValue => "print".to_owned(),
        EmitKind::Call => "trace".to_owned(),
        EmitKind::Lifecycle(Lifecycle::Exit) => "trace_exit".to_owned(),
        EmitKind::Lifecycle(Lifecycle::Signal) => "trace_signal".to_owned(),
        EmitKind::PrintMap { map: m, .. } => format!("print({})", map(m)),
        EmitKind::Clear(m) => format!("clear({})", map(m)),
        EmitKind::Zero(m) => format!("zero({})", map(m)),
        EmitKind::Time(_) => "time".to_owned(),
        EmitKind::Exit => "exit".to_owned(),
        EmitKind::System(_) => "system".to_owned(),
        EmitKind::Cat(_) => "cat".to_owned(),
        EmitKind::Message { error: true, .. } => "errorf".to_owned(),
        EmitKind::Message { error: false, .. } => "warnf".to_owned(),
        EmitKind::Verdict { verdict, .. } => verdict.name().to_owned(),
        EmitKind::Join(_) => "join".to_owned(),
        EmitKind::Tail(_) => "the rest of a clause".to_owned(),
    }
}

/// By emit: some clause sends it from the kernel.
pub(super) fn sent(ir: &ir::Program) -> Vec<bool> {
    let mut sent = vec![false; ir.emits.len()];
    let of_kind = |kind: &EmitKind, sent: &mut Vec<bool>| {
        let emits = ir.emits.iter().zip(sent);
        emits.for_each(|(emit, sent)| *sent |= emit.kind == *kind);
    };
    for clause in &ir.clauses {
        walk::visit_stmts(&clause.body, &mut |stmt| match &stmt.kind {
            StmtKind::Emit { id, .. } => sent[id.0 as usize] = true,
            StmtKind::Clear(map) => of_kind(&EmitKind::Clear(*map), &mut sent),
            StmtKind::Zero(map) => of_kind(&EmitKind::Zero(*map), &mut sent),
            StmtKind::Exit(_) => of_kind(&EmitKind::Exit, &mut sent),
            _ => {}
        });
    }
    sent
}

/// The clause wants to know how long a call took.
pub(super) fn uses_time(clause: &Clause) -> bool {
    let is_time = |e: &Expr| matches!(e.kind, ExprKind::Builtin(Builtin::Duration));
    let mut uses = clause.predicate.iter().any(|p| p.any(&is_time));
    walk::visit_exprs(&clause.body, &mut |e| uses |= is_time(e));
    uses
}

/// The value stands in a register at entry, not in memory.
pub(super) fn is_register(e: &Expr) -> bool {
    matches!(e.kind, ExprKind::Builtin(_))
}
