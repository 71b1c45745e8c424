//! Per-CPU values of a map to merged, sorted rows.
//!
//! In: a map's declaration and its raw entries, in the layouts of [`crate::types`] and
//! [`SessionMap`](crate::plan::SessionMap); or cells that the interpreter kept. Out: [`Table`]. Never counts an
//! entry twice, never prints, never asks the kernel.

mod cell;

pub use cell::{Cell, Operand};

use crate::ir::{Map, MapValue};
use crate::types::{AggKind, Type, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A map's content, as it is printed.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Without `@`; empty for the unnamed map.
    pub name: String,
    /// Types of the key's components; empty for a map without key.
    pub key: Vec<Type>,
    /// What a row holds.
    pub value: MapValue,
    /// Sorted: by value, smallest first, then by key; maps of text or tuples by key alone; histograms
    /// by the number of their values.
    pub rows: Vec<Row>,
}

/// One entry.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// As many as the key has components.
    pub key: Vec<Value>,
    /// Its value.
    pub cell: Cell,
}

/// An entry whose bytes do not have the declared layout: a bug of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an entry's {what} has {found} bytes, not the {expected} of its layout")]
pub struct Malformed {
    /// `key` or `value`.
    pub what: &'static str,
    /// Bytes of the layout.
    pub expected: usize,
    /// Bytes there.
    pub found: usize,
}

/// Merges what the kernel holds. Each entry has the values of all CPUs, one for a plain map.
///
/// A key that comes twice counts once: iterating over a hash that is written to may repeat keys.
///
/// # Errors
/// When the bytes of a key or value are fewer than the layout's.
pub fn merge<K, V, B>(
    map: &Map,
    entries: impl IntoIterator<Item = (K, V)>,
) -> Result<Table, Malformed>
where
    K: AsRef<[u8]>,
    V: IntoIterator<Item = B>,
    B: AsRef<[u8]>,
{
    let mut cells: BTreeMap<Vec<Value>, Cell> = BTreeMap::new();
    for (key, values) in entries {
        let key = read_key(&map.key, key.as_ref())?;
        let mut merged: Option<Cell> = None;
        for bytes in values {
            let cell = Cell::read(&map.value, bytes.as_ref())?;
            match &mut merged {
                None => merged = Some(cell),
                Some(m) => m.merge(&cell),
            }
        }
        if let Some(cell) = merged {
            cells.insert(key, cell);
        }
    }
    Ok(Table::new(map, cells))
}

impl Table {
    /// The rows in order. A map without key always exists in the kernel: what never got a value has no row.
    pub fn new(map: &Map, cells: impl IntoIterator<Item = (Vec<Value>, Cell)>) -> Table {
        let scalar = map.key.is_empty();
        let mut rows: Vec<Row> = cells
            .into_iter()
            .map(|(key, cell)| Row { key, cell })
            .filter(|row| !(scalar && row.cell.is_empty()))
            .collect();
        let by_value = sorts_by_value(&map.value);
        rows.sort_by(|a, b| {
            let order = match by_value {
                true => a.cell.compare(&b.cell),
                false => Ordering::Equal,
            };
            order.then_with(|| a.key.cmp(&b.key))
        });
        Table {
            name: map.name.clone(),
            key: map.key.clone(),
            value: map.value.clone(),
            rows,
        }
    }

    /// The rows in order of their keys.
    #[must_use]
    pub fn by_key(mut self) -> Table {
        self.rows.sort_by(|a, b| a.key.cmp(&b.key));
        self
    }

    /// Of each histogram the number below which so many millionths of its values lie; rows sorted by it. Anything
    /// else stays as it is.
    #[must_use]
    pub fn quantiles(mut self, millionths: u32) -> Table {
        if !matches!(self.value, MapValue::Agg(AggKind::Hist(_))) {
            return self;
        }
        self.value = MapValue::Plain(Type::I64);
        for row in &mut self.rows {
            row.cell = Cell::Plain(Value::Int(row.cell.quantile(millionths).unwrap_or(0)));
        }
        self.rows
            .sort_by(|a, b| a.cell.compare(&b.cell).then_with(|| a.key.cmp(&b.key)));
        self
    }

