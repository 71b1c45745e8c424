//! kprobe and kretprobe: a perf event of the kprobe PMU and a BPF link on it. Needs `CONFIG_KPROBES`.

use aya::programs::{KProbe, ProgramError};

/// Attaches to `function`, `offset` bytes into it (0 for a kretprobe).
pub(super) fn attach(
    program: &mut KProbe,
    function: &str,
    offset: u64,
) -> Result<(), ProgramError> {
    program.attach(function, offset).map(|_link| ())
}
