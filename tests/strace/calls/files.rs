//! Files, directories, paths, attributes.
//!
//! In: a bench in an empty directory. Out: calls. Never a file outside it is written.

use super::{CWD, NONE, bits};
use crate::bench::{Bench, F, N, P};
use libc::*;

pub fn all(b: &mut Bench) {
    opening(b);
    data(b);
    status(b);
    names(b);
    directories(b);
    attributes(b);
    descriptors(b);
    mounts(b);
}

fn open(b: &mut Bench, path: &str, flags: i32) -> u64 {
    let path = b.string(path);
    b.once("openat", &[N(CWD), P(path), N(bits(flags)), N(0o644)]) as u64
}

fn opening(b: &mut Bench) {
    for (path, flags, mode) in [
        ("file", O_RDWR | O_CREAT | O_CLOEXEC, 0o644),
        ("file", O_RDONLY, 0),
        ("file", O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0),
        ("nothing\n\x01\u{e9}", O_RDONLY | O_DIRECTORY, 0),
        (
            "new",
            O_CREAT | O_EXCL | O_WRONLY | O_TRUNC | O_SYNC,
            0o4755,
        ),
        (".", O_TMPFILE | O_RDWR, 0o600),
        (".", O_PATH | O_DIRECTORY, 0),
    ] {
        let at = b.string(path);
        b.call("openat", &[N(CWD), P(at), N(bits(flags)), N(mode)]);
        let at = b.string(path);
        b.call("open", &[P(at), N(bits(flags & !O_EXCL)), N(mode)]);
    }
    let path = b.string("made");
    b.call("creat", &[P(path), N(0o640)]);
    let (path, how) = (
        b.string("file"),
        b.longs(&[bits(O_RDONLY | O_CLOEXEC), 0, 0x08]),
    );
    b.call("openat2", &[N(CWD), P(path), P(how), N(24)]);
    let path = b.string("x".repeat(300).as_str());
    b.call("openat", &[F(7), P(path), N(bits(O_RDONLY)), N(0)]);
    let path = b.string("file");
    b.call("open", &[P(path), N(0x8000_0010), N(0)]);
}

fn data(b: &mut Bench) {
    let fd = open(b, "file", O_RDWR);
    let text = b
        .object(b"text with \0 and \xff, and so long that it is cut somewhere behind its middle\n");
    b.call("write", &[F(fd), P(text), N(74)]);
    let text = b.object(b"12");
    b.call("pwrite64", &[F(fd), P(text), N(2), N(4096)]);
    for room in [0, 1, 10, 24, 25, 64, 65, 200] {
        b.once("lseek", &[F(fd), N(0), N(0)]);
        let at = b.room(room);
        b.call("read", &[F(fd), P(at), N(room as u64)]);
    }
    let room = b.room(100);
    b.call("pread64", &[F(fd), P(room), N(100), N(5)]);
    for whence in [SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 99] {
        b.call("lseek", &[F(fd), N(0), N(bits(whence))]);
    }
    b.call("lseek", &[F(fd), N(-5i64 as u64), N(bits(SEEK_CUR))]);
    b.call("ftruncate", &[F(fd), N(70_000)]);
    b.call(
        "fallocate",
        &[
            F(fd),
            N(bits(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)),
            N(0),
            N(4096),
        ],
    );
    b.call(
        "fadvise64",
        &[F(fd), N(0), N(0), N(bits(POSIX_FADV_WILLNEED))],
    );
    b.call("readahead", &[F(fd), N(0), N(4096)]);
    b.call(
        "sync_file_range",
        &[F(fd), N(0), N(10), N(bits(SYNC_FILE_RANGE_WRITE as i32))],
    );
    for name in ["fsync", "fdatasync", "syncfs"] {
        b.call(name, &[F(fd)]);
    }
    b.call("flock", &[F(fd), N(bits(LOCK_EX | LOCK_NB))]);
    let other = open(b, "other", O_RDWR | O_CREAT);
    let offset = b.longs(&[3]);
    b.call("sendfile", &[F(other), F(fd), P(offset), N(10)]);
    let (from, to) = (b.longs(&[0]), b.longs(&[1]));
    b.call(
        "copy_file_range",
        &[F(fd), P(from), F(other), P(to), N(10), N(0)],
    );
    let path = b.string("other");
    b.call("truncate", &[P(path), N(100)]);
    b.once("close", &[F(other)]);
    b.call("close", &[F(fd)]);
}

