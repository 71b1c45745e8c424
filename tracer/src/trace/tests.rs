//! The summary: rows from the tables of the script, their order and total.

use super::summary::{Order, Row, add, sorted, total};
use crate::agg::{Cell, Table};
use crate::ir::{Map, MapValue};
use crate::types::{AggKind, HistShape, Lazy, Type, Value};
use std::collections::BTreeMap;

fn table(name: &str, kind: AggKind, updates: &[(u64, u64)]) -> Table {
    let value = MapValue::Agg(kind);
    let mut cells: BTreeMap<u64, Cell> = BTreeMap::new();
    for &(call, x) in updates {
        let cell = cells.entry(call).or_insert_with(|| Cell::new(&value));
        cell.update(x);
    }
    let map = Map {
        name: name.to_owned(),
        key: vec![Type::Lazy(Lazy::SyscallName)],
        value,
        room: None,
        span: Default::default(),
    };
    let key = |call| vec![Value::Lazy(Lazy::SyscallName, call)];
    Table::new(
        &map,
        cells.into_iter().map(|(call, cell)| (key(call), cell)),
    )
}

/// Call 1 took 1 to 1000 ns, once each; call 2 took 5 ns twice and failed once; call 3 never ended.
fn rows(order: Order) -> Vec<Row> {
    let mut times: Vec<(u64, u64)> = (1..=1000).map(|ns| (1, ns)).collect();
    times.extend([(2, 5), (2, 5)]);
    let mut calls = times.clone();
    calls.push((3, 0));
    let unsigned = false;
    let tables = [
        table("calls", AggKind::Count, &calls),
        table("errors", AggKind::Count, &[(2, 0)]),
        table("total", AggKind::Sum { signed: unsigned }, &times),
        table("least", AggKind::Min { signed: unsigned }, &times),
        table("most", AggKind::Max { signed: unsigned }, &times),
        table(
            "times",
            AggKind::Hist(HistShape::Log2 {
                signed: unsigned,
                bits: 3,
            }),
            &times,
        ),
    ];
    let mut rows = BTreeMap::new();
    tables.iter().for_each(|table| add(&mut rows, table));
    sorted(rows, order, |call| format!("{}", 9 - call))
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
    assert!((980..=1000).contains(&first.p99_ns), "{}", first.p99_ns);
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
