//! Records: what is sent to user space.
//!
//! In: an emit and its arguments. Out: code that builds header and payload as `plan::RecordLayout` says, and
//! hands it to the runtime with its real length.
//!
//! The length of a record with strings grows in the header's `len` field, in memory: the verifier forgets
//! there how long each string was, so paths that differ in nothing else become one.

use std::mem::offset_of;

use tracer_ebpf::{RecordHeader, SysFrame, loss};

use super::Lower;
use super::builder::{arg, imm, runtime};
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{Arg, Class, Inst, Opnd, Place};
use crate::ir::{EmitArg, EmitId, EmitKind, Expr};
use crate::plan::RecordLayout;
use crate::types::Type;

/// Bytes before the payload.
pub const HEADER: u32 = size_of::<RecordHeader>() as u32;

impl<'a> Lower<'a> {
    /// Sends a record.
    pub fn emit(&mut self, id: EmitId, args: &[EmitArg]) {
        let layout = self.layout(id);
        let record = self.open_record(id, layout);
        match self.ir.emits[id.0 as usize].kind {
            EmitKind::PrintMap { map, .. } | EmitKind::Clear(map) | EmitKind::Zero(map) => {
                let generation = self.generation(map);
                self.b.store(Size::DW, record.plus(HEADER), generation);
            }
            _ => {
                for (index, arg) in args.iter().enumerate() {
                    let mark = self.memory.mark();
                    self.argument_or_absent(record, layout, index, arg);
                    self.memory.reset(mark);
                }
            }
        }
        self.send(record, layout);
    }

    /// The record of `exit(code)`.
    pub fn emit_exit(&mut self, code: &Expr) {
        let Some(id) = self.find_emit(&|kind| *kind == EmitKind::Exit) else {
            return;
        };
        let code = EmitArg {
            value: code.clone(),
            present: None,
        };
        self.emit(id, &[code]);
    }

    /// An emit by what it does.
    pub fn find_emit(&self, is_meant: &dyn Fn(&EmitKind) -> bool) -> Option<EmitId> {
        let found = self.ir.emits.iter().position(|e| is_meant(&e.kind));
        found.map(|i| EmitId(i as u32))
    }

