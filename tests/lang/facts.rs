//! A small kernel that never was: the facts that language cases are checked and planned for.
//!
//! In: what a case says the kernel lacks. Out: [`Fixed`] facts. Never reads the machine.

use tracer::facts::{
    Binary, Feature, Fixed, Segment, TracepointField, TracepointFormat, UserFunction,
    UserTracepoint,
};
use tracer::types::btf::{Btf, Builder, TypeId};

/// Four CPUs; a few tracepoints, raw tracepoints and functions; every feature but those named. `Btf` and `Tracefs`
/// can be lacking too.
pub fn kernel(lacks: &[String]) -> Fixed {
    let without = |name: &str| lacks.iter().any(|l| l == name);
    let mut formats = vec![
        ("sched:sched_process_exec".to_owned(), exec_format()),
        ("sched:sched_switch".to_owned(), switch_format()),
        ("vfs:vfs_sample".to_owned(), sample_format()),
    ];
    if without("Tracefs") {
        formats.clear();
    }
    formats.sort_by(|a, b| a.0.cmp(&b.0));
    let strings = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Fixed {
        btf: (!without("Btf")).then(btf),
        tracepoints: formats.iter().map(|(name, _)| name.clone()).collect(),
        formats,
        raw_tracepoints: strings(&["sched_switch", "sched_wakeup"]),
        functions: strings(&["kernel_clone", "kfree", "vfs_read", "vfs_readlink"]),
        module_functions: [
            ("other_net", "act"),
            ("sample_net", "act"),
            ("sample_net", "sample_open"),
        ]
        .map(|(module, function)| (module.to_owned(), function.to_owned()))
        .to_vec(),
        binaries: binaries(),
        symbols: vec![("avenrun".to_owned(), 0xffff_ffff_8200_0000)],
        lacks: lacks
            .iter()
            .filter(|name| *name != "Btf")
            .map(|name| lacking(name))
            .collect(),
        possible_cpus: 4,
        task: None,
    }
}

/// A program with functions of C and C++ and two tracepoints, one of them at two places, and a library.
fn binaries() -> Vec<(String, Binary)> {
    let function = |name: &str, address| UserFunction {
        name: name.to_owned(),
        address,
        size: 16,
    };
    let tracepoint = |name: &str, at, semaphore, arguments: &str| UserTracepoint {
        provider: "sample".to_owned(),
        name: name.to_owned(),
        at,
        semaphore,
        arguments: arguments.to_owned(),
    };
    let segments = vec![Segment {
        address: 0x401_000,
        size: 0x1000,
        offset: 0x1000,
    }];
    let program = Binary {
        functions: vec![
            function("_ZN2ns4workEi", 0x401_300),
            function("_ZN2ns4workEl", 0x401_340),
            function("main", 0x401_100),
            function("read_line", 0x401_200),
            function("read_word", 0x401_240),
        ],
        tracepoints: vec![
            tracepoint("begin", 0x1104, 0, "-4@%edi 8@%rsi"),
            tracepoint("step", 0x1204, 0x1ff0, "8@-8(%rbp)"),
            tracepoint("step", 0x1244, 0x1ff0, "-4@$7"),
        ],
        segments: segments.clone(),
    };
    let library = Binary {
        functions: vec![function("free", 0x401_500), function("malloc", 0x401_400)],
        tracepoints: Vec::new(),
        segments,
    };
    vec![
        ("/bin/sample".to_owned(), program),
        ("/lib/libc".to_owned(), library),
    ]
}

