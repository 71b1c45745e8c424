//! Triggers about processes, threads, signals and waiting.
//!
//! In: arguments. Out: children that end at once, and the calls that made them.
#![allow(unsafe_code, reason = "every way of forking is a raw system call")]

use std::arch::asm;
use std::ffi::{CStr, CString};
use std::os::fd::IntoRawFd;
use std::path::Path;

use crate::calls::{call, plain};
use crate::{Facts, number, release};

/// A flag above the lower 32 bits: only clone3 can carry it.
const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;

/// `struct clone_args`, as far as its first version goes.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

/// `fork-all`: fork, vfork, clone and clone3, and a clone3 that fails (EINVAL: no valid exit signal).
pub fn fork_all(_: &[String], facts: &mut Facts) {
    release();
    let flags = CLONE_CLEAR_SIGHAND | libc::CLONE_FS as u64;
    let good = CloneArgs {
        flags,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    let bad = CloneArgs {
        exit_signal: 1 << 40,
        ..CloneArgs::default()
    };
    let size = size_of::<CloneArgs>();
    let address = |args: &CloneArgs| std::ptr::from_ref(args).addr();
    let children = [
        end_child(libc::SYS_fork, [0; 2]),
        end_child(libc::SYS_vfork, [0; 2]),
        end_child(libc::SYS_clone, [libc::SIGCHLD as usize, 0]),
        end_child(libc::SYS_clone3, [address(&good), size]),
        end_child(libc::SYS_clone3, [address(&bad), size]),
    ];
    for child in children.iter().filter(|&&child| child > 0) {
        wait(*child);
    }
    facts.say("flags", format_args!("{flags:#x}"));
    facts.say("failed", children[4]);
}

/// Makes a child that ends at once; the parent's result.
fn end_child(number: i64, args: [usize; 2]) -> i64 {
    let result;
    // SAFETY: the child makes one more call and is gone before it touches the stack, which after vfork is shared
    // with the parent.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov eax, 231",
            "xor edi, edi",
            "syscall",
            "2:",
            inlateout("rax") number => result,
            inlateout("rdi") args[0] => _,
            in("rsi") args[1], in("rdx") 0, in("r10") 0, in("r8") 0,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}

/// Until the child has ended.
pub fn wait(child: i64) {
    plain(libc::SYS_wait4, [child as usize, 0, 0]);
}

/// Until a thread is blocked in a call, as the kernel tells (`/proc/PID/task/TID/syscall`).
pub fn wait_until_in(process: i64, thread: i64, call: i64) {
    let path = format!("/proc/{process}/task/{thread}/syscall");
    let wanted = format!("{call} ");
    loop {
        let now = std::fs::read_to_string(&path).expect("the thread is there");
        if now.starts_with(&wanted) {
            return;
        }
        std::thread::yield_now();
    }
}

/// `exec-at`: a child that fails to run one program by execveat, then runs another, by descriptor.
pub fn exec_at(_: &[String], facts: &mut Facts) {
    let exe = std::fs::File::open(std::env::current_exe().expect("this program's path"));
    let exe = exe.expect("open this program").into_raw_fd() as usize;
    let argv = [c"trigger".as_ptr(), c"nop".as_ptr(), std::ptr::null()];
    let envp = [std::ptr::null::<u8>()];
    let here = libc::AT_FDCWD as usize;
    release();
    // SAFETY: a plain fork of a process with one thread.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        for (fd, path, flags) in [
            (here, c"/no/such/program", 0),
            (exe, c"", libc::AT_EMPTY_PATH as usize),
        ] {
            let (path, argv, envp) = (path.as_ptr(), argv.as_ptr(), envp.as_ptr());
            let args = [fd, path.addr(), argv.addr(), envp.addr(), flags, 0];
            // SAFETY: strings and lists end with their zeroes.
            unsafe { call(libc::SYS_execveat, args) };
        }
        std::process::exit(1);
    }
    wait(child);
    facts.say("child", child);
}

