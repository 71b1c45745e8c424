//! Perf events: a timer on each CPU, and a BPF link on it. Needs `CONFIG_PERF_EVENTS`.
//!
//! CPUs that come online later are not watched.

use aya::programs::perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent};
use aya::programs::{PerfEvent, ProgramError};
use aya::util::online_cpus;

/// Attaches to each CPU's clock; the program runs there in the timer's interrupt, whatever it interrupts.
pub(super) fn attach_timer(program: &mut PerfEvent, period_ns: u64) -> Result<(), ProgramError> {
    let clock = PerfEventConfig::Software(SoftwareEvent::CpuClock);
    on_each_cpu(program, clock, SamplePolicy::Period(period_ns))
}

fn on_each_cpu(
    program: &mut PerfEvent,
    event: PerfEventConfig,
    policy: SamplePolicy,
) -> Result<(), ProgramError> {
    for cpu in online_cpus().map_err(|(_, error)| ProgramError::IOError(error))? {
        let scope = PerfEventScope::AllProcessesOneCpu { cpu };
        // Nothing is inherited: the event is the CPU's, not a process's.
        program.attach(event, scope, policy, false)?;
    }
    Ok(())
}
