//! Numbers with names: flags, enumerations, signals, errors, modes.
//!
//! In: a number and its set. Out: events. Never drops a bit: what has no name is written as a number.

use super::number;
use super::sink::Sink;
use super::walk::{Num, Walk};
use crate::tables::sets::{Part, PartKind, Set};
use crate::tables::{errno, signals};

const S_IFMT: u64 = 0o170_000;
/// sys/stat.h.
const FILE_TYPES: [(u64, &str); 7] = [
    (0o010_000, "S_IFIFO"),
    (0o020_000, "S_IFCHR"),
    (0o040_000, "S_IFDIR"),
    (0o060_000, "S_IFBLK"),
    (0o100_000, "S_IFREG"),
    (0o120_000, "S_IFLNK"),
    (0o140_000, "S_IFSOCK"),
];
const SPECIAL_BITS: [(u64, &str); 3] = [
    (0o4000, "S_ISUID"),
    (0o2000, "S_ISGID"),
    (0o1000, "S_ISVTX"),
];
/// The first realtime signal, as the kernel counts.
const SIGRTMIN: u64 = 32;
/// The last signal.
pub(super) const SIGNALS: u64 = 64;

impl<S: Sink> Walk<'_, '_, S> {
    /// One of the values of a set.
    pub fn enumeration(&mut self, set: &'static Set, num: Num) {
        if set.name == "ioprio" {
            return self.io_priority(num);
        }
        match enum_name(set, num) {
            Some(name) => self.sink.symbol(num.value(), name),
            None if !set.flags.is_empty() => self.flags(set, num),
            None if set.name.starts_with("rlimit") && set.name.ends_with("value") => {
                self.limit(num.raw);
            }
            None if set.name == "key_serial" => self.sink.signed(i64::from(num.raw as i32)),
            None if matches!(set.name, "handler" | "ipc_key") => self.sink.hex(num.raw),
            None if set.name == "syslog_action" => {
                self.sink.expression(num.value(), |out| {
                    number::signed(out, num.as_signed());
                    out.extend_from_slice(b" /* SYSLOG_ACTION_??? */");
                });
            }
            None => self.sink.unknown(num.raw, family(set)),
        }
    }

    /// `8192*1024`
    fn limit(&mut self, value: u64) {
        match value {
            1025.. if value.is_multiple_of(1024) => self.sink.expression(value as i64, |out| {
                number::decimal(out, value / 1024);
                out.extend_from_slice(b"*1024");
            }),
            _ => self.sink.unsigned(value),
        }
    }

    /// `IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)`
    fn io_priority(&mut self, num: Num) {
        let classes = ["NONE", "RT", "BE", "IDLE"];
        let class = classes.get((num.raw as u32 >> 13) as usize);
        self.sink.expression(num.value(), |out| {
            out.extend_from_slice(b"IOPRIO_PRIO_VALUE(");
            match class {
                Some(class) => {
                    out.extend_from_slice(b"IOPRIO_CLASS_");
                    out.extend_from_slice(class.as_bytes());
                }
                None => number::hex(out, num.raw as u32 as u64 >> 13),
            }
            out.extend_from_slice(b", ");
            number::decimal(out, num.raw & 0x1fff);
            out.push(b')');
        });
    }

    /// `FUTEX_WAKE_PRIVATE|FUTEX_CLOCK_REALTIME`
    fn futex_operation(&mut self, set: &'static Set, num: Num) {
        const PRIVATE: u64 = 128;
        const CLOCK_REALTIME: u64 = 256;
        let rest = num.raw & !(PRIVATE | CLOCK_REALTIME);
        let Some(name) = named(set.name, rest) else {
            return self.sink.unknown(num.raw, "FUTEX_");
        };
        self.sink.flags(num.raw);
        self.sink.flag_text(|out| {
            out.extend_from_slice(name.as_bytes());
            if num.raw & PRIVATE != 0 {
                out.extend_from_slice(b"_PRIVATE");
            }
        });
        if num.raw & CLOCK_REALTIME != 0 {
            self.sink.flag("FUTEX_CLOCK_REALTIME");
        }
        self.sink.end_flags();
    }

