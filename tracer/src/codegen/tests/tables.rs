//! Corners that arbitrary programs rarely meet, each run by the kernel and by the interpreter: every operator on every
//! pair of difficult words, buckets at their bounds, strings at their capacity, values made of their own parts.

use super::equivalence::{same, same_plan};
use super::{planned, privileged};
use crate::codegen::regalloc::Resources;
use crate::ir::build::*;
use crate::ir::{
    Binary, Builtin, Compare, Expr, ExprKind, MapId, MapValue, Probe, Program, Site, SiteKind,
    Stmt, StmtKind, Unary,
};
use crate::types::{AggKind, Gathered, HistShape, Series, Type};

const WORDS: [u64; 12] = [
    0,
    1,
    2,
    7,
    63,
    64,
    65,
    u64::MAX,
    i64::MIN as u64,
    i64::MAX as u64,
    (-7i64) as u64,
    0x8000_0000,
];

const INTEGERS: [Type; 2] = [Type::I64, Type::U64];

fn arg(n: u8, ty: &Type) -> Expr {
    cast(ty.clone(), builtin(Builtin::Arg(n)))
}

fn program(body: Vec<Stmt>, maps: Vec<crate::ir::Map>, types: &[Type]) -> Program {
    let probe = Probe::RawTracepoint {
        name: "sched_switch".to_owned(),
    };
    let mut clause = clause(probe, None, body);
    clause.vars = vars(types);
    let mut program = script(vec![clause], maps);
    program.sites = vec![Site {
        kind: SiteKind::DivideByZero,
        span: Default::default(),
    }];
    program
}

/// `@[event, number of the expression] = expression`, where the event is argument 2.
fn results(exprs: Vec<Expr>, ty: &Type) -> Program {
    let statement = |(n, e): (usize, Expr)| {
        let key = vec![arg(2, &Type::U64), uint(n as u64)];
        set_map(0, key, e)
    };
    let body = exprs.into_iter().enumerate().map(statement).collect();
    let key = vec![Type::U64, Type::U64];
    let value = MapValue::Plain(ty.clone());
    program(body, vec![map(key, value)], &[])
}

/// All pairs of words, numbered.
fn pairs() -> Vec<Vec<u64>> {
    let pair = |(a, b): (&u64, &u64)| (*a, *b);
    let all = WORDS.iter().flat_map(|a| WORDS.iter().map(move |b| (a, b)));
    all.map(pair)
        .enumerate()
        .map(|(n, (a, b))| vec![a, b, n as u64])
        .collect()
}

fn check(test: &str, program: Program, events: &[Vec<u64>]) {
    if privileged(test) {
        same(program, events, Resources::ALL).expect("both worlds agree");
    }
}

const BINARY: [Binary; 10] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Mod,
    Binary::And,
    Binary::Or,
    Binary::Xor,
    Binary::Shl,
    Binary::Shr,
];

const COMPARISONS: [Compare; 6] = [
    Compare::Eq,
    Compare::Ne,
    Compare::Lt,
    Compare::Le,
    Compare::Gt,
    Compare::Ge,
];

#[test]
fn operators_on_registers() {
    let mut exprs = Vec::new();
    for ty in INTEGERS {
        for op in BINARY {
            let e = binary(op, arg(0, &ty), arg(1, &ty));
            exprs.push(cast(Type::U64, e));
        }
        for op in COMPARISONS {
            let e = compare(op, arg(0, &ty), arg(1, &ty));
            exprs.push(cast(Type::U64, e));
        }
        for op in [Unary::Neg, Unary::BitNot, Unary::Swap] {
            exprs.push(cast(Type::U64, unary(op, arg(0, &ty))));
        }
    }
    check(
        "operators_on_registers",
        results(exprs, &Type::U64),
        &pairs(),
    );
}

