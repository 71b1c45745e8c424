//! Walks a call's arguments as its signature describes them.
//!
//! In: a call, its signature, a style. Out: events for a [`Sink`]. Never reads what is not in the call's image.

use super::Style;
use super::sink::Sink;
use crate::tables::structs::Field;
use crate::tables::syscalls::{Arg, ArgKind};
use crate::tables::what::{Len, On, PAGE_BYTES, Source, What};
use crate::types::Abi;
use crate::types::call::{ArgState, Call, When};

/// The walk through one call.
pub(super) struct Walk<'c, 'a, S> {
    /// The call.
    pub call: &'c Call<'a>,
    /// How to write it.
    pub style: &'c Style,
    /// Its name; empty when no table knows it.
    pub name: &'static str,
    /// Its arguments; none when no table knows it.
    pub args: &'static [Arg],
    /// The call has only begun: what it reads is told as far as it is known.
    pub begun: bool,
    /// The name of the argument that is being written.
    pub argument: &'static str,
    /// What is told.
    pub sink: S,
}

/// Bytes of the image.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Where they stood.
    pub addr: u64,
    /// As many as are there and belong to it.
    pub bytes: &'a [u8],
    /// How they were read.
    pub state: ArgState,
}

/// The struct that holds a value, for lengths and meanings that its other members tell.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// Its members; none outside a struct.
    pub fields: &'static [Field],
    /// Its bytes.
    pub place: Place<'a>,
    /// At which end of the call it was read.
    pub when: When,
}

/// A number as it stood in a register or in memory.
#[derive(Clone, Copy)]
pub(super) struct Num {
    /// Its bits, zero-extended.
    pub raw: u64,
    /// Its bytes.
    pub width: usize,
    /// Whether it has a sign.
    pub is_signed: bool,
}

impl Num {
    /// Of the lower bytes of `raw`.
    pub fn new(raw: u64, width: usize, is_signed: bool) -> Num {
        Num {
            raw: cut(raw, width),
            width,
            is_signed,
        }
    }

    /// With its sign, when it has one. What has none and does not fit is never asked for it.
    pub fn value(self) -> i64 {
        match self.is_signed {
            true => self.as_signed(),
            false => self.raw as i64,
        }
    }

    /// As if it had a sign.
    pub fn as_signed(self) -> i64 {
        sign_extended(self.raw, self.width)
    }

    /// Whether all its bits are set: -1.
    pub fn is_all_ones(self) -> bool {
        self.as_signed() == -1
    }
}

/// The lower bytes.
pub(super) fn cut(raw: u64, width: usize) -> u64 {
    match width {
        0..8 => raw & ((1 << (8 * width)) - 1),
        _ => raw,
    }
}

/// The lower bytes as a number with a sign.
pub(super) fn sign_extended(raw: u64, width: usize) -> i64 {
    match width {
        1..8 => {
            let shift = 64 - 8 * width;
            ((raw << shift) as i64) >> shift
        }
        _ => raw as i64,
    }
}

impl<'a> Place<'a> {
    /// Nowhere.
    pub const NONE: Place<'static> = Place {
        addr: 0,
        bytes: &[],
        state: ArgState::NotRead,
    };

    /// A part of it; fewer bytes where it ends.
    pub fn part(self, offset: usize, len: usize) -> Place<'a> {
        let bytes = self.bytes.get(offset..).unwrap_or_default();
        Place {
            addr: self.addr.wrapping_add(offset as u64),
            bytes: &bytes[..bytes.len().min(len)],
            state: self.state,
        }
    }

    /// A number; `None` when not all its bytes are there.
    pub fn number(self, offset: usize, width: usize) -> Option<u64> {
        let bytes = self.bytes.get(offset..offset.checked_add(width)?)?;
        let mut word = [0; 8];
        word.get_mut(..width)?.copy_from_slice(bytes);
        Some(u64::from_le_bytes(word))
    }
}

