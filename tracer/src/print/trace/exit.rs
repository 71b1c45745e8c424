//! Ends of threads as strace shows them: `+++ exited with 1 +++`.
//!
//! In: a wait status (wait(2)). Out: text.

use crate::decode;
use crate::print::number;
use std::borrow::Cow;

/// How a thread ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exit(pub u64);

impl Exit {
    /// The signal that ended it.
    pub fn signal(self) -> Option<Cow<'static, str>> {
        match self.0 & 0x7f {
            0 => None,
            signal => Some(decode::signal_name(signal)),
        }
    }

    /// What it returned, when no signal ended it.
    pub fn code(self) -> u64 {
        self.0 >> 8 & 0xff
    }

    /// Whether a core was written.
    pub fn core(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// `+++ killed by SIGSEGV (core dumped) +++`
    pub fn write(self, out: &mut Vec<u8>) {
        match self.signal() {
            None => {
                out.extend_from_slice(b"+++ exited with ");
                number::decimal(out, self.code());
            }
            Some(name) => {
                out.extend_from_slice(b"+++ killed by ");
                out.extend_from_slice(name.as_bytes());
                if self.core() {
                    out.extend_from_slice(b" (core dumped)");
                }
            }
        }
        out.extend_from_slice(b" +++");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(status: u64) -> String {
        let mut out = Vec::new();
        Exit(status).write(&mut out);
        String::from_utf8(out).expect("ascii")
    }

    #[test]
    fn a_status_is_a_code_or_a_signal() {
        assert_eq!(text(0), "+++ exited with 0 +++");
        assert_eq!(text(0xff00), "+++ exited with 255 +++");
        assert_eq!(text(9), "+++ killed by SIGKILL +++");
        assert_eq!(text(0x8b), "+++ killed by SIGSEGV (core dumped) +++");
    }
}
