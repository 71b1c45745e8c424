//! Splitting changes where a program runs, not what it does.

use super::*;
use crate::facts::Fixed;
use crate::interp::{Effect, Machine, Recorded};
use crate::ir::build::*;
use crate::ir::{Builtin, ClauseId, EmitKind, Phase, SiteId, SiteKind, TailId, arbitrary};
use crate::plan::{Options, Plan, plan, tests::event};
use crate::types::{Abi, Lazy, Type};
use proptest::collection::vec;
use proptest::prelude::*;

/// The text of a kernel address.
fn symbol(of: Expr) -> Expr {
    let lazy = expr(Type::Lazy(Lazy::Ksym), ExprKind::Cast(Box::new(of)));
    expr(Type::Str { cap: 64 }, ExprKind::Text(Box::new(lazy)))
}

fn is_open() -> Expr {
    let name = text("do_sys_open", 64);
    compare(ir::Compare::Eq, symbol(builtin(Builtin::Arg(0))), name)
}

fn planned(body: Vec<Stmt>) -> Plan {
    let probe = syscall(&[(Abi::Native, 257)], Phase::Entry);
    let program = script(vec![clause(probe, None, body)], vec![counter(), counter()]);
    plan(program, &Fixed::default(), &Options::default()).expect("fits")
}

fn tail(plan: &Plan) -> &[Stmt] {
    let user = plan.user.as_ref().expect("something is left to user space");
    assert_eq!(user.program.clauses.len(), 1);
    &user.program.clauses[0].body
}

#[test]
fn a_program_for_the_kernel_is_not_split() {
    let plan = planned(vec![count(0, vec![builtin(Builtin::Comm)])]);
    assert_eq!(plan.user, None);
}

#[test]
fn what_does_not_depend_on_the_tail_stays_in_the_kernel() {
    let by_comm = |map| count(map, vec![builtin(Builtin::Comm)]);
    let plan = planned(vec![when(is_open(), vec![by_comm(0)], vec![]), by_comm(1)]);
    assert_eq!(tail(&plan).len(), 1);
    let user = plan.user.as_ref().expect("split");
    assert_eq!(user.owned, [true, false]);
    let kinds: Vec<_> = plan.ir.clauses[0].body.iter().map(|s| &s.kind).collect();
    assert!(
        matches!(
            kinds[..],
            [StmtKind::Aggregate { .. }, StmtKind::Emit { .. }]
        ),
        "{kinds:?}"
    );
    assert!(
        plan.maps
            .iter()
            .all(|m| m.name != plan.session_maps[0].spec)
    );
}

#[test]
fn a_condition_that_the_kernel_can_decide_is_decided_there() {
    let cond = compare(
        ir::Compare::Eq,
        builtin(Builtin::Pid),
        builtin(Builtin::Tid),
    );
    let inner = when(
        is_open(),
        vec![count(0, vec![builtin(Builtin::Comm)])],
        vec![],
    );
    let plan = planned(vec![when(cond, vec![inner], vec![])]);
    let StmtKind::If { then, .. } = &plan.ir.clauses[0].body[0].kind else {
        panic!("the condition stays")
    };
    assert!(matches!(then[0].kind, StmtKind::Emit { .. }));
    assert_eq!(tail(&plan).len(), 1);
}

#[test]
fn a_map_of_user_space_is_used_there_only() {
    let written = when(
        is_open(),
        vec![count(0, vec![builtin(Builtin::Comm)])],
        vec![],
    );
    let elsewhere = count(0, vec![builtin(Builtin::Comm)]);
    let probe = || syscall(&[(Abi::Native, 257)], Phase::Entry);
    let clauses = vec![
        clause(probe(), None, vec![written]),
        clause(probe(), None, vec![elsewhere]),
    ];
    let program = script(clauses, vec![counter()]);
    let plan = plan(program, &Fixed::default(), &Options::default()).expect("fits");
    let user = plan.user.expect("split");
    assert_eq!(user.program.clauses.len(), 2);
    for clause in &plan.ir.clauses {
        assert!(matches!(
            clause.body[..],
            [Stmt {
                kind: StmtKind::Emit { .. },
                ..
            }]
        ));
    }
}

