//! Maps of the interpreter: keys and values in the bytes that the kernel's maps hold.
//!
//! In: keys and operands. Out: values, and how full the map is. One value a key: as if the machine had one
//! CPU. Never merges or formats: that is `agg` and `print`.

use crate::ir::{Map, MapValue};
use crate::types::{AggKind, HistShape, Type, Value};
use std::collections::BTreeMap;

/// The contents of one map.
#[derive(Clone, PartialEq, Debug)]
pub struct MapState {
    key: Vec<Type>,
    value: MapValue,
    max_keys: usize,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The map holds as many keys as it may: the update was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

impl MapState {
    pub(super) fn new(map: &Map, max_keys: u32) -> MapState {
        MapState {
            key: map.key.clone(),
            value: map.value.clone(),
            max_keys: max_keys as usize,
            entries: BTreeMap::new(),
        }
    }

    /// Keys and values as bytes: key components one after the other in the layout of [`Type::size`]; values as
    /// their type or their [`AggKind`] lies in memory. A map without key has one entry with an empty key once
    /// it was written to.
    pub fn entries(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.entries
    }

    /// A plain value by key; a missing one is 0 or empty and is not created.
    ///
    /// # Panics
    /// For an aggregation.
    pub fn get(&self, key: &[Value]) -> Value {
        let MapValue::Plain(ty) = &self.value else {
            panic!("an aggregation has no value to read, only one to print");
        };
        let zeroes;
        let bytes = match self.entries.get(&self.key_bytes(key)) {
            Some(bytes) => bytes,
            None => {
                zeroes = vec![0; ty.size() as usize];
                &zeroes
            }
        };
        Value::read(ty, bytes).expect("a value is as long as its type")
    }

    /// The words of a key's aggregation; 0 when it is missing.
    pub fn words(&self, key: &[Value]) -> Vec<u64> {
        let bytes = self.entries.get(&self.key_bytes(key));
        let bytes = bytes.cloned().unwrap_or_else(|| vec![0; self.value_size()]);
        bytes
            .chunks_exact(8)
            .map(|w| u64::from_ne_bytes(w.try_into().expect("chunks of 8")))
            .collect()
    }

    pub(super) fn set(&mut self, key: &[Value], value: &Value) -> Result<(), Full> {
        let MapValue::Plain(ty) = self.value.clone() else {
            panic!("an aggregation cannot be assigned to");
        };
        let slot = self.slot(key)?;
        slot.clear();
        value.write(&ty, slot);
        Ok(())
    }

    pub(super) fn aggregate(&mut self, key: &[Value], operand: u64) -> Result<(), Full> {
        let MapValue::Agg(kind) = self.value else {
            panic!("a plain map cannot be aggregated into");
        };
        let slot = self.slot(key)?;
        match kind {
            AggKind::Count => change(slot, 0, |n| n + 1),
            AggKind::Sum { .. } => change(slot, 0, |sum| sum.wrapping_add(operand)),
            AggKind::Min { signed } => extreme(slot, operand, |new, old| is_less(signed, new, old)),
            AggKind::Max { signed } => extreme(slot, operand, |new, old| is_less(signed, old, new)),
            AggKind::Avg { .. } => {
                change(slot, 0, |n| n + 1);
                change(slot, 1, |sum| sum.wrapping_add(operand));
            }
            AggKind::Hist(shape) => change(slot, bucket(shape, operand), |n| n + 1),
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, key: &[Value]) {
        self.entries.remove(&self.key_bytes(key));
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn zero(&mut self) {
        self.entries.values_mut().for_each(|value| value.fill(0));
    }

    fn key_bytes(&self, key: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (value, ty) in key.iter().zip(&self.key) {
            value.write(ty, &mut bytes);
        }
        bytes
    }

    fn value_size(&self) -> usize {
        match &self.value {
            MapValue::Plain(ty) => ty.size() as usize,
            MapValue::Agg(kind) => kind.size() as usize,
        }
    }

    /// The value's bytes, made of zeroes when the key is missing and there is room.
    fn slot(&mut self, key: &[Value]) -> Result<&mut Vec<u8>, Full> {
        let key = self.key_bytes(key);
        let size = self.value_size();
        if self.entries.len() >= self.max_keys && !self.entries.contains_key(&key) {
            return Err(Full);
        }
        Ok(self.entries.entry(key).or_insert_with(|| vec![0; size]))
    }
}

fn bucket(shape: HistShape, operand: u64) -> usize {
    shape.bucket(operand as i64) as usize
}

fn is_less(signed: bool, a: u64, b: u64) -> bool {
    if signed {
        (a as i64) < (b as i64)
    } else {
        a < b
    }
}

/// `{ value, set }`: takes the operand when there is none yet, or when it wins.
fn extreme(slot: &mut [u8], operand: u64, wins: impl Fn(u64, u64) -> bool) {
    let is_set = word(slot, 1) != 0;
    if !is_set || wins(operand, word(slot, 0)) {
        change(slot, 0, |_| operand);
        change(slot, 1, |_| 1);
    }
}

fn word(slot: &[u8], at: usize) -> u64 {
    let bytes = &slot[at * 8..at * 8 + 8];
    u64::from_ne_bytes(bytes.try_into().expect("8 bytes"))
}

fn change(slot: &mut [u8], at: usize, new: impl FnOnce(u64) -> u64) {
    let changed = new(word(slot, at));
    slot[at * 8..at * 8 + 8].copy_from_slice(&changed.to_ne_bytes());
}
