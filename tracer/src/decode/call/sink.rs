//! What decoding says: the events that a text line and a JSON object are both made of.
//!
//! In: nothing. Out: the trait [`Sink`]. Never knows what a call is.

use crate::types::call::{ArgState, Descriptor};

/// Things that hold others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Elements in a row: `[1, 2]`.
    Array,
    /// Members with names: `{fd=3}`.
    Struct,
    /// Names or numbers: `[INT CHLD]`.
    Set,
    /// All but these: `~[INT]`.
    Complement,
    /// The number that a pointer points to: `[28]`.
    Pointee,
}

/// Receives one call's values in order.
pub(super) trait Sink {
    /// An element of the open array or set comes.
    fn item(&mut self, shape: Shape);
    /// A member of the open struct comes.
    fn member(&mut self, name: &str);
    /// The same, with a name for text (which may be empty) and one for JSON.
    fn member_as(&mut self, in_text: &str, in_json: &str);
    /// An argument comes; `shown`: text has its name too.
    fn argument(&mut self, name: &str, shown: bool);
    /// A part of what came of the call comes, behind its result.
    fn outcome(&mut self, name: &str);
    /// Something that holds others comes.
    fn open(&mut self, shape: Shape);
    /// It is done.
    fn close(&mut self, shape: Shape);
    /// Members or elements follow that are not shown.
    fn omitted(&mut self, shape: Shape);

    /// A number, signed.
    fn signed(&mut self, value: i64);
    /// A number, unsigned.
    fn unsigned(&mut self, value: u64);
    /// A number best read in base 16.
    fn hex(&mut self, value: u64);
    /// The same, 0 too.
    fn hex_always(&mut self, value: u64);
    /// A number best read in base 8, at least so many digits.
    fn octal(&mut self, value: u64, digits: usize);
    /// A number with a name.
    fn symbol(&mut self, raw: i64, name: &str);
    /// A number whose names are unknown: `0x63 /* AF_??? */`.
    fn unknown(&mut self, raw: u64, family: &str);
    /// A word of a set.
    fn word(&mut self, name: &str);
    /// A number written as an expression: `makedev(0x8, 0x1)`.
    fn expression(&mut self, raw: i64, text: impl FnOnce(&mut Vec<u8>));
    /// The same around bytes: `inet_addr("127.0.0.1")`; JSON has what is quoted.
    fn quoted(&mut self, before: &str, text: &[u8], after: &str);
    /// Flags come: [`Sink::flag`], [`Sink::rest`].
    fn flags(&mut self, raw: u64);
    /// A flag that is set.
    fn flag(&mut self, name: &str);
    /// Bits without a name.
    fn rest(&mut self, bits: u64);
    /// Something else that is part of the flags.
    fn flag_text(&mut self, text: impl FnOnce(&mut Vec<u8>));
    /// No more flags.
    fn end_flags(&mut self);

    /// Text or data; `cut`: there was more.
    fn string(&mut self, bytes: &[u8], cut: bool);
    /// Data that is no text: `"\x1f\x00"`.
    fn hex_bytes(&mut self, bytes: &[u8], cut: bool);
    /// A null pointer.
    fn null(&mut self);
    /// An address whose memory is not shown.
    fn address(&mut self, addr: u64, state: ArgState);
    /// An address whose memory follows.
    fn pointer(&mut self, addr: u64, state: ArgState);
    /// That was the memory.
    fn end_pointer(&mut self);
    /// What stood there before comes, and then what stood there afterwards.
    fn before(&mut self);
    /// Now what stood there afterwards.
    fn after(&mut self);
    /// That was both.
    fn end_change(&mut self);
    /// A descriptor, and what it stood for if that is known and wanted.
    fn descriptor(&mut self, fd: i32, known: Option<&Descriptor<'_>>, full: bool);
    /// The directory that paths begin at.
    fn cwd(&mut self, known: Option<&Descriptor<'_>>, full: bool);
    /// A remark in numbers: `/* 24 vars */` behind an address.
    fn counted(&mut self, addr: u64, state: ArgState, count: u64, of: &str);
    /// Nanoseconds that the members just shown amount to.
    fn nanoseconds(&mut self, ns: i128);
}
