//! Bytes made safe for where they go: a terminal, or a JSON string.
//!
//! In: bytes of traced programs, which may hold anything. Out: text. Never drops a byte without a mark.

use super::number::hex_byte;

/// For a terminal: control characters (also those of C1 and DEL) and what is not UTF-8 become `\n`,
/// `\x1b`, ….
pub fn terminal(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.iter().all(|b| matches!(b, 0x20..=0x7e)) {
        out.extend_from_slice(bytes);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let encoded = c.encode_utf8(&mut buffer).as_bytes();
            match c {
                '\n' => out.extend_from_slice(b"\\n"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\r' => out.extend_from_slice(b"\\r"),
                c if c.is_control() || is_direction(c) => {
                    encoded.iter().for_each(|b| escape(out, *b))
                }
                _ => out.extend_from_slice(encoded),
            }
        }
        chunk.invalid().iter().for_each(|b| escape(out, *b));
    }
}

/// Characters that change the order in which a terminal shows others.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// `\x1b`
pub fn escape(out: &mut Vec<u8>, b: u8) {
    out.extend_from_slice(b"\\x");
    hex_byte(out, b);
}

/// As `%r` shows a buffer: printable ASCII as it is, every other byte as `\x1b`.
pub fn buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    for &b in bytes {
        match b {
            0x20..=0x7e => out.push(b),
            _ => escape(out, b),
        }
    }
}

/// A JSON string without any control character. What is not UTF-8 becomes U+FFFD: callers that must not lose it
/// look for it first.
pub fn json(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match u8::try_from(c) {
                Ok(b @ 0..=0x9f) => json_byte(out, b),
                _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// A character below U+00A0.
fn json_byte(out: &mut Vec<u8>, b: u8) {
    match b {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..=0x1f | 0x7f.. => {
            out.extend_from_slice(b"\\u00");
            hex_byte(out, b);
        }
        _ => out.push(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(quote: fn(&mut Vec<u8>, &[u8]), bytes: &[u8]) -> String {
        let mut out = Vec::new();
        quote(&mut out, bytes);
        String::from_utf8(out).expect("quoted text is UTF-8")
    }

    #[test]
    fn a_terminal_gets_no_control_byte() {
        assert_eq!(with(terminal, b"a\x1b[2Jb\n\xff"), "a\\x1b[2Jb\\n\\xff");
        assert_eq!(
            with(terminal, "é\u{9b}2J\u{202e}".as_bytes()),
            "é\\xc2\\x9b2J\\xe2\\x80\\xae"
        );
    }

    #[test]
    fn buffers_are_escaped_as_bpftrace_does() {
        assert_eq!(with(buffer, b"abc\x01\xff\n"), "abc\\x01\\xff\\x0a");
    }

    proptest! {
        #[test]
        fn json_strings_read_back(text in any::<String>()) {
            let quoted = with(json, text.as_bytes());
            let back: String = serde_json::from_str(&quoted).expect("a JSON string");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn json_is_valid_for_any_bytes(bytes in any::<Vec<u8>>()) {
            let quoted = with(json, &bytes);
            prop_assert!(serde_json::from_str::<String>(&quoted).is_ok());
            prop_assert!(!quoted.chars().any(char::is_control));
        }

        #[test]
        fn a_terminal_never_sees_control_bytes(bytes in any::<Vec<u8>>()) {
            prop_assert!(!with(terminal, &bytes).chars().any(char::is_control));
        }
    }
}
