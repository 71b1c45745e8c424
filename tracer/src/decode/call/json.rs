//! Values as JSON, as `docs/json-trace.md` describes it.
//!
//! In: events of [`Sink`]. Out: JSON without line ends. Never a number without its raw value, never text that is not
//! what the bytes were.

use super::sink::{Shape, Sink};
use super::{descriptor, escape, number};
use crate::types::call::{ArgState, Descriptor};
use std::str;

/// The sink.
pub(super) struct Json<'o> {
    /// Where the text goes.
    pub out: &'o mut Vec<u8>,
}

impl Json<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// `,` unless it is the first.
    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'[' | b'{' | b':') | None) {
            self.out.push(b',');
        }
    }

    fn key(&mut self, name: &str) {
        self.comma();
        escape::json_string(self.out, name);
        self.out.push(b':');
    }

    fn raw(&mut self, raw: i64) {
        self.put("{\"raw\":");
        number::signed(self.out, raw);
    }

    fn state(&mut self, addr: u64, state: ArgState) {
        self.put("{\"address\":");
        number::decimal(self.out, addr);
        self.put(",\"state\":\"");
        self.put(state.name());
        self.put("\"");
    }

    fn text_of(&mut self, text: impl FnOnce(&mut Vec<u8>)) {
        let at = self.out.len();
        text(self.out);
        let text = self.out.split_off(at);
        escape::json_string(self.out, &String::from_utf8_lossy(&text));
    }
}

impl Sink for Json<'_> {
    fn item(&mut self, _shape: Shape) {
        self.comma();
    }

    fn member(&mut self, name: &str) {
        self.key(name);
    }

    fn member_as(&mut self, _in_text: &str, in_json: &str) {
        self.key(in_json);
    }

    fn argument(&mut self, name: &str, _shown: bool) {
        self.key(name);
    }

    fn outcome(&mut self, name: &str) {
        self.key(if name.is_empty() { "ready" } else { name });
    }

    fn open(&mut self, shape: Shape) {
        self.put(match shape {
            Shape::Array | Shape::Set => "[",
            Shape::Struct => "{",
            Shape::Complement => "{\"all_but\":[",
            Shape::Pointee => "",
        });
    }

    fn close(&mut self, shape: Shape) {
        self.put(match shape {
            Shape::Array | Shape::Set => "]",
            Shape::Struct => "}",
            Shape::Complement => "]}",
            Shape::Pointee => "",
        });
    }

    fn omitted(&mut self, shape: Shape) {
        match shape {
            Shape::Struct => {
                self.key("omitted");
                self.put("true");
            }
            _ => {
                self.comma();
                self.put("{\"omitted\":true}");
            }
        }
    }

    fn signed(&mut self, value: i64) {
        number::signed(self.out, value);
    }

    fn unsigned(&mut self, value: u64) {
        number::decimal(self.out, value);
    }

    fn hex(&mut self, value: u64) {
        number::decimal(self.out, value);
    }

    fn hex_always(&mut self, value: u64) {
        number::decimal(self.out, value);
    }

    fn octal(&mut self, value: u64, _digits: usize) {
        number::decimal(self.out, value);
    }

    fn symbol(&mut self, raw: i64, name: &str) {
        self.raw(raw);
        self.key("symbol");
        escape::json_string(self.out, name);
        self.put("}");
    }

    fn unknown(&mut self, raw: u64, _family: &str) {
        number::decimal(self.out, raw);
    }

    fn word(&mut self, name: &str) {
        escape::json_string(self.out, name);
    }

    fn expression(&mut self, raw: i64, text: impl FnOnce(&mut Vec<u8>)) {
        self.raw(raw);
        self.key("text");
        self.text_of(text);
        self.put("}");
    }

    fn quoted(&mut self, _before: &str, text: &[u8], _after: &str) {
        self.string(text, false);
    }

    fn flags(&mut self, raw: u64) {
        self.put("{\"raw\":");
        number::decimal(self.out, raw);
        self.put(",\"flags\":[");
    }

    fn flag(&mut self, name: &str) {
        self.comma();
        escape::json_string(self.out, name);
    }

    fn rest(&mut self, bits: u64) {
        self.comma();
        number::decimal(self.out, bits);
    }

    fn flag_text(&mut self, text: impl FnOnce(&mut Vec<u8>)) {
        self.comma();
        self.text_of(text);
    }

    fn end_flags(&mut self) {
        self.put("]}");
    }

    fn string(&mut self, bytes: &[u8], cut: bool) {
        match (str::from_utf8(bytes), cut) {
            (Ok(text), false) => return escape::json_string(self.out, text),
            (Ok(text), true) => {
                self.put("{\"text\":");
                escape::json_string(self.out, text);
            }
            (Err(_), _) => {
                self.put("{\"hex\":");
                escape::hex_string(self.out, bytes);
            }
        }
        self.put(if cut { ",\"cut\":true}" } else { "}" });
    }

    fn hex_bytes(&mut self, bytes: &[u8], cut: bool) {
        self.put("{\"hex\":");
        escape::hex_string(self.out, bytes);
        self.put(if cut { ",\"cut\":true}" } else { "}" });
    }

    fn null(&mut self) {
        self.state(0, ArgState::Null);
        self.put("}");
    }

    fn address(&mut self, addr: u64, state: ArgState) {
        self.state(addr, state);
        self.put("}");
    }

    fn pointer(&mut self, addr: u64, state: ArgState) {
        self.state(addr, state);
        self.key("value");
    }

    fn end_pointer(&mut self) {
        self.put("}");
    }

    fn before(&mut self) {
        self.put("{\"before\":");
    }

    fn after(&mut self) {
        self.key("after");
    }

    fn end_change(&mut self) {
        self.put("}");
    }

    fn descriptor(&mut self, fd: i32, known: Option<&Descriptor<'_>>, _full: bool) {
        match known {
            None => number::signed(self.out, i64::from(fd)),
            Some(known) => {
                self.raw(i64::from(fd));
                self.key("descriptor");
                descriptor::json(self.out, known);
                self.put("}");
            }
        }
    }

    fn cwd(&mut self, known: Option<&Descriptor<'_>>, _full: bool) {
        self.put("{\"raw\":-100,\"symbol\":\"AT_FDCWD\"");
        if let Some(known) = known {
            self.key("descriptor");
            descriptor::json(self.out, known);
        }
        self.put("}");
    }

    fn counted(&mut self, addr: u64, state: ArgState, count: u64, of: &str) {
        self.state(addr, state);
        self.key(of);
        number::decimal(self.out, count);
        self.put("}");
    }

    fn nanoseconds(&mut self, ns: i128) {
        self.key("ns");
        let magnitude = u64::try_from(ns.unsigned_abs()).unwrap_or(u64::MAX);
        if ns < 0 {
            self.put("-");
        }
        number::decimal(self.out, magnitude);
    }
}
