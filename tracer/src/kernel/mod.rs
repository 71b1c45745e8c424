//! This machine's kernel, as facts: types, tracepoints, functions, features, privileges.
//!
//! In: `/sys`, `/proc`, tracefs and tiny test loads. Out: [`Live`], which answers [`Facts`] and reads
//! each thing once, when it is first asked for. Never attaches anything, never looks at a script.
//!
//! What cannot be read is an empty answer here; [`Live::has`] and the `*_error` questions say why.

mod binary;
mod cpus;
mod features;
mod files;
mod kallsyms;
mod kept;
pub mod lockdown;
pub mod privilege;
pub mod tracefs;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use thiserror::Error;

use crate::facts::{Binary, Facts, Feature, Support, TracepointFormat};
use crate::sys::mapped::Bytes;
use crate::types::btf::{Btf, BtfError, quick};
use crate::types::task::TaskOffsets;
use kept::Kept;
use privilege::Held;
use tracefs::{Tracefs, TracefsError};

/// Where the kernel shows its types.
const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";
/// How the kernel names the type behind a raw tracepoint.
const RAW_TRACEPOINT_PREFIX: &str = "btf_trace_";

/// Why the kernel's types are not there.
#[derive(Debug, Error)]
pub enum BtfUnread {
    /// No such file: a kernel without CONFIG_DEBUG_INFO_BTF, or `/sys` is not mounted.
    #[error(
        "this kernel has no BTF ({BTF_PATH} is missing: it is built without CONFIG_DEBUG_INFO_BTF)"
    )]
    Missing,
    /// It is there but cannot be read.
    #[error("read {BTF_PATH}")]
    Read(#[source] std::io::Error),
    /// It is malformed.
    #[error("{BTF_PATH} cannot be used: {0}")]
    Malformed(#[from] BtfError),
}

/// The running kernel. Cheap to make: nothing is read before it is asked for.
#[derive(Default)]
pub struct Live {
    held: OnceLock<Held>,
    btf: OnceLock<Result<Btf, BtfUnread>>,
    /// What [`Live::btf`] is made of, for a question that needs little of it.
    btf_bytes: OnceLock<Option<Bytes>>,
    task: OnceLock<Option<TaskOffsets>>,
    tracefs: OnceLock<Result<Tracefs, TracefsError>>,
    tracepoints: OnceLock<Result<Vec<String>, TracefsError>>,
    formats: Kept<Option<TracepointFormat>>,
    raw_tracepoints: OnceLock<Vec<String>>,
    functions: OnceLock<Vec<String>>,
    module_functions: OnceLock<Vec<(String, String)>>,
    possible_cpus: OnceLock<u32>,
    binaries: Kept<Result<Binary, String>>,
    features: [OnceLock<Support>; features::COUNT],
}

impl Live {
    /// Reads nothing yet.
    pub fn new() -> Live {
        Live::default()
    }

    /// The capabilities of this process.
    pub fn held(&self) -> &Held {
        self.held.get_or_init(Held::of_this_process)
    }

    /// What was done to the machine to get an answer, for people: one sentence each.
    pub fn notices(&self) -> Vec<String> {
        match self.tracefs.get() {
            Some(Ok(tracefs)) if tracefs.mounted_now() => vec![format!(
                "tracefs was not mounted; mounted it at {}",
                tracefs.root().display()
            )],
            _ => Vec::new(),
        }
    }

    /// The kernel's types, or why there are none.
    ///
    /// # Errors
    /// When the file is missing, unreadable or malformed.
    pub fn types(&self) -> Result<&Btf, &BtfUnread> {
        self.btf.get_or_init(read_btf).as_ref()
    }

    /// tracefs, mounted if need be and possible.
    ///
    /// # Errors
    /// When there is none and it could not be mounted.
    pub fn tracefs(&self) -> Result<&Tracefs, &TracefsError> {
        self.tracefs
            .get_or_init(|| Tracefs::find_or_mount(self.held()))
            .as_ref()
    }

    /// All tracepoints, or why they cannot be told.
    ///
    /// # Errors
    /// When tracefs is not there or cannot be read.
    pub fn tracepoint_names(&self) -> Result<&[String], &TracefsError> {
        let tracefs = self.tracefs()?;
        self.tracepoints
            .get_or_init(|| tracefs.tracepoints())
            .as_ref()
            .map(Vec::as_slice)
    }

    /// The bytes of the kernel's types; none once all of them are known and there is nothing to save.
    fn unread_btf(&self) -> Option<&[u8]> {
        if self.btf.get().is_some() {
            return None;
        }
        let bytes = || Bytes::of(Path::new(BTF_PATH)).ok();
        self.btf_bytes.get_or_init(bytes).as_deref()
    }

    fn read_functions(&self) -> Vec<String> {
        let listed = self.tracefs().ok().and_then(|t| t.functions().ok());
        listed.unwrap_or_else(|| {
            // Better than nothing where tracefs is closed: it has functions that cannot be traced too.
            let names = self.btf().into_iter().flat_map(Btf::functions);
            sorted(names.map(|(name, _)| name.to_string()).collect())
        })
    }

    fn read_module_functions(&self) -> Vec<(String, String)> {
        let listed = self.tracefs().ok();
        let listed = listed.and_then(|t| t.module_functions().ok());
        listed.unwrap_or_else(kallsyms::module_functions)
    }

    fn read_raw_tracepoints(&self) -> Vec<String> {
        match self.btf() {
            Some(btf) => raw_tracepoints_of(btf),
            // An event's name is the tracepoint's name but for a few; those of system calls are no tracepoints.
            None => sorted(
                self.tracepoints()
                    .iter()
                    .filter(|full| !full.starts_with("syscalls:"))
                    .filter_map(|full| Some(full.split_once(':')?.1.to_string()))
                    .collect(),
            ),
        }
    }
}

/// The raw tracepoints that a kernel's types tell of, sorted. Each has a typedef `btf_trace_NAME`.
pub fn raw_tracepoints_of(btf: &Btf) -> Vec<String> {
    let names = btf
        .typedefs()
        .filter_map(|(name, _)| name.strip_prefix(RAW_TRACEPOINT_PREFIX));
    sorted(names.map(str::to_string).collect())
}

fn read_btf() -> Result<Btf, BtfUnread> {
    let bytes = Bytes::of(Path::new(BTF_PATH)).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => BtfUnread::Missing,
        _ => BtfUnread::Read(error),
    })?;
    Ok(Btf::parse(bytes.into())?)
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

