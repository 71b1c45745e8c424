//! Names of `si_code`: why a signal was sent.
//!
//! In: a signal's number and code. Out: the code's name. Never decodes a signal's other fields.
//!
//! Values: include/uapi/asm-generic/siginfo.h. Codes of 0 and below (and `SI_KERNEL`) belong to any signal, those above
//! to one.

use super::process::{SIGCHLD, SIGIO, SIGSYS, SIGTRAP};

/// Codes of any signal: 0, -1, -2, ….
const ANY: [&str; 9] = [
    "SI_USER",
    "SI_QUEUE",
    "SI_TIMER",
    "SI_MESGQ",
    "SI_ASYNCIO",
    "SI_SIGIO",
    "SI_TKILL",
    "SI_DETHREAD",
    "",
];
const ILL: &[&str] = &[
    "ILL_ILLOPC",
    "ILL_ILLOPN",
    "ILL_ILLADR",
    "ILL_ILLTRP",
    "ILL_PRVOPC",
    "ILL_PRVREG",
    "ILL_COPROC",
    "ILL_BADSTK",
    "ILL_BADIADDR",
];
const FPE: &[&str] = &[
    "FPE_INTDIV",
    "FPE_INTOVF",
    "FPE_FLTDIV",
    "FPE_FLTOVF",
    "FPE_FLTUND",
    "FPE_FLTRES",
    "FPE_FLTINV",
    "FPE_FLTSUB",
];
const SEGV: &[&str] = &[
    "SEGV_MAPERR",
    "SEGV_ACCERR",
    "SEGV_BNDERR",
    "SEGV_PKUERR",
    "SEGV_ACCADI",
    "SEGV_ADIDERR",
    "SEGV_ADIPERR",
    "SEGV_MTEAERR",
    "SEGV_MTESERR",
    "SEGV_CPERR",
];
const BUS: &[&str] = &[
    "BUS_ADRALN",
    "BUS_ADRERR",
    "BUS_OBJERR",
    "BUS_MCEERR_AR",
    "BUS_MCEERR_AO",
];
const TRAP: &[&str] = &[
    "TRAP_BRKPT",
    "TRAP_TRACE",
    "TRAP_BRANCH",
    "TRAP_HWBKPT",
    "TRAP_UNK",
    "TRAP_PERF",
];
const CLD: &[&str] = &[
    "CLD_EXITED",
    "CLD_KILLED",
    "CLD_DUMPED",
    "CLD_TRAPPED",
    "CLD_STOPPED",
    "CLD_CONTINUED",
];
const POLL: &[&str] = &[
    "POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP",
];
const SYS: &[&str] = &["SYS_SECCOMP", "SYS_USER_DISPATCH"];

/// The name of a signal's code, when it has one.
pub fn signal_code(signo: u64, code: i32) -> Option<&'static str> {
    let own = match signo {
        4 => ILL,
        SIGTRAP => TRAP,
        7 => BUS,
        8 => FPE,
        11 => SEGV,
        SIGCHLD => CLD,
        SIGIO => POLL,
        SIGSYS => SYS,
        _ => &[],
    };
    match code {
        0x80 => Some("SI_KERNEL"),
        1.. => own.get(code as usize - 1).copied(),
        -60 => Some("SI_ASYNCNL"),
        _ => {
            let name = ANY.get(code.unsigned_abs() as usize).copied();
            name.filter(|name| !name.is_empty())
        }
    }
}
