//! Whole calls: registers and memory put together in this CPU's area, and sent behind the front of a record.
//!
//! In: a frame that knows the call, and what its entry kept. Out: the bytes of a call, as `tracer_ebpf::CallRecord` describes them.
//!
//! - `area`: the memory where a call is put together, and its parts.
//! - `place`: addresses and numbers that steps name.
//! - `walk`: one turn after the other over a call's memory.
//! - `descriptor`: what descriptors stand for: paths and sockets.
//! - `kept`: what the entry keeps for the exit.

mod area;
mod descriptor;
mod kept;
mod place;
mod walk;

use crate::arch::{is_exec, is_fork, is_restart, never_returns};
use crate::emit::send;
use crate::loss::rt_loss;
use crate::maps::call_steps;
use crate::syscalls::row;
use crate::time::now;
use crate::zero;
use area::{Call, bytes, compared, this_cpu};
use aya_ebpf::helpers::generated::bpf_get_current_comm;
use core::ptr::read_volatile;
use tracer_ebpf::{
    CallEntry, CallRecord, EntryState, RecordHeader, SysFrame, call_flag, call_kind, loss,
    walk as kind,
};

/// Bytes of a call without parts.
const RECORD: u64 = size_of::<CallRecord>() as u64;
/// Largest error number in a result (`MAX_ERRNO` in include/linux/err.h).
const MAX_ERRNO: i64 = 4095;
/// The kernel's own error of a call that goes on by `restart_syscall` (include/linux/errno.h).
const ERESTART_RESTARTBLOCK: i64 = 516;

/// Puts the call together behind the first `front` bytes of this CPU's area. `entry` is the task's state, or null when the call's entry
/// was not seen. Returns its length, or 0 and a counted loss.
///
/// # Safety
/// `frame` points to a frame with all arguments; `entry` is null or a task's state.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_call(
    frame: *mut SysFrame,
    entry: *const EntryState,
    front: u64,
    cap: u64,
    flags: u64,
) -> u64 {
    let at_entry = flags & call_flag::AT_ENTRY != 0;
    let Some(area) = this_cpu(at_entry) else {
        rt_loss(loss::SCRATCH_BUSY);
        return 0;
    };
    // SAFETY: the area has room for a front and a call; the caller's promise for frame and entry.
    unsafe {
        let call = Call::begin(area, front, cap);
        let record = call.record();
        registers(record, frame, entry, flags);
        if at_entry {
            begin_walk(&call, kind::IN, 0);
        } else {
            let kept_at = flags >> call_flag::KEPT_AT;
            // Without an entry that was to be seen, all that it would have read is late.
            let mut late = match entry.is_null() && flags & call_flag::ENTRY_WANTED != 0 {
                true => u64::MAX,
                false => 0,
            };
            if kept_at != 0 && !entry.is_null() {
                let kept = entry.cast::<u8>().add(kept_at as usize).cast::<CallEntry>();
                late = (*kept).late;
                kept::restore(&call, kept);
            }
            if !entry.is_null() {
                link(record, entry.cast_mut());
            }
            let ret = unknown(&raw const (*record).ret);
            if ret == 0 && is_exec(unknown(&raw const (*record).call), true) {
                late = 0;
            }
            begin_walk(&call, if late != 0 { kind::LATE } else { kind::OUT }, late);
            if (-MAX_ERRNO..0).contains(&ret) {
                (*area).then_end = (*area).then;
                if late == 0 {
                    (*area).end = (*area).op;
                }
            }
        }
        walk::walk(&call);
        unknown(&raw const (*area).len)
    }
}

/// A value as it stands in a map's memory, which the verifier does not keep track of. What is compared in a register or on the stack is
/// known to it afterwards, differently on each path, and it follows each of them through all that comes.
///
/// # Safety
/// `at` is readable.
#[inline(always)]
unsafe fn unknown<T>(at: *const T) -> T {
    // SAFETY: the caller's promise.
    unsafe { read_volatile(at) }
}

/// Notes a call that will be gone on with, and links the one that goes on with it: its registers are still those of the first.
///
/// # Safety
/// Both are valid, `entry` is a task's state.
#[inline(always)]
unsafe fn link(record: *mut CallRecord, entry: *mut EntryState) {
    // SAFETY: the caller's promise.
    unsafe {
        let call = unknown(&raw const (*record).call);
        let goes_on = unknown(&raw const (*record).ret) == -ERESTART_RESTARTBLOCK;
        if is_restart(call) {
            let interrupted = (*entry).interrupted;
            if interrupted != 0 && (*entry).interrupted_arg == (*record).args[0] {
                (*record).continues = interrupted as u16;
            }
            if !goes_on {
                (*entry).interrupted = 0;
            }
        } else if goes_on {
            (*entry).interrupted = call + 1;
            (*entry).interrupted_arg = (*record).args[0];
        }
    }
}

/// At the entry of a call whose whole value is wanted at its exit: keeps the memory that it reads in the task's state, `kept_at` bytes from
/// its front.
///
/// # Safety
/// `frame` points to a frame with all arguments, `state` to the task's state with a [`CallEntry`] and room behind it.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_call_keep(
    frame: *const SysFrame,
    state: *mut EntryState,
    front: u64,
    cap: u64,
    kept_at: u64,
) -> u64 {
    let Some(area) = this_cpu(true) else {
        rt_loss(loss::SCRATCH_BUSY);
        return 0;
    };
    // SAFETY: as in `rt_call`.
    unsafe {
        let call = Call::begin(area, front, cap);
        let record = call.record();
        (*record).call = (*frame).call;
        (*record).ret = 0;
        (*record).parts = 0;
        for i in 0..6 {
            (*record).args[i] = (*frame).args[i];
        }
        begin_walk(&call, kind::IN, 0);
        walk::walk(&call);
        let kept = state.cast::<u8>().add(kept_at as usize).cast::<CallEntry>();
        kept::keep(&call, kept);
    }
    0
}

