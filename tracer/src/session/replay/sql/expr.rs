//! Expressions as SQL.
//!
//! In: expressions of a clause. Out: text with the same value for each row of the export, in DuckDB's dialect. Integers that would wrap are
//! an error there. Never guesses: what has no exact counterpart is refused.

use super::{Unsaid, unsaid};
use crate::ir::{Binary, Builtin, Clause, Compare, Expr, ExprKind, Unary};
use crate::types::{Lazy, Type};

/// Writes expressions of one clause.
pub(super) struct Writer<'p> {
    pub clause: &'p Clause,
}

impl Writer<'_> {
    /// The text of an expression.
    pub fn text(&self, e: &Expr) -> Result<String, Unsaid> {
        Ok(match &e.kind {
            ExprKind::Int(bits) if e.ty.is_signed() => (*bits as i64).to_string(),
            ExprKind::Int(bits) if e.ty == Type::Bool => (*bits != 0).to_string(),
            ExprKind::Int(bits) => format!("{bits}::UBIGINT"),
            ExprKind::Str(bytes) => match str::from_utf8(bytes) {
                Ok(text) => format!("'{}'", text.replace('\'', "''")),
                Err(_) => return Err(unsaid(e.span, "a string that is not UTF-8")),
            },
            ExprKind::Builtin(builtin) => self.builtin(*builtin, e)?,
            ExprKind::Unary { op, operand } => {
                let x = self.text(operand)?;
                match op {
                    Unary::Neg => format!("(-{x})"),
                    Unary::Not => format!("(NOT {x})"),
                    Unary::BitNot => format!("(~{x})"),
                    Unary::Swap => return Err(unsaid(e.span, "bswap")),
                }
            }
            ExprKind::Binary {
                op, left, right, ..
            } => binary(*op, &self.text(left)?, &self.text(right)?),
            ExprKind::Compare { op, left, right } => {
                let op = match op {
                    Compare::Eq => "=",
                    Compare::Ne => "<>",
                    Compare::Lt => "<",
                    Compare::Le => "<=",
                    Compare::Gt => ">",
                    Compare::Ge => ">=",
                };
                format!("({} {op} {})", self.text(left)?, self.text(right)?)
            }
            ExprKind::And(a, b) => format!("({} AND {})", self.text(a)?, self.text(b)?),
            ExprKind::Or(a, b) => format!("({} OR {})", self.text(a)?, self.text(b)?),
            ExprKind::Cond(c, a, b) => format!(
                "CASE WHEN {} THEN {} ELSE {} END",
                self.text(c)?,
                self.text(a)?,
                self.text(b)?
            ),
            ExprKind::Cast(operand) => self.cast(e, operand)?,
            ExprKind::ReadStr { addr, .. } => self.string(e, addr)?,
            ExprKind::Text(operand) => self.text(operand)?,
            _ => return Err(unsaid(e.span, "this")),
        })
    }

    fn builtin(&self, builtin: Builtin, e: &Expr) -> Result<String, Unsaid> {
        Ok(match builtin {
            Builtin::Pid => "pid".to_owned(),
            Builtin::Tid => "tid".to_owned(),
            Builtin::Uid => "uid".to_owned(),
            Builtin::Gid => "gid".to_owned(),
            Builtin::Cpu => "cpu".to_owned(),
            Builtin::Comm => "comm".to_owned(),
            Builtin::Cgroup => "cgroup".to_owned(),
            Builtin::Host => "host".to_owned(),
            Builtin::Nsecs => "time_ns".to_owned(),
            Builtin::Duration => "coalesce(duration_ns, 0)".to_owned(),
            Builtin::EntrySeen => "(duration_ns IS NOT NULL)".to_owned(),
            Builtin::Retval => "ret".to_owned(),
            Builtin::Errno => "coalesce(error, '0')".to_owned(),
            Builtin::SyscallName => "call".to_owned(),
            Builtin::SyscallNr => "nr::BIGINT".to_owned(),
            Builtin::SyscallAbi => "abi".to_owned(),
            Builtin::Arg(n @ 0..6) if e.ty.is_signed() => signed(&format!("arg{n}"), 64),
            Builtin::Arg(n @ 0..6) => format!("arg{n}"),
            other => return Err(unsaid(e.span, &format!("`{other}`"))),
        })
    }

    fn cast(&self, e: &Expr, operand: &Expr) -> Result<String, Unsaid> {
        // Texts of numbers are columns of their own.
        match (&e.ty, &operand.kind) {
            (Type::Lazy(Lazy::Username), ExprKind::Builtin(Builtin::Uid)) => {
                return Ok("coalesce(\"user\", uid::VARCHAR)".to_owned());
            }
            (Type::Lazy(Lazy::CgroupPath), ExprKind::Builtin(Builtin::Cgroup)) => {
                return Ok("coalesce(cgroup_path, cgroup::VARCHAR)".to_owned());
            }
            (Type::Lazy(_), _) => return Err(unsaid(e.span, "this name")),
            // The number of an error.
            (_, ExprKind::Builtin(Builtin::Errno)) => {
                let number = "CASE WHEN ret BETWEEN -4095 AND -1 THEN -ret ELSE 0 END";
                return Ok(format!("({number})"));
            }
            (_, ExprKind::Builtin(Builtin::SyscallName | Builtin::SyscallAbi)) => {
                return Err(unsaid(e.span, "the number behind this name"));
            }
            _ => {}
        }
        let x = self.text(operand)?;
        Ok(match (&operand.ty, &e.ty) {
            (Type::Str { .. }, Type::Str { cap }) => format!("substr({x}, 1, {})", cap - 1),
            (Type::Bool, Type::Int { .. }) => format!("({x})::BIGINT"),
            (_, Type::Bool) => format!("({x} <> 0)"),
            (
                from,
                Type::Int {
                    bits,
                    signed: is_signed,
                },
            ) => integer(&x, from, *bits, *is_signed),
            (_, Type::Ptr { .. }) => x,
            _ => return Err(unsaid(e.span, "this conversion")),
        })
    }

    /// A string that an argument points to.
    fn string(&self, e: &Expr, addr: &Expr) -> Result<String, Unsaid> {
        let mut addr = addr;
        while let ExprKind::Cast(inner) = &addr.kind {
            addr = inner;
        }
        match (&addr.kind, &e.ty) {
            (ExprKind::Builtin(Builtin::Arg(n @ 0..6)), Type::Str { cap }) => {
                Ok(format!("substr(coalesce(str{n}, ''), 1, {})", cap - 1))
            }
            _ => Err(unsaid(e.span, "a string that no argument points to")),
        }
    }
}

