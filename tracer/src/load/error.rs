//! What can go wrong between an image and running programs, said so that a user can act on it.
//!
//! In: aya's and the kernel's errors. Out: [`Error`]: operation, object, reason, and what would help.

use crate::bpf::Function;
use crate::kernel::privilege::{Capability, Held, setcap_command};
use aya::EbpfError;
use aya::maps::MapError;
use aya::programs::ProgramError;
use std::fmt;
use std::io;

/// Why something could not be loaded, attached or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image is not one that aya takes: a mistake in this program.
    #[error("load the image")]
    Image(#[source] Box<EbpfError>),
    /// A map could not be created.
    #[error("create map `{name}`: {source}{hint}")]
    CreateMap {
        /// Which.
        name: String,
        /// The kernel's answer.
        source: io::Error,
        /// What would help.
        hint: Hint,
    },
    /// A program was refused without a word from the verifier.
    #[error("load program `{name}`: {source}{hint}")]
    LoadProgram {
        /// Which.
        name: String,
        /// The kernel's answer.
        source: io::Error,
        /// What would help.
        hint: Hint,
    },
    /// The verifier refused a program: it is too long to be verified, or there is a mistake in this program, never the user's.
    #[error("the verifier rejected program `{name}`: {source}; {}", explained(log))]
    Rejected {
        /// Which.
        name: String,
        /// The verifier's whole log.
        log: String,
        /// Byte of the script that the rejected instruction was made for.
        script: Option<u32>,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A program could not be loaded or attached for another reason than the kernel's answer to that call.
    #[error("{operation} {object}")]
    Program {
        /// `load` or `attach`.
        operation: &'static str,
        /// Which program or hook.
        object: String,
        /// Why.
        #[source]
        source: Box<ProgramError>,
    },
    /// A hook could not be attached.
    #[error("attach {hook}: {source}{hint}")]
    Attach {
        /// The hook, as a user writes it.
        hook: String,
        /// The kernel's answer.
        source: io::Error,
        /// What would help.
        hint: Hint,
    },
    /// A walk over objects could not begin.
    #[error("begin the walk of an iterator: {source}")]
    Walk {
        /// The kernel's answer.
        source: io::Error,
    },
    /// Forks cannot be followed: the kernel does not say how its tasks lie in memory.
    #[error(
        "follow forks: this kernel has no type information (/sys/kernel/btf/vmlinux); trace single processes instead"
    )]
    NoTaskLayout,
    /// This machine counts nothing of that name.
    #[error("attach {hook}: this machine has no such counter ({source})")]
    NoCounter {
        /// The hook, as a user writes it.
        hook: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The CPU cannot watch one more address.
    #[error(
        "attach {hook}: the CPU's breakpoint registers are taken (x86 has 4): watch fewer addresses ({source})"
    )]
    NoRegister {
        /// The hook, as a user writes it.
        hook: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A map could not be read or written.
    #[error("{operation} map `{name}`: {source}")]
    Map {
        /// What was tried.
        operation: &'static str,
        /// Which.
        name: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// aya could not take a map: a mistake in this program.
    #[error("use map `{name}`")]
    MapKind {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: Box<MapError>,
    },
    /// The image lacks a program of the plan: a mistake in this program.
    #[error("the image has no program `{0}`")]
    NoProgram(String),
}

/// What the verifier says when a program is too long for it (`check_max_stack_depth` aside, kernel/bpf/verifier.c).
const TOO_LONG: [&str; 2] = ["jumps is too complex", "program is too large"];

/// What a rejection means.
fn explained(log: &str) -> String {
    let last = last_line(log);
    if TOO_LONG.iter().any(|said| log.contains(said)) {
        return format!(
            "the clauses on this probe are too long for it together ({last}); put what is repeated in a loop, \
             e.g. for ($i : 0..100) {{ … }}, whose body counts once, or make two scripts"
        );
    }
    format!("this is a bug of the tracer: {last}")
}

impl Error {
    /// From loading the image: parsing, creating maps.
    pub(super) fn from_image(error: EbpfError) -> Error {
        match error {
            EbpfError::MapError(MapError::CreateError { name, io_error }) => {
                Error::create_map(name, io_error)
            }
            other => Error::Image(Box::new(other)),
        }
    }

    /// From creating a map.
    pub(super) fn create_map(name: String, source: io::Error) -> Error {
        Error::CreateMap {
            hint: Hint::of(&source, &[Capability::Bpf, Capability::Perfmon]),
            name,
            source,
        }
    }

    /// From loading a program, for another reason than the kernel's answer.
    pub(super) fn from_load(name: &str, error: ProgramError) -> Error {
        Error::Program {
            operation: "load",
            object: format!("program `{name}`"),
            source: Box::new(error),
        }
    }

    /// The kernel's answer to a program, and what its verifier has written; `function` tells the script's place of an
    /// instruction.
    pub(super) fn refused(
        name: &str,
        source: io::Error,
        log: String,
        function: Option<&Function>,
    ) -> Error {
        let name = name.to_owned();
        if log.trim().is_empty() {
            let hint = Hint::of(&source, &[Capability::Bpf, Capability::Perfmon]);
            return Error::LoadProgram { name, source, hint };
        }
        let script = function.and_then(|function| script_place(&log, function));
        Error::Rejected {
            name,
            log,
            script,
            source,
        }
    }

    /// From attaching a hook.
    pub(super) fn from_attach(hook: String, error: ProgramError) -> Error {
        match io_error(&error) {
            Some(source) => Error::Attach {
                hint: Hint::of(
                    &source,
                    &[
                        Capability::Bpf,
                        Capability::Perfmon,
                        Capability::DacReadSearch,
                    ],
                ),
                hook,
                source,
            },
            None => Error::Program {
                operation: "attach",
                object: hook,
                source: Box::new(error),
            },
        }
    }

    /// From attaching a watchpoint; ENOSPC says that its registers are taken (`reserve_bp_slot` in kernel/events/hw_breakpoint.c).
    pub(super) fn from_watchpoint(hook: String, error: ProgramError) -> Error {
        match io_error(&error) {
            Some(source) if source.raw_os_error() == Some(libc::ENOSPC) => {
                Error::NoRegister { hook, source }
            }
            _ => Error::from_attach(hook, error),
        }
    }

    /// From attaching a counter; these answers say that nobody counts that (perf_event_open(2)).
    pub(super) fn from_counter(hook: String, error: ProgramError) -> Error {
        match io_error(&error) {
            Some(source)
                if matches!(
                    source.raw_os_error(),
                    Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV)
                ) =>
            {
                Error::NoCounter { hook, source }
            }
            _ => Error::from_attach(hook, error),
        }
    }
}

