//! The `whoami` program: who the caller and its ancestors are, as the first pid namespace sees them.
//!
//! In: run once by `BPF_PROG_TEST_RUN`, context words 0 and 1 = offsets of `real_parent` and `tgid` in `task_struct`
//! (0: only the caller is written). Out: `CONTROL.ancestors`. In a pid namespace `getpid` would be wrong for the kernel's view.

use crate::maps::control;
use aya_ebpf::helpers::generated::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_probe_read_kernel,
};
use core::ptr::{addr_of, write_volatile};
use tracer_ebpf::EXCLUDED_MAX;

/// The program.
///
/// # Safety
/// Called by the kernel with the context of a raw tracepoint with two arguments.
#[unsafe(no_mangle)]
#[unsafe(link_section = "raw_tp/whoami")]
pub unsafe extern "C" fn whoami(ctx: *const u64) -> u64 {
    let Some(control) = control() else { return 0 };
    // SAFETY: the caller's promise; the helpers have no preconditions. The words written lie in the map.
    unsafe {
        let (real_parent, tgid) = (*ctx, *ctx.add(1));
        let out = addr_of!(control.ancestors).cast_mut().cast::<u32>();
        write_volatile(out, (bpf_get_current_pid_tgid() >> 32) as u32);
        if real_parent == 0 || tgid == 0 {
            return 0;
        }
        let mut task = bpf_get_current_task();
        for i in 1..EXCLUDED_MAX {
            let parent: u64 = read(task.wrapping_add(real_parent));
            let id: u32 = read(parent.wrapping_add(tgid));
            if id == 0 {
                break;
            }
            write_volatile(out.add(i), id);
            task = parent;
        }
    }
    0
}

/// A value in kernel memory; 0 when it cannot be read.
#[inline(always)]
fn read<T: Default>(addr: u64) -> T {
    let mut value = T::default();
    // SAFETY: `value` has the size given; the helper takes any address and clears `value` when it fails.
    unsafe {
        bpf_probe_read_kernel(
            (&raw mut value).cast(),
            size_of::<T>() as u32,
            addr as *const _,
        )
    };
    value
}