fn lacking(name: &str) -> (Feature, String) {
    let features = [
        Feature::Kprobe,
        Feature::Fentry,
        Feature::Uprobe,
        Feature::Iterator,
        Feature::PerfEvent,
        Feature::HardwareCounter,
        Feature::TaskStorage,
        Feature::NoPreallocSafe,
    ];
    let found = match name {
        "Tracefs" => Some(Feature::Tracepoint),
        _ => features.into_iter().find(|f| format!("{f:?}") == name),
    };
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

/// One field of each kind.
fn sample_format() -> TracepointFormat {
    TracepointFormat {
        id: 302,
        fields: vec![
            field("name", "__rel_loc char[]", 8, 4, false),
            field("words", "unsigned long[2]", 16, 16, false),
            field("file", "struct file *", 32, 8, false),
            field("label", "const char *", 40, 8, false),
            field("small", "u8", 48, 1, false),
            field("flag", "bool", 49, 1, false),
            field("odd", "struct odd", 52, 12, false),
        ],
    }
}

/// `pid_t kernel_clone(struct kernel_clone_args *args)` and
/// `ssize_t vfs_read(struct file *file, char *buf, size_t count)`, and what [`functions`] and [`task`] add.
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
    let (file, path) = file(&mut b, u64_);
    let buf = b.pointer(char_);
    let read = b.proto(i64_, &[("file", file), ("buf", buf), ("count", u64_)]);
    b.func("vfs_read", read);
    functions(&mut b, file, i32_);
    let memory = b.structure("mm_struct", 8, &[("exe_file", file, 0, 0)]);
    let members = [("pwd", path, 0, 0), ("root", path, 128, 0)];
    let places = b.structure("fs_struct", 32, &members);
    let [memory, places] = [memory, places].map(|ty| b.pointer(ty));
    let task = task(&mut b, [u64_, i64_, i32_, char_], [memory, places]);
    iterators(&mut b, task, file);
    for (name, members) in NAMES_OF_FILES {
        let members: Vec<_> = (0..).zip(*members).collect();
        let members: Vec<_> = members
            .iter()
            .map(|(at, m)| (**m, u64_, 64 * at, 0))
            .collect();
        b.structure(name, 8 * members.len() as u32, &members);
    }
    b.build().expect("the types are well-formed")
}

/// What names of files and sockets are found by, as far as it is not built by itself. The offsets mean nothing.
const NAMES_OF_FILES: &[(&str, &[&str])] = &[
    ("files_struct", &["fdt"]),
    ("fdtable", &["max_fds", "fd"]),
    ("inode", &["i_mode", "i_ino", "i_rdev", "i_sb"]),
    ("super_block", &["s_magic"]),
    ("dentry", &["d_parent", "d_name", "d_hash", "d_inode"]),
    ("qstr", &["name", "len"]),
    ("hlist_bl_node", &["pprev"]),
    ("vfsmount", &["mnt_root"]),
    ("mount", &["mnt", "mnt_parent", "mnt_mountpoint"]),
    ("socket", &["sk", "type"]),
    ("socket_alloc", &["socket", "vfs_inode"]),
    (
        "sock_common",
        &[
            "skc_family",
            "skc_daddr",
            "skc_rcv_saddr",
            "skc_dport",
            "skc_num",
            "skc_v6_daddr",
            "skc_v6_rcv_saddr",
        ],
    ),
    ("sock", &["__sk_common", "sk_protocol", "sk_socket"]),
    ("unix_sock", &["addr", "peer"]),
    ("unix_address", &["len", "name"]),
];

/// `struct file *`, and the `struct path` that one has.
fn file(b: &mut Builder, u64_: TypeId) -> (TypeId, TypeId) {
    let void = b.pointer(TypeId::VOID);
    let path = b.structure("path", 16, &[("mnt", void, 0, 0), ("dentry", void, 64, 0)]);
    let members = [
        ("f_flags", u64_, 0, 0),
        ("f_path", path, 64, 0),
        ("f_inode", u64_, 192, 0),
        ("private_data", u64_, 256, 0),
    ];
    let file = b.structure("file", 40, &members);
    (b.pointer(file), path)
}

