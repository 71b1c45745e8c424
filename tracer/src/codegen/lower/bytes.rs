//! Arrays, bytes and what is asked of strings: reading, lengths, positions, elements.
//!
//! In: expressions. Out: calls of the runtime. Reading that fails leaves 0 or nothing and is counted.

use super::builder::{arg, imm, runtime};
use super::memory::capacity;
use super::{Lower, Var};
use crate::bpf::{Alu, Cond, Size, helpers};
use crate::codegen::lir::{Arg, BlockId, Callee, Class, Inst, Opnd, Place, VReg};
use crate::ir::{Expr, ExprKind, MapId, PatternId, SiteId, VarId};
use crate::types::shape::Field;
use crate::types::{Space, Type};

impl Lower<'_> {
    /// An array, its elements as they lie in memory.
    pub fn read_array(&mut self, addr: Opnd, space: Space, ty: &Type, to: Place, site: SiteId) {
        let bytes = ty.packed_size().expect("the IR reads packed arrays only");
        if bytes == 0 {
            return;
        }
        if !bytes.is_multiple_of(8) {
            self.b.store_word(to.plus(ty.size() - 8), 0);
        }
        let helper = match space {
            Space::Kernel => helpers::PROBE_READ_KERNEL,
            Space::User => helpers::PROBE_READ_USER,
        };
        let args = vec![Arg::Addr(to), imm(bytes), Arg::Value(addr)];
        let failed = self.b.call_number(Callee::Helper(helper), args);
        self.fault(Cond::Ne, failed, site);
    }

    /// So many bytes, at most the capacity.
    pub fn read_bytes(
        &mut self,
        addr: Opnd,
        length: Opnd,
        space: Space,
        ty: &Type,
        to: Place,
        site: SiteId,
    ) {
        // A capacity that is no multiple of 8 has room up to the next, but must not be read in full.
        let cap = byte_capacity(ty);
        let length = match cap.is_multiple_of(8) {
            true => length,
            false => self.at_most(length, cap),
        };
        let args = vec![
            Arg::Addr(to),
            imm(cap.next_multiple_of(8)),
            Arg::Value(addr),
            Arg::Value(length),
            imm(u32::from(space == Space::User)),
        ];
        let failed = self.b.call_number(runtime("rt_bytes"), args);
        self.fault(Cond::Ne, failed, site);
    }

    fn at_most(&mut self, value: Opnd, most: u32) -> Opnd {
        let out = self.b.copy(value);
        let next = self.b.block();
        let most = Opnd::Imm(most as i32);
        self.b.branch_away(Cond::Le, out, most, next);
        self.b.push(Inst::Copy(out, most));
        self.b.jump(next);
        self.b.switch(next);
        Opnd::Reg(out)
    }

    /// A string's bytes, and 0 up to the capacity.
    pub fn text_as_bytes(&mut self, text: &Expr, ty: &Type, to: Place) {
        let cap = byte_capacity(ty);
        let (have, want) = (text.ty.size(), ty.size() - 8);
        let from = self.place(text);
        let copied = have.min(want);
        self.b.store_word(to, u64::from(cap));
        self.copy(to.plus(8), from, copied);
        self.zero(to.plus(8 + copied), want - copied);
        for byte in cap..copied {
            self.b.store(Size::B, to.plus(8 + byte), Opnd::Imm(0));
        }
    }

    /// The strings of an argument vector.
    pub fn read_argv(&mut self, addr: Opnd, space: Space, ty: &Type, to: Place, site: SiteId) {
        let args = vec![
            Arg::Addr(to),
            // What does not fill a word at the end is not used.
            imm(byte_capacity(ty) & !7),
            Arg::Value(addr),
            imm(u32::from(space == Space::User)),
        ];
        let failed = self.b.call_number(runtime("rt_argv"), args);
        self.fault(Cond::Ne, failed, site);
    }

    /// Length of a string, of bytes, of a stack.
    pub fn length(&mut self, of: &Expr) -> Opnd {
        if let ExprKind::Str(text) = &of.kind {
            return self.b.num(text.len() as u64);
        }
        let place = self.place(of);
        let (function, place, bytes) = match &of.ty {
            Type::Bytes { .. } => return Opnd::Reg(self.b.load(Size::DW, place)),
            Type::Stack(stack) => {
                let frames = stack.size() - stack.head();
                ("rt_stack_len", place.plus(stack.head()), frames)
            }
            ty => ("rt_str_len", place, capacity(ty)),
        };
        let args = vec![Arg::Addr(place), imm(bytes)];
        Opnd::Reg(self.b.call_number(runtime(function), args))
    }

    /// Where a string begins in another one. It is searched where words can be read at any byte: the stack does not
    /// allow that.
    pub fn position(&mut self, hay: &Expr, needle: &Expr) -> Opnd {
        let (hay_size, needle_size) = (hay.ty.size(), needle.ty.size());
        let place = self.scratch(hay_size + needle_size);
        self.store_into(hay, place);
        self.zero(place.plus(hay_size), needle_size);
        let needle = self.place(needle);
        let args = vec![
            Arg::Addr(place),
            imm(hay_size),
            Arg::Addr(needle),
            imm(needle_size),
        ];
        Opnd::Reg(self.b.call_number(runtime("rt_str_find"), args))
    }

    /// Whether a pattern matches. Its automaton reads whole words at places that only the kernel run knows, which are
    /// not on the stack.
    pub fn matches(&mut self, text: &Expr, pattern: PatternId) -> Opnd {
        let size = text.ty.size();
        let place = self.scratch(size);
        self.store_into(text, place);
        let args = vec![Arg::Addr(place), imm(size), imm(pattern.0)];
        Opnd::Reg(self.b.call_number(runtime("rt_match"), args))
    }

    /// A member of a struct that is a number or a pointer. What does not lie at a multiple of its size is moved first: the stack
    /// allows no other access.
    pub fn member(&mut self, of: &Expr, at: u32) -> Opnd {
        let field = field(of, at);
        let width = field.bytes();
        let mut place = self.place(of).plus(field.offset);
        if !field.offset.is_multiple_of(width) {
            let aligned = self.temporary(8);
            self.b.store_word(aligned, 0);
            self.copy_bytes(aligned, place, width);
            place = aligned;
        }
        let size = Size::from_bytes(width as u8).expect("1, 2, 4 or 8 bytes");
        let word = self.b.load(size, place);
        self.extract(word, width as u8, field.bits, &field.ty)
    }

    /// Any other member: text up to its NUL, or bytes.
    pub fn member_into(&mut self, of: &Expr, at: u32, to: Place) {
        let field = field(of, at);
        let (size, bytes) = (field.ty.size(), field.bytes());
        let from = self.place(of).plus(field.offset);
        match field.ty {
            Type::Str { .. } => self.text_at(from, &field.ty, to),
            _ => self.packed_at(from, (size, bytes), to),
        }
    }

    /// The text in an array of characters, up to its NUL or the array's end.
    pub fn text_at(&mut self, from: Place, ty: &Type, to: Place) {
        self.b.store_word(to.plus(ty.size() - 8), 0);
        let args = vec![Arg::Addr(to), imm(capacity(ty)), Arg::Addr(from)];
        self.b.call(runtime("rt_str_kernel"), args);
    }

    /// Bytes of an array or a struct as a value, which fills whole words.
    fn packed_at(&mut self, from: Place, (size, bytes): (u32, u32), to: Place) {
        if !bytes.is_multiple_of(8) {
            self.b.store_word(to.plus(size - 8), 0);
        }
        self.copy_bytes(to, from, bytes);
    }

    /// Copies any number of bytes.
    fn copy_bytes(&mut self, to: Place, from: Place, bytes: u32) {
        let helper = Callee::Helper(helpers::PROBE_READ_KERNEL);
        let args = vec![Arg::Addr(to), imm(bytes), Arg::Addr(from)];
        self.b.call(helper, args);
    }

    /// An element of an array, 0 beyond its end.
    pub fn element(&mut self, array: &Expr, at: &Expr) -> Opnd {
        let (elem, len) = match &array.ty {
            Type::Array { elem, len } => (elem.as_ref().clone(), *len),
            // Behind the text all bytes are 0.
            Type::Str { cap } => (character(), *cap),
            ty => unreachable!("{ty} has no elements"),
        };
        let width = elem.packed_size().expect("the elements are packed");
        let place = self.place(array);
        if let ExprKind::Int(index) = at.kind {
            if index >= u64::from(len) {
                return Opnd::Imm(0);
            }
            let from = place.plus(index as u32 * width);
            let size = Size::from_bytes(width as u8).expect("1, 2, 4 or 8 bytes");
            let word = self.b.load(size, from);
            return self.extract(word, width as u8, None, &elem);
        }
        let index = self.scalar(at);
        let index = self.b.reg(index);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        let from = self.address_of_element((place, len, width), index, next);
        let word = self.read_quietly(Opnd::Reg(from), Space::Kernel, width as u8);
        let value = self.extract(word, width as u8, None, &elem);
        self.b.push(Inst::Copy(out, value));
        self.b.jump(next);
        self.b.switch(next);
        self.b.forget(out);
        Opnd::Reg(out)
    }

    /// An element that is an array or a struct itself, all 0 beyond the end.
    pub fn element_into(&mut self, array: &Expr, at: &Expr, ty: &Type, to: Place) {
        let Type::Array { len, .. } = array.ty else {
            unreachable!("{} has no elements", array.ty);
        };
        let bytes = ty.packed_size().expect("the elements are packed");
        let place = self.place(array);
        if let ExprKind::Int(index) = at.kind {
            return match index < u64::from(len) {
                true => self.packed_at(place.plus(index as u32 * bytes), (ty.size(), bytes), to),
                false => self.zero(to, ty.size()),
            };
        }
        let index = self.scalar(at);
        let index = self.b.reg(index);
        self.zero(to, ty.size());
        let next = self.b.block();
        let from = self.address_of_element((place, len, bytes), index, next);
        let helper = Callee::Helper(helpers::PROBE_READ_KERNEL);
        let args = vec![Arg::Addr(to), imm(bytes), Arg::Value(Opnd::Reg(from))];
        self.b.call(helper, args);
        self.b.jump(next);
        self.b.switch(next);
    }

    /// The address of an element, as a number; beyond the end the code goes on at `end` instead.
    fn address_of_element(
        &mut self,
        (array, len, width): (Place, u32, u32),
        index: VReg,
        end: BlockId,
    ) -> VReg {
        let count = self.b.num(u64::from(len));
        self.b.branch_away(Cond::Ge, index, count, end);
        let pointer = self.b.vreg(Class::Pointer);
        self.point_to(pointer, array);
        let start = self.number(pointer);
        let width = Opnd::Imm(width as i32);
        let distance = self.b.alu(Alu::Mul, Opnd::Reg(index), width);
        self.b.alu(Alu::Add, Opnd::Reg(start), Opnd::Reg(distance))
    }

    /// Whether the map has the key; then the variable gets its value.
    pub fn find(&mut self, map: MapId, key: &[Expr], var: VarId) -> Opnd {
        let size = self.session_map(map).value_size;
        let key = self.key(map, key);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        let kernel_map = self.kernel_map(map, next);
        let value = self.lookup(kernel_map, key, next);
        let from = super::program::state_field(value, 0);
        match self.home(var) {
            Var::Word(v) => self.b.push(Inst::Load(Size::DW, v, from)),
            Var::Memory(home) => self.copy(home, from, size),
        }
        self.b.push(Inst::Copy(out, Opnd::Imm(1)));
        self.b.jump(next);
        self.b.switch(next);
        self.b.forget(out);
        Opnd::Reg(out)
    }

    /// `signal(number)` to the current process.
    pub fn signal(&mut self, number: &Expr) {
        let number = self.scalar(number);
        let helper = Callee::Helper(helpers::SEND_SIGNAL);
        self.b.call(helper, vec![Arg::Value(number)]);
    }

    /// `override(result)`.
    pub fn override_result(&mut self, result: &Expr) {
        let result = self.scalar(result);
        let helper = Callee::Helper(helpers::OVERRIDE_RETURN);
        let args = vec![arg(self.ctx), Arg::Value(result)];
        self.b.call(helper, args);
    }
}

/// A byte of a string.
fn character() -> Type {
    Type::Int {
        bits: 8,
        signed: true,
    }
}

/// A member of a struct's value.
fn field(of: &Expr, at: u32) -> Field {
    match &of.ty {
        Type::Struct(shape) => shape.fields[at as usize].clone(),
        ty => unreachable!("{ty} has no members"),
    }
}

/// The most bytes of a value of bytes.
fn byte_capacity(ty: &Type) -> u32 {
    match ty {
        Type::Bytes { cap } => *cap,
        ty => unreachable!("{ty} is not bytes"),
    }
}
