//! `ioctl`: the command's name and its argument.
//!
//! In: the command's number. Out: its name, or `_IOC(_IOC_READ, 0x54, 0x1, 0x4)`. Never guesses at an argument whose
//! command is unknown: its value is shown.

use super::number;
use super::sink::{Shape, Sink};
use super::walk::{Num, Place, Scope, Walk};
use crate::tables::ioctls;
use crate::tables::what::What;

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

    /// `[[VINTR]=0x3, …]` of `struct termios`.
    pub fn control_characters(&mut self, place: Place<'a>) {
        const NAMES: [&str; 17] = [
            "VINTR", "VQUIT", "VERASE", "VKILL", "VEOF", "VTIME", "VMIN", "VSWTC", "VSTART",
            "VSTOP", "VSUSP", "VEOL", "VREPRINT", "VDISCARD", "VWERASE", "VLNEXT", "VEOL2",
        ];
        self.sink.open(Shape::Array);
        for (i, &byte) in place.bytes.iter().enumerate() {
            self.sink.item(Shape::Array);
            self.sink.expression(i64::from(byte), |out| {
                out.push(b'[');
                match NAMES.get(i) {
                    Some(name) => out.extend_from_slice(name.as_bytes()),
                    None => number::decimal(out, i as u64),
                }
                out.extend_from_slice(b"]=");
                number::hex(out, u64::from(byte));
            });
        }
        self.sink.close(Shape::Array);
    }

    /// Whether the command takes an argument; one that nobody knows may.
    pub fn command_has_argument(&self) -> bool {
        let command = self.arg(COMMAND).raw as u32;
        let known = ioctls::find(self.call.abi, command);
        known.is_none_or(|known| known.what != What::None)
    }

    /// Its argument.
    pub fn ioctl_argument(&mut self, num: Num, scope: Scope<'a>) {
        let command = self.arg(COMMAND).raw as u32;
        let known = ioctls::find(self.call.abi, command).map(|known| known.what);
        match known {
            // What the command says cannot be what the command says.
            Some(what) if self.resolve(what, scope) != What::IoctlArg => {
                self.value(what, num, scope);
            }
            _ => self.sink.hex(num.raw),
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