    /// Whether it is a map without key.
    pub fn is_scalar(&self) -> bool {
        self.key.is_empty()
    }

    /// The rows with the largest values, still smallest first; `None` or 0: all.
    pub fn top(&self, count: Option<u64>) -> &[Row] {
        let skipped = match count {
            None | Some(0) => 0,
            Some(n) => self
                .rows
                .len()
                .saturating_sub(usize::try_from(n).unwrap_or(usize::MAX)),
        };
        &self.rows[skipped..]
    }
}

/// Numbers are sorted by value; text, tuples and names have no order that a reader would look for.
fn sorts_by_value(value: &MapValue) -> bool {
    match value {
        MapValue::Agg(_) => true,
        MapValue::Plain(ty) => matches!(ty, Type::Int { .. } | Type::Bool),
    }
}

fn read_key(types: &[Type], bytes: &[u8]) -> Result<Vec<Value>, Malformed> {
    let mut at = 0;
    let mut values = Vec::with_capacity(types.len());
    for ty in types {
        let value = bytes.get(at..).and_then(|rest| Value::read(ty, rest));
        values.push(value.ok_or(Malformed {
            what: "key",
            expected: types.iter().map(|t| t.size() as usize).sum(),
            found: bytes.len(),
        })?);
        at += ty.size() as usize;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;
    use crate::types::{Gathered, HistShape, Series};
    use proptest::prelude::*;

    fn map(key: Vec<Type>, value: MapValue) -> Map {
        Map {
            name: "m".to_owned(),
            key,
            value,
            room: None,
            span: Span::default(),
        }
    }

    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }

    #[test]
    fn rows_are_sorted_by_value_then_key() {
        let m = map(vec![Type::U64], MapValue::Agg(AggKind::Count));
        let entries = [(3, [1, 1]), (1, [5, 0]), (2, [0, 2])]
            .map(|(k, v)| (words(&[k]), v.map(|n: u64| words(&[n]))));
        let table = merge(&m, entries).expect("well formed");
        let rows: Vec<(u64, &Cell)> = table
            .rows
            .iter()
            .map(|r| (r.key[0].bits(), &r.cell))
            .collect();
        assert_eq!(
            rows,
            [
                (2, &Cell::Count(2)),
                (3, &Cell::Count(2)),
                (1, &Cell::Count(5))
            ]
        );
        assert_eq!(table.top(Some(1)).len(), 1);
        assert_eq!(table.top(Some(9)).len(), 3);
        assert_eq!(table.top(None).len(), 3);
    }

    #[test]
    fn a_repeated_key_counts_once() {
        let m = map(vec![Type::U64], MapValue::Agg(AggKind::Count));
        let entry = (words(&[1]), [words(&[7])]);
        let table = merge(&m, [entry.clone(), entry]).expect("well formed");
        assert_eq!(table.rows.len(), 1);
        assert_eq!(table.rows[0].cell, Cell::Count(7));
    }

    #[test]
    fn minimum_ignores_cpus_that_saw_nothing() {
        for (kind, want) in [
            (AggKind::Min { signed: true }, -5i64),
            (AggKind::Max { signed: true }, -2),
            (AggKind::Min { signed: false }, -5),
        ] {
            let m = map(vec![], MapValue::Agg(kind));
            let cpus = [[0, 0], [-5i64 as u64, 1], [0, 0], [-2i64 as u64, 1]].map(|v| words(&v));
            let table = merge(&m, [(vec![0; 4], cpus)]).expect("well formed");
            assert_eq!(
                table.rows[0].cell.number().map(|v| v.bits()),
                Some(want as u64)
            );
        }
    }

    #[test]
    fn a_map_without_key_that_got_nothing_has_no_row() {
        let shape = HistShape::Log2 {
            signed: false,
            bits: 0,
        };
        for kind in [
            AggKind::Min { signed: false },
            AggKind::Avg { signed: true },
            AggKind::Stats { signed: true },
            AggKind::Hist(shape),
        ] {
            let m = map(vec![], MapValue::Agg(kind));
            let zero = vec![0; kind.size() as usize];
            assert_eq!(
                merge(&m, [(vec![0; 4], [zero])]).expect("well formed").rows,
                []
            );
        }
        let m = map(vec![], MapValue::Agg(AggKind::Count));
        assert_eq!(
            merge(&m, [(vec![0; 4], [words(&[0])])])
                .expect("well formed")
                .rows
                .len(),
            1
        );
    }

    #[test]
    fn text_is_sorted_by_key() {
        let ty = Type::Str { cap: 8 };
        let m = map(vec![Type::I64], MapValue::Plain(ty));
        let entries = [
            (-1i64, *b"z\0\0\0\0\0\0\0"),
            (-3, *b"b\0\0\0\0\0\0\0"),
            (2, *b"a\0\0\0\0\0\0\0"),
        ];
        let entries = entries.map(|(k, v)| (words(&[k as u64]), [v]));
        let table = merge(&m, entries).expect("well formed");
        let keys: Vec<i64> = table.rows.iter().map(|r| r.key[0].bits() as i64).collect();
        assert_eq!(keys, [-3, -1, 2]);
    }

    #[test]
    fn short_bytes_are_refused() {
        let m = map(vec![Type::U64, Type::COMM], MapValue::Agg(AggKind::Count));
        let short_key = merge(&m, [(words(&[1]), [words(&[1])])]);
        assert_eq!(
            short_key.map_err(|e| (e.what, e.expected, e.found)),
            Err(("key", 24, 8))
        );
        let short_value = merge(&m, [(words(&[1, 0, 0]), [vec![0; 4]])]);
        assert_eq!(
            short_value.map_err(|e| (e.what, e.expected, e.found)),
            Err(("value", 8, 4))
        );
    }

    fn kinds() -> impl Strategy<Value = AggKind> {
        proptest::sample::select(vec![
            AggKind::Count,
            AggKind::Sum { signed: true },
            AggKind::Min { signed: true },
            AggKind::Max { signed: false },
            AggKind::Avg { signed: true },
            AggKind::Stats { signed: true },
            AggKind::Stddev { signed: true },
            AggKind::Stddev { signed: false },
            AggKind::Series(Series {
                interval_ns: 5,
                intervals: 3,
                of: Gathered::Avg,
                signed: true,
            }),
            AggKind::Hist(HistShape::Log2 {
                signed: true,
                bits: 0,
            }),
            AggKind::Hist(HistShape::Log2 {
                signed: true,
                bits: 3,
            }),
            AggKind::Hist(HistShape::Linear {
                min: -10,
                max: 50,
                step: 7,
            }),
        ])
    }

    proptest! {
        /// Splitting the updates over CPUs changes nothing.
        #[test]
        fn cpus_do_not_change_the_result(
            kind in kinds(),
            updates in proptest::collection::vec((0usize..4, any::<i64>()), 1..50),
        ) {
            let value = MapValue::Agg(kind);
            let mut whole = Cell::new(&value);
            let mut cpus = vec![Cell::new(&value); 4];
            for (cpu, x) in updates {
                let operand = Operand {
                    x: x as u64,
                    time_ns: x.unsigned_abs() % 40,
                };
                whole.update_times(operand, 1);
                cpus[cpu].update_times(operand, 1);
            }
            let raw: Vec<Vec<u8>> = cpus.iter().map(|c| {
                let mut bytes = Vec::new();
                c.write(&value, &mut bytes);
                bytes
            }).collect();
            prop_assert_eq!(raw[0].len(), kind.size() as usize);
            let table = merge(&map(vec![], value), [(vec![0; 4], raw)]).expect("well formed");
            prop_assert_eq!(&table.rows[0].cell, &whole);
        }
    }
}