#[test]
fn operators_on_constants() {
    let events: Vec<Vec<u64>> = WORDS
        .iter()
        .enumerate()
        .map(|(n, word)| vec![*word, 0, n as u64])
        .collect();
    for word in WORDS {
        let mut exprs = Vec::new();
        for ty in INTEGERS {
            let constant = || expr(ty.clone(), ExprKind::Int(word));
            for op in BINARY {
                let right = binary(op, arg(0, &ty), constant());
                let left = binary(op, constant(), arg(0, &ty));
                exprs.extend([cast(Type::U64, right), cast(Type::U64, left)]);
            }
            for op in COMPARISONS {
                let e = compare(op, arg(0, &ty), constant());
                exprs.push(cast(Type::U64, e));
            }
        }
        let program = results(exprs, &Type::U64);
        check("operators_on_constants", program, &events);
    }
}

#[test]
fn casts_between_all_widths() {
    let integer = |bits, signed| Type::Int { bits, signed };
    let types: Vec<Type> = [8, 16, 32, 64]
        .into_iter()
        .flat_map(|bits| [integer(bits, true), integer(bits, false)])
        .chain([Type::Bool])
        .collect();
    let mut exprs = Vec::new();
    for from in &types {
        for to in &types {
            let e = cast(to.clone(), arg(0, from));
            exprs.push(cast(Type::U64, e));
        }
    }
    check(
        "casts_between_all_widths",
        results(exprs, &Type::U64),
        &pairs(),
    );
}

#[test]
fn buckets_at_their_bounds() {
    let linear = HistShape::Linear {
        min: -5,
        max: 20,
        step: 4,
    };
    let kinds = [
        AggKind::Hist(linear),
        AggKind::Hist(HistShape::Log2 {
            signed: true,
            bits: 0,
        }),
        AggKind::Hist(HistShape::Log2 {
            signed: false,
            bits: 0,
        }),
        AggKind::Min { signed: true },
        AggKind::Min { signed: false },
        AggKind::Max { signed: true },
        AggKind::Avg { signed: true },
        AggKind::Stats { signed: true },
        AggKind::Sum { signed: false },
        AggKind::Count,
    ];
    let mut maps = Vec::new();
    let mut body = Vec::new();
    for kind in kinds {
        for key in [vec![], vec![Type::U64]] {
            let value = (kind != AggKind::Count).then(|| arg(0, &Type::I64));
            body.push(stmt(StmtKind::Aggregate {
                map: MapId(maps.len() as u32),
                key: key.iter().map(|_| uint(3)).collect(),
                value,
            }));
            maps.push(map(key, MapValue::Agg(kind)));
        }
    }
    let near = [-6i64, -5, -4, -2, -1, 0, 3, 18, 19, 20, 21].map(|x| x as u64);
    let powers = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]);
    let events: Vec<Vec<u64>> = near.into_iter().chain(powers).map(|x| vec![x]).collect();
    if !privileged("buckets_at_their_bounds") {
        return;
    }
    let mut plan = planned(program(body, maps, &[]));
    for atomic in [false, true] {
        plan.session_maps.iter_mut().for_each(|m| m.atomic = atomic);
        same_plan(&plan, &events, Resources::ALL).expect("both worlds agree");
    }
}

#[test]
fn series_by_interval() {
    let mut maps = Vec::new();
    let mut body = Vec::new();
    let mut types = Vec::new();
    for ((of, _), signed) in Gathered::ALL
        .into_iter()
        .zip([true, false, true, false, true])
    {
        for (key, intervals, interval_ns) in [
            (vec![], 1, 1),
            (vec![Type::U64], 5, 7),
            (vec![], 1000, 1 << 40),
        ] {
            let number = Type::Int { bits: 64, signed };
            let pair = tuple(vec![arg(0, &number), arg(1, &Type::U64)]);
            let series = Series {
                interval_ns,
                intervals,
                of,
                signed,
            };
            // The pair as it is, or in a variable.
            let value = match intervals {
                5 => {
                    let at = types.len() as u32;
                    let ty = pair.ty.clone();
                    types.push(ty.clone());
                    body.push(set_var(at, pair));
                    var(at, ty)
                }
                _ => pair,
            };
            body.push(stmt(StmtKind::Aggregate {
                map: MapId(maps.len() as u32),
                key: key.iter().map(|_| uint(3)).collect(),
                value: Some(value),
            }));
            maps.push(map(key, MapValue::Agg(AggKind::Series(series))));
        }
    }
    // Earlier and later moments, alike and an interval apart. Their number is even, so that equal ones come on one CPU: of
    // values that come at the same moment on two, none is the last.
    let moments = [
        0u64,
        6,
        7,
        3,
        13,
        70,
        35,
        36,
        1 << 41,
        u64::MAX - 1,
        u64::MAX - 2,
        71,
    ];
    let values = [5i64, -1, 7, -9, 0, i64::MIN, i64::MAX, 1];
    let events: Vec<Vec<u64>> = moments
        .into_iter()
        .cycle()
        .zip(values.map(|x| x as u64).into_iter().cycle())
        .take(96)
        .map(|(moment, x)| vec![x, moment])
        .collect();
    if !privileged("series_by_interval") {
        return;
    }
    let mut plan = planned(program(body, maps, &types));
    for atomic in [false, true] {
        plan.session_maps.iter_mut().for_each(|m| m.atomic = atomic);
        same_plan(&plan, &events, Resources::ALL).expect("both worlds agree");
    }
}

