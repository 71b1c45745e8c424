//! Raw tracepoints: `BPF_RAW_TRACEPOINT_OPEN`. The cheapest hook; needs neither tracefs nor perf.

use aya::programs::{ProgramError, RawTracePoint};

/// Attaches to the tracepoint of this name.
pub(super) fn attach(program: &mut RawTracePoint, name: &str) -> Result<(), ProgramError> {
    program.attach(name).map(|_link| ())
}
