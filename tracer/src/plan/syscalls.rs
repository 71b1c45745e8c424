//! Clauses on system calls: the two shared programs, the mask bit of each clause, and what the entry keeps
//! for the exit.
//!
//! In: the program and what the kernel can do. Out: [`SyscallPlan`] and the parts of `sys_enter` and
//! `sys_exit`. A clause that fires at exit is answered there alone whenever its meaning allows it. Never
//! decides for a single query what is decided here by rule:
//!
//! 1. At exit the registers still hold the arguments, except after an execve that succeeded: then they are
//!    0, the number is that of plain execve even for execveat, and in the new image's numbering. So a clause
//!    that wants arguments of an execve captures them, and a clause that could mistake one execve for
//!    another (or shows the call's name) has the identity kept at entry.
//! 2. User memory reached from arguments is captured ([`captures`]).
//! 3. A duration needs the entry's time.
//! 4. At the return from a signal handler the registers are those of what the signal interrupted: its argument is captured as in
//!    rule 1. Its number is -1, but the runtime tells it from a call of that number.

use super::captures::{self, Captures, Wanted};
use super::predicates::{self, Stable};
use super::{Part, Role, SyscallPlan, limits, whole_calls};
use crate::diag::{Diagnostic, Span, codes};
use crate::facts::{Facts, Feature, Support};
use crate::ir::{
    self, Builtin, CallOptions, Clause, ClauseId, EmitKind, Expr, ExprKind, Phase, Probe, StmtKind,
    SyscallSet, walk,
};
use crate::tables::syscalls;
use crate::types::Abi;
use std::sync::LazyLock;

/// execve and execveat of each ABI.
static EXEC_CALLS: LazyLock<SyscallSet> = LazyLock::new(|| of_all_abis(["execve", "execveat"]));

/// Returns from signal handlers.
static SIGRETURNS: LazyLock<SyscallSet> =
    LazyLock::new(|| of_all_abis(["rt_sigreturn", "sigreturn"]));

fn of_all_abis(names: [&str; 2]) -> SyscallSet {
    let abis = [Abi::Native, Abi::I386].into_iter();
    let calls = abis.flat_map(|abi| {
        let numbers = names.map(|name| syscalls::number(abi, name));
        numbers.into_iter().flatten().map(move |n| (abi, n))
    });
    SyscallSet {
        calls: calls.collect(),
        unknown: false,
    }
}

/// Whether the registers at the exit of a call are others than at its entry.
fn loses_registers(call: &(Abi, u32)) -> bool {
    EXEC_CALLS.calls.contains(call) || SIGRETURNS.calls.contains(call)
}

/// Parts of the two shared programs, in order.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) enter: Vec<Part>,
    pub(super) exit: Vec<Part>,
}

/// Plans all syscall clauses. `None` when the program has none.
pub(super) fn plan(
    ir: &ir::Program,
    facts: &dyn Facts,
    found: &mut Vec<Diagnostic>,
) -> (Option<SyscallPlan>, Shared) {
    let mut planner = Planner {
        options: ir.call,
        ..Planner::default()
    };
    for (at, clause) in ir.clauses.iter().enumerate() {
        planner.clause(ir, ClauseId(at as u32), clause);
    }
    planner.keep_exec_identity();
    if planner.plan.wants.is_empty() {
        return (None, Shared::default());
    }
    planner.plan.gate = gate(&planner.shared);
    planner.plan.children = ir.call.children;
    planner.check(ir, facts, found);
    (Some(planner.plan), planner.shared)
}

#[derive(Default)]
struct Planner {
    plan: SyscallPlan,
    shared: Shared,
    captures: Captures,
    /// The first clause that must know which execve an exit belongs to.
    wants_exec_identity: Option<ClauseId>,
    /// What whole calls carry.
    options: CallOptions,
}

impl Planner {
    fn clause(&mut self, ir: &ir::Program, id: ClauseId, clause: &Clause) {
        for phase in [Phase::Entry, Phase::Return, Phase::Whole] {
            let calls = calls_of(clause, phase);
            if calls.is_empty() {
                continue;
            }
            let conjuncts = predicates::conjuncts(clause.predicate.as_ref());
            if phase == Phase::Entry {
                let bit = self.bit(calls);
                self.plan.enter_bits |= 1 << (bit % 64);
                if mentions(clause, &is_whole) {
                    let calls = self.plan.wants[bit as usize].clone();
                    self.plan.sent_whole.add(&calls);
                }
                let run = run(clause, conjuncts, Vec::new());
                self.shared.enter.push(part(id, bit, run));
                continue;
            }
            if self.wants_exec_identity.is_none()
                && is_identity_seen(ir, clause, &calls, &conjuncts)
            {
                self.wants_exec_identity = Some(id);
            }
            for calls in variants(clause, &calls, &conjuncts, self.options) {
                self.exit_part(id, clause, calls, &conjuncts);
            }
        }
    }

