//! Values larger than a word: strings, tuples, stacks.
//!
//! In: expressions of those types. Out: bytes at a place, in the layout of `Type::size`; every byte of it is
//! written, and behind a string's text all are 0.

use super::builder::{arg, imm, runtime};
use super::{Lower, Var};
use tracer_ebpf::PATH_SPARE;

use crate::bpf::{Cond, Size, helpers};
use crate::codegen::lir::{Arg, Base, Callee, Class, Inst, Opnd, Place};
use crate::ir::{Builtin, Expr, ExprKind, SiteId};
use crate::types::{Space, Type};

/// Up to here copying and clearing is done word by word; above it one helper call is shorter.
const INLINE_BYTES: u32 = 128;

impl Lower<'_> {
    /// A place that holds the value until the statement ends.
    pub fn place(&mut self, e: &Expr) -> Place {
        match &e.kind {
            ExprKind::Var(var) => match self.home(*var) {
                Var::Memory(place) => place,
                Var::Word(v) => self.spill_word(Opnd::Reg(v)),
            },
            ExprKind::TupleField(tuple, index) => {
                let place = self.place(tuple);
                place.plus(field_offset(&tuple.ty, *index))
            }
            ExprKind::ReadStr { .. } if self.is_captured(e) => self.captured_string(e),
            ExprKind::Cast(inner) if is_same_memory(&e.ty) => self.place(inner),
            _ => self.fresh(e),
        }
    }

    /// The value in a place of its own.
    pub fn fresh(&mut self, e: &Expr) -> Place {
        let place = self.temporary(e.ty.size());
        self.store_into(e, place);
        place
    }

    fn spill_word(&mut self, value: Opnd) -> Place {
        let place = self.temporary(8);
        self.b.store(Size::DW, place, value);
        place
    }

    /// Evaluates into `to`. A flat match over the expressions that have such values.
    pub fn store_into(&mut self, e: &Expr, to: Place) {
        if e.ty.is_scalar() {
            let value = self.scalar(e);
            return self.b.store(Size::DW, to, value);
        }
        let size = e.ty.size();
        match &e.kind {
            ExprKind::Str(bytes) => self.literal(bytes, to, size),
            ExprKind::Builtin(Builtin::Comm) => self.name_of_task(to, size),
            ExprKind::Builtin(Builtin::Stack(stack)) => {
                let mut args = vec![arg(self.ctx), Arg::Addr(to), imm(size)];
                let function = match stack.space {
                    Space::Kernel => {
                        args.push(imm(self.own_frames));
                        "rt_kstack"
                    }
                    Space::User => "rt_ustack",
                };
                self.b.call(runtime(function), args);
            }
            ExprKind::ReadStr { addr, space, site } if !self.is_captured(e) => {
                let address = self.scalar(addr);
                self.read_string(address, *space, &e.ty, to, *site);
            }
            ExprKind::ReadArray { addr, space, site } => {
                let address = self.scalar(addr);
                self.read_array(address, *space, &e.ty, to, *site);
            }
            ExprKind::ReadBytes {
                addr,
                length,
                space,
                site,
            } => {
                let address = self.scalar(addr);
                let length = self.scalar(length);
                self.read_bytes(address, length, *space, &e.ty, to, *site);
            }
            ExprKind::ReadArgv { addr, space, site } => {
                let address = self.scalar(addr);
                self.read_argv(address, *space, &e.ty, to, *site);
            }
            ExprKind::ReadPath { addr, site } => {
                let address = self.scalar(addr);
                self.read_path(address, &e.ty, to, *site);
            }
            ExprKind::Tuple(parts) => {
                let mut to = to;
                for part in parts {
                    self.store_into(part, to);
                    to = to.plus(part.ty.size());
                }
            }
            ExprKind::Cond(cond, yes, no) => {
                let (then, otherwise, next) = (self.b.block(), self.b.block(), self.b.block());
                self.condition(cond, then, otherwise);
                for (block, value) in [(then, yes), (otherwise, no)] {
                    self.b.switch(block);
                    self.store_into(value, to);
                    self.b.jump(next);
                }
                self.b.switch(next);
            }
            // The words of the tuple lie as those of the value do.
            ExprKind::Cast(inner) if is_same_memory(&e.ty) => {
                self.store_into(inner, to);
            }
            ExprKind::Cast(inner) if matches!(e.ty, Type::Bytes { .. }) => {
                self.text_as_bytes(inner, &e.ty, to);
            }
            ExprKind::Cast(inner) if matches!(inner.ty, Type::Array { .. }) => {
                let from = self.place(inner);
                self.text_at(from, &e.ty, to);
            }
            ExprKind::Cast(inner) => self.cast_string(inner, &e.ty, to),
            ExprKind::Member(of, at) => self.member_into(of, *at, to),
            ExprKind::Element(array, at) => self.element_into(array, at, &e.ty, to),
            ExprKind::MapGet { map, key } => self.map_get_into(*map, key, to),
            _ => {
                let from = self.place(e);
                self.copy(to, from, size);
            }
        }
    }

    /// A string, NUL-padded to `size` bytes.
    fn literal(&mut self, bytes: &[u8], to: Place, size: u32) {
        for (i, word) in words(bytes, size).into_iter().enumerate() {
            self.b.store_word(to.plus(i as u32 * 8), word);
        }
    }

    /// Reads a string at an address; a fault is counted and leaves it empty.
    pub fn read_string(&mut self, address: Opnd, space: Space, ty: &Type, to: Place, site: SiteId) {
        let length = self.try_read_string(address, space, ty, to);
        self.fault(Cond::Slt, length, site);
    }

    /// The runtime's result: length with NUL or a negative errno.
    pub fn try_read_string(
        &mut self,
        address: Opnd,
        space: Space,
        ty: &Type,
        to: Place,
    ) -> crate::codegen::lir::VReg {
        let cap = capacity(ty);
        let size = ty.size();
        if size != cap {
            // The reader clears what its capacity covers; the last word is longer.
            self.b.store_word(to.plus(size - 8), 0);
        }
        let name = match space {
            Space::Kernel => "rt_str_kernel",
            Space::User => "rt_str_user",
        };
        let args = vec![Arg::Addr(to), imm(cap), Arg::Value(address)];
        self.b.call_number(runtime(name), args)
    }

    /// Reads the path at the address of a `struct path`; a fault is counted and leaves it empty.
    fn read_path(&mut self, address: Opnd, ty: &Type, to: Place, site: SiteId) {
        let mark = self.memory.mark();
        let room = self.temporary(ty.size() + PATH_SPARE as u32);
        let args = vec![
            Arg::Addr(to),
            imm(capacity(ty)),
            Arg::Addr(room),
            Arg::Value(address),
        ];
        let length = self.b.call_number(runtime("rt_path"), args);
        self.memory.reset(mark);
        self.fault(Cond::Slt, length, site);
    }

    /// A string in another capacity: cut or padded.
    fn cast_string(&mut self, inner: &Expr, ty: &Type, to: Place) {
        let (have, want) = (inner.ty.size(), ty.size());
        if want >= have && capacity(ty) >= capacity(&inner.ty) {
            self.store_into(inner, to);
            return self.zero(to.plus(have), want - have);
        }
        let from = self.place(inner);
        self.copy(to, from, have.min(want));
        self.zero(to.plus(have.min(want)), want.saturating_sub(have));
        for byte in capacity(ty) - 1..want {
            self.b.store(Size::B, to.plus(byte), Opnd::Imm(0));
        }
    }

    /// Copies `bytes`, a multiple of 8.
    pub fn copy(&mut self, to: Place, from: Place, bytes: u32) {
        if bytes > INLINE_BYTES {
            let helper = Callee::Helper(helpers::PROBE_READ_KERNEL);
            let args = vec![Arg::Addr(to), imm(bytes), Arg::Addr(from)];
            return self.b.call(helper, args);
        }
        for at in (0..bytes).step_by(8) {
            let word = self.b.load(Size::DW, from.plus(at));
            self.b.store(Size::DW, to.plus(at), Opnd::Reg(word));
        }
    }

    /// Clears `bytes`, a multiple of 8.
    pub fn zero(&mut self, to: Place, bytes: u32) {
        if bytes > INLINE_BYTES {
            // Reading from address 0 fails, and the helper then clears its destination.
            let helper = Callee::Helper(helpers::PROBE_READ_KERNEL);
            return self.b.call(helper, vec![Arg::Addr(to), imm(bytes), imm(0)]);
        }
        for at in (0..bytes).step_by(8) {
            self.b.store_word(to.plus(at), 0);
        }
    }

    /// A register that points to a place, for code where one of several places is meant.
    pub fn point_to(&mut self, pointer: crate::codegen::lir::VReg, place: Place) {
        self.b.push(Inst::Address(pointer, place));
    }

    /// A new pointer register and the place it will point to.
    pub fn pointer(&mut self) -> (crate::codegen::lir::VReg, Place) {
        let v = self.b.vreg(Class::Pointer);
        let base = Base::Reg(v);
        (v, Place { base, off: 0 })
    }
}

/// Capacity of a string type, including the NUL.
pub fn capacity(ty: &Type) -> u32 {
    match ty {
        Type::Str { cap } => *cap,
        ty => unreachable!("{ty} is not a string"),
    }
}

/// Whether a value of the type that is cast lies as what it is cast from: words of a tuple, a record's components.
fn is_same_memory(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Wide(_) | Type::Array { .. } | Type::Tuple(_) | Type::Named(..)
    )
}

/// Bytes before a tuple's component.
fn field_offset(tuple: &Type, index: u32) -> u32 {
    match tuple {
        Type::Tuple(parts) | Type::Named(_, parts) => {
            parts[..index as usize].iter().map(Type::size).sum()
        }
        ty => unreachable!("{ty} is not a tuple"),
    }
}

/// The words of a string that is padded to `size` bytes.
pub fn words(bytes: &[u8], size: u32) -> Vec<u64> {
    let mut padded = bytes.to_vec();
    padded.resize(size as usize, 0);
    let word = |chunk: &[u8]| u64::from_ne_bytes(chunk.try_into().expect("chunks of 8"));
    padded.chunks_exact(8).map(word).collect()
}
