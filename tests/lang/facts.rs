//! A small kernel that never was: the facts that language cases are checked and planned for.
//!
//! In: what a case says the kernel lacks. Out: [`Fixed`] facts. Never reads the machine.

use tracer::facts::{Feature, Fixed, TracepointField, TracepointFormat};
use tracer::types::btf::{Btf, Builder};

/// Four CPUs; two tracepoints, two raw tracepoints, two functions; every feature but those named.
pub fn kernel(lacks: &[String]) -> Fixed {
    let mut formats = vec![
        ("sched:sched_process_exec".to_owned(), exec_format()),
        ("sched:sched_switch".to_owned(), switch_format()),
    ];
    formats.sort_by(|a, b| a.0.cmp(&b.0));
    let strings = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Fixed {
        btf: Some(btf()),
        tracepoints: formats.iter().map(|(name, _)| name.clone()).collect(),
        formats,
        raw_tracepoints: strings(&["sched_switch", "sched_wakeup"]),
        functions: strings(&["kernel_clone", "vfs_read"]),
        lacks: lacks.iter().map(|name| lacking(name)).collect(),
        possible_cpus: 4,
    }
}

fn lacking(name: &str) -> (Feature, String) {
    let features = [
        Feature::Kprobe,
        Feature::Fentry,
        Feature::TaskStorage,
        Feature::NoPreallocSafe,
    ];
    let found = features.into_iter().find(|f| format!("{f:?}") == name);
    let feature = found.unwrap_or_else(|| panic!("no feature {name} to lack"));
    (feature, "this kernel was built without it".to_owned())
}

fn field(name: &str, c_type: &str, offset: u32, size: u32, signed: bool) -> TracepointField {
    TracepointField {
        name: name.to_owned(),
        c_type: c_type.to_owned(),
        offset,
        size,
        signed,
    }
}

fn exec_format() -> TracepointFormat {
    TracepointFormat {
        id: 300,
        fields: vec![
            field("filename", "__data_loc char[]", 8, 4, false),
            field("pid", "pid_t", 12, 4, true),
            field("old_pid", "pid_t", 16, 4, true),
        ],
    }
}

fn switch_format() -> TracepointFormat {
    TracepointFormat {
        id: 301,
        fields: vec![
            field("prev_comm", "char[16]", 8, 16, false),
            field("prev_pid", "pid_t", 24, 4, true),
            field("next_comm", "char[16]", 28, 16, false),
            field("next_pid", "pid_t", 44, 4, true),
        ],
    }
}

/// `pid_t kernel_clone(struct kernel_clone_args *args)` and
/// `ssize_t vfs_read(struct file *file, char *buf, size_t count)`.
fn btf() -> Btf {
    let mut b = Builder::new();
    let u64_ = b.int("unsigned long", 8, false);
    let i64_ = b.int("long", 8, true);
    let i32_ = b.int("int", 4, true);
    let char_ = b.char("char");
    let clone_args = b.structure(
        "kernel_clone_args",
        16,
        &[("flags", u64_, 0, 0), ("exit_signal", i32_, 64, 0)],
    );
    let args = b.pointer(clone_args);
    let clone = b.proto(i32_, &[("args", args)]);
    b.func("kernel_clone", clone);
    let file = b.structure("file", 8, &[("f_flags", u64_, 0, 0)]);
    let file = b.pointer(file);
    let buf = b.pointer(char_);
    let read = b.proto(i64_, &[("file", file), ("buf", buf), ("count", u64_)]);
    b.func("vfs_read", read);
    b.build().expect("the types are well-formed")
}
