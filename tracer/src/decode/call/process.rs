//! What calls about processes carry: wait statuses, arguments of programs, what a signal says.
//!
//! In: bytes and addresses of the image. Out: events. Never follows more strings than the record holds.

use super::names::{named, signal_name};
use super::number;
use super::signal_code::signal_code;
use super::sink::{Shape, Sink};
use super::walk::{Num, Place, Walk};
use crate::types::Abi;
use crate::types::call::{ArgState, When};

pub(super) const SIGCHLD: u64 = 17;
pub(super) const SIGTRAP: u64 = 5;
pub(super) const SIGIO: u64 = 29;
pub(super) const SIGSYS: u64 = 31;
const SI_QUEUE: i32 = -1;
const SI_TIMER: i32 = -2;
const SI_MESGQ: i32 = -3;
const SI_TKILL: i32 = -6;
const CLD_EXITED: i32 = 1;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// `{WIFEXITED(s) && WEXITSTATUS(s) == 0}`
    pub fn wait_status(&mut self, num: Num) {
        let status = num.raw as u32;
        self.sink
            .expression(num.as_signed(), |out| wait_text(out, status));
    }

    /// `["ls", "-l"]`
    pub fn strings(&mut self, addr: u64, when: When) {
        let word = self.word();
        let place = self.place(addr, usize::MAX, when);
        if !place.state.is_readable() {
            return self.sink.address(addr, place.state);
        }
        let pointer = |i: usize| place.number(i * word, word);
        let there = place.bytes.len() / word;
        let end = (0..there).find(|&i| pointer(i) == Some(0));
        let count = end.unwrap_or(there);
        let shown = count.min(self.most_elements() as usize);
        self.sink.pointer(addr, place.state);
        self.sink.open(Shape::Array);
        for i in 0..shown {
            self.sink.item(Shape::Array);
            let string = pointer(i).unwrap_or(0);
            self.string(string, when, self.style.max_string);
        }
        if shown < count || end.is_none() {
            self.sink.omitted(Shape::Array);
        }
        self.sink.close(Shape::Array);
        self.sink.end_pointer();
    }

    /// `0x7ffc… /* 24 vars */`
    pub fn environment(&mut self, addr: u64, when: When) {
        let word = self.word();
        let place = self.place(addr, usize::MAX, when);
        let there = place.bytes.len() / word;
        let end = (0..there).find(|&i| place.number(i * word, word) == Some(0));
        match (addr, end) {
            (0, _) => self.sink.null(),
            (_, Some(count)) => {
                let of = if count == 1 { "var" } else { "vars" };
                self.sink.counted(addr, place.state, count as u64, of);
            }
            _ => self.sink.address(addr, place.state),
        }
    }

    /// What a signal says about itself, by its code.
    pub fn signal_info(&mut self, place: Place<'a>) {
        let number = |at| place.number(at, 4).unwrap_or(0);
        let (signo, errno, code) = (number(0), number(4), number(8) as i32);
        self.sink.open(Shape::Struct);
        self.sink.member("si_signo");
        self.signal(Num::new(signo, 4, true));
        self.sink.member("si_code");
        match signal_code(signo, code) {
            Some(name) => self.sink.symbol(i64::from(code), name),
            None => self.sink.signed(i64::from(code)),
        }
        if errno != 0 {
            self.sink.member("si_errno");
            self.errno(Num::new(errno, 4, true));
        }
        let base = match self.call.abi {
            Abi::Native => 16,
            Abi::I386 => 12,
        };
        self.signal_fields(signo, code, place.part(base, usize::MAX));
        self.sink.close(Shape::Struct);
    }

    fn signal_fields(&mut self, signo: u64, code: i32, place: Place<'a>) {
        match (signo, code) {
            (_, SI_TIMER) => {
                self.fields(place, &[("si_timerid", 0), ("si_overrun", 4)]);
                self.signal_value(place, 8);
            }
            (_, SI_QUEUE | SI_MESGQ) => {
                self.fields(place, &[("si_pid", 0), ("si_uid", 4)]);
                self.signal_value(place, 8);
            }
            (_, 0 | SI_TKILL) => self.fields(place, &[("si_pid", 0), ("si_uid", 4)]),
            (SIGCHLD, 1..=6) => self.child(code, place),
            (SIGIO, 1..=6) => {
                let word = self.word();
                self.sink.member("si_band");
                self.sink.signed(signed(place, 0, word));
                self.sink.member("si_fd");
                self.sink.signed(signed(place, word, 4));
            }
            (SIGSYS, 1..) => self.blocked_call(place),
            (4 | SIGTRAP | 7 | 8 | 11, 1..) => {
                let addr = place.number(0, self.word()).unwrap_or(0);
                self.sink.member("si_addr");
                self.sink.address(addr, ArgState::NotRead);
            }
            _ => {}
        }
    }

    fn fields(&mut self, place: Place<'a>, fields: &[(&str, usize)]) {
        for &(name, at) in fields {
            self.sink.member(name);
            self.sink.signed(signed(place, at, 4));
        }
    }

    fn signal_value(&mut self, place: Place<'a>, at: usize) {
        if place.number(at, self.word()) != Some(0) {
            self.sink.member("si_value");
            self.signal_word(place.part(at, self.word()));
        }
    }

    /// `{sival_int=1, sival_ptr=0x1}`
    pub fn signal_word(&mut self, place: Place<'a>) {
        self.sink.open(Shape::Struct);
        self.sink.member("sival_int");
        self.sink.signed(signed(place, 0, 4));
        self.sink.member("sival_ptr");
        let pointer = place.number(0, self.word()).unwrap_or(0);
        self.sink.address(pointer, ArgState::NotRead);
        self.sink.close(Shape::Struct);
    }

    fn child(&mut self, code: i32, place: Place<'a>) {
        self.fields(place, &[("si_pid", 0), ("si_uid", 4)]);
        self.sink.member("si_status");
        match code {
            CLD_EXITED => self.sink.signed(signed(place, 8, 4)),
            _ => self.signal(Num::new(place.number(8, 4).unwrap_or(0), 4, true)),
        }
        let word = self.word();
        let times = 12usize.next_multiple_of(word);
        for (name, at) in [("si_utime", times), ("si_stime", times + word)] {
            self.sink.member(name);
            self.sink.signed(signed(place, at, word));
        }
    }

    fn blocked_call(&mut self, place: Place<'a>) {
        let word = self.word();
        let addr = place.number(0, word).unwrap_or(0);
        self.sink.member("si_call_addr");
        self.sink.address(addr, ArgState::NotRead);
        let nr = place.number(word, 4).unwrap_or(0);
        let arch = place.number(word + 4, 4).unwrap_or(0);
        let abi = match arch {
            0x4000_0003 => Abi::I386,
            _ => Abi::Native,
        };
        self.sink.member("si_syscall");
        match crate::tables::syscalls::name(abi, nr as u32) {
            Some(name) => self.sink.expression(nr as i64, |out| {
                out.extend_from_slice(b"__NR_");
                out.extend_from_slice(name.as_bytes());
            }),
            None => self.sink.unknown(nr, "__NR_"),
        }
        self.sink.member("si_arch");
        match arch {
            0x4000_0003 => self.sink.symbol(arch as i64, "AUDIT_ARCH_I386"),
            0xc000_003e => self.sink.symbol(arch as i64, "AUDIT_ARCH_X86_64"),
            0xc000_00b7 => self.sink.symbol(arch as i64, "AUDIT_ARCH_AARCH64"),
            _ => self.sink.unknown(arch, "AUDIT_ARCH_"),
        }
    }
}