impl Facts for Live {
    fn btf(&self) -> Option<&Btf> {
        self.types().ok()
    }

    fn task(&self) -> Option<TaskOffsets> {
        *self.task.get_or_init(|| {
            let found = self.unread_btf().and_then(TaskOffsets::in_bytes);
            found.or_else(|| TaskOffsets::of(self.btf()?))
        })
    }

    fn tracepoint(&self, category: &str, name: &str) -> Option<&TracepointFormat> {
        let tracefs = self.tracefs().ok()?;
        self.formats
            .get_or_insert(&format!("{category}:{name}"), || {
                tracefs.format(category, name).ok()
            })
            .as_ref()
    }

    fn tracepoints(&self) -> &[String] {
        self.tracepoint_names().unwrap_or_default()
    }

    fn raw_tracepoints(&self) -> &[String] {
        self.raw_tracepoints
            .get_or_init(|| self.read_raw_tracepoints())
    }

    fn has_raw_tracepoint(&self, name: &str) -> bool {
        let typedef = format!("{RAW_TRACEPOINT_PREFIX}{name}");
        let quick = |bytes| quick::has_name(bytes, &typedef);
        let listed = || self.raw_tracepoints().iter().any(|known| known == name);
        self.unread_btf().and_then(quick).unwrap_or_else(listed)
    }

    fn raw_tracepoint_type(&self, name: &str) -> Option<u32> {
        let typedef = format!("{RAW_TRACEPOINT_PREFIX}{name}");
        let quick = |bytes| quick::typedef(bytes, &typedef);
        let listed = || {
            let mut all = self.btf()?.typedefs();
            all.find(|(known, _)| *known == typedef).map(|(_, id)| id.0)
        };
        self.unread_btf().and_then(quick).or_else(listed)
    }

    fn functions(&self) -> &[String] {
        self.functions.get_or_init(|| self.read_functions())
    }

    fn module_functions(&self) -> &[(String, String)] {
        self.module_functions
            .get_or_init(|| self.read_module_functions())
    }

    fn kernel_symbol(&self, name: &str) -> Result<Option<u64>, String> {
        kallsyms::address(name)
    }

    fn files(&self, name: &str) -> Vec<String> {
        files::find(name)
    }

    fn binary(&self, path: &str) -> Result<&Binary, String> {
        let read = self.binaries.get_or_insert(path, || binary::read(path));
        read.as_ref().map_err(Clone::clone)
    }

    fn has(&self, feature: Feature) -> Support {
        self.features[feature as usize]
            .get_or_init(|| features::probe(feature, self))
            .clone()
    }

    fn cgroup_id(&self, path: &str) -> Option<u64> {
        use std::os::unix::fs::MetadataExt;
        // The id is the number of the directory's inode (kernfs_node.id in fs/kernfs).
        let meta = fs::metadata(path).ok()?;
        meta.is_dir().then(|| meta.ino())
    }

    fn possible_cpus(&self) -> u32 {
        *self.possible_cpus.get_or_init(cpus::possible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::btf::Builder;

    #[test]
    fn raw_tracepoints_are_typedefs() {
        let mut b = Builder::new();
        let int = b.int("int", 4, true);
        for name in ["btf_trace_b", "other", "btf_trace_a", "btf_trace_a"] {
            b.typedef(name, int);
        }
        let btf = b.build().unwrap();
        assert_eq!(raw_tracepoints_of(&btf), ["a", "b"]);
    }

    #[test]
    fn task_offsets_are_bytes() {
        let mut b = Builder::new();
        let int = b.int("int", 4, true);
        b.structure(
            "task_struct",
            16,
            &[
                ("tgid", int, 32, 0),
                ("real_parent", int, 64, 0),
                ("pid", int, 0, 0),
                ("comm", int, 96, 0),
            ],
        );
        let btf = b.build().unwrap();
        let offsets = TaskOffsets {
            real_parent: 8,
            tgid: 4,
            pid: 0,
            comm: 12,
        };
        assert_eq!(TaskOffsets::of(&btf), Some(offsets));
        let empty = Builder::new().build().unwrap();
        assert_eq!(TaskOffsets::of(&empty), None);
    }

    #[test]
    fn the_running_kernel_answers() {
        let live = Live::new();
        assert!(live.possible_cpus() >= 1);
        if live.types().is_ok() {
            assert!(live.task().is_some());
            let raw = live.raw_tracepoints();
            assert!(raw.iter().any(|n| n == "sys_enter"));
            assert!(raw.is_sorted());
        }
        if live.tracepoint_names().is_ok() {
            let format = live.tracepoint("sched", "sched_process_exec").unwrap();
            let names: Vec<&str> = format.fields.iter().map(|f| f.name.as_str()).collect();
            assert_eq!(names, ["filename", "pid", "old_pid"]);
            assert!(live.tracepoint("sched", "no_such_event").is_none());
        }
    }
}
