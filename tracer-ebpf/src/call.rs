//! Whole calls: registers and memory put together in this CPU's area, and sent behind the front of a record.
//!
//! In: a frame that knows the call, and what its entry saved. Out: the bytes of a call, as `tracer_ebpf::CallRecord` describes them.

use crate::arch::never_returns;
use crate::emit::send;
use crate::loss::rt_loss;
use crate::maps::call_area;
use aya_ebpf::helpers::generated::{
    bpf_get_current_comm, bpf_get_smp_processor_id, bpf_ktime_get_ns,
};
use core::ptr::from_ref;
use tracer_ebpf::{
    CallArea, CallRecord, EntryState, RecordHeader, SysFrame, call_flag, call_kind, loss,
};

/// This CPU's area, as memory.
#[inline(always)]
fn area(flags: u64) -> *mut CallArea {
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    match call_area(cpu, flags & call_flag::AT_ENTRY != 0) {
        Some(area) => from_ref(area).cast_mut(),
        None => core::ptr::null_mut(),
    }
}

/// The area's bytes: room for a front, then the call.
#[inline(always)]
fn bytes(area: *mut CallArea) -> *mut u8 {
    // SAFETY: an area is larger than its front.
    unsafe { area.cast::<u8>().add(size_of::<CallArea>()) }
}

/// Puts the call together behind the first `front` bytes of this CPU's area. `entry` is what the call's entry saved, or null. Returns
/// its length, or 0 and a counted loss.
///
/// # Safety
/// `frame` points to a frame with all arguments; `entry` is null or a task's state.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_call(
    frame: *const SysFrame,
    entry: *const EntryState,
    front: u64,
    _cap: u64,
    flags: u64,
) -> u64 {
    let area = area(flags);
    if area.is_null() {
        rt_loss(loss::SCRATCH_BUSY);
        return 0;
    }
    // SAFETY: the area has room for a front and a call; the caller's promise for frame and entry.
    unsafe {
        let record = bytes(area).add(front as usize).cast::<CallRecord>();
        registers(record, frame, entry, flags);
        (*record).parts = 0;
        let len = size_of::<CallRecord>() as u64;
        (*area).len = len;
        len
    }
}

/// The record's own fields.
///
/// # Safety
/// As for [`rt_call`]; `record` is writable.
#[inline(always)]
unsafe fn registers(
    record: *mut CallRecord,
    frame: *const SysFrame,
    entry: *const EntryState,
    flags: u64,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let at_entry = flags & call_flag::AT_ENTRY != 0;
        let now = bpf_ktime_get_ns();
        (*record).call = (*frame).call;
        (*record).ret = if at_entry { 0 } else { (*frame).ret };
        (*record).entry_ns = match entry.as_ref() {
            _ if at_entry => now,
            Some(entry) => entry.time_ns,
            None => 0,
        };
        (*record).exit_ns = if at_entry { 0 } else { now };
        for i in 0..6 {
            (*record).args[i] = (*frame).args[i];
        }
        // Some kernels (6.1) do not pad the name.
        (*record).comm = [0; 16];
        bpf_get_current_comm((&raw mut (*record).comm).cast(), 16);
        (*record).kind = if at_entry {
            if never_returns((*frame).call) {
                call_kind::NO_EXIT
            } else {
                call_kind::UNFINISHED
            }
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
    let area = area(flags);
    if area.is_null() {
        rt_loss(loss::SCRATCH_BUSY);
        return 1;
    }
    // SAFETY: lengths are compared with the area's sizes below; the caller's promise for the record.
    unsafe {
        let call = (*area).len;
        if len > front || call > cap {
            rt_loss(loss::TOO_LARGE);
            return 1;
        }
        let first = bytes(area).add((front - len) as usize);
        send(record, first.cast(), len, len + call, 0)
    }
}