fn signed(place: Place<'_>, at: usize, width: usize) -> i64 {
    super::walk::sign_extended(place.number(at, width).unwrap_or(0), width)
}

/// `{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}`
pub(super) fn wait_text(out: &mut Vec<u8>, status: u32) {
    let signal = u64::from(status & 0x7f);
    match status & 0xff {
        0 if status >> 16 == 0 => {
            out.extend_from_slice(b"{WIFEXITED(s) && WEXITSTATUS(s) == ");
            number::decimal(out, u64::from(status >> 8 & 0xff));
            out.push(b'}');
        }
        0x7f => stopped(out, status),
        0xff if status == 0xffff => out.extend_from_slice(b"{WIFCONTINUED(s)}"),
        _ if status >> 8 != 0 || signal == 0 => number::hex(out, u64::from(status)),
        _ => {
            out.extend_from_slice(b"{WIFSIGNALED(s) && WTERMSIG(s) == ");
            signal_name(out, signal);
            if status & 0x80 != 0 {
                out.extend_from_slice(b" && WCOREDUMP(s)");
            }
            out.push(b'}');
        }
    }
}

fn stopped(out: &mut Vec<u8>, status: u32) {
    let signal = u64::from(status >> 8 & 0xff);
    out.extend_from_slice(b"{WIFSTOPPED(s) && WSTOPSIG(s) == ");
    signal_name(out, signal & 0x7f);
    if signal & 0x80 != 0 {
        out.extend_from_slice(b" | 0x80");
    }
    out.push(b'}');
    let event = u64::from(status >> 16);
    if event != 0 {
        out.extend_from_slice(b" | ");
        match named("ptrace_event", event) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => number::hex(out, event),
        }
        out.extend_from_slice(b" << 16");
    }
}
