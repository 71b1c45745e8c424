//! Attaching, one file per mechanism.
//!
//! In: a program and its [`Hook`]. Out: the program verified ([`load`]), then attached ([`attach`]); what aya attached lives in the
//! program and ends with it, other links are handed out. Never decides which mechanism serves a probe: the plan did. How many places
//! one link takes is decided here, by what the kernel can.

mod fentry;
mod function;
mod iterator;
mod multi;
mod perf_event;
mod raw_tracepoint;
mod tracepoint;
mod typed;
mod user;

use super::Error;
use super::raw::Image;
use crate::plan::Hook;
use aya::Btf;
use aya::programs::{Program, ProgramError};
use aya::sys::SyscallError;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The kernel's types, read when the first hook needs them (17 ms).
pub(super) type KernelTypes = Option<Btf>;

/// The same, read now if they were not yet.
pub(super) fn types(types: &mut KernelTypes) -> Result<&Btf, ProgramError> {
    Ok(match types {
        Some(types) => types,
        None => types.insert(Btf::from_sys_fs()?),
    })
}

/// Who loaded a program.
#[derive(Debug)]
pub(super) enum Ready {
    /// aya did.
    Aya,
    /// It is loaded for the one tracepoint that it is bound to.
    Typed(OwnedFd),
    /// It is loaded for one link to many places.
    Multi(OwnedFd),
    /// It is loaded once for each place.
    Each(Vec<OwnedFd>),
}

/// What came of attaching a program.
#[derive(Debug, Default)]
pub(super) struct Attached {
    /// Links that aya does not hold.
    pub links: Vec<OwnedFd>,
    /// The link of an iterator.
    pub walk: Option<OwnedFd>,
    /// Places of several that the kernel refused.
    pub missed: Vec<Missed>,
}

/// A place that could not be attached, although others of its program could.
#[derive(Debug)]
pub struct Missed {
    /// As a user writes it.
    pub place: String,
    /// The kernel's answer.
    pub why: io::Error,
}

/// Has the verifier take a program; `bound`: the type of the tracepoint to which it is bound.
pub(super) fn load(
    program: &mut Program,
    name: &str,
    hook: &Hook,
    bound: Option<u32>,
    types: &mut KernelTypes,
    image: &mut Image<'_>,
) -> Result<Ready, ProgramError> {
    if let Some(id) = bound {
        return typed::load(name, id, image);
    }
    if let Some(ready) = multi::load(name, hook, image) {
        return Ok(ready);
    }
    match (program, hook) {
        (Program::RawTracePoint(program), _) => program.load()?,
        (Program::TracePoint(program), _) => program.load()?,
        (Program::KProbe(program), _) => program.load()?,
        (Program::UProbe(program), _) => program.load()?,
        (Program::PerfEvent(program), _) => program.load()?,
        (program @ (Program::FEntry(_) | Program::FExit(_)), _) => {
            return fentry::load(program, hook, types);
        }
        (Program::Iter(program), Hook::Iterator(name)) => iterator::load(program, name, types)?,
        _ => return Err(ProgramError::UnexpectedProgramType),
    }
    Ok(Ready::Aya)
}

/// Attaches a loaded program to its hook; `pid`: places in programs and libraries are watched in that process alone.
pub(super) fn attach(
    program: &mut Program,
    hook: &Hook,
    ready: &Ready,
    pid: Option<u32>,
) -> Result<Attached, Error> {
    if let (Program::Iter(program), Hook::Iterator(name)) = (&*program, hook) {
        let walk = Some(iterator::attach(program, name)?);
        return Ok(Attached {
            walk,
            ..Attached::default()
        });
    }
    if let Ready::Typed(program) = ready {
        return Ok(Attached {
            links: vec![typed::attach(program.as_fd(), describe(hook))?],
            ..Attached::default()
        });
    }
    let by_aya = match (&mut *program, hook) {
        (Program::RawTracePoint(program), Hook::SysEnter) => {
            raw_tracepoint::attach(program, "sys_enter")
        }
        (Program::RawTracePoint(program), Hook::SysExit) => {
            raw_tracepoint::attach(program, "sys_exit")
        }
        (Program::RawTracePoint(program), Hook::SysLeave) => {
            raw_tracepoint::attach(program, "sched_process_exit")
        }
        (Program::RawTracePoint(program), Hook::SysExec) => {
            raw_tracepoint::attach(program, "sched_prepare_exec")
        }
        (Program::RawTracePoint(program), Hook::RawTracepoint(name)) => {
            raw_tracepoint::attach(program, name)
        }
        (Program::PerfEvent(program), Hook::Profile { rate }) => {
            perf_event::attach_timer(program, rate.period_ns())
        }
        (
            Program::PerfEvent(program),
            Hook::Watchpoint {
                address,
                length,
                access,
            },
        ) => perf_event::attach_watchpoint(program, *address, *length, *access),
        (Program::PerfEvent(program), Hook::Counter { counter, every }) => {
            perf_event::attach_counter(program, counter, *every)
        }
        _ => return to_places(program, hook, ready, pid),
    };
    match by_aya {
        Ok(()) => Ok(Attached::default()),
        Err(error) => Err(match hook {
            Hook::Counter { .. } => Error::from_counter(describe(hook), error),
            Hook::Watchpoint { .. } => Error::from_watchpoint(describe(hook), error),
            _ => Error::from_attach(describe(hook), error),
        }),
    }
}

