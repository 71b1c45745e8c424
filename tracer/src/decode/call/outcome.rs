//! Calls that strace writes in a way of their own: waits for descriptors tell what came behind the result, `clone` names
//! its arguments.
//!
//! In: a walk at its arguments or behind its result. Out: events. Never a call that the table alone can describe.

use super::sink::{Shape, Sink};
use super::walk::{Num, Scope, Walk};
use crate::tables::structs;
use crate::tables::what::{Dir, Len, What};
use crate::types::Abi;
use crate::types::call::{ArgState, When};

const CLONE_PIDFD: u64 = 0x1000;
const CLONE_SETTLS: u64 = 0x8_0000;
const CLONE_PARENT_SETTID: u64 = 0x10_0000;
const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;
const CLONE_CHILD_SETTID: u64 = 0x100_0000;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// Whether what came of the call's in-and-out arguments stands behind its result.
    pub fn tells_outcome_last(&self) -> bool {
        self.is_poll() || self.is_select()
    }

    fn is_poll(&self) -> bool {
        matches!(self.name, "poll" | "ppoll" | "ppoll_time64")
    }

    fn is_select(&self) -> bool {
        matches!(
            self.name,
            "select" | "_newselect" | "pselect6" | "pselect6_time64"
        )
    }

    /// Whether the call writes its output only when it fails: the time that was left of a sleep.
    pub fn writes_on_error(&self) -> bool {
        matches!(
            self.name,
            "nanosleep" | "clock_nanosleep" | "clock_nanosleep_time64"
        )
    }

    /// Whether an offset that the call moved is shown as it was only: the result says how far.
    pub fn shows_only_before(&self) -> bool {
        matches!(self.name, "copy_file_range" | "splice")
    }

    /// Whether of a struct that the call reads and writes only what it wrote is shown. Commands of ioctl show both.
    pub fn shows_only_after(&self, what: What) -> bool {
        matches!(what, What::Struct(_) | What::Mmsghdr(..)) && self.name != "ioctl"
    }

    /// `[3] => [13]` instead of `[3 => 13]`.
    pub fn shows_both_whole(&self) -> bool {
        self.name.starts_with("sendfile")
    }

    /// Whether a pointer cannot lead to anything: no room was given, or the address whose length it holds is null.
    pub fn is_of_no_use(&self, what: What) -> bool {
        let none = |n: u8| self.arg(n).raw == 0;
        const EPOLL_CTL_DEL: u64 = 2;
        if self.name == "epoll_ctl" && self.arg(1).raw == EPOLL_CTL_DEL {
            return true;
        }
        if matches!(what, What::Mmsghdr(_, dir) if dir != Dir::In) && !self.succeeded() {
            return true;
        }
        if let What::Bytes(Len::RetUpTo(n)) = what {
            return none(n);
        }
        let at = self.args.iter().position(|arg| arg.name == self.argument);
        let Some(before) = at.and_then(|at| at.checked_sub(1)) else {
            return false;
        };
        let What::Ptr(_, elem) = self.args[before].what else {
            return false;
        };
        matches!(elem.what, What::Sockaddr(Len::Pointee(_))) && none(before as u8)
    }

    /// ` (Timeout)`, ` ([{fd=3, revents=POLLIN}])`, ` (in [3], left {…})`; nothing for other calls.
    pub fn has_outcome(&self) -> bool {
        self.tells_outcome_last() && self.succeeded()
    }

    /// What came: an array of descriptors, or the sets by name.
    pub fn outcome(&mut self) {
        if self.is_poll() {
            self.ready_descriptors();
            self.time_left(2);
        } else {
            for (n, name) in [(1, "in"), (2, "out"), (3, "except")] {
                self.ready_set(n, name);
            }
            self.time_left(4);
        }
    }

    fn ready_descriptors(&mut self) {
        let count = self.arg(1).raw.min(1 << 16) as usize;
        let place = self.place(self.arg(0).raw, count * 8, When::Exit);
        let Some(of) = structs::find("pollfd") else {
            return;
        };
        self.sink.outcome("");
        self.sink.open(Shape::Array);
        for i in 0..place.bytes.len() / 8 {
            let one = place.part(i * 8, 8);
            if one.number(6, 2) != Some(0) {
                self.sink.item(Shape::Array);
                self.structure(of, one, When::Exit);
            }
        }
        self.sink.close(Shape::Array);
    }

    fn ready_set(&mut self, n: u8, name: &str) {
        let count = self.arg(0).raw.min(1 << 20);
        let len = (count as usize).div_ceil(64) * 8;
        let place = self.place(self.arg(n).raw, len, When::Exit);
        if place.state.is_readable() && place.bytes.iter().any(|&b| b != 0) {
            self.sink.outcome(name);
            self.descriptor_set(place, Some(count), When::Exit);
        }
    }

    /// The time that was left, where the kernel writes it.
    fn time_left(&mut self, n: u8) {
        let Some(arg) = self.args.get(usize::from(n)) else {
            return;
        };
        let What::Ptr(_, elem) = arg.what else { return };
        let What::Struct(of) = elem.what else { return };
        let place = self.place(self.arg(n).raw, of.size(self.call.abi), When::Exit);
        if place.state.is_readable() && self.call.ret > 0 {
            self.sink.outcome("left");
            self.structure(of, place, When::Exit);
        }
    }

    /// `clone(child_stack=NULL, flags=…, child_tidptr=0x…)`: stack first, the rest as the flags say.
    pub fn clone_arguments(&mut self) {
        let flags = self.arg(0).raw;
        let (tls, child) = match self.call.abi {
            Abi::Native => (4, 3),
            Abi::I386 => (3, 4),
        };
        self.sink.argument("child_stack", true);
        self.sink.address(self.arg(1).raw, ArgState::NotRead);
        self.sink.argument("flags", true);
        if let Some(arg) = self.args.first() {
            self.value(arg.what, Num::new(flags, self.word(), false), Scope::NONE);
        }
        if flags & (CLONE_PARENT_SETTID | CLONE_PIDFD) != 0 {
            let name = match flags & CLONE_PIDFD {
                0 => "parent_tid",
                _ => "pidfd",
            };
            self.sink.argument(name, true);
            self.parent_word();
        }
        if flags & CLONE_SETTLS != 0 {
            self.sink.argument("tls", true);
            let what = self.args.get(usize::from(tls)).map(|arg| arg.what);
            match what {
                Some(what @ What::Ptr(..)) => self.value(what, self.arg(tls), Scope::NONE),
                _ => self.sink.address(self.arg(tls).raw, ArgState::NotRead),
            }
        }
        if flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) != 0 {
            self.sink.argument("child_tidptr", true);
            self.sink.address(self.arg(child).raw, ArgState::NotRead);
        }
    }

    fn parent_word(&mut self) {
        let addr = self.arg(2).raw;
        match self.number_at(addr, 4, When::Exit) {
            Some(word) if self.succeeded() => {
                self.sink.pointer(addr, ArgState::Ok);
                self.sink.open(Shape::Pointee);
                self.sink.signed(word as i32 as i64);
                self.sink.close(Shape::Pointee);
                self.sink.end_pointer();
            }
            _ => self.sink.address(addr, ArgState::NotRead),
        }
    }
}
