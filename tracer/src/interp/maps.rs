//! Maps of the interpreter.
//!
//! In: keys and operands. Out: values, and how full the map is. One cell a key: as if the machine had one
//! CPU. Never merges or formats: that is `agg` and `print`.

use crate::agg::{Cell, Operand};
use crate::ir::Map;
use crate::types::Value;
use std::collections::{BTreeMap, VecDeque};

/// The contents of one map.
#[derive(Clone, PartialEq, Debug)]
pub struct MapState {
    declared: Map,
    max_keys: usize,
    cells: BTreeMap<Vec<Value>, Cell>,
    /// Keys in the order of their last update, when the oldest gives way; else empty.
    written: VecDeque<Vec<Value>>,
}

/// The map holds as many keys as it may: the update was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

impl MapState {
    pub(super) fn new(map: &Map, max_keys: u32) -> MapState {
        MapState {
            declared: map.clone(),
            max_keys: max_keys as usize,
            cells: BTreeMap::new(),
            written: VecDeque::new(),
        }
    }

    /// Keys and cells, for a [`Table`](crate::agg::Table). A map without key has one cell, with an empty key,
    /// once it was written to.
    pub fn cells(&self) -> &BTreeMap<Vec<Value>, Cell> {
        &self.cells
    }

    /// Keys and values in the bytes that one CPU of the kernel would hold.
    pub fn bytes(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.cells
            .iter()
            .map(|(key, cell)| {
                let mut key_bytes = Vec::new();
                for (value, ty) in key.iter().zip(&self.declared.key) {
                    value.write(ty, &mut key_bytes);
                }
                let mut cell_bytes = Vec::new();
                cell.write(&self.declared.value, &mut cell_bytes);
                (key_bytes, cell_bytes)
            })
            .collect()
    }

    /// A plain value by key; a missing one is 0 or empty and is not created.
    ///
    /// # Panics
    /// For an aggregation.
    pub fn get(&self, key: &[Value]) -> Value {
        let cell = self.cells.get(key).cloned();
        match cell.unwrap_or_else(|| self.empty()) {
            Cell::Plain(value) => value,
            other => panic!("{other:?} has no value to read, only one to print"),
        }
    }

    pub(super) fn set(&mut self, key: Vec<Value>, value: Value) -> Result<(), Full> {
        *self.cell(key)? = Cell::Plain(value);
        Ok(())
    }

    pub(super) fn aggregate(
        &mut self,
        key: Vec<Value>,
        operand: Operand,
        times: u64,
    ) -> Result<(), Full> {
        self.cell(key)?.update_times(operand, times);
        Ok(())
    }

    pub(super) fn delete(&mut self, key: &[Value]) {
        self.cells.remove(key);
        self.written.retain(|other| other != key);
    }

    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.written.clear();
    }

    pub(super) fn zero(&mut self) {
        let empty = self.empty();
        self.cells
            .values_mut()
            .for_each(|cell| *cell = empty.clone());
    }

    fn empty(&self) -> Cell {
        Cell::new(&self.declared.value)
    }

    /// The cell of a key, made when the key is missing and there is room.
    fn cell(&mut self, key: Vec<Value>) -> Result<&mut Cell, Full> {
        if self.cells.len() >= self.max_keys && !self.cells.contains_key(&key) {
            let oldest = self.written.pop_front().ok_or(Full)?;
            self.cells.remove(&oldest);
        }
        if self.declared.room.is_some_and(|room| room.recent) {
            self.written.retain(|other| *other != key);
            self.written.push_back(key.clone());
        }
        let declared = &self.declared.value;
        let cell = self.cells.entry(key);
        Ok(cell.or_insert_with(|| Cell::new(declared)))
    }
}
