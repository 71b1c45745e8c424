//! Iterators: the kind of object is part of loading; a link is one walk after the other.
//!
//! In: a program, and the kernel's name of what is walked. Out: it loaded; a link, which walks when it is asked to.

use super::KernelTypes;
use crate::load::Error;
use crate::sys::link;
use aya::programs::{Iter, ProgramError};
use aya::sys::SyscallError;
use std::os::fd::{AsFd, OwnedFd};

/// Loads a program for a kind of object.
pub(super) fn load(
    program: &mut Iter,
    name: &str,
    types: &mut KernelTypes,
) -> Result<(), ProgramError> {
    program.load(name, super::types(types)?)
}

/// Links it; nothing is walked yet.
pub(super) fn attach(program: &Iter, name: &str) -> Result<OwnedFd, Error> {
    let linked = program.fd().and_then(|own| {
        let link = link::tracing(own.as_fd(), link::ITER, 0);
        let call = "bpf_link_create";
        link.map_err(|io_error| SyscallError { call, io_error }.into())
    });
    linked.map_err(|error| Error::from_attach(format!("iter:{name}"), error))
}
