//! A firing through each attach mechanism. What a kernel lacks is said by name here; the guests have it.

use super::*;
use crate::facts::{Facts as _, Feature, Support};
use crate::ir::Mechanism;
use crate::kernel::Live;
use crate::plan::{At, FunctionPlace, TracepointPlace};
use std::fs;

/// Whether this test can run here: privilege, and what the kernel is asked for.
fn possible(test: &str, feature: Feature) -> bool {
    if !privileged(test) {
        return false;
    }
    match Live::new().has(feature) {
        Support::Yes => true,
        Support::No(why) | Support::Unknown(why) => {
            eprintln!("not checked, {why}: {test}");
            false
        }
    }
}

/// Counts by thread at `hook` while this thread reads a file `times` times; whether some thread was counted so often.
fn counted(section: &str, hook: Hook, times: u64) -> bool {
    let mut code = Code::default();
    code.call("rt_gate").end_if_zero();
    count_by_thread(&mut code, &|code| {
        code.map(1, "AT_x");
    });
    let function = code.finish("program", section);
    let plan = plan(vec![("program", hook)], false);
    let mut loaded = load(&plan, vec![function], 0, Exclusion::default());
    loaded.attach_all().expect("attaches");
    loaded.open().expect("opens");
    for _ in 0..times {
        // A file of a few bytes is read with one call for them and one for its end.
        fs::read("/proc/self/comm").expect("procfs");
    }
    loaded.close().expect("closes");
    let table = loaded.read_map(MapId(0), 0).expect("reads");
    counts(&table).iter().any(|&count| count >= times)
}

fn vfs_read(mechanism: Mechanism) -> Hook {
    Hook::Functions {
        mechanism,
        places: vec![At {
            place: FunctionPlace {
                function: "vfs_read".to_owned(),
                module: None,
                offset: 0,
            },
            cookie: 0,
        }],
    }
}

#[test]
fn a_raw_tracepoint_fires() {
    if possible("a_raw_tracepoint_fires", Feature::RawTracepoint) {
        let hook = Hook::RawTracepoint("sys_enter".to_owned());
        assert!(counted("raw_tp/sys_enter", hook, 50));
    }
}

#[test]
fn a_tracepoint_fires() {
    if possible("a_tracepoint_fires", Feature::Tracepoint) {
        let hook = Hook::Tracepoints(vec![At {
            place: TracepointPlace {
                category: "raw_syscalls".to_owned(),
                name: "sys_enter".to_owned(),
            },
            cookie: 0,
        }]);
        assert!(counted("tracepoint/raw_syscalls/sys_enter", hook, 50));
    }
}

#[test]
fn a_kprobe_fires() {
    if possible("a_kprobe_fires", Feature::Kprobe) {
        let hook = vfs_read(Mechanism::Kprobe);
        assert!(counted("kprobe/vfs_read", hook, 50));
    }
}

#[test]
fn a_kretprobe_fires() {
    if possible("a_kretprobe_fires", Feature::Kprobe) {
        let hook = vfs_read(Mechanism::Kretprobe);
        assert!(counted("kretprobe/vfs_read", hook, 50));
    }
}

#[test]
fn fentry_fires() {
    if possible("fentry_fires", Feature::Fentry) {
        let hook = vfs_read(Mechanism::Fentry);
        assert!(counted("fentry/vfs_read", hook, 50));
    }
}

#[test]
fn fexit_fires() {
    if possible("fexit_fires", Feature::Fentry) {
        let hook = vfs_read(Mechanism::Fexit);
        assert!(counted("fexit/vfs_read", hook, 50));
    }
}
