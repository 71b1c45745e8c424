//! What the runtime knows of x86-64: saved registers, calling conventions of system calls, numbers of a few calls.
//!
//! In: the current task. Out: call number, ABI, arguments. Facts: `struct pt_regs` (arch/x86/include/uapi/asm/ptrace.h and
//! asm/ptrace.h), `TS_COMPAT` (asm/thread_info.h), the kernel's entry code for 64-bit and `int 0x80` calls.

use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs};
use core::ptr::{addr_of, read_volatile};
use tracer_ebpf::SysFrame;

/// The front of `task_struct`: `struct thread_info` with `CONFIG_THREAD_INFO_IN_TASK`, which x86-64 always has.
#[repr(C)]
pub struct Task {
    flags: u64,
    syscall_work: u64,
    status: u32,
}

/// `TS_COMPAT` in `thread_info.status`: the task is in a 32-bit call. Right at entry and at exit.
const TS_COMPAT: u32 = 2;

/// `struct pt_regs`, the user registers as saved at the kernel's entry.
#[repr(C)]
pub struct Regs {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    bp: u64,
    bx: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    ax: u64,
    cx: u64,
    dx: u64,
    si: u64,
    di: u64,
    orig_ax: u64,
    ip: u64,
    cs: u64,
    flags: u64,
    sp: u64,
}

/// The current task.
#[inline(always)]
pub fn task() -> *const Task {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_current_task_btf() }.cast_const().cast()
}

/// The user registers of a task.
#[inline(always)]
pub fn regs(task: *const Task) -> *const Regs {
    // SAFETY: `task` is the current task, as `task()` gave it.
    unsafe { bpf_task_pt_regs(task.cast_mut().cast()) as *const Regs }
}

/// The ABI of the call that the task is in: 0 native, 1 i386.
#[inline(always)]
pub fn abi(task: *const Task) -> u64 {
    // SAFETY: `task` is a task_struct known to the verifier, which checks the load against the kernel's types.
    let status = unsafe { read_volatile(addr_of!((*task).status)) };
    u64::from(status & TS_COMPAT != 0)
}

/// The number of the call at exit; -1 in rt_sigreturn. The kernel defines 32 bits of it.
#[inline(always)]
pub fn number(regs: *const Regs) -> u32 {
    // SAFETY: `regs` is a pt_regs known to the verifier, which checks the load.
    unsafe { read_volatile(addr_of!((*regs).orig_ax)) as u32 }
}

/// The six arguments as they were at entry. At exit they are still there (x86-64 gives back ax alone), but for execve
/// and rt_sigreturn.
#[inline(always)]
pub fn arguments(regs: *const Regs, abi: u64, frame: &mut SysFrame) {
    macro_rules! load {
        ($register:ident) => {
            // SAFETY: as in `number`.
            unsafe { read_volatile(addr_of!((*regs).$register)) }
        };
    }
    // i386 arguments are 32 bits: the high halves can hold anything.
    macro_rules! low {
        ($register:ident) => {
            load!($register) & 0xffff_ffff
        };
    }
    frame.args = if abi == 0 {
        [
            load!(di),
            load!(si),
            load!(dx),
            load!(r10),
            load!(r8),
            load!(r9),
        ]
    } else {
        [low!(bx), low!(cx), low!(dx), low!(si), low!(di), low!(bp)]
    };
}

/// The same at the entry of `frame.call`. The return from a signal handler takes no register but the stack pointer, behind which the
/// signal's frame lies: it counts as the first argument.
#[inline(always)]
pub fn arguments_at_entry(regs: *const Regs, frame: &mut SysFrame) {
    arguments(regs, frame.call >> 32, frame);
    if is_sigreturn(frame.call) {
        // SAFETY: as in `number`.
        frame.args[0] = unsafe { read_volatile(addr_of!((*regs).sp)) };
    }
}

/// `call` (ABI and number) is execve or, when asked, execveat.
#[inline(always)]
pub fn is_exec(call: u64, also_execveat: bool) -> bool {
    const EXECVE: [u64; 2] = [59, 1 << 32 | 11];
    const EXECVEAT: [u64; 2] = [322, 1 << 32 | 358];
    call == EXECVE[0]
        || call == EXECVE[1]
        || also_execveat && (call == EXECVEAT[0] || call == EXECVEAT[1])
}

/// `call` makes a process or thread: its return in the child is 0, and no call of the child's.
#[inline(always)]
pub fn is_fork(call: u64) -> bool {
    let number = call as u32;
    if number == 435 {
        return true; // clone3, in both tables
    }
    if call >> 32 == 0 {
        matches!(number, 56..=58) // clone, fork, vfork
    } else {
        number == 2 || number == 120 || number == 190 // fork, clone, vfork
    }
}

/// `call` returns from a signal handler: at its exit the registers are those of what the signal interrupted.
#[inline(always)]
pub fn is_sigreturn(call: u64) -> bool {
    call == 15 || call == 1 << 32 | 173 || call == 1 << 32 | 119
}

/// The return from a signal handler in an ABI, whose numbers do not change.
#[inline(always)]
pub fn sigreturn(abi: u64) -> u64 {
    if abi == 0 { 15 } else { abi << 32 | 173 }
}

/// `call` is `restart_syscall`: the kernel goes on with a call that a signal interrupted.
#[inline(always)]
pub fn is_restart(call: u64) -> bool {
    call == 219 || call == 1 << 32
}

/// `call` never returns: `exit` or `exit_group`.
#[inline(always)]
pub fn never_returns(call: u64) -> bool {
    let number = call as u32;
    if call >> 32 == 0 {
        number == 60 || number == 231
    } else {
        number == 1 || number == 252
    }
}
