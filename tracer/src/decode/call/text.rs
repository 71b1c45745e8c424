//! Values as strace writes them.
//!
//! In: events of [`Sink`]. Out: text. Never writes a byte that a terminal acts on.

use super::sink::{Shape, Sink};
use super::{Hex, descriptor, escape, number};
use crate::types::call::{ArgState, Descriptor};

/// The sink.
pub(super) struct Text<'o> {
    /// Where the text goes.
    pub out: &'o mut Vec<u8>,
    /// Which strings are in hex.
    hex: Hex,
    /// Where the flags that are being written began.
    flags_at: usize,
    /// The number whose flags they are.
    flags_raw: u64,
}

impl<'o> Text<'o> {
    /// Text behind what stands there already.
    pub fn new(out: &'o mut Vec<u8>, hex: Hex) -> Self {
        Text {
            out,
            hex,
            flags_at: 0,
            flags_raw: 0,
        }
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn flag_comes(&mut self) {
        if self.out.len() > self.flags_at {
            self.out.push(b'|');
        }
    }
}

impl Sink for Text<'_> {
    fn item(&mut self, shape: Shape) {
        let first = matches!(self.out.last(), Some(b'[' | b'{' | b'('));
        match shape {
            _ if first => {}
            Shape::Array | Shape::Struct | Shape::Pointee => self.put(", "),
            Shape::Set | Shape::Complement => self.put(" "),
        }
    }

    fn member(&mut self, name: &str) {
        self.item(Shape::Struct);
        if !name.is_empty() {
            self.put(name);
            self.out.push(b'=');
        }
    }

    fn member_as(&mut self, in_text: &str, _in_json: &str) {
        self.member(in_text);
    }

    fn argument(&mut self, name: &str, shown: bool) {
        self.member(if shown { name } else { "" });
    }

    fn outcome(&mut self, name: &str) {
        self.item(Shape::Struct);
        if !name.is_empty() {
            self.put(name);
            self.out.push(b' ');
        }
    }

    fn open(&mut self, shape: Shape) {
        self.put(match shape {
            Shape::Array | Shape::Set | Shape::Pointee => "[",
            Shape::Struct => "{",
            Shape::Complement => "~[",
        });
    }

    fn close(&mut self, shape: Shape) {
        self.out.push(match shape {
            Shape::Struct => b'}',
            _ => b']',
        });
    }

    fn omitted(&mut self, shape: Shape) {
        self.item(shape);
        self.put("...");
    }

    fn signed(&mut self, value: i64) {
        number::signed(self.out, value);
    }

    fn unsigned(&mut self, value: u64) {
        number::decimal(self.out, value);
    }

    fn hex(&mut self, value: u64) {
        number::hex(self.out, value);
    }

    fn hex_always(&mut self, value: u64) {
        number::hex_always(self.out, value);
    }

    fn octal(&mut self, value: u64, digits: usize) {
        match digits {
            0 | 1 => number::octal(self.out, value),
            _ => {
                let lead = value >= 1 << (3 * (digits - 1));
                self.out.extend_from_slice(if lead { b"0" } else { b"" });
                number::digits(self.out, value, 8, digits);
            }
        }
    }

    fn symbol(&mut self, _raw: i64, name: &str) {
        self.put(name);
    }

    fn unknown(&mut self, raw: u64, family: &str) {
        number::hex(self.out, raw);
        if !family.is_empty() {
            self.put(" /* ");
            self.put(family);
            self.put("??? */");
        }
    }

    fn word(&mut self, name: &str) {
        self.put(name);
    }

    fn expression(&mut self, _raw: i64, text: impl FnOnce(&mut Vec<u8>)) {
        text(self.out);
    }

    fn quoted(&mut self, before: &str, text: &[u8], after: &str) {
        self.put(before);
        escape::c_string(self.out, text);
        self.put(after);
    }

    fn flags(&mut self, raw: u64) {
        self.flags_at = self.out.len();
        self.flags_raw = raw;
    }

    fn flag(&mut self, name: &str) {
        self.flag_comes();
        self.put(name);
    }

    fn rest(&mut self, bits: u64) {
        self.flag_comes();
        number::hex(self.out, bits);
    }

    fn flag_text(&mut self, text: impl FnOnce(&mut Vec<u8>)) {
        self.flag_comes();
        text(self.out);
    }

    fn end_flags(&mut self) {
        if self.out.len() == self.flags_at {
            number::hex(self.out, self.flags_raw);
        }
    }

    fn string(&mut self, bytes: &[u8], cut: bool) {
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t'..=b'\r');
        match self.hex {
            Hex::All => return self.hex_bytes(bytes, cut),
            Hex::Unprintable if !bytes.iter().all(is_text) => return self.hex_bytes(bytes, cut),
            Hex::Unprintable | Hex::Never => escape::c_string(self.out, bytes),
        }
        if cut {
            self.put("...");
        }
    }

    fn hex_bytes(&mut self, bytes: &[u8], cut: bool) {
        self.out.push(b'"');
        for &byte in bytes {
            self.put("\\x");
            number::digits(self.out, u64::from(byte), 16, 2);
        }
        self.put(if cut { "\"..." } else { "\"" });
    }

    fn null(&mut self) {
        self.put("NULL");
    }

    fn address(&mut self, addr: u64, _state: ArgState) {
        match addr {
            0 => self.null(),
            _ => number::hex(self.out, addr),
        }
    }

    fn pointer(&mut self, _addr: u64, _state: ArgState) {}

    fn end_pointer(&mut self) {}

    fn before(&mut self) {}

    fn after(&mut self) {
        self.put(" => ");
    }

    fn end_change(&mut self) {}

    fn descriptor(&mut self, fd: i32, known: Option<&Descriptor<'_>>, full: bool) {
        number::signed(self.out, i64::from(fd));
        if let Some(known) = known {
            descriptor::text(self.out, known, full);
        }
    }

    fn cwd(&mut self, known: Option<&Descriptor<'_>>, full: bool) {
        self.put("AT_FDCWD");
        if let Some(known) = known {
            descriptor::text(self.out, known, full);
        }
    }

    fn counted(&mut self, addr: u64, state: ArgState, count: u64, of: &str) {
        self.address(addr, state);
        self.put(" /* ");
        number::decimal(self.out, count);
        self.put(" ");
        self.put(of);
        self.put(" */");
    }

    fn nanoseconds(&mut self, _ns: i128) {}
}
