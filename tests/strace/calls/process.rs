//! Processes, threads, signals, limits, credentials.
//!
//! In: a bench. Out: calls that are about this process alone. Never a number of a process but its own, and never one
//! below 1: `kill(-1, …)` ends everybody.

#![allow(unsafe_code, reason = "children are made by a plain fork")]

use super::{CWD, NONE, bits};
use crate::bench::{Bench, F, N, P, T};
use libc::*;

pub fn all(b: &mut Bench) {
    identity(b);
    programs(b);
    signals(b);
    limits(b);
    scheduling(b);
    properties(b);
    threads(b);
}

fn own() -> u64 {
    u64::from(std::process::id())
}

fn identity(b: &mut Bench) {
    for name in [
        "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getpgrp",
    ] {
        b.call(name, &[]);
    }
    b.call("getpgid", &[N(0)]);
    b.call("getsid", &[N(own())]);
    b.call("setpgid", &[N(NONE), N(0)]);
    for name in ["getresuid", "getresgid"] {
        let (one, two, three) = (b.words(&[9]), b.words(&[9]), b.words(&[9]));
        b.call(name, &[P(one), P(two), P(three)]);
    }
    for name in ["setresuid", "setresgid"] {
        b.call(name, &[N(NONE), N(0xffff_ffff), N(NONE)]);
    }
    for name in ["setreuid", "setregid"] {
        b.call(name, &[N(NONE), N(NONE)]);
    }
    for name in ["setfsuid", "setfsgid"] {
        b.call(name, &[N(NONE)]);
    }
    for count in [0, 65] {
        let room = b.room(4 * count);
        b.call("getgroups", &[N(count as u64), P(room)]);
    }
    b.call("setgroups", &[N(NONE), N(0)]);
    let (head, data) = (b.words(&[0x2008_0522, 0]), b.room(24));
    b.call("capget", &[P(head), P(data)]);
    let (head, data) = (b.words(&[5, 0]), b.words(&[1 << 12, 1, 0, 0, 0, 0]));
    b.call("capset", &[P(head), P(data)]);
    b.call("umask", &[N(0o27)]);
    b.call("umask", &[N(0)]);
}

fn programs(b: &mut Bench) {
    let path = b.string("/nothing/here");
    let words = [
        b.string("name"),
        b.string("an argument \"quoted\""),
        b.string(&"long ".repeat(20)),
    ];
    let argv = b.longs(&[words[0], words[1], words[2], 0]);
    let variable = b.string("A=1");
    let envp = b.longs(&[variable, variable, 0]);
    b.call("execve", &[P(path), P(argv), P(envp)]);
    let path = b.string("/nothing/here");
    let name = b.string("name");
    let (argv, envp) = (b.longs(&[name, 0]), b.longs(&[0]));
    b.call(
        "execveat",
        &[N(CWD), P(path), P(argv), P(envp), N(bits(AT_EMPTY_PATH))],
    );
    let (status, usage) = (b.words(&[0]), b.room(144));
    b.call(
        "wait4",
        &[N(NONE), P(status), N(bits(WNOHANG | 0x4000_0000)), P(usage)],
    );
    let (info, usage) = (b.room(128), b.room(144));
    b.call(
        "waitid",
        &[
            N(1),
            N(own()),
            P(info),
            N(bits(WNOHANG | WEXITED)),
            P(usage),
        ],
    );
    b.call("unshare", &[N(0x8000_0000)]);
    b.call("setns", &[F(999), N(bits(CLONE_NEWNET))]);
    b.call(
        "clone",
        &[N(bits(CLONE_THREAD | CLONE_VM)), N(0), N(0), N(0), N(0)],
    );
    let flags = CLONE_SIGHAND | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
    b.call(
        "clone",
        &[N(bits(flags)), N(0x1000), N(0x2000), N(0x3000), N(0x4000)],
    );
    let args = b.longs(&[bits(CLONE_THREAD | CLONE_VM), 0, 0, 0, 17, 0, 0, 0, 0, 0, 0]);
    b.call("clone3", &[P(args), N(88)]);
    children(b);
}

/// Children that end at once, waited for by their numbers.
fn children(b: &mut Bench) {
    for (code, signal) in [(3, 0), (0, SIGKILL)] {
        // SAFETY: the child does nothing but end.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends this process, or sends it a signal.
            unsafe {
                if signal != 0 {
                    libc::kill(libc::getpid(), signal);
                }
                libc::_exit(code);
            }
        }
        assert!(child > 0, "a child is made");
        let pid = child as u64;
        let info = b.room(128);
        b.call(
            "waitid",
            &[N(1), N(pid), P(info), N(bits(WEXITED | WNOWAIT)), N(0)],
        );
        let (status, usage) = (b.words(&[0]), b.room(144));
        b.once("wait4", &[N(pid), P(status), N(0), P(usage)]);
    }
}