    fn layout(&self, id: EmitId) -> &'a RecordLayout {
        let found = self.plan.records.iter().find(|r| r.id == id);
        found.unwrap_or_else(|| unreachable!("emit {} has no layout", id.0))
    }

    fn open_record(&mut self, id: EmitId, layout: &RecordLayout) -> Place {
        let bytes = HEADER + layout.max_size;
        let record = if has_strings(layout) {
            self.scratch(bytes)
        } else {
            self.temporary(bytes)
        };
        let field = |offset: usize| record.plus(offset as u32);
        let probe = self.probe_name();
        let emit = Opnd::Imm(id.0 as i32);
        self.b
            .store(Size::W, field(offset_of!(RecordHeader, emit)), emit);
        self.b
            .store(Size::W, field(offset_of!(RecordHeader, probe)), probe);
        let call = match self.call {
            Some(call) => {
                let from = call.frame.plus(offset_of!(SysFrame, call) as u32);
                Opnd::Reg(self.b.load(Size::DW, from))
            }
            None => Opnd::Imm(0),
        };
        self.b
            .store(Size::DW, field(offset_of!(RecordHeader, syscall)), call);
        if has_strings(layout) {
            let end = Opnd::Imm((HEADER + layout.fixed_size) as i32);
            self.b
                .store(Size::W, field(offset_of!(RecordHeader, len)), end);
        }
        if layout.has_absent {
            self.b.store_word(record.plus(HEADER), 0);
        }
        record
    }

    fn argument_or_absent(
        &mut self,
        record: Place,
        layout: &RecordLayout,
        index: usize,
        value: &EmitArg,
    ) {
        let (ty, offset) = &layout.args[index];
        let to = record.plus(HEADER + offset);
        let Some(present) = &value.present else {
            return self.record_argument(record, layout, to, ty, &value.value);
        };
        let (yes, no, next) = (self.b.block(), self.b.block(), self.b.block());
        self.condition(present, yes, no);
        self.b.switch(yes);
        self.record_argument(record, layout, to, ty, &value.value);
        self.b.jump(next);
        self.b.switch(no);
        self.zero(to, fixed_bytes(ty));
        let bits = record.plus(HEADER);
        let old = self.b.load(Size::DW, bits);
        let bit = self.b.num(1_u64.checked_shl(index as u32).unwrap_or(0));
        let new = self.b.alu(Alu::Or, Opnd::Reg(old), bit);
        self.b.store(Size::DW, bits, Opnd::Reg(new));
        self.b.jump(next);
        self.b.switch(next);
    }

    fn record_argument(
        &mut self,
        record: Place,
        layout: &RecordLayout,
        to: Place,
        ty: &Type,
        value: &Expr,
    ) {
        match ty {
            // It is the last to be known, and always there.
            Type::Call => {}
            Type::Str { .. } | Type::Bytes { .. } => self.append(record, layout, to, value),
            _ => self.store_into(value, to),
        }
    }

    /// A string, or bytes of any kind: its bytes at the end of the record, offset and length in the fixed part.
    fn append(&mut self, record: Place, layout: &RecordLayout, to: Place, value: &Expr) {
        let from = self.place(value);
        let end = record.plus(offset_of!(RecordHeader, len) as u32);
        let at = self.b.load(Size::W, end);
        let (function, cap) = match &value.ty {
            Type::Bytes { cap } => ("rt_append_bytes", cap.next_multiple_of(8)),
            ty => ("rt_append", ty.size()),
        };
        let args = vec![
            Arg::Addr(record),
            arg(at),
            imm(HEADER + layout.max_size),
            Arg::Addr(from),
            imm(cap),
        ];
        let length = self.b.call_number(runtime(function), args);
        let header = Opnd::Imm(-(HEADER as i32));
        let offset = self.b.alu(Alu::Add, Opnd::Reg(at), header);
        self.b.store(Size::W, to, Opnd::Reg(offset));
        self.b.store(Size::W, to.plus(4), Opnd::Reg(length));
        let next = self.b.alu(Alu::Add, Opnd::Reg(at), Opnd::Reg(length));
        let next = self.b.alu(Alu::Add, Opnd::Reg(next), Opnd::Imm(7));
        let next = self.b.alu(Alu::And, Opnd::Reg(next), Opnd::Imm(-8));
        self.b.store(Size::W, end, Opnd::Reg(next));
    }

    fn send(&mut self, record: Place, layout: &RecordLayout) {
        let control = imm(u32::from(layout.control));
        if !has_strings(layout) && layout.call_bytes > 0 {
            let end = self.b.copy(Opnd::Imm((HEADER + layout.fixed_size) as i32));
            return self.send_with_call(record, layout, end);
        }
        if !has_strings(layout) {
            let length = imm(HEADER + layout.fixed_size);
            let args = vec![Arg::Addr(record), length, control];
            return self.b.call(runtime("rt_emit"), args);
        }
        let end = record.plus(offset_of!(RecordHeader, len) as u32);
        let length = self.b.vreg(Class::Held);
        self.b.push(Inst::Load(Size::W, length, end));
        let (too_large, good, next) = (self.b.cold_block(), self.b.block(), self.b.block());
        let max = Opnd::Imm((HEADER + layout.max_size) as i32);
        self.b.branch(Cond::Gt, length, max, too_large, good);
        self.b.switch(good);
        if layout.call_bytes > 0 {
            self.send_with_call(record, layout, length);
        } else {
            let args = vec![Arg::Addr(record), arg(length), control];
            self.b.call(runtime("rt_emit"), args);
        }
        self.b.jump(next);
        self.b.switch(too_large);
        Self::count_loss(&mut self.b, loss::TOO_LARGE);
        self.b.jump(next);
        self.b.switch(next);
    }
}

fn has_strings(layout: &RecordLayout) -> bool {
    layout.args.iter().any(|(ty, _)| is_string(ty))
}

fn is_string(ty: &Type) -> bool {
    matches!(ty, Type::Str { .. } | Type::Bytes { .. })
}

/// Bytes of an argument in the fixed part.
fn fixed_bytes(ty: &Type) -> u32 {
    if is_string(ty) { 8 } else { ty.size() }
}