fn status(b: &mut Bench) {
    for path in ["file", ".", "/dev/null", "nothing"] {
        let (at, room) = (b.string(path), b.room(144));
        b.call("stat", &[P(at), P(room)]);
        let (at, room) = (b.string(path), b.room(144));
        b.call("lstat", &[P(at), P(room)]);
        let (at, room) = (b.string(path), b.room(144));
        b.call(
            "newfstatat",
            &[N(CWD), P(at), P(room), N(bits(AT_SYMLINK_NOFOLLOW))],
        );
        let (at, room) = (b.string(path), b.room(256));
        b.call(
            "statx",
            &[
                N(CWD),
                P(at),
                N(bits(AT_STATX_DONT_SYNC)),
                N(0x7ff),
                P(room),
            ],
        );
        let (at, room) = (b.string(path), b.room(120));
        b.call("statfs", &[P(at), P(room)]);
        let at = b.string(path);
        b.call("access", &[P(at), N(bits(R_OK | W_OK))]);
        let at = b.string(path);
        b.call("faccessat", &[N(CWD), P(at), N(bits(F_OK))]);
        let at = b.string(path);
        b.call(
            "faccessat2",
            &[N(CWD), P(at), N(bits(X_OK)), N(bits(AT_EACCESS))],
        );
    }
    let fd = open(b, "file", O_RDONLY);
    let room = b.room(144);
    b.call("fstat", &[F(fd), P(room)]);
    let room = b.room(120);
    b.call("fstatfs", &[F(fd), P(room)]);
    let room = b.room(32);
    b.call("ustat", &[N(0x801), P(room)]);
    b.once("close", &[F(fd)]);
}

fn names(b: &mut Bench) {
    let two = |b: &mut Bench, name: &str, from: &str, to: &str| {
        let (from, to) = (b.string(from), b.string(to));
        b.call(name, &[P(from), P(to)]);
    };
    two(b, "link", "file", "hard");
    two(b, "symlink", "file", "soft");
    two(b, "rename", "soft", "softer");
    let (from, to) = (b.string("file"), b.string("hard2"));
    b.call(
        "linkat",
        &[N(CWD), P(from), N(CWD), P(to), N(bits(AT_SYMLINK_FOLLOW))],
    );
    let (from, to) = (b.string("file"), b.string("soft2"));
    b.call("symlinkat", &[P(from), N(CWD), P(to)]);
    let (from, to) = (b.string("hard2"), b.string("hard3"));
    b.call("renameat", &[N(CWD), P(from), N(CWD), P(to)]);
    let (from, to) = (b.string("hard3"), b.string("hard"));
    b.call("renameat2", &[N(CWD), P(from), N(CWD), P(to), N(2)]);
    for room in [4, 100] {
        let (path, at) = (b.string("softer"), b.room(room));
        b.call("readlink", &[P(path), P(at), N(room as u64)]);
        let (path, at) = (b.string("softer"), b.room(room));
        b.call("readlinkat", &[N(CWD), P(path), P(at), N(room as u64)]);
    }
    for (name, mode) in [
        ("chmod", 0o600),
        ("chmod", 0),
        ("chmod", 0o4755),
        ("mkdir", 0o755),
    ] {
        let path = b.string(if name == "chmod" { "file" } else { "folder" });
        b.call(name, &[P(path), N(mode)]);
    }
    let path = b.string("file");
    b.call("fchmodat", &[N(CWD), P(path), N(0o644)]);
    let path = b.string("nothing");
    b.call(
        "fchmodat2",
        &[N(CWD), P(path), N(0o644), N(bits(AT_SYMLINK_NOFOLLOW))],
    );
    for name in ["chown", "lchown"] {
        let path = b.string("file");
        b.call(name, &[P(path), N(NONE), N(0xffff_ffff)]);
    }
    let path = b.string("file");
    b.call(
        "fchownat",
        &[N(CWD), P(path), N(NONE), N(0), N(bits(AT_SYMLINK_NOFOLLOW))],
    );
    for (name, mode, dev) in [
        ("fifo", S_IFIFO | 0o644, 0),
        ("device", S_IFCHR | 0o4600, 0x801),
    ] {
        let path = b.string(name);
        b.call("mknodat", &[N(CWD), P(path), N(u64::from(mode)), N(dev)]);
        let path = b.string("nothing/x");
        b.call("mknod", &[P(path), N(u64::from(mode)), N(dev)]);
    }
    let path = b.string("folder2");
    b.call("mkdirat", &[N(CWD), P(path), N(0o700)]);
    for path in ["fifo", "nothing", "hard"] {
        let path = b.string(path);
        b.call("unlink", &[P(path)]);
    }
    for (path, flags) in [("folder2", AT_REMOVEDIR), ("hard3", 0)] {
        let path = b.string(path);
        b.call("unlinkat", &[N(CWD), P(path), N(bits(flags))]);
    }
    times(b);
}

