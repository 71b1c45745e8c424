//! Perf events: a timer, a counter or an address on each CPU, and a BPF link on it. Needs `CONFIG_PERF_EVENTS`.
//!
//! CPUs that come online later are not watched. The kernel mutes an event that fires more often than
//! kernel.perf_event_max_sample_rate allows, until its next tick.

use crate::ir::Access;
use crate::types::counter::Counter;
use aya::programs::perf_event::{
    BreakpointConfig, PerfBreakpointLength, PerfBreakpointType, PerfEventConfig, PerfEventScope,
    SamplePolicy, SoftwareEvent,
};
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

/// Attaches to an address on each CPU. Each takes one of its few breakpoint registers (x86: 4).
pub(super) fn attach_watchpoint(
    program: &mut PerfEvent,
    address: u64,
    length: u8,
    access: Access,
) -> Result<(), ProgramError> {
    let data = |kind| BreakpointConfig::Data {
        r#type: kind,
        address,
        length: match length {
            1 => PerfBreakpointLength::Len1,
            2 => PerfBreakpointLength::Len2,
            4 => PerfBreakpointLength::Len4,
            _ => PerfBreakpointLength::Len8,
        },
    };
    let watched = match access {
        Access::Write => data(PerfBreakpointType::Write),
        Access::ReadWrite => data(PerfBreakpointType::ReadWrite),
        Access::Execute => BreakpointConfig::Instruction { address },
    };
    let event = PerfEventConfig::Breakpoint(watched);
    on_each_cpu(program, event, SamplePolicy::Period(1))
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
