//! Raw tracepoints whose programs are bound to the kernel's type of them (`tp_btf`): what such a program is given can be loaded from.
//!
//! In: a program, the type's number. Out: it loaded, and a link. aya would parse all of the kernel's types for it.

use super::{Image, Ready};
use crate::load::{Error, raw};
use crate::sys::link;
use crate::sys::probe::Program;
use aya::programs::ProgramError;
use aya::sys::SyscallError;
use aya_obj::generated::bpf_prog_type;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Has the verifier take a program for the tracepoint of this type.
pub(super) fn load(
    name: &str,
    attach_btf_id: u32,
    image: &mut Image<'_>,
) -> Result<Ready, ProgramError> {
    let code = image.code(name)?;
    let program = raw::load(Program {
        kind: bpf_prog_type::BPF_PROG_TYPE_TRACING as u32,
        insns: &code.insns,
        attach_type: link::RAW_TRACEPOINT,
        attach_btf_id,
        functions: image.functions(&code),
    });
    Ok(Ready::Typed(program?))
}

/// Attaches it to its tracepoint.
pub(super) fn attach(program: BorrowedFd<'_>, place: String) -> Result<OwnedFd, Error> {
    link::own_raw_tracepoint(program).map_err(|io_error| {
        let call = "bpf_raw_tracepoint_open";
        Error::from_attach(place, SyscallError { call, io_error }.into())
    })
}
