//! fentry and fexit: the function is part of loading, because the verifier checks the program against its type. So each function
//! has a program of its own, made of the same instructions.

use super::{Attached, KernelTypes, Ready, each};
use crate::ir::Mechanism;
use crate::load::Error;
use crate::plan::{At, FunctionPlace, Hook};
use crate::sys::link;
use aya::Btf;
use aya::programs::{Program, ProgramError};
use std::os::fd::{AsFd, BorrowedFd};

/// Loads a program for its functions.
pub(super) fn load(
    program: &mut Program,
    hook: &Hook,
    types: &mut KernelTypes,
) -> Result<Ready, ProgramError> {
    let types = super::types(types)?;
    let Hook::Functions { places, .. } = hook else {
        return Err(ProgramError::UnexpectedProgramType);
    };
    if let [only] = places.as_slice() {
        load_one(program, &only.place.function, types)?;
        return Ok(Ready::Aya);
    }
    let mut programs = Vec::with_capacity(places.len());
    for at in places {
        load_one(program, &at.place.function, types)?;
        let fd = program.fd()?.as_fd().try_clone_to_owned();
        programs.push(fd.map_err(ProgramError::IOError)?);
        unload(program)?;
    }
    Ok(Ready::Each(programs))
}

fn load_one(program: &mut Program, function: &str, types: &Btf) -> Result<(), ProgramError> {
    match program {
        Program::FEntry(program) => program.load(function, types),
        Program::FExit(program) => program.load(function, types),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Makes room for the next; the kernel keeps it while its descriptor is held.
fn unload(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Attaches loaded programs, one a function.
pub(super) fn attach(
    programs: Vec<BorrowedFd<'_>>,
    mechanism: Mechanism,
    places: &[At<FunctionPlace>],
) -> Result<Attached, Error> {
    let attach_type = match mechanism.returns() {
        true => link::FEXIT,
        false => link::FENTRY,
    };
    let describe = |at: &At<FunctionPlace>| format!("{}:{}", mechanism.name(), at.place);
    each(places, describe, |n, at| {
        link::tracing(programs[n], attach_type, at.cookie)
    })
}
