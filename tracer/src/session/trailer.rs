//! The mark behind strings that were cut.
//!
//! In: values and their types. Out: the same values; text that fills the longest string gets the script's trailer, as in bpftrace. What was
//! cut at a length of its own (`str(x, 5)`) was meant to be.

use crate::agg::{Cell, Table};
use crate::ir::{MapValue, Program};
use crate::types::{Type, Value};

/// Marks the values of a record.
pub fn mark(program: &Program, types: &[Type], values: &mut [Value]) {
    if !program.user.trailer.is_empty() {
        let pairs = types.iter().zip(values);
        pairs.for_each(|(ty, value)| text(program, ty, value));
    }
}

/// Marks keys and values of a map.
pub fn mark_table(program: &Program, table: &mut Table) {
    for row in &mut table.rows {
        mark(program, &table.key, &mut row.key);
        if let (MapValue::Plain(ty), Cell::Plain(value)) = (&table.value, &mut row.cell) {
            mark(
                program,
                std::slice::from_ref(ty),
                std::slice::from_mut(value),
            );
        }
    }
}

fn text(program: &Program, ty: &Type, value: &mut Value) {
    match (ty, value) {
        (Type::Str { cap }, Value::Str(bytes))
            if *cap == program.max_strlen && bytes.len() as u32 + 1 == *cap =>
        {
            bytes.extend_from_slice(program.user.trailer.as_bytes());
        }
        (Type::Tuple(types), Value::Tuple(values))
        | (Type::Named(_, types), Value::Named(_, values)) => mark(program, types, values),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_longest_strings_are_marked() {
        let program = Program {
            max_strlen: 4,
            ..Program::default()
        };
        let text = |s: &str| Value::Str(s.into());
        let types = [4, 4, 3].map(|cap| Type::Str { cap });
        let mut values = [text("abc"), text("ab"), text("ab")];
        mark(&program, &types, &mut values);
        assert_eq!(values, [text("abc.."), text("ab"), text("ab")]);
    }
}
