//! Triggers about files, memory that paths lie in, and sockets.
//!
//! In: arguments. Out: calls with known arguments and results.
#![allow(
    unsafe_code,
    reason = "the events under test are raw system calls on memory laid out on purpose"
)]

use std::ffi::CString;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use crate::calls::{call, plain};
use crate::{Facts, number, release};

const HERE: usize = libc::AT_FDCWD as usize;
const PAGE: usize = 4096;

/// `openat(AT_FDCWD, path, O_RDONLY)`, closed again; the result.
fn open_at(path: *const u8) -> i64 {
    let result = plain(libc::SYS_openat, [HERE, path.addr(), 0]);
    if result >= 0 {
        plain(libc::SYS_close, [result as usize, 0, 0]);
    }
    result
}

fn c_string(text: &str) -> CString {
    CString::new(text).expect("a path without NUL")
}

/// `open PATH COUNT`
pub fn open(args: &[String], facts: &mut Facts) {
    let path = c_string(args.first().expect("a path"));
    let count = number(args, 1, 1);
    release();
    let mut last = 0;
    (0..count).for_each(|_| last = open_at(path.as_ptr().cast()));
    facts.say("fd", last);
}

/// `open-absent PATH COUNT`: the page that holds the path is in the page cache, but not in the process's page
/// table when the call begins.
pub fn open_absent(args: &[String], facts: &mut Facts) {
    let path = c_string(args.first().expect("a path"));
    let count = number(args, 1, 1);
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(path.as_bytes_with_nul())
        .expect("write the path");
    // SAFETY: a new private mapping of a file that nobody else has.
    let page = unsafe {
        let fd = file.as_raw_fd();
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            fd,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED, "map the path");
    release();
    let mut last = 0;
    for _ in 0..count {
        last = open_at(page.cast());
        plain(
            libc::SYS_madvise,
            [page.addr(), PAGE, libc::MADV_DONTNEED as usize],
        );
    }
    facts.say("fd", last);
}

/// `open-edge PATH`: the path's last byte is the last one before an unmapped page.
pub fn open_edge(args: &[String], facts: &mut Facts) {
    let path = c_string(args.first().expect("a path"));
    let bytes = path.as_bytes_with_nul();
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: two new pages, of which the second is given back; the text ends with the first.
    let start = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let pages = libc::mmap(std::ptr::null_mut(), 2 * PAGE, protection, flags, -1, 0);
        assert_ne!(pages, libc::MAP_FAILED, "two pages");
        libc::munmap(pages.byte_add(PAGE), PAGE);
        let start = pages.byte_add(PAGE - bytes.len()).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
        start
    };
    release();
    facts.say("fd", open_at(start));
}

/// `open-pointer`: pointers that lead nowhere: 0 and 1.
pub fn open_pointer(_: &[String], _: &mut Facts) {
    release();
    open_at(std::ptr::null());
    open_at(std::ptr::without_provenance(1));
}

/// `fail`: 3 times ENOENT from openat, 5 times EBADF from close, 2 times EINVAL from madvise.
pub fn fail(_: &[String], _: &mut Facts) {
    release();
    for _ in 0..3 {
        open_at(c"/no/such/file".as_ptr().cast());
    }
    for _ in 0..5 {
        plain(libc::SYS_close, [usize::MAX, 0, 0]);
    }
    for _ in 0..2 {
        plain(libc::SYS_madvise, [1, PAGE, 0]);
    }
}

/// `stat`: of a file that is there.
pub fn stat(_: &[String], _: &mut Facts) {
    let mut found = std::mem::MaybeUninit::<libc::stat>::uninit();
    let (path, buffer) = (c"/proc/version".as_ptr().addr(), found.as_mut_ptr().addr());
    release();
    // SAFETY: the call fills a buffer of its size.
    unsafe { call(libc::SYS_stat, [path, buffer, 0, 0, 0, 0]) };
}

/// `sizes`: into a pipe and out of it again: 1, 10, 100 and 1,000 bytes.
pub fn sizes(_: &[String], _: &mut Facts) {
    let mut ends = [0i32; 2];
    // SAFETY: the array takes two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "a pipe");
    let mut buffer = vec![b'x'; 1000];
    release();
    for size in [1, 10, 100, 1000] {
        let address = buffer.as_mut_ptr().addr();
        plain(libc::SYS_write, [ends[1] as usize, address, size]);
        // SAFETY: the buffer is as long as the largest size.
        unsafe { call(libc::SYS_read, [ends[0] as usize, address, size, 0, 0, 0]) };
    }
}

/// `unlink COUNT`: deletes COUNT files that it made before, then (by rmdir) their directory.
pub fn unlink(args: &[String], facts: &mut Facts) {
    let count = number(args, 0, 2);
    let dir = tempfile::tempdir().expect("a temporary directory").keep();
    let name = |i| c_string(&dir.join(format!("f{i}")).to_string_lossy());
    let paths: Vec<_> = (0..count).map(name).collect();
    for path in &paths {
        std::fs::write(path.to_str().expect("ASCII"), "").expect("make a file");
    }
    release();
    for path in &paths {
        plain(libc::SYS_unlinkat, [HERE, path.as_ptr().addr(), 0]);
    }
    let dir = dir.to_string_lossy();
    plain(libc::SYS_rmdir, [c_string(&dir).as_ptr().addr(), 0, 0]);
    facts.say("dir", dir);
}

/// `connect`: to a listener on 127.0.0.1, and to a port where nobody listens.
pub fn connect(_: &[String], facts: &mut Facts) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen on the loopback device");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a second port");
    let ports = [&listener, &closed].map(|l| l.local_addr().expect("an address").port());
    drop(closed);
    // SAFETY: no memory is touched.
    let sockets = [0, 1].map(|_| unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) });
    release();
    for (socket, port) in sockets.into_iter().zip(ports) {
        let address = libc::sockaddr_in {
            sin_family: libc::AF_INET as u16,
            sin_port: port.to_be(),
            sin_addr: libc::in_addr {
                s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
            },
            sin_zero: [0; 8],
        };
        let size = size_of_val(&address);
        plain(
            libc::SYS_connect,
            [socket as usize, (&raw const address).addr(), size],
        );
    }
    facts.say("open_port", ports[0]);
    facts.say("closed_port", ports[1]);
}
