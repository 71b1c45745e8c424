//! Constants of the kernel's user interface by name: `E*`, `O_*`, `SIG*`, `CLONE_*`, `AT_*`, `MAP_*`, ….
//!
//! In: `data/constants.txt`, at build time. Out: values by name. Never knows which set a constant is of.

include!(concat!(env!("OUT_DIR"), "/constants.rs"));

/// The value of a constant (sign-extended when negative: `AT_FDCWD`).
pub fn value(name: &str) -> Option<i64> {
    let at = CONSTANTS.binary_search_by_key(&name, |&(n, _)| n).ok()?;
    Some(CONSTANTS[at].1)
}

/// Value (sign-extended when negative) and name of the constant at a place of the table.
pub(super) fn at(place: u16) -> (u64, &'static str) {
    let (name, value) = CONSTANTS[usize::from(place)];
    (value as u64, name)
}

/// All names, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONSTANTS.iter().map(|&(name, _)| name)
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
