//! Which members of a struct are shown, and which structs have a way of their own.
//!
//! In: a struct, a member. Out: whether it is shown. Never decides anything when the style is verbose, but for members
//! that do not count at that end of the call.

use super::sink::{Shape, Sink};
use super::walk::{Num, Place, Scope, Walk};
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
    ("compat_stat", &["st_mode", "st_size", "st_rdev"]),
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

// linux/stat.h
const STATX_BTIME: u64 = 0x800;
const STATX_DIOALIGN: u64 = 0x2000;
// linux/fcntl.h
const F_GETLK: u32 = 5;
const F_GETLK64: u32 = 12;
const F_OFD_GETLK: u32 = 36;
const S_IFMT: u64 = 0o170_000;
const S_IFCHR: u64 = 0o020_000;
const S_IFBLK: u64 = 0o060_000;

/// Whether `stx_mask`, the first member of `struct statx`, has a bit.
fn has(statx: Place<'_>, bit: u64) -> bool {
    statx.number(0, 4).is_some_and(|mask| mask & bit != 0)
}

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
        if of.name == "clone_args" && !self.clone_has(of, field, place) {
            return Shown::No;
        }
        if of.name == "statx" && !statx_has(field, place) {
            return Shown::No;
        }
        match (of.name, field.name) {
            ("sigaction", "sa_restorer") => {
                let flags = place.number(self.word(), 4).unwrap_or(0);
                let used = flags & 0x0400_0000 != 0;
                return if used { Shown::Yes } else { Shown::No };
            }
            // The mask says what the file system has filled in.
            ("statx", "stx_btime") if !has(place, STATX_BTIME) => return Shown::No,
            ("statx", "stx_dio_mem_align" | "stx_dio_offset_align")
                if !has(place, STATX_DIOALIGN) =>
            {
                return Shown::No;
            }
            ("ipc64_perm" | "compat_ipc64_perm", "seq") => return Shown::No,
            // Who has a lock is told when somebody asks for it.
            (_, "l_pid") => {
                let command = self.arg(1).raw as u32;
                let asks = [F_GETLK, F_GETLK64, F_OFD_GETLK].contains(&command);
                return if asks { Shown::Yes } else { Shown::No };
            }
            ("msqid64_ds", "msg_cbytes") => return Shown::No,
            ("stat64", "__st_ino") => return Shown::No,
            ("io_uring_params", name) if when == When::Entry => {
                let asked = ["flags", "sq_thread_cpu", "sq_thread_idle"].contains(&name);
                return if asked { Shown::Yes } else { Shown::No };
            }
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

    /// Whether `clone3` looks at a member: the flags say so.
    fn clone_has(&self, of: &'static Struct, field: &Field, place: Place<'a>) -> bool {
        let flags = of
            .fields
            .first()
            .and_then(|_| place.number(0, 8))
            .unwrap_or(0);
        let set_tid_size = place.number(72, 8).unwrap_or(0);
        match field.name {
            "pidfd" => flags & 0x1000 != 0,
            "child_tid" => flags & 0x120_0000 != 0,
            "parent_tid" => flags & 0x10_0000 != 0,
            "tls" => flags & 0x8_0000 != 0,
            "set_tid" | "set_tid_size" => set_tid_size != 0,
            "cgroup" => flags & 0x2_0000_0000 != 0,
            _ => true,
        }
    }

    /// `{…, parent_tid=0x7f…, …} => {parent_tid=[12]}`: what the kernel wrote where members point to. False when it wrote nothing.
    fn clone_arguments_and_ids(
        &mut self,
        of: &'static Struct,
        place: Place<'a>,
        when: When,
    ) -> bool {
        const CLONE_PIDFD: u64 = 0x1000;
        const CLONE_PARENT_SETTID: u64 = 0x10_0000;
        let flags = place.number(0, 8).unwrap_or(0);
        let written = [
            ("pidfd", 8, CLONE_PIDFD),
            ("parent_tid", 24, CLONE_PARENT_SETTID),
        ];
        let id = |(name, at, flag): (&'static str, usize, u64)| {
            let addr = place.number(at, 8).filter(|_| flags & flag != 0)?;
            Some((name, self.number_at(addr, 4, When::Exit)?))
        };
        let ids = written.map(id);
        if ids == [None, None] {
            return false;
        }
        self.sink.before();
        self.sink.open(Shape::Struct);
        self.members(of, place, when);
        self.sink.close(Shape::Struct);
        self.sink.after();
        self.sink.open(Shape::Struct);
        for (name, id) in ids.into_iter().flatten() {
            self.sink.member(name);
            self.sink.open(Shape::Pointee);
            self.sink.signed(id as i32 as i64);
            self.sink.close(Shape::Pointee);
        }
        self.sink.close(Shape::Struct);
        self.sink.end_change();
        true
    }

    /// `{events=EPOLLIN, data={u32=5, u64=5}}`
    fn epoll_event(&mut self, of: &'static Struct, place: Place<'a>) {
        self.sink.open(Shape::Struct);
        if let Some(events) = of.fields.first() {
            self.sink.member(events.name);
            let num = Num::new(place.number(0, 4).unwrap_or(0), 4, false);
            self.value(events.what, num, Scope::NONE);
        }
        let data = place.number(4, 8).unwrap_or(0);
        self.sink.member("data");
        self.sink.open(Shape::Struct);
        self.sink.member("u32");
        self.sink.unsigned(data & 0xffff_ffff);
        self.sink.member("u64");
        self.sink.unsigned(data);
        self.sink.close(Shape::Struct);
        self.sink.close(Shape::Struct);
    }

    /// `UTIME_NOW` and `UTIME_OMIT` stand for the whole time.
    fn file_time(&mut self, of: &'static Struct, place: Place<'a>) -> bool {
        let Some(part) = of.fields.get(1) else {
            return false;
        };
        let abi = self.call.abi;
        let width = part.width.of(abi);
        let seconds = place.number(0, width);
        let Some(ns) = place.number(part.offset.of(abi), width) else {
            return false;
        };
        match ns {
            0x3fff_ffff => self.sink.symbol(ns as i64, "UTIME_NOW"),
            0x3fff_fffe => self.sink.symbol(ns as i64, "UTIME_OMIT"),
            _ => {
                let signed = |raw| super::walk::sign_extended(raw, width);
                let (seconds, ns) = (signed(seconds.unwrap_or(0)), signed(ns));
                self.sink.open(Shape::Struct);
                self.sink.member("tv_sec");
                self.sink.signed(seconds);
                self.sink.member("tv_nsec");
                self.sink.signed(ns);
                let total = i128::from(seconds) * 1_000_000_000 + i128::from(ns);
                self.sink.nanoseconds(total);
                self.sink.close(Shape::Struct);
            }
        }
        true
    }

    /// Structs whose members depend on more than the table can say.
    pub fn own_way(&mut self, of: &'static Struct, place: Place<'a>, when: When) -> bool {
        match of.name {
            "epoll_event" if place.bytes.len() >= 12 => self.epoll_event(of, place),
            "sched_param" if place.bytes.len() >= 4 => {
                self.sink.open(Shape::Pointee);
                self.sink
                    .signed(place.number(0, 4).unwrap_or(0) as i32 as i64);
                self.sink.close(Shape::Pointee);
            }
            "sock_filter" if place.bytes.len() >= 8 => self.filter_instruction(place),
            "sigval" if place.bytes.len() >= 4 => self.signal_word(place),
            "utimens" | "utimens32" => return self.file_time(of, place),
            "siginfo" | "siginfo_t" | "compat_siginfo" => self.signal_info(place),
            "clone_args" if self.succeeded() => {
                return self.clone_arguments_and_ids(of, place, when);
            }
            _ => return false,
        }
        true
    }
}