fn signals(b: &mut Bench) {
    b.call("kill", &[N(own()), N(0)]);
    for signal in [77, 100] {
        b.call("kill", &[N(own()), N(signal)]);
        b.call("tgkill", &[N(own()), N(own()), N(signal)]);
        b.call("tkill", &[N(own()), N(signal)]);
    }
    for how in [SIG_BLOCK, SIG_UNBLOCK, 9] {
        let (new, old) = (b.longs(&[1 << 1 | 1 << 16 | 1 << 33]), b.longs(&[5]));
        b.call("rt_sigprocmask", &[N(bits(how)), P(new), P(old), N(8)]);
    }
    let (new, old) = (b.longs(&[!(1 << 31)]), b.longs(&[5]));
    b.once("rt_sigprocmask", &[N(2), P(new), P(old), N(8)]);
    let new = b.longs(&[0]);
    b.once("rt_sigprocmask", &[N(2), P(new), N(0), N(8)]);
    // handler, flags, restorer, mask
    for handler in [0, 1, 0x1234] {
        // strace reads masks of 1024 signals, which is more than there are.
        let mut action = vec![handler, 0x1400_0004, 0x5678, 1 << 9];
        action.resize(19, 0);
        let (new, old) = (b.longs(&action), b.room(152));
        b.call("rt_sigaction", &[N(12), P(new), P(old), N(8)]);
    }
    let (new, old) = (b.longs(&[0; 19]), b.room(152));
    b.call("rt_sigaction", &[N(9), P(new), P(old), N(8)]);
    let room = b.longs(&[0]);
    b.call("rt_sigpending", &[P(room), N(8)]);
    let (mask, info, time) = (b.longs(&[1 << 11]), b.room(128), b.longs(&[0, 1]));
    b.call("rt_sigtimedwait", &[P(mask), P(info), T(time), N(8)]);
    let (stack, old) = (b.longs(&[0, 2, 0]), b.room(24));
    b.call("sigaltstack", &[P(stack), P(old)]);
    let mut info = vec![0u8; 128];
    (info[0], info[8]) = (10, 0xff);
    info[8..12].copy_from_slice(&(-1i32).to_ne_bytes());
    let info_at = b.object(&info);
    b.call("rt_sigqueueinfo", &[N(own()), N(77), P(info_at)]);
    let info_at = b.object(&info);
    b.call(
        "rt_tgsigqueueinfo",
        &[N(own()), N(own()), N(77), P(info_at)],
    );
    let fd = b.once("pidfd_open", &[N(own()), N(0)]) as u64;
    b.call("pidfd_open", &[N(NONE), N(0x800)]);
    b.call("pidfd_send_signal", &[F(fd), N(77), N(0), N(0)]);
    b.call("pidfd_getfd", &[F(fd), N(999), N(0)]);
    b.once("close", &[F(fd)]);
}

fn limits(b: &mut Bench) {
    for resource in [RLIMIT_NOFILE, RLIMIT_STACK, RLIMIT_CORE, 99] {
        let room = b.room(16);
        b.call("getrlimit", &[N(u64::from(resource)), P(room)]);
        let old = b.room(16);
        b.call("prlimit64", &[N(0), N(u64::from(resource)), N(0), P(old)]);
    }
    let limit = b.longs(&[NONE, 1 << 20]);
    b.call("setrlimit", &[N(99), P(limit)]);
    let (new, old) = (b.longs(&[10 << 10, 4096]), b.room(16));
    b.call("prlimit64", &[N(0), N(99), P(new), P(old)]);
    for who in [RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD, 7] {
        let room = b.room(144);
        b.call("getrusage", &[N(bits(who)), P(room)]);
    }
}