#[test]
fn strings_at_their_capacity() {
    let texts = ["", "a", "abc", "abcd", "abce", "abcdefg", "abcdefgh"];
    let mut exprs = Vec::new();
    for left in texts {
        for cap in [left.len() as u32 + 1, 16] {
            // Through a variable, so that it is not a constant any more.
            let value = || cond(boolean(true), text(left, cap), text(left, cap));
            for right in texts {
                for other in [right.len() as u32 + 1, 24] {
                    for op in [Compare::Eq, Compare::Lt] {
                        exprs.push(compare(op, value(), text(right, other)));
                    }
                    let copy = cond(boolean(true), text(right, other), text(right, other));
                    exprs.push(compare(Compare::Eq, value(), copy.clone()));
                    let cut = cast(Type::Str { cap: 4 }, copy);
                    exprs.push(compare(Compare::Ge, value(), cut));
                }
            }
        }
    }
    let exprs: Vec<Expr> = exprs.into_iter().map(|e| cast(Type::U64, e)).collect();
    for chunk in exprs.chunks(64) {
        let program = results(chunk.to_vec(), &Type::U64);
        check("strings_at_their_capacity", program, &[vec![0, 0, 0]]);
    }
}

/// A value of 0 is there, and so is an aggregation's entry; a deleted one is not.
#[test]
fn keys_that_are_there_and_keys_that_are_not() {
    let key = |n| vec![arg(n, &Type::U64)];
    let count = StmtKind::Aggregate {
        map: MapId(2),
        key: key(0),
        value: None,
    };
    let delete = StmtKind::Delete {
        map: MapId(1),
        key: key(1),
    };
    let note = |n, found| {
        let place = vec![arg(2, &Type::U64), uint(n)];
        set_map(0, place, cast(Type::U64, found))
    };
    let body = vec![
        set_map(1, key(0), uint(0)),
        stmt(count),
        note(0, has_key(1, key(1))),
        note(1, has_key(2, key(1))),
        stmt(delete),
        note(2, has_key(1, key(1))),
    ];
    let plain = |key| map(key, MapValue::Plain(Type::U64));
    let maps = vec![
        plain(vec![Type::U64; 2]),
        plain(vec![Type::U64]),
        map(vec![Type::U64], MapValue::Agg(AggKind::Count)),
    ];
    check(
        "keys_that_are_there_and_keys_that_are_not",
        program(body, maps, &[]),
        &[vec![5, 5, 0], vec![6, 5, 1], vec![7, 9, 2]],
    );
}

#[test]
fn large_values_pass_through_scratch() {
    let long = "x".repeat(190);
    let wide = Type::Str { cap: 200 };
    let body = vec![
        set_var(0, text(&long, 200)),
        set_map(0, vec![var(0, wide.clone())], var(0, wide.clone())),
        set_map(1, vec![], get(0, wide.clone(), vec![text(&long, 200)])),
        set_map(1, vec![], get(0, wide.clone(), vec![text("no", 200)])),
        set_map(0, vec![text("", 200)], cast(wide.clone(), text("y", 8))),
    ];
    let plain = |key| map(key, MapValue::Plain(wide.clone()));
    let maps = vec![plain(vec![wide.clone()]), plain(vec![])];
    check(
        "large_values_pass_through_scratch",
        program(body, maps, std::slice::from_ref(&wide)),
        &[vec![0]],
    );
}

