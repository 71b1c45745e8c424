//! Expressions: what each yields, and what it counts or changes on the way.
//!
//! In: an expression, the variables of the firing, the event, the machine. Out: a [`Value`] of the
//! expression's type. Never skips an operand except where the IR says it is lazy.

use super::{Event, Machine};
use crate::ir::{
    ARGV_BYTES, ARGV_STRINGS, Binary, Builtin, Expr, ExprKind, MapId, PatternId, SiteId, VarId, ops,
};
use crate::types::call::ArgState;
use crate::types::{Space, Type, Value};
use std::cmp::Ordering;

/// Largest error number that a system call returns negated (`MAX_ERRNO` in include/linux/err.h).
const MAX_ERRNO: i64 = 4095;

/// One firing of one clause.
pub(super) struct Firing<'m, 'p, 'e> {
    pub(super) machine: &'m mut Machine<'p>,
    pub(super) event: &'e dyn Event,
    pub(super) vars: Vec<Value>,
    /// How often loop conditions were tested.
    pub(super) loop_tests: u32,
}

impl Firing<'_, '_, '_> {
    /// The value of an expression.
    pub(super) fn eval(&mut self, e: &Expr) -> Value {
        match &e.kind {
            ExprKind::Str(bytes) => Value::Str(up_to_nul(bytes)),
            ExprKind::Builtin(Builtin::Comm) => Value::Str(self.event.comm()),
            ExprKind::Builtin(Builtin::Call) => Value::Call(self.event.call()),
            ExprKind::Builtin(Builtin::Stack(stack)) => {
                Value::Stack(*stack, self.event.stack(*stack))
            }
            ExprKind::Var(var) => self.vars[var.0 as usize].clone(),
            ExprKind::MapGet { map, key } => {
                let key = self.eval_all(key);
                self.machine.maps[map.0 as usize].get(&key)
            }
            ExprKind::Cond(cond, a, b) => {
                let taken = if self.is_true(cond) { a } else { b };
                self.eval(taken)
            }
            ExprKind::Cast(operand) if !e.ty.is_scalar() => {
                let value = self.eval(operand);
                fit(value, &e.ty)
            }
            ExprKind::ReadStr { addr, space, site } => {
                let addr = self.word(addr);
                Value::Str(self.read_str(*space, addr, &e.ty, *site))
            }
            ExprKind::ReadArray { addr, space, site } => {
                let addr = self.word(addr);
                self.read_array(*space, addr, &e.ty, *site)
            }
            ExprKind::ReadBytes {
                addr,
                length,
                space,
                site,
            } => {
                let (addr, length) = (self.word(addr), self.word(length));
                self.read_bytes(*space, addr, length, &e.ty, *site)
            }
            ExprKind::ReadArgv { addr, space, site } => {
                let addr = self.word(addr);
                self.read_argv(*space, addr, &e.ty, *site)
            }
            ExprKind::ReadPath { addr, site } => {
                let addr = self.word(addr);
                let path = self.event.read_path(addr, str_capacity(&e.ty));
                Value::Str(path.unwrap_or_else(|| {
                    self.machine.count(*site);
                    Vec::new()
                }))
            }
            ExprKind::Text(operand) => {
                let value = self.eval(operand);
                let text = self.event.text(&operand.ty, &value);
                fit(Value::Str(up_to_nul(&text)), &e.ty)
            }
            ExprKind::Element(array, at) => {
                let (array, at) = (self.eval(array), self.word(at));
                element(&array, at, &e.ty)
            }
            ExprKind::Tuple(parts) => Value::Tuple(self.eval_all(parts)),
            ExprKind::Member(of, at) => match self.eval(of) {
                Value::Struct(shape, bytes) => shape.fields[*at as usize]
                    .value(&bytes)
                    .expect("a member lies in its struct"),
                other => panic!("member {at} of {other:?}, which is no struct"),
            },
            ExprKind::TupleField(tuple, at) => match self.eval(tuple) {
                Value::Tuple(mut parts) => parts.swap_remove(*at as usize),
                other => panic!("component {at} of {other:?}, which is no tuple"),
            },
            _ => scalar(&e.ty, self.word_of(e)),
        }
    }

    /// Values of several expressions, left to right.
    pub(super) fn eval_all(&mut self, exprs: &[Expr]) -> Vec<Value> {
        exprs.iter().map(|e| self.eval(e)).collect()
    }

    /// The 64 bits of a scalar expression.
    pub(super) fn word(&mut self, e: &Expr) -> u64 {
        self.eval(e).bits()
    }

    /// Whether a Bool expression holds.
    pub(super) fn is_true(&mut self, e: &Expr) -> bool {
        self.word(e) != 0
    }

    /// Kinds that can only be scalar. A flat match over the kinds.
    fn word_of(&mut self, e: &Expr) -> u64 {
        match &e.kind {
            ExprKind::Int(x) => *x,
            ExprKind::AggGet { map, key } => self.aggregated(*map, key),
            ExprKind::HasKey { map, key } => u64::from(self.has_key(*map, key)),
            ExprKind::Find { map, key, var } => u64::from(self.find(*map, key, *var)),
            ExprKind::Builtin(b) => self.builtin(*b),
            ExprKind::Unary { op, operand } => ops::unary(*op, self.word(operand)),
            ExprKind::Binary {
                op,
                left,
                right,
                site,
            } => self.binary(*op, left, right, *site),
            ExprKind::Compare { op, left, right } => {
                let (a, b) = (self.eval(left), self.eval(right));
                u64::from(ops::holds(*op, order(&left.ty, &a, &b)))
            }
            ExprKind::And(a, b) => u64::from(self.is_true(a) && self.is_true(b)),
            ExprKind::Or(a, b) => u64::from(self.is_true(a) || self.is_true(b)),
            ExprKind::Cast(operand) => ops::cast(&e.ty, self.word(operand)),
            ExprKind::Load {
                base,
                offset,
                space,
                width,
                bits,
                site,
            } => {
                let addr = self.word(base).wrapping_add(*offset as u64);
                let word = self.counted_load(*space, addr, *width, *site);
                word.map_or(0, |word| extend(&e.ty, word, *width, *bits))
            }
            ExprKind::ReadState(of) => self.read_state(of) as u64,
            ExprKind::Length(of) => length(&self.eval(of)),
            ExprKind::Position(hay, needle) => position(&self.eval(hay), &self.eval(needle)) as u64,
            ExprKind::Matches(text, pattern) => u64::from(self.matches(text, *pattern)),
            ExprKind::DataLoc { offset } => {
                let place = self.field(*offset, 4) & 0xffff;
                self.event.record_addr().wrapping_add(place)
            }
            ExprKind::Field { offset, width } => {
                extend(&e.ty, self.field(*offset, *width), *width, None)
            }
            ExprKind::FieldAddr { offset } => {
                self.event.record_addr().wrapping_add(u64::from(*offset))
            }
            ExprKind::StepVar {
                var,
                delta,
                postfix,
            } => self.step_var(*var, *delta, *postfix),
            ExprKind::StepMap {
                map,
                key,
                delta,
                postfix,
            } => self.step_map(*map, key, *delta, *postfix),
            ExprKind::Str(_)
            | ExprKind::Var(_)
            | ExprKind::MapGet { .. }
            | ExprKind::Cond(..)
            | ExprKind::ReadStr { .. }
            | ExprKind::ReadArray { .. }
            | ExprKind::ReadBytes { .. }
            | ExprKind::ReadArgv { .. }
            | ExprKind::ReadPath { .. }
            | ExprKind::Element(..)
            | ExprKind::Tuple(_)
            | ExprKind::Text(_)
            | ExprKind::Member(..)
            | ExprKind::TupleField(..) => unreachable!("`eval` takes these itself"),
        }
    }

    fn aggregated(&mut self, map: MapId, key: &[Expr]) -> u64 {
        let key = self.eval_all(key);
        let cell = self.machine.maps[map.0 as usize].cells().get(&key);
        cell.map_or(0, |cell| cell.value().bits())
    }

    fn has_key(&mut self, map: MapId, key: &[Expr]) -> bool {
        let key = self.eval_all(key);
        let cells = self.machine.maps[map.0 as usize].cells();
        cells.contains_key(&key)
    }

    /// Whether there is such a key; then its value is in the variable.
    fn find(&mut self, map: MapId, key: &[Expr], var: VarId) -> bool {
        let key = self.eval_all(key);
        let state = &self.machine.maps[map.0 as usize];
        let found = state.cells().contains_key(&key);
        if found {
            self.vars[var.0 as usize] = state.get(&key);
        }
        found
    }

    fn matches(&mut self, text: &Expr, pattern: PatternId) -> bool {
        let Value::Str(text) = self.eval(text) else {
            panic!("only text is matched with a pattern");
        };
        self.machine.program.patterns[pattern.0 as usize].matches(&text)
    }

    fn builtin(&self, b: Builtin) -> u64 {
        match b {
            Builtin::Errno => {
                let result = self.event.word(Builtin::Retval) as i64;
                if (-MAX_ERRNO..0).contains(&result) {
                    result.unsigned_abs()
                } else {
                    0
                }
            }
            Builtin::SyscallName => {
                let number = self.event.word(Builtin::SyscallNr) as u32;
                self.event.word(Builtin::SyscallAbi) << 32 | u64::from(number)
            }
            Builtin::Duration if self.event.word(Builtin::EntrySeen) == 0 => 0,
            other => self.event.word(other),
        }
    }

    fn binary(&mut self, op: Binary, left: &Expr, right: &Expr, site: Option<SiteId>) -> u64 {
        let (a, b) = (self.word(left), self.word(right));
        if matches!(op, Binary::Div | Binary::Mod)
            && b == 0
            && let Some(site) = site
        {
            self.machine.count(site);
        }
        ops::binary(op, left.ty.is_signed(), a, b)
    }

    fn step_var(&mut self, var: VarId, delta: i64, postfix: bool) -> u64 {
        let slot = &mut self.vars[var.0 as usize];
        let before = slot.bits();
        let after = before.wrapping_add(delta as u64);
        *slot = with_bits(slot, after);
        if postfix { before } else { after }
    }

    /// A step that is dropped because the map is full yields what reading the key yields: 0.
    fn step_map(&mut self, map: MapId, key: &[Expr], delta: i64, postfix: bool) -> u64 {
        let key = self.eval_all(key);
        let state = &mut self.machine.maps[map.0 as usize];
        let old = state.get(&key);
        let before = old.bits();
        let step = (delta as u64).wrapping_mul(self.machine.times);
        let after = before.wrapping_add(step);
        match state.set(key, with_bits(&old, after)) {
            Ok(()) if postfix => before,
            Ok(()) => after,
            Err(_) => {
                self.machine.drop_if(true);
                0
            }
        }
    }

    fn load(&self, space: Space, addr: u64, width: u8) -> Option<u64> {
        let mut bytes = [0; 8];
        let part = &mut bytes[..usize::from(width)];
        self.event
            .read(space, addr, part)
            .then(|| u64::from_le_bytes(bytes))
    }

    fn counted_load(&mut self, space: Space, addr: u64, width: u8, site: SiteId) -> Option<u64> {
        let word = self.load(space, addr, width);
        if word.is_none() {
            self.machine.count(site);
        }
        word
    }

    /// A field of the record. The kernel refuses a program that looks past its end, so there is no error.
    fn field(&self, offset: u32, width: u8) -> u64 {
        let addr = self.event.record_addr().wrapping_add(u64::from(offset));
        self.load(Space::Kernel, addr, width).unwrap_or(0)
    }

    fn read_array(&mut self, space: Space, addr: u64, ty: &Type, site: SiteId) -> Value {
        let mut bytes = vec![0; ty.size() as usize];
        let size = ty.packed_size().unwrap_or(0) as usize;
        if !self.event.read(space, addr, &mut bytes[..size]) {
            self.machine.count(site);
            bytes.fill(0);
        }
        Value::read(ty, &bytes).expect("as many bytes as the type has")
    }

    fn read_bytes(&mut self, space: Space, addr: u64, len: u64, ty: &Type, site: SiteId) -> Value {
        let mut bytes = vec![0; len.min(u64::from(byte_capacity(ty))) as usize];
        if !self.event.read(space, addr, &mut bytes) {
            self.machine.count(site);
            bytes.clear();
        }
        Value::Bytes(bytes)
    }

    fn read_argv(&mut self, space: Space, addr: u64, ty: &Type, site: SiteId) -> Value {
        let most = (byte_capacity(ty) & !7) as usize;
        let string = Type::Str { cap: ARGV_BYTES };
        let mut all = Vec::new();
        for i in 0..u64::from(ARGV_STRINGS) {
            let at = addr.wrapping_add(i * 8);
            let Some(pointer) = self.counted_load(space, at, 8, site) else {
                break;
            };
            if pointer == 0 || all.len() > most - ARGV_BYTES as usize {
                break;
            }
            let faults = self.machine.sites[site.0 as usize];
            let text = self.read_str(space, pointer, &string, site);
            if self.machine.sites[site.0 as usize] != faults {
                break;
            }
            all.extend(text);
            all.push(0);
        }
        Value::Bytes(all)
    }

    fn read_str(&mut self, space: Space, addr: u64, ty: &Type, site: SiteId) -> Vec<u8> {
        self.try_read_str(space, addr, ty).unwrap_or_else(|| {
            self.machine.count(site);
            Vec::new()
        })
    }

    fn try_read_str(&self, space: Space, addr: u64, ty: &Type) -> Option<Vec<u8>> {
        self.event.read_str(space, addr, str_capacity(ty))
    }

    /// How a reading goes.
    fn read_state(&mut self, of: &Expr) -> ArgState {
        let (base, addr, space) = match &of.kind {
            ExprKind::ReadStr { addr, space, .. } => {
                let addr = self.word(addr);
                (addr, addr, *space)
            }
            ExprKind::Load {
                base,
                offset,
                space,
                ..
            } => {
                let base = self.word(base);
                (base, base.wrapping_add(*offset as u64), *space)
            }
            other => panic!("{other:?} reads no memory"),
        };
        if base == 0 {
            return ArgState::Null;
        }
        // The bytes of a string before its NUL; of a load none are asked for.
        let text = match &of.kind {
            ExprKind::Load { width, .. } => self.load(space, addr, *width).map(|_| 0),
            _ => self
                .try_read_str(space, addr, &of.ty)
                .map(|text| text.len() as u32 + 1),
        };
        match text {
            None => ArgState::Fault,
            Some(_) if self.event.is_late(space, addr) => ArgState::Late,
            Some(len) if len > 0 && len == str_capacity(&of.ty) => ArgState::Truncated,
            Some(_) => ArgState::Ok,
        }
    }
}

