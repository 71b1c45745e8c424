//! Whether an event is traced at all: the `active` word and the excluded processes.
//!
//! In: `CONTROL`. Out: yes or no. Never looks at what the event is.

use crate::maps::control;
use aya_ebpf::helpers::generated::bpf_get_current_pid_tgid;
use core::ptr::{addr_of, read_volatile, write_volatile};
use tracer_ebpf::{Control, EXCLUDED_MAX};

/// `CONTROL` while tracing is open, else nothing.
#[inline(always)]
pub fn active() -> Option<&'static Control> {
    let control = control()?;
    // SAFETY: a valid reference; volatile because user space changes the word while programs run.
    (unsafe { read_volatile(addr_of!(control.active)) } != 0).then_some(control)
}

/// Whether a process is one of the excluded.
#[inline(always)]
pub fn excluded(control: &Control, tgid: u32) -> bool {
    // The used entries are counted, not terminated: the idle task's tgid is 0 and is a process like others.
    for (i, other) in control.excluded.iter().enumerate().take(EXCLUDED_MAX) {
        if i as u64 >= control.excluded_len {
            return false;
        }
        if *other == tgid {
            return true;
        }
    }
    false
}

/// For event programs that are not of a system call: active, and the current process is not excluded.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_gate() -> u64 {
    let Some(control) = active() else { return 0 };
    // SAFETY: the helper has no preconditions.
    let tgid = (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32;
    u64::from(!excluded(control, tgid))
}

/// `exit()`: no event after this one is traced.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rt_exit() {
    if let Some(control) = control() {
        // SAFETY: a valid pointer to the map's word; only this word is written, and any order of writers is right.
        unsafe { write_volatile(addr_of!(control.active).cast_mut(), 0) }
    }
}
