//! Which members of a struct are shown, and which structs have a way of their own.
//!
//! In: a struct, a member. Out: whether it is shown. Never decides anything when the style is verbose, but for members
//! that do not count at that end of the call.

use super::sink::Sink;
use super::walk::{Place, Walk};
use crate::tables::structs::{Field, Struct};
use crate::types::call::When;

/// Whether a member is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// It is.
    Yes,
    /// It has no meaning here.
    No,
    /// It is left out to keep the line short.
    Omitted,
}

/// Structs of which a short line shows these members only. The choice is strace's, which users know.
const SHORT: &[(&str, &[&str])] = &[
    (
        "io_uring_params",
        &[
            "flags",
            "sq_thread_cpu",
            "sq_thread_idle",
            "sq_entries",
            "cq_entries",
            "features",
            "sq_off",
            "cq_off",
            "wq_fd",
        ],
    ),
    ("ktermios", &["c_iflag", "c_oflag", "c_cflag", "c_lflag"]),
    ("new_utsname", &["sysname", "nodename"]),
    (
        "perf_event_attr",
        &[
            "type",
            "size",
            "config",
            "sample_period",
            "sample_freq",
            "sample_type",
            "read_format",
            "precise_ip",
        ],
    ),
    ("rusage", &["ru_utime", "ru_stime"]),
    ("stat", &["st_mode", "st_size", "st_rdev"]),
    ("stat64", &["st_mode", "st_size", "st_rdev"]),
    (
        "statx",
        &["stx_mask", "stx_attributes", "stx_mode", "stx_size"],
    ),
    ("termios", &["c_iflag", "c_oflag", "c_cflag", "c_lflag"]),
    ("termios2", &["c_iflag", "c_oflag", "c_cflag", "c_lflag"]),
];

const S_IFMT: u64 = 0o170_000;
const S_IFCHR: u64 = 0o020_000;
const S_IFBLK: u64 = 0o060_000;

impl<'a, S: Sink> Walk<'_, 'a, S> {
    /// Whether a member is shown.
    pub fn shows(
        &self,
        of: &'static Struct,
        field: &'static Field,
        place: Place<'a>,
        when: When,
    ) -> Shown {
        // Devices have a number and other files a size.
        if field.name == "st_rdev" || field.name == "st_size" {
            let is_device = self.is_device(of, place);
            if is_device != (field.name == "st_rdev") {
                return match self.style.verbose {
                    true => Shown::No,
                    false => Shown::Omitted,
                };
            }
        }
        match (of.name, field.name) {
            ("pollfd", "revents") if when == When::Entry => return Shown::No,
            ("pollfd", "events") if when == When::Exit => return Shown::No,
            _ if self.style.verbose => return Shown::Yes,
            _ => {}
        }
        match SHORT.binary_search_by_key(&of.name, |(name, _)| name) {
            Ok(at) if !SHORT[at].1.contains(&field.name) => Shown::Omitted,
            _ => Shown::Yes,
        }
    }

    fn is_device(&self, of: &'static Struct, place: Place<'a>) -> bool {
        let abi = self.call.abi;
        let mode = of.fields.iter().find(|field| field.name == "st_mode");
        let number = |field: &Field| place.number(field.offset.of(abi), field.width.of(abi));
        let kind = mode.and_then(number).unwrap_or(0) & S_IFMT;
        kind == S_IFCHR || kind == S_IFBLK
    }

    /// Structs whose members depend on more than the table can say.
    pub fn own_way(&mut self, of: &'static Struct, place: Place<'a>) -> bool {
        match of.name {
            "siginfo" | "siginfo_t" | "compat_siginfo" => self.signal_info(place),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_structs_are_sorted() {
        assert!(SHORT.is_sorted_by_key(|(name, _)| name));
    }
}