/// Structs whose members users know in another order than they lie in memory; members that are not named follow.
const ORDER: &[(&str, &[&str])] = &[
    ("ipc64_perm", &["uid", "gid", "mode", "key"]),
    (
        "shmid64_ds",
        &[
            "shm_perm",
            "shm_segsz",
            "shm_cpid",
            "shm_lpid",
            "shm_nattch",
        ],
    ),
    (
        "sigaction",
        &["sa_handler", "sa_mask", "sa_flags", "sa_restorer"],
    ),
    ("stat", STAT),
    ("compat_stat", STAT),
    ("stat64", STAT),
];
const STAT: &[&str] = &[
    "st_dev",
    "st_ino",
    "st_mode",
    "st_nlink",
    "st_uid",
    "st_gid",
    "st_blksize",
    "st_blocks",
];

/// The members of a struct in the order in which they are shown.
pub(super) fn order(of: &'static Struct) -> impl Iterator<Item = &'static Field> {
    let first = ORDER.iter().find(|(name, _)| *name == of.name);
    let first = first.map_or(&[][..], |(_, names)| names);
    let named = first
        .iter()
        .filter_map(|name| of.fields.iter().find(|field| field.name == *name));
    let others = of
        .fields
        .iter()
        .filter(|field| !first.contains(&field.name));
    named.chain(others)
}

/// What users call a member.
pub(super) fn shown_name(field: &'static Field, siblings: &'static [Field]) -> &'static str {
    match (siblings, field.name) {
        // struct sigset_argpack
        ([p, size], "p") if p.name == "p" && size.name == "size" => "sigmask",
        ([p, size], "size") if p.name == "p" && size.name == "size" => "sigsetsize",
        (_, name) => name,
    }
}

/// Whether `statx` has filled a member: the mask says so (linux/stat.h: `STATX_ATIME`, …, `STATX_DIOALIGN`).
fn statx_has(field: &Field, place: Place<'_>) -> bool {
    let flag = match field.name {
        "stx_atime" => 0x20,
        "stx_mtime" => 0x40,
        "stx_ctime" => 0x80,
        "stx_btime" => 0x800,
        "stx_dio_mem_align" | "stx_dio_offset_align" => 0x2000,
        _ => return true,
    };
    place.number(0, 4).is_none_or(|mask| mask & flag != 0)
}

/// Members that point to what the kernel writes, which is told behind the struct that they are in.
pub(super) fn told_behind(name: &str) -> bool {
    matches!(name, "pidfd" | "child_tid" | "parent_tid")
}

/// Members that are addresses, though they are not followed.
pub(super) fn is_address(name: &str) -> bool {
    matches!(name, "sa_restorer" | "ss_sp" | "stack" | "tls")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_structs_are_sorted() {
        assert!(SHORT.is_sorted_by_key(|(name, _)| name));
    }
}
