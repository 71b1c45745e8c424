//! Loops, run by the kernel and by the interpreter: how they end, and what their bodies may hold.

use super::equivalence::same;
use super::privileged;
use crate::codegen::regalloc::Resources;
use crate::ir::build::*;
use crate::ir::{
    Binary, Builtin, Compare, Expr, ExprKind, LOOP_TESTS, MapId, MapValue, Phase, Probe, Program,
    Site, SiteKind, Stmt, StmtKind, VarId,
};
use crate::types::{AggKind, Type};

const COUNTER: VarId = VarId(0);

fn arg(n: u8) -> Expr {
    cast(Type::I64, builtin(Builtin::Arg(n)))
}

/// `$0++ < end`
fn below(end: Expr) -> Expr {
    let step = ExprKind::StepVar {
        var: COUNTER,
        delta: 1,
        postfix: true,
    };
    compare(Compare::Lt, expr(Type::I64, step), end)
}

fn count_to(end: Expr, mut body: Vec<Stmt>) -> Vec<Stmt> {
    body.push(set_map(0, vec![int(0)], var(0, Type::I64)));
    vec![set_var(0, int(0)), repeat(below(end), body, 0)]
}

fn note(key: i64, value: Expr) -> Stmt {
    set_map(0, vec![int(key)], value)
}

fn program(body: Vec<Stmt>, variables: usize) -> Program {
    let probe = Probe::RawTracepoint {
        name: "sched_switch".to_owned(),
    };
    let mut clause = clause(probe, None, body);
    clause.vars = vars(&vec![Type::I64; variables]);
    let maps = vec![map(vec![Type::I64], MapValue::Plain(Type::I64))];
    let mut program = script(vec![clause], maps);
    program.sites = vec![Site {
        kind: SiteKind::LoopLimit,
        span: Default::default(),
    }];
    program
}

fn check(test: &str, program: Program, events: &[Vec<u64>]) {
    assert_eq!(crate::ir::verify::verify(&program), Ok(()));
    if privileged(test) {
        same(program, events, Resources::ALL).expect("both worlds agree");
    }
}

/// One iteration less ends by itself; one test more, and the clause is left.
#[test]
fn the_last_test_of_a_condition() {
    let mut body = vec![set_var(0, int(0)), repeat(below(arg(0)), vec![], 0)];
    body.push(note(1, arg(0)));
    let last = u64::from(LOOP_TESTS);
    check(
        "the_last_test_of_a_condition",
        program(body, 1),
        &[vec![last - 1], vec![last], vec![3]],
    );
}

#[test]
fn jumps_leave_what_they_stand_in() {
    let at = |n, then| {
        when(
            compare(Compare::Eq, var(0, Type::I64), int(n)),
            then,
            vec![],
        )
    };
    let kinds = [StmtKind::Break, StmtKind::Continue, StmtKind::Return];
    for kind in kinds {
        let inner = vec![at(3, vec![stmt(kind.clone())]), note(2, var(0, Type::I64))];
        let outer = vec![
            set_var(1, binary(Binary::Add, var(1, Type::I64), int(1))),
            note(3, var(1, Type::I64)),
            when(boolean(true), count_to(arg(0), inner), vec![]),
            note(4, var(1, Type::I64)),
        ];
        let more = compare(Compare::Lt, var(1, Type::I64), int(4));
        let body = vec![repeat(more, outer, 0), note(5, int(1))];
        let events = [vec![0], vec![2], vec![5], vec![100]];
        check("jumps_leave_what_they_stand_in", program(body, 2), &events);
    }
}

/// Loops eight deep are one callback: neither stack nor frames of the kernel limit them.
#[test]
fn loops_stand_in_loops() {
    let mut body = vec![note(
        9,
        binary(Binary::Add, get(0, Type::I64, vec![int(9)]), int(1)),
    )];
    for depth in 0..8 {
        let value = || var(depth, Type::I64);
        body.push(set_var(depth, binary(Binary::Add, value(), int(1))));
        let more = compare(Compare::Lt, value(), int(2));
        body = vec![set_var(depth, int(0)), repeat(more, body, 0)];
    }
    check("loops_stand_in_loops", program(body, 8), &[vec![0]]);
}

/// More variables than registers and stack hold, changed in every iteration.
#[test]
fn many_variables_live_across_iterations() {
    let change = |n: u32| {
        let more = binary(Binary::Mul, var(n, Type::I64), int(3));
        set_var(n, binary(Binary::Add, more, var(n / 2, Type::I64)))
    };
    let mut body: Vec<Stmt> = (1..60).map(|n| set_var(n, int(i64::from(n)))).collect();
    body.extend(count_to(arg(0), (1..60).map(change).collect()));
    body.extend((0..60).map(|n| note(i64::from(n) + 100, var(n, Type::I64))));
    check(
        "many_variables_live_across_iterations",
        program(body, 60),
        &[vec![1], vec![20]],
    );
}

