//! The control words: open, closed, and who is not traced.
//!
//! In: [`Exclusion`]. Out: the `CONTROL` map's contents. Own ids come from the kernel (`whoami`): in a pid namespace
//! `getpid` would be wrong for what programs see.

use super::maps::Maps;
use super::raw::Image;
use super::{Error, load_own, program_mut};
use crate::link::WHOAMI;
use crate::plan::Hook;
use crate::types::task::TaskOffsets;
use aya::Ebpf;
use aya::programs::{Program, RawTracePointRunOptions, TestRun as _};
use tracer_ebpf::{Control, EXCLUDED_MAX, map};

/// Who is not traced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exclusion {
    /// This process.
    pub itself: bool,
    /// How many of its ancestors, from its parent upwards (the terminal that shows the output is one of them).
    pub ancestors: usize,
    /// Where the kernel keeps what leads to ancestors; without it only the process itself can be excluded.
    pub offsets: Option<TaskOffsets>,
}

/// Learns who this process is and writes the excluded processes; tracing stays closed.
pub(super) fn exclude(
    ebpf: &mut Ebpf,
    image: &mut Image<'_>,
    exclusion: Exclusion,
) -> Result<Control, Error> {
    let mut control = Control {
        tgid_offset: exclusion
            .offsets
            .map_or(0, |offsets| u64::from(offsets.tgid)),
        ..EMPTY
    };
    let maps = image.maps();
    if !maps.has(map::CONTROL) {
        return Ok(control);
    }
    let wanted = if exclusion.itself {
        1 + exclusion.ancestors
    } else {
        0
    };
    if wanted > 0 {
        load_own(ebpf, WHOAMI, &Hook::Begin, image)?;
        let mut args = [0; 12];
        if let Some(offsets) = exclusion.offsets {
            args[0] = u64::from(offsets.real_parent);
            args[1] = u64::from(offsets.tgid);
        }
        run(ebpf, WHOAMI, args)?;
        control.ancestors = ancestors(&maps.read_control()?);
        let known = control.ancestors.iter().take_while(|&&id| id != 0).count();
        let len = wanted.min(known);
        control.excluded[..len].copy_from_slice(&control.ancestors[..len]);
        control.excluded_len = len as u64;
    }
    write(maps, &control)?;
    Ok(control)
}

/// Nothing excluded, closed.
const EMPTY: Control = Control {
    active: 0,
    start_ns: 0,
    child: 0,
    excluded_len: 0,
    tgid_offset: 0,
    zero: 0,
    excluded: [0; EXCLUDED_MAX],
    ancestors: [0; EXCLUDED_MAX],
};

/// Writes the control words, when a program reads them at all.
pub(super) fn write(maps: &Maps, control: &Control) -> Result<(), Error> {
    if !maps.has(map::CONTROL) {
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(size_of::<Control>());
    for word in [
        control.active,
        control.start_ns,
        control.child,
        control.excluded_len,
        control.tgid_offset,
        control.zero,
    ] {
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    for id in control.excluded.iter().chain(&control.ancestors) {
        bytes.extend_from_slice(&id.to_ne_bytes());
    }
    maps.write(map::CONTROL, 0, &bytes)
}

/// The last field of the control words.
fn ancestors(control: &[u8]) -> [u32; EXCLUDED_MAX] {
    let first = std::mem::offset_of!(Control, ancestors);
    let mut out = [0; EXCLUDED_MAX];
    for (id, bytes) in out.iter_mut().zip(control[first..].chunks_exact(4)) {
        *id = u32::from_ne_bytes(bytes.try_into().expect("chunks of 4"));
    }
    out
}

/// Runs a raw tracepoint program once, in this thread.
pub(super) fn run(ebpf: &mut Ebpf, name: &str, args: [u64; 12]) -> Result<u32, Error> {
    let run_error = |source| Error::Program {
        operation: "run",
        object: format!("program `{name}`"),
        source: Box::new(source),
    };
    match program_mut(ebpf, name)? {
        Program::RawTracePoint(program) => program
            .test_run(RawTracePointRunOptions { args, cpu: None })
            .map(|result| result.return_value)
            .map_err(run_error),
        _ => Err(run_error(
            aya::programs::ProgramError::UnexpectedProgramType,
        )),
    }
}