/// Runs this program again as `trigger nop`, in place of the caller.
fn become_nop() -> i64 {
    let path = std::env::current_exe().expect("this program's path");
    let path = CString::new(path.to_string_lossy().as_bytes()).expect("a path without NUL");
    let argv = [path.as_ptr(), c"nop".as_ptr(), std::ptr::null()];
    let envp = [std::ptr::null::<u8>()];
    plain(
        libc::SYS_execve,
        [
            path.as_ptr().addr(),
            argv.as_ptr().addr(),
            envp.as_ptr().addr(),
        ],
    )
}

/// `exec`: a child that fails to run one program, then runs another.
pub fn exec(_: &[String], facts: &mut Facts) {
    release();
    // SAFETY: a plain fork of a process with one thread.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        plain(
            libc::SYS_execve,
            [c"/no/such/program".as_ptr().addr(), 0, 0],
        );
        become_nop();
        std::process::exit(1);
    }
    wait(child);
    facts.say("child", child);
    facts.say(
        "exe",
        std::env::current_exe()
            .expect("this program's path")
            .display(),
    );
}

/// `exec-thread`: a second thread runs another program: its thread id becomes the process's.
pub fn exec_thread(_: &[String], facts: &mut Facts) {
    release();
    // SAFETY: the process has one thread, so its child is as sound as the process itself.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        let thread = std::thread::spawn(become_nop);
        drop(thread.join());
        std::process::exit(1);
    }
    wait(child);
    facts.say("child", child);
}

/// A 32-bit program that calls getppid and then becomes the program at `path`, run as `trigger nop`.
fn program_32(path: &CString) -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    const HEADERS: u32 = 52 + 32;
    const CODE: u32 = 40;
    let [argv, nop, text] = [CODE, CODE + 12, CODE + 16].map(|at| BASE + HEADERS + at);
    let size = HEADERS + CODE + 16 + path.as_bytes_with_nul().len() as u32;
    let mut out = b"\x7fELF\x01\x01\x01".to_vec();
    out.resize(16, 0);
    // e_type EXEC and e_machine 386; e_version, e_entry, e_phoff, e_shoff, e_flags; e_ehsize to e_shstrndx.
    out.extend([2u16, 3].map(u16::to_le_bytes).concat());
    out.extend([1, BASE + HEADERS, 52, 0, 0].map(u32::to_le_bytes).concat());
    out.extend([52u16, 32, 1, 40, 0, 0].map(u16::to_le_bytes).concat());
    // PT_LOAD: offset, addresses, sizes, read and execute, alignment.
    out.extend(
        [1, 0, BASE, BASE, size, size, 5, 4096]
            .map(u32::to_le_bytes)
            .concat(),
    );
    // mov eax, 64; int 0x80; mov eax, 11; mov ebx, path; mov ecx, argv; xor edx, edx; int 0x80; mov eax, 1; int 0x80.
    out.extend([0xb8, 64, 0, 0, 0, 0xcd, 0x80, 0xb8, 11, 0, 0, 0, 0xbb]);
    out.extend(text.to_le_bytes());
    out.push(0xb9);
    out.extend(argv.to_le_bytes());
    out.extend([0x31, 0xd2, 0xcd, 0x80, 0xb8, 1, 0, 0, 0, 0xcd, 0x80]);
    out.resize((HEADERS + CODE) as usize, 0x90);
    out.extend([text, nop, 0].map(u32::to_le_bytes).concat());
    out.extend(b"nop\0");
    out.extend(path.as_bytes_with_nul());
    out
}

/// `exec-32`: a child becomes a 32-bit program, which becomes a 64-bit one.
pub fn exec_32(_: &[String], facts: &mut Facts) {
    let exe = std::env::current_exe().expect("this program's path");
    let path = CString::new(exe.to_string_lossy().as_bytes()).expect("a path without NUL");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let small = dir.path().join("trigger32");
    std::fs::write(&small, program_32(&path)).expect("write the program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&small, mode).expect("make it a program");
    let name = CString::new(small.to_str().expect("ASCII")).expect("a path without NUL");
    let argv = [name.as_ptr(), std::ptr::null()];
    let envp = [std::ptr::null::<u8>()];
    release();
    // SAFETY: a plain fork of a process with one thread.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        let lists = [argv.as_ptr().addr(), envp.as_ptr().addr()];
        plain(libc::SYS_execve, [name.as_ptr().addr(), lists[0], lists[1]]);
        plain(libc::SYS_exit_group, [1, 0, 0]);
    }
    wait(child);
    facts.say("small", small.display());
    facts.say("exe", exe.display());
}

