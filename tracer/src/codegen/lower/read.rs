//! Reading memory: through the kernel's helpers, and directly in the tracepoint's record.
//!
//! In: addresses. Out: words. What could not be read is 0 and counted.

use super::Lower;
use super::builder::imm;
use crate::bpf::{Alu, Cond, Size, helpers};
use crate::codegen::lir::{Arg, Base, Callee, Inst, Opnd, Place, VReg};
use crate::ir::SiteId;
use crate::types::{Space, Type};

/// The offset half of a `__data_loc` word (include/trace/stages/stage4_event_fields.h).
const DATA_LOC_OFFSET: i32 = 0xffff;

impl Lower<'_> {
    /// `width` bytes at an address, zero-extended; a fault gives 0 and is counted.
    pub fn read_word(&mut self, address: Opnd, space: Space, width: u8, site: SiteId) -> VReg {
        let (value, failed) = self.read(address, space, width);
        self.fault(Cond::Ne, failed, site);
        value
    }

    /// The same without counting.
    pub fn read_quietly(&mut self, address: Opnd, space: Space, width: u8) -> VReg {
        self.read(address, space, width).0
    }

    /// Counts a failed read, or notes it where faults are collected: `result cond 0` is a failure.
    pub fn fault(&mut self, cond: Cond, result: VReg, site: SiteId) {
        match self.part.faults {
            Some(faults) => {
                let failed = self.b.set(cond, Opnd::Reg(result), Opnd::Imm(0));
                self.b
                    .push(Inst::Alu(Alu::Or, faults, faults, Opnd::Reg(failed)));
            }
            None => self.b.rarely(cond, result, Opnd::Imm(0), |b| {
                Self::count_site(b, site);
            }),
        }
    }

    /// Value and the helper's result. The helper clears its destination when it fails.
    pub fn read(&mut self, address: Opnd, space: Space, width: u8) -> (VReg, VReg) {
        let size = size(width);
        let helper = match space {
            Space::Kernel => helpers::PROBE_READ_KERNEL,
            Space::User => helpers::PROBE_READ_USER,
        };
        let mark = self.memory.mark();
        let slot = self.memory.take_stack(8);
        let args = vec![Arg::Addr(slot), imm(u32::from(width)), Arg::Value(address)];
        let failed = self.b.call_number(Callee::Helper(helper), args);
        let value = self.b.load(size, slot);
        self.memory.reset(mark);
        (value, failed)
    }

    /// Cuts a bit field out of a loaded word and extends the result as its type says.
    pub fn extract(&mut self, word: VReg, width: u8, bits: Option<(u8, u8)>, ty: &Type) -> Opnd {
        let word = Opnd::Reg(word);
        let (first, count) = bits.unwrap_or((0, width * 8));
        let value = if first == 0 {
            word
        } else {
            Opnd::Reg(self.b.alu(Alu::Rsh, word, Opnd::Imm(i32::from(first))))
        };
        let narrow = bits.is_some() || ty.is_signed();
        let value = if narrow {
            self.extend(value, count, ty.is_signed())
        } else {
            value
        };
        self.normalize(value, ty)
    }

    /// A field of the tracepoint's record, which the context points to.
    pub fn field(&mut self, offset: u32, width: u8, ty: &Type) -> Opnd {
        let word = if offset.is_multiple_of(u32::from(width)) {
            let base = Base::Reg(self.ctx);
            let off = offset as i32;
            self.b.load(size(width), Place { base, off })
        } else {
            // Contexts are only readable at aligned offsets.
            let address = self.context_address(offset);
            self.read_quietly(Opnd::Reg(address), Space::Kernel, width)
        };
        self.extract(word, width, None, ty)
    }

    /// The address of a byte of the record, as a number.
    pub fn context_address(&mut self, offset: u32) -> VReg {
        let address = self.b.vreg(crate::codegen::lir::Class::Pointer);
        let place = Place {
            base: Base::Reg(self.ctx),
            off: offset as i32,
        };
        self.b.push(Inst::Address(address, place));
        self.number(address)
    }

    /// `__data_loc`: the low half of the word is the offset in the record.
    pub fn data_loc(&mut self, offset: u32) -> Opnd {
        let place = Place {
            base: Base::Reg(self.ctx),
            off: offset as i32,
        };
        let word = self.b.load(Size::W, place);
        let start = self.context_address(0);
        let distance = self
            .b
            .alu(Alu::And, Opnd::Reg(word), Opnd::Imm(DATA_LOC_OFFSET));
        Opnd::Reg(self.b.alu(Alu::Add, Opnd::Reg(start), Opnd::Reg(distance)))
    }

    /// A pointer as a number that the script may compute with: the verifier forgets what a negated pointer was.
    pub fn number(&mut self, pointer: VReg) -> VReg {
        let negated = self.b.neg(pointer);
        self.b.neg(negated)
    }
}

fn size(width: u8) -> Size {
    Size::from_bytes(width).expect("the IR's rules allow widths of 1, 2, 4 and 8")
}
