//! Sets as bits in memory: signals, descriptors, CPUs, memory nodes.
//!
//! In: bytes. Out: the members of the set. Never shows a bit behind the set's length.

use super::names::{SIGNALS, signal_name};
use super::sink::{Shape, Sink};
use super::walk::{Num, Place, Walk};
use crate::types::call::When;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// `[INT CHLD]`; when more than two thirds are in it `~[KILL STOP]`.
    pub fn signal_set(&mut self, place: Place<'a>) {
        let mask = place.number(0, place.bytes.len().min(8)).unwrap_or(0);
        self.signal_mask(mask);
    }

    /// The same of a number: bit 0 is signal 1.
    pub fn signal_mask(&mut self, mask: u64) {
        let inverted = u64::from(mask.count_ones()) * 3 >= SIGNALS * 2;
        let (shape, mask) = match inverted {
            true => (Shape::Complement, !mask),
            false => (Shape::Set, mask),
        };
        self.sink.open(shape);
        for signal in (1..=SIGNALS).filter(|signal| mask >> (signal - 1) & 1 != 0) {
            self.sink.item(shape);
            // In sets signals stand without their `SIG`.
            let mut text = [0u8; 16];
            let name = short_name(&mut text, signal);
            self.sink.word(name);
        }
        self.sink.close(shape);
    }

    /// Descriptors below `count` (select).
    pub fn descriptor_set(&mut self, place: Place<'a>, count: Option<u64>, when: When) {
        self.sink.open(Shape::Set);
        for fd in bits(place.bytes, count) {
            self.sink.item(Shape::Set);
            self.descriptor(Num::new(fd, 4, true), when);
        }
        self.sink.close(Shape::Set);
    }

    /// Numbers: CPUs, memory nodes.
    pub fn bit_set(&mut self, place: Place<'a>, count: Option<u64>) {
        self.sink.open(Shape::Set);
        for bit in bits(place.bytes, count) {
            self.sink.item(Shape::Set);
            self.sink.unsigned(bit);
        }
        self.sink.close(Shape::Set);
    }
}

/// The numbers of the bits that are set.
fn bits(bytes: &[u8], count: Option<u64>) -> impl Iterator<Item = u64> {
    let all = (bytes.len() as u64) * 8;
    let end = count.unwrap_or(all).min(all);
    (0..end).filter(move |bit| bytes[(bit / 8) as usize] >> (bit % 8) & 1 != 0)
}

/// `INT`, `RT_2`.
fn short_name(text: &mut [u8; 16], signal: u64) -> &str {
    if let Some(name) = crate::tables::signals::name(signal) {
        return name.strip_prefix("SIG").unwrap_or(name);
    }
    let mut name = Vec::with_capacity(text.len());
    signal_name(&mut name, signal);
    let short = name.strip_prefix(b"SIG").unwrap_or(&name);
    let len = short.len().min(text.len());
    text[..len].copy_from_slice(&short[..len]);
    std::str::from_utf8(&text[..len]).unwrap_or_default()
}
