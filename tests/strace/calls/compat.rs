//! Calls as a 32-bit program makes them: other numbers, other structs, halves of numbers.
//!
//! In: a bench in its directory, with `file` in it. Out: calls. Never what the other lists may not do.

use super::{CWD, bits};
use crate::bench::{Bench, F, N, P, T};
use libc::*;

pub fn all(b: &mut Bench) {
    if b.once32("getpid", &[]) == i64::from(-ENOSYS) {
        return;
    }
    files(b);
    waits(b);
    signals(b);
    sockets(b);
}

fn files(b: &mut Bench) {
    let path = b.string("file");
    let fd = b.once32("openat", &[N(CWD), P(path), N(bits(O_RDWR)), N(0)]) as u64;
    let path = b.string("file");
    b.call32("open", &[P(path), N(bits(O_RDONLY)), N(0)]);
    for (call, len) in [("stat64", 96), ("lstat64", 96), ("stat", 64), ("lstat", 64)] {
        let (path, room) = (b.string("file"), b.room(len));
        b.call32(call, &[P(path), P(room)]);
    }
    for (call, len) in [("fstat64", 96), ("fstat", 64)] {
        let room = b.room(len);
        b.call32(call, &[F(fd), P(room)]);
    }
    let (path, room) = (b.string("file"), b.room(96));
    b.call32("fstatat64", &[N(CWD), P(path), P(room), N(0)]);
    let (path, room) = (b.string("file"), b.room(84));
    b.call32("statfs64", &[P(path), N(84), P(room)]);
    let room = b.longs(&[0]);
    b.call32("_llseek", &[F(fd), N(1), N(2), P(room), N(0)]);
    b.call32("lseek", &[F(fd), N(0xffff_fffb), N(2)]);
    let text = b.object(b"text");
    b.call32("pwrite64", &[F(fd), P(text), N(4), N(3), N(1)]);
    let room = b.room(4);
    b.call32("pread64", &[F(fd), P(room), N(4), N(3), N(0)]);
    b.call32("ftruncate64", &[F(fd), N(5), N(1)]);
    b.call32("fadvise64_64", &[F(fd), N(1), N(0), N(2), N(0), N(4)]);
    b.call32("fallocate", &[F(fd), N(1), N(0), N(0), N(9), N(0)]);
    let (one, two) = (b.object(b"first"), b.object(b"second"));
    let vector = b.words(&[one as u32, 5, two as u32, 6]);
    b.call32("writev", &[F(fd), P(vector), N(2)]);
    let lock = b.words(&[1, 10, 0, 0]);
    b.once32("fcntl64", &[F(fd), N(5), P(lock)]);
    b.call32("fcntl64", &[F(fd), N(3), N(0)]);
    for (call, len) in [("getdents64", 1024), ("getdents", 1024)] {
        let path = b.string(".");
        let folder = b.once32("open", &[P(path), N(0), N(0)]) as u64;
        let room = b.room(len);
        b.call32(call, &[F(folder), P(room), N(len as u64)]);
        b.once32("close", &[F(folder)]);
    }
    b.call32(
        "mmap2",
        &[N(0), N(4096), N(1), N(0x22), N(0xffff_ffff), N(1)],
    );
    for (call, id) in [("chown32", 0xffff_ffff), ("chown", 0xffff)] {
        let path = b.string("file");
        b.call32(call, &[P(path), N(id), N(id)]);
    }
    let time = b.words(&[5, 6, 7, 8]);
    let path = b.string("file");
    b.call32("utimensat", &[N(CWD), P(path), T(time), N(0)]);
    b.once32("close", &[F(fd)]);
}

fn waits(b: &mut Bench) {
    for call in ["clock_gettime", "clock_getres"] {
        let room = b.room(8);
        b.call32(call, &[N(1), P(room)]);
    }
    let room = b.room(16);
    b.call32("clock_gettime64", &[N(1), P(room)]);
    let time = b.words(&[0, 1]);
    b.call32("nanosleep", &[T(time), N(0)]);
    let (time, zone) = (b.room(8), b.room(8));
    b.call32("gettimeofday", &[T(time), P(zone)]);
    let room = b.words(&[0, 0]);
    b.call32("time", &[P(room)]);
    let pair = b.words(&[0, 0]);
    b.once32("pipe", &[P(pair)]);
    let ends = b.read(pair, 8);
    let write_end = u64::from(u32::from_ne_bytes(ends[4..8].try_into().expect("4")));
    let set = b.words(&[write_end as u32, 4]);
    b.call32("poll", &[P(set), N(1), N(0)]);
    let mut bits_set = [0; 4];
    bits_set[write_end as usize / 32] = 1 << (write_end % 32);
    let (writes, time) = (b.words(&bits_set), b.words(&[0, 5]));
    b.call32(
        "_newselect",
        &[N(write_end + 1), N(0), P(writes), N(0), T(time)],
    );
    for resource in [7, 3] {
        let room = b.room(8);
        b.call32("ugetrlimit", &[N(resource), P(room)]);
        let old = b.room(16);
        b.call32("prlimit64", &[N(0), N(resource), N(0), P(old)]);
    }
    let room = b.room(72);
    b.call32("getrusage", &[N(0), P(room)]);
    let room = b.room(64);
    b.call32("sysinfo", &[P(room)]);
    let word = b.words(&[1]);
    b.call32("futex", &[P(word), N(129), N(5), N(0), N(0), N(0)]);
}

fn signals(b: &mut Bench) {
    let (new, old) = (b.words(&[0x202, 0]), b.words(&[0, 0]));
    b.call32("rt_sigprocmask", &[N(0), P(new), P(old), N(8)]);
    let (new, old) = (b.words(&[0, 0]), b.words(&[0, 0]));
    b.call32("rt_sigprocmask", &[N(2), P(new), P(old), N(8)]);
    // handler, flags, restorer, mask
    let (new, old) = (b.words(&[1, 0x1000_0000, 0, 0x200, 0]), b.room(20));
    b.call32("rt_sigaction", &[N(12), P(new), P(old), N(8)]);
    for call in ["getuid32", "getgid32", "getuid", "geteuid32"] {
        b.call32(call, &[]);
    }
    b.call32("waitpid", &[N(0xffff_ffff), N(0), N(1)]);
    let path = b.string("/nothing");
    let word = b.string("word");
    let (argv, envp) = (b.words(&[word as u32, 0]), b.words(&[0]));
    b.call32("execve", &[P(path), P(argv), P(envp)]);
    b.call32("clone", &[N(0x1_0100), N(0), N(0), N(0), N(0)]);
    b.call32("brk", &[N(0)]);
}

fn sockets(b: &mut Bench) {
    let fd = b.once32("socket", &[N(2), N(2), N(0)]) as u64;
    let mut address = vec![2, 0, 0, 80, 127, 0, 0, 1];
    address.extend([0; 8]);
    let at = b.object(&address);
    b.call32("connect", &[F(fd), P(at), N(16)]);
    let (room, len) = (b.room(28), b.words(&[28]));
    b.call32("getsockname", &[F(fd), P(room), P(len)]);
    let data = b.object(b"datagram");
    let vector = b.words(&[data as u32, 8]);
    let message = b.words(&[0, 0, vector as u32, 1, 0, 0, 0]);
    b.call32("sendmsg", &[F(fd), P(message), N(0x40)]);
    b.once32("close", &[F(fd)]);
}
