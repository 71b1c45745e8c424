//! `trigger as RESTRICTION PROGRAM [ARG…]`: becomes another program under a restriction.
//!
//! In: `nobody` (user and group 65534, no capabilities) or `no-bpf` (a process that calls bpf or perf_event_open is
//! killed: what runs through has not asked the kernel to trace). Out: the program. Never returns when it starts.
#![allow(
    unsafe_code,
    reason = "seccomp and the change of user have no safe wrappers here"
)]

use std::ffi::CString;
use std::process::ExitCode;

const NOBODY: u32 = 65534;

/// Restricts this process and becomes the program.
pub fn run(args: &[String]) -> ExitCode {
    let [restriction, program, ..] = args else {
        eprintln!("usage: trigger as nobody|no-bpf PROGRAM [ARG...]");
        return ExitCode::from(2);
    };
    let path = CString::new(program.as_str()).expect("a path without NUL");
    // SAFETY: the path is a C string. The descriptor is used and closed by the execution.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
    match restriction.as_str() {
        "nobody" => become_nobody(),
        "no-bpf" => forbid(
            &[libc::SYS_bpf, libc::SYS_perf_event_open],
            libc::SECCOMP_RET_KILL_PROCESS,
        ),
        other => {
            eprintln!("no restriction {other}");
            return ExitCode::from(2);
        }
    }
    execute(file, &args[1..])
}

/// By descriptor: nobody may not be able to walk to the program.
fn execute(file: libc::c_int, words: &[String]) -> ExitCode {
    let words: Vec<_> = words
        .iter()
        .map(|word| CString::new(word.as_str()).expect("no NUL"))
        .collect();
    let mut argv: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
    argv.push(std::ptr::null());
    let envp = [std::ptr::null_mut()];
    // SAFETY: the vectors end with null and live until the call replaces the process.
    unsafe {
        libc::execveat(
            file,
            c"".as_ptr(),
            argv.as_ptr().cast(),
            envp.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    eprintln!(
        "cannot start {}: {}",
        words[0].to_string_lossy(),
        std::io::Error::last_os_error()
    );
    ExitCode::from(127)
}

fn become_nobody() {
    // SAFETY: no memory is touched but the empty group list.
    let results = unsafe {
        [
            libc::setgroups(0, std::ptr::null()),
            libc::setresgid(NOBODY, NOBODY, NOBODY),
            libc::setresuid(NOBODY, NOBODY, NOBODY),
        ]
    };
    assert_eq!(results, [0; 3], "become nobody");
}

/// From now on, these calls of this thread get `action` for an answer; all others go on.
pub fn forbid(numbers: &[i64], action: u32) {
    install(numbers, action, 0);
}

/// From now on, these calls of this thread wait for what is said to them by the descriptor that is returned.
pub fn ask(numbers: &[i64]) -> libc::c_int {
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    install(numbers, libc::SECCOMP_RET_USER_NOTIF, flags)
}

fn install(numbers: &[i64], action: u32, flags: libc::c_ulong) -> libc::c_int {
    let statement = |code: u32, jt: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf: 0,
        k,
    };
    // The number is the first word of `struct seccomp_data`.
    let mut filter = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (at, number) in numbers.iter().enumerate() {
        let to_action = (numbers.len() - at) as u8;
        filter.push(statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            to_action,
            *number as u32,
        ));
    }
    filter.push(statement(
        libc::BPF_RET | libc::BPF_K,
        0,
        libc::SECCOMP_RET_ALLOW,
    ));
    filter.push(statement(libc::BPF_RET | libc::BPF_K, 0, action));
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the program and its statements live through the call, which copies them.
    let (no_more, installed) = unsafe {
        (
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            ),
        )
    };
    assert!(no_more == 0 && installed >= 0, "install a seccomp filter");
    installed as libc::c_int
}
