//! What the kernel and CPUs count and can fire a probe by: `software` and `hardware`.
//!
//! In: nothing. Out: [`COUNTERS`]. Never knows which of them a machine has.

/// A counter. Names are perf's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Counter {
    /// Who counts.
    pub source: Source,
    /// Its name in full.
    pub name: &'static str,
    /// A shorter one; empty when there is none.
    pub short: &'static str,
    /// `perf_event_attr.config`: `perf_sw_ids` and `perf_hw_id` of include/uapi/linux/perf_event.h.
    pub number: u64,
    /// How many of its events fire a probe once when the probe does not say; bpftrace's numbers. Clocks count nanoseconds.
    pub every: u64,
}

/// Who counts. The discriminant is the kernel's `perf_type_id`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u32)]
pub enum Source {
    /// The CPU.
    Hardware = 0,
    /// The kernel.
    Software = 1,
}

impl Source {
    /// The provider's name.
    pub fn name(self) -> &'static str {
        match self {
            Source::Hardware => "hardware",
            Source::Software => "software",
        }
    }
}

/// The counter of that name, in full or short.
pub fn find(source: Source, name: &str) -> Option<&'static Counter> {
    of(source).find(|c| c.name == name || !c.short.is_empty() && c.short == name)
}

/// All of a source, sorted by name.
pub fn of(source: Source) -> impl Iterator<Item = &'static Counter> + Clone {
    COUNTERS.iter().filter(move |c| c.source == source)
}

const fn software(number: u64, name: &'static str, short: &'static str, every: u64) -> Counter {
    Counter {
        source: Source::Software,
        name,
        short,
        number,
        every,
    }
}

const fn hardware(number: u64, name: &'static str, short: &'static str, every: u64) -> Counter {
    Counter {
        source: Source::Hardware,
        ..software(number, name, short, every)
    }
}

/// All, sorted by name in each source.
pub static COUNTERS: &[Counter] = &[
    software(7, "alignment-faults", "", 1),
    software(10, "bpf-output", "", 1),
    software(3, "context-switches", "cs", 1000),
    software(0, "cpu-clock", "cpu", 1_000_000),
    software(4, "cpu-migrations", "", 1),
    software(9, "dummy", "", 1),
    software(8, "emulation-faults", "", 1),
    software(6, "major-faults", "", 1),
    software(5, "minor-faults", "", 100),
    software(2, "page-faults", "faults", 100),
    software(1, "task-clock", "", 1_000_000),
    hardware(8, "backend-stalls", "", 1_000_000),
    hardware(4, "branch-instructions", "branches", 100_000),
    hardware(5, "branch-misses", "", 100_000),
    hardware(6, "bus-cycles", "", 100_000),
    hardware(3, "cache-misses", "", 1_000_000),
    hardware(2, "cache-references", "", 1_000_000),
    hardware(0, "cpu-cycles", "cycles", 1_000_000),
    hardware(7, "frontend-stalls", "", 1_000_000),
    hardware(1, "instructions", "", 1_000_000),
    hardware(9, "ref-cycles", "", 1_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_both_names_in_their_source() {
        let number = |source, name| find(source, name).map(|c| c.number);
        assert_eq!(number(Source::Software, "faults"), Some(2));
        assert_eq!(number(Source::Software, "page-faults"), Some(2));
        assert_eq!(number(Source::Hardware, "cycles"), Some(0));
        assert_eq!(number(Source::Hardware, "page-faults"), None);
        assert_eq!(number(Source::Software, ""), None);
    }
}
