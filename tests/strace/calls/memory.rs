//! Memory: maps and advice.
//!
//! In: a bench. Out: calls on a map of their own. Never one on memory that is in use.

use super::{NONE, bits};
use crate::bench::{Bench, F, N, P};
use libc::*;

pub fn all(b: &mut Bench) {
    let anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    let map = |b: &mut Bench, at: u64, len: u64, access: i32, flags: i32| {
        let args = [
            N(at),
            N(len),
            N(bits(access)),
            N(bits(flags)),
            N(NONE),
            N(0),
        ];
        b.once("mmap", &args) as u64
    };
    let own = map(b, 0, 16384, PROT_READ | PROT_WRITE, anonymous);
    map(
        b,
        own,
        4096,
        PROT_NONE,
        anonymous | MAP_FIXED | MAP_NORESERVE,
    );
    map(b, 0x3000, 0, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_LOCKED);
    map(b, 0, 4096, PROT_READ, anonymous | MAP_HUGETLB | 21 << 26);
    map(b, 0, 4096, 0x100_0007, 0x8000_0000u32 as i32);
    b.call("mmap", &[N(0), N(4096), N(1), N(2), F(999), N(0x1000)]);
    b.call(
        "mprotect",
        &[N(own), N(4096), N(bits(PROT_READ | PROT_WRITE))],
    );
    b.call("mprotect", &[N(own), N(4096), N(0x100_0000)]);
    b.call("pkey_mprotect", &[N(own), N(4096), N(3), N(NONE)]);
    for advice in [MADV_NORMAL, MADV_WILLNEED, MADV_DONTNEED, MADV_DONTFORK, 99] {
        b.call("madvise", &[N(own), N(4096), N(bits(advice))]);
    }
    for (name, flags) in [
        ("msync", MS_ASYNC),
        ("mlock", 0),
        ("mlock2", 1),
        ("munlock", 0),
    ] {
        b.call(name, &[N(own), N(4096), N(bits(flags))]);
    }
    let room = b.room(4);
    b.call("mincore", &[N(own), N(16384), P(room)]);
    b.call("mremap", &[N(own + 8192), N(8192), N(4096), N(0), N(0)]);
    b.call(
        "mremap",
        &[
            N(own),
            N(0),
            N(4096),
            N(bits(MREMAP_MAYMOVE | MREMAP_FIXED)),
            N(0x1001),
        ],
    );
    b.call("munmap", &[N(own), N(16384)]);
    b.call("munmap", &[N(1), N(0)]);
    b.call("brk", &[N(0)]);
    b.call("mlockall", &[N(8)]);
    b.call("munlockall", &[]);
    b.call("remap_file_pages", &[N(0), N(0), N(0), N(0), N(0)]);
    b.call("pkey_free", &[N(15)]);
    b.call("pkey_alloc", &[N(1), N(0)]);
    b.call("membarrier", &[N(0), N(0), N(0)]);
    b.call("membarrier", &[N(8), N(0), N(0)]);
}
