//! Triggers whose calls seccomp decides on: an error, a signal, the end of a process or thread, a supervisor's answer.
//!
//! In: arguments. Out: calls that the kernel never carries out, each answered in one way. Never installs a filter before everything
//! that it would meet is done.
#![allow(
    unsafe_code,
    reason = "seccomp and the events under test are raw system calls"
)]

use crate::calls::{call, getppid, plain};
use crate::processes::wait;
use crate::under::{ask, forbid};
use crate::{Facts, number, release};

/// `SECCOMP_IOCTL_NOTIF_RECV` and `SECCOMP_IOCTL_NOTIF_SEND` of include/uapi/linux/seccomp.h.
const RECEIVE: usize = 0xc050_2100;
const SEND: usize = 0xc018_2101;

/// `denied COUNT`: a filter answers getppid with EPERM: an exit without an entry, COUNT times.
pub fn denied(args: &[String], facts: &mut Facts) {
    let count = number(args, 0, 3);
    forbid(
        &[libc::SYS_getppid],
        libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
    );
    release();
    (0..count).for_each(|_| getppid());
    facts.say("issued", count);
}

/// `trapped`: a filter answers getppid with a signal, which is handled.
pub fn trapped(_: &[String], _: &mut Facts) {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(libc::SIGSYS, handler as libc::sighandler_t) };
    forbid(&[libc::SYS_getppid], libc::SECCOMP_RET_TRAP);
    release();
    getppid();
}

/// `doomed`: a child that a filter ends for its getppid, then one of which it ends a second thread.
pub fn doomed(_: &[String], facts: &mut Facts) {
    release();
    let process = child(|| {
        forbid(&[libc::SYS_getppid], libc::SECCOMP_RET_KILL_PROCESS);
        getppid();
    });
    let other = child(|| {
        let (send, thread) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // SAFETY: no memory is touched.
            send.send(unsafe { libc::gettid() })
                .expect("the other end waits");
            forbid(&[libc::SYS_getppid], libc::SECCOMP_RET_KILL_THREAD);
            getppid();
        });
        let thread = thread.recv().expect("the thread has started");
        let task = format!("/proc/self/task/{thread}");
        while std::fs::exists(&task).expect("proc is there") {
            std::thread::yield_now();
        }
    });
    facts.say("process", process);
    facts.say("other", other);
}

/// A child without core dumps that does something; it has ended when this returns.
fn child(work: impl FnOnce()) -> i64 {
    // SAFETY: a plain fork of a process with one thread.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        plain(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 0, 0]);
        work();
        plain(libc::SYS_exit_group, [0; 3]);
    }
    wait(child);
    child
}

/// `supervised`: three opens of a file, of which a supervisor answers one with 42 and one with EACCES, and lets one go on.
pub fn supervised(_: &[String], facts: &mut Facts) {
    let go_on = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
    let answers = [(42, 0, 0), (0, -libc::EACCES, 0), (0, 0, go_on)];
    let (send, listener) = std::sync::mpsc::channel();
    let supervisor = std::thread::spawn(move || {
        let listener = listener.recv().expect("the other end sends");
        answers
            .into_iter()
            .for_each(|answer| reply(listener, answer));
    });
    release();
    send.send(ask(&[libc::SYS_openat]))
        .expect("the other end waits");
    let path = c"/proc/version".as_ptr().addr();
    let opened = [(); 3].map(|()| plain(libc::SYS_openat, [libc::AT_FDCWD as usize, path, 0]));
    supervisor.join().expect("it has answered");
    facts.say("opened", opened[2]);
}

/// Waits for a call and answers it: with a value, an error or flags.
fn reply(listener: libc::c_int, (val, error, flags): (i64, i32, u32)) {
    // SAFETY: all zeroes are a notification, which the kernel wants to see before it writes one.
    let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    plain(
        libc::SYS_ioctl,
        [listener as usize, RECEIVE, (&raw mut asked).addr()],
    );
    let answer = libc::seccomp_notif_resp {
        id: asked.id,
        val,
        error,
        flags,
    };
    plain(
        libc::SYS_ioctl,
        [listener as usize, SEND, (&raw const answer).addr()],
    );
}
