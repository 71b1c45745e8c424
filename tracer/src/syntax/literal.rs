//! The text of numbers, strings and characters to their values.
//!
//! In: a literal as written. Out: its value, or what is wrong with it and where in the literal. Never knows
//! where in the script it stands.

use crate::diag::Code;
use crate::diag::codes;

/// What is wrong with a literal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Which diagnostic.
    pub code: Code,
    /// What was found.
    pub message: String,
    /// First byte, counted from the literal's start.
    pub start: usize,
    /// Bytes.
    pub len: usize,
}

/// Units of durations, in nanoseconds.
const DURATIONS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
];

/// C's suffixes, which change nothing: every number has 64 bits.
const SUFFIXES: &[&str] = &["u", "l", "ul", "lu", "ll", "ull", "llu"];

/// `12`, `0x1f`, `0b11`, `0755`, `1e6`, `1_000`, `10ms`, `5ul`.
pub fn number(text: &str) -> Result<u64, Fault> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let lower = plain.to_ascii_lowercase();
    let value = if let Some(hex) = lower.strip_prefix("0x") {
        radix(text, hex, 16)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        radix(text, binary, 2)
    } else {
        decimal(text, &plain)
    }?;
    value.ok_or_else(|| Fault {
        code: codes::NUMBER_TOO_LARGE,
        message: format!("`{text}` does not fit 64 bits"),
        start: 0,
        len: text.len(),
    })
}

/// Digits and suffix of a number with a known radix. `Ok(None)`: too large.
fn radix(text: &str, rest: &str, radix: u32) -> Result<Option<u64>, Fault> {
    let (digits, suffix) = split(rest, |c| c.is_digit(radix));
    if digits.is_empty() || !(suffix.is_empty() || SUFFIXES.contains(&suffix)) {
        return Err(bad_number(text));
    }
    Ok(u64::from_str_radix(digits, radix).ok())
}

/// A number that begins with a decimal digit: with an exponent, a unit or a suffix of C.
fn decimal(text: &str, plain: &str) -> Result<Option<u64>, Fault> {
    let (digits, suffix) = split(plain, |c| c.is_ascii_digit());
    if suffix.is_empty() && digits.len() > 1 && digits.starts_with('0') {
        return radix(text, &digits[1..], 8);
    }
    let value = digits.parse::<u64>().ok();
    if let Some(exponent) = suffix.strip_prefix(['e', 'E']) {
        let exponent: u32 = exponent.parse().map_err(|_| bad_number(text))?;
        let factor = 10u64.checked_pow(exponent);
        return Ok(value.and_then(|v| v.checked_mul(factor?)));
    }
    if let Some((_, unit)) = DURATIONS.iter().find(|(name, _)| *name == suffix) {
        return Ok(value.and_then(|v| v.checked_mul(*unit)));
    }
    if suffix.is_empty() || SUFFIXES.contains(&suffix.to_ascii_lowercase().as_str()) {
        return Ok(value);
    }
    Err(bad_number(text))
}

fn split(text: &str, is_digit: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_digit(c)).unwrap_or(text.len()))
}

fn bad_number(text: &str) -> Fault {
    Fault {
        code: codes::BAD_NUMBER,
        message: format!("`{text}` is not a number"),
        start: 0,
        len: text.len(),
    }
}

/// Characters that stand for bytes which are not UTF-8: at the end of the last plane, which is for private use.
const BYTE_CHARS: u32 = 0x10_ff00;

