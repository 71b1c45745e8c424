//! `printf` with C's meaning of flags, width and precision.
//!
//! In: a parsed format and values, one for each conversion. Out: text appended to a buffer. Length modifiers are
//! gone: every number has 64 bits. A missing value prints as nothing, an absent one as `?`. Never fails.

use super::value::{self, Bytes};
use super::{Names, number, quote};
use crate::ir::{Conversion, Format, FormatPart};
use crate::types::Value;

/// Appends the whole text. The format's own text is the script's and passes as it is.
pub fn write(out: &mut Vec<u8>, names: &dyn Names, format: &Format, args: &[Value], bytes: Bytes) {
    let mut args = args.iter();
    for part in &format.parts {
        match part {
            FormatPart::Text(text) => out.extend_from_slice(text),
            FormatPart::Conv(conv) => {
                if let Some(arg) = args.next() {
                    conversion(out, names, conv, arg, bytes);
                }
            }
        }
    }
}

fn conversion(out: &mut Vec<u8>, names: &dyn Names, conv: &Conversion, arg: &Value, bytes: Bytes) {
    let start = out.len();
    let is_number = matches!(conv.conv, b'd' | b'i' | b'u' | b'o' | b'x' | b'X' | b'p');
    if matches!(arg, Value::Absent) {
        out.push(b'?');
    } else if is_number {
        return integer(out, conv, arg.bits());
    } else if conv.conv == b'f' {
        return fraction(out, conv, arg);
    } else {
        text(out, names, conv, arg, bytes);
    }
    pad(out, start, conv);
}

/// `%f`: an exact quotient, or a whole number.
fn fraction(out: &mut Vec<u8>, conv: &Conversion, arg: &Value) {
    let start = out.len();
    let (numerator, denominator) = match arg {
        Value::Wide(_, words) => match words.as_slice() {
            [n, d] => (*n as i64, *d as i64),
            _ => (0, 0),
        },
        other => (other.bits() as i64, 1),
    };
    number::ratio(out, numerator, denominator, conv.precision.unwrap_or(6));
    let negative = out.get(start) == Some(&b'-');
    let sign = match (negative, conv.plus, conv.space) {
        (true, ..) => None,
        (_, true, _) => Some(b'+'),
        (_, _, true) => Some(b' '),
        _ => None,
    };
    if let Some(sign) = sign {
        insert(out, start, sign, 1);
    }
    if conv.zero && !conv.left {
        let digits = start + usize::from(negative || sign.is_some());
        let missing = (conv.width.unwrap_or(0) as usize).saturating_sub(out.len() - start);
        insert(out, digits, b'0', missing);
    }
    pad(out, start, conv);
}

/// `%s`, `%r`, `%rx`, `%rh`, `%c`.
fn text(out: &mut Vec<u8>, names: &dyn Names, conv: &Conversion, arg: &Value, bytes: Bytes) {
    let start = out.len();
    match (conv.conv, arg) {
        (b'r', Value::Str(s) | Value::Bytes(s)) => quote::buffer(out, s),
        (b'R', Value::Bytes(s)) => s.iter().for_each(|b| quote::escape(out, *b)),
        (b'h', Value::Bytes(s)) => {
            for (i, byte) in s.iter().enumerate() {
                out.extend((i > 0).then_some(b' '));
                number::hex_byte(out, *byte);
            }
        }
        (b'c', _) if bytes == Bytes::Visible => quote::terminal(out, &[arg.bits() as u8]),
        (b'c', _) => out.push(arg.bits() as u8),
        // The precision cuts the string, not its escapes.
        (_, Value::Str(s)) => {
            let length = conv.precision.map_or(s.len(), |p| s.len().min(p as usize));
            match bytes {
                Bytes::Raw => out.extend_from_slice(&s[..length]),
                Bytes::Visible => quote::terminal(out, &s[..length]),
            }
        }
        _ => {
            value::write(out, names, None, arg, bytes);
            let length = conv.precision.map_or(usize::MAX, |p| p as usize);
            out.truncate(start.saturating_add(length).min(out.len()));
        }
    }
}

fn integer(out: &mut Vec<u8>, conv: &Conversion, bits: u64) {
    let start = out.len();
    let signed = matches!(conv.conv, b'd' | b'i');
    let negative = signed && (bits as i64) < 0;
    match (negative, signed) {
        (true, _) => out.push(b'-'),
        (_, true) if conv.plus => out.push(b'+'),
        (_, true) if conv.space => out.push(b' '),
        _ => {}
    }
    match conv.conv {
        b'p' => out.extend_from_slice(b"0x"),
        b'x' if conv.alt && bits != 0 => out.extend_from_slice(b"0x"),
        b'X' if conv.alt && bits != 0 => out.extend_from_slice(b"0X"),
        _ => {}
    }
    let digits = out.len();
    let magnitude = if negative { bits.wrapping_neg() } else { bits };
    match conv.conv {
        b'o' => number::unsigned(out, magnitude, 8, false),
        b'x' | b'p' => number::unsigned(out, magnitude, 16, false),
        b'X' => number::unsigned(out, magnitude, 16, true),
        _ => number::decimal(out, magnitude),
    }
    let mut least = conv.precision.unwrap_or(1) as usize;
    if conv.precision == Some(0) && bits == 0 {
        // C prints no digit at all.
        out.truncate(digits);
    }
    if conv.conv == b'o' && conv.alt && out.get(digits) != Some(&b'0') {
        least = least.max(out.len() - digits + 1);
    }
    if conv.zero && !conv.left && conv.precision.is_none() {
        let prefix = digits - start;
        least = least.max((conv.width.unwrap_or(0) as usize).saturating_sub(prefix));
    }
    let missing = least.saturating_sub(out.len() - digits);
    insert(out, digits, b'0', missing);
    pad(out, start, conv);
}

