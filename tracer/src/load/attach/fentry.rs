//! fentry and fexit: the function is part of loading, because the verifier checks the program against its type.

use super::KernelTypes;
use crate::plan::Hook;
use aya::Btf;
use aya::programs::{Program, ProgramError};

/// Loads a program for its function.
pub(super) fn load(
    program: &mut Program,
    hook: &Hook,
    types: &mut KernelTypes,
) -> Result<(), ProgramError> {
    let types = match types {
        Some(types) => types,
        None => types.insert(Btf::from_sys_fs()?),
    };
    match (program, hook) {
        (Program::FEntry(program), Hook::Fentry(function)) => program.load(function, types),
        (Program::FExit(program), Hook::Fexit { function, .. }) => program.load(function, types),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Attaches a loaded program.
pub(super) fn attach(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::FEntry(program) => program.attach().map(|_link| ()),
        Program::FExit(program) => program.attach().map(|_link| ()),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}
