//! Signals as strace shows them: `SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, …}`.
//!
//! In: what the kernel delivers (`kernel_siginfo`, as the script reads it). Out: text. Which fields a signal has follows from
//! its code (sigaction(2)).

use crate::decode;
use crate::types::Value;
use std::borrow::Cow;
use std::io::Write;

/// A delivered signal. Fields that the code does not have hold other fields' bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Signal {
    pub number: i64,
    pub code: i64,
    pub errno: i64,
    pub pid: i64,
    pub uid: u64,
    pub status: i64,
    pub utime: i64,
    pub stime: i64,
    pub address: u64,
}

impl Signal {
    /// From the script's values: see `trace::program`.
    pub fn of(values: &[Value]) -> Signal {
        let at = |n: usize| values.get(n).map_or(0, Value::bits);
        Signal {
            number: at(0) as i64,
            code: at(1) as i32 as i64,
            errno: at(2) as i32 as i64,
            pid: at(3) as i32 as i64,
            uid: at(4),
            status: at(5) as i32 as i64,
            utime: at(6) as i64,
            stime: at(7) as i64,
            address: at(8),
        }
    }

    pub fn name(&self) -> Cow<'static, str> {
        decode::signal_name(self.number as u64)
    }

    /// The code's name, when it has one.
    pub fn code_name(&self) -> Option<&'static str> {
        decode::call::signal_code(self.number as u64, self.code as i32)
    }

    /// `--- SIGCHLD {…} ---`
    pub fn write(&self, out: &mut Vec<u8>) {
        let name = self.name();
        // Writing to memory does not fail.
        let _ = write!(out, "--- {name} {{si_signo={name}, si_code=");
        let _ = match self.code_name() {
            Some(code) => out.write_all(code.as_bytes()),
            None => write!(out, "{}", self.code),
        };
        if self.errno != 0 {
            let errno = decode::errno_name(self.errno as u64);
            let _ = write!(out, ", si_errno={errno}");
        }
        self.fields(out);
        out.extend_from_slice(b"} ---");
    }

    fn fields(&self, out: &mut Vec<u8>) {
        let _ = match (self.code, &*self.name()) {
            (0x80, _) => Ok(()),
            (code, _) if code <= 0 && code != -2 && code != -5 => {
                write!(out, ", si_pid={}, si_uid={}", self.pid, self.uid)
            }
            (1.., "SIGCHLD") => self.child(out),
            (1.., "SIGILL" | "SIGFPE" | "SIGSEGV" | "SIGBUS" | "SIGTRAP") => match self.address {
                0 => write!(out, ", si_addr=NULL"),
                address => write!(out, ", si_addr={address:#x}"),
            },
            _ => Ok(()),
        };
    }

    fn child(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        write!(
            out,
            ", si_pid={}, si_uid={}, si_status=",
            self.pid, self.uid
        )?;
        match self.code {
            1 => write!(out, "{}", self.status)?,
            _ => write!(out, "{}", decode::signal_name(self.status as u64))?,
        }
        write!(out, ", si_utime=")?;
        ticks(out, self.utime)?;
        write!(out, ", si_stime=")?;
        ticks(out, self.stime)
    }
}

/// Time of a processor in clock ticks, of which Linux tells programs a hundred a second, whatever it counts itself.
fn ticks(out: &mut Vec<u8>, ticks: i64) -> std::io::Result<()> {
    match ticks {
        0 => write!(out, "0"),
        n => write!(out, "{n} /* {}.{:02} s */", n / 100, n % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(signal: Signal) -> String {
        let mut out = Vec::new();
        signal.write(&mut out);
        String::from_utf8(out).expect("ascii")
    }

    /// The lines are strace's for a child that exited, a kill, a null pointer and an alarm.
    #[test]
    fn fields_follow_from_the_code() {
        let signal = |number, code| Signal {
            number,
            code,
            pid: 12,
            uid: 3,
            status: 9,
            address: 0,
            ..Signal::default()
        };
        assert_eq!(
            text(signal(17, 1)),
            "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=12, si_uid=3, si_status=9, si_utime=0, si_stime=0} ---"
        );
        assert_eq!(
            text(signal(17, 2)),
            "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=12, si_uid=3, si_status=SIGKILL, si_utime=0, si_stime=0} ---"
        );
        assert_eq!(
            text(signal(15, 0)),
            "--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=12, si_uid=3} ---"
        );
        assert_eq!(
            text(signal(11, 1)),
            "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---"
        );
        assert_eq!(
            text(signal(14, 0x80)),
            "--- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---"
        );
    }
}
