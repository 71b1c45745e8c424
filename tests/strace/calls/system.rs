//! The machine: names, statistics, keys, queues, programs for the kernel.
//!
//! In: a bench. Out: calls that ask, or that fail. Never one that changes the machine.

use super::{NONE, bits};
use crate::bench::{Bench, F, N, P, T};

pub fn all(b: &mut Bench) {
    let room = b.room(390);
    b.call("uname", &[P(room)]);
    let room = b.room(112);
    b.call("sysinfo", &[P(room)]);
    for flags in [0, 1, 3, 0x100] {
        let room = b.room(16);
        b.call("getrandom", &[P(room), N(16), N(flags)]);
    }
    b.call("syslog", &[N(99), N(0), N(0)]);
    ipc(b);
    queues(b);
    keys(b);
    kernel(b);
}

fn ipc(b: &mut Bench) {
    let id = b.once("shmget", &[N(0), N(4096), N(0o1600)]) as u64;
    b.call("shmget", &[N(0x1234_5678), N(1), N(0)]);
    let at = b.once("shmat", &[N(id), N(0), N(0)]) as u64;
    b.call("shmat", &[N(NONE), N(0x1001), N(0o10000)]);
    let room = b.room(112);
    b.call("shmctl", &[N(id), N(2), P(room)]);
    b.call("shmdt", &[N(at)]);
    b.once("shmctl", &[N(id), N(0), N(0)]);
    let id = b.once("semget", &[N(0), N(2), N(0o1600)]) as u64;
    let operations = b.object(&[0, 0, 1, 0, 0, 8, 1, 0, 0xff, 0xff, 0, 8]);
    b.call("semop", &[N(id), P(operations), N(2)]);
    let (operations, time) = (b.object(&[0, 0, 0, 0, 0, 8]), b.longs(&[0, 1]));
    b.call("semtimedop", &[N(id), P(operations), N(1), T(time)]);
    b.once("semctl", &[N(id), N(0), N(0), N(0)]);
    let id = b.once("msgget", &[N(0), N(0o1600)]) as u64;
    let mut message = 5u64.to_ne_bytes().to_vec();
    message.extend(b"text");
    let message = b.object(&message);
    b.call("msgsnd", &[N(id), P(message), N(4), N(0o4000)]);
    let room = b.room(20);
    b.call("msgrcv", &[N(id), P(room), N(12), N(0), N(0o4000)]);
    let room = b.room(120);
    b.call("msgctl", &[N(id), N(2), P(room)]);
    b.once("msgctl", &[N(id), N(0), N(0)]);
}

fn queues(b: &mut Bench) {
    let (name, attr) = (b.string("no/such"), b.longs(&[0, 5, 6, 0, 0, 0, 0, 0]));
    b.call("mq_open", &[P(name), N(0x42), N(0o600), P(attr)]);
    let name = b.string("nothing");
    b.call("mq_unlink", &[P(name)]);
    let (text, time) = (b.object(b"text"), b.longs(&[1, 2]));
    b.call("mq_timedsend", &[F(999), P(text), N(4), N(5), T(time)]);
    let (room, priority, time) = (b.room(9), b.words(&[0]), b.longs(&[1, 2]));
    b.call(
        "mq_timedreceive",
        &[F(999), P(room), N(9), P(priority), T(time)],
    );
    let (new, old) = (b.longs(&[0, 5, 6, 0, 0, 0, 0, 0]), b.room(64));
    b.call("mq_getsetattr", &[F(999), P(new), P(old)]);
    let context = b.longs(&[0]);
    let made = b.once("io_setup", &[N(4), P(context)]);
    b.call("io_setup", &[N(0), N(0)]);
    if made == 0 {
        let context = b.longs(&[0]);
        b.once("io_setup", &[N(4), P(context)]);
    }
    b.call("io_destroy", &[N(5)]);
    let (events, time) = (b.room(64), b.longs(&[0, 0]));
    b.call("io_getevents", &[N(5), N(0), N(2), P(events), T(time)]);
}

fn keys(b: &mut Bench) {
    let (kind, name, data) = (b.string("user"), b.string("a key"), b.object(b"data"));
    b.call("add_key", &[P(kind), P(name), P(data), N(4), N(0)]);
    let (kind, name) = (b.string("user"), b.string("no such key"));
    b.call("request_key", &[P(kind), P(name), N(0), N(0xffff_fffd)]);
    b.call("keyctl", &[N(0), N(0xffff_fffd), N(0)]);
    b.call("keyctl", &[N(3), N(5)]);
    let room = b.room(60);
    b.call("keyctl", &[N(6), N(0xffff_fffc), P(room), N(60)]);
    b.call("keyctl", &[N(99), N(1), N(2), N(3), N(4)]);
}

fn kernel(b: &mut Bench) {
    let attr = b.words(&[99, 4, 8, 10]);
    b.call("bpf", &[N(0), P(attr), N(16)]);
    let attr = b.words(&[999, 0, 0x10, 0, 0x20, 0, 0, 0]);
    b.call("bpf", &[N(1), P(attr), N(32)]);
    b.call("bpf", &[N(99), N(0), N(0)]);
    let params = b.room(120);
    b.call("io_uring_setup", &[N(0), P(params)]);
    b.call("io_uring_enter", &[F(999), N(1), N(2), N(1), N(0), N(0)]);
    b.call("io_uring_register", &[F(999), N(1), N(0), N(0)]);
    let ruleset = b.longs(&[0x8000_0000_0000_0000]);
    b.call("landlock_create_ruleset", &[P(ruleset), N(8), N(0)]);
    b.call("landlock_create_ruleset", &[N(0), N(0), N(1)]);
    b.call("landlock_restrict_self", &[F(999), N(0)]);
    b.call("userfaultfd", &[N(0x8000)]);
    b.call("fanotify_init", &[N(0x8000_0003), N(bits(0x800))]);
    let path = b.string(".");
    b.call(
        "fanotify_mark",
        &[F(999), N(1), N(0x20), N(super::CWD), P(path)],
    );
    let text = b.string("x=1");
    b.call("finit_module", &[F(999), P(text), N(1)]);
    let name = b.string("nothing");
    b.call("delete_module", &[P(name), N(0x800)]);
    b.call("process_madvise", &[F(999), N(0), N(0), N(20), N(0)]);
    b.call("process_mrelease", &[F(999), N(0)]);
}
