//! `perf_event_open(2)` for places that aya attaches to without a cookie, or not at all.
//!
//! In: a place. Out: an event, disabled until a program is linked and [`enable`] is called. Knows nothing of plans.

use aya_obj::generated::perf_event_attr;
use std::ffi::CString;
use std::fs;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `PERF_TYPE_TRACEPOINT`.
const TRACEPOINT: u32 = 2;
/// `PERF_TYPE_BREAKPOINT`.
const BREAKPOINT: u32 = 5;
/// `PERF_TYPE_SOFTWARE`, `PERF_COUNT_SW_DUMMY`, `PERF_SAMPLE_TIME`.
const SOFTWARE: u32 = 1;
const DUMMY: u64 = 9;
const SAMPLE_TIME: u64 = 1 << 2;
/// `PERF_FLAG_FD_CLOEXEC`.
const CLOEXEC: libc::c_ulong = 8;
/// `PERF_EVENT_IOC_ENABLE`.
const ENABLE: libc::c_ulong = 0x2400;
/// Where the kernel says what its kinds of events are.
const SOURCES: &str = "/sys/bus/event_source/devices";

/// Whose events: of everybody, or of one task.
fn scope(pid: Option<u32>) -> (libc::pid_t, libc::c_int) {
    match pid {
        Some(pid) => (pid as libc::pid_t, -1),
        None => (-1, 0),
    }
}

fn attributes(kind: u32) -> perf_event_attr {
    // SAFETY: all-zero bytes are a valid attribute structure of plain integers.
    let mut attr: perf_event_attr = unsafe { zeroed() };
    attr.size = size_of::<perf_event_attr>() as u32;
    attr.type_ = kind;
    attr
}

/// # Safety
/// Addresses in `attr` point to NUL-terminated strings.
unsafe fn open(
    attr: &perf_event_attr,
    (pid, cpu): (libc::pid_t, libc::c_int),
) -> io::Result<OwnedFd> {
    let no_group: libc::c_int = -1;
    // SAFETY: the structure is as large as it says; the caller's promise for the strings.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            std::ptr::from_ref(attr),
            pid,
            cpu,
            no_group,
            CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// A kind of event that is numbered at boot, and the bit that asks for the return of a function.
fn dynamic(kind: &str) -> io::Result<(u32, u64)> {
    let number = fs::read_to_string(format!("{SOURCES}/{kind}/type"))?;
    let number = number.trim().parse().map_err(io::Error::other)?;
    // `config:0`
    let bit = fs::read_to_string(format!("{SOURCES}/{kind}/format/retprobe"))?;
    let bit: u32 = bit
        .trim()
        .strip_prefix("config:")
        .and_then(|bit| bit.parse().ok())
        .ok_or_else(|| io::Error::other(format!("{bit:?} is not a bit")))?;
    Ok((number, 1 << bit))
}

/// Kinds of event that are numbered at boot.
#[derive(Clone, Copy, Debug)]
pub struct Dynamic {
    number: u32,
    returns: u64,
}

impl Dynamic {
    /// `kprobe` or `uprobe`.
    ///
    /// # Errors
    /// When this kernel has none.
    pub fn find(kind: &str) -> io::Result<Dynamic> {
        let (number, returns) = dynamic(kind)?;
        Ok(Dynamic { number, returns })
    }

    /// At a function of the kernel, so many bytes into it.
    ///
    /// # Errors
    /// The kernel's: ENOENT when there is no such function, EINVAL when it must not be probed there.
    pub fn kernel(self, function: &str, offset: u64, returns: bool) -> io::Result<OwnedFd> {
        let function = CString::new(function)?;
        let mut attr = attributes(self.number);
        attr.config = if returns { self.returns } else { 0 };
        attr.__bindgen_anon_3.kprobe_func = function.as_ptr() as u64;
        attr.__bindgen_anon_4.probe_offset = offset;
        // SAFETY: the name outlives the call.
        unsafe { open(&attr, scope(None)) }
    }

    /// At a place of a file. `semaphore`: of the counter to be raised while it is attached, 0: none.
    ///
    /// # Errors
    /// The kernel's.
    pub fn user(
        self,
        path: &str,
        at: u64,
        semaphore: u64,
        returns: bool,
        pid: Option<u32>,
    ) -> io::Result<OwnedFd> {
        let path = CString::new(path)?;
        let mut attr = attributes(self.number);
        // Where the counter is stands in the upper half (format/ref_ctr_offset: config:32-63).
        attr.config = semaphore << 32 | if returns { self.returns } else { 0 };
        attr.__bindgen_anon_3.uprobe_path = path.as_ptr() as u64;
        attr.__bindgen_anon_4.probe_offset = at;
        // SAFETY: the path outlives the call.
        unsafe { open(&attr, scope(pid)) }
    }
}

/// At a tracepoint, by the number that its format tells.
///
/// # Errors
/// The kernel's.
pub fn tracepoint(id: u64) -> io::Result<OwnedFd> {
    let mut attr = attributes(TRACEPOINT);
    attr.config = id;
    attr.__bindgen_anon_1.sample_period = 1;
    // SAFETY: no address in it.
    unsafe { open(&attr, scope(None)) }
}

/// When a CPU reads, writes or executes at an address. `access` is `HW_BREAKPOINT_*`; of everybody on one CPU, or of a task.
///
/// # Errors
/// The kernel's: ENOSPC when all registers for it are taken, ENODEV or EOPNOTSUPP when there are none.
pub fn breakpoint(
    address: u64,
    len: u64,
    access: u32,
    cpu: Option<i32>,
    pid: Option<u32>,
) -> io::Result<OwnedFd> {
    let mut attr = attributes(BREAKPOINT);
    attr.__bindgen_anon_1.sample_period = 1;
    attr.bp_type = access;
    attr.__bindgen_anon_3.bp_addr = address;
    attr.__bindgen_anon_4.bp_len = len;
    let pid = pid.map_or(-1, |pid| pid as libc::pid_t);
    // SAFETY: the only address in it is watched, not read.
    unsafe { open(&attr, (pid, cpu.unwrap_or(-1))) }
}

/// An event that never counts, for the kernel's records of what processes map, execute, fork and end on a CPU. Whoever polls
/// it is woken when so many bytes wait.
///
/// # Errors
/// The kernel's.
pub fn side_records(cpu: i32, wake_bytes: u32) -> io::Result<OwnedFd> {
    let mut attr = attributes(SOFTWARE);
    attr.config = DUMMY;
    attr.sample_type = SAMPLE_TIME;
    attr.set_sample_id_all(1);
    attr.set_mmap(1);
    attr.set_mmap2(1);
    attr.set_comm(1);
    attr.set_comm_exec(1);
    attr.set_task(1);
    attr.set_watermark(1);
    attr.__bindgen_anon_2.wakeup_watermark = wake_bytes;
    // SAFETY: no address in it.
    unsafe { open(&attr, (-1, cpu)) }
}

/// Lets an event fire.
///
/// # Errors
/// The kernel's.
pub fn enable(event: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: an ioctl without an argument.
    let done = unsafe { libc::ioctl(event.as_raw_fd(), ENABLE, 0) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
