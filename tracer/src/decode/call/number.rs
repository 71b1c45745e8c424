//! Numbers as text, into bytes, without the formatting machinery.
//!
//! In: a number. Out: its digits, appended. Never allocates but for the buffer's growth.

/// `-1`
pub(super) fn signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    decimal(out, value.unsigned_abs());
}

/// `1`
pub(super) fn decimal(out: &mut Vec<u8>, value: u64) {
    digits(out, value, 10, 1);
}

/// `0x1f`; `0` stays `0`.
pub(super) fn hex(out: &mut Vec<u8>, value: u64) {
    if value != 0 {
        out.extend_from_slice(b"0x");
    }
    digits(out, value, 16, 1);
}

/// `0x1f`, `0x0`.
pub(super) fn hex_always(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(b"0x");
    digits(out, value, 16, 1);
}

/// `0644`; `0` stays `0`.
pub(super) fn octal(out: &mut Vec<u8>, value: u64) {
    if value != 0 {
        out.push(b'0');
    }
    digits(out, value, 8, 1);
}

/// Digits alone, at least so many.
pub(super) fn digits(out: &mut Vec<u8>, mut value: u64, base: u64, least: usize) {
    let mut text = [b'0'; 24];
    let mut at = text.len();
    while value != 0 {
        at -= 1;
        text[at] = b"0123456789abcdef"[(value % base) as usize];
        value /= base;
    }
    at = at.min(text.len() - least.min(text.len()));
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: fn(&mut Vec<u8>, u64), value: u64) -> String {
        let mut out = Vec::new();
        write(&mut out, value);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn numbers_are_written_in_their_base() {
        assert_eq!(text(decimal, 0), "0");
        assert_eq!(text(decimal, u64::MAX), u64::MAX.to_string());
        assert_eq!(
            text(|out, v| signed(out, v as i64), 1 << 63),
            i64::MIN.to_string()
        );
        assert_eq!(text(hex, 0), "0");
        assert_eq!(text(hex_always, 0), "0x0");
        assert_eq!(text(hex, u64::MAX), "0xffffffffffffffff");
        assert_eq!(text(octal, 0o644), "0644");
        assert_eq!(text(octal, 0), "0");
        assert_eq!(text(octal, u64::MAX), "01777777777777777777777");
        assert_eq!(text(|out, v| digits(out, v, 8, 3), 7), "007");
        assert_eq!(text(|out, v| digits(out, v, 16, 8), 0), "00000000");
    }
}
