//! What is known of a kernel, as data that the pure stages ask for.
//!
//! In: `kernel::Live` reads this machine lazily (a script that needs no kernel types never parses BTF);
//! [`Fixed`] is plain data for tests. Out: answers for `sema` and `plan`. Never performs I/O itself.
//! Same script + same facts = same bytes.

use crate::types::btf::Btf;
use crate::types::task::TaskOffsets;

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
    /// Whether there is a raw tracepoint of that name.
    fn has_raw_tracepoint(&self, name: &str) -> bool {
        self.raw_tracepoints().iter().any(|known| known == name)
    }
    /// The number of its type, to which a program can be bound (`tp_btf`); `None` where the kernel does not tell.
    fn raw_tracepoint_type(&self, _name: &str) -> Option<u32> {
        None
    }
    /// Kernel functions that can be traced (text symbols), sorted; empty when unreadable.
    fn functions(&self) -> &[String];
    /// Functions of loaded modules that can be traced: module and function, sorted.
    fn module_functions(&self) -> &[(String, String)];
    /// The address of a symbol of the kernel, of the first one when there are several; `None` when it is not listed.
    ///
    /// # Errors
    /// Why addresses cannot be told, one sentence without a full stop.
    fn kernel_symbol(&self, name: &str) -> Result<Option<u64>, String>;
    /// The files that a program, a library (`libc`) or a pattern stands for, as absolute paths, sorted; empty when there is none.
    fn files(&self, name: &str) -> Vec<String>;
    /// What a file offers to probes.
    ///
    /// # Errors
    /// Why it cannot be read, one sentence without a full stop.
    fn binary(&self, path: &str) -> Result<&Binary, String>;
    /// Whether the kernel can do something.
    fn has(&self, feature: Feature) -> Support;
    /// The id of a cgroup (version 2) by the path of its directory; `None` when there is none.
    fn cgroup_id(&self, _path: &str) -> Option<u64> {
        None
    }
    /// Number of possible CPUs, >= 1.
    fn possible_cpus(&self) -> u32;
    /// See [`TaskOffsets`]; `None` without BTF.
    fn task(&self) -> Option<TaskOffsets> {
        TaskOffsets::of(self.btf()?)
    }
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
    /// uprobe, uretprobe and usdt.
    Uprobe,
    /// Iterators over tasks and other objects (5.8).
    Iterator,
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

/// A program or library, as far as it can be probed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Binary {
    /// Functions, sorted by name, each once.
    pub functions: Vec<UserFunction>,
    /// Its own tracepoints, in the order of the file; one with several places is there several times.
    pub tracepoints: Vec<UserTracepoint>,
    /// Where its loaded parts lie in the file.
    pub segments: Vec<Segment>,
}

impl Binary {
    /// Where in the file an address of its own is; `None` for one that is not loaded from it.
    pub fn offset(&self, address: u64) -> Option<u64> {
        let held = |s: &&Segment| (s.address..s.address + s.size).contains(&address);
        let segment = self.segments.iter().find(held)?;
        Some(address - segment.address + segment.offset)
    }
}

/// A function of a program or library.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserFunction {
    /// The linker's name (C++ and Rust: mangled).
    pub name: String,
    /// Its address in the file's own numbering.
    pub address: u64,
    /// Bytes; 0: not told.
    pub size: u64,
}

/// A tracepoint of a program or library (usdt), at one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserTracepoint {
    /// Who defines it.
    pub provider: String,
    /// Its name.
    pub name: String,
    /// Bytes from the file's start.
    pub at: u64,
    /// Of the counter that switches it on, bytes from the file's start; 0: it is always on.
    pub semaphore: u64,
    /// Where its arguments are, as the assembler wrote it: `-4@%edi 8@-8(%rbp)`.
    pub arguments: String,
}

/// A loaded part of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Address of its first byte.
    pub address: u64,
    /// Bytes that come from the file.
    pub size: u64,
    /// Bytes from the file's start.
    pub offset: u64,
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
    /// See [`Facts::module_functions`].
    pub module_functions: Vec<(String, String)>,
    /// Symbols of the kernel and their addresses.
    pub symbols: Vec<(String, u64)>,
    /// Programs and libraries by path, sorted.
    pub binaries: Vec<(String, Binary)>,
    /// Features it lacks, with the reason; all others it has.
    pub lacks: Vec<(Feature, String)>,
    /// See [`Facts::possible_cpus`].
    pub possible_cpus: u32,
    /// See [`Facts::task`]; `None`: what [`Fixed::btf`] says.
    pub task: Option<TaskOffsets>,
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
    fn module_functions(&self) -> &[(String, String)] {
        &self.module_functions
    }
    fn kernel_symbol(&self, name: &str) -> Result<Option<u64>, String> {
        let found = self.symbols.iter().find(|(known, _)| known == name);
        Ok(found.map(|(_, address)| *address))
    }
    fn files(&self, name: &str) -> Vec<String> {
        let is_meant =
            |path: &&String| path.as_str() == name || path.ends_with(&format!("/{name}"));
        let paths = self.binaries.iter().map(|(path, _)| path);
        paths.filter(is_meant).cloned().collect()
    }
    fn binary(&self, path: &str) -> Result<&Binary, String> {
        let found = self.binaries.iter().find(|(known, _)| known == path);
        found
            .map(|(_, b)| b)
            .ok_or_else(|| format!("there is no {path}"))
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
    fn task(&self) -> Option<TaskOffsets> {
        self.task.or_else(|| TaskOffsets::of(self.btf()?))
    }
}
