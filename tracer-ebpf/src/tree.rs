//! The tree: the processes that a run is about and, when their forks are followed, all that descend from them.
//!
//! In: roots that user space puts into `TREE`, the kernel's `sched_process_fork` and `sched_process_free`. Out: whether the
//! current process is one of them. Membership is by process, so a thread needs no entry of its own.
//!
//! The value of an entry is the address of the process's first task, 0 for a root. A process id that is used again is never
//! mistaken: the fork that uses it writes the entry or deletes the one that was left. What is deleted when a task is freed
//! is only its own entry. Both programs work before tracing is open, so no fork is missed while user space collects the roots.

use crate::loss::rt_loss;
use crate::maps::{TREE, control};
use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_map_delete_elem, bpf_map_lookup_elem, bpf_map_update_elem,
    bpf_probe_read_kernel,
};
use core::ptr::addr_of;
use tracer_ebpf::loss;

/// The current process as the kernel numbers it in the first namespace.
#[inline(always)]
fn current() -> u32 {
    // SAFETY: the helper has no preconditions.
    (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32
}

/// The entry of a process.
#[inline(always)]
fn entry(tgid: u32) -> Option<&'static u64> {
    let key = tgid;
    // SAFETY: TREE is a hash of 4-byte keys and 8-byte values; what the helper returns is null or a value.
    unsafe {
        bpf_map_lookup_elem(TREE.as_ptr(), addr_of!(key).cast())
            .cast::<u64>()
            .as_ref()
    }
}

#[inline(always)]
fn delete(tgid: u32) {
    let key = tgid;
    // SAFETY: a hash of 4-byte keys. A key that is not there is no error here.
    unsafe { bpf_map_delete_elem(TREE.as_ptr(), addr_of!(key).cast()) };
}

/// The process id of any task; `None` when the kernel's layout is not known.
#[inline(always)]
fn tgid_of(task: u64) -> Option<u32> {
    let offset = control()?.tgid_offset;
    if offset == 0 {
        return None;
    }
    let mut tgid = 0u32;
    // SAFETY: `tgid` has the size given; the helper takes any address.
    let failed = unsafe {
        bpf_probe_read_kernel(
            (&raw mut tgid).cast(),
            size_of::<u32>() as u32,
            task.wrapping_add(offset) as *const _,
        )
    };
    (failed == 0).then_some(tgid)
}

/// Whether the current process is in the tree: 1 or 0.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_in_tree() -> u64 {
    u64::from(entry(current()).is_some())
}

/// `sched_process_fork(parent, child)`, in the parent, before the child runs.
///
/// # Safety
/// Called by the kernel with the context of that raw tracepoint.
#[unsafe(no_mangle)]
#[unsafe(link_section = "raw_tp/tree_fork")]
pub unsafe extern "C" fn tree_fork(ctx: *const u64) -> u64 {
    // SAFETY: the caller's promise.
    let child = unsafe { *ctx.add(1) };
    let parent = current();
    let Some(tgid) = tgid_of(child) else { return 0 };
    if tgid == parent {
        return 0; // a thread
    }
    if entry(parent).is_none() {
        delete(tgid);
        return 0;
    }
    // SAFETY: a hash of 4-byte keys and 8-byte values.
    let failed = unsafe {
        bpf_map_update_elem(
            TREE.as_ptr(),
            addr_of!(tgid).cast(),
            addr_of!(child).cast(),
            0,
        )
    };
    if failed != 0 {
        rt_loss(loss::MAP_FULL);
    }
    0
}

/// `sched_process_free(task)`: nothing refers to the task any more.
///
/// # Safety
/// Called by the kernel with the context of that raw tracepoint.
#[unsafe(no_mangle)]
#[unsafe(link_section = "raw_tp/tree_free")]
pub unsafe extern "C" fn tree_free(ctx: *const u64) -> u64 {
    // SAFETY: the caller's promise.
    let task = unsafe { *ctx };
    if let Some(tgid) = tgid_of(task)
        && entry(tgid).is_some_and(|first| *first == task)
    {
        delete(tgid);
    }
    0
}
