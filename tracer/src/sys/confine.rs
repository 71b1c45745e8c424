//! A thread that cannot open files.
//!
//! In: a function. Out: its result. For code of others that reads files nobody asked for; only that thread is confined, and only
//! until the function returns.

use std::thread;

/// `SECCOMP_RET_ALLOW` and `SECCOMP_RET_ERRNO` (linux/seccomp.h).
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
/// `BPF_LD | BPF_W | BPF_ABS`, `BPF_JMP | BPF_JEQ | BPF_K`, `BPF_RET | BPF_K` (linux/bpf_common.h).
const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Runs `work` in a thread of its own in which opening a file fails with ENOENT. Where the kernel does not take the
/// filter, `work` runs all the same, and can open files.
///
/// # Panics
/// When `work` does.
pub fn without_files<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let confined = || {
        forbid_open();
        work()
    };
    match thread::scope(|scope| scope.spawn(confined).join()) {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Puts the filter on this thread, for the rest of its life.
fn forbid_open() {
    let insn = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        insn(LOAD, 0, 0, 0), // the call's number: the first word of struct seccomp_data
        insn(JUMP_EQUAL, libc::SYS_openat as u32, 0, 1),
        insn(RETURN, ERRNO | libc::ENOENT as u32, 0, 0),
        insn(RETURN, ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the first call has no pointer. The second reads `program` and the instructions behind it, which are
    // alive. Both change this thread alone; a refusal of either is allowed for.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 {
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_files;
    use std::fs::File;

    #[test]
    fn files_can_be_opened_outside_and_not_inside() {
        let open = || File::open("/proc/self/status").is_ok();
        assert!(!without_files(open));
        assert!(open());
    }
}