/// `signal`: sends SIGUSR1 (ignored) and signal 0 to itself, and SIGTERM to a process that is not there.
pub fn signal(_: &[String], _: &mut Facts) {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
    let own = std::process::id() as usize;
    release();
    plain(libc::SYS_kill, [own, libc::SIGUSR1 as usize, 0]);
    plain(libc::SYS_kill, [own, 0, 0]);
    plain(
        libc::SYS_kill,
        [i32::MAX as usize, libc::SIGTERM as usize, 0],
    );
}

/// `handler COUNT`: a handled signal to itself: each return from the handler is an rt_sigreturn.
pub fn handler(args: &[String], facts: &mut Facts) {
    extern "C" fn nothing(_: libc::c_int) {}
    let count = number(args, 0, 3);
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    let own = std::process::id() as usize;
    release();
    for _ in 0..count {
        plain(libc::SYS_kill, [own, libc::SIGUSR1 as usize, 0]);
    }
    facts.say("issued", count);
}

/// `sleep MS COUNT`
pub fn sleep(args: &[String], _: &mut Facts) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: number(args, 0, 10) as i64 * 1_000_000,
    };
    let count = number(args, 1, 1);
    release();
    let address = (&raw const time).addr();
    for _ in 0..count {
        plain(libc::SYS_nanosleep, [address, 0, 0]);
    }
}

/// `threads COUNT`: as many threads, one after the other, that end at once.
pub fn threads(args: &[String], facts: &mut Facts) {
    let count = number(args, 0, 100);
    release();
    for _ in 0..count {
        std::thread::spawn(|| ())
            .join()
            .expect("an empty thread ends well");
    }
    facts.say("issued", count);
}

/// `block`: waits for a signal that ends it.
pub fn block(_: &[String], _: &mut Facts) {
    release();
    plain(libc::SYS_pause, [0; 3]);
}

/// Strings of an argument list that no record holds.
const LONG: usize = 4096;
/// Bytes of an argument, one less than the kernel takes with its NUL (`MAX_ARG_STRLEN` in include/uapi/linux/binfmts.h).
const LARGE: usize = (128 << 10) - 1;

/// A child that tries one way of becoming this program, and ends when it fails.
fn exec_child(call_number: i64, args: [usize; 5]) {
    // SAFETY: a plain fork of a process with one thread; the lists live in the parent's memory, which the child has a copy of.
    unsafe {
        let child = call(libc::SYS_fork, [0; 6]);
        if child == 0 {
            call(
                call_number,
                [args[0], args[1], args[2], args[3], args[4], 0],
            );
            plain(libc::SYS_exit_group, [1, 0, 0]);
        }
        wait(child);
    }
}

/// A file in memory that holds this program.
fn in_memory() -> usize {
    use std::io::Write as _;
    use std::os::fd::FromRawFd as _;
    let name = c"copy".as_ptr().addr();
    let fd = plain(libc::SYS_memfd_create, [name, 0, 0]) as i32;
    // SAFETY: a new descriptor of our own.
    let mut file = unsafe { std::fs::File::from_raw_fd(fd) };
    let exe = std::fs::read("/proc/self/exe").expect("this program");
    file.write_all(&exe).expect("copy this program");
    file.into_raw_fd() as usize
}

/// A script in a directory that `exe` runs as `exe nop`.
pub fn script(dir: &Path, exe: &CStr) -> CString {
    let script = dir.join("script");
    let text = [b"#!", exe.to_bytes(), b" nop\n"].concat();
    std::fs::write(&script, text).expect("write a script");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("make it a program");
    CString::new(script.to_str().expect("ASCII")).expect("no NUL")
}