fn times(b: &mut Bench) {
    let (path, at) = (b.string("file"), b.longs(&[100, 5, 0, 0x3fff_ffff]));
    b.call(
        "utimensat",
        &[N(CWD), P(path), P(at), N(bits(AT_SYMLINK_NOFOLLOW))],
    );
    let (path, at) = (b.string("file"), b.longs(&[0, 0x3fff_fffe, 0, 0x3fff_ffff]));
    b.call("utimensat", &[N(CWD), P(path), P(at), N(0)]);
    for name in ["utime", "utimes"] {
        let (path, at) = (b.string("file"), b.longs(&[100, 5, 200, 7]));
        b.call(name, &[P(path), P(at)]);
    }
    let (path, at) = (b.string("file"), b.longs(&[100, 5, 200, 7]));
    b.call("futimesat", &[N(CWD), P(path), P(at)]);
}

fn directories(b: &mut Bench) {
    let fd = open(b, ".", O_RDONLY | O_DIRECTORY);
    let room = b.room(2048);
    b.once("getdents64", &[F(fd), P(room), N(2048)]);
    b.once("lseek", &[F(fd), N(0), N(0)]);
    let room = b.room(2048);
    b.once("getdents", &[F(fd), P(room), N(2048)]);
    for room in [3, 500] {
        let at = b.room(room);
        b.call("getcwd", &[P(at), N(room as u64)]);
    }
    let path = b.string(".");
    b.call("chdir", &[P(path)]);
    b.call("fchdir", &[F(fd)]);
    let path = b.string("folder");
    b.call("rmdir", &[P(path)]);
    let path = b.string("nothing");
    b.call("chroot", &[P(path)]);
    b.once("close", &[F(fd)]);
}

fn attributes(b: &mut Bench) {
    let three = |b: &mut Bench| (b.string("file"), b.string("user.a"));
    let (path, name) = three(b);
    let value = b.object(b"value\0");
    b.call("setxattr", &[P(path), P(name), P(value), N(6), N(1)]);
    for (call, room) in [
        ("getxattr", 0),
        ("getxattr", 2),
        ("getxattr", 20),
        ("lgetxattr", 20),
    ] {
        let (path, name) = three(b);
        let at = b.room(room);
        b.call(call, &[P(path), P(name), P(at), N(room as u64)]);
    }
    let (path, name) = three(b);
    let value = b.object(b"v");
    b.call("lsetxattr", &[P(path), P(name), P(value), N(1), N(2)]);
    for call in ["listxattr", "llistxattr"] {
        let (path, at) = (b.string("file"), b.room(100));
        b.call(call, &[P(path), P(at), N(100)]);
    }
    let fd = open(b, "file", O_RDONLY);
    let (name, value) = (b.string("user.b"), b.object(b"vv"));
    b.call("fsetxattr", &[F(fd), P(name), P(value), N(2), N(0)]);
    let (name, at) = (b.string("user.b"), b.room(10));
    b.call("fgetxattr", &[F(fd), P(name), P(at), N(10)]);
    let at = b.room(50);
    b.call("flistxattr", &[F(fd), P(at), N(50)]);
    let name = b.string("user.b");
    b.call("fremovexattr", &[F(fd), P(name)]);
    for call in ["removexattr", "lremovexattr"] {
        let (path, name) = three(b);
        b.call(call, &[P(path), P(name)]);
    }
    b.once("fchmod", &[F(fd), N(0o644)]);
    b.call("fchown", &[F(fd), N(NONE), N(NONE)]);
    b.once("close", &[F(fd)]);
}

