//! Entry and exit of system calls: who wants this call, and what is known of it.
//!
//! In: the raw `sys_enter` context, or a task in a call, or its registers at the exit; the task and, in the frame, its process. Out: a mask of
//! clauses and a filled frame. The question "is it wanted at all" is answered first: most calls are not. Every function that
//! is called costs as much as ten loads, so what the program knows already is handed on.

use crate::arch::{
    Regs, Task, abi, arguments, arguments_at_entry, is_exec, is_fork, number, regs, sigreturn,
};
use crate::exclude::{active, excluded};
use crate::maps::wanted;
use crate::state::opt_exec_identity;
use crate::state::opt_sigreturn_identity;
use tracer_ebpf::{Control, SYSCALL_ROWS, SysFrame, UNKNOWN_ROW, want};

/// How a call ends that no table knows.
const ENOSYS: i64 = 38;

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

/// Fills `mask` when a clause among these wants the frame's call and its process is not left out; 0 otherwise.
///
/// What was compared on the way here is known to the verifier, differently on each path, and it would follow each of them through all
/// the clauses. So what they will see is mixed with a zero that it does not know.
#[inline(always)]
fn admit(control: &Control, frame: &mut SysFrame, among: u64) -> u64 {
    let mask = clauses(frame.call) & among;
    if mask == 0 || excluded(control, frame.tgid as u32) {
        return 0;
    }
    let mask = mask.wrapping_add(control.zero);
    frame.mask = mask;
    frame.call = frame.call.wrapping_add(control.zero);
    frame.time_ns = control.zero;
    mask
}

/// At a call's entry, or within it: what is wanted of it, in the frame.
#[inline(always)]
fn entered(frame: &mut SysFrame, call: u64, wants: u64, task: *const Task) -> u64 {
    let Some(control) = active() else { return 0 };
    frame.call = call;
    let mask = admit(control, frame, u64::MAX);
    if mask != 0 && wants & want::ARGS != 0 {
        arguments_at_entry(regs(task), frame);
    }
    mask
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
    // SAFETY: the second argument of sys_enter is the number; the caller's promise for both pointers.
    let (number, frame) = unsafe { (*ctx.add(1) as u32, &mut *frame) };
    entered(frame, abi(task) << 32 | u64::from(number), wants, task)
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
    let call = abi(task) << 32 | u64::from(number(regs(task)));
    // SAFETY: the caller's promise.
    entered(unsafe { &mut *frame }, call, wants, task)
}

/// At `sys_exit`: the same, and the result. The return of a fork in the child is for the clauses of `whole` alone, and only when
/// wanted; it gives 0 to all others. At the return from a signal handler the kernel has set the number to -1. A call of number -1
/// always ends with ENOSYS; any other result is that of what the signal interrupted. Where somebody has the entry kept, the
/// task's state says for certain which it was.
///
/// # Safety
/// `frame` is writable and says the process and the result, `task` is the current task, `regs` are its user registers.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn rt_sys_exit(
    frame: *mut SysFrame,
    wants: u64,
    whole: u64,
    task: *const Task,
    regs: *const Regs,
) -> u64 {
    let Some(control) = active() else { return 0 };
    let number = number(regs);
    let abi = abi(task);
    // SAFETY: the caller's promise.
    let frame = unsafe { &mut *frame };
    let ret = frame.ret;
    frame.call = abi << 32 | u64::from(number);
    if number == u32::MAX {
        if ret != -ENOSYS {
            frame.call = sigreturn(abi);
        }
        // SAFETY: the frame's call is set.
        unsafe { opt_sigreturn_identity(frame) };
    }
    let mut among = u64::MAX;
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
    let mask = admit(control, frame, among);
    if mask == 0 {
        return 0;
    }
    frame.ret = ret.wrapping_add_unsigned(control.zero);
    if wants & want::ARGS != 0 {
        arguments(regs, abi, frame);
    }
    mask
}