    /// The exit's part of a clause for some of its calls and, when something is to be kept, the entry's.
    fn exit_part(&mut self, id: ClauseId, clause: &Clause, calls: SyscallSet, conjuncts: &[Expr]) {
        let stable = calls.stable();
        let kept = entry_values(clause, &calls, stable, self.options);
        let is_whole = mentions(clause, &is_whole);
        let whole_bit = u64::from(is_whole) << (self.plan.wants.len() % 64);
        if is_whole {
            self.plan.sent_whole.add(&calls);
        }
        self.plan.whole_bits |= whole_bit;
        let is_timed = mentions(clause, &is_duration) || is_whole && self.options.times;
        let needs_entry = !kept.is_empty() || is_timed || mentions(clause, &is_timing);
        let captures = self.captures.add(kept, &calls);
        let bit = self.bit(calls);
        self.plan.exit_bits |= 1 << (bit % 64);
        if needs_entry {
            self.plan.enter_bits |= 1 << (bit % 64);
            self.plan.needs_state = true;
            self.plan.needs_time |= is_timed;
            let role = Role::Capture {
                predicate: hoisted(conjuncts, stable),
                captures: captures.clone(),
            };
            self.shared.enter.push(part(id, bit, role));
        }
        let run = run(clause, conjuncts.to_vec(), captures);
        self.shared.exit.push(part(id, bit, run));
    }

    /// Rule 1: keeps the state of every execve, unless a clause does so anyway.
    fn keep_exec_identity(&mut self) {
        let Some(clause) = self.wants_exec_identity else {
            return;
        };
        let mut kept = SyscallSet::default();
        for part in &self.shared.enter {
            let bit = part.mask_bit.map(usize::from);
            let calls = bit.and_then(|b| self.plan.wants.get(b));
            if let (Role::Capture { predicate, .. }, Some(calls)) = (&part.role, calls)
                && predicate.is_empty()
            {
                kept.add(calls);
            }
        }
        let kept_anyway = EXEC_CALLS.calls.iter().all(|x| kept.calls.contains(x));
        if kept_anyway {
            return;
        }
        let bit = self.bit(EXEC_CALLS.clone());
        self.plan.enter_bits |= 1 << (bit % 64);
        self.plan.needs_state = true;
        let role = Role::Capture {
            predicate: Vec::new(),
            captures: Vec::new(),
        };
        self.shared.enter.push(part(clause, bit, role));
    }

    fn bit(&mut self, calls: SyscallSet) -> u32 {
        self.plan.wants.push(calls);
        self.plan.wants.len() as u32 - 1
    }

    /// Fills in the layout of the state and says what does not fit.
    fn check(&mut self, ir: &ir::Program, facts: &dyn Facts, found: &mut Vec<Diagnostic>) {
        let (captures, state_size) = std::mem::take(&mut self.captures).place();
        self.plan.captures = captures;
        self.plan.state_size = state_size;
        let used = self.plan.wants.len() as u32;
        if used > limits::SYSCALL_CLAUSES {
            found.push(too_many_clauses(ir, &self.shared, used));
        }
        let keeper = self
            .shared
            .enter
            .iter()
            .find(|p| matches!(p.role, Role::Capture { .. }));
        let span = keeper.map_or(Span::default(), |p| span(ir, p.clause));
        if state_size > limits::STATE_BYTES {
            let what = format!(
                "{state_size} bytes are to be kept from entry to exit, at most {} can be",
                limits::STATE_BYTES
            );
            found.push(
                Diagnostic::error(codes::STATE_TOO_LARGE, span, what)
                    .help("cut the strings, e.g. str(args.filename, 64)"),
            );
        }
        if self.plan.needs_state
            && let Support::No(why) = facts.has(Feature::TaskStorage)
        {
            let what = format!("the entry of a call cannot be kept for its exit: {why}");
            found.push(
                Diagnostic::error(codes::NO_TASK_STORAGE, span, what).help(
                    "probe the entry (syscall:NAME:entry), or use only numbers and the result",
                ),
            );
        }
    }
}