impl Scope<'_> {
    /// The same at another end of the call.
    pub fn at(self, when: When) -> Self {
        Scope { when, ..self }
    }

    /// Outside a struct.
    pub const NONE: Scope<'static> = Scope {
        fields: &[],
        place: Place::NONE,
        when: When::Entry,
    };
}

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// Bytes of a pointer or `long`.
    pub fn word(&self) -> usize {
        match self.call.abi {
            Abi::Native => 8,
            Abi::I386 => 4,
        }
    }

    /// The number in an argument's register.
    pub fn arg(&self, n: u8) -> Num {
        let raw = self.call.args.get(usize::from(n)).copied().unwrap_or(0);
        match self.args.get(usize::from(n)).map(|arg| arg.kind) {
            Some(ArgKind::Int { bits, signed }) => Num::new(raw, usize::from(bits) / 8, signed),
            _ => Num::new(raw, self.word(), false),
        }
    }

    /// Whether the call came back, and without an error.
    pub fn succeeded(&self) -> bool {
        self.call.kind.returned() && !super::result::is_error(self.call.ret)
    }

    /// How long something is. `None`: nobody knows.
    pub fn len(&self, len: Len, scope: Scope<'a>) -> Option<u64> {
        Some(match len {
            Len::Const(n) => u64::from(n),
            Len::Arg(n) => self.arg(n).raw,
            Len::ArgTimes(n, times) => self.arg(n).raw.saturating_mul(u64::from(times)),
            Len::Pages(n) => self.arg(n).raw.div_ceil(PAGE_BYTES),
            Len::Pointee(n) => self.behind_argument(n)?,
            Len::Ret => self.call.ret.max(0) as u64,
            Len::RetUpTo(n) => (self.call.ret.max(0) as u64).min(self.arg(n).raw),
            Len::Field(i) => self.field(i, scope)?,
            Len::FieldPointee(i) => {
                let addr = self.field(i, scope)?;
                self.number_at(addr, 4, scope.when)?
            }
            Len::Rest => scope.place.bytes.len() as u64,
        })
    }

    /// The number that an argument points to: at exit no more than it was at entry.
    fn behind_argument(&self, n: u8) -> Option<u64> {
        let addr = self.arg(n).raw;
        let at = |when| self.number_at(addr, 4, when);
        match (at(When::Entry), at(When::Exit)) {
            (Some(before), Some(after)) if self.succeeded() => Some(before.min(after)),
            (before, after) => before.or(after),
        }
    }

    /// A number in memory.
    pub fn number_at(&self, addr: u64, width: usize, when: When) -> Option<u64> {
        self.place(addr, width, when).number(0, width)
    }

    /// Memory.
    pub fn place(&self, addr: u64, len: usize, when: When) -> Place<'a> {
        let memory = self.call.memory(addr, len, when);
        Place {
            addr,
            bytes: memory.bytes,
            state: memory.state,
        }
    }

    /// The number in member `i`.
    fn field(&self, i: u8, scope: Scope<'a>) -> Option<u64> {
        let field = scope.fields.get(usize::from(i))?;
        let (offset, width) = (field.offset, field.width);
        let abi = self.call.abi;
        scope.place.number(offset.of(abi), width.of(abi))
    }

    /// What a value means, by the value that decides it.
    pub fn resolve(&self, what: What, scope: Scope<'a>) -> What {
        let mut what = what;
        // Cases may decide by a further value, but never without end.
        for _ in 0..4 {
            let What::On(on) = what else { break };
            what = self.decide(on, scope);
        }
        what
    }

    fn decide(&self, on: &On, scope: Scope<'a>) -> What {
        let value = match on.source {
            Source::Arg(n) => Some(self.arg(n).raw),
            Source::Field(i) => self.field(i, scope),
            Source::Pointee(n) => self.behind_argument(n),
            Source::Ret => Some(self.call.ret as u64),
        };
        value.map_or(on.otherwise, |value| on.case(value))
    }
}