fn up_to_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().take_while(|&b| b != 0).collect()
}

/// The most bytes of a string, with its NUL.
fn str_capacity(ty: &Type) -> u32 {
    match ty {
        Type::Str { cap } => *cap,
        ty => panic!("a string is read into {ty}, which is no string"),
    }
}

/// The most bytes of a value of bytes.
fn byte_capacity(ty: &Type) -> u32 {
    match ty {
        Type::Bytes { cap } => *cap,
        ty => panic!("bytes are read into {ty}, which is no buffer"),
    }
}

/// How many bytes, or frames.
fn length(of: &Value) -> u64 {
    match of {
        Value::Str(bytes) | Value::Bytes(bytes) => bytes.len() as u64,
        Value::Stack(stack, words) => stack.parts(words).1.len() as u64,
        other => panic!("{other:?} has no length"),
    }
}

/// The bits of an element, or of a string's character; 0 behind the end.
fn element(of: &Value, at: u64, ty: &Type) -> Value {
    let at = usize::try_from(at).ok();
    match of {
        Value::Array(elements) => {
            let element = at.and_then(|at| elements.get(at));
            element.cloned().unwrap_or_else(|| zero(ty))
        }
        Value::Str(bytes) => {
            let byte = at.and_then(|at| bytes.get(at));
            Value::Int(byte.map_or(0, |&byte| i64::from(byte as i8)))
        }
        other => panic!("{other:?} has no elements"),
    }
}