fn descriptors(b: &mut Bench) {
    let fd = open(b, "file", O_RDWR);
    for (command, arg) in [
        (F_GETFD, 0),
        (F_SETFD, 1),
        (F_GETFD, 0),
        (F_GETFL, 0),
        (F_SETFL, O_APPEND | O_NONBLOCK),
        (F_DUPFD, 100),
        (F_DUPFD_CLOEXEC, 101),
        (F_GETOWN, 0),
        (11, 0),
        (10, SIGIO),
        (F_GETPIPE_SZ, 0),
        (F_GET_SEALS, 0),
        (F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE),
        (F_NOTIFY, 1),
        (9999, 5),
    ] {
        b.call("fcntl", &[F(fd), N(bits(command)), N(bits(arg))]);
    }
    for command in [F_GETLK, F_SETLK, F_OFD_GETLK] {
        // l_type, l_whence, l_start, l_len, l_pid
        let lock = b.longs(&[1, 0, 10, 0]);
        b.call("fcntl", &[F(fd), N(bits(command)), P(lock)]);
    }
    let owner = b.words(&[1, 0]);
    b.call("fcntl", &[F(fd), N(16), P(owner)]);
    let hint = b.longs(&[0]);
    b.call("fcntl", &[F(fd), N(1035), P(hint)]);
    b.call("dup", &[F(fd)]);
    b.call("dup2", &[F(fd), N(200)]);
    b.call("dup3", &[F(fd), N(201), N(bits(O_CLOEXEC))]);
    b.call("close_range", &[N(200), N(210), N(0)]);
    b.call("close_range", &[N(300), N(4_294_967_295), N(4)]);
    let pair = b.words(&[0, 0]);
    b.call("pipe", &[P(pair)]);
    let pair = b.words(&[0, 0]);
    b.call("pipe2", &[P(pair), N(bits(O_CLOEXEC | O_NONBLOCK))]);
    let name = b.string("a name");
    b.call("memfd_create", &[P(name), N(3)]);
    b.call("eventfd2", &[N(7), N(bits(EFD_CLOEXEC | EFD_NONBLOCK))]);
    b.call("eventfd", &[N(7)]);
    b.call("inotify_init1", &[N(bits(IN_CLOEXEC))]);
    let notify = b.once("inotify_init", &[]) as u64;
    let path = b.string(".");
    let watch = b.call("inotify_add_watch", &[F(notify), P(path), N(0x102)]);
    b.call("inotify_rm_watch", &[F(notify), N(watch as u64)]);
    b.once("close", &[F(fd)]);
    controls(b);
}

fn controls(b: &mut Bench) {
    let fd = open(b, "/dev/ptmx", O_RDWR | O_NOCTTY);
    for (command, len) in [
        (TCGETS, 36),
        (TIOCGWINSZ, 8),
        (TIOCGPTN, 4),
        (TIOCGPGRP, 4),
        (FIONREAD, 4),
    ] {
        let room = b.room(len);
        b.call("ioctl", &[F(fd), N(command), P(room)]);
    }
    let size = b.object(&[25, 0, 80, 0, 0, 0, 0, 0]);
    b.call("ioctl", &[F(fd), N(TIOCSWINSZ), P(size)]);
    let unlock = b.words(&[0]);
    b.call("ioctl", &[F(fd), N(TIOCSPTLCK), P(unlock)]);
    for command in [FIOCLEX, FIONCLEX] {
        b.call("ioctl", &[F(fd), N(command), N(0)]);
    }
    for command in [0xc138_fd04, 0x1234_5678, 0x5401_0000_5401, 0xae00] {
        b.call("ioctl", &[F(fd), N(command), N(5)]);
    }
    let flag = b.words(&[1]);
    b.call("ioctl", &[F(fd), N(FIONBIO), P(flag)]);
    b.once("close", &[F(fd)]);
}

fn mounts(b: &mut Bench) {
    let (source, target) = (b.string("none"), b.string("nothing"));
    let (kind, options) = (b.string("tmpfs"), b.string("size=1k"));
    b.call(
        "mount",
        &[P(source), P(target), P(kind), N(0xe), P(options)],
    );
    let target = b.string("nothing");
    b.call("umount2", &[P(target), N(8)]);
    let (new, old) = (b.string("nothing"), b.string("nowhere"));
    b.call("pivot_root", &[P(new), P(old)]);
    let kind = b.string("no such file system");
    b.call("fsopen", &[P(kind), N(1)]);
    b.call("fsmount", &[F(999), N(1), N(9)]);
    let path = b.string("nothing");
    b.call("fspick", &[N(CWD), P(path), N(1)]);
    let path = b.string("nothing");
    b.call("open_tree", &[N(CWD), P(path), N(0x8_0001)]);
    let (from, to) = (b.string("nothing"), b.string("x"));
    b.call("move_mount", &[N(CWD), P(from), N(CWD), P(to), N(4)]);
    let (key, value) = (b.string("source"), b.string("x"));
    b.call("fsconfig", &[F(999), N(1), P(key), P(value), N(0)]);
    let (path, attr) = (b.string("nothing"), b.longs(&[1, 0, 0, 0]));
    b.call("mount_setattr", &[N(CWD), P(path), N(0), P(attr), N(32)]);
    let path = b.string("nothing");
    b.call("swapoff", &[P(path)]);
    let path = b.string("nothing");
    // Without a path it would end accounting.
    b.once("acct", &[P(path)]);
    let path = b.string("nothing");
    b.call("quotactl", &[N(0x8000_0700), P(path), N(0), N(0)]);
}
