//! Arithmetic on 64-bit words, as `ir::ops::binary` says it.
//!
//! In: operands. Out: registers. BPF divides unsigned only (before 6.6); signed division is made of absolute
//! values. Branches are avoided: each one doubles what the verifier must follow.

use super::Lower;
use crate::bpf::{Alu, Cond};
use crate::codegen::lir::{Class, Inst, Opnd, VReg};
use crate::ir::{Binary, Expr, SiteId};

impl Lower<'_> {
    /// A binary operation; the left operand's type says whether it is signed.
    pub fn binary(&mut self, op: Binary, left: &Expr, right: &Expr, site: Option<SiteId>) -> Opnd {
        let a = self.scalar(left);
        let b = self.scalar(right);
        let signed = left.ty.is_signed();
        let simple = match op {
            Binary::Add => Alu::Add,
            Binary::Sub => Alu::Sub,
            Binary::Mul => Alu::Mul,
            Binary::And => Alu::And,
            Binary::Or => Alu::Or,
            Binary::Xor => Alu::Xor,
            Binary::Div => return self.divide(Alu::Div, a, b, signed, site),
            Binary::Mod => return self.divide(Alu::Mod, a, b, signed, site),
            Binary::Shl => return self.shift(Alu::Lsh, a, b),
            Binary::Shr if signed => return self.shift(Alu::Arsh, a, b),
            Binary::Shr => return self.shift(Alu::Rsh, a, b),
        };
        Opnd::Reg(self.b.alu(simple, a, b))
    }

    /// BPF's own `x / 0` is 0 and `x % 0` is x, which is the language's meaning: only the counting is added.
    pub fn divide(
        &mut self,
        op: Alu,
        a: Opnd,
        b: Opnd,
        signed: bool,
        site: Option<SiteId>,
    ) -> Opnd {
        let b = match b {
            // The verifier refuses to divide by an immediate 0.
            Opnd::Imm(0) => Opnd::Reg(self.b.copy(b)),
            b => b,
        };
        if let (Opnd::Reg(divisor), Some(site)) = (b, site) {
            self.b.rarely(Cond::Eq, divisor, Opnd::Imm(0), |b| {
                Self::count_site(b, site);
            });
        }
        Opnd::Reg(match (signed, b) {
            (false, _) => self.b.alu(op, a, b),
            (true, b) => self.divide_signed(op, a, b),
        })
    }

    /// C's truncation: the quotient has the sign of `a ^ b`, the remainder that of `a`.
    fn divide_signed(&mut self, op: Alu, a: Opnd, b: Opnd) -> VReg {
        let (a, sign_a) = self.absolute(a);
        let (b, sign_b) = self.absolute(b);
        let result = self.b.alu(op, Opnd::Reg(a), Opnd::Reg(b));
        let sign = match op {
            Alu::Div => self.b.alu(Alu::Xor, Opnd::Reg(sign_a), Opnd::Reg(sign_b)),
            _ => sign_a,
        };
        self.with_sign(result, sign)
    }

    /// `|x|` and the sign as 0 or -1.
    fn absolute(&mut self, x: Opnd) -> (VReg, VReg) {
        let x = self.b.reg(x);
        let sign = self.b.alu(Alu::Arsh, Opnd::Reg(x), Opnd::Imm(63));
        (self.with_sign(x, sign), sign)
    }

    /// `(x ^ sign) - sign`: x, or -x when the sign is -1.
    fn with_sign(&mut self, x: VReg, sign: VReg) -> VReg {
        let flipped = self.b.alu(Alu::Xor, Opnd::Reg(x), Opnd::Reg(sign));
        self.b.alu(Alu::Sub, Opnd::Reg(flipped), Opnd::Reg(sign))
    }

    /// BPF masks a count to 6 bits; the language leaves nothing, or the sign.
    fn shift(&mut self, op: Alu, a: Opnd, count: Opnd) -> Opnd {
        let count = match count {
            Opnd::Imm(n @ 0..=63) => return Opnd::Reg(self.b.alu(op, a, Opnd::Imm(n))),
            Opnd::Imm(_) => return self.shifted_out(op, a),
            Opnd::Reg(count) => count,
        };
        let out = self.b.vreg(Class::Scalar);
        let a = self.b.reg(a);
        self.b.push(Inst::Alu(op, out, a, Opnd::Reg(count)));
        let (all, next) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Gt, count, Opnd::Imm(63), all, next);
        self.b.switch(all);
        let value = self.shifted_out(op, Opnd::Reg(a));
        self.b.push(Inst::Copy(out, value));
        self.b.jump(next);
        self.b.switch(next);
        Opnd::Reg(out)
    }

    fn shifted_out(&mut self, op: Alu, a: Opnd) -> Opnd {
        match op {
            Alu::Arsh => Opnd::Reg(self.b.alu(op, a, Opnd::Imm(63))),
            _ => Opnd::Imm(0),
        }
    }
}