/// The character that stands for a byte above 127.
pub fn byte_char(byte: u8) -> char {
    char::from_u32(BYTE_CHARS + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that a character stands for.
pub fn char_byte(c: char) -> Option<u8> {
    let byte = u32::from(c).checked_sub(BYTE_CHARS)?;
    u8::try_from(byte).ok().filter(|b| *b >= 0x80)
}

/// A literal with its quotes to its bytes.
pub fn string(text: &str) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::with_capacity(text.len());
    let inner = &text[1..text.len() - 1];
    let mut at = 0;
    while let Some(b) = inner.as_bytes().get(at) {
        if *b == b'\\' {
            at += escape(&inner[at..], &mut out).map_err(|f| Fault { start: at + 1, ..f })?;
        } else if *b == 0xf4
            && let Some(byte) = inner[at..].chars().next().and_then(char_byte)
        {
            out.push(byte);
            at += 4;
        } else {
            out.push(*b);
            at += 1;
        }
    }
    Ok(out)
}

/// A character with its quotes to its byte.
pub fn character(text: &str) -> Result<u64, Fault> {
    let bad = || Fault {
        code: codes::BAD_CHAR_LITERAL,
        message: format!("{text} is not one character"),
        start: 0,
        len: text.len(),
    };
    match string(text)?.as_slice() {
        [byte] => Ok(u64::from(*byte)),
        _ => Err(bad()),
    }
}

/// One escape at the front of `text`; appends its byte, returns how much of `text` it took.
fn escape(text: &str, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let rest = &text.as_bytes()[1..];
    let simple = match rest.first() {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'a') => 7,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'v') => 11,
        Some(b @ (b'\\' | b'"' | b'\'')) => *b,
        Some(b'x') => return digits(text, 2, 2, 16, out),
        Some(b'0'..=b'7') => return digits(text, 1, 3, 8, out),
        _ => return Err(bad_escape(text)),
    };
    out.push(simple);
    Ok(2)
}

/// Up to `most` digits from byte `from` of an escape.
fn digits(
    text: &str,
    from: usize,
    most: usize,
    radix: u32,
    out: &mut Vec<u8>,
) -> Result<usize, Fault> {
    let count = text[from..]
        .bytes()
        .take(most)
        .take_while(|b| char::from(*b).is_digit(radix))
        .count();
    let value = u32::from_str_radix(&text[from..from + count], radix);
    let byte = value.ok().and_then(|v| u8::try_from(v).ok());
    out.push(byte.ok_or_else(|| bad_escape(text))?);
    Ok(from + count)
}

fn bad_escape(text: &str) -> Fault {
    let shown: String = text.chars().take(2).collect();
    Fault {
        code: codes::BAD_ESCAPE,
        message: format!("unknown escape `{shown}`"),
        start: 0,
        len: shown.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_every_spelling() {
        for (text, value) in [
            ("0", 0),
            ("00", 0),
            ("12", 12),
            ("0x1F", 31),
            ("0b101", 5),
            ("0755", 0o755),
            ("1e6", 1_000_000),
            ("1_000", 1_000),
            ("0xffff_ffff", 0xffff_ffff),
            ("10ms", 10_000_000),
            ("1s", 1_000_000_000),
            ("2us", 2_000),
            ("5ULL", 5),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn bad_numbers_say_why() {
        for (text, code) in [
            ("18446744073709551616", codes::NUMBER_TOO_LARGE),
            ("1e20", codes::NUMBER_TOO_LARGE),
            ("99999999999d", codes::NUMBER_TOO_LARGE),
            ("12q", codes::BAD_NUMBER),
            ("08", codes::BAD_NUMBER),
            ("0x", codes::BAD_NUMBER),
            ("1e", codes::BAD_NUMBER),
        ] {
            assert_eq!(number(text).map_err(|f| f.code), Err(code), "{text}");
        }
    }

    #[test]
    fn escapes_become_bytes() {
        assert_eq!(
            string(r#""a\n\t\"\\\x41\101\0é""#),
            Ok("a\n\t\"\\AA\0é".into())
        );
        let fault = string(r#""ab\q""#).expect_err("no such escape");
        assert_eq!(
            (fault.code, fault.start, fault.len),
            (codes::BAD_ESCAPE, 3, 2)
        );
        assert_eq!(
            string(r#""\777""#).map_err(|f| f.code),
            Err(codes::BAD_ESCAPE)
        );
        assert_eq!(
            string(r#""\xg""#).map_err(|f| f.code),
            Err(codes::BAD_ESCAPE)
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_bytes_in_strings() {
        let bytes = b"\"a\xff\xc3(\x80\xe2\x82z\"";
        let text = crate::syntax::text_of(bytes);
        assert_eq!(string(&text), Ok(bytes[1..bytes.len() - 1].to_vec()));
        assert_eq!(crate::syntax::bytes_of(&text), bytes);
    }

    #[test]
    fn a_character_is_one_byte() {
        assert_eq!(character("'a'"), Ok(97));
        assert_eq!(character(r"'\n'"), Ok(10));
        assert_eq!(
            character("'ab'").map_err(|f| f.code),
            Err(codes::BAD_CHAR_LITERAL)
        );
        assert_eq!(
            character("''").map_err(|f| f.code),
            Err(codes::BAD_CHAR_LITERAL)
        );
    }
}