fn binary(op: Binary, a: &str, b: &str) -> String {
    match op {
        Binary::Add => format!("({a} + {b})"),
        Binary::Sub => format!("({a} - {b})"),
        Binary::Mul => format!("({a} * {b})"),
        Binary::Div => format!("CASE WHEN {b} = 0 THEN 0 ELSE {a} // {b} END"),
        Binary::Mod => format!("CASE WHEN {b} = 0 THEN {a} ELSE {a} % {b} END"),
        Binary::And => format!("({a} & {b})"),
        Binary::Or => format!("({a} | {b})"),
        Binary::Xor => format!("xor({a}, {b})"),
        Binary::Shl => format!("CASE WHEN {b} >= 64 THEN 0 ELSE {a} << {b} END"),
        Binary::Shr => format!("CASE WHEN {b} >= 64 THEN 0 ELSE {a} >> {b} END"),
    }
}

/// An unsigned 64-bit number, its low bits read as signed.
fn signed(x: &str, bits: u8) -> String {
    let low = match bits {
        64 => format!("{x}::HUGEINT"),
        _ => format!("({x} & {})::HUGEINT", (1u64 << bits) - 1),
    };
    let half = 1u128 << (bits - 1);
    let whole = 1u128 << bits;
    format!("(CASE WHEN {low} >= {half} THEN {low} - {whole} ELSE {low} END)::BIGINT")
}

/// A number as an integer of so many bits.
fn integer(x: &str, from: &Type, bits: u8, is_signed: bool) -> String {
    let (from_bits, from_signed) = match from {
        Type::Int { bits, signed } => (*bits, *signed),
        _ => (64, false),
    };
    match (from_signed, is_signed) {
        // It fits as it is.
        (true, true) if from_bits <= bits => x.to_owned(),
        (false, true) if from_bits < bits => format!("{x}::BIGINT"),
        (false, false) if from_bits <= bits => format!("{x}::UBIGINT"),
        (false, true) => signed(x, bits),
        (false, false) => format!("({x} & {})", (1u64 << bits) - 1),
        (true, true) => signed(&unsigned(x), bits),
        (true, false) if bits == 64 => unsigned(x),
        (true, false) => format!("({} & {})", unsigned(x), (1u64 << bits) - 1),
    }
}

/// A signed 64-bit number, read as unsigned.
fn unsigned(x: &str) -> String {
    format!("(CASE WHEN {x} < 0 THEN {x}::HUGEINT + 18446744073709551616 ELSE {x} END)::UBIGINT")
}
