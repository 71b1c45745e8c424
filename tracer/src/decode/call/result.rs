//! The result of a call: a value, an error, or nothing.
//!
//! In: the result register. Out: what stands behind `=`. Never takes an address for an error.

use super::sink::Sink;
use super::text::Text;
use super::walk::{Num, Scope, Walk};
use super::{escape, number};
use crate::tables::errno;
use crate::tables::what::What;
use crate::types::Abi;
use crate::types::call::{Call, When};

/// The largest error number (`MAX_ERRNO` of linux/err.h).
const MAX_ERRNO: i64 = 4095;
/// Errors that the kernel keeps to itself: the program sees another one, or none.
const INTERRUPTED: [(i64, &str, &str); 4] = [
    (512, "ERESTARTSYS", "To be restarted if SA_RESTART is set"),
    (513, "ERESTARTNOINTR", "To be restarted"),
    (514, "ERESTARTNOHAND", "To be restarted if no handler"),
    (516, "ERESTART_RESTARTBLOCK", "Interrupted by signal"),
];

/// Whether a result register holds an error.
pub(super) fn is_error(ret: i64) -> bool {
    (-MAX_ERRNO..0).contains(&ret)
}

/// Whether there is a result at all.
pub(super) fn has_result(call: &Call<'_>) -> bool {
    call.kind.returned()
}

/// `-1 ENOENT (No such file or directory)`, `? ERESTARTSYS (…)`.
fn error(out: &mut Vec<u8>, ret: i64) {
    let interrupted = INTERRUPTED.iter().find(|(number, ..)| *number == -ret);
    if let Some((_, name, text)) = interrupted {
        return explained(out, "? ", name, text);
    }
    match errno::name(-ret as u64).zip(errno::text(-ret as u64)) {
        Some((name, text)) => explained(out, "-1 ", name, text),
        None => {
            out.extend_from_slice(b"-1 (errno ");
            number::signed(out, -ret);
            out.push(b')');
        }
    }
}

fn explained(out: &mut Vec<u8>, result: &str, name: &str, text: &str) {
    for part in [result, name, " (", text, ")"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The result as a number: 32-bit calls have 32 bits.
fn number_of(call: &Call<'_>) -> Num {
    match call.abi {
        Abi::Native => Num::new(call.ret as u64, 8, true),
        Abi::I386 => Num::new(call.ret as u64, 4, true),
    }
}

impl Walk<'_, '_, Text<'_>> {
    /// What stands behind `= `.
    pub fn result_text(&mut self, what: What) {
        if !has_result(self.call) {
            return self.sink.out.push(b'?');
        }
        if is_error(self.call.ret) {
            return error(self.sink.out, self.call.ret);
        }
        let num = number_of(self.call);
        self.result_value(what, num);
        if self.has_outcome() {
            self.outcome_text();
        }
    }

    fn result_value(&mut self, what: What, num: Num) {
        let scope = Scope::NONE.at(When::Exit);
        let what = self.resolve(what, scope);
        match what {
            What::Int | What::Pid | What::Bool => self.sink.signed(num.as_signed()),
            What::Octal => number::octal(self.sink.out, num.raw),
            What::Uid | What::Gid => self.sink.unsigned(num.raw & 0xffff_ffff),
            What::Flags(set) if num.raw == 0 && set.parts.is_empty() => self.sink.unsigned(0),
            What::Signal if num.raw == 0 => self.sink.unsigned(0),
            What::Flags(set) if set.name == "membarrier_cmds" => {
                number::hex(self.sink.out, num.raw);
                self.in_brackets(" (", what, num);
            }
            What::Flags(set) if set.name.ends_with("_flags") => {
                number::hex(self.sink.out, num.raw);
                self.in_brackets(" (flags ", what, num);
            }
            What::Enum(set) if super::names::enum_name(set, num).is_none() => {
                self.sink.signed(num.as_signed());
            }
            What::Flags(_) | What::Enum(_) | What::Signal => {
                self.sink.signed(num.as_signed());
                self.in_brackets(" (", what, num);
            }
            What::None => self.sink.signed(num.as_signed()),
            What::Ptr(..) => number::hex_always(self.sink.out, num.raw),
            What::Fd => self.value(what, Num::new(num.raw, 4, true), scope),
            _ => self.value(what, num, scope),
        }
    }

    fn in_brackets(&mut self, before: &str, what: What, num: Num) {
        self.sink.out.extend_from_slice(before.as_bytes());
        self.value(what, num, Scope::NONE);
        self.sink.out.push(b')');
    }

    fn outcome_text(&mut self) {
        if self.call.ret == 0 {
            return self.sink.out.extend_from_slice(b" (Timeout)");
        }
        let at = self.sink.out.len();
        self.sink.out.extend_from_slice(b" (");
        self.outcome();
        match self.sink.out.len() - at {
            2 => self.sink.out.truncate(at),
            _ => self.sink.out.push(b')'),
        }
    }
}

impl Walk<'_, '_, super::json::Json<'_>> {
    /// `"ret":-2,"error":"ENOENT"`; `"ret":null` when there is none; `"result"` where the number means more.
    pub fn result_json(&mut self, what: What) {
        let call = self.call;
        self.sink.member("ret");
        if !has_result(call) {
            return self.sink.out.extend_from_slice(b"null");
        }
        let num = number_of(call);
        self.sink.signed(num.as_signed());
        if is_error(call.ret) {
            if let Some(name) = errno::name(-call.ret as u64) {
                self.sink.member("error");
                escape::json_string(self.sink.out, name);
            }
            return;
        }
        let scope = Scope::NONE.at(When::Exit);
        let what = self.resolve(what, scope);
        if let What::Fd | What::Flags(_) | What::Enum(_) | What::Signal | What::Hex = what {
            let width = if what == What::Fd { 4 } else { num.width };
            self.sink.member("result");
            self.value(what, Num::new(num.raw, width, false), scope);
        }
        if self.has_outcome() {
            self.sink.member("outcome");
            self.sink.open(super::sink::Shape::Struct);
            self.outcome();
            self.sink.close(super::sink::Shape::Struct);
        }
    }
}
