//! Exit statuses of a check, as `git bisect run` takes them.
//!
//! In: verdicts and troubles. Out: a status. Never 1 for anything but bad: git takes every status from 1 to 127 but 125 for
//! bad, and stops at 128 and above. Troubles lie above 192, so that none looks like the end by a signal (128 + number).

use super::super::failure::Failure;
use crate::diag::{Code, Severity, codes};
use crate::ir::Verdict;
use crate::session::{self, Script, voice};
use std::process::ExitCode;

/// Why there is no verdict at all.
#[derive(Debug)]
pub struct Trouble {
    /// Its status.
    pub status: Harness,
    /// A sentence, or a script's diagnostics with their line breaks.
    pub said: String,
}

/// Statuses that stop a bisection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Harness {
    /// A bug of ours.
    Bug = 128,
    /// Interrupted.
    Interrupted = 130,
    /// Command line or script.
    Usage = 193,
    /// Rights are missing.
    Privilege = 194,
    /// The command cannot be started, the process cannot be watched.
    Command = 195,
    /// The report cannot be written.
    Output = 196,
    /// Threads, timers, memory.
    Machine = 197,
}

/// The status of a verdict.
pub fn of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Good => 0,
        Verdict::Bad => 1,
        Verdict::Unsure => 125,
    }
}

impl Harness {
    /// As the process ends with it.
    pub fn exit(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

impl Trouble {
    /// Of the command line.
    pub fn usage(said: impl Into<String>) -> Trouble {
        Trouble {
            status: Harness::Usage,
            said: format!("tracer: {}\n", said.into()),
        }
    }

    /// Of the report.
    pub fn output(said: impl Into<String>) -> Trouble {
        Trouble {
            status: Harness::Output,
            said: format!("tracer: {}\n", said.into()),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        let status = match &failure {
            Failure::Usage(_) | Failure::Script(_) | Failure::NotHere(_) => Harness::Usage,
            Failure::Machine(_) => Harness::Machine,
            Failure::Bug(_) => Harness::Bug,
            Failure::Closed => Harness::Output,
        };
        Trouble {
            status,
            said: failure.to_string(),
        }
    }
}

/// What a session's error means: the check could not tell (`Ok`: the reason), or it is broken.
///
/// # Errors
/// The trouble.
pub fn of_session(error: session::Error, script: &Script) -> Result<String, Trouble> {
    let trouble = |status, said: String| Err(Trouble { status, said });
    let sentence = format!("tracer: {error}\n");
    match error {
        session::Error::Script(found) => {
            let text = voice::diagnostics(script, &found);
            let mut errors = found.iter().filter(|d| d.severity == Severity::Error);
            match errors.all(|d| is_not_here(d.code)) {
                true => {
                    let first = found.iter().find(|d| d.severity == Severity::Error);
                    let what = first.map_or_else(String::new, |d| d.message.clone());
                    Ok(format!("not attachable here: {what}"))
                }
                false => trouble(Harness::Usage, text),
            }
        }
        session::Error::Load(error) => Ok(format!("not attachable here: {error}")),
        session::Error::Privilege(_) => trouble(Harness::Privilege, sentence),
        session::Error::Command { .. } | session::Error::Process { .. } => {
            trouble(Harness::Command, sentence)
        }
        session::Error::Output { .. } | session::Error::Write(_) => {
            trouble(Harness::Output, sentence)
        }
        session::Error::Runtime(_) => trouble(Harness::Machine, sentence),
        session::Error::Bug(said) => trouble(
            Harness::Bug,
            format!("tracer: a bug of the tracer: {said}\n"),
        ),
        // A room above may add more: none of them is a verdict.
        #[allow(unreachable_patterns, reason = "sessions grow")]
        _ => trouble(Harness::Machine, sentence),
    }
}

/// The script asks for something that this kernel, or this build of a program, does not have: another may.
fn is_not_here(code: Code) -> bool {
    [
        codes::NO_SUCH_MEMBER,
        codes::NO_SUCH_TYPE,
        codes::NO_BTF,
        codes::NO_SUCH_TRACEPOINT,
        codes::NO_SUCH_FUNCTION,
        codes::NO_MATCH,
        codes::PROBE_NOT_HERE,
        codes::NO_SUCH_ARGUMENT,
        codes::NO_SUCH_FILE,
        codes::NO_SUCH_SYMBOL,
        codes::NO_SUCH_USDT,
        codes::NO_TASK_STORAGE,
        codes::NO_SUCH_KERNEL_SYMBOL,
    ]
    .contains(&code)
}

/// Whether a command line is one of a check, as far as can be told when it could not be understood.
pub fn is_check(args: &[std::ffi::OsString]) -> bool {
    let own = args.iter().skip(1).take_while(|arg| *arg != "--");
    own.into_iter().any(|arg| arg == "check")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bad_is_taken_for_bad() {
        let troubles = [
            Harness::Bug,
            Harness::Interrupted,
            Harness::Usage,
            Harness::Privilege,
            Harness::Command,
            Harness::Output,
            Harness::Machine,
        ];
        assert!(troubles.iter().all(|status| *status as u8 >= 128));
        assert_eq!(of(Verdict::Bad), 1);
        assert_eq!(of(Verdict::Good), 0);
        assert_eq!(of(Verdict::Unsure), 125);
    }

    #[test]
    fn check_is_found_before_the_command() {
        let args =
            |line: &str| -> Vec<std::ffi::OsString> { line.split(' ').map(Into::into).collect() };
        assert!(is_check(&args("tracer check --nope")));
        assert!(is_check(&args("tracer -q check")));
        assert!(!is_check(&args("tracer trace -- check")));
        assert!(!is_check(&args("check")));
    }
}