/// While an execve still has the old program's memory: reads what faulted at its entry, and keeps that beside the rest. What cannot be
/// read now either is kept as a fault: nothing is left to be read at the exit, which is another program's.
///
/// # Safety
/// As for [`rt_call_keep`], whose call is the same; `state` holds what that kept.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_call_again(
    frame: *const SysFrame,
    state: *mut EntryState,
    front: u64,
    cap: u64,
    kept_at: u64,
) -> u64 {
    // SAFETY: as in `rt_call_keep`.
    unsafe {
        let kept = state.cast::<u8>().add(kept_at as usize).cast::<CallEntry>();
        let late = (*kept).late;
        if late == 0 {
            return 0;
        }
        let Some(area) = this_cpu(true) else {
            rt_loss(loss::SCRATCH_BUSY);
            return 0;
        };
        let call = Call::begin(area, front, cap);
        let record = call.record();
        (*record).call = (*frame).call;
        (*record).ret = 0;
        (*record).parts = 0;
        kept::restore(&call, kept);
        begin_walk(&call, kind::LATE, late);
        (*area).then_end = (*area).then;
        walk::walk(&call);
        (*area).late = 0;
        kept::keep(&call, kept);
    }
    0
}

/// Gives back what the task's state holds for a call that is over.
///
/// # Safety
/// `kept` points to a [`CallEntry`] in a task's state.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_call_done(kept: *mut CallEntry) {
    // SAFETY: the caller's promise.
    unsafe { kept::give_back(kept) }
}

/// Sets the walk to the call's steps.
///
/// # Safety
/// The call's record has its number.
#[inline(always)]
unsafe fn begin_walk(call: &Call, walk: u64, late: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        let area = call.area;
        zero::words((&raw mut (*area).op).cast::<[u64; 2]>());
        zero::words((&raw mut (*area).then).cast::<[u64; 2]>());
        (*area).turn = 0;
        (*area).walk = walk;
        (*area).late = late;
        if let Some(steps) = call_steps(row((*call.record()).call)) {
            let (read, write) = (u64::from(steps.in_first), u64::from(steps.out_first));
            let read_end = read + u64::from(steps.in_count);
            let write_end = write + u64::from(steps.out_count);
            (*area).first = read;
            if walk == kind::OUT {
                (*area).op = write;
                (*area).end = write_end;
            } else {
                (*area).op = read;
                (*area).end = read_end;
            }
            if walk == kind::LATE {
                (*area).then = write;
                (*area).then_end = write_end;
            }
        }
    }
}

/// The record's own fields.
///
/// # Safety
/// As for [`rt_call`]; `record` is writable.
#[inline(always)]
unsafe fn registers(
    record: *mut CallRecord,
    frame: *mut SysFrame,
    entry: *const EntryState,
    flags: u64,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let at_entry = flags & call_flag::AT_ENTRY != 0;
        let now = now(&raw mut (*frame).time_ns);
        (*record).call = (*frame).call;
        (*record).parts = 0;
        (*record).continues = 0;
        (*record).ret = if at_entry { 0 } else { (*frame).ret };
        (*record).entry_ns = match entry.as_ref() {
            _ if at_entry => now,
            Some(entry) => entry.time_ns,
            None => 0,
        };
        (*record).exit_ns = if at_entry { 0 } else { now };
        (*frame).time_ns = match at_entry {
            true => unknown(&raw const (*record).entry_ns),
            false => unknown(&raw const (*record).exit_ns),
        };
        for i in 0..6 {
            (*record).args[i] = (*frame).args[i];
        }
        // Some kernels (6.1) do not pad the name.
        zero::words((&raw mut (*record).comm).cast::<[u64; 2]>());
        bpf_get_current_comm((&raw mut (*record).comm).cast(), 16);
        let call = unknown(&raw const (*record).call);
        (*record).kind = if at_entry {
            if never_returns(call) {
                call_kind::NO_EXIT
            } else {
                call_kind::UNFINISHED
            }
        } else if unknown(&raw const (*record).ret) == 0 && is_fork(call) {
            call_kind::CHILD
        } else if entry.is_null() && flags & call_flag::ENTRY_WANTED != 0 {
            call_kind::NO_ENTRY
        } else {
            call_kind::CALL
        };
    }
}

/// Sends a record: `len` bytes at `record` (header included, which is completed), then the call in this CPU's area. Returns 0, or 1 when
/// it was lost.
///
/// # Safety
/// `record` has `len` readable bytes, of which the header is writable; `front` and `cap` are those of [`rt_call`].
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_emit_call(
    record: *mut RecordHeader,
    len: u64,
    front: u64,
    cap: u64,
    flags: u64,
) -> u64 {
    let Some(area) = this_cpu(flags & call_flag::AT_ENTRY != 0) else {
        rt_loss(loss::SCRATCH_BUSY);
        return 1;
    };
    // SAFETY: lengths are compared with the area's sizes below; the caller's promise for the record.
    unsafe {
        let call = (*area).len;
        if len > front || call > cap {
            rt_loss(loss::TOO_LARGE);
            return 1;
        }
        let (len, call) = (compared(len), compared(call));
        let first = bytes(area).add((front - len) as usize);
        send(record, first.cast(), len, len + call, 0)
    }
}
