//! Tests of the listing, on facts of a kernel that is not this one.

use super::*;
use crate::facts::{Feature, Fixed, TracepointField, TracepointFormat};
use crate::types::btf::{Builder, TypeId};

fn field(c_type: &str, name: &str) -> TracepointField {
    TracepointField {
        name: name.to_string(),
        c_type: c_type.to_string(),
        offset: 8,
        size: 8,
        signed: false,
    }
}

/// A kernel with two tracepoints, a raw one, two functions, and what serves them.
fn kernel() -> Fixed {
    let mut b = Builder::new();
    let int = b.int("int", 4, true);
    let file = b.structure("file", 8, &[]);
    let pointer = b.pointer(file);
    let read = b.proto(int, &[("file", pointer), ("", int)]);
    b.func("vfs_read", read);
    let hook = b.proto(int, &[("__data", pointer), ("preempt", int)]);
    b.func("__traceiter_sched_switch", hook);
    let nothing = b.proto(TypeId::VOID, &[]);
    b.func("not_traceable", nothing);
    let strings = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let format = TracepointFormat {
        id: 1,
        fields: vec![
            field("const char *", "path"),
            field("unsigned long args[6]", "args"),
            field("__data_loc char[]", "filename"),
            field("pid_t", "pid"),
        ],
    };
    Fixed {
        btf: Some(b.build().unwrap()),
        formats: vec![("sched:sched_process_exec".to_string(), format)],
        tracepoints: strings(&["sched:sched_process_exec", "sched:sched_switch"]),
        raw_tracepoints: strings(&["sched_switch"]),
        functions: strings(&["undescribed", "vfs_read"]),
        module_functions: Vec::new(),
        binaries: Vec::new(),
        symbols: Vec::new(),
        lacks: Vec::new(),
        possible_cpus: 1,
        task: None,
    }
}

/// The same without probes on functions.
fn poorer_kernel() -> Fixed {
    let lack = |feature, why: &str| (feature, why.to_string());
    Fixed {
        lacks: vec![
            lack(Feature::Kprobe, "no CONFIG_KPROBES"),
            lack(Feature::Fentry, "refused"),
        ],
        ..kernel()
    }
}

fn listed(pattern: &str, verbose: bool) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    match list(&kernel(), pattern, verbose, &mut out) {
        Ok(_) => Ok(String::from_utf8(out)
            .unwrap()
            .lines()
            .map(str::to_string)
            .collect()),
        Err(failure) => Err(failure.to_string()),
    }
}

#[test]
fn names_are_listed_by_provider() {
    let names = listed("*sched_*", false).unwrap();
    assert_eq!(
        names,
        [
            "syscall:sched_get_priority_max",
            "syscall:sched_get_priority_min",
            "syscall:sched_getaffinity",
            "syscall:sched_getattr",
            "syscall:sched_getparam",
            "syscall:sched_getscheduler",
            "syscall:sched_rr_get_interval",
            "syscall:sched_rr_get_interval_time64",
            "syscall:sched_setaffinity",
            "syscall:sched_setattr",
            "syscall:sched_setparam",
            "syscall:sched_setscheduler",
            "syscall:sched_yield",
            "tracepoint:sched:sched_process_exec",
            "tracepoint:sched:sched_switch",
            "rawtracepoint:sched_switch",
        ]
    );
    assert_eq!(listed("fentry:*", false).unwrap(), ["fentry:vfs_read"]);
}

#[test]
fn arguments_are_declared() {
    let of = |pattern| listed(pattern, true).unwrap()[1..].to_vec();
    assert_eq!(
        of("tracepoint:sched:sched_process_exec"),
        [
            "    const char *path",
            "    unsigned long args[6]",
            "    __data_loc char[] filename",
            "    pid_t pid",
        ]
    );
    assert_eq!(of("rawtracepoint:sched_switch"), ["    int preempt"]);
    assert_eq!(
        of("fexit:vfs_read"),
        ["    struct file *file", "    int arg1", "    int retval"]
    );
    assert_eq!(of("fentry:vfs_read").len(), 2);
    let openat = of("syscall:openat");
    assert!(openat.contains(&"    string filename".to_string()));
    assert_eq!(openat.last().unwrap(), "    int64 retval");
    assert!(
        of("syscall:clone3")
            .iter()
            .any(|l| l.starts_with("    uint64 flags"))
    );
    assert!(of("syscall:socketcall")[0].contains("32-bit"));
}