/// Hooks that can have several places, each of which says which one it is.
fn to_places(
    program: &Program,
    hook: &Hook,
    ready: &Ready,
    pid: Option<u32>,
) -> Result<Attached, Error> {
    if let (Hook::Functions { mechanism, places }, Ready::Each(programs)) = (hook, ready) {
        let programs = programs.iter().map(AsFd::as_fd).collect();
        return fentry::attach(programs, *mechanism, places);
    }
    let own = match ready {
        Ready::Multi(fd) => Ok(fd.as_fd()),
        _ => program.fd().map(AsFd::as_fd),
    };
    let own = own.map_err(|error| Error::from_attach(describe(hook), error))?;
    match (hook, ready) {
        (Hook::Tracepoints(places), _) => tracepoint::attach(own, places),
        (Hook::Functions { mechanism, places }, Ready::Multi(_)) => {
            multi::attach_functions(own, *mechanism, places)
        }
        (Hook::Functions { mechanism, places }, Ready::Aya) if mechanism.needs_btf() => {
            fentry::attach(vec![own], *mechanism, places)
        }
        (Hook::Functions { mechanism, places }, Ready::Aya) => {
            function::attach(own, *mechanism, places)
        }
        (Hook::UserPlaces { returns, places }, Ready::Multi(_)) => {
            multi::attach_user(own, *returns, places, pid)
        }
        (Hook::UserPlaces { returns, places }, _) => user::attach(own, *returns, places, pid),
        _ => {
            let error = ProgramError::UnexpectedProgramType;
            Err(Error::from_attach(describe(hook), error))
        }
    }
}

/// Attaches to one place after the other. A single one must succeed; of several, some may be refused.
fn each<P>(
    places: &[P],
    describe: impl Fn(&P) -> String,
    mut attach: impl FnMut(usize, &P) -> io::Result<OwnedFd>,
) -> Result<Attached, Error> {
    let mut attached = Attached::default();
    for (at, place) in places.iter().enumerate() {
        match attach(at, place) {
            Ok(link) => attached.links.push(link),
            Err(why) => attached.missed.push(Missed {
                place: describe(place),
                why,
            }),
        }
    }
    some(attached)
}

/// An error when no place could be attached.
fn some(mut attached: Attached) -> Result<Attached, Error> {
    if attached.links.is_empty()
        && let Some(first) = attached.missed.drain(..).next()
    {
        return Err(refused(first.place, first.why));
    }
    Ok(attached)
}

fn refused(place: String, io_error: io::Error) -> Error {
    let call = "bpf_link_create";
    Error::from_attach(place, SyscallError { call, io_error }.into())
}

/// Links a program to an event that was opened for it, and lets it fire.
fn link_event(program: BorrowedFd<'_>, event: OwnedFd, cookie: u64) -> io::Result<OwnedFd> {
    let link = crate::sys::link::perf_event(program, event.as_fd(), cookie)?;
    crate::sys::perf::enable(event.as_fd())?;
    Ok(link)
}

/// The hook as a user writes it; the first place of several.
fn describe(hook: &Hook) -> String {
    match hook {
        Hook::SysEnter => "rawtracepoint:sys_enter".to_owned(),
        Hook::SysExit => "rawtracepoint:sys_exit".to_owned(),
        Hook::SysLeave => "rawtracepoint:sched_process_exit".to_owned(),
        Hook::SysExec => "rawtracepoint:sched_prepare_exec".to_owned(),
        Hook::RawTracepoint(name) => format!("rawtracepoint:{name}"),
        Hook::Tracepoints(places) => format!("tracepoint:{}", places[0].place),
        Hook::Functions { mechanism, places } => {
            format!("{}:{}", mechanism.name(), places[0].place)
        }
        Hook::UserPlaces { returns, places } => user::describe(*returns, &places[0]),
        Hook::Profile { rate } => format!("profile:{rate}"),
        Hook::Watchpoint {
            address,
            length,
            access,
        } => format!("watchpoint:{address:#x}:{length}:{}", access.letters()),
        Hook::Counter { counter, every } => {
            format!("{}:{}:{every}", counter.source.name(), counter.name)
        }
        Hook::Begin => "BEGIN".to_owned(),
        Hook::End => "END".to_owned(),
        Hook::Interval { period_ns } => format!("interval:us:{}", period_ns / 1000),
        Hook::Signal { name, .. } => format!("self:signal:{name}"),
        Hook::Iterator(name) => format!("iter:{name}"),
    }
}
