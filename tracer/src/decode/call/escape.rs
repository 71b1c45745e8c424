//! Bytes as quoted text: C's escapes as strace writes them, and JSON strings.
//!
//! In: bytes. Out: text that is safe for a terminal, appended. Never loses a byte: what was written can be read back.

/// `"a\n\0\377"`: octal as short as it can be, three digits when a digit of base 8 follows.
pub(super) fn c_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&b| is_special(b)) {
        out.extend_from_slice(&rest[..at]);
        escape(out, rest[at], rest.get(at + 1).copied());
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn is_special(byte: u8) -> bool {
    !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\'
}

fn escape(out: &mut Vec<u8>, byte: u8, next: Option<u8>) {
    out.push(b'\\');
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        0x0b => b'v',
        0x0c => b'f',
        _ => {
            let least = match next {
                Some(b'0'..=b'7') => 3,
                _ => 1,
            };
            return super::number::digits(out, u64::from(byte), 8, least);
        }
    };
    out.push(letter);
}

/// A JSON string; the text must be UTF-8.
pub(super) fn json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            // DEL too: some terminals act on it.
            0..0x20 | 0x7f => {
                out.extend_from_slice(b"\\u");
                super::number::digits(out, u64::from(byte), 16, 4);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// `"00ff"`
pub(super) fn hex_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        super::number::digits(out, u64::from(byte), 16, 2);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn strings_are_escaped_as_strace_does() {
        let escaped = text(|out| c_string(out, b"a\0b\x001\x01\x02x\x7f\xff\r\t\x0b\x0c\"\\\n8"));
        assert_eq!(escaped, r#""a\0b\0001\1\2x\177\377\r\t\v\f\"\\\n8""#);
        assert_eq!(text(|out| c_string(out, b"\x018\x017")), r#""\18\0017""#);
        assert_eq!(text(|out| c_string(out, b"")), "\"\"");
    }

    #[test]
    fn json_strings_can_be_read_back() {
        let all: String = (0..=0x100u32).filter_map(char::from_u32).collect();
        let written = text(|out| json_string(out, &all));
        let read: String = serde_json::from_str(&written).expect("JSON");
        assert_eq!(read, all);
        assert!(!written.bytes().any(|b| b < 0x20 || b == 0x7f));
        assert_eq!(text(|out| hex_string(out, &[0, 0xff])), "\"00ff\"");
    }
}