/// What is the same for all clauses and never changes for a process: its conjuncts are asked first, so a call of another
/// process costs no more than that. Not what stands behind a conjunct whose evaluation can be noticed.
fn gate(shared: &Shared) -> Vec<Expr> {
    let predicate = |part: &Part| match &part.role {
        Role::Run { predicate, .. } => {
            let front = predicate.iter().take_while(|c| !predicates::has_effect(c));
            Some(front.cloned().collect::<Vec<Expr>>())
        }
        // What an entry keeps is for a clause that runs.
        Role::Capture { .. } | Role::Again { .. } => None,
    };
    let mut all = shared
        .enter
        .iter()
        .chain(&shared.exit)
        .filter_map(predicate);
    let mut common = all.next().unwrap_or_default();
    common.retain(|c| predicates::is_final_at_entry(c, Stable::Exec));
    for other in all {
        common.retain(|c| other.iter().any(|o| o.same_value(c)));
    }
    common
}

fn too_many_clauses(ir: &ir::Program, shared: &Shared, used: u32) -> Diagnostic {
    let beyond = shared
        .enter
        .iter()
        .chain(&shared.exit)
        .filter(|p| {
            p.mask_bit
                .is_some_and(|b| u32::from(b) >= limits::SYSCALL_CLAUSES)
        })
        .map(|p| p.clause)
        .min();
    let span = beyond.map_or(Span::default(), |c| span(ir, c));
    let what = format!(
        "the clauses on system calls need {used} places in the shared programs, there are {}",
        limits::SYSCALL_CLAUSES
    );
    Diagnostic::error(codes::TOO_MANY_SYSCALL_CLAUSES, span, what)
        .label("this one has no place left")
        .help("join clauses that do the same: syscall:a,syscall:b { … }")
}

fn span(ir: &ir::Program, id: ClauseId) -> Span {
    ir.clauses[id.0 as usize].span
}

fn part(clause: ClauseId, bit: u32, role: Role) -> Part {
    Part {
        clause,
        // Bits that do not fit are refused by `check`; the number only has to stay tellable until then.
        mask_bit: Some(bit.min(u32::from(u8::MAX)) as u8),
        role,
    }
}

fn run(clause: &Clause, predicate: Vec<Expr>, captures: Vec<super::CaptureId>) -> Role {
    Role::Run {
        probe_name: None,
        func_name: None,
        predicate,
        body: clause.body.clone(),
        captures,
    }
}

/// All calls of the clause's probes of one phase. A call named by two of them fires once.
fn calls_of(clause: &Clause, phase: Phase) -> SyscallSet {
    let mut all = SyscallSet::default();
    for probe in &clause.probes {
        if let Probe::Syscall { calls, phase: p } = probe
            && *p == phase
        {
            all.add(calls);
        }
    }
    all
}

/// The calls in one piece; or in several, so that only those have an entry that need one: those that lose their registers apart
/// when only they would, or would keep a predicate from being checked there; of whole calls those that read memory apart.
fn variants(
    clause: &Clause,
    calls: &SyscallSet,
    conjuncts: &[Expr],
    options: CallOptions,
) -> Vec<SyscallSet> {
    if !mentions(clause, &is_whole) {
        return lost_variants(clause, calls, conjuncts, options);
    }
    let (reading, others) = calls.clone().split_reading(options);
    let parts = [others, reading]
        .into_iter()
        .filter(|calls| !calls.is_empty());
    parts
        .flat_map(|calls| lost_variants(clause, &calls, conjuncts, options))
        .collect()
}

fn lost_variants(
    clause: &Clause,
    calls: &SyscallSet,
    conjuncts: &[Expr],
    options: CallOptions,
) -> Vec<SyscallSet> {
    let (lost, rest) = calls.clone().split_lost();
    let kept = |stable| entry_values(clause, calls, stable, options);
    let is_alike = kept(Stable::Exec) == kept(Stable::Call)
        && hoisted(conjuncts, Stable::Exec) == hoisted(conjuncts, Stable::Call);
    if is_alike || lost.is_empty() || rest.is_empty() {
        return vec![calls.clone()];
    }
    vec![rest, lost]
}

/// What the clause needs of the entry, besides its time.
fn entry_values(
    clause: &Clause,
    calls: &SyscallSet,
    stable: Stable,
    options: CallOptions,
) -> Vec<Expr> {
    let wanted = Wanted {
        calls,
        registers: stable == Stable::Exec,
        memory: calls.reads_memory(options),
    };
    let mut values = Vec::new();
    for e in expressions(clause) {
        captures::find(e, &wanted, &mut values);
    }
    values
}

fn hoisted(conjuncts: &[Expr], stable: Stable) -> Vec<Expr> {
    conjuncts
        .iter()
        .filter(|c| predicates::is_final_at_entry(c, stable))
        .cloned()
        .collect()
}

/// The predicate and the expressions that stand directly in statements.
fn expressions(clause: &Clause) -> Vec<&Expr> {
    let mut all: Vec<&Expr> = clause.predicate.iter().collect();
    walk::visit_stmts(&clause.body, &mut |stmt| all.extend(stmt.exprs()));
    all
}

