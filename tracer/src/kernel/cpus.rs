//! The number of processors.
//!
//! In: `/sys/devices/system/cpu/possible` through aya. Out: a number. Never less than 1.

/// CPUs that can ever be online: what per-CPU maps are sized by.
pub(super) fn possible() -> u32 {
    // Without /sys, what the scheduler lets this process use is the best guess.
    let guess = || std::thread::available_parallelism().map_or(1, |n| n.get());
    aya::util::nr_cpus().unwrap_or_else(|_| guess()).max(1) as u32
}
