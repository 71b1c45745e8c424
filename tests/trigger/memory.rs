//! Triggers whose arguments lie in memory that is not there yet, is rewritten while the call runs, or is gone at its end.
//!
//! In: arguments. Out: calls whose strings are known, whatever a tracer can read of them and when.
#![allow(
    unsafe_code,
    reason = "the events under test are raw system calls on memory laid out on purpose"
)]

use std::ffi::{CStr, CString};
use std::io::Write as _;
use std::os::fd::AsRawFd;

use crate::calls::{call, plain};
use crate::processes::{script, wait, wait_until_in};
use crate::{Facts, number, release};

const HERE: usize = libc::AT_FDCWD as usize;
const PAGE: usize = 4096;

/// A page of a file that begins with the text at an offset: in the page cache, and in no process's page table.
fn file_page(offset: usize, text: &CStr) -> std::fs::File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let mut page = vec![0; offset];
    page.extend(text.to_bytes_with_nul());
    file.write_all(&page).expect("write the text");
    file
}

/// Maps such a page, at an address of its own choice when none is given.
fn map(file: &std::fs::File, at: usize) -> *mut u8 {
    let fixed = if at == 0 {
        0
    } else {
        libc::MAP_FIXED_NOREPLACE
    };
    // SAFETY: a new private mapping that replaces nothing.
    let page = unsafe {
        let at = std::ptr::without_provenance_mut(at);
        let flags = libc::MAP_PRIVATE | fixed;
        libc::mmap(at, PAGE, libc::PROT_READ, flags, file.as_raw_fd(), 0)
    };
    assert_ne!(page, libc::MAP_FAILED, "map a page of a file");
    page.cast()
}

/// Where [`watched`] has its word: a test names it before the trigger begins.
const WATCHED: usize = 0x7e57_0000_0000;