    /// Flags, with the parts that are enumerations first.
    pub fn flags(&mut self, set: &'static Set, num: Num) {
        if set.name == "futex_op" {
            return self.futex_operation(set, num);
        }
        let mut rest = num.raw;
        if !is_known(set, num) {
            return self.sink.unknown(num.raw, family(set));
        }
        self.sink.flags(num.raw);
        let permissions = |part: &Part| matches!(part.kind, PartKind::Octal);
        if num.raw == 0 && set.parts.iter().any(permissions) {
            self.sink.flag_text(|out| out.extend_from_slice(b"000"));
            return self.sink.end_flags();
        }
        if num.raw == 0
            && let Some((_, name)) = set.zero.iter().next()
        {
            self.sink.flag(name);
            return self.sink.end_flags();
        }
        for part in set.parts {
            self.named_part(part, num, &mut rest);
        }
        self.set_flags(set, num, &mut rest);
        for part in set.parts {
            self.other_part(part, &mut rest);
        }
        if rest != 0 {
            self.sink.rest(rest);
        }
        self.sink.end_flags();
    }

    /// The flags that are set, in the set's order; a group of bits stands for its bits.
    fn set_flags(&mut self, set: &'static Set, num: Num, rest: &mut u64) {
        let is_set = |value: u64| value != 0 && *rest & value == value;
        let grouped = |single: u64| {
            set.flags.iter().any(|(group, _)| {
                let group = super::walk::cut(group, num.width);
                group != single && group & single == single && is_set(group)
            })
        };
        let mut shown = 0;
        for (value, name) in set.flags.iter() {
            let value = super::walk::cut(value, num.width);
            if is_set(value) && !grouped(value) {
                self.sink.flag(name);
                shown |= value;
            }
        }
        *rest &= !shown;
    }

    fn named_part(&mut self, part: &Part, num: Num, rest: &mut u64) {
        let PartKind::Values(names) = part.kind else {
            return;
        };
        let value = num.raw & part.mask;
        if let Some(name) = names.find(value) {
            self.sink.flag(name);
            *rest &= !part.mask;
        }
    }

    fn other_part(&mut self, part: &Part, rest: &mut u64) {
        let value = *rest & part.mask;
        if value == 0 {
            return;
        }
        match part.kind {
            PartKind::Values(_) => return,
            PartKind::Shifted(shift, name) => self.sink.flag_text(|out| {
                number::decimal(out, value >> shift);
                out.extend_from_slice(b"<<");
                out.extend_from_slice(name.as_bytes());
            }),
            PartKind::Signal => self.sink.flag_text(|out| signal_name(out, value)),
            PartKind::Octal => self.sink.flag_text(|out| {
                out.push(b'0');
                number::digits(out, value, 8, 3);
            }),
        }
        *rest &= !part.mask;
    }

    /// A signal's number.
    pub fn signal(&mut self, num: Num) {
        match (signals::name(num.raw), num.raw) {
            (Some(name), _) => self.sink.symbol(num.value(), name),
            (None, SIGRTMIN..=SIGNALS) => {
                let text = |out: &mut Vec<u8>| signal_name(out, num.raw);
                self.sink.expression(num.value(), text);
            }
            _ => self.sink.signed(num.as_signed()),
        }
    }

    /// A positive error number.
    pub fn errno(&mut self, num: Num) {
        match errno::name(num.raw) {
            Some(name) => self.sink.symbol(num.value(), name),
            None => self.sink.signed(num.as_signed()),
        }
    }

