//! Comparisons of words, strings and tuples.
//!
//! In: two operands. Out: a condition on registers, for a branch or a truth value. Equality is folded into one
//! word without branches: each would be another path for the verifier.

use super::Lower;
use super::builder::{imm, runtime};
use super::memory::{capacity, words};
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{Arg, Opnd, Place, VReg};
use crate::ir::{Compare, Expr, ExprKind};
use crate::types::Type;

/// Strings up to this size are compared for equality word by word.
const INLINE_BYTES: u32 = 64;

impl Lower<'_> {
    /// The condition under which the comparison holds.
    pub fn compare(&mut self, op: Compare, left: &Expr, right: &Expr) -> (Cond, VReg, Opnd) {
        if left.ty.is_scalar() {
            let a = self.scalar(left);
            let b = self.scalar(right);
            let a = self.b.reg(a);
            return (condition(op, left.ty.is_signed()), a, b);
        }
        match (op, &left.kind, &right.kind) {
            (Compare::Eq | Compare::Ne, _, ExprKind::Str(bytes)) => {
                let place = self.place(left);
                let difference = self.differs_from(place, capacity(&left.ty), bytes);
                (condition(op, false), difference, Opnd::Imm(0))
            }
            (Compare::Eq | Compare::Ne, ExprKind::Str(bytes), _) => {
                let place = self.place(right);
                let difference = self.differs_from(place, capacity(&right.ty), bytes);
                (condition(op, false), difference, Opnd::Imm(0))
            }
            (Compare::Eq | Compare::Ne, ..) => {
                let (a, b) = (self.place(left), self.place(right));
                let difference = self.difference((a, &left.ty), (b, &right.ty));
                (condition(op, false), difference, Opnd::Imm(0))
            }
            _ => {
                let (a, b) = (self.place(left), self.place(right));
                let order = self.order(a, b, capacity(&left.ty).min(capacity(&right.ty)));
                (condition(op, true), order, Opnd::Imm(0))
            }
        }
    }

    /// 0 when the string at `place` is `text`. Its padding is compared too, so its capacity does not matter as long
    /// as the text fits.
    fn differs_from(&mut self, place: Place, cap: u32, text: &[u8]) -> VReg {
        if text.len() as u32 >= cap {
            return self.b.copy(Opnd::Imm(1));
        }
        let size = (text.len() as u32 + 1).next_multiple_of(8);
        let mut difference = None;
        for (i, expected) in words(text, size).into_iter().enumerate() {
            let word = self.b.load(Size::DW, place.plus(i as u32 * 8));
            let expected = self.b.num(expected);
            let differs = self.b.alu(Alu::Xor, Opnd::Reg(word), expected);
            difference = Some(self.either(difference, differs));
        }
        difference.expect("a text has at least the word of its NUL")
    }

    /// 0 when two values are equal: all parts compared, whatever the first ones said.
    fn difference(&mut self, left: (Place, &Type), right: (Place, &Type)) -> VReg {
        match (left.1, right.1) {
            (Type::Tuple(a), Type::Tuple(b)) => {
                let (mut at_left, mut at_right) = (left.0, right.0);
                let mut difference = None;
                for (a, b) in a.iter().zip(b) {
                    let differs = self.difference((at_left, a), (at_right, b));
                    difference = Some(self.either(difference, differs));
                    at_left = at_left.plus(a.size());
                    at_right = at_right.plus(b.size());
                }
                difference.unwrap_or_else(|| self.b.copy(Opnd::Imm(0)))
            }
            // Equal up to the smaller capacity means equal: the smaller one ends with a NUL there.
            (Type::Str { cap: a }, Type::Str { cap: b }) => {
                self.words_differ(left.0, right.0, *a.min(b))
            }
            (ty, _) => self.words_differ(left.0, right.0, ty.size()),
        }
    }

    fn words_differ(&mut self, a: Place, b: Place, bytes: u32) -> VReg {
        if bytes > INLINE_BYTES {
            return self.order(a, b, bytes);
        }
        let mut difference = None;
        for at in (0..bytes).step_by(8) {
            let x = self.b.load(Size::DW, a.plus(at));
            let y = self.b.load(Size::DW, b.plus(at));
            let differs = self.b.alu(Alu::Xor, Opnd::Reg(x), Opnd::Reg(y));
            difference = Some(self.either(difference, differs));
        }
        difference.unwrap_or_else(|| self.b.copy(Opnd::Imm(0)))
    }

    fn either(&mut self, a: Option<VReg>, b: VReg) -> VReg {
        match a {
            Some(a) => self.b.alu(Alu::Or, Opnd::Reg(a), Opnd::Reg(b)),
            None => b,
        }
    }

    /// -1, 0 or 1.
    fn order(&mut self, a: Place, b: Place, bytes: u32) -> VReg {
        let args = vec![Arg::Addr(a), Arg::Addr(b), imm(bytes)];
        self.b.call_number(runtime("rt_str_cmp"), args)
    }
}

fn condition(op: Compare, signed: bool) -> Cond {
    match (op, signed) {
        (Compare::Eq, _) => Cond::Eq,
        (Compare::Ne, _) => Cond::Ne,
        (Compare::Lt, true) => Cond::Slt,
        (Compare::Le, true) => Cond::Sle,
        (Compare::Gt, true) => Cond::Sgt,
        (Compare::Ge, true) => Cond::Sge,
        (Compare::Lt, false) => Cond::Lt,
        (Compare::Le, false) => Cond::Le,
        (Compare::Gt, false) => Cond::Gt,
        (Compare::Ge, false) => Cond::Ge,
    }
}
