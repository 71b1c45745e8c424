//! `printf` formats.
//!
//! In: the format's bytes, escapes resolved. Out: [`Format`], or what is wrong with it in a sentence. Never knows
//! the values.

use crate::ir::{Conversion, Format, FormatPart};

/// Largest width and precision: wider is a slip, and would let a script print without end.
const WIDEST: u32 = 4096;

/// Reads a format.
pub fn parse(text: &[u8]) -> Result<Format, String> {
    let mut format = Format::default();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, tail.first()) {
            (b'%', Some(b'%')) => {
                literal.push(b'%');
                rest = &tail[1..];
            }
            (b'%', _) => {
                if !literal.is_empty() {
                    let text = std::mem::take(&mut literal);
                    format.parts.push(FormatPart::Text(text));
                }
                let (conversion, after) = conversion(tail)?;
                format.parts.push(FormatPart::Conv(conversion));
                rest = after;
            }
            _ => {
                literal.push(byte);
                rest = tail;
            }
        }
    }
    if !literal.is_empty() {
        format.parts.push(FormatPart::Text(literal));
    }
    Ok(format)
}

/// What follows a `%`.
fn conversion(text: &[u8]) -> Result<(Conversion, &[u8]), String> {
    let mut c = Conversion {
        left: false,
        zero: false,
        plus: false,
        space: false,
        alt: false,
        width: None,
        precision: None,
        conv: 0,
    };
    let mut rest = text;
    while let Some((&flag, tail)) = rest.split_first() {
        match flag {
            b'-' => c.left = true,
            b'0' => c.zero = true,
            b'+' => c.plus = true,
            b' ' => c.space = true,
            b'#' => c.alt = true,
            _ => break,
        }
        rest = tail;
    }
    (c.width, rest) = number(rest)?;
    if let Some((b'.', tail)) = rest.split_first() {
        let (precision, after) = number(tail)?;
        c.precision = Some(precision.unwrap_or(0));
        rest = after;
    }
    let lengths = rest
        .iter()
        .position(|b| !b"hlzjtL".contains(b))
        .unwrap_or(rest.len());
    rest = &rest[lengths..];
    match rest.split_first() {
        Some((&conv, after)) if b"diuoxXcpsrf".contains(&conv) => {
            c.conv = conv;
            // `%rx` and `%rh` are a buffer's bytes as digits.
            let after = match (conv, after.first()) {
                (b'r', Some(b'x')) => {
                    c.conv = b'R';
                    &after[1..]
                }
                (b'r', Some(b'h')) => {
                    c.conv = b'h';
                    &after[1..]
                }
                _ => after,
            };
            Ok((c, after))
        }
        Some((b'e' | b'g', _)) => Err("fractions are printed with `%f`".to_owned()),
        Some((b'*', _)) => Err("a width that is an argument (`*`) is not built yet".to_owned()),
        Some((&other, _)) => Err(format!(
            "`%{}` is no conversion; known are %d %i %u %o %x %X %c %p %s %r %rx %rh %f",
            char::from(other).escape_default()
        )),
        None => Err("the format ends inside of a conversion; a percent sign is `%%`".to_owned()),
    }
}

fn number(text: &[u8]) -> Result<(Option<u32>, &[u8]), String> {
    let digits = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    if digits == 0 {
        return Ok((None, text));
    }
    let value = text[..digits].iter().fold(0u32, |v, d| {
        v.saturating_mul(10).saturating_add(u32::from(d - b'0'))
    });
    match value <= WIDEST {
        true => Ok((Some(value), &text[digits..])),
        false => Err(format!("a width or precision is at most {WIDEST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Conversion {
        let format = parse(text.as_bytes()).expect("a good format");
        let [FormatPart::Conv(c)] = format.parts.as_slice() else {
            panic!("{text}: one conversion, got {:?}", format.parts);
        };
        c.clone()
    }

    #[test]
    fn flags_width_and_precision_are_kept_and_lengths_dropped() {
        let c = only("%-08.3llx");
        assert!(c.left && c.zero && !c.plus);
        assert_eq!((c.width, c.precision, c.conv), (Some(8), Some(3), b'x'));
        assert_eq!(only("%lu").conv, b'u');
    }

    #[test]
    fn text_and_conversions_alternate() {
        let format = parse(b"100%% of %s\n").expect("a good format");
        assert_eq!(format.parts.len(), 3);
        assert_eq!(format.parts[0], FormatPart::Text(b"100% of ".to_vec()));
    }

    #[test]
    fn bad_formats_say_why() {
        assert!(parse(b"%").is_err());
        assert!(parse(b"%y").expect_err("unknown").contains("%d"));
        assert!(parse(b"%99999d").is_err());
        assert_eq!(only("%.2f").conv, b'f');
        assert_eq!([only("%rx").conv, only("%rh").conv], [b'R', b'h']);
        assert!(parse(b"%e").expect_err("no such").contains("%f"));
    }
}
