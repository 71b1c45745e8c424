//! What is known of a kernel, as data that the pure stages ask for.
//!
//! In: `kernel::Live` reads this machine lazily (a script that needs no kernel types never parses BTF);
//! [`Fixed`] is plain data for tests. Out: answers for `sema` and `plan`. Never performs I/O itself.
//! Same script + same facts = same bytes.

use crate::types::btf::Btf;

/// What the pure stages may ask about a kernel. An implementation may read lazily, but answers one question
/// always the same way.
pub trait Facts {
    /// The kernel's types; `None` when it has no BTF.
    fn btf(&self) -> Option<&Btf>;
    /// The record format of a tracepoint; `None` when there is none of that name (or it cannot be read).
    fn tracepoint(&self, category: &str, name: &str) -> Option<&TracepointFormat>;
    /// All `category:name`, sorted, for globs and nearest names; empty when tracefs cannot be read.
    fn tracepoints(&self) -> &[String];
    /// Names of raw tracepoints that can be attached, sorted.
    fn raw_tracepoints(&self) -> &[String];
    /// Kernel functions that can be traced (text symbols), sorted; empty when unreadable.
    fn functions(&self) -> &[String];
    /// Whether the kernel can do something.
    fn has(&self, feature: Feature) -> Support;
    /// Number of possible CPUs, >= 1.
    fn possible_cpus(&self) -> u32;
}

/// Answer to "can this kernel do it".
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Support {
    /// Yes.
    Yes,
    /// No, and why, one sentence without a full stop ("this kernel is built without CONFIG_KPROBES").
    No(String),
    /// Could not be told, and why.
    Unknown(String),
}

/// Things a plan may depend on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Feature {
    /// kprobe and kretprobe.
    Kprobe,
    /// fentry and fexit.
    Fentry,
    /// perf tracepoints (tracefs is readable).
    Tracepoint,
    /// raw tracepoints.
    RawTracepoint,
    /// Programs on perf events: timers and counters.
    PerfEvent,
    /// Counters of the CPU.
    HardwareCounter,
    /// BPF ring buffer (5.8).
    RingBuffer,
    /// Task storage in tracing programs (5.11).
    TaskStorage,
    /// Maps without preallocation are safe in every context (6.1).
    NoPreallocSafe,
    /// BPF has signed division (6.6, cpu v4).
    SignedDivision,
    /// `bpf_loop` (5.17).
    Loop,
}

/// A tracepoint's record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TracepointFormat {
    /// Its id in `perf_event_attr.config`.
    pub id: u64,
    /// In order, without the `common_` ones.
    pub fields: Vec<TracepointField>,
}

/// A field of a tracepoint's record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TracepointField {
    /// Its name.
    pub name: String,
    /// Its C type as tracefs prints it, e.g. `__data_loc char[]`, `const char *`, `unsigned long args[6]`.
    pub c_type: String,
    /// Bytes from the record's start.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// As tracefs says.
    pub signed: bool,
}

/// Facts as plain data, for golden tests and for plans for another kernel.
#[derive(Default)]
pub struct Fixed {
    /// See [`Facts::btf`].
    pub btf: Option<Btf>,
    /// `category:name` and format, sorted by name.
    pub formats: Vec<(String, TracepointFormat)>,
    /// See [`Facts::tracepoints`].
    pub tracepoints: Vec<String>,
    /// See [`Facts::raw_tracepoints`].
    pub raw_tracepoints: Vec<String>,
    /// See [`Facts::functions`].
    pub functions: Vec<String>,
    /// Features it lacks, with the reason; all others it has.
    pub lacks: Vec<(Feature, String)>,
    /// See [`Facts::possible_cpus`].
    pub possible_cpus: u32,
}

impl Facts for Fixed {
    fn btf(&self) -> Option<&Btf> {
        self.btf.as_ref()
    }
    fn tracepoint(&self, category: &str, name: &str) -> Option<&TracepointFormat> {
        let full = format!("{category}:{name}");
        let at = self
            .formats
            .binary_search_by(|(n, _)| n.as_str().cmp(&full))
            .ok()?;
        Some(&self.formats[at].1)
    }
    fn tracepoints(&self) -> &[String] {
        &self.tracepoints
    }
    fn raw_tracepoints(&self) -> &[String] {
        &self.raw_tracepoints
    }
    fn functions(&self) -> &[String] {
        &self.functions
    }
    fn has(&self, feature: Feature) -> Support {
        match self.lacks.iter().find(|(f, _)| *f == feature) {
            Some((_, why)) => Support::No(why.clone()),
            None => Support::Yes,
        }
    }
    fn possible_cpus(&self) -> u32 {
        self.possible_cpus.max(1)
    }
}
