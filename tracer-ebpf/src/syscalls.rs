//! Entry and exit of system calls: who wants this call, and what is known of it.
//!
//! In: the raw `sys_enter` and `sys_exit` contexts, or a task in a call; the task and, in the frame, its process. Out: a mask of
//! clauses and a filled frame. The question "is it wanted at all" is answered first: most calls are not. Every function that
//! is called costs as much as ten loads, so what the program knows already is handed on.

use crate::arch::{Task, abi, arguments, is_exec, is_fork, number, regs};
use crate::exclude::{active, excluded};
use crate::maps::wanted;
use crate::state::opt_exec_identity;
use crate::state::opt_sigreturn_identity;
use tracer_ebpf::{SYSCALL_ROWS, SysFrame, UNKNOWN_ROW, want};

/// The row of a call in tables of all calls.
#[inline(always)]
pub fn row(call: u64) -> u32 {
    let number = call as u32;
    let row = if number < UNKNOWN_ROW {
        number
    } else {
        UNKNOWN_ROW
    };
    (call >> 32) as u32 * SYSCALL_ROWS + row
}

/// The clauses that want a call.
#[inline(always)]
fn clauses(call: u64) -> u64 {
    wanted(row(call))
}

/// At `sys_enter`: fills `mask`, `call` and, when wanted, `args`. Returns the mask; 0 means that nothing is to be done.
///
/// # Safety
/// `ctx` is the context of a raw `sys_enter` program, `frame` is writable and says the process, `task` is the current task.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_sys_enter(
    ctx: *const u64,
    frame: *mut SysFrame,
    wants: u64,
    task: *const Task,
) -> u64 {
    let Some(control) = active() else { return 0 };
    let abi = abi(task);
    // SAFETY: the second argument of sys_enter is the number; the caller's promise for both pointers.
    let (call, frame) = unsafe { (abi << 32 | u64::from(*ctx.add(1) as u32), &mut *frame) };
    let mask = clauses(call);
    if mask == 0 || excluded(control, frame.tgid as u32) {
        return 0;
    }
    frame.mask = mask;
    frame.call = call;
    if wants & want::ARGS != 0 {
        arguments(regs(task), abi, frame);
    }
    mask
}

/// At a tracepoint that a task meets within a call: the same for that call, which is what its registers say. A program on every
/// call's entry is spared where only calls that meet such a tracepoint are wanted there. A task that is there for another reason
/// (killed while it reads) shows a call that the program's clauses do not want.
///
/// # Safety
/// `frame` is writable and says the process, `task` is the current task.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_sys_within(frame: *mut SysFrame, wants: u64, task: *const Task) -> u64 {
    let Some(control) = active() else { return 0 };
    let regs = regs(task);
    let abi = abi(task);
    let call = abi << 32 | u64::from(number(regs));
    // SAFETY: the caller's promise.
    let frame = unsafe { &mut *frame };
    let mask = clauses(call);
    if mask == 0 || excluded(control, frame.tgid as u32) {
        return 0;
    }
    frame.mask = mask;
    frame.call = call;
    if wants & want::ARGS != 0 {
        arguments(regs, abi, frame);
    }
    mask
}

/// At `sys_exit`: the same, and the result. The return from a signal handler (number -1) and that of a fork in the child are
/// for the clauses of `whole` alone, the latter only when wanted; they give 0 to all others.
///
/// # Safety
/// `ctx` is the context of a raw `sys_exit` program, `frame` is writable and says the process, `task` is the current task.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_sys_exit(
    ctx: *const u64,
    frame: *mut SysFrame,
    wants: u64,
    whole: u64,
    task: *const Task,
) -> u64 {
    let Some(control) = active() else { return 0 };
    let regs = regs(task);
    let number = number(regs);
    let abi = abi(task);
    // SAFETY: the second argument of sys_exit is the result; the caller's promise for both pointers.
    let (ret, frame) = unsafe { (*ctx.add(1) as i64, &mut *frame) };
    let mut among = u64::MAX;
    if number == u32::MAX {
        // SAFETY: the frame is writable.
        if whole == 0 || unsafe { opt_sigreturn_identity(frame, whole) } == 0 {
            return 0;
        }
        among = whole;
    } else {
        frame.call = abi << 32 | u64::from(number);
    }
    if ret == 0 {
        if is_fork(frame.call) {
            if wants & want::CHILDREN == 0 {
                return 0;
            }
            among = whole;
        }
        if is_exec(frame.call, false) {
            // SAFETY: the frame's call is set.
            unsafe { opt_exec_identity(frame) };
        }
    }
    let mask = clauses(frame.call) & among;
    if mask == 0 || excluded(control, frame.tgid as u32) {
        return 0;
    }
    frame.mask = mask;
    frame.ret = ret;
    if wants & want::ARGS != 0 {
        arguments(regs, abi, frame);
    }
    mask
}