#[test]
fn each_provider_says_what_it_offers() {
    let of = |pattern| listed(pattern, true).unwrap();
    let begin = [
        "BEGIN",
        "    // once, before everything else: BEGIN",
        "END",
        "    // once, after everything else: END",
    ];
    assert_eq!([of("begin"), of("E*D")].concat(), begin);
    assert_eq!(
        of("kprobe:vfs_read")[1..],
        [
            "    uint64 arg0 // struct file *file",
            "    uint64 arg1 // int arg1"
        ]
    );
    let faults = "    // each time 100 more were counted, or as many as a number says: software:page-faults:100";
    assert_eq!(of("s:page-faults")[1], faults);
    assert_eq!(
        of("uretprobe")[..2],
        ["uretprobe:PATH:FUNCTION", "    int64 retval"]
    );
    assert!(!of("self").iter().any(|line| line.contains("SIGKILL")));
    // This kernel has no walks, and no format of one tracepoint.
    let told = PROVIDERS
        .iter()
        .filter(|p| !["iter", "tracepoint"].contains(&p.name));
    for provider in told {
        let lines = of(provider.name);
        let names = lines.iter().filter(|line| !line.starts_with(' ')).count();
        let begun = lines
            .windows(2)
            .filter(|w| !w[0].starts_with(' ') && w[1].starts_with(' '));
        assert_eq!(begun.count(), names, "{lines:?}");
    }
}

#[test]
fn examples_are_probes() {
    let lines = listed("*", true).unwrap();
    let comments = lines
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("// "));
    let examples = comments.filter_map(|comment| Some(comment.rsplit_once(": ")?.1));
    let probes: Vec<&str> = examples
        .filter(|e| !e.starts_with("reg(") && !e.starts_with("tracer "))
        .collect();
    assert!(probes.len() > 40, "{probes:?}");
    for probe in probes {
        let (script, wrong) = crate::syntax::parse(&format!("{probe} {{ exit(); }}"), &[]);
        assert!(wrong.is_empty(), "{probe}: {wrong:?}");
        let (_, wrong) = crate::sema::check(&script, &kernel());
        assert!(wrong.is_empty(), "{probe}: {wrong:?}");
    }
}

#[test]
fn a_missing_kind_says_why() {
    let mut out = Vec::new();
    let failure = list(&poorer_kernel(), "kprobe:vfs_read", false, &mut out).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "tracer: no probe matches `kprobe:vfs_read`; no kprobe here: no CONFIG_KPROBES\n"
    );
    let left_out = list(&poorer_kernel(), "*", false, &mut out).ok().unwrap();
    assert_eq!(
        left_out,
        [
            "no kprobe, kretprobe here: no CONFIG_KPROBES",
            "no fentry, fexit here: refused"
        ]
    );
}

#[test]
fn either_mechanism_serves_functions() {
    let facts = Fixed {
        lacks: vec![(Feature::Kprobe, "no CONFIG_KPROBES".to_string())],
        ..kernel()
    };
    let mut out = Vec::new();
    list(&facts, "kprobe:vfs_*", false, &mut out).ok().unwrap();
    assert_eq!(out, b"kprobe:vfs_read\n");
}

#[test]
fn a_wrong_name_gets_the_nearest() {
    let error = |pattern| listed(pattern, false).unwrap_err();
    assert!(error("syscall:opnat").contains("did you mean `syscall:openat`"));
    assert!(error("openat").contains("`syscall:openat`"));
    assert!(error("t:sched:sched_swich").contains("`tracepoint:sched:sched_switch`"));
    assert!(error("syscall:zzzzzz").contains("no probe matches `syscall:zzzzzz`"));
}

/// A pipe whose reader has gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    let result = list(&kernel(), "*", false, &mut Closed);
    assert!(matches!(result, Err(Failure::Closed)));
}
