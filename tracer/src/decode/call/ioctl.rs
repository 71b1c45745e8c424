//! `ioctl`: the command's name and its argument.
//!
//! In: the command's number. Out: its name, or `_IOC(_IOC_READ, 0x54, 0x1, 0x4)`. Never guesses at an argument whose
//! command is unknown: its value is shown.

use super::number;
use super::sink::Sink;
use super::walk::{Num, Scope, Walk};
use crate::tables::ioctls;

/// The argument of `ioctl` that holds the command.
const COMMAND: u8 = 1;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// A command.
    pub fn ioctl_command(&mut self, num: Num) {
        let number = num.raw as u32;
        match ioctls::find(self.call.abi, number) {
            Some(known) => self.sink.symbol(i64::from(number), known.name()),
            None => self
                .sink
                .expression(i64::from(number), |out| taken_apart(out, number)),
        }
    }

    /// Its argument.
    pub fn ioctl_argument(&mut self, num: Num, scope: Scope<'a>) {
        let command = self.arg(COMMAND).raw as u32;
        match ioctls::find(self.call.abi, command) {
            Some(known) => self.value(known.what, num, scope),
            None => self.sink.hex(num.raw),
        }
    }
}

/// Direction, type, number and size, as asm-generic/ioctl.h packs them.
fn taken_apart(out: &mut Vec<u8>, command: u32) {
    let direction: &[u8] = match command >> 30 {
        0 => b"_IOC_NONE",
        1 => b"_IOC_WRITE",
        2 => b"_IOC_READ",
        _ => b"_IOC_READ|_IOC_WRITE",
    };
    out.extend_from_slice(b"_IOC(");
    out.extend_from_slice(direction);
    for part in [command >> 8 & 0xff, command & 0xff, command >> 16 & 0x3fff] {
        out.extend_from_slice(b", ");
        number::hex(out, u64::from(part));
    }
    out.push(b')');
}