/// Fills with spaces up to the width.
fn pad(out: &mut Vec<u8>, start: usize, conv: &Conversion) {
    let missing = (conv.width.unwrap_or(0) as usize).saturating_sub(out.len() - start);
    match conv.left {
        true => out.resize(out.len() + missing, b' '),
        false => insert(out, start, b' ', missing),
    }
}

/// Inserts `count` equal bytes.
fn insert(out: &mut Vec<u8>, at: usize, byte: u8, count: usize) {
    let end = out.len();
    out.resize(end + count, byte);
    out.copy_within(at..end, at + count);
    out[at..at + count].fill(byte);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::tests::NoNames;
    use crate::types::{Lazy, Wide};
    use proptest::prelude::*;
    use std::ffi::CString;

    fn conv(spec: &str) -> Conversion {
        let flags_end = spec.find(|c| !"-0+ #".contains(c)).expect("a conversion");
        let (flags, rest) = spec.split_at(flags_end);
        let (numbers, conv) = rest.split_at(rest.len() - 1);
        let (width, precision) = match numbers.split_once('.') {
            Some((w, p)) => (w.parse().ok(), Some(p.parse().unwrap_or(0))),
            None => (numbers.parse().ok(), None),
        };
        Conversion {
            left: flags.contains('-'),
            zero: flags.contains('0'),
            plus: flags.contains('+'),
            space: flags.contains(' '),
            alt: flags.contains('#'),
            width,
            precision,
            conv: conv.as_bytes()[0],
        }
    }

    fn ours(spec: &str, arg: Value) -> String {
        let format = Format {
            parts: vec![FormatPart::Conv(conv(spec))],
        };
        let mut out = Vec::new();
        write(&mut out, &NoNames, &format, &[arg], Bytes::Raw);
        String::from_utf8(out).expect("ASCII")
    }

    /// What the C library makes of the same conversion.
    #[allow(unsafe_code, reason = "the C library is the oracle of this test")]
    fn libc_says(spec: &str, n: u64) -> String {
        let (flags, conv) = spec.split_at(spec.len() - 1);
        let format = CString::new(format!("%{flags}ll{conv}")).expect("no NUL");
        let mut buffer = [0u8; 256];
        // SAFETY: the buffer's length is given, the format is NUL-terminated and takes one 64-bit integer.
        let length =
            unsafe { libc::snprintf(buffer.as_mut_ptr().cast(), buffer.len(), format.as_ptr(), n) };
        String::from_utf8(buffer[..length as usize].to_vec()).expect("ASCII")
    }

    proptest! {
        #[test]
        fn integers_print_as_the_c_library_prints_them(
            flags in "[-0+ #]{0,3}",
            width in proptest::option::of(1u32..40),
            precision in proptest::option::of(0u32..40),
            conv in proptest::sample::select(vec!['d', 'i', 'u', 'o', 'x', 'X']),
            n in prop_oneof![Just(0u64), any::<u64>(), (0u64..100), Just(u64::MAX)],
        ) {
            let width = width.map_or(String::new(), |w| w.to_string());
            let precision = precision.map_or(String::new(), |p| format!(".{p}"));
            let spec = format!("{flags}{width}{precision}{conv}");
            prop_assert_eq!(ours(&spec, Value::Uint(n)), libc_says(&spec, n), "%{}", spec);
        }
    }

    #[test]
    fn text_is_padded_and_cut() {
        let s = || Value::Str(b"abcdef".to_vec());
        assert_eq!(ours("10s", s()), "    abcdef");
        assert_eq!(ours("-10s", s()), "abcdef    ");
        assert_eq!(ours(".3s", s()), "abc");
        assert_eq!(ours("6.2s", s()), "    ab");
        assert_eq!(ours("3c", Value::Uint(65)), "  A");
        assert_eq!(ours("r", Value::Str(b"a\x01".to_vec())), "a\\x01");
        assert_eq!(ours("p", Value::Uint(255)), "0xff");
        assert_eq!(ours("s", Value::Int(-5)), "-5");
        assert_eq!(ours("s", Value::Lazy(Lazy::Errno, 2)), "ENOENT");
        assert_eq!(ours("d", Value::Lazy(Lazy::Errno, 2)), "2");
    }

    #[test]
    fn buffers_are_bytes_or_digits() {
        let bytes = || Value::Bytes(b"He\0".to_vec());
        assert_eq!(ours("r", bytes()), "He\\x00");
        assert_eq!(ours("R", bytes()), "\\x48\\x65\\x00");
        assert_eq!(ours("h", bytes()), "48 65 00");
    }

    #[test]
    fn fractions_have_decimals() {
        let ratio = |n: i64, d: i64| Value::Wide(Wide::Ratio, vec![n as u64, d as u64]);
        assert_eq!(ours("f", ratio(1, 3)), "0.333333");
        assert_eq!(ours(".2f", ratio(-2, 3)), "-0.67");
        assert_eq!(ours("8.1f", ratio(5, 2)), "     2.5");
        assert_eq!(ours("-8.1f", ratio(5, 2)), "2.5     ");
        assert_eq!(ours("08.1f", ratio(-5, 2)), "-00002.5");
        assert_eq!(ours("+.0f", Value::Int(7)), "+7");
        assert_eq!(ours("3f", ratio(1, 0)), "  ?");
    }

    #[test]
    fn absent_values_are_question_marks() {
        assert_eq!(ours("5d", Value::Absent), "    ?");
        assert_eq!(ours("-3s", Value::Absent), "?  ");
    }
}