fn scheduling(b: &mut Bench) {
    b.call("sched_yield", &[]);
    b.call("getpriority", &[N(0), N(0)]);
    b.call("setpriority", &[N(9), N(0), N(5)]);
    b.call("sched_getscheduler", &[N(0)]);
    let param = b.words(&[0]);
    b.call("sched_getparam", &[N(0), P(param)]);
    let param = b.words(&[77]);
    b.call("sched_setscheduler", &[N(0), N(1), P(param)]);
    let param = b.words(&[77]);
    b.call("sched_setparam", &[N(0), P(param)]);
    for policy in [0, 1, 9] {
        b.call("sched_get_priority_max", &[N(policy)]);
        b.call("sched_get_priority_min", &[N(policy)]);
        let room = b.room(16);
        b.call("sched_rr_get_interval", &[N(0), P(room)]);
    }
    for len in [8, 128] {
        let room = b.room(len);
        b.call("sched_getaffinity", &[N(0), N(len as u64), P(room)]);
    }
    let cpus = b.longs(&[0]);
    b.call("sched_setaffinity", &[N(0), N(8), P(cpus)]);
    let room = b.room(56);
    b.call("sched_getattr", &[N(0), P(room), N(56), N(0)]);
    let attr = b.longs(&[56 | 9 << 32, 0, 0, 0, 0, 0, 0]);
    b.call("sched_setattr", &[N(0), P(attr), N(0)]);
    b.call("ioprio_get", &[N(1), N(0)]);
    b.call("ioprio_set", &[N(9), N(0), N(0x4004)]);
    let (cpu, node) = (b.words(&[0]), b.words(&[0]));
    b.call("getcpu", &[P(cpu), P(node), N(0)]);
}

fn properties(b: &mut Bench) {
    let room = b.room(16);
    b.call("prctl", &[N(bits(PR_GET_NAME)), P(room)]);
    let name = b.string("a name");
    b.call("prctl", &[N(bits(PR_SET_NAME)), P(name)]);
    for (option, value) in [
        (PR_GET_DUMPABLE, 0),
        (PR_SET_DUMPABLE, 1),
        (PR_GET_KEEPCAPS, 0),
        (PR_GET_NO_NEW_PRIVS, 0),
        (PR_SET_PDEATHSIG, 0),
        (PR_CAPBSET_READ, 12),
        (PR_GET_TIMERSLACK, 0),
        (PR_GET_SECUREBITS, 0),
    ] {
        b.call("prctl", &[N(bits(option)), N(value), N(0), N(0), N(0)]);
    }
    let room = b.words(&[0]);
    b.call("prctl", &[N(bits(PR_GET_PDEATHSIG)), P(room)]);
    b.call("prctl", &[N(9999), N(1), N(2), N(3), N(4)]);
    for option in [0x1003, 0x1004] {
        let room = b.longs(&[0]);
        b.call("arch_prctl", &[N(option), P(room)]);
    }
    b.call("arch_prctl", &[N(99), N(5)]);
    b.call("seccomp", &[N(2), N(0), N(0)]);
    let action = b.words(&[0x7fff_0000]);
    b.call("seccomp", &[N(2), N(0), P(action)]);
    let filter = b.object(&[0x15, 0, 0, 1, 2, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
    let program = b.longs(&[2, filter]);
    b.call("seccomp", &[N(1), N(0x100), P(program)]);
    b.call(
        "ptrace",
        &[N(bits(PTRACE_PEEKDATA as i32)), N(NONE), N(0x1000), N(0)],
    );
    b.call("ptrace", &[N(31), N(NONE), N(0), N(9)]);
    b.call("kcmp", &[N(own()), N(own()), N(0), N(0), N(1)]);
}

fn threads(b: &mut Bench) {
    for operation in [
        FUTEX_WAIT,
        FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
        FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME,
    ] {
        let (word, time) = (b.words(&[1]), b.longs(&[0, 1]));
        b.call(
            "futex",
            &[
                P(word),
                N(bits(operation)),
                N(2),
                T(time),
                N(0),
                N(0xffff_ffff),
            ],
        );
    }
    for operation in [
        FUTEX_REQUEUE,
        FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG,
        FUTEX_LOCK_PI + 90,
    ] {
        let (word, other) = (b.words(&[1]), b.words(&[1]));
        b.call(
            "futex",
            &[
                P(word),
                N(bits(operation)),
                N(0),
                N(0),
                P(other),
                N(0x100_0001),
            ],
        );
    }
    for flags in [2, 2 | 128] {
        let word = b.words(&[1]);
        let waiters = b.longs(&[2, word, flags, 1, word, flags]);
        let time = b.longs(&[0, 1]);
        b.call(
            "futex_waitv",
            &[P(waiters), N(2), N(0), P(time), N(bits(CLOCK_MONOTONIC))],
        );
    }
    let (list, len) = (b.longs(&[0]), b.longs(&[0]));
    b.call("get_robust_list", &[N(0), P(list), P(len)]);
    b.call("set_robust_list", &[N(0x1000), N(5)]);
    b.call("set_tid_address", &[N(0)]);
}
