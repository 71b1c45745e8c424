//! Constants of the kernel's user interface by name: `E*`, `O_*`, `SIG*`, `CLONE_*`, `AT_*`, `MAP_*`, ….
//!
//! In: `data/constants.txt`, at build time: all names in one text (nothing to relocate), their ends, their values.
//! Out: values by name. Never knows which set a constant is of.

use std::cmp::Ordering;

include!(concat!(env!("OUT_DIR"), "/constants.rs"));

/// The name at a place.
fn name(place: usize) -> &'static str {
    let start = place.checked_sub(1).map_or(0, |before| ENDS[before]);
    &NAMES[start as usize..ENDS[place] as usize]
}

/// The value of a constant (sign-extended when negative: `AT_FDCWD`).
pub fn value(wanted: &str) -> Option<i64> {
    let (mut low, mut high) = (0, PUBLIC);
    while low < high {
        let middle = low.midpoint(high);
        match name(middle).cmp(wanted) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Some(VALUES[middle]),
            Ordering::Greater => high = middle,
        }
    }
    None
}

/// Value (sign-extended when negative) and name of the constant at a place of the table, by which sets and commands
/// of ioctl refer to it.
pub(super) fn at(place: u16) -> (u64, &'static str) {
    let place = usize::from(place);
    (VALUES[place] as u64, name(place))
}

/// All names, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    (0..PUBLIC).map(name)
}

#[cfg(test)]
mod tests {
    use super::value;

    /// Checked against libc, whose values come from other hands than the table's.
    #[test]
    fn values_are_those_of_libc() {
        macro_rules! same {
            ($($name:ident)*) => {
                $(assert_eq!(value(stringify!($name)), Some(i64::from(libc::$name)), stringify!($name));)*
            };
        }
        same!(ENOENT EBADF EAGAIN O_CLOEXEC O_DIRECTORY O_PATH AT_FDCWD AT_EMPTY_PATH SIGKILL SIGCHLD CLONE_VM
            CLONE_NEWUSER MAP_ANONYMOUS MAP_FIXED PROT_EXEC AF_INET6 AF_NETLINK SOCK_SEQPACKET EPOLL_CTL_MOD
            EPOLLONESHOT FUTEX_PRIVATE_FLAG PR_SET_NAME PTRACE_SEIZE S_IFSOCK MSG_NOSIGNAL SO_REUSEPORT F_DUPFD_CLOEXEC
            CLOCK_BOOTTIME RLIMIT_NOFILE MADV_DONTNEED MFD_CLOEXEC GRND_NONBLOCK);
        assert_eq!(value("NO_SUCH_NAME"), None);
    }
}
