//! Triggers that ask for work through a ring (io_uring) and not by system calls.
//!
//! In: whether a thread of the kernel looks at the ring. Out: an open and a close that no `openat` and no `close` shows.
#![allow(unsafe_code, reason = "a ring is memory shared with the kernel")]

use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::calls::call;
use crate::{Facts, release};

// linux/io_uring.h
const OPENAT: u8 = 18;
const CLOSE: u8 = 19;
const SETUP_SQPOLL: u32 = 2;
const ENTER_GETEVENTS: usize = 1;
const ENTER_SQ_WAKEUP: usize = 2;
const SQES_OFFSET: libc::off_t = 0x1000_0000;

/// `struct io_uring_params`.
#[repr(C)]
#[derive(Default)]
struct Params {
    sq_entries: u32,
    cq_entries: u32,
    flags: u32,
    sq_thread_cpu: u32,
    sq_thread_idle: u32,
    features: u32,
    wq_fd: u32,
    resv: [u32; 3],
    submission: Offsets,
    completion: Offsets,
}

/// `struct io_sqring_offsets` and `struct io_cqring_offsets`, as far as they are used: head, tail, mask, entries; in the first one flags, dropped, array
/// follow, in the second one overflow, cqes.
#[repr(C)]
#[derive(Default)]
struct Offsets {
    head: u32,
    tail: u32,
    mask: u32,
    entries: u32,
    words: [u32; 4],
    user_addr: u64,
}

/// `struct io_uring_sqe`, its front.
#[repr(C)]
#[derive(Default)]
struct Request {
    opcode: u8,
    flags: u8,
    ioprio: u16,
    fd: i32,
    off: u64,
    addr: u64,
    len: u32,
    op_flags: u32,
    user_data: u64,
    rest: [u64; 3],
}

struct Ring {
    fd: usize,
    params: Params,
    ring: *mut u8,
    requests: *mut Request,
}

fn map(fd: usize, bytes: usize, offset: libc::off_t) -> *mut u8 {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
    // SAFETY: a new mapping of the ring.
    let at = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            protection,
            flags,
            fd as i32,
            offset,
        )
    };
    assert_ne!(at, libc::MAP_FAILED, "map the ring");
    at.cast()
}

impl Ring {
    fn new(flags: u32) -> Ring {
        let mut params = Params {
            flags,
            sq_thread_idle: 1000,
            ..Params::default()
        };
        let address = (&raw mut params).addr();
        // SAFETY: the kernel fills the parameters in.
        let fd = unsafe { call(libc::SYS_io_uring_setup, [8, address, 0, 0, 0, 0]) };
        assert!(fd >= 0, "io_uring_setup: {fd}");
        let fd = fd as usize;
        Ring {
            fd,
            ring: map(fd, 16 << 10, 0),
            requests: map(fd, 8 * size_of::<Request>(), SQES_OFFSET).cast(),
            params,
        }
    }

    fn word(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: an aligned word of the mapped ring, which the kernel changes too.
        unsafe { AtomicU32::from_ptr(self.ring.add(offset as usize).cast()) }
    }

    /// Has one request done; its result.
    fn done(&self, request: Request) -> i32 {
        let submission = &self.params.submission;
        let tail = self.word(submission.tail).load(Ordering::Relaxed);
        let at = tail & self.word(submission.mask).load(Ordering::Relaxed);
        // SAFETY: an entry of the mapped array, which the kernel does not look at before the tail moves.
        unsafe { self.requests.add(at as usize).write(request) };
        let array = submission.words[2] + 4 * at;
        self.word(array).store(at, Ordering::Relaxed);
        self.word(submission.tail)
            .store(tail + 1, Ordering::Release);
        let polled = self.params.flags & SETUP_SQPOLL != 0;
        let flags = ENTER_GETEVENTS | if polled { ENTER_SQ_WAKEUP } else { 0 };
        // SAFETY: no memory is passed.
        let entered = unsafe { call(libc::SYS_io_uring_enter, [self.fd, 1, 1, flags, 0, 0]) };
        assert!(entered >= 0, "io_uring_enter: {entered}");
        self.result()
    }

    /// The next completion: `user_data`, `res`, `flags`.
    fn result(&self) -> i32 {
        let completion = &self.params.completion;
        let head = self.word(completion.head).load(Ordering::Relaxed);
        while self.word(completion.tail).load(Ordering::Acquire) == head {
            std::thread::yield_now();
        }
        let at = head & self.word(completion.mask).load(Ordering::Relaxed);
        let result = self.word(completion.words[1] + 16 * at + 8);
        let result = result.load(Ordering::Relaxed) as i32;
        self.word(completion.head)
            .store(head + 1, Ordering::Release);
        result
    }
}

fn open_and_close(flags: u32, facts: &mut Facts) {
    const PATH: &CStr = c"/proc/version";
    let ring = Ring::new(flags);
    release();
    let opened = ring.done(Request {
        opcode: OPENAT,
        fd: libc::AT_FDCWD,
        addr: PATH.as_ptr().addr() as u64,
        ..Request::default()
    });
    let closed = ring.done(Request {
        opcode: CLOSE,
        fd: opened,
        ..Request::default()
    });
    facts.say("opened", opened);
    facts.say("closed", closed);
}

/// `ring`: an open and a close through a ring.
pub fn ring(_: &[String], facts: &mut Facts) {
    open_and_close(0, facts);
}

/// `ring-polled`: the same, taken from the ring by a thread of the kernel.
pub fn ring_polled(_: &[String], facts: &mut Facts) {
    open_and_close(SETUP_SQPOLL, facts);
}
