//! Names of signals by number (x86; signal(7), asm/signal.h).
//!
//! In: nothing. Out: look-ups by number and by name. The realtime signals have no names: each program gives
//! them its own meaning. Never decodes a value.

/// By number, from 1. Of two names for one number the one that is more than history.
const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// `SIGKILL` for 9.
pub fn name(signal: u64) -> Option<&'static str> {
    let at = usize::try_from(signal).ok()?.checked_sub(1)?;
    SIGNALS.get(at).copied()
}

/// 9 for `SIGKILL`.
pub fn number(name: &str) -> Option<u64> {
    let at = SIGNALS.iter().position(|&n| n == name)?;
    Some(at as u64 + 1)
}

/// All names, by number.
pub fn names() -> impl Iterator<Item = &'static str> {
    SIGNALS.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::constants;

    /// The constants come from the kernel's headers, this table was written by hand.
    #[test]
    fn numbers_are_those_of_the_constants() {
        for name in names() {
            let value = constants::value(name).and_then(|v| u64::try_from(v).ok());
            assert_eq!(number(name), value, "{name}");
        }
    }

    #[test]
    fn what_has_no_name_is_none() {
        assert_eq!([name(0), name(32), name(u64::MAX)], [None; 3]);
        assert_eq!((name(9), name(31)), (Some("SIGKILL"), Some("SIGSYS")));
        assert_eq!(number("KILL"), None);
    }
}