fn mentions(clause: &Clause, is_meant: &dyn Fn(Builtin) -> bool) -> bool {
    let is_meant = |e: &Expr| matches!(e.kind, ExprKind::Builtin(b) if is_meant(b));
    expressions(clause).into_iter().any(|e| e.any(&is_meant))
}

fn is_duration(b: Builtin) -> bool {
    b == Builtin::Duration
}

fn is_whole(b: Builtin) -> bool {
    b == Builtin::Call
}

fn is_timing(b: Builtin) -> bool {
    is_duration(b) || b == Builtin::EntrySeen
}

/// Whether the clause can tell, or could mistake, which execve has succeeded.
fn is_identity_seen(
    ir: &ir::Program,
    clause: &Clause,
    calls: &SyscallSet,
    conjuncts: &[Expr],
) -> bool {
    let wanted = EXEC_CALLS
        .calls
        .iter()
        .filter(|x| calls.calls.contains(x))
        .count();
    let is_shown = mentions(clause, &|b| {
        matches!(
            b,
            Builtin::SyscallNr | Builtin::SyscallName | Builtin::SyscallAbi
        )
    }) || sends_record(ir, clause);
    let can_mistake = wanted > 0 && (wanted < EXEC_CALLS.calls.len() || is_shown);
    can_mistake && !predicates::excludes_result_zero(conjuncts)
}

/// A record's header names the call.
fn sends_record(ir: &ir::Program, clause: &Clause) -> bool {
    let mut sends = false;
    walk::visit_stmts(&clause.body, &mut |stmt| {
        if let StmtKind::Emit { id, .. } = stmt.kind {
            let kind = &ir.emits[id.0 as usize].kind;
            sends |= matches!(
                kind,
                EmitKind::Printf(_)
                    | EmitKind::PrintValue
                    | EmitKind::Call
                    | EmitKind::Verdict { .. }
                    | EmitKind::Tail(_)
            );
        }
    });
    sends
}

impl SyscallSet {
    /// No call at all.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && !self.unknown
    }

    /// Adds the other's calls.
    pub fn add(&mut self, other: &SyscallSet) {
        self.calls.extend(&other.calls);
        self.calls.sort_unstable();
        self.calls.dedup();
        self.unknown |= other.unknown;
    }

    /// Whether some call is in both.
    pub fn meets(&self, other: &SyscallSet) -> bool {
        let (small, large) = if self.calls.len() < other.calls.len() {
            (self, other)
        } else {
            (other, self)
        };
        let shared = |c| large.calls.binary_search(c).is_ok();
        (self.unknown && other.unknown) || small.calls.iter().any(shared)
    }

    /// The execves of the set.
    pub fn execs(&self) -> impl Iterator<Item = (Abi, u32)> {
        let execs = |c: &&(Abi, u32)| EXEC_CALLS.calls.contains(c);
        self.calls.iter().filter(execs).copied()
    }

    /// Numbers that exits of the set's calls show beside their own: that of another execve, or -1.
    pub fn shown_at_exit(&self) -> impl Iterator<Item = u32> {
        let others = |alike: &'static SyscallSet, shown: Vec<u32>| match self.meets(alike) {
            true => shown,
            false => Vec::new(),
        };
        let execs = EXEC_CALLS.calls.iter().map(|(_, number)| *number);
        let execs = others(&EXEC_CALLS, execs.collect());
        let returns = others(&SIGRETURNS, vec![u32::MAX]);
        execs.into_iter().chain(returns)
    }

    /// The calls of the set whose registers are lost, and the rest.
    fn split_lost(self) -> (SyscallSet, SyscallSet) {
        let (lost, rest) = self.calls.iter().partition(|call| loses_registers(call));
        let lost = SyscallSet {
            calls: lost,
            unknown: false,
        };
        let rest = SyscallSet {
            calls: rest,
            unknown: self.unknown,
        };
        (lost, rest)
    }

    /// The calls that read memory, which is copied at their entry; and the rest.
    fn split_reading(self, options: CallOptions) -> (SyscallSet, SyscallSet) {
        let reads = |&(abi, number): &(Abi, u32)| whole_calls::needs_entry(abi, number, options);
        let (reading, others) = self.calls.iter().copied().partition(reads);
        let set = |calls, unknown| SyscallSet { calls, unknown };
        (set(reading, false), set(others, self.unknown))
    }

    fn reads_memory(&self, options: CallOptions) -> bool {
        let mut calls = self.calls.iter();
        calls.any(|&(abi, number)| whole_calls::needs_entry(abi, number, options))
    }

    fn stable(&self) -> Stable {
        if self.calls.iter().any(loses_registers) {
            Stable::Exec
        } else {
            Stable::Call
        }
    }
}
