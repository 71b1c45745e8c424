//! What a command has spent: the most memory that it had, and processor time.
//!
//! In: a command. Out: its own output, untouched, and a line in a file: KiB of memory, microseconds of processor time. The kernel's account of
//! that process alone, when it has ended: nothing is polled. A small process starts it, since a program's peak is never less than
//! that of whoever started it.
#![allow(unsafe_code, reason = "no library hands out the account of a process")]

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Runs it.
pub fn tell(file: &str, command: &[&str]) -> Result<()> {
    let (program, args) = command.split_first().context("a command")?;
    let child = Command::new(program).args(args).spawn();
    let child = child.with_context(|| format!("start {program}"))?;
    let (status, usage) = wait(child.id())?;
    ensure!(status == 0, "{program}: wait status {status}");
    let time = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    let spent = time(usage.ru_utime) + time(usage.ru_stime);
    std::fs::write(file, format!("{} {spent}\n", usage.ru_maxrss)).context("tell what was spent")
}

/// Waits for a child: its wait status, and what it used.
fn wait(pid: u32) -> Result<(i32, libc::rusage)> {
    let mut status = 0;
    // SAFETY: a struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both are ours, and as large as the call takes them to be.
    let waited = unsafe { libc::wait4(pid as i32, &raw mut status, 0, &raw mut usage) };
    let error = std::io::Error::last_os_error();
    ensure!(waited == pid as i32, "wait for {pid}: {error}");
    Ok((status, usage))
}
