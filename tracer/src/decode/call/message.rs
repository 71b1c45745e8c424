//! Messages of sockets and vectors of buffers: `iovec`, `msghdr`, `mmsghdr`, control messages.
//!
//! In: bytes of the structs. Out: events with what they point to. Never shows more of a buffer than the call moved.

use super::names::named;
use super::sink::{Shape, Sink};
use super::walk::{Num, Place, Walk};
use crate::tables::what::Dir;
use crate::types::call::{ArgState, When};

const SOL_IP: u64 = 0;
const SOL_SOCKET: u64 = 1;
const SCM_RIGHTS: u64 = 1;
const SCM_CREDENTIALS: u64 = 2;
const SCM_TIMESTAMP: u64 = 29;
const SCM_TIMESTAMPNS: u64 = 35;
const IP_TOS: u64 = 1;
const IP_TTL: u64 = 2;
const IP_PKTINFO: u64 = 8;

/// `struct user_msghdr`, as numbers.
struct Header {
    name: u64,
    name_len: u64,
    iov: u64,
    iov_len: u64,
    control: u64,
    control_len: u64,
    flags: u64,
}

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// Bytes of a `msghdr`.
    pub fn msghdr_size(&self) -> usize {
        7 * self.word()
    }

    /// Bytes of a `mmsghdr`.
    pub fn mmsghdr_size(&self) -> usize {
        8 * self.word()
    }

    /// A vector of buffers; of what the call filled, `moved` bytes in all.
    pub fn iovecs(&mut self, place: Place<'a>, count: Option<u64>, dir: Dir, moved: u64) {
        let width = 2 * self.word();
        let there = place.bytes.len() / width;
        let count = count.unwrap_or(there as u64);
        let shown = there.min(count.min(self.most_elements()) as usize);
        let mut left = match dir {
            Dir::In => u64::MAX,
            _ => moved,
        };
        self.sink.open(Shape::Array);
        for i in 0..shown {
            self.sink.item(Shape::Array);
            let base = place.number(i * width, width / 2).unwrap_or(0);
            let len = place.number(i * width + width / 2, width / 2).unwrap_or(0);
            self.iovec(base, len, left, dir);
            left = left.saturating_sub(len);
        }
        if (shown as u64) < count {
            self.sink.omitted(Shape::Array);
        }
        self.sink.close(Shape::Array);
    }

    fn iovec(&mut self, base: u64, len: u64, left: u64, dir: Dir) {
        self.sink.open(Shape::Struct);
        self.sink.member("iov_base");
        let filled = dir == Dir::In || self.succeeded();
        match base {
            0 => self.sink.null(),
            _ if !filled => self.sink.address(base, ArgState::NotRead),
            _ => self.buffer(base, len.min(left), dir),
        }
        self.sink.member("iov_len");
        self.sink.unsigned(len);
        self.sink.close(Shape::Struct);
    }

    /// Data behind an address that is not null.
    fn buffer(&mut self, addr: u64, len: u64, dir: Dir) {
        let when = match dir {
            Dir::In => When::Entry,
            _ => When::Exit,
        };
        let most = len.min(self.style.max_string as u64) as usize;
        let place = self.place(addr, most, when);
        if !place.state.is_readable() && most > 0 {
            return self.sink.address(addr, place.state);
        }
        self.sink.pointer(addr, place.state);
        self.data(place, Some(len));
        self.sink.end_pointer();
    }

    fn header(&self, place: Place<'a>) -> Header {
        let word = self.word();
        let number = |i, width| place.number(i * word, width).unwrap_or(0);
        Header {
            name: number(0, word),
            name_len: number(1, 4),
            iov: number(2, word),
            iov_len: number(3, word),
            control: number(4, word),
            control_len: number(5, word),
            flags: number(6, 4),
        }
    }

    /// A message at an address: what was sent, or what came.
    pub fn msghdr_at(&mut self, addr: u64, dir: Dir) {
        let before = self.place(addr, self.msghdr_size(), When::Entry);
        let after = self.place(addr, self.msghdr_size(), When::Exit);
        let shown = match dir {
            Dir::In => before,
            _ if self.succeeded() && after.state.is_readable() => after,
            _ => before,
        };
        if shown.bytes.len() < self.msghdr_size() {
            return self.sink.address(addr, shown.state);
        }
        self.sink.pointer(addr, shown.state);
        match dir != Dir::In && !self.succeeded() {
            true => self.name_len_alone(shown),
            false => {
                let len_before = before.number(self.word(), 4);
                let moved = self.call.ret.max(0) as u64;
                self.message(shown, dir, len_before, moved);
            }
        }
        self.sink.end_pointer();
    }

    /// Of a message that did not come, only the room for the name says something.
    fn name_len_alone(&mut self, place: Place<'a>) {
        let header = self.header(place);
        self.sink.open(Shape::Struct);
        self.sink.member("msg_namelen");
        self.sink.unsigned(header.name_len);
        self.sink.close(Shape::Struct);
    }

    /// A message that lies in memory.
    pub fn msghdr(&mut self, place: Place<'a>, dir: Dir, moved: u64) {
        self.message(place, dir, None, moved);
    }

    fn message(&mut self, place: Place<'a>, dir: Dir, len_before: Option<u64>, moved: u64) {
        let header = self.header(place);
        let when = match dir {
            Dir::In => When::Entry,
            _ => When::Exit,
        };
        self.sink.open(Shape::Struct);
        self.message_name(&header, len_before, when);
        self.sink.member("msg_iov");
        self.message_vector(&header, dir, moved);
        self.sink.member("msg_iovlen");
        self.sink.unsigned(header.iov_len);
        if header.control_len != 0 {
            self.sink.member("msg_control");
            self.message_control(&header, when);
        }
        self.sink.member("msg_controllen");
        self.sink.unsigned(header.control_len);
        self.sink.member("msg_flags");
        self.named_flags("msg_flags", Num::new(header.flags, 4, true));
        self.sink.close(Shape::Struct);
    }

    fn message_name(&mut self, header: &Header, len_before: Option<u64>, when: When) {
        self.sink.member("msg_name");
        let len = header.name_len.min(128) as usize;
        let place = self.place(header.name, len, when);
        match (header.name, len) {
            (0, _) => self.sink.null(),
            (_, 1..) if place.state.is_readable() => {
                self.sink.pointer(header.name, place.state);
                self.sockaddr(place);
                self.sink.end_pointer();
            }
            _ => self.sink.address(header.name, ArgState::NotRead),
        }
        self.sink.member("msg_namelen");
        match len_before {
            Some(before) if before != header.name_len && when == When::Exit => {
                self.sink.before();
                self.sink.unsigned(before);
                self.sink.after();
                self.sink.unsigned(header.name_len);
                self.sink.end_change();
            }
            _ => self.sink.unsigned(header.name_len),
        }
    }

    fn message_vector(&mut self, header: &Header, dir: Dir, moved: u64) {
        let len = header.iov_len.min(1024) as usize * 2 * self.word();
        let place = self.vector_place(header.iov, len);
        match header.iov {
            0 => self.sink.null(),
            _ if !place.state.is_readable() && len > 0 => {
                self.sink.address(header.iov, place.state);
            }
            _ => {
                self.sink.pointer(header.iov, place.state);
                self.iovecs(place, Some(header.iov_len), dir, moved);
                self.sink.end_pointer();
            }
        }
    }

    /// The kernel reads the vector itself at entry; who copied it only at exit has it too.
    fn vector_place(&self, addr: u64, len: usize) -> Place<'a> {
        let before = self.place(addr, len, When::Entry);
        match before.state.is_readable() {
            true => before,
            false => self.place(addr, len, When::Exit),
        }
    }

    fn message_control(&mut self, header: &Header, when: When) {
        let len = header.control_len.min(1 << 16) as usize;
        let place = self.place(header.control, len, when);
        match header.control {
            0 => self.sink.null(),
            _ if !place.state.is_readable() => self.sink.address(header.control, place.state),
            _ => {
                self.sink.pointer(header.control, place.state);
                self.control_messages(place);
                self.sink.end_pointer();
            }
        }
    }

    /// Several messages; of those that came, each with the bytes that came.
    pub fn mmsghdrs(&mut self, place: Place<'a>, dir: Dir, when: When) {
        let size = self.mmsghdr_size();
        let there = place.bytes.len() / size;
        let count = match dir {
            Dir::In => there,
            _ => there.min(self.call.ret.max(0) as usize),
        };
        let shown = count.min(self.most_elements() as usize);
        self.sink.open(Shape::Array);
        for i in 0..shown {
            let one = place.part(i * size, size);
            let len = one.number(self.msghdr_size(), 4).unwrap_or(0);
            self.sink.item(Shape::Array);
            self.sink.open(Shape::Struct);
            self.sink.member("msg_hdr");
            self.msghdr(one.part(0, self.msghdr_size()), dir, len);
            if when == When::Exit {
                self.sink.member("msg_len");
                self.sink.unsigned(len);
            }
            self.sink.close(Shape::Struct);
        }
        if shown < count {
            self.sink.omitted(Shape::Array);
        }
        self.sink.close(Shape::Array);
    }

    /// Control messages, one behind the other.
    pub fn control_messages(&mut self, place: Place<'a>) {
        let word = self.word();
        let head = word + 8;
        let mut rest = place;
        self.sink.open(Shape::Array);
        while let Some(len) = rest.number(0, word) {
            if rest.bytes.len() < head {
                break;
            }
            self.sink.item(Shape::Array);
            let len_used = (len.min(rest.bytes.len() as u64) as usize).max(head);
            self.control_message(rest.part(0, len_used), len);
            rest = rest.part(len_used.next_multiple_of(word), usize::MAX);
        }
        if !rest.bytes.is_empty() {
            self.sink.omitted(Shape::Array);
        }
        self.sink.close(Shape::Array);
    }

    fn control_message(&mut self, place: Place<'a>, len: u64) {
        let word = self.word();
        let level = place.number(word, 4).unwrap_or(0);
        let kind = place.number(word + 4, 4).unwrap_or(0);
        self.sink.open(Shape::Struct);
        self.sink.member("cmsg_len");
        self.sink.unsigned(len);
        self.sink.member("cmsg_level");
        self.named_number("sockopt_level", Num::new(level, 4, true), "SOL_");
        self.sink.member("cmsg_type");
        let kind_num = Num::new(kind, 4, true);
        match level {
            SOL_SOCKET => self.named_number("scm_type", kind_num, "SCM_"),
            SOL_IP => self.named_number("ip_option", kind_num, "IP_"),
            _ => self.sink.unknown(kind, ""),
        }
        let data = place.part(word + 8, usize::MAX);
        if !data.bytes.is_empty() {
            self.sink.member("cmsg_data");
            self.control_data(level, kind, data);
        }
        self.sink.close(Shape::Struct);
    }

    fn control_data(&mut self, level: u64, kind: u64, data: Place<'a>) {
        let number = |at| data.number(at, 4).unwrap_or(0);
        match (level, kind, data.bytes.len()) {
            (SOL_SOCKET, SCM_RIGHTS, 4..) => self.passed_descriptors(data),
            (SOL_SOCKET, SCM_CREDENTIALS, 12..) => {
                self.sink.open(Shape::Struct);
                for (name, at) in [("pid", 0), ("uid", 4), ("gid", 8)] {
                    self.sink.member(name);
                    self.sink.unsigned(number(at));
                }
                self.sink.close(Shape::Struct);
            }
            (SOL_SOCKET, SCM_TIMESTAMP, _) => self.time_in(data, "tv_usec", 1000),
            (SOL_SOCKET, SCM_TIMESTAMPNS, _) => self.time_in(data, "tv_nsec", 1),
            (SOL_IP, IP_TTL, 4..) => {
                self.sink.open(Shape::Array);
                self.sink.unsigned(number(0));
                self.sink.close(Shape::Array);
            }
            (SOL_IP, IP_TOS, 1..) => {
                self.sink.open(Shape::Array);
                self.sink.hex(u64::from(data.bytes[0]));
                self.sink.close(Shape::Array);
            }
            (SOL_IP, IP_PKTINFO, 12..) => self.packet_info(data),
            _ => self.data(data, None),
        }
    }

    fn passed_descriptors(&mut self, data: Place<'a>) {
        let when = match self.succeeded() {
            true => When::Exit,
            false => When::Entry,
        };
        self.sink.open(Shape::Array);
        for fd in data.bytes.chunks_exact(4) {
            self.sink.item(Shape::Array);
            let fd = u32::from_le_bytes([fd[0], fd[1], fd[2], fd[3]]);
            self.descriptor(Num::new(u64::from(fd), 4, true), when);
        }
        self.sink.close(Shape::Array);
    }

    fn packet_info(&mut self, data: Place<'a>) {
        self.sink.open(Shape::Struct);
        self.sink.member("ipi_ifindex");
        self.sink.unsigned(data.number(0, 4).unwrap_or(0));
        for (name, at) in [("ipi_spec_dst", 4), ("ipi_addr", 8)] {
            self.sink.member(name);
            self.ip4(Num::new(data.number(at, 4).unwrap_or(0), 4, false));
        }
        self.sink.close(Shape::Struct);
    }

    /// Seconds and a part of them, each a `long`.
    pub fn time_in(&mut self, data: Place<'a>, part: &str, scale: i128) {
        let width = data.bytes.len() / 2;
        let number = |at| {
            let raw = data.number(at, width.min(8)).unwrap_or(0);
            super::walk::sign_extended(raw, width)
        };
        let (seconds, rest) = (number(0), number(width));
        self.sink.open(Shape::Struct);
        self.sink.member("tv_sec");
        self.sink.signed(seconds);
        self.sink.member(part);
        self.sink.signed(rest);
        let ns = i128::from(seconds) * 1_000_000_000 + i128::from(rest) * scale;
        self.sink.nanoseconds(ns);
        self.sink.close(Shape::Struct);
    }

    /// A number by a set's name; with the family of its names when it has none.
    pub fn named_number(&mut self, set: &str, num: Num, family: &str) {
        match named(set, num.raw) {
            Some(name) => self.sink.symbol(num.value(), name),
            None => self.sink.unknown(num.raw, family),
        }
    }

    /// Flags by a set's name.
    pub fn named_flags(&mut self, set: &str, num: Num) {
        match crate::tables::sets::set(set) {
            Some(set) => self.flags(set, num),
            None => self.sink.hex(num.raw),
        }
    }
}
