//! Perf events: a timer or a counter on each CPU, and a BPF link on it. Needs `CONFIG_PERF_EVENTS`.
//!
//! CPUs that come online later are not watched. The kernel mutes an event that fires more often than
//! kernel.perf_event_max_sample_rate allows, until its next tick.

use crate::types::counter::Counter;
use aya::programs::perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent};
use aya::programs::{PerfEvent, ProgramError};
use aya::util::online_cpus;

/// Attaches to each CPU's clock; the program runs there in the timer's interrupt, whatever it interrupts.
pub(super) fn attach_timer(program: &mut PerfEvent, period_ns: u64) -> Result<(), ProgramError> {
    let clock = PerfEventConfig::Software(SoftwareEvent::CpuClock);
    on_each_cpu(program, clock, SamplePolicy::Period(period_ns))
}

/// Attaches to a counter of each CPU. One of the hardware's runs the program in a non-maskable interrupt.
pub(super) fn attach_counter(
    program: &mut PerfEvent,
    counter: &Counter,
    every: u64,
) -> Result<(), ProgramError> {
    let event = PerfEventConfig::Pmu {
        pmu_type: counter.source as u32,
        config: counter.number,
    };
    on_each_cpu(program, event, SamplePolicy::Period(every))
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