/// `exec-forms`: 4,096 arguments, an argument of 128 KiB, no list of arguments, an empty argument, a script, a file in memory, and a failure; a child each.
pub fn exec_forms(_: &[String], facts: &mut Facts) {
    let exe = std::env::current_exe().expect("this program's path");
    let path = CString::new(exe.to_string_lossy().as_bytes()).expect("a path without NUL");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let script = script(dir.path(), &path);
    let copy = in_memory();
    // Written by this program, so their pages are there at the entry: a literal's page may not be.
    let [nop, text, empty] = ["nop", "an argument of thirty-one bytes", ""]
        .map(|text| CString::new(text).expect("no NUL"));
    let large = CString::new(vec![b'x'; LARGE]).expect("no NUL");
    let mut long = vec![path.as_ptr(), nop.as_ptr()];
    long.resize(LONG, text.as_ptr());
    long.push(std::ptr::null());
    let short = [path.as_ptr(), nop.as_ptr(), std::ptr::null()];
    let hollow = [
        path.as_ptr(),
        nop.as_ptr(),
        empty.as_ptr(),
        text.as_ptr(),
        std::ptr::null(),
    ];
    let hollow = hollow.as_ptr().addr();
    let large = [
        path.as_ptr(),
        nop.as_ptr(),
        large.as_ptr(),
        std::ptr::null(),
    ];
    let large = large.as_ptr().addr();
    let (exe_at, script_at) = (path.as_ptr().addr(), script.as_ptr().addr());
    let (long, short) = (long.as_ptr().addr(), short.as_ptr().addr());
    let (empty, nowhere) = (empty.as_ptr().addr(), c"/no/such/program".as_ptr().addr());
    let by_descriptor = libc::AT_EMPTY_PATH as usize;
    release();
    exec_child(libc::SYS_execve, [exe_at, long, 0, 0, 0]);
    exec_child(libc::SYS_execve, [exe_at, large, 0, 0, 0]);
    exec_child(libc::SYS_execve, [exe_at, 0, 0, 0, 0]);
    exec_child(libc::SYS_execve, [exe_at, hollow, 0, 0, 0]);
    exec_child(libc::SYS_execve, [script_at, short, 0, 0, 0]);
    exec_child(libc::SYS_execveat, [copy, empty, short, 0, by_descriptor]);
    exec_child(libc::SYS_execve, [nowhere, short, 0, 0, 0]);
    facts.say("exe", exe.display());
    facts.say("script", script.to_string_lossy());
    facts.say("copy", copy);
}

/// `ids`: a child that becomes somebody else, as root may.
pub fn ids(_: &[String], facts: &mut Facts) {
    const NOBODY: usize = 65_534;
    release();
    // SAFETY: a plain fork of a process with one thread.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        plain(libc::SYS_setresuid, [NOBODY; 3]);
        plain(libc::SYS_exit_group, [0; 3]);
    }
    wait(child);
    facts.say("child", child);
}

/// `renamed`: getppid under two names.
pub fn renamed(_: &[String], _: &mut Facts) {
    release();
    for name in [c"first-name", c"second-name"] {
        let name = name.as_ptr().addr();
        plain(libc::SYS_prctl, [libc::PR_SET_NAME as usize, name, 0]);
        plain(libc::SYS_getppid, [0; 3]);
    }
}

/// `id-again`: two children, one after the other, with the same process id; each calls getppid.
pub fn id_again(_: &[String], facts: &mut Facts) {
    /// `struct clone_args` with its second version's members.
    #[repr(C)]
    #[derive(Default)]
    struct WithId {
        plain: CloneArgs,
        set_tid: u64,
        set_tid_size: u64,
    }
    release();
    let mut wanted = 0i32;
    for _ in 0..2 {
        let args = WithId {
            plain: CloneArgs {
                exit_signal: libc::SIGCHLD as u64,
                ..CloneArgs::default()
            },
            set_tid: if wanted == 0 {
                0
            } else {
                (&raw const wanted).addr() as u64
            },
            set_tid_size: u64::from(wanted != 0),
        };
        let address = (&raw const args).addr();
        // SAFETY: as a plain fork of a process with one thread.
        let child = unsafe { call(libc::SYS_clone3, [address, size_of::<WithId>(), 0, 0, 0, 0]) };
        if child == 0 {
            plain(libc::SYS_getppid, [0; 3]);
            plain(libc::SYS_exit_group, [0; 3]);
        }
        assert!(child > 0, "clone3: {child}");
        wait(child);
        wanted = child as i32;
    }
    facts.say("child", wanted);
}