/// What belongs to the call is there in every iteration: registers, result, what its entry saved.
#[test]
fn calls_are_known_inside_of_loops() {
    let mut program = super::opens();
    let send = std::mem::take(&mut program.clauses[0].body);
    program.clauses[0].vars = vars(&[Type::I64]);
    program.clauses[0].body = vec![repeat(below(int(3)), send, 1)];
    program.clauses[0].probes = vec![syscall(&[super::OPENAT], Phase::Whole)];
    program.sites.push(Site {
        kind: SiteKind::LoopLimit,
        span: Default::default(),
    });
    program.clauses = vec![program.clauses[0].clone(); 12];
    let plan = super::planned(program);
    if privileged("calls_are_known_inside_of_loops") {
        super::loaded(&plan);
    }
}

/// `(key, value)` of a map from number to number, and its parts.
fn pair_type() -> Type {
    Type::Tuple(vec![Type::I64, Type::I64])
}

fn part(of: u32, at: u32) -> Expr {
    let whole = Box::new(var(of, pair_type()));
    expr(Type::I64, ExprKind::TupleField(whole, at))
}

/// Fills map 1 with three keys, and its aggregations with what belongs to them, then does `body`. Variable 0 is a number, 1 and 2
/// are pairs.
fn over_maps(test: &str, mut body: Vec<Stmt>) {
    let mut all = Vec::new();
    for (key, value) in [(3, 30), (5, 50), (-7, -70)] {
        all.push(set_map(1, vec![int(key)], int(value)));
        for at in 2..7 {
            let key = vec![int(key)];
            all.push(match at {
                2 => count(at, key),
                _ => aggregate(at, key, int(value)),
            });
        }
    }
    all.append(&mut body);
    let mut program = program(all, 1);
    program.clauses[0]
        .vars
        .extend(vars(&[pair_type(), pair_type()]));
    let signed = true;
    let kinds = [
        AggKind::Count,
        AggKind::Sum { signed },
        AggKind::Avg { signed },
        AggKind::Min { signed },
        AggKind::Max { signed },
    ];
    program
        .maps
        .push(map(vec![Type::I64], MapValue::Plain(Type::I64)));
    program
        .maps
        .extend(kinds.map(|kind| map(vec![Type::I64], MapValue::Agg(kind))));
    check(test, program, &[vec![0], vec![1], vec![2]]);
}

fn add(to: u32, value: Expr) -> Stmt {
    set_var(to, binary(Binary::Add, var(to, Type::I64), value))
}

#[test]
fn every_pair_of_a_map_is_seen() {
    let mut body = Vec::new();
    for at in 1..7 {
        body.push(set_var(0, int(0)));
        let product = binary(Binary::Mul, part(1, 0), part(1, 1));
        body.push(for_each(at, 1, vec![add(0, product)]));
        body.push(note(i64::from(at), var(0, Type::I64)));
    }
    over_maps("every_pair_of_a_map_is_seen", body);
}

#[test]
fn loops_over_maps_are_left() {
    for kind in [StmtKind::Break, StmtKind::Continue, StmtKind::Return] {
        let once = vec![add(0, int(1)), stmt(kind.clone()), add(0, int(100))];
        let steps = vec![
            add(0, int(1)),
            repeat(
                boolean(true),
                vec![add(0, int(10)), stmt(StmtKind::Break)],
                0,
            ),
            stmt(kind.clone()),
        ];
        for inner in [once, steps] {
            let body = vec![
                note(0, int(1)),
                for_each(1, 1, inner),
                note(1, var(0, Type::I64)),
            ];
            over_maps("loops_over_maps_are_left", body);
        }
    }
}

#[test]
fn loops_over_maps_stand_in_each_other() {
    let inner = for_each(
        3,
        2,
        vec![add(0, binary(Binary::Mul, part(1, 1), part(2, 0)))],
    );
    let outer = for_each(1, 1, vec![inner]);
    let twice = vec![
        set_map(0, vec![int(5)], int(0)),
        repeat(
            compare(Compare::Lt, get(0, Type::I64, vec![int(5)]), int(2)),
            vec![
                outer,
                set_map(
                    0,
                    vec![int(5)],
                    binary(Binary::Add, get(0, Type::I64, vec![int(5)]), int(1)),
                ),
            ],
            0,
        ),
        note(2, var(0, Type::I64)),
    ];
    over_maps("loops_over_maps_stand_in_each_other", twice);
}

#[test]
fn aggregations_are_read_as_they_are_now() {
    let mut body = Vec::new();
    for at in 2..7 {
        for key in [3, -7, 99] {
            let value = agg_get(at, Type::I64, vec![int(key)]);
            body.push(note(i64::from(at) * 100 + key, value));
        }
    }
    over_maps("aggregations_are_read_as_they_are_now", body);
}

/// Deleting the entry that is looked at ends no loop early.
#[test]
fn entries_are_deleted_on_the_way() {
    let delete = stmt(StmtKind::Delete {
        map: MapId(1),
        key: vec![part(1, 0)],
    });
    let body = vec![
        for_each(1, 1, vec![add(0, part(1, 1)), delete]),
        note(3, var(0, Type::I64)),
    ];
    over_maps("entries_are_deleted_on_the_way", body);
}
