//! The task's entry state: what a system call's entry saves for its exit.
//!
//! In: a frame that knows the call. Out: a pointer into the task's storage. Pairing is by task and by the call's identity, never by thread id.

use crate::arch::{is_exec, is_sigreturn, task};
use crate::loss::rt_loss;
use crate::maps::STATE;
use crate::time::now;
use aya_ebpf::helpers::generated::bpf_task_storage_get;
use core::ptr::null_mut;
use tracer_ebpf::{EntryState, SysFrame, loss, want};

/// `BPF_LOCAL_STORAGE_GET_F_CREATE`.
const CREATE: u64 = 1;

/// The current task's storage, or null.
#[inline(always)]
fn storage(flags: u64) -> *mut EntryState {
    // SAFETY: the current task, and a storage map whose values begin with an EntryState.
    unsafe { bpf_task_storage_get(STATE.as_ptr(), task().cast_mut().cast(), null_mut(), flags) }
        .cast()
}

/// The task's state, made when missing: nothing saved yet, the call set, and the time when wanted. Null and a counted loss when the
/// kernel has no memory for it.
///
/// # Safety
/// `frame` points to a frame that `rt_sys_enter` filled.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_state_new(frame: *mut SysFrame, wants: u64) -> *mut EntryState {
    let state = storage(CREATE);
    if state.is_null() {
        rt_loss(loss::STATE_FULL);
        return null_mut();
    }
    // SAFETY: a value of the map, and the caller's promise.
    unsafe {
        (*state).seen = 0;
        (*state).call = (*frame).call;
        (*state).time_ns = if wants & want::TIME != 0 {
            now(&raw mut (*frame).time_ns)
        } else {
            0
        };
    }
    state
}

/// The task's state when its entry was saved, else null.
///
/// A state of another call than the frame's is left over from a call whose exit never came: it is dropped.
///
/// # Safety
/// `frame` points to a frame that `rt_sys_exit` filled.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_state_get(frame: *mut SysFrame) -> *mut EntryState {
    let state = storage(0);
    if state.is_null() {
        return null_mut();
    }
    // SAFETY: a value of the map, and the caller's promise.
    unsafe {
        if (*state).seen == 0 {
            return null_mut();
        }
        if (*state).call != (*frame).call {
            (*state).seen = 0;
            return null_mut();
        }
    }
    state
}

/// At the exit of an execve that succeeded: gives the frame the identity of the call that the entry saw. The kernel has
/// rewritten the number by then: execveat leaves as execve, and in the new program's ABI.
///
/// # Safety
/// `frame` points to a frame whose `call` is set.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn opt_exec_identity(frame: *mut SysFrame) -> u64 {
    let state = storage(0);
    if !state.is_null() {
        // SAFETY: a value of the map, and the caller's promise.
        unsafe {
            if (*state).seen != 0 && is_exec((*state).call, true) {
                (*frame).call = (*state).call;
            }
        }
    }
    0
}

/// At an exit without a number: gives the frame the identity of the return from a signal handler that the entry saw. Nothing changes when
/// the entry saw another call, or none.
///
/// # Safety
/// `frame` points to a frame whose `call` is set.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn opt_sigreturn_identity(frame: *mut SysFrame) -> u64 {
    let state = storage(0);
    if !state.is_null() {
        // SAFETY: a value of the map, and the caller's promise.
        unsafe {
            if (*state).seen != 0 && is_sigreturn((*state).call) {
                (*frame).call = (*state).call;
            }
        }
    }
    0
}
