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

/// Two lower-case digits.
pub fn hex_byte(out: &mut Vec<u8>, b: u8) {
    let digits = b"0123456789abcdef";
    out.extend_from_slice(&[digits[usize::from(b >> 4)], digits[usize::from(b & 15)]]);
}

#[cfg(test)]
mod tests {
    use super::*;

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
