//! What lies in memory: structs, arrays, strings, data.
//!
//! In: an address or bytes of the image, and what lies there. Out: events. Never shows bytes that were not read: what
//! is missing is an address, or `...` where the rest was there.

use super::abbreviate::Shown;
use super::sink::{Shape, Sink};
use super::value::is_scalar;
use super::walk::{Num, Place, Scope, Walk};
use crate::tables::structs::{Field, Struct};
use crate::tables::what::{Elem, What};
use crate::types::call::{ArgState, When};

/// More is never asked for at once: a wrong length must not cost more than a page of text.
const LARGEST: u64 = 1 << 24;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// What stands at an address that is not null.
    pub fn behind(&mut self, elem: &'static Elem, addr: u64, when: When, scope: Scope<'a>) {
        let what = self.resolve(elem.what, scope);
        match what {
            What::Path => return self.string(addr, when, usize::MAX),
            What::Str => return self.string(addr, when, self.style.max_string),
            What::StrArray if self.argument == "envp" && !self.style.verbose => {
                return self.environment(addr, when);
            }
            What::StrArray => return self.strings(addr, when),
            What::None => return self.sink.address(addr, ArgState::NotRead),
            _ => {}
        }
        let Some(len) = self.size_of(what, elem, scope) else {
            return self.sink.address(addr, ArgState::NotRead);
        };
        let place = self.place(addr, len, when);
        if matches!(what, What::Sockaddr(_)) && len < 2 {
            return self.sink.address(addr, ArgState::NotRead);
        }
        // Of nothing nothing needs to be read.
        let readable = place.state.is_readable() || len == 0;
        if !readable || is_scalar(what) && place.bytes.len() < len {
            return self.sink.address(addr, place.state);
        }
        if let What::Dirents(_) | What::Dirents64(_) = what
            && !self.style.verbose
        {
            return self.count_entries(place, matches!(what, What::Dirents64(_)));
        }
        let state = if len == 0 { ArgState::Ok } else { place.state };
        self.sink.pointer(addr, state);
        if is_scalar(what) {
            self.sink.open(Shape::Pointee);
            self.thing(what, place, elem.signed, scope.at(when));
            self.sink.close(Shape::Pointee);
        } else {
            self.thing(what, place, elem.signed, scope.at(when));
        }
        self.sink.end_pointer();
    }

    /// Bytes to read for what stands behind a pointer; `None`: nobody knows.
    pub fn size(&self, elem: &'static Elem, scope: Scope<'a>) -> Option<usize> {
        self.size_of(self.resolve(elem.what, scope), elem, scope)
    }

    fn size_of(&self, what: What, elem: &'static Elem, scope: Scope<'a>) -> Option<usize> {
        let abi = self.call.abi;
        let bytes = |len| Some(self.len(len, scope)?.min(LARGEST) as usize);
        match what {
            What::Struct(of) => Some(of.size(abi)),
            What::Sized(of, len) => Some(bytes(len)?.min(of.size(abi))),
            What::Bytes(len) => Some(bytes(len)?.min(self.style.max_string)),
            What::Chars(len)
            | What::Sockaddr(len)
            | What::Cmsgs(len)
            | What::SigSet(len)
            | What::CpuSet(len)
            | What::Dirents(len)
            | What::Dirents64(len) => bytes(len),
            What::Array(of, len) => Some(bytes(len)?.saturating_mul(self.width(of, scope)?)),
            What::FdSet(len) | What::NodeSet(len) => Some(bytes(len)?.div_ceil(64) * 8),
            What::Iovec(len, _) => Some(bytes(len)?.min(1024) * 2 * self.word()),
            What::Msghdr(_) => Some(self.msghdr_size()),
            What::Mmsghdr(len, _) => Some(bytes(len)?.min(1024) * self.mmsghdr_size()),
            What::Ip6 => Some(16),
            _ => Some(elem.width.of(abi)).filter(|&width| width != 0),
        }
    }

    /// Bytes of an element.
    fn width(&self, elem: &'static Elem, scope: Scope<'a>) -> Option<usize> {
        match elem.width.of(self.call.abi) {
            0 => self.size(elem, scope).filter(|&size| size != 0),
            width => Some(width),
        }
    }

    /// What lies in these bytes.
    pub fn thing(&mut self, what: What, place: Place<'a>, is_signed: bool, scope: Scope<'a>) {
        match self.resolve(what, scope) {
            What::Path | What::Str => self.chars(place),
            What::Chars(len) => {
                let len = self.len(len, scope).unwrap_or(u64::MAX);
                self.chars(place.part(0, len.min(LARGEST) as usize));
            }
            What::Bytes(len) => self.data(place, self.len(len, scope)),
            What::Array(elem, len) => self.array(elem, place, self.len(len, scope), scope),
            What::Struct(of) => self.structure(of, place, scope.when),
            What::Sized(of, len) => {
                let len = self.len(len, scope).unwrap_or(u64::MAX);
                self.structure(of, place.part(0, len.min(LARGEST) as usize), scope.when);
            }
            What::Sockaddr(len) => {
                let len = self.len(len, scope).unwrap_or(u64::MAX);
                self.sockaddr(place.part(0, len.min(LARGEST) as usize));
            }
            What::Iovec(len, dir) => {
                let count = self.len(len, scope);
                self.iovecs(place, count, dir, self.output_len());
            }
            What::Msghdr(dir) => self.msghdr(place, dir, self.output_len()),
            What::Mmsghdr(_, dir) => self.mmsghdrs(place, dir, scope.when),
            What::Cmsgs(_) => self.control_messages(place),
            What::SigSet(_) => self.signal_set(place),
            What::FdSet(len) => self.descriptor_set(place, self.len(len, scope), scope.when),
            What::CpuSet(_) => self.bit_set(place, None),
            What::NodeSet(len) => self.bit_set(place, self.len(len, scope)),
            What::Dirents(_) => self.directory_entries(place, false),
            What::Dirents64(_) => self.directory_entries(place, true),
            What::Ip6 => self.ip6(place),
            what => self.number_in(what, place, is_signed, scope),
        }
    }

    fn number_in(&mut self, what: What, place: Place<'a>, is_signed: bool, scope: Scope<'a>) {
        let width = place.bytes.len().min(8);
        match place.number(0, width) {
            Some(raw) if width != 0 => self.value(what, Num::new(raw, width, is_signed), scope),
            _ => self.sink.address(place.addr, place.state),
        }
    }

    /// A NUL-terminated string, or its address.
    pub fn string(&mut self, addr: u64, when: When, most: usize) {
        let memory = self.call.string(addr, when);
        if !memory.state.is_readable() {
            return self.sink.address(addr, memory.state);
        }
        let shown = &memory.bytes[..memory.bytes.len().min(most)];
        let cut = shown.len() < memory.bytes.len() || memory.state == ArgState::Truncated;
        self.sink.pointer(addr, memory.state);
        self.sink.string(shown, cut);
        self.sink.end_pointer();
    }

    /// Text in a buffer: up to its NUL.
    pub fn chars(&mut self, place: Place<'a>) {
        let end = place.bytes.iter().position(|&b| b == 0);
        let text = &place.bytes[..end.unwrap_or(place.bytes.len())];
        let shown = &text[..text.len().min(self.style.max_string)];
        self.sink.string(shown, shown.len() < text.len());
    }

    /// Data, of which there are `len` bytes in all.
    pub fn data(&mut self, place: Place<'a>, len: Option<u64>) {
        let len = len.unwrap_or(place.bytes.len() as u64);
        let most = len.min(self.style.max_string as u64) as usize;
        let shown = &place.bytes[..place.bytes.len().min(most)];
        let cut = (shown.len() as u64) < len;
        // Attributes are texts whose NUL counts.
        let shown = match shown {
            [text @ .., 0] if !cut && self.argument == "value" => text,
            _ => shown,
        };
        match self.name {
            // Randomness is no text.
            "getrandom" => self.sink.hex_bytes(shown, cut),
            _ => self.sink.string(shown, cut),
        }
    }

    /// Things in a row.
    fn array(
        &mut self,
        elem: &'static Elem,
        place: Place<'a>,
        count: Option<u64>,
        scope: Scope<'a>,
    ) {
        let Some(width) = self.width(elem, scope) else {
            return self.sink.address(place.addr, place.state);
        };
        let there = place.bytes.len() / width;
        let count = count.unwrap_or(there as u64);
        let shown = there.min(count.min(self.most_elements()) as usize);
        self.sink.open(Shape::Array);
        for i in 0..shown {
            self.sink.item(Shape::Array);
            let one = place.part(i * width, width);
            self.thing(elem.what, one, elem.signed, scope);
        }
        if (shown as u64) < count {
            self.sink.omitted(Shape::Array);
        }
        self.sink.close(Shape::Array);
    }

    /// How many elements are shown.
    pub fn most_elements(&self) -> u64 {
        match self.style.verbose {
            true => LARGEST,
            false => self.style.max_string as u64,
        }
    }

    /// A struct; its members as far as they were read.
    pub fn structure(&mut self, of: &'static Struct, place: Place<'a>, when: When) {
        let place = place.part(0, of.size(self.call.abi));
        if self.own_way(of, place, when) {
            return;
        }
        self.sink.open(Shape::Struct);
        let whole = self.members(of, place, when);
        // Older programs know fewer members: what they did not pass is not missing.
        let cut = place.state == ArgState::Truncated;
        let short = place.bytes.len() < of.size(self.call.abi);
        if !whole && (cut || !short) {
            self.sink.omitted(Shape::Struct);
        }
        self.nanoseconds_of(of, place);
        self.sink.close(Shape::Struct);
    }

    /// The members of a struct, without braces; whether all are shown.
    pub fn members(&mut self, of: &'static Struct, place: Place<'a>, when: When) -> bool {
        let scope = Scope {
            fields: of.fields,
            place,
            when,
        };
        let mut whole = true;
        for field in super::abbreviate::order(of) {
            match self.shows(of, field, place, when) {
                Shown::Yes => {}
                Shown::No => continue,
                Shown::Omitted => {
                    whole = false;
                    continue;
                }
            }
            match self.member(field, scope) {
                true => {}
                false => return false,
            }
        }
        whole
    }

    /// A member; false when it was not read.
    fn member(&mut self, field: &'static Field, scope: Scope<'a>) -> bool {
        let abi = self.call.abi;
        let what = self.resolve(field.what, scope);
        let (offset, width) = (field.offset.of(abi), field.width.of(abi));
        let place = scope.place.part(offset, width);
        match what {
            What::None => return true,
            What::Struct(of) if field.name.is_empty() => {
                return self.members(of, place, scope.when);
            }
            _ => {}
        }
        let flexible = width == 0;
        let place = match flexible {
            // It goes on behind the struct.
            true => {
                let addr = scope.place.addr.wrapping_add(offset as u64);
                self.place(addr, usize::MAX, scope.when)
            }
            false => place,
        };
        if !flexible && place.bytes.len() < width {
            return false;
        }
        self.sink
            .member(super::abbreviate::shown_name(field, scope.fields));
        match what {
            // A filter is a program: short lines have its length only.
            What::Ptr(..) if field.name == "filter" && !self.style.verbose => {
                let addr = place.number(0, width.min(8)).unwrap_or(0);
                self.sink.address(addr, ArgState::NotRead);
            }
            // Told behind the struct: `clone_args`.
            What::Ptr(..) if super::abbreviate::told_behind(field.name) => {
                let addr = place.number(0, width.min(8)).unwrap_or(0);
                self.sink.address(addr, ArgState::NotRead);
            }
            What::Hex if super::abbreviate::is_address(field.name) => {
                let addr = place.number(0, width.min(8)).unwrap_or(0);
                self.sink.address(addr, ArgState::NotRead);
            }
            // A struct of its own to the C library.
            _ if field.name == "f_fsid" => {
                self.sink.open(Shape::Struct);
                self.sink.member("val");
                self.thing(what, place, field.signed, scope);
                self.sink.close(Shape::Struct);
            }
            _ if field.name == "c_cc" => self.control_characters(place),
            _ => self.thing(what, place, field.signed, scope),
        }
        true
    }

    /// Names the nanoseconds that a time amounts to.
    fn nanoseconds_of(&mut self, of: &'static Struct, place: Place<'a>) {
        let abi = self.call.abi;
        let [seconds, part] = of.fields else { return };
        let scale = match part.name {
            "tv_nsec" => 1,
            "tv_usec" => 1000,
            _ => return,
        };
        let number = |field: &Field| {
            let width = field.width.of(abi);
            let raw = place.number(field.offset.of(abi), width)?;
            Some(i128::from(super::walk::sign_extended(raw, width)))
        };
        if let (Some(seconds), Some(part)) = (number(seconds), number(part)) {
            let ns = seconds * 1_000_000_000 + part * scale;
            self.sink.nanoseconds(ns);
        }
    }

    /// Bytes that the call moved, for buffers that it filled only so far.
    fn output_len(&self) -> u64 {
        self.call.ret.max(0) as u64
    }
}