/// The kernel's answer inside an error of aya's.
fn io_error(error: &(dyn std::error::Error + 'static)) -> Option<io::Error> {
    let mut error = Some(error);
    while let Some(here) = error {
        if let Some(found) = here.downcast_ref::<io::Error>() {
            return found.raw_os_error().map(io::Error::from_raw_os_error);
        }
        error = here.source();
    }
    None
}

/// What would help; empty when nothing is known.
#[derive(Debug)]
pub struct Hint(Option<Refused>);

/// The kernel has refused something for want of a right.
#[derive(Debug)]
struct Refused {
    /// All that it takes.
    wanted: Vec<Capability>,
    /// Those that this process lacks.
    missing: Vec<Capability>,
}

impl Hint {
    /// For an answer of the kernel to something that wants these capabilities.
    fn of(error: &io::Error, wanted: &[Capability]) -> Hint {
        let refused = matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES));
        Hint(refused.then(|| Refused {
            wanted: wanted.to_vec(),
            missing: Held::of_this_process().missing(wanted),
        }))
    }

    /// The capabilities that are missing, when that is the reason.
    pub fn missing(&self) -> &[Capability] {
        self.0.as_ref().map_or(&[], |refused| &refused.missing)
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Refused { wanted, missing }) = &self.0 else {
            return Ok(());
        };
        if missing.is_empty() {
            return f.write_str(
                "; this process has the capabilities for it, so the kernel's configuration, lockdown or a security module forbids it",
            );
        }
        // The command replaces what the file has, so it names all.
        write!(
            f,
            "; this process lacks {}: give it with `{}`, or run it as root",
            Capability::list(missing),
            setcap_command(wanted)
        )
    }
}

/// The last line of a log that says what is wrong: behind it stand only statistics.
fn last_line(log: &str) -> &str {
    log.lines()
        .rfind(|line| {
            let line = line.trim();
            !line.is_empty()
                && !line.starts_with("processed ")
                && !line.starts_with("verification time")
                && !line.starts_with("stack depth")
        })
        .unwrap_or_default()
}

/// Where in the script the instruction that the log ends with comes from. Instructions of runtime functions stand behind
/// the program's own: then it is the call that leads there.
fn script_place(log: &str, function: &Function) -> Option<u32> {
    let own = log.lines().rev().find_map(|line| {
        let (index, rest) = line.split_once(": (")?;
        let index: u32 = index.trim().parse().ok()?;
        (rest.as_bytes().get(2) == Some(&b')') && (index as usize) < function.insns.len())
            .then_some(index)
    })?;
    let line = function.lines.iter().rfind(|(at, _)| *at <= own)?;
    Some(line.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::Insn;

    const LOG: &str = "0: R1=ctx() R10=fp0\n0: (b7) r0 = 0\n1: (85) call pc+3\nfunc#1 @5\n5: (79) r3 = *(u64 *)(r2 +0)\nR2 !read_ok\nprocessed 3 insns (limit 1000000)\n";

    fn function(lines: Vec<(u32, u32)>) -> Function {
        Function {
            name: "sys_exit".to_owned(),
            section: "raw_tp/sys_exit".to_owned(),
            insns: vec![Insn::default(); 3],
            relocs: Vec::new(),
            lines,
            callbacks: Vec::new(),
        }
    }

    #[test]
    fn a_rejection_inside_a_runtime_function_is_laid_to_its_call() {
        assert_eq!(
            script_place(LOG, &function(vec![(0, 10), (1, 20), (2, 30)])),
            Some(20)
        );
        assert_eq!(script_place(LOG, &function(Vec::new())), None);
    }

    #[test]
    fn a_counter_that_is_missing_is_told_from_one_that_is_refused() {
        let said = |errno| {
            let answer = aya::sys::SyscallError {
                call: "perf_event_open",
                io_error: io::Error::from_raw_os_error(errno),
            };
            let hook = "hardware:ref-cycles:7".to_owned();
            Error::from_counter(hook, answer.into()).to_string()
        };
        let missing = "attach hardware:ref-cycles:7: this machine has no such counter (";
        assert!(said(libc::ENOENT).starts_with(missing));
        assert!(said(libc::EOPNOTSUPP).starts_with(missing));
        assert!(!said(libc::EACCES).starts_with(missing));
    }

    #[test]
    fn the_reason_is_the_last_line_that_is_not_a_statistic() {
        assert_eq!(last_line(LOG), "R2 !read_ok");
    }
}