#[test]
fn a_predicate_cannot_read_a_map_of_user_space() {
    let key = || vec![builtin(Builtin::Comm)];
    let written = when(is_open(), vec![count(0, key())], vec![]);
    let has = expr(
        Type::Bool,
        ExprKind::HasKey {
            map: MapId(0),
            key: key(),
        },
    );
    let probe = || syscall(&[(Abi::Native, 257)], Phase::Entry);
    let clauses = vec![
        clause(probe(), None, vec![written]),
        clause(probe(), Some(has), vec![count(1, key())]),
    ];
    let program = script(clauses, vec![counter(), counter()]);
    let refused = plan(program, &Fixed::default(), &Options::default()).expect_err("a predicate");
    assert_eq!(refused[0].code, codes::MAP_IN_USER_SPACE);
}

/// Both halves on one event: what the kernel's half sends is handled in order.
fn fire(
    kernel: &mut Machine<'_>,
    user: &mut Machine<'_>,
    half: &UserHalf,
    event: &Recorded,
) -> Vec<Effect> {
    let mut all = Vec::new();
    for effect in kernel.fire(ClauseId(0), event).effects {
        match effect {
            Effect::Emit { id, args }
                if matches!(half.program.emits[id.0 as usize].kind, EmitKind::Tail(_)) =>
            {
                let EmitKind::Tail(TailId(tail)) = half.program.emits[id.0 as usize].kind else {
                    unreachable!("just seen")
                };
                let vars = half.params[tail as usize].iter().copied().zip(args);
                all.extend(user.resume(ClauseId(tail), vars, event).effects);
            }
            other => all.push(other),
        }
    }
    all
}

/// Signals to the event's own process, and all else: the kernel sends a signal at once, what user space prints comes later.
fn signals_apart(effects: Vec<Effect>) -> (Vec<Effect>, Vec<Effect>) {
    let is_signal = |effect: &Effect| matches!(effect, Effect::Signal(_));
    effects.into_iter().partition(is_signal)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whichever maps are kept in user space: maps and effects are those of the whole program.
    #[test]
    fn halves_do_what_the_whole_does(
        tape in vec(any::<u32>(), 0..300),
        in_user_space in any::<u64>(),
        events in vec(vec(any::<u64>().prop_map(arbitrary::word), 4), 1..6),
    ) {
        let mut whole = arbitrary::program(&tape, "sched_switch");
        if let Some(predicate) = whole.clauses[0].predicate.take() {
            let body = std::mem::take(&mut whole.clauses[0].body);
            whole.clauses[0].body = vec![when(predicate, body, vec![])];
        }
        let maps = (0..whole.maps.len() as u32).map(MapId);
        let forced = maps.filter(|map| in_user_space >> map.0 & 1 == 1).collect();
        let owned = owned(&whole, forced);
        let (mut kernel, mut found) = (whole.clone(), Vec::new());
        let half = apart(&mut kernel, &owned, &mut found);
        prop_assume!(found.is_empty());
        let mut one = Machine::new(&whole);
        let (mut below, mut above) = (Machine::new(&kernel), Machine::new(&half.program));
        for words in &events {
            let event = event(words);
            let expected = one.fire(ClauseId(0), &event).effects;
            // A loop without end is left after a number of tests that each half counts for itself.
            let runaway = |(at, site): (usize, &ir::Site)| {
                site.kind == SiteKind::LoopLimit && one.errors_at(SiteId(at as u32)) > 0
            };
            prop_assume!(!whole.sites.iter().enumerate().any(runaway));
            let found = fire(&mut below, &mut above, &half, &event);
            prop_assert_eq!(signals_apart(found), signals_apart(expected));
        }
        for map in (0..whole.maps.len() as u32).map(MapId) {
            let kept = if half.owns(map) { &above } else { &below };
            prop_assert_eq!(kept.map(map), one.map(map), "map {}", map.0);
        }
    }
}
