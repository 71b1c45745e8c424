//! Tracepoints with their formatted record: a perf event and a BPF link on it. Needs tracefs to be mounted and readable.

use aya::programs::{ProgramError, TracePoint};

/// Attaches to `category:name`.
pub(super) fn attach(
    program: &mut TracePoint,
    category: &str,
    name: &str,
) -> Result<(), ProgramError> {
    program.attach(category, name).map(|_link| ())
}