#[test]
fn a_variable_may_be_made_of_its_own_parts() {
    let pair = Type::Tuple(vec![Type::U64, Type::U64]);
    let field = |n| {
        let whole = Box::new(var(0, pair.clone()));
        expr(Type::U64, ExprKind::TupleField(whole, n))
    };
    let body = vec![
        set_var(0, tuple(vec![arg(0, &Type::U64), arg(1, &Type::U64)])),
        set_var(0, tuple(vec![field(1), field(0)])),
        set_map(0, vec![], var(0, pair.clone())),
    ];
    let maps = vec![map(vec![], MapValue::Plain(pair.clone()))];
    check(
        "a_variable_may_be_made_of_its_own_parts",
        program(body, maps, std::slice::from_ref(&pair)),
        &[vec![11, 22]],
    );
}

/// More variables than registers and stack hold: the rest goes to the scratch frame, by itself.
#[test]
fn sixty_variables_live_across_calls() {
    let types = vec![Type::U64; 60];
    let mut body = Vec::new();
    for n in 0..60 {
        let scaled = binary(Binary::Mul, arg(0, &Type::U64), uint(u64::from(n) + 1));
        body.push(set_var(n, scaled));
    }
    for n in 0..60 {
        body.push(set_map(0, vec![uint(u64::from(n))], var(n, Type::U64)));
    }
    let maps = vec![map(vec![Type::U64], MapValue::Plain(Type::U64))];
    check(
        "sixty_variables_live_across_calls",
        program(body, maps, &types),
        &[vec![3]],
    );
}

/// Every combination of these is another path; the verifier must not follow each.
#[test]
fn independent_conditions_in_a_row() {
    let bit = |n: u64| {
        let shifted = binary(Binary::Shr, arg(0, &Type::U64), uint(n));
        binary(Binary::And, shifted, uint(1))
    };
    let is_set = |n| compare(Compare::Ne, bit(n), uint(0));
    let mut body = Vec::new();
    let mut sum = uint(0);
    for n in 0..30 {
        let flags = binary(Binary::Or, var(0, Type::U64), uint(1 << n));
        body.push(when(is_set(n), vec![set_var(0, flags)], vec![]));
        let chosen = cond(is_set(n), uint(n), uint(100 * n));
        let both = cast(Type::U64, or(is_set(n), is_set(n + 1)));
        sum = binary(Binary::Add, sum, binary(Binary::Add, chosen, both));
    }
    body.push(set_map(0, vec![], tuple(vec![var(0, Type::U64), sum])));
    let result = Type::Tuple(vec![Type::U64, Type::U64]);
    check(
        "independent_conditions_in_a_row",
        program(
            body,
            vec![map(vec![], MapValue::Plain(result))],
            &[Type::U64],
        ),
        &[vec![0x1234_5678], vec![0x3fff_ffff]],
    );
}

/// More instructions than a jump goes over: long sums, one behind the other, behind a condition.
#[test]
fn a_program_longer_than_a_jump() {
    let sum = |n: u64| {
        (0..220).fold(arg(1, &Type::U64), |sum, at| {
            let term = binary(Binary::Mul, arg(0, &Type::U64), uint(n * 1000 + at));
            binary(Binary::Add, sum, term)
        })
    };
    let body = (0..80).map(|n| set_map(0, vec![uint(n)], sum(n))).collect();
    let first = compare(Compare::Gt, arg(0, &Type::U64), uint(5));
    let body = vec![when(first, body, vec![set_map(0, vec![uint(7)], uint(1))])];
    let maps = vec![map(vec![Type::U64], MapValue::Plain(Type::U64))];
    let program = program(body, maps, &[]);
    let undivided = Resources {
        whole: usize::MAX,
        ..Resources::ALL
    };
    let generated = super::generated(&planned(program.clone()), undivided);
    assert!(generated.functions[0].insns.len() > crate::codegen::islands::REACH);
    let events = [vec![9, 12345], vec![1, 2]];
    check("a_program_longer_than_a_jump", program.clone(), &events);
    if privileged("a_program_longer_than_a_jump") {
        same(program, &events, undivided).expect("both worlds agree");
    }
}
