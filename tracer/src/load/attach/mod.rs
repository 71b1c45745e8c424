//! Attaching, one file per mechanism.
//!
//! In: a program and its [`Hook`]. Out: the program verified ([`load`]), then attached ([`attach`]); the link lives in the program
//! and ends with it. Never decides which mechanism serves a probe: the plan did.

mod fentry;
mod kprobe;
mod perf_event;
mod raw_tracepoint;
mod tracepoint;

use super::Error;
use crate::plan::Hook;
use aya::Btf;
use aya::programs::{Program, ProgramError};

/// The kernel's types, read when the first hook needs them (17 ms).
pub(super) type KernelTypes = Option<Btf>;

/// Has the verifier take a program.
pub(super) fn load(
    program: &mut Program,
    hook: &Hook,
    types: &mut KernelTypes,
) -> Result<(), ProgramError> {
    match program {
        Program::RawTracePoint(program) => program.load(),
        Program::TracePoint(program) => program.load(),
        Program::KProbe(program) => program.load(),
        Program::PerfEvent(program) => program.load(),
        Program::FEntry(_) | Program::FExit(_) => fentry::load(program, hook, types),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Attaches a loaded program to its hook.
pub(super) fn attach(program: &mut Program, hook: &Hook) -> Result<(), Error> {
    let result = match (program, hook) {
        (Program::RawTracePoint(program), Hook::SysEnter) => {
            raw_tracepoint::attach(program, "sys_enter")
        }
        (Program::RawTracePoint(program), Hook::SysExit) => {
            raw_tracepoint::attach(program, "sys_exit")
        }
        (Program::RawTracePoint(program), Hook::RawTracepoint(name)) => {
            raw_tracepoint::attach(program, name)
        }
        (Program::TracePoint(program), Hook::Tracepoint { category, name }) => {
            tracepoint::attach(program, category, name)
        }
        (Program::KProbe(program), Hook::Kprobe { function, offset }) => {
            kprobe::attach(program, function, *offset)
        }
        (Program::KProbe(program), Hook::Kretprobe(function)) => {
            kprobe::attach(program, function, 0)
        }
        (Program::PerfEvent(program), Hook::Profile { rate }) => {
            perf_event::attach_timer(program, rate.period_ns())
        }
        (Program::PerfEvent(program), Hook::Counter { counter, every }) => {
            perf_event::attach_counter(program, counter, *every)
        }
        (
            program @ (Program::FEntry(_) | Program::FExit(_)),
            Hook::Fentry(_) | Hook::Fexit { .. },
        ) => fentry::attach(program),
        _ => Err(ProgramError::UnexpectedProgramType),
    };
    result.map_err(|error| match hook {
        Hook::Counter { .. } => Error::from_counter(describe(hook), error),
        _ => Error::from_attach(describe(hook), error),
    })
}

/// The hook as a user writes it.
fn describe(hook: &Hook) -> String {
    match hook {
        Hook::SysEnter => "rawtracepoint:sys_enter".to_owned(),
        Hook::SysExit => "rawtracepoint:sys_exit".to_owned(),
        Hook::RawTracepoint(name) => format!("rawtracepoint:{name}"),
        Hook::Tracepoint { category, name } => format!("tracepoint:{category}:{name}"),
        Hook::Kprobe {
            function,
            offset: 0,
        } => format!("kprobe:{function}"),
        Hook::Kprobe { function, offset } => format!("kprobe:{function}+{offset}"),
        Hook::Kretprobe(function) => format!("kretprobe:{function}"),
        Hook::Fentry(function) => format!("fentry:{function}"),
        Hook::Fexit { function, .. } => format!("fexit:{function}"),
        Hook::Profile { rate } => format!("profile:{rate}"),
        Hook::Counter { counter, every } => {
            format!("{}:{}:{every}", counter.source.name(), counter.name)
        }
        Hook::Begin => "BEGIN".to_owned(),
        Hook::End => "END".to_owned(),
        Hook::Interval { period_ns } => format!("interval:us:{}", period_ns / 1000),
    }
}