/// Where a string begins in another one, or -1.
fn position(hay: &Value, needle: &Value) -> i64 {
    match (hay, needle) {
        (Value::Str(_), Value::Str(needle)) if needle.is_empty() => 0,
        (Value::Str(hay), Value::Str(needle)) => hay
            .windows(needle.len())
            .position(|part| part == needle)
            .map_or(-1, |at| at as i64),
        other => panic!("{other:?} are not two strings"),
    }
}

/// A scalar's bits as a value of its type.
pub(super) fn scalar(ty: &Type, bits: u64) -> Value {
    match ty {
        Type::Bool => Value::Bool(bits != 0),
        Type::Int { signed: true, .. } => Value::Int(bits as i64),
        Type::Lazy(kind) => Value::Lazy(*kind, bits),
        _ => Value::Uint(bits),
    }
}

/// An integer like another one, but with these bits.
fn with_bits(like: &Value, bits: u64) -> Value {
    match like {
        Value::Int(_) => Value::Int(bits as i64),
        _ => Value::Uint(bits),
    }
}

/// What a variable of a type holds before it is assigned to.
pub(super) fn zero(ty: &Type) -> Value {
    match ty {
        Type::Str { .. } => Value::Str(Vec::new()),
        Type::Tuple(parts) => Value::Tuple(parts.iter().map(zero).collect()),
        Type::Named(names, parts) => Value::Named(names.clone(), parts.iter().map(zero).collect()),
        Type::Stack(_)
        | Type::Wide(_)
        | Type::Bytes { .. }
        | Type::Array { .. }
        | Type::Struct(_) => {
            let zeroes = vec![0; ty.size() as usize];
            Value::read(ty, &zeroes).expect("as many bytes as the type has")
        }
        _ => scalar(ty, 0),
    }
}

