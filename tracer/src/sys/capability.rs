//! Capabilities of this process.
//!
//! In: nothing. Out: which of the ones that matter here it lacks. Numbers: linux/capability.h.

/// A capability by name and number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability {
    /// As `setcap` takes it, in capitals.
    pub name: &'static str,
    number: u32,
}

/// Maps and programs.
pub const BPF: Capability = Capability {
    name: "CAP_BPF",
    number: 39,
};
/// Tracing programs and performance events.
pub const PERFMON: Capability = Capability {
    name: "CAP_PERFMON",
    number: 38,
};
/// Reading files of tracefs whatever their mode.
pub const DAC_READ_SEARCH: Capability = Capability {
    name: "CAP_DAC_READ_SEARCH",
    number: 2,
};
const SYS_ADMIN: u32 = 21;

/// Those of `wanted` that are not in effect. CAP_SYS_ADMIN stands for the first two, as in the kernel (`bpf_capable`).
pub fn missing(wanted: &[Capability]) -> Vec<Capability> {
    let effective = effective();
    let has = |number: u32| effective >> number & 1 == 1;
    wanted
        .iter()
        .copied()
        .filter(|want| {
            let by_admin = (*want == BPF || *want == PERFMON) && has(SYS_ADMIN);
            !has(want.number) && !by_admin
        })
        .collect()
}

/// The effective set; empty when it cannot be read.
fn effective() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0)
}
