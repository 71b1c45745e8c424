//! BPF links for what aya does not offer: cookies, and one link for many places.
//!
//! In: a program, and where. Out: the link, which holds until it is closed. Knows nothing of plans.
//! Structures: `link_create` in `union bpf_attr` of linux/bpf.h.

use super::bpf::bpf;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `BPF_ITER_CREATE`.
const ITER_CREATE: libc::c_long = 33;
/// `BPF_RAW_TRACEPOINT_OPEN`.
const RAW_TRACEPOINT_OPEN: libc::c_long = 17;
/// `BPF_LINK_CREATE`.
const LINK_CREATE: libc::c_long = 28;
/// `BPF_PERF_EVENT`.
const PERF_EVENT: u32 = 41;
/// `BPF_TRACE_KPROBE_MULTI`: what a program says when it is loaded, and its link when it is made.
pub const KPROBE_MULTI: u32 = 42;
/// `BPF_TRACE_UPROBE_MULTI`.
pub const UPROBE_MULTI: u32 = 48;
/// `BPF_TRACE_RAW_TP`.
pub const RAW_TRACEPOINT: u32 = 23;
/// `BPF_TRACE_FENTRY`.
pub const FENTRY: u32 = 24;
/// `BPF_TRACE_FEXIT`.
pub const FEXIT: u32 = 25;
/// `BPF_TRACE_ITER`.
pub const ITER: u32 = 28;
/// `BPF_F_KPROBE_MULTI_RETURN`, `BPF_F_UPROBE_MULTI_RETURN`.
const RETURN: u32 = 1;

/// The front of the structure, and room for the largest member of its union.
#[repr(C)]
#[derive(Default)]
struct Create {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
    body: [u64; 6],
}

impl Create {
    fn new(program: BorrowedFd<'_>, target: u32, attach_type: u32) -> Create {
        Create {
            program: program.as_raw_fd() as u32,
            target,
            attach_type,
            ..Create::default()
        }
    }

    /// # Safety
    /// Addresses in the body point to what the kernel reads there.
    unsafe fn call(mut self) -> io::Result<OwnedFd> {
        // SAFETY: the caller's promise.
        let fd = unsafe { bpf(LINK_CREATE, &mut self) }?;
        // SAFETY: a new descriptor that nothing else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// Two numbers of 32 bits in one word, the first one first in memory.
fn pair(first: u32, second: u32) -> u64 {
    u64::from(second) << 32 | u64::from(first)
}

/// Attaches a program to a raw tracepoint, e.g. `sys_exit`.
///
/// # Errors
/// The kernel's: ENOENT when it has no such tracepoint.
pub fn raw_tracepoint(program: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    // SAFETY: the name lives until the call is over.
    unsafe { open_raw_tracepoint(program, name.as_ptr()) }
}

/// Attaches a program that was loaded for [`RAW_TRACEPOINT`] to the one that it is bound to.
///
/// # Errors
/// The kernel's.
pub fn own_raw_tracepoint(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: without a name, the program says where it belongs.
    unsafe { open_raw_tracepoint(program, std::ptr::null()) }
}

/// # Safety
/// `name` is null or points to a name.
unsafe fn open_raw_tracepoint(
    program: BorrowedFd<'_>,
    name: *const libc::c_char,
) -> io::Result<OwnedFd> {
    // Its structure is the name's address and the program, without the front of the others.
    let mut open = [name as u64, program.as_raw_fd() as u64];
    // SAFETY: the caller's promise.
    let fd = unsafe { bpf(RAW_TRACEPOINT_OPEN, &mut open) }?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Links a program to a perf event.
///
/// # Errors
/// The kernel's.
pub fn perf_event(
    program: BorrowedFd<'_>,
    event: BorrowedFd<'_>,
    cookie: u64,
) -> io::Result<OwnedFd> {
    let mut create = Create::new(program, event.as_raw_fd() as u32, PERF_EVENT);
    create.body[0] = cookie;
    // SAFETY: the body holds no address.
    unsafe { create.call() }
}

/// Begins a walk: whoever reads the result to its end has run the linked program for each object.
///
/// # Errors
/// The kernel's.
pub fn iterate(link: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut create = [link.as_raw_fd() as u32, 0];
    // SAFETY: the link and flags; no address.
    let fd = unsafe { bpf(ITER_CREATE, &mut create) }?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Links a program that was loaded for a function of the kernel (fentry, fexit), or for a kind of object to walk.
///
/// # Errors
/// The kernel's.
pub fn tracing(program: BorrowedFd<'_>, attach_type: u32, cookie: u64) -> io::Result<OwnedFd> {
    let mut create = Create::new(program, 0, attach_type);
    // `target_btf_id` (0: the program knows it) and padding come first.
    create.body[1] = cookie;
    // SAFETY: the body holds no address.
    unsafe { create.call() }
}

/// Links a program to many functions of the kernel. Needs one that was loaded for [`KPROBE_MULTI`].
///
/// # Errors
/// The kernel's: ESRCH when one of them is not there, EOPNOTSUPP without `CONFIG_FPROBE`.
///
/// # Panics
/// When there is not one cookie for each function.
pub fn kprobe_multi(
    program: BorrowedFd<'_>,
    returns: bool,
    functions: &[&str],
    cookies: &[u64],
) -> io::Result<OwnedFd> {
    assert_eq!(functions.len(), cookies.len());
    let names: Vec<CString> = functions
        .iter()
        .map(|name| CString::new(*name))
        .collect::<Result<_, _>>()?;
    let pointers: Vec<*const libc::c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let mut create = Create::new(program, 0, KPROBE_MULTI);
    create.body = [
        pair(if returns { RETURN } else { 0 }, functions.len() as u32),
        pointers.as_ptr() as u64,
        0,
        cookies.as_ptr() as u64,
        0,
        0,
    ];
    // SAFETY: as many names and cookies as are said, alive until the call is over.
    unsafe { create.call() }
}

/// Places in one file.
#[derive(Clone, Debug)]
pub struct UserPlaces<'a> {
    /// The file.
    pub path: &'a str,
    /// Bytes from its start.
    pub offsets: &'a [u64],
    /// Of the counter to be raised, 0: none; one for each offset.
    pub semaphores: &'a [u64],
    /// One for each offset.
    pub cookies: &'a [u64],
    /// Only there; 0: everywhere.
    pub pid: u32,
}

/// Links a program to many places of a file. Needs one that was loaded for [`UPROBE_MULTI`].
///
/// # Errors
/// The kernel's.
///
/// # Panics
/// When there is not one cookie and semaphore for each place.
pub fn uprobe_multi(
    program: BorrowedFd<'_>,
    returns: bool,
    places: &UserPlaces<'_>,
) -> io::Result<OwnedFd> {
    let count = places.offsets.len();
    assert_eq!(
        (places.semaphores.len(), places.cookies.len()),
        (count, count)
    );
    let path = CString::new(places.path)?;
    let semaphores = match places.semaphores.iter().any(|at| *at != 0) {
        true => places.semaphores.as_ptr() as u64,
        false => 0,
    };
    let mut create = Create::new(program, 0, UPROBE_MULTI);
    create.body = [
        path.as_ptr() as u64,
        places.offsets.as_ptr() as u64,
        semaphores,
        places.cookies.as_ptr() as u64,
        pair(count as u32, if returns { RETURN } else { 0 }),
        u64::from(places.pid),
    ];
    // SAFETY: as many offsets, semaphores and cookies as are said, alive until the call is over.
    unsafe { create.call() }
}
