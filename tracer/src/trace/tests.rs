//! The summary: rows from the tables of the script, their order and total.

use super::summary::{Order, Row, add, sorted, total};
use crate::agg::{Cell, Table};
use crate::ir::{Map, MapValue};
use crate::types::{AggKind, Lazy, Type, Value};
use std::collections::BTreeMap;

/// A map by call, as its updates leave it.
fn table(name: &str, kind: AggKind, updates: &[(u64, u64)]) -> Table {
    let keyed = updates.iter().map(|&(call, x)| (call_key(call), x));
    filled(name, kind, vec![CALL], keyed)
}

/// Times as the script counts them: by call, and without the bits that it clears.
fn times(updates: &[(u64, u64)]) -> Table {
    let keyed = updates.iter().map(|&(call, ns)| {
        let kept = (0..64).rev().find(|bit| ns >> bit != 0).unwrap_or(0).max(4) - 4;
        let key = [call_key(call), vec![Value::Uint(ns >> kept << kept)]];
        (key.concat(), 0)
    });
    filled("times", AggKind::Count, vec![CALL, Type::U64], keyed)
}

const CALL: Type = Type::Lazy(Lazy::SyscallName);

fn call_key(call: u64) -> Vec<Value> {
    vec![Value::Lazy(Lazy::SyscallName, call)]
}

fn filled(
    name: &str,
    kind: AggKind,
    key: Vec<Type>,
    updates: impl Iterator<Item = (Vec<Value>, u64)>,
) -> Table {
    let value = MapValue::Agg(kind);
    let mut cells: BTreeMap<Vec<Value>, Cell> = BTreeMap::new();
    for (key, x) in updates {
        let cell = cells.entry(key).or_insert_with(|| Cell::new(&value));
        cell.update(x);
    }
    let map = Map {
        name: name.to_owned(),
        key,
        value,
        room: None,
        span: Default::default(),
    };
    Table::new(&map, cells)
}

/// Rows of these calls and times, of which one of call 2 failed, and of call 3, which never ended.
fn rows_of(took: &[(u64, u64)], order: Order) -> Vec<Row> {
    let mut calls = took.to_vec();
    calls.push((3, 0));
    let unsigned = false;
    let tables = [
        table("calls", AggKind::Count, &calls),
        table("errors", AggKind::Count, &[(2, 0)]),
        table("total", AggKind::Sum { signed: unsigned }, took),
        table("least", AggKind::Min { signed: unsigned }, took),
        table("most", AggKind::Max { signed: unsigned }, took),
        times(took),
    ];
    let mut rows = BTreeMap::new();
    tables.iter().for_each(|table| add(&mut rows, table));
    sorted(rows, order, |call| format!("{}", 9 - call))
}

/// Call 1 took 1 to 1000 ns, once each; call 2 took 5 ns twice and failed once; call 3 never ended.
fn rows(order: Order) -> Vec<Row> {
    let mut took: Vec<(u64, u64)> = (1..=1000).map(|ns| (1, ns)).collect();
    took.extend([(2, 5), (2, 5)]);
    rows_of(&took, order)
}

#[test]
fn a_percentile_is_right_to_a_thirty_second() {
    // From one nanosecond to hours, at both ends of buckets and between.
    let ends = (0..42).flat_map(|bit| [-1, 0, 1, 77].map(|more| (1i64 << bit) + more));
    for ns in ends.filter(|ns| *ns > 0).map(|ns| ns as u64) {
        let mut took = vec![(1, 1); 1];
        took.extend(vec![(1, ns); 98]);
        took.push((1, 1 << 50));
        let rows = rows_of(&took, Order::Time);
        let told = rows[0].p99_ns;
        assert!(told.abs_diff(ns) * 32 <= ns, "{told} for {ns}");
        assert_eq!(total(&rows).p99_ns, told);
    }
}

#[test]
fn rows_gather_what_the_maps_hold() {
    let rows = rows(Order::Time);
    let of = |call| rows.iter().find(|row| row.call == call).expect("a row");
    let first = of(1);
    assert_eq!((first.calls, first.errors, first.timed), (1000, 0, 1000));
    assert_eq!(
        (first.min_ns, first.max_ns, first.total_ns),
        (1, 1000, 500_500)
    );
    assert_eq!(first.mean_ns(), 500);
    assert_eq!(
        first.p99_ns, 976,
        "the middle of 960 to 991, where 990 lies"
    );
    assert_eq!((of(2).calls, of(2).errors, of(2).p99_ns), (2, 1, 5));
    assert_eq!((of(3).calls, of(3).timed, of(3).mean_ns()), (1, 0, 0));
    let all = total(&rows);
    assert_eq!((all.calls, all.errors, all.timed), (1003, 1, 1002));
    assert_eq!((all.min_ns, all.max_ns, all.total_ns), (1, 1000, 500_510));
}

#[test]
fn rows_stand_in_the_order_that_was_asked_for() {
    let calls = |order| -> Vec<u64> { rows(order).iter().map(|row| row.call).collect() };
    assert_eq!(calls(Order::Time), [1, 2, 3]);
    assert_eq!(calls(Order::Errors), [2, 3, 1], "equal ones by name");
    assert_eq!(calls(Order::Name), [3, 2, 1]);
    assert_eq!(calls(Order::Min), [2, 1, 3]);
    assert_eq!(calls(Order::Number), [1, 2, 3]);
}
