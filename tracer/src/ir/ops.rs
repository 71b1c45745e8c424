//! What the operators of the IR mean on 64-bit words: the one place that says it in code.
//!
//! In: operators and operand bits. Out: result bits. The interpreter, constant folding in the planner and
//! the tests of generated code all call these. Never counts an error: the caller knows the site.

use super::{Binary, Compare, Unary};
use crate::types::Type;
use std::cmp::Ordering;

/// A unary operation.
pub fn unary(op: Unary, x: u64) -> u64 {
    match op {
        Unary::Neg => x.wrapping_neg(),
        Unary::Not => u64::from(x == 0),
        Unary::BitNot => !x,
        Unary::Swap => x.swap_bytes(),
    }
}

/// A binary operation; `signed` is the signedness of the operands' type. `x / 0` is 0 and `x % 0` is x;
/// a shift by 64 or more leaves nothing, or the sign.
pub fn binary(op: Binary, signed: bool, a: u64, b: u64) -> u64 {
    match op {
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div if b == 0 => 0,
        Binary::Div if signed => (a as i64).wrapping_div(b as i64) as u64,
        Binary::Div => a / b,
        Binary::Mod if b == 0 => a,
        Binary::Mod if signed => (a as i64).wrapping_rem(b as i64) as u64,
        Binary::Mod => a % b,
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
        Binary::Shl => shift_count(b).map_or(0, |n| a << n),
        Binary::Shr if signed => ((a as i64) >> shift_count(b).unwrap_or(63)) as u64,
        Binary::Shr => shift_count(b).map_or(0, |n| a >> n),
    }
}

fn shift_count(count: u64) -> Option<u32> {
    (count < 64).then_some(count as u32)
}

/// A comparison of two words.
pub fn compare(op: Compare, signed: bool, a: u64, b: u64) -> bool {
    let order = if signed {
        (a as i64).cmp(&(b as i64))
    } else {
        a.cmp(&b)
    };
    holds(op, order)
}

/// Whether a comparison holds, given how its left side stands to its right side.
pub fn holds(op: Compare, order: Ordering) -> bool {
    match op {
        Compare::Eq => order.is_eq(),
        Compare::Ne => order.is_ne(),
        Compare::Lt => order.is_lt(),
        Compare::Le => order.is_le(),
        Compare::Gt => order.is_gt(),
        Compare::Ge => order.is_ge(),
    }
}

/// A scalar's bits as type `to`: integers are cut to their width and extended again, `bool` is `!= 0`,
/// everything else keeps the bits.
pub fn cast(to: &Type, x: u64) -> u64 {
    match to {
        Type::Bool => u64::from(x != 0),
        Type::Int { bits, signed } => extend(x, *bits, *signed),
        _ => x,
    }
}

/// The low `bits` (1 to 64) of `x`, sign- or zero-extended to 64.
pub fn extend(x: u64, bits: u8, signed: bool) -> u64 {
    let unused = 64 - u32::from(bits);
    if signed {
        ((x << unused) as i64 >> unused) as u64
    } else {
        x << unused >> unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_never_traps() {
        let d = |s, a: i64, b: i64| binary(Binary::Div, s, a as u64, b as u64) as i64;
        let m = |s, a: i64, b: i64| binary(Binary::Mod, s, a as u64, b as u64) as i64;
        assert_eq!(
            [d(true, 7, 0), d(true, -7, 2), d(true, i64::MIN, -1)],
            [0, -3, i64::MIN]
        );
        assert_eq!(
            [m(true, 7, 0), m(true, -7, 2), m(true, i64::MIN, -1)],
            [7, -1, 0]
        );
        assert_eq!(d(false, -1, 2), i64::MAX);
    }

    #[test]
    fn long_shifts_leave_nothing_or_the_sign() {
        assert_eq!(binary(Binary::Shl, false, 1, 63), 1 << 63);
        assert_eq!(binary(Binary::Shl, false, 1, 64), 0);
        assert_eq!(binary(Binary::Shr, false, u64::MAX, 64), 0);
        assert_eq!(binary(Binary::Shr, true, (-8i64) as u64, 1), (-4i64) as u64);
        assert_eq!(binary(Binary::Shr, true, (-8i64) as u64, 200), u64::MAX);
        assert_eq!(binary(Binary::Shr, true, 8, u64::MAX), 0);
    }

    #[test]
    fn casts_cut_and_extend() {
        assert_eq!(cast(&Type::I32, 0xffff_ffff) as i64, -1);
        assert_eq!(cast(&Type::U32, u64::MAX), 0xffff_ffff);
        assert_eq!(cast(&Type::Bool, 256), 1);
        assert_eq!(extend(0b101, 3, true) as i64, -3);
    }
}
