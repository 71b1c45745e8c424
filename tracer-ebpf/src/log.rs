//! The runtime's own diagnostics, through aya-log.
//!
//! In: what went wrong. Out: a message, when the run has the `AYA_LOGS` map (`--verbose`); otherwise the linker replaces
//! these functions by ones that do nothing, so that they cost a call in paths that are rare anyway.

use aya_ebpf::helpers::generated::bpf_get_smp_processor_id;
use aya_log_ebpf::warn;

/// A loss was counted.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn opt_log_loss(reason: u64) -> u64 {
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    warn!((), "cpu {}: loss, reason {}", cpu, reason);
    0
}