/// `watched COUNT`: writes a word of memory at 0x7e5700000000 as often, then reads it once.
pub fn watched(args: &[String], facts: &mut Facts) {
    let count = number(args, 0, 1);
    // SAFETY: a new page; where something is mapped already, the call fails.
    let page = unsafe {
        libc::mmap(
            std::ptr::without_provenance_mut(WATCHED),
            PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    assert_eq!(page.addr(), WATCHED, "map the page of the word");
    let word = page.cast::<u64>();
    release();
    for n in 0..count {
        // SAFETY: a word of the page that was just mapped, and nobody else's.
        unsafe { word.write_volatile(n) };
    }
    // SAFETY: the same word.
    facts.say("last", unsafe { word.read_volatile() });
}

/// `open-fresh PATH COUNT`: as many processes, one after the other; the path's page is in none of their page tables.
pub fn open_fresh(args: &[String], _: &mut Facts) {
    let path = CString::new(args.first().expect("a path").as_str()).expect("a path without NUL");
    let count = number(args, 1, 1);
    let file = file_page(0, &path);
    let page = map(&file, 0);
    release();
    for _ in 0..count {
        // SAFETY: a plain fork of a process with one thread.
        let child = unsafe { call(libc::SYS_fork, [0; 6]) };
        if child == 0 {
            plain(libc::SYS_openat, [HERE, page.addr(), 0]);
            plain(libc::SYS_exit_group, [0; 3]);
        }
        wait(child);
    }
}

/// `open-rewritten`: the path of a FIFO, rewritten by another thread while the open waits for a writer.
pub fn open_rewritten(_: &[String], facts: &mut Facts) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let fifo = dir.path().join("fifo");
    let path = CString::new(fifo.to_str().expect("ASCII")).expect("a path without NUL");
    // SAFETY: the path is a C string.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0, "a FIFO");
    let mut own = path.clone().into_bytes_with_nul();
    release();
    let address = own.as_mut_ptr().expose_provenance();
    let (send, thread) = std::sync::mpsc::channel();
    let opener = std::thread::spawn(move || {
        // SAFETY: no memory is touched.
        let id = unsafe { libc::gettid() };
        send.send(id).expect("the other end waits");
        plain(libc::SYS_openat, [HERE, address, 0]);
    });
    let id = thread.recv().expect("the thread has started");
    wait_until_in(std::process::id().into(), id.into(), libc::SYS_openat);
    // SAFETY: the buffer outlives the thread; the kernel has taken its copy of the path.
    unsafe {
        std::ptr::with_exposed_provenance_mut::<u8>(address).write_bytes(b'x', own.len() - 1)
    };
    std::fs::OpenOptions::new()
        .write(true)
        .open(&fifo)
        .expect("open the other end");
    opener.join().expect("the open ends");
    facts.say("fifo", fifo.display());
}

/// `exec-stale`: a child becomes another program; the path's page is absent, and at its address the new program has its
/// arguments: a row of `x`.
pub fn exec_stale(_: &[String], facts: &mut Facts) {
    /// The last page below the highest address of a 64-bit process, where an unmoved stack begins.
    const STACK_TOP_PAGE: usize = 0x7fff_ffff_e000;
    let exe = std::env::current_exe().expect("this program's path");
    let exe = CString::new(exe.to_string_lossy().as_bytes()).expect("a path without NUL");
    let file = file_page(PAGE / 2, &exe);
    let long = CString::new(vec![b'x'; PAGE]).expect("no NUL");
    let argv = [
        exe.as_ptr(),
        c"nop".as_ptr(),
        long.as_ptr(),
        std::ptr::null(),
    ];
    let envp = [std::ptr::null::<u8>()];
    release();
    // SAFETY: a plain fork of a process with one thread.
    let child = unsafe { call(libc::SYS_fork, [0; 6]) };
    if child == 0 {
        plain(
            libc::SYS_personality,
            [libc::ADDR_NO_RANDOMIZE as usize, 0, 0],
        );
        let path = map(&file, STACK_TOP_PAGE).addr() + PAGE / 2;
        plain(
            libc::SYS_execve,
            [path, argv.as_ptr().addr(), envp.as_ptr().addr()],
        );
        std::process::exit(1);
    }
    wait(child);
    facts.say("exe", exe.to_string_lossy());
}

/// `resident`: asks which of five pages are there, of which two are, and of the last one only a byte is meant.
pub fn resident(_: &[String], facts: &mut Facts) {
    const PAGES: usize = 5;
    // SAFETY: new pages; two of them are written to.
    let pages = unsafe {
        let pages = libc::mmap(
            std::ptr::null_mut(),
            PAGES * PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert_ne!(pages, libc::MAP_FAILED, "five pages");
        libc::madvise(pages, PAGES * PAGE, libc::MADV_NOHUGEPAGE);
        for page in [0, 2] {
            pages.byte_add(page * PAGE).cast::<u8>().write(1);
        }
        pages.addr()
    };
    let mut there = [0u8; PAGES];
    release();
    let there = there.as_mut_ptr().addr();
    plain(libc::SYS_mincore, [pages, (PAGES - 1) * PAGE + 1, there]);
    facts.say("pages", format_args!("{pages:#x}"));
}

/// `exec-absent`: two children become this program, one of them by a script; the path, the list of arguments and each argument stand in
/// pages that are in no page table.
pub fn exec_absent(_: &[String], facts: &mut Facts) {
    let exe = std::env::current_exe().expect("this program's path");
    let exe = CString::new(exe.to_string_lossy().as_bytes()).expect("a path without NUL");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let script = script(dir.path(), &exe);
    let [exe_at, script_at, nop, text] =
        [&*exe, &script, c"nop", c"as given"].map(|text| map(&file_page(0, text), 0).addr());
    let list: Vec<u8> = [exe_at, nop, text, 0].map(usize::to_le_bytes).concat();
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(&list).expect("write the list");
    let argv = map(&file, 0).addr();
    release();
    for path in [exe_at, script_at] {
        // SAFETY: a plain fork of a process with one thread.
        let child = unsafe { call(libc::SYS_fork, [0; 6]) };
        if child == 0 {
            plain(libc::SYS_execve, [path, argv, 0]);
            plain(libc::SYS_exit_group, [1, 0, 0]);
        }
        wait(child);
    }
    facts.say("exe", exe.to_string_lossy());
    facts.say("script", script.to_string_lossy());
}
