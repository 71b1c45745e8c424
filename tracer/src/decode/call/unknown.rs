//! Calls that no table knows: by the running kernel's names and C types, else as raw registers.
//!
//! In: a call, and perhaps what the kernel says of it. Out: events. Never follows a pointer whose type is not a string's.

use super::KernelCall;
use super::sink::Sink;
use super::walk::{Num, Walk};
use crate::types::call::{ArgState, When};

/// Names of the registers' arguments when nobody knows better ones.
pub(super) const REGISTERS: [&str; 6] = ["arg0", "arg1", "arg2", "arg3", "arg4", "arg5"];

impl<S: Sink> Walk<'_, '_, S> {
    /// All six registers.
    pub fn raw_arguments(&mut self) {
        for (n, name) in REGISTERS.into_iter().enumerate() {
            self.sink.argument(name, false);
            self.sink
                .hex_always(Num::new(self.call.args[n], self.word(), false).raw);
        }
    }

    /// Arguments as the kernel describes them.
    pub fn described_arguments(&mut self, known: &KernelCall) {
        for (n, (name, c_type)) in known.args.iter().take(6).enumerate() {
            self.sink.argument(name, false);
            self.described(self.call.args[n], c_type);
        }
    }

    fn described(&mut self, raw: u64, c_type: &str) {
        let plain = c_type.replace("const ", "").replace("__user ", "");
        if plain.contains('*') {
            return match plain.trim_end() {
                _ if raw == 0 => self.sink.null(),
                "char *" | "char*" => self.string(raw, When::Entry, self.style.max_string),
                _ => self.sink.address(raw, ArgState::NotRead),
            };
        }
        let (width, is_signed) = number_type(&plain, self.word());
        self.integer(Num::new(raw, width, is_signed));
    }
}

/// Bytes and sign of a C type that is a number.
fn number_type(c_type: &str, word: usize) -> (usize, bool) {
    match c_type.trim() {
        "int" | "pid_t" | "clockid_t" | "timer_t" | "key_t" | "mqd_t" | "key_serial_t"
        | "__s32" | "s32" => (4, true),
        "unsigned int" | "uid_t" | "gid_t" | "qid_t" | "u32" | "__u32" | "unsigned" | "rwf_t" => {
            (4, false)
        }
        "umode_t" | "unsigned short" | "old_uid_t" | "old_gid_t" | "u16" => (2, false),
        "long" | "ssize_t" => (word, true),
        "loff_t" | "s64" | "long long" => (8, true),
        "u64" | "__u64" | "unsigned long long" => (8, false),
        _ => (word, false),
    }
}
