//! Values that fit a register: numbers in all their meanings, and pointers.
//!
//! In: a number and what it means. Out: events. Never reads memory but through pointers that the signature names.

use super::number;
use super::sink::{Shape, Sink};
use super::walk::{Num, Scope, Walk};
use crate::tables::syscalls::ArgKind;
use crate::tables::what::{Dir, Elem, What};
use crate::types::call::{ArgState, When};
use core::net::Ipv4Addr;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// A number, or an address and what stands there.
    pub fn value(&mut self, what: What, num: Num, scope: Scope<'a>) {
        match self.resolve(what, scope) {
            What::Hex if self.is_address(scope) => self.sink.address(num.raw, ArgState::NotRead),
            What::Hex => self.sink.hex(num.raw),
            What::Path => self.string(num.raw, When::Entry, usize::MAX),
            What::Str => self.string(num.raw, When::Entry, self.style.max_string),
            // What a file is made or changed to has no type, but where one is made of any type.
            What::Octal if scope.fields.is_empty() && !self.name.starts_with("mknod") => {
                self.sink.octal(num.raw, 3);
            }
            What::Octal => self.mode(num.raw),
            What::Fd => self.descriptor(num, scope.when),
            What::DirFd => self.directory(num, scope.when),
            What::Pid => self.sink.signed(num.as_signed()),
            What::Uid | What::Gid => match num.is_all_ones() {
                true => self.sink.signed(-1),
                false => self.sink.unsigned(num.raw),
            },
            What::Signal => self.signal(num),
            What::Errno => self.errno(num),
            What::WaitStatus => self.wait_status(num),
            What::Dev => self.device(num.raw),
            What::Port => self.port(num),
            What::Ip4 => self.ip4(num),
            What::Flags(set) => self.flags(set, num),
            What::Enum(set) => self.enumeration(set, num),
            What::IoctlCommand => self.ioctl_command(num),
            What::IoctlArg => self.ioctl_argument(num, scope),
            What::Ptr(dir, elem) => self.pointer(dir, elem, num.raw, scope),
            What::Int | What::Bool | What::None => self.integer(num),
            // Things in memory have no meaning in a register: the table is wrong, the number is right.
            _ => self.sink.hex(num.raw),
        }
    }

    /// Whether the argument that is being written is an address: the kernel's types say so, or its name does where
    /// the type is a number (`brk`, `mmap`, …).
    fn is_address(&self, scope: Scope<'a>) -> bool {
        const NAMES: [&str; 5] = ["addr", "brk", "new_addr", "newsp", "start"];
        if !scope.fields.is_empty() || self.argument == "tidptr" {
            return false;
        }
        if self.name == "semctl" && self.argument == "arg" {
            return true;
        }
        let arg = self.args.iter().find(|arg| arg.name == self.argument);
        NAMES.contains(&self.argument) || arg.is_some_and(|arg| matches!(arg.kind, ArgKind::Ptr(_)))
    }

    /// A number as it is.
    pub fn integer(&mut self, num: Num) {
        match num.is_signed {
            true => self.sink.signed(num.as_signed()),
            false => self.sink.unsigned(num.raw),
        }
    }

    /// `htons(80)`, `htonl(0)`: the bytes stand in the network's order.
    pub fn port(&mut self, num: Num) {
        let (name, value) = match num.width {
            2 => ("htons(", u64::from((num.raw as u16).swap_bytes())),
            _ => ("htonl(", u64::from((num.raw as u32).swap_bytes())),
        };
        self.sink.expression(num.raw as i64, |out| {
            out.extend_from_slice(name.as_bytes());
            number::decimal(out, value);
            out.push(b')');
        });
    }

    /// `inet_addr("127.0.0.1")`
    pub fn ip4(&mut self, num: Num) {
        let mut text = Vec::with_capacity(16);
        ip4_text(&mut text, (num.raw as u32).to_le_bytes().into());
        self.sink.quoted("inet_addr(", &text, ")");
    }

    /// An address, and what the call read or wrote there.
    pub fn pointer(&mut self, dir: Dir, elem: &'static Elem, addr: u64, scope: Scope<'a>) {
        let what = self.resolve(elem.what, scope);
        if addr == 0 && self.has_no_entries(what) {
            if !self.style.verbose {
                return self.sink.counted(addr, ArgState::Null, 0, "entries");
            }
            self.sink.open(Shape::Array);
            return self.sink.close(Shape::Array);
        }
        if addr == 0 {
            return self.sink.null();
        }
        if dir == Dir::InOut && self.name.starts_with("fcntl") && !self.succeeded() {
            return self.sink.address(addr, ArgState::NotRead);
        }
        if let What::Msghdr(data) = what {
            return self.msghdr_at(addr, data);
        }
        if self.is_of_no_use(what) {
            return self.sink.address(addr, ArgState::NotRead);
        }
        match dir {
            Dir::InOut if self.tells_outcome_last() || self.shows_only_before() => {
                self.behind(elem, addr, When::Entry, scope);
            }
            Dir::InOut if self.succeeded() && self.shows_only_after(what) => {
                self.behind(elem, addr, When::Exit, scope);
            }
            Dir::In => self.behind(elem, addr, When::Entry, scope),
            Dir::Out => self.written(elem, addr, scope),
            Dir::InOut => self.changed(elem, addr, scope),
        }
    }

    /// A directory has ended: there is no entry to be read, wherever the buffer is.
    fn has_no_entries(&self, what: What) -> bool {
        let entries = matches!(what, What::Dirents(_) | What::Dirents64(_));
        entries && self.call.kind.returned() && self.call.ret == 0
    }

    /// What the kernel wrote. It wrote nothing when the call failed, unless somebody saw it.
    fn written(&mut self, elem: &'static Elem, addr: u64, scope: Scope<'a>) {
        if self.shows_output(addr) {
            self.behind(elem, addr, When::Exit, scope);
        } else {
            self.sink.address(addr, ArgState::NotRead);
        }
    }

    fn shows_output(&self, addr: u64) -> bool {
        match self.writes_on_error() {
            true => super::result::is_error(self.call.ret),
            false => {
                let seen = self.call.memory(addr, 1, When::Exit);
                self.succeeded() || seen.state == ArgState::Ok
            }
        }
    }

    /// What stood there before, and what now when it is something else.
    fn changed(&mut self, elem: &'static Elem, addr: u64, scope: Scope<'a>) {
        let len = self.size(elem, scope).unwrap_or(0);
        let before = self.place(addr, len, When::Entry);
        let after = self.place(addr, len, When::Exit);
        let both = before.state.is_readable() && after.state.is_readable();
        if !self.succeeded() || !after.state.is_readable() {
            return self.behind(elem, addr, When::Entry, scope);
        }
        if !both || before.bytes == after.bytes {
            return self.behind(elem, addr, When::Exit, scope);
        }
        let inside = self
            .brackets(elem, scope)
            .filter(|_| !self.shows_both_whole());
        let Some(shape) = inside else {
            self.sink.before();
            self.behind(elem, addr, When::Entry, scope);
            self.sink.after();
            self.behind(elem, addr, When::Exit, scope);
            return self.sink.end_change();
        };
        self.sink.pointer(addr, after.state);
        self.sink.open(shape);
        self.sink.before();
        self.thing(elem.what, before, elem.signed, scope.at(When::Entry));
        self.sink.after();
        self.thing(elem.what, after, elem.signed, scope.at(When::Exit));
        self.sink.end_change();
        self.sink.close(shape);
        self.sink.end_pointer();
    }

    /// Numbers behind a pointer stand in brackets.
    pub fn brackets(&self, elem: &Elem, scope: Scope<'a>) -> Option<Shape> {
        is_scalar(self.resolve(elem.what, scope)).then_some(Shape::Pointee)
    }
}

/// Whether it is a number, also when it lies in memory.
pub(super) fn is_scalar(what: What) -> bool {
    use What::*;
    matches!(
        what,
        None | Int
            | Hex
            | Octal
            | Fd
            | DirFd
            | Pid
            | Uid
            | Gid
            | Signal
            | Errno
            | WaitStatus
            | Dev
            | Bool
            | Port
            | Ip4
            | Flags(_)
            | Enum(_)
            | IoctlCommand
            | IoctlArg
            | Ptr(..)
    )
}

/// `127.0.0.1`
pub(super) fn ip4_text(out: &mut Vec<u8>, ip: Ipv4Addr) {
    for (i, byte) in ip.octets().into_iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        number::decimal(out, u64::from(byte));
    }
}