    /// A file's mode: with its type by name, without as permissions alone.
    pub fn mode(&mut self, mode: u64) {
        let kind = FILE_TYPES.iter().find(|(bits, _)| mode & S_IFMT == *bits);
        let Some((_, kind)) = kind else {
            return self.sink.octal(mode, 3);
        };
        self.sink.flags(mode);
        self.sink.flag(kind);
        let mut rest = mode & !S_IFMT;
        for (bit, name) in SPECIAL_BITS.iter().filter(|(bit, _)| mode & bit != 0) {
            self.sink.flag(name);
            rest &= !bit;
        }
        self.sink.flag_text(|out| {
            out.push(b'0');
            number::digits(out, rest, 8, 3);
        });
        self.sink.end_flags();
    }

    /// A device's number as `stat(2)` packs it: `makedev(0x8, 0x1)`.
    pub fn device(&mut self, dev: u64) {
        let major = dev >> 8 & 0xfff | dev >> 32 & 0xffff_f000;
        let minor = dev & 0xff | dev >> 12 & 0xffff_ff00;
        self.sink.expression(dev as i64, |out| {
            out.extend_from_slice(b"makedev(");
            number::hex(out, major);
            out.extend_from_slice(b", ");
            number::hex(out, minor);
            out.extend_from_slice(b")");
        });
    }
}

/// `SIGKILL`, `SIGRTMIN`, `SIGRT_2`; else the number.
pub(super) fn signal_name(out: &mut Vec<u8>, signal: u64) {
    match (signals::name(signal), signal) {
        (Some(name), _) => out.extend_from_slice(name.as_bytes()),
        (None, SIGRTMIN) => out.extend_from_slice(b"SIGRTMIN"),
        (None, SIGRTMIN..=SIGNALS) => {
            out.extend_from_slice(b"SIGRT_");
            number::decimal(out, signal - SIGRTMIN);
        }
        (None, _) => number::decimal(out, signal),
    }
}

/// The name of exactly that value.
pub(super) fn enum_name(set: &Set, num: Num) -> Option<&'static str> {
    set.parts.iter().find_map(|part| match part.kind {
        PartKind::Values(names) if part.mask & num.raw == num.raw => names
            .find(num.raw)
            // Values below zero stand sign-extended in the table.
            .or_else(|| names.find(num.as_signed() as u64))
            // A key's number may stand in a wider register.
            .or_else(|| names.find(i64::from(num.raw as i32) as u64)),
        _ => None,
    })
}

/// Whether there is a name for any of the bits.
fn is_known(set: &Set, num: Num) -> bool {
    if num.raw == 0 {
        return true;
    }
    let named = |part: &Part| match part.kind {
        PartKind::Values(names) => names.find(num.raw & part.mask).is_some(),
        _ => num.raw & part.mask != 0,
    };
    set.parts.iter().any(named)
        || set.flags.iter().any(|(value, _)| {
            let value = super::walk::cut(value, num.width);
            value != 0 && num.raw & value == value
        })
}

/// What the names of a set begin with: `AF_`. Most of them, when some are strangers.
fn family(set: &Set) -> &'static str {
    let parts = set.parts.iter().filter_map(|part| match part.kind {
        PartKind::Values(names) => Some(names),
        _ => None,
    });
    let mut first = parts.chain([set.flags]).flat_map(|names| names.iter());
    let Some((_, name)) = first.next() else {
        return "";
    };
    let common = first.fold(name, |common, (_, other)| {
        let same = common.bytes().zip(other.bytes());
        let len = same.take_while(|(a, b)| a == b).count();
        match common[..len].rfind('_') {
            Some(end) => &common[..=end],
            None => common,
        }
    });
    // A single name says nothing about where its family's part ends.
    let end = match common == name {
        true => common.find('_'),
        false => common.rfind('_'),
    };
    end.map_or("", |end| &common[..=end])
}

/// The name of a value in a set, by the set's name.
pub(super) fn named(set: &str, value: u64) -> Option<&'static str> {
    let set = crate::tables::sets::set(set)?;
    let in_parts = set.parts.iter().find_map(|part| match part.kind {
        PartKind::Values(names) => names.find(value),
        _ => None,
    });
    let in_flags = || set.flags.iter().find(|&(v, _)| v == value);
    in_parts.or_else(|| Some(in_flags()?.1))
}