/// `int vfs_readlink(struct file *, bool)`, `void kfree(void)`, the hook of `sched_wakeup`, and a function that takes a
/// struct by value.
fn functions(b: &mut Builder, file: TypeId, int: TypeId) {
    let flag = b.bool("_Bool");
    let readlink = b.proto(int, &[("file", file), ("force", flag)]);
    b.func("vfs_readlink", readlink);
    let pair = b.structure("pair", 16, &[("low", int, 0, 0), ("high", int, 64, 0)]);
    let kfree = b.proto(TypeId::VOID, &[("both", pair), ("behind", int)]);
    b.func("kfree", kfree);
    let void = b.pointer(TypeId::VOID);
    let wakeup = b.proto(
        TypeId::VOID,
        &[("__data", void), ("file", file), ("success", flag)],
    );
    b.func("__traceiter_sched_wakeup", wakeup);
}

/// Walks over tasks and their open files. Each member is alone in a union, as the kernel has it.
fn iterators(b: &mut Builder, task: TypeId, file: TypeId) {
    let u32_ = b.int("u32", 4, false);
    let meta = b.structure("bpf_iter_meta", 8, &[("session_id", u32_, 0, 0)]);
    let (meta, task) = (b.pointer(meta), b.pointer(task));
    let [meta, task, file] = [("meta", meta), ("task", task), ("file", file)]
        .map(|(name, ty)| b.union("", 8, &[(name, ty, 0, 0)]));
    let members = [("", meta, 0, 0), ("", task, 64, 0)];
    b.structure("bpf_iter__task", 16, &members);
    let files = [("fd", u32_, 128, 0), ("", file, 192, 0)];
    b.structure("bpf_iter__task_file", 32, &[members, files].concat());
    let walk = b.proto(TypeId::VOID, &[]);
    b.func("bpf_iter_task", walk);
    b.func("bpf_iter_task_file", walk);
}

/// `struct task_struct` with a nested, an anonymous and an array member, text, bit fields, an enum, an integer that is
/// too wide, pointers to itself, to its memory and to its places in the file system; `struct pointed`, which lies otherwise in 32-bit programs.
fn task(
    b: &mut Builder,
    [u64_, i64_, i32_, char_]: [TypeId; 4],
    [memory, places]: [TypeId; 2],
) -> TypeId {
    let u32_ = b.int("unsigned int", 4, false);
    let state = b.enumeration("task_state", &[("TASK_SAMPLE", 0), ("TASK_OTHER", 7)]);
    let entity = b.structure(
        "entity",
        16,
        &[("runtime", u64_, 0, 0), ("weight", i64_, 64, 0)],
    );
    let anonymous = b.union("", 8, &[("flags", u64_, 0, 0), ("low_flags", u32_, 0, 0)]);
    let comm = b.array(char_, 16);
    let label = b.array(char_, 20);
    let counts = b.array(u32_, 4);
    let huge = b.int("__int128", 16, true);
    // A struct that points to itself names the id that it will get: the pointer comes first.
    let itself = TypeId(b.pointer(TypeId::VOID).0 + 2);
    let parent = b.pointer(itself);
    let members = [
        ("tgid", i32_, 0, 0),
        ("state", state, 32, 0),
        ("real_parent", parent, 64, 0),
        ("se", entity, 128, 0),
        ("", anonymous, 256, 0),
        ("comm", comm, 320, 0),
        ("label", label, 448, 0),
        ("counts", counts, 608, 0),
        ("exiting", u32_, 736, 1),
        ("kind", u32_, 737, 5),
        ("huge", huge, 768, 0),
        ("mm", memory, 896, 0),
        ("fs", places, 960, 0),
        ("files", places, 1024, 0),
    ];
    assert_eq!(b.structure("task_struct", 136, &members), itself);
    let text = b.pointer(char_);
    b.structure(
        "pointed",
        16,
        &[("text", text, 0, 0), ("count", i64_, 64, 0)],
    );
    itself
}
