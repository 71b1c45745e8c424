//! Numbers to digits, appended to a buffer.
//!
//! In: numbers. Out: bytes. Never allocates beyond the buffer.

/// Digits of `n` in `radix` (2 to 16), lower or upper case.
pub fn unsigned(out: &mut Vec<u8>, mut n: u64, radix: u64, upper: bool) {
    let letters = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let mut digits = [0; 64];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = letters[(n % radix) as usize];
        n /= radix;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Decimal.
pub fn decimal(out: &mut Vec<u8>, n: u64) {
    unsigned(out, n, 10, false);
}

/// Decimal, with spaces before it up to a width.
pub fn padded(out: &mut Vec<u8>, n: u64, width: usize) {
    let digits = n.checked_ilog10().map_or(1, |more| more as usize + 1);
    out.resize(out.len() + width.saturating_sub(digits), b' ');
    decimal(out, n);
}

/// Millionths of something: six digits.
pub fn micros(out: &mut Vec<u8>, n: u64) {
    let digits = n.checked_ilog10().map_or(1, |more| more as usize + 1);
    out.resize(out.len() + 6usize.saturating_sub(digits), b'0');
    decimal(out, n);
}

/// Decimal with a sign when negative.
pub fn signed(out: &mut Vec<u8>, n: i64) {
    if n < 0 {
        out.push(b'-');
    }
    decimal(out, n.unsigned_abs());
}

/// `0x1f`
pub fn hex(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(b"0x");
    unsigned(out, n, 16, false);
}

/// A quotient as a decimal fraction, rounded half away from zero; `?` without a denominator.
pub fn ratio(out: &mut Vec<u8>, numerator: i64, denominator: i64, decimals: u32) {
    if denominator == 0 {
        return out.push(b'?');
    }
    // More digits than the integers have are all 0.
    let exact = decimals.min(18);
    let scale = 10u128.pow(exact);
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let scaled = (u128::from(n) * scale * 2 + u128::from(d)) / (u128::from(d) * 2);
    if (numerator < 0) != (denominator < 0) && scaled != 0 {
        out.push(b'-');
    }
    decimal(out, (scaled / scale) as u64);
    if decimals > 0 {
        out.push(b'.');
        let digits = format!("{:0width$}", scaled % scale, width = exact as usize);
        out.extend_from_slice(digits.as_bytes());
        out.resize(out.len() + (decimals - exact) as usize, b'0');
    }
}

/// Two lower-case digits.
pub fn hex_byte(out: &mut Vec<u8>, b: u8) {
    let digits = b"0123456789abcdef";
    out.extend_from_slice(&[digits[usize::from(b >> 4)], digits[usize::from(b & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded() {
        let text = |n, d, decimals| {
            let mut out = Vec::new();
            ratio(&mut out, n, d, decimals);
            String::from_utf8(out).expect("digits")
        };
        assert_eq!(text(2, 3, 2), "0.67");
        assert_eq!(text(-1, 8, 2), "-0.13");
        assert_eq!(text(-1, 1000, 1), "0.0");
        assert_eq!(text(7, -2, 0), "-4");
        assert_eq!(
            text(i64::MIN, 1, 20),
            "-9223372036854775808.00000000000000000000"
        );
        assert_eq!(text(i64::MAX, i64::MIN, 3), "-1.000");
        assert_eq!(text(1, 0, 3), "?");
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for n in [0, 1, 9, 10, 255, 1 << 40, u64::MAX, i64::MIN as u64] {
            let mut out = Vec::new();
            decimal(&mut out, n);
            out.push(b' ');
            signed(&mut out, n as i64);
            out.push(b' ');
            hex(&mut out, n);
            out.push(b' ');
            unsigned(&mut out, n, 8, false);
            out.push(b' ');
            unsigned(&mut out, n, 16, true);
            assert_eq!(
                out,
                format!("{n} {} {n:#x} {n:o} {n:X}", n as i64).into_bytes()
            );
        }
    }
}