/// A value cut to its type: strings to the capacity, stacks to the depth.
pub(super) fn fit(value: Value, ty: &Type) -> Value {
    match (value, ty) {
        (Value::Str(mut bytes), Type::Str { cap }) => {
            bytes.truncate(*cap as usize - 1);
            Value::Str(bytes)
        }
        (Value::Tuple(values), Type::Tuple(types)) => Value::Tuple(
            values
                .into_iter()
                .zip(types)
                .map(|(v, t)| fit(v, t))
                .collect(),
        ),
        (Value::Named(_, values), Type::Tuple(_)) => Value::Tuple(values),
        (Value::Tuple(values), Type::Named(names, _)) => Value::Named(names.clone(), values),
        (Value::Stack(_, mut words), Type::Stack(stack)) => {
            words.truncate(stack.size() as usize / 8);
            Value::Stack(*stack, words)
        }
        (Value::Tuple(words), Type::Array { .. }) => {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.bits().to_ne_bytes()).collect();
            Value::read(ty, &bytes).expect("as many bytes as the type has")
        }
        (Value::Array(characters), Type::Str { .. }) => {
            let bytes: Vec<u8> = characters.iter().map(|c| c.bits() as u8).collect();
            fit(Value::Str(up_to_nul(&bytes)), ty)
        }
        (Value::Str(mut bytes), Type::Bytes { cap }) => {
            bytes.resize(*cap as usize, 0);
            Value::Bytes(bytes)
        }
        (Value::Tuple(words), Type::Wide(kind)) => {
            Value::Wide(*kind, words.iter().map(Value::bits).collect())
        }
        (value, _) => value,
    }
}

/// How two values of one type stand to each other: strings by bytes, tuples by their first difference.
fn order(ty: &Type, a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => a.cmp(b),
        (Value::Tuple(a), Value::Tuple(b)) => {
            let Type::Tuple(types) = ty else {
                panic!("tuples are compared as {ty}, which is no tuple");
            };
            let parts = a.iter().zip(b).zip(types);
            parts
                .map(|((a, b), ty)| order(ty, a, b))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        }
        (Value::Stack(_, a), Value::Stack(_, b)) => a.cmp(b),
        (
            Value::Wide(..)
            | Value::Bytes(_)
            | Value::Array(_)
            | Value::Struct(..)
            | Value::Named(..),
            _,
        ) => a.cmp(b),
        _ if ty.is_signed() => (a.bits() as i64).cmp(&(b.bits() as i64)),
        _ => a.bits().cmp(&b.bits()),
    }
}

/// A loaded word, or bits of it, extended as the type says.
fn extend(ty: &Type, word: u64, width: u8, bits: Option<(u8, u8)>) -> u64 {
    let (first, count) = bits.unwrap_or((0, width * 8));
    ops::cast(ty, ops::extend(word >> first, count, ty.is_signed()))
}
