//! Triggers that are about system calls as such: their number, their table, how many.
//!
//! In: arguments. Out: calls. Everything here goes past the C library's wrappers, which add calls of their own.
#![allow(unsafe_code, reason = "the events under test are raw system calls")]

use std::arch::asm;
use std::ffi::CStr;
use std::time::{Duration, Instant};

use crate::{Facts, number, release};

/// A native call; the result as the kernel gives it, errors negative.
///
/// # Safety
/// What the call does to this process's memory must be sound; pointers must be what the call expects.
pub unsafe fn call(number: i64, args: [usize; 6]) -> i64 {
    let result;
    // SAFETY: the x86-64 convention: number in rax, arguments in these registers, rcx and r11 are lost.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}

/// A call that touches no memory of this process.
pub fn plain(number: i64, args: [usize; 3]) -> i64 {
    // SAFETY: callers pass no pointer that is written through; the kernel checks what it reads.
    unsafe { call(number, [args[0], args[1], args[2], 0, 0, 0]) }
}

/// The call that filters and clauses of tests are about.
pub fn getppid() {
    plain(libc::SYS_getppid, [0; 3]);
}

/// `flood COUNT [THREADS]`: getppid, COUNT times in each thread.
pub fn flood(args: &[String], facts: &mut Facts) {
    let (count, threads) = (number(args, 0, 1000), number(args, 1, 1));
    release();
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| (0..count).for_each(|_| getppid()));
        }
        (0..count).for_each(|_| getppid());
    });
    facts.say("issued", count * threads);
}

/// `flood-for MS [THREADS]`: getppid in each thread until the time is over.
pub fn flood_for(args: &[String], facts: &mut Facts) {
    let time = Duration::from_millis(number(args, 0, 1000));
    let threads = number(args, 1, 1);
    release();
    let start = Instant::now();
    let until_over = || {
        let mut issued: u64 = 0;
        while start.elapsed() < time {
            (0..100).for_each(|_| getppid());
            issued += 100;
        }
        issued
    };
    let issued: u64 = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(until_over)).collect();
        let own = until_over();
        let joined = others
            .into_iter()
            .map(|other| other.join().expect("a flood ends well"));
        own + joined.sum::<u64>()
    });
    facts.say("issued", issued);
}

/// `keys COUNT`: COUNT calls with as many different arguments (closing descriptors that are not open).
pub fn keys(args: &[String], facts: &mut Facts) {
    let count = number(args, 0, 100);
    release();
    for key in 0..count {
        plain(libc::SYS_close, [100_000 + key as usize, 0, 0]);
    }
    facts.say("issued", count);
}

/// A call in the i386 table; arguments are cut to 32 bits, above which the registers hold something else.
fn call_i386(number: u32, args: [u32; 3]) -> i32 {
    let result: u32;
    let above = 0x5555_5555_u64 << 32;
    // SAFETY: the i386 convention through gate 0x80, which keeps all registers but the result; rbx cannot be named
    // as an operand and is put back. The calls made here write no memory.
    unsafe {
        asm!(
            "xchg {first:r}, rbx",
            "int 0x80",
            "xchg {first:r}, rbx",
            first = inout(reg) above | u64::from(args[0]) => _,
            inlateout("eax") number => result,
            in("rcx") above | u64::from(args[1]), in("rdx") above | u64::from(args[2]),
            in("rsi") above, in("rdi") above,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
        );
    }
    result as i32
}

/// `int80`: openat, stat64 and close in the i386 table, where their numbers mean other calls natively.
pub fn int80(_: &[String], facts: &mut Facts) {
    let path = low_memory(c"/proc/version");
    release();
    let fd = call_i386(295, [libc::AT_FDCWD as u32, path, 0]);
    call_i386(64, [0; 3]);
    let closed = call_i386(6, [fd as u32, 0, 0]);
    facts.say("fd", fd);
    facts.say("closed", closed);
}

/// `int80-only`: calls that only the i386 table has, and one whose struct lies otherwise in the memory of 32-bit programs.
pub fn int80_only(_: &[String], _: &mut Facts) {
    /// `struct old_timespec32`: no seconds, 1,234 nanoseconds.
    const TIME: [u8; 8] = [0, 0, 0, 0, 0xd2, 4, 0, 0];
    let time = low_memory_bytes(&TIME);
    release();
    for number in [102, 117, 192, 195, 403] {
        call_i386(number, [u32::MAX; 3]);
    }
    call_i386(162, [time, 0, 0]);
}

/// The text at an address that 32 bits hold.
fn low_memory(text: &CStr) -> u32 {
    low_memory_bytes(text.to_bytes_with_nul())
}

fn low_memory_bytes(bytes: &[u8]) -> u32 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    // SAFETY: a new anonymous mapping, larger than what is copied, never unmapped.
    unsafe {
        let page = libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            -1,
            0,
        );
        assert_ne!(page, libc::MAP_FAILED, "low memory");
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), page.cast(), bytes.len());
        page as usize as u32
    }
}

/// `unknown`: numbers that no table has: beyond the end, far beyond, negative, and of the x32 kind.
pub fn unknown(_: &[String], _: &mut Facts) {
    release();
    for number in [9_999, 0x7fff_ffff, -1, 0x4000_0000 | libc::SYS_getppid] {
        plain(number, [1, 2, 3]);
    }
}

/// Binds the calling thread to a CPU.
fn bind(cpu: usize) {
    let mask = [1u64 << cpu, 0];
    // SAFETY: the kernel reads the mask.
    let bound = unsafe {
        let address = mask.as_ptr().addr();
        call(libc::SYS_sched_setaffinity, [0, 16, address, 0, 0, 0])
    };
    assert_eq!(bound, 0, "bind a thread to CPU {cpu}");
}

/// `pinned COUNT PROCESSES`: close of descriptors that are not open, COUNT times in each process, each bound to one CPU in turn. Says how many
/// each CPU issued.
pub fn pinned(args: &[String], facts: &mut Facts) {
    let (count, processes) = (number(args, 0, 1000), number(args, 1, 1));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    release();
    let children: Vec<i64> = (0..processes)
        .map(|at| {
            // SAFETY: a plain fork of a process with one thread.
            let child = unsafe { call(libc::SYS_fork, [0; 6]) };
            if child == 0 {
                bind(at as usize % cpus);
                for key in 0..count {
                    plain(libc::SYS_close, [100_000 + key as usize, 0, 0]);
                }
                plain(libc::SYS_exit_group, [0; 3]);
            }
            child
        })
        .collect();
    children.into_iter().for_each(crate::processes::wait);
    facts.say("issued", count * processes);
    for cpu in 0..cpus as u64 {
        let on_it = processes / cpus as u64 + u64::from(cpu < processes % cpus as u64);
        facts.say(&format!("cpu{cpu}"), count * on_it);
    }
}
