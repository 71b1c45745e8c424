//! Entries of directories: `linux_dirent` and `linux_dirent64`.
//!
//! In: what `getdents` wrote. Out: entries, or their number. Never walks by a length that leads outside.

use super::sink::{Shape, Sink};
use super::walk::{Num, Place, Walk};
use crate::types::call::ArgState;

/// Where the members of an entry are.
struct Layout {
    ino: usize,
    off: usize,
    reclen: usize,
    kind: Option<usize>,
    name: usize,
}

impl<'a, S: Sink> Walk<'_, 'a, S> {
    fn entry_layout(&self, is_64: bool) -> Layout {
        let word = self.word();
        match is_64 {
            true => Layout {
                ino: 8,
                off: 8,
                reclen: 16,
                kind: Some(18),
                name: 19,
            },
            false => Layout {
                ino: word,
                off: word,
                reclen: 2 * word,
                kind: None,
                name: 2 * word + 2,
            },
        }
    }

    /// `0x55… /* 5 entries */`
    pub fn count_entries(&mut self, place: Place<'a>, is_64: bool) {
        let layout = self.entry_layout(is_64);
        let mut rest = place;
        let mut count = 0;
        while let Some(len) = entry_len(rest, &layout) {
            count += 1;
            rest = rest.part(len, usize::MAX);
        }
        if place.state == ArgState::Truncated || !rest.bytes.is_empty() {
            return self.sink.address(place.addr, ArgState::Truncated);
        }
        let of = "entries";
        self.sink.counted(place.addr, ArgState::Ok, count, of);
    }

    /// All entries.
    pub fn directory_entries(&mut self, place: Place<'a>, is_64: bool) {
        let layout = self.entry_layout(is_64);
        let mut rest = place;
        self.sink.open(Shape::Array);
        while let Some(len) = entry_len(rest, &layout) {
            self.sink.item(Shape::Array);
            self.directory_entry(rest.part(0, len), &layout);
            rest = rest.part(len, usize::MAX);
        }
        if place.state == ArgState::Truncated || !rest.bytes.is_empty() {
            self.sink.omitted(Shape::Array);
        }
        self.sink.close(Shape::Array);
    }

    fn directory_entry(&mut self, entry: Place<'a>, layout: &Layout) {
        let number = |at, width| entry.number(at, width).unwrap_or(0);
        self.sink.open(Shape::Struct);
        self.sink.member("d_ino");
        self.sink.unsigned(number(0, layout.ino));
        self.sink.member("d_off");
        let off = number(layout.ino, layout.off);
        self.sink
            .signed(super::walk::sign_extended(off, layout.off));
        self.sink.member("d_reclen");
        self.sink.unsigned(number(layout.reclen, 2));
        let kind_at = layout.kind.unwrap_or(entry.bytes.len() - 1);
        let kind = Num::new(number(kind_at, 1), 1, false);
        let name = entry.part(layout.name, usize::MAX);
        let end = name.bytes.iter().position(|&b| b == 0);
        let name = &name.bytes[..end.unwrap_or(name.bytes.len())];
        // The newer layout has the type in front of the name.
        if layout.kind.is_some() {
            self.sink.member("d_type");
            self.entry_type(kind);
        }
        self.sink.member("d_name");
        self.sink.string(name, false);
        if layout.kind.is_none() {
            self.sink.member("d_type");
            self.entry_type(kind);
        }
        self.sink.close(Shape::Struct);
    }

    /// linux/fs_types.h.
    fn entry_type(&mut self, num: Num) {
        let name = match num.raw {
            0 => "DT_UNKNOWN",
            1 => "DT_FIFO",
            2 => "DT_CHR",
            4 => "DT_DIR",
            6 => "DT_BLK",
            8 => "DT_REG",
            10 => "DT_LNK",
            12 => "DT_SOCK",
            14 => "DT_WHT",
            _ => return self.sink.unknown(num.raw, "DT_"),
        };
        self.sink.symbol(num.raw as i64, name);
    }
}

/// Bytes of the first entry, if it is whole.
fn entry_len(place: Place<'_>, layout: &Layout) -> Option<usize> {
    let len = place.number(layout.reclen, 2)? as usize;
    (len > layout.name && len <= place.bytes.len()).then_some(len)
}
