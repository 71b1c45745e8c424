//! Constant expressions of a preamble: array lengths, widths, values of enumerators, conditions of `#if`.
//!
//! In: an expression as written and what names stand for. Out: its value, or what in it is not constant. Computes
//! as the script itself does: 64 bits, signed. Never follows names further than [`MAX_DEPTH`].

use super::{Constant, Constants};
use crate::diag::Span;
use crate::ir::{Binary, Compare, ops};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, TypeName, UnaryOp};
use crate::tables::constants as known;
use std::cell::Cell;

/// Constants that stand for constants.
const MAX_DEPTH: u32 = 64;
/// Names that are looked up for one constant: each of a hundred may stand for two of the next.
const MAX_NAMES: u32 = 100_000;

/// Why an expression has no constant value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The part that has none.
    pub span: Span,
    /// What is wrong with it.
    pub message: String,
}

/// How `sizeof` of a type is answered.
pub type SizeOf<'f> = &'f dyn Fn(&TypeName) -> Option<u32>;

/// The value of a constant expression.
pub fn constant(e: &Expr, constants: &Constants, size_of: SizeOf) -> Result<i64, Fault> {
    let evaluator = Evaluator {
        constants,
        size_of,
        defined: None,
        names: Cell::new(0),
    };
    evaluator.value(e, 0)
}

/// The value of an `#if` condition: `defined(NAME)` is asked of `defined`, an unknown name is 0.
pub fn condition(
    e: &Expr,
    constants: &Constants,
    defined: &dyn Fn(&str) -> bool,
) -> Result<i64, Fault> {
    let evaluator = Evaluator {
        constants,
        size_of: &|_| None,
        defined: Some(defined),
        names: Cell::new(0),
    };
    evaluator.value(e, 0)
}

struct Evaluator<'c, 's> {
    constants: &'c Constants<'s>,
    size_of: SizeOf<'c>,
    defined: Option<&'c dyn Fn(&str) -> bool>,
    /// Looked up so far.
    names: Cell<u32>,
}

impl Evaluator<'_, '_> {
    fn value(&self, e: &Expr, depth: u32) -> Result<i64, Fault> {
        let fault = |message: &str| Fault {
            span: e.span,
            message: message.to_owned(),
        };
        let value = |e: &Expr| self.value(e, depth);
        Ok(match &e.kind {
            ExprKind::Int(v) => *v as i64,
            ExprKind::Bool(b) => i64::from(*b),
            ExprKind::Name(name) => self.name(name, e.span, depth)?,
            ExprKind::Unary { op, operand } => unary(*op, value(operand)?)
                .ok_or_else(|| fault("this operator has no constant value"))?,
            ExprKind::Binary { op, left, right } => match op {
                BinaryOp::And => i64::from(value(left)? != 0 && value(right)? != 0),
                BinaryOp::Or => i64::from(value(left)? != 0 || value(right)? != 0),
                _ => binary(*op, value(left)?, value(right)?)
                    .ok_or_else(|| fault("this has no constant value"))?,
            },
            ExprKind::Cond {
                cond,
                then,
                otherwise,
            } => match value(cond)? {
                0 => value(otherwise)?,
                _ => value(then)?,
            },
            ExprKind::Cast { operand, .. } => value(operand)?,
            ExprKind::SizeofType(ty) => (self.size_of)(ty)
                .map(i64::from)
                .ok_or_else(|| fault("the size of this type is not known here"))?,
            ExprKind::Call { name, args } if name.text == "defined" => {
                match (self.defined, &args[..]) {
                    (
                        Some(defined),
                        [
                            Expr {
                                kind: ExprKind::Name(name),
                                ..
                            },
                        ],
                    ) => i64::from(defined(name)),
                    _ => return Err(fault("defined() takes a name, in an `#if`")),
                }
            }
            _ => return Err(fault("a constant was expected")),
        })
    }

    fn name(&self, name: &str, span: Span, depth: u32) -> Result<i64, Fault> {
        let fault = |message: String| Fault { span, message };
        self.names.set(self.names.get() + 1);
        if self.names.get() > MAX_NAMES {
            return Err(fault(format!("`{name}` grows beyond any use")));
        }
        match self.constants.get(name) {
            Some(Constant::Enumerator(value)) => Ok(*value),
            Some(Constant::Define(define)) => match (&define.params, &define.value) {
                (None, Some(value)) if depth < MAX_DEPTH => self.value(value, depth + 1),
                _ => Err(fault(format!("`{name}` stands for no constant"))),
            },
            None => match (known::value(name), self.defined) {
                (Some(value), _) => Ok(value),
                (None, Some(_)) => Ok(0),
                (None, None) => Err(fault(format!("no such constant: `{name}`"))),
            },
        }
    }
}

fn unary(op: UnaryOp, v: i64) -> Option<i64> {
    Some(match op {
        UnaryOp::Neg => v.wrapping_neg(),
        UnaryOp::Not => i64::from(v == 0),
        UnaryOp::BitNot => !v,
        UnaryOp::Deref | UnaryOp::AddressOf => return None,
    })
}

fn binary(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    let compared = |op| Some(i64::from(ops::compare(op, true, a as u64, b as u64)));
    let computed = |op| Some(ops::binary(op, true, a as u64, b as u64) as i64);
    match op {
        BinaryOp::Div | BinaryOp::Mod if b == 0 => None,
        BinaryOp::Mul => computed(Binary::Mul),
        BinaryOp::Div => computed(Binary::Div),
        BinaryOp::Mod => computed(Binary::Mod),
        BinaryOp::Add => computed(Binary::Add),
        BinaryOp::Sub => computed(Binary::Sub),
        BinaryOp::Shl => computed(Binary::Shl),
        BinaryOp::Shr => computed(Binary::Shr),
        BinaryOp::BitAnd => computed(Binary::And),
        BinaryOp::BitXor => computed(Binary::Xor),
        BinaryOp::BitOr => computed(Binary::Or),
        BinaryOp::Eq => compared(Compare::Eq),
        BinaryOp::Ne => compared(Compare::Ne),
        BinaryOp::Lt => compared(Compare::Lt),
        BinaryOp::Le => compared(Compare::Le),
        BinaryOp::Gt => compared(Compare::Gt),
        BinaryOp::Ge => compared(Compare::Ge),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Match | BinaryOp::NoMatch => None,
    }
}
