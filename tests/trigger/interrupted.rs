//! Triggers whose calls do not simply end: killed, begun before tracing, continued after a stop.
//!
//! In: arguments. Out: children and threads that block until this process lets them go on. Waits by looking at what a
//! thread is blocked in, never by time.
#![allow(unsafe_code, reason = "the events under test are raw system calls")]

use crate::calls::{call, plain};
use crate::processes::{wait, wait_until_in};
use crate::{Facts, release};

/// A child that does something and ends.
fn child(work: impl FnOnce()) -> i64 {
    // SAFETY: a plain fork of a process with one thread.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        work();
        plain(libc::SYS_exit_group, [0; 3]);
    }
    child
}

fn send(child: i64, signal: libc::c_int) {
    plain(libc::SYS_kill, [child as usize, signal as usize, 0]);
}

/// `killed`: a child that is killed while it waits for a signal.
pub fn killed(_: &[String], facts: &mut Facts) {
    release();
    let child = child(|| {
        plain(libc::SYS_pause, [0; 3]);
    });
    wait_until_in(child, child, libc::SYS_pause);
    send(child, libc::SIGKILL);
    wait(child);
    facts.say("child", child);
}

/// `killed-waiting`: children that are killed in one of several ways of waiting, then two whose second thread waits while the first one ends
/// the process or becomes another program.
pub fn killed_waiting(_: &[String], _: &mut Facts) {
    let mut ends = [0i32; 2];
    // SAFETY: the array takes two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "a pipe");
    let [read, _write] = ends.map(|end| end as usize);
    let hour = libc::timespec {
        tv_sec: 3600,
        tv_nsec: 0,
    };
    let (word, byte) = (0u32, 0u8);
    let [hour, word, byte] = [
        (&raw const hour).addr(),
        (&raw const word).addr(),
        (&raw const byte).addr(),
    ];
    let waits = [
        (libc::SYS_pause, [0; 3]),
        (libc::SYS_read, [read, byte, 1]),
        (libc::SYS_poll, [0, 0, usize::MAX]),
        (libc::SYS_nanosleep, [hour, 0, 0]),
        (libc::SYS_futex, [word, libc::FUTEX_WAIT as usize, 0]),
    ];
    release();
    for (wait_in, args) in waits {
        let child = child(|| {
            // SAFETY: what the arguments point to outlives the child.
            unsafe { call(wait_in, [args[0], args[1], args[2], 0, 0, 0]) };
        });
        wait_until_in(child, child, wait_in);
        send(child, libc::SIGKILL);
        wait(child);
    }
    let leave = || {
        plain(libc::SYS_exit_group, [0; 3]);
    };
    let become_another = || {
        let path = c"/proc/self/exe".as_ptr().addr();
        plain(libc::SYS_execve, [path, 0, 0]);
    };
    wait(child(|| beside_a_waiting_thread(leave)));
    wait(child(|| beside_a_waiting_thread(become_another)));
}

/// Does something while a second thread waits for a signal.
fn beside_a_waiting_thread(work: impl FnOnce()) {
    let (tell, thread) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // SAFETY: no memory is touched.
        tell.send(unsafe { libc::gettid() })
            .expect("the other end waits");
        plain(libc::SYS_pause, [0; 3]);
    });
    let thread = thread.recv().expect("the thread has started");
    wait_until_in(std::process::id().into(), thread.into(), libc::SYS_pause);
    work();
}

/// `in-flight`: a child that has been reading since before the release; then it gets its byte, and reads another one.
pub fn in_flight(_: &[String], facts: &mut Facts) {
    let mut ends = [0i32; 2];
    // SAFETY: the array takes two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "a pipe");
    let [read, write] = ends.map(|end| end as usize);
    let child = child(|| {
        let mut byte = 0u8;
        for _ in 0..2 {
            let address = (&raw mut byte).addr();
            // SAFETY: one byte is read into a byte.
            unsafe { call(libc::SYS_read, [read, address, 1, 0, 0, 0]) };
        }
    });
    wait_until_in(child, child, libc::SYS_read);
    release();
    plain(libc::SYS_write, [write, c"ab".as_ptr().addr(), 2]);
    wait(child);
    facts.say("child", child);
}

/// `continued`: a child that sleeps, is stopped and goes on: the kernel restarts its sleep by another call.
pub fn continued(_: &[String], facts: &mut Facts) {
    release();
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 300_000_000,
    };
    let child = child(|| {
        plain(libc::SYS_nanosleep, [(&raw const time).addr(), 0, 0]);
    });
    wait_until_in(child, child, libc::SYS_nanosleep);
    send(child, libc::SIGSTOP);
    plain(
        libc::SYS_wait4,
        [child as usize, 0, libc::WUNTRACED as usize],
    );
    send(child, libc::SIGCONT);
    wait(child);
    facts.say("child", child);
}
