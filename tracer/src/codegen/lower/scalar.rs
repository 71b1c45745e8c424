//! Expressions of one word, and conditions.
//!
//! In: scalar expressions. Out: operands; for conditions, control flow. `&&`, `||` and `?:` evaluate only
//! what decides them.

use super::{Lower, Var};
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{Base, BlockId, Class, Inst, Opnd, Place};
use crate::ir::{Builtin, Expr, ExprKind, Unary, VarId};
use crate::types::Type;

impl Lower<'_> {
    /// The value of a scalar expression.
    pub fn scalar(&mut self, e: &Expr) -> Opnd {
        match self.captured_word(e) {
            Some(value) => value,
            None => self.evaluate(e),
        }
    }

    /// The value, evaluated here and now. A flat match over the expressions.
    pub fn evaluate(&mut self, e: &Expr) -> Opnd {
        match &e.kind {
            ExprKind::Int(bits) => self.b.num(*bits),
            ExprKind::Builtin(builtin) => self.builtin(*builtin, &e.ty),
            ExprKind::Var(var) => self.var(*var),
            ExprKind::MapGet { map, key } => self.map_get(*map, key),
            ExprKind::AggGet { map, key } => self.agg_get(*map, key),
            ExprKind::HasKey { map, key } => self.has_key(*map, key),
            ExprKind::Unary { op, operand } => self.unary(*op, operand),
            ExprKind::Binary {
                op,
                left,
                right,
                site,
            } => self.binary(*op, left, right, *site),
            ExprKind::Compare { op, left, right } => {
                let (cond, a, b) = self.compare(*op, left, right);
                Opnd::Reg(self.b.set(cond, Opnd::Reg(a), b))
            }
            ExprKind::And(..) | ExprKind::Or(..) => self.truth(e),
            ExprKind::Cond(cond, yes, no) => self.choose(cond, yes, no),
            ExprKind::Cast(inner) => {
                let value = self.scalar(inner);
                self.cast(value, &inner.ty, &e.ty)
            }
            ExprKind::Load {
                base,
                offset,
                space,
                width,
                bits,
                site,
            } => {
                let base = self.scalar(base);
                let address = self.offset(base, *offset);
                let word = self.read_word(address, *space, *width, *site);
                self.extract(word, *width, *bits, &e.ty)
            }
            ExprKind::ReadState(of) => self.read_state(of),
            ExprKind::Length(of) => self.length(of),
            ExprKind::Position(hay, needle) => self.position(hay, needle),
            ExprKind::Matches(text, pattern) => self.matches(text, *pattern),
            ExprKind::Element(array, at) => self.element(array, at),
            ExprKind::Find { map, key, var } => self.find(*map, key, *var),
            ExprKind::DataLoc { offset } => self.data_loc(*offset),
            ExprKind::Field { offset, width } => self.field(*offset, *width, &e.ty),
            ExprKind::FieldAddr { offset } => Opnd::Reg(self.context_address(*offset)),
            ExprKind::Text(_) => unreachable!("the plan leaves text to user space"),
            ExprKind::Member(of, at) => self.member(of, *at),
            ExprKind::TupleField(..) => {
                let place = self.place(e);
                Opnd::Reg(self.b.load(Size::DW, place))
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
            | ExprKind::ReadStr { .. }
            | ExprKind::ReadArray { .. }
            | ExprKind::ReadBytes { .. }
            | ExprKind::ReadArgv { .. }
            | ExprKind::ReadPath { .. }
            | ExprKind::Tuple(_) => {
                unreachable!("{} is not a scalar", e.ty)
            }
        }
    }

    /// Goes to `yes` or `no`.
    pub fn condition(&mut self, e: &Expr, yes: BlockId, no: BlockId) {
        match &e.kind {
            ExprKind::Int(bits) => self.b.jump(if *bits != 0 { yes } else { no }),
            ExprKind::And(left, right) => {
                let next = self.b.block();
                self.condition(left, next, no);
                self.b.switch(next);
                self.condition(right, yes, no);
            }
            ExprKind::Or(left, right) => {
                let next = self.b.block();
                self.condition(left, yes, next);
                self.b.switch(next);
                self.condition(right, yes, no);
            }
            ExprKind::Unary {
                op: Unary::Not,
                operand,
            } => self.condition(operand, no, yes),
            ExprKind::Compare { op, left, right } => {
                let (cond, a, b) = self.compare(*op, left, right);
                self.b.branch(cond, a, b, yes, no);
            }
            ExprKind::Builtin(Builtin::EntrySeen) => match self.part.saved {
                Some(saved) => self.b.branch(Cond::Ne, saved, Opnd::Imm(0), yes, no),
                None => self.b.jump(no),
            },
            _ => {
                let value = self.scalar(e);
                let value = self.b.reg(value);
                self.b.branch(Cond::Ne, value, Opnd::Imm(0), yes, no);
            }
        }
    }

    /// A condition as 0 or 1.
    fn truth(&mut self, e: &Expr) -> Opnd {
        let (yes, no) = (self.b.block(), self.b.block());
        let out = self.b.vreg(Class::Scalar);
        let next = self.b.block();
        self.condition(e, yes, no);
        for (block, value) in [(yes, 1), (no, 0)] {
            self.b.switch(block);
            self.b.push(Inst::Copy(out, Opnd::Imm(value)));
            self.b.jump(next);
        }
        self.b.switch(next);
        self.b.forget(out);
        Opnd::Reg(out)
    }

    fn choose(&mut self, cond: &Expr, yes: &Expr, no: &Expr) -> Opnd {
        let (then, otherwise) = (self.b.block(), self.b.block());
        let out = self.b.vreg(Class::Scalar);
        let next = self.b.block();
        self.condition(cond, then, otherwise);
        for (block, value) in [(then, yes), (otherwise, no)] {
            self.b.switch(block);
            let value = self.scalar(value);
            self.b.push(Inst::Copy(out, value));
            self.b.jump(next);
        }
        self.b.switch(next);
        self.b.forget(out);
        Opnd::Reg(out)
    }

    fn unary(&mut self, op: Unary, operand: &Expr) -> Opnd {
        let value = self.scalar(operand);
        Opnd::Reg(match op {
            Unary::Neg => {
                let value = self.b.reg(value);
                self.b.neg(value)
            }
            Unary::Not => self.b.set(Cond::Eq, value, Opnd::Imm(0)),
            Unary::BitNot => self.b.alu(Alu::Xor, value, Opnd::Imm(-1)),
            Unary::Swap => {
                let value = self.b.reg(value);
                self.b.swap(value)
            }
        })
    }

    fn var(&mut self, var: VarId) -> Opnd {
        let v = match self.home(var) {
            Var::Word(v) => v,
            Var::Memory(place) => return Opnd::Reg(self.b.load(Size::DW, place)),
        };
        if self.part.stepped.contains(&var) {
            // A step later in the same expression must not change this operand.
            return Opnd::Reg(self.b.copy(Opnd::Reg(v)));
        }
        Opnd::Reg(v)
    }

    /// Where a variable lives, as this function of the clause reaches it.
    pub fn home(&self, var: VarId) -> Var {
        match self.part.vars.get(&var) {
            Some(Var::Memory(Place {
                base: Base::Reg(_),
                off,
            })) => Var::Memory(self.frame_place(*off as u32)),
            Some(home) => *home,
            None => unreachable!("variable {} has no home in this clause", var.0),
        }
    }

    fn step_var(&mut self, var: VarId, delta: i64, postfix: bool) -> Opnd {
        let delta = self.b.num(delta as u64);
        let (before, after) = match self.home(var) {
            Var::Word(v) => {
                let before = self.b.copy(Opnd::Reg(v));
                self.b.push(Inst::Alu(Alu::Add, v, before, delta));
                self.b.forget(v);
                (before, v)
            }
            Var::Memory(home) => {
                let before = self.b.load(Size::DW, home);
                let after = self.b.alu(Alu::Add, Opnd::Reg(before), delta);
                self.b.store(Size::DW, home, Opnd::Reg(after));
                (before, after)
            }
        };
        if postfix {
            return Opnd::Reg(before);
        }
        Opnd::Reg(self.b.copy(Opnd::Reg(after)))
    }

    /// `value + bytes`.
    pub fn offset(&mut self, value: Opnd, bytes: i64) -> Opnd {
        if bytes == 0 {
            return value;
        }
        let bytes = self.b.num(bytes as u64);
        Opnd::Reg(self.b.alu(Alu::Add, value, bytes))
    }

    /// A scalar of type `from` as type `to`.
    pub fn cast(&mut self, value: Opnd, from: &Type, to: &Type) -> Opnd {
        match to {
            Type::Bool if *from != Type::Bool => {
                Opnd::Reg(self.b.set(Cond::Ne, value, Opnd::Imm(0)))
            }
            Type::Int { bits, signed } if !fits(from, *bits, *signed) => {
                self.extend(value, *bits, *signed)
            }
            _ => value,
        }
    }

    /// The low `bits` bits, extended.
    pub fn extend(&mut self, value: Opnd, bits: u8, signed: bool) -> Opnd {
        if bits >= 64 {
            return value;
        }
        if bits == 32 && !signed {
            let value = self.b.reg(value);
            let low = self.b.vreg(Class::Scalar);
            self.b.push(Inst::Low32(low, value));
            return Opnd::Reg(low);
        }
        let unused = Opnd::Imm(64 - i32::from(bits));
        let right = if signed { Alu::Arsh } else { Alu::Rsh };
        let high = self.b.alu(Alu::Lsh, value, unused);
        Opnd::Reg(self.b.alu(right, Opnd::Reg(high), unused))
    }

    /// A word as `ty` keeps it, for values that come from outside.
    pub fn normalize(&mut self, value: Opnd, ty: &Type) -> Opnd {
        self.cast(value, &Type::U64, ty)
    }
}

/// Whether every value of `from` is already as an integer of these bits keeps it.
fn fits(from: &Type, bits: u8, signed: bool) -> bool {
    match from {
        Type::Bool => true,
        Type::Int {
            bits: have,
            signed: false,
        } => *have < bits || *have == bits && !signed || bits == 64,
        Type::Int {
            bits: have,
            signed: true,
        } => *have <= bits && signed || bits == 64,
        _ => bits == 64,
    }
}
