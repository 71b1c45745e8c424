//! Waiting until every BPF program that runs now has ended.
//!
//! In: nothing. Out: nothing but time. Tracing programs run inside RCU read sections, so a grace period of the
//! kernel outlasts all that have begun.

use std::io;

/// From linux/membarrier.h: waits for a grace period (kernel/sched/membarrier.c calls `synchronize_rcu`).
const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;

/// Returns when every program that was running at the call has ended.
///
/// # Errors
/// On kernels with full dynamic ticks the call does not exist.
pub fn synchronize() -> io::Result<()> {
    // SAFETY: membarrier(2) takes integers only.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_grace_period_passes_or_is_refused() {
        let refused = super::synchronize().err().and_then(|e| e.raw_os_error());
        assert!(matches!(refused, None | Some(libc::EINVAL | libc::ENOSYS)));
    }
}
