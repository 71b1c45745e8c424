//! Orders: known system calls, as fast as one thread makes them.
//!
//! In: lines `NAME COUNT [SIZE]`. Out: a line for each with its nanoseconds. Everything an order needs is prepared before its clock
//! starts.
#![allow(unsafe_code, reason = "the calls that are measured are raw ones")]

use std::arch::asm;
use std::ffi::CString;
use std::fs::File;
use std::io::{BufRead, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Beyond all descriptors.
const NO_DESCRIPTOR: usize = 1 << 20;

/// How many names `keys` goes through.
const NAMES: u64 = 64;

/// Carries out orders until there are no more.
pub fn serve() -> Result<()> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let [name, count, size @ ..] = words.as_slice() else {
            bail!("an order is NAME COUNT [SIZE]");
        };
        let size = size.first().map_or(Ok(0), |size| size.parse());
        let took = order(
            name,
            count.parse().context("a count")?,
            size.context("a size")?,
        )?;
        writeln!(output, "{}", took.as_nanos())?;
        output.flush()?;
    }
    Ok(())
}

fn order(name: &str, count: u64, size: usize) -> Result<Duration> {
    Ok(match name {
        // The cheapest call there is.
        "getppid" => timed(count, || _ = call(libc::SYS_getppid, [0; 4])),
        // One that has a path and fails.
        "openat" => {
            let path = c"/nonexistent/of/the/benchmark".as_ptr() as usize;
            timed(count, || {
                _ = call(libc::SYS_openat, [libc::AT_FDCWD as usize, path, 0, 0])
            })
        }
        "fstat" => {
            let (file, mut room) = (File::open("/proc/self/exe")?, [0u64; 18]);
            let args = [file.as_raw_fd() as usize, room.as_mut_ptr() as usize, 0, 0];
            timed(count, || _ = call(libc::SYS_fstat, args))
        }
        // What `dd bs=1` does: a byte read, a byte written.
        "copy" => {
            let (from, to) = (File::open("/dev/zero")?, File::create("/dev/null")?);
            let (from, to) = (from.as_raw_fd() as usize, to.as_raw_fd() as usize);
            let mut room = [0u8; 8];
            let byte = room.as_mut_ptr() as usize;
            timed(count, || {
                call(libc::SYS_read, [from, byte, 1, 0]);
                call(libc::SYS_write, [to, byte, 1, 0]);
            })
        }
        // Paths, buffers and structs, four calls.
        "mix" => {
            let (from, to) = (File::open("/dev/zero")?, File::create("/dev/null")?);
            let (from, to) = (from.as_raw_fd() as usize, to.as_raw_fd() as usize);
            let (mut room, mut byte) = ([0u64; 18], [0u8; 8]);
            let (room, byte) = (room.as_mut_ptr() as usize, byte.as_mut_ptr() as usize);
            let path = c"/nonexistent/of/the/benchmark".as_ptr() as usize;
            timed(count, || {
                call(libc::SYS_openat, [libc::AT_FDCWD as usize, path, 0, 0]);
                call(libc::SYS_read, [from, byte, 1, 0]);
                call(libc::SYS_fstat, [from, room, 0, 0]);
                call(libc::SYS_write, [to, byte, 1, 0]);
            })
        }
        // A number of different arguments, all of which fail.
        "spread" => {
            let mut next = 0;
            timed(count, || {
                next = if next + 1 == size { 0 } else { next + 1 };
                call(libc::SYS_close, [NO_DESCRIPTOR + next, 0, 0, 0]);
            })
        }
        // A path of a length, below a descriptor that is not there.
        "path" => {
            let path = CString::new(vec![b'a'; size])?;
            let at = path.as_ptr() as usize;
            timed(count, || {
                _ = call(libc::SYS_openat, [NO_DESCRIPTOR, at, 0, 0])
            })
        }
        // Under many names.
        "keys" => keys(count),
        _ => bail!("no order {name}"),
    })
}

fn timed(count: u64, mut once: impl FnMut()) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        once();
    }
    begin.elapsed()
}

/// getppid under one thread name after the other; giving names is not counted.
fn keys(count: u64) -> Duration {
    let names = (0..NAMES).map(|i| {
        let name = format!("name-{i}\0");
        call(
            libc::SYS_prctl,
            [libc::PR_SET_NAME as usize, name.as_ptr() as usize, 0, 0],
        );
        timed(count / NAMES, || _ = call(libc::SYS_getppid, [0; 4]))
    });
    let took = names.sum();
    call(
        libc::SYS_prctl,
        [
            libc::PR_SET_NAME as usize,
            c"workload".as_ptr() as usize,
            0,
            0,
        ],
    );
    took
}

fn call(number: i64, args: [usize; 4]) -> i64 {
    let result;
    // SAFETY: the x86-64 convention; pointers that orders pass lead to memory that is as large as the call takes it to be,
    // and lives until the order is done.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2], in("r10") args[3],
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}
