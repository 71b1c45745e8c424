//! Triggers about memory that is partly there, or comes only when somebody brings it, and about descriptors that are used again.
//!
//! In: arguments. Out: calls whose buffers and descriptors are known.
#![allow(
    unsafe_code,
    reason = "the events under test are raw system calls on memory laid out on purpose"
)]

use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::calls::{call, plain};
use crate::{Facts, release};

const HERE: usize = libc::AT_FDCWD as usize;
const PAGE: usize = 4096;

/// Anonymous pages.
fn pages(count: usize) -> *mut u8 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping.
    let pages = unsafe { libc::mmap(std::ptr::null_mut(), count * PAGE, protection, flags, -1, 0) };
    assert_ne!(pages, libc::MAP_FAILED, "anonymous pages");
    pages.cast()
}

/// `write-edge`: writes 16 bytes of which the first 8 end a page, behind which nothing is: into a pipe.
pub fn write_edge(_: &[String], facts: &mut Facts) {
    let mut ends = [0i32; 2];
    // SAFETY: the array takes two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "a pipe");
    // SAFETY: two new pages, of which the second is given back; the text ends with the first.
    let start = unsafe {
        let pages = pages(2);
        libc::munmap(pages.add(PAGE).cast(), PAGE);
        let start = pages.add(PAGE - 8);
        std::ptr::copy_nonoverlapping(b"ABCDEFGH".as_ptr(), start, 8);
        start
    };
    release();
    plain(libc::SYS_write, [ends[1] as usize, start.addr(), 16]);
    facts.say("pipe", ends[1]);
}

/// `reopened`: one descriptor number stands for one file, then for another one; each is read once.
pub fn reopened(_: &[String], facts: &mut Facts) {
    let paths = [c"/proc/version", c"/proc/uptime"];
    let mut byte = 0u8;
    let address = (&raw mut byte).addr();
    release();
    let mut last = 0;
    for path in paths {
        let fd = plain(libc::SYS_openat, [HERE, path.as_ptr().addr(), 0]) as usize;
        // SAFETY: one byte is read into a byte.
        unsafe { call(libc::SYS_read, [fd, address, 1, 0, 0, 0]) };
        plain(libc::SYS_close, [fd, 0, 0]);
        last = fd;
    }
    facts.say("fd", last);
}

// linux/userfaultfd.h
const UFFD_API: u64 = 0xaa;
const UFFDIO_API: usize = 0xc018_aa3f;
const UFFDIO_REGISTER: usize = 0xc020_aa00;
const UFFDIO_COPY: usize = 0xc028_aa03;
const UFFDIO_REGISTER_MODE_MISSING: u64 = 1;

fn userfault_ioctl(fd: usize, command: usize, words: &mut [u64]) {
    // SAFETY: the structures of these commands are words, as many as the caller gives.
    let result = unsafe {
        let address = words.as_mut_ptr().addr();
        call(libc::SYS_ioctl, [fd, command, address, 0, 0, 0])
    };
    assert_eq!(result, 0, "ioctl {command:#x} of userfaultfd");
}

/// `open-pending PATH`: the page of the path is missing until another thread, which is told of the fault, brings it.
pub fn open_pending(args: &[String], facts: &mut Facts) {
    let path = CString::new(args.first().expect("a path").as_str()).expect("a path without NUL");
    let fd = plain(libc::SYS_userfaultfd, [libc::O_CLOEXEC as usize, 0, 0]);
    assert!(fd >= 0, "userfaultfd: {fd}");
    // SAFETY: a new descriptor of our own.
    let owner = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    let fd = fd as usize;
    userfault_ioctl(fd, UFFDIO_API, &mut [UFFD_API, 0, 0]);
    let page = pages(1).expose_provenance();
    let range = [page as u64, PAGE as u64];
    let mode = UFFDIO_REGISTER_MODE_MISSING;
    userfault_ioctl(fd, UFFDIO_REGISTER, &mut [range[0], range[1], mode, 0]);
    let mut content = path.into_bytes_with_nul();
    content.resize(PAGE, 0);
    let bringer = std::thread::spawn(move || {
        let mut message = [0u64; 4];
        let address = message.as_mut_ptr().addr();
        // SAFETY: `struct uffd_msg` has 32 bytes.
        let read = unsafe { call(libc::SYS_read, [fd, address, 32, 0, 0, 0]) };
        assert_eq!(read, 32, "one fault");
        let source = content.as_ptr().addr() as u64;
        userfault_ioctl(
            fd,
            UFFDIO_COPY,
            &mut [page as u64, source, PAGE as u64, 0, 0],
        );
    });
    release();
    let opened = plain(libc::SYS_openat, [HERE, page, 0]);
    bringer.join().expect("the page is brought");
    drop(owner);
    facts.say("fd", opened);
}
