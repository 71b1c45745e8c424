//! What a call's entry keeps for its exit: in the task's state, or in an entry of a shared pool when that is too small.
//!
//! In: a call that was put together at its entry. Out: the same parts, in the call that is put together at its exit.

use super::RECORD;
use super::area::{Call, compared};
use crate::atomics::{and, fetch_or};
use crate::loss::rt_loss;
use crate::maps::{call_spill, call_spills_busy};
use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_probe_read_kernel};
use core::ptr::from_ref;
use tracer_ebpf::{CALL_KEPT_BYTES, CALL_SPILLS, CallEntry, loss};

/// How many entries of the pool are tried.
const TRIES: u64 = 16;

/// The bytes behind the entry.
///
/// # Safety
/// `kept` is an entry in a task's state.
#[inline(always)]
unsafe fn own_bytes(kept: *mut CallEntry) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { kept.cast::<u8>().add(size_of::<CallEntry>()) }
}

/// Keeps all parts, or as many as fit when the pool is in use (a counted loss).
///
/// # Safety
/// `kept` is an entry in a task's state.
#[inline(always)]
pub unsafe fn keep(call: &Call, kept: *mut CallEntry) {
    // SAFETY: sizes are compared below; the area is valid.
    unsafe {
        let area = call.area;
        (*kept).late = (*area).late;
        (*kept).args = (*call.record()).args;
        (*kept).parts = u64::from((*call.record()).parts);
        let parts = call.base().add(RECORD as usize);
        let mut len = call.len() - RECORD;
        if len > u64::from(CALL_KEPT_BYTES) {
            if let Some(spill) = take(kept) {
                if len > call.cap - RECORD {
                    len = call.cap - RECORD;
                }
                let len = compared(len);
                bpf_probe_read_kernel(spill.cast(), len as u32, parts.cast());
                (*kept).len = len;
                return;
            }
            rt_loss(loss::STATE_FULL);
            len = (*area).kept;
            (*kept).parts = (*area).kept_parts;
        }
        if len <= u64::from(CALL_KEPT_BYTES) {
            let len = compared(len);
            bpf_probe_read_kernel(own_bytes(kept).cast(), len as u32, parts.cast());
            (*kept).len = len;
        }
    }
}

/// An entry of the pool: the one that the task has, or a free one.
///
/// # Safety
/// As for [`keep`].
#[inline(always)]
unsafe fn take(kept: *mut CallEntry) -> Option<*mut u8> {
    // SAFETY: the caller's promise; the helper has no preconditions; the word lies in a map.
    unsafe {
        let has = (*kept).spill;
        if has != 0 {
            return call_spill((has - 1) as u32).map(|entry| from_ref(entry).cast_mut());
        }
        let busy = from_ref(call_spills_busy()?).cast_mut();
        let first = u64::from(bpf_get_smp_processor_id()) * TRIES;
        for i in 0..TRIES {
            let at = (first + i) % u64::from(CALL_SPILLS);
            if fetch_or(busy, 1 << at) & 1 << at == 0 {
                (*kept).spill = at + 1;
                return call_spill(at as u32).map(|entry| from_ref(entry).cast_mut());
            }
        }
        None
    }
}

/// Gives the pool's entry back.
///
/// # Safety
/// As for [`keep`].
#[inline(always)]
pub unsafe fn give_back(kept: *mut CallEntry) {
    // SAFETY: the caller's promise; the word lies in a map.
    unsafe {
        let has = (*kept).spill;
        if has == 0 {
            return;
        }
        (*kept).spill = 0;
        if let Some(busy) = call_spills_busy() {
            let at = (has - 1) % u64::from(CALL_SPILLS);
            and(from_ref(busy).cast_mut(), !(1 << at));
        }
    }
}

/// Puts the parts and the arguments into the call.
///
/// # Safety
/// As for [`keep`].
#[inline(always)]
pub unsafe fn restore(call: &Call, kept: *const CallEntry) {
    // SAFETY: sizes are compared below; the area is valid.
    unsafe {
        (*call.record()).args = (*kept).args;
        let len = (*kept).len;
        let parts = call.base().add(RECORD as usize);
        let has = (*kept).spill;
        if has != 0 {
            let Some(spill) = call_spill((has - 1) as u32) else {
                return;
            };
            if len > call.cap - RECORD {
                return;
            }
            let len = compared(len);
            bpf_probe_read_kernel(parts.cast(), len as u32, from_ref(spill).cast());
        } else {
            if len > u64::from(CALL_KEPT_BYTES) {
                return;
            }
            let len = compared(len);
            let own = own_bytes(kept.cast_mut());
            bpf_probe_read_kernel(parts.cast(), len as u32, own.cast());
        }
        (*call.area).len = RECORD + len;
        (*call.record()).parts = (*kept).parts as u32;
        if has == 0 {
            (*call.area).kept = len;
            (*call.area).kept_parts = (*kept).parts;
        }
    }
}
