//! Why the kernel refused a program.
//!
//! In: a program that aya could not load. Out: the error, with the verifier's log and the script's line. Programs are offered
//! without a log, which takes the verifier longer to write than all else; of one that was refused it is asked once. (aya would ask
//! again with a larger buffer until the log fits: for a long program five times, of seconds each.)

use super::Error;
use super::attach::{self, KernelTypes};
use super::raw::Image;
use crate::bpf::Function;
use crate::ir::Mechanism;
use crate::plan::Hook;
use crate::sys::link;
use crate::sys::probe::{self, Program};
use aya::programs::ProgramError;
use aya_obj::btf::BtfKind;
use aya_obj::generated::bpf_prog_type;
use std::io;

/// The error of a program that was not loaded; `function` tells the script's place of an instruction.
pub(super) fn refused(
    name: &str,
    hook: &Hook,
    bound: Option<u32>,
    error: ProgramError,
    types: &mut KernelTypes,
    image: &mut Image<'_>,
    function: Option<&Function>,
) -> Error {
    let io_error = match error {
        ProgramError::LoadError { io_error, .. } | ProgramError::IOError(io_error) => io_error,
        error => return Error::from_load(name, error),
    };
    match said(name, hook, bound, types, image) {
        Some((Err(source), log)) => Error::refused(name, source, log, function),
        _ => Error::refused(name, io_error, String::new(), function),
    }
}

/// The verifier's answer and what it writes; `None` when it cannot be asked.
fn said(
    name: &str,
    hook: &Hook,
    bound: Option<u32>,
    types: &mut KernelTypes,
    image: &mut Image<'_>,
) -> Option<(io::Result<()>, String)> {
    let (attach_type, attach_btf_id) = match (bound, typed(hook)) {
        (Some(id), _) => (link::RAW_TRACEPOINT, id),
        (None, Some((attach_type, function))) => {
            let types = attach::types(types).ok()?;
            let id = types.id_by_type_name_kind(&function, BtfKind::Func).ok()?;
            (attach_type, id)
        }
        (None, None) => (0, 0),
    };
    let code = image.code(name).ok()?;
    let (loaded, log) = probe::load_with_log(Program {
        kind: match bound {
            Some(_) => bpf_prog_type::BPF_PROG_TYPE_TRACING as u32,
            None => kind(hook) as u32,
        },
        insns: &code.insns,
        attach_type,
        attach_btf_id,
        functions: image.functions(&code),
    });
    Some((loaded.map(drop), log))
}

fn kind(hook: &Hook) -> bpf_prog_type {
    match hook {
        Hook::SysEnter
        | Hook::SysExit
        | Hook::SysLeave
        | Hook::SysExec
        | Hook::RawTracepoint(_)
        | Hook::Begin
        | Hook::End
        | Hook::Interval { .. }
        | Hook::Signal { .. } => bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT,
        Hook::Tracepoints(_) => bpf_prog_type::BPF_PROG_TYPE_TRACEPOINT,
        Hook::Functions { mechanism, .. } if mechanism.needs_btf() => {
            bpf_prog_type::BPF_PROG_TYPE_TRACING
        }
        Hook::Iterator(_) => bpf_prog_type::BPF_PROG_TYPE_TRACING,
        Hook::Functions { .. } | Hook::UserPlaces { .. } => bpf_prog_type::BPF_PROG_TYPE_KPROBE,
        Hook::Profile { .. } | Hook::Counter { .. } | Hook::Watchpoint { .. } => {
            bpf_prog_type::BPF_PROG_TYPE_PERF_EVENT
        }
    }
}

/// How and to which function of the kernel's types a program is bound when it is loaded; the first one of several.
fn typed(hook: &Hook) -> Option<(u32, String)> {
    match hook {
        Hook::Iterator(name) => Some((link::ITER, format!("bpf_iter_{name}"))),
        Hook::Functions { mechanism, places } => {
            let function = places.first()?.place.function.clone();
            match mechanism {
                Mechanism::Fentry => Some((link::FENTRY, function)),
                Mechanism::Fexit => Some((link::FEXIT, function)),
                Mechanism::Kprobe | Mechanism::Kretprobe => None,
            }
        }
        _ => None,
    }
}
