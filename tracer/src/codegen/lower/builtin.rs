//! Properties of the event and of the current task.
//!
//! In: a [`Builtin`]. Out: its word. Which register or context word an argument is in depends on the hook.

use std::mem::offset_of;

use tracer_ebpf::{Control, EntryState, SysFrame, map};

use super::Lower;
use super::builder::{arg, imm, runtime};
use super::program::state_field;
use crate::bpf::{Alu, Cond, Size, helpers};
use crate::codegen::lir::{Arg, Base, Callee, Class, Inst, Opnd, Place, VReg};
use crate::ir::Builtin;
use crate::plan::Hook;
use crate::types::{Space, Type};

/// Argument registers in x86-64's `struct pt_regs` (arch/x86/include/uapi/asm/ptrace.h): di, si, dx, cx, r8, r9.
const ARGUMENT_REGISTERS: [i32; 6] = [112, 104, 96, 88, 72, 64];
/// `ax` there.
const RESULT_REGISTER: i32 = 80;
/// `cs` there: its two lowest bits are the privilege level, 3 for programs.
const CODE_SEGMENT_REGISTER: i32 = 136;
/// `sp` there.
const STACK_REGISTER: i32 = 152;
/// Largest error number in a result (`MAX_ERRNO` in include/linux/err.h).
const MAX_ERRNO: i32 = 4095;

impl Lower<'_> {
    /// A property of one word. A flat match.
    pub fn builtin(&mut self, builtin: Builtin, ty: &Type) -> Opnd {
        use helpers as h;
        let value = match builtin {
            Builtin::Pid => self.process(),
            Builtin::Tid => self.thread(),
            Builtin::Uid => self.low(h::GET_CURRENT_UID_GID),
            Builtin::Gid => self.high(h::GET_CURRENT_UID_GID),
            Builtin::Cpu => self.low(h::GET_SMP_PROCESSOR_ID),
            Builtin::Rand => self.low(h::GET_PRANDOM_U32),
            Builtin::Nsecs => self.now(),
            Builtin::Cgroup => self.helper(h::GET_CURRENT_CGROUP_ID),
            Builtin::Curtask => self.helper(h::GET_CURRENT_TASK),
            Builtin::Tree => self.b.call_number(runtime("rt_in_tree"), vec![]),
            Builtin::Elapsed => self.elapsed(),
            Builtin::Jiffies => self.helper(h::JIFFIES64),
            Builtin::Numaid => self.low(h::GET_NUMA_NODE_ID),
            Builtin::Cpid => self.control_word(offset_of!(Control, child)),
            Builtin::Ctx => self.context_address(0),
            Builtin::Usermode => return self.usermode(),
            Builtin::Reg(offset) => self.context_word(i32::from(offset)),
            Builtin::Arg(n) => {
                let value = self.argument(n);
                return self.normalize(Opnd::Reg(value), ty);
            }
            Builtin::Retval => {
                let value = self.result();
                return self.normalize(Opnd::Reg(value), ty);
            }
            Builtin::SyscallName => self.call_word(offset_of!(SysFrame, call)),
            Builtin::SyscallAbi => {
                let call = self.call_word(offset_of!(SysFrame, call));
                self.b.alu(Alu::Rsh, Opnd::Reg(call), Opnd::Imm(32))
            }
            Builtin::SyscallNr => {
                let call = self.call_word(offset_of!(SysFrame, call));
                return self.extend(Opnd::Reg(call), 32, true);
            }
            Builtin::Errno => self.errno(),
            Builtin::EntrySeen => return self.entry_seen(),
            Builtin::Duration => return self.duration(),
            Builtin::Probe => return self.probe_name(),
            Builtin::Func => return self.func_name(),
            Builtin::Ncpus => return self.b.num(u64::from(self.plan.possible_cpus)),
            // A live run is of one machine.
            Builtin::Host => return self.b.num(0),
            Builtin::Comm | Builtin::Stack(_) | Builtin::Call => {
                unreachable!("{builtin:?} is not one word")
            }
        };
        Opnd::Reg(value)
    }

    fn helper(&mut self, id: u32) -> VReg {
        self.b.call_number(Callee::Helper(id), vec![])
    }

    pub fn low(&mut self, id: u32) -> VReg {
        let both = self.helper(id);
        let low = self.b.vreg(Class::Scalar);
        self.b.push(Inst::Low32(low, both));
        low
    }

    pub fn high(&mut self, id: u32) -> VReg {
        let both = self.helper(id);
        self.b.alu(Alu::Rsh, Opnd::Reg(both), Opnd::Imm(32))
    }

    fn elapsed(&mut self) -> VReg {
        let start = self.control_word(offset_of!(Control, start_ns));
        let now = self.now();
        self.b.alu(Alu::Sub, Opnd::Reg(now), Opnd::Reg(start))
    }

    /// A word of the run's control block; 0 when it cannot be found.
    pub fn control_word(&mut self, offset: usize) -> VReg {
        let mark = self.memory.mark();
        let control = self.array_entry(map::CONTROL, 0);
        self.memory.reset(mark);
        let out = self.b.copy(Opnd::Imm(0));
        let next = self.b.block();
        self.b.branch_away(Cond::Eq, control, Opnd::Imm(0), next);
        let from = state_field(control, offset);
        self.b.push(Inst::Load(Size::DW, out, from));
        self.b.jump(next);
        self.b.switch(next);
        out
    }

    /// Whether the registers are those of a program. Only some hooks have registers.
    fn usermode(&mut self) -> Opnd {
        match self.hook {
            Hook::Functions { mechanism, .. } if mechanism.needs_btf() => Opnd::Imm(0),
            Hook::Functions { .. }
            | Hook::UserPlaces { .. }
            | Hook::Profile { .. }
            | Hook::Watchpoint { .. }
            | Hook::Counter { .. } => {
                let segment = self.context_word(CODE_SEGMENT_REGISTER);
                let level = self.b.alu(Alu::And, Opnd::Reg(segment), Opnd::Imm(3));
                Opnd::Reg(self.b.set(Cond::Eq, Opnd::Reg(level), Opnd::Imm(3)))
            }
            _ => Opnd::Imm(0),
        }
    }

    /// A word of the syscall frame; 0 in other programs, where nothing asks for it.
    fn call_word(&mut self, offset: usize) -> VReg {
        match self.call {
            Some(call) => self.b.load(Size::DW, call.frame.plus(offset as u32)),
            None => self.b.copy(Opnd::Imm(0)),
        }
    }

    fn argument(&mut self, n: u8) -> VReg {
        let word = |lower: &mut Self, off: i32| lower.context_word(off);
        match self.hook {
            _ if self.program.is_of_calls() => {
                self.call_word(offset_of!(SysFrame, args) + 8 * usize::from(n.min(5)))
            }
            Hook::Functions { mechanism, .. } if mechanism.needs_btf() => {
                let n = imm(u32::from(n));
                self.function_value(helpers::GET_FUNC_ARG, vec![arg(self.ctx), n])
            }
            Hook::Functions { .. } => match ARGUMENT_REGISTERS.get(n as usize) {
                Some(off) => word(self, *off),
                None => self.stack_argument(n, Space::Kernel),
            },
            Hook::UserPlaces { .. } => match ARGUMENT_REGISTERS.get(n as usize) {
                Some(off) => word(self, *off),
                None => self.stack_argument(n, Space::User),
            },
            _ => word(self, i32::from(n) * 8),
        }
    }

    /// At a function's entry the return address is on top of the stack, the seventh argument above it.
    fn stack_argument(&mut self, n: u8, space: Space) -> VReg {
        let top = self.context_word(STACK_REGISTER);
        let at = self.offset(Opnd::Reg(top), i64::from(n - 5) * 8);
        self.read_quietly(at, space, 8)
    }

    fn result(&mut self) -> VReg {
        match self.hook {
            Hook::Functions { mechanism, .. } if mechanism.needs_btf() => {
                self.function_value(helpers::GET_FUNC_RET, vec![arg(self.ctx)])
            }
            Hook::Functions { .. } | Hook::UserPlaces { .. } => self.context_word(RESULT_REGISTER),
            _ => self.call_word(offset_of!(SysFrame, ret)),
        }
    }

    /// Arguments and results of traced functions come through a helper: loaded from the context they would be typed
    /// pointers, with which the verifier allows no arithmetic.
    fn function_value(&mut self, helper: u32, mut args: Vec<Arg>) -> VReg {
        let mark = self.memory.mark();
        let slot = self.memory.take_stack(8);
        self.b.store_word(slot, 0);
        args.push(Arg::Addr(slot));
        self.b.call(Callee::Helper(helper), args);
        self.memory.reset(mark);
        self.b.load(Size::DW, slot)
    }

    /// A word of the context, by its offset in bytes.
    pub fn context_word(&mut self, off: i32) -> VReg {
        let base = Base::Reg(self.ctx);
        self.b.load(Size::DW, Place { base, off })
    }

    /// `-retval` in -4095..0, else 0.
    fn errno(&mut self) -> VReg {
        let result = self.result();
        let out = self.b.neg(result);
        let (none, next) = (self.b.block(), self.b.block());
        // As unsigned numbers, errors are the largest.
        self.b
            .branch(Cond::Lt, result, Opnd::Imm(-MAX_ERRNO), none, next);
        self.b.switch(none);
        self.b.push(Inst::Copy(out, Opnd::Imm(0)));
        self.b.jump(next);
        self.b.switch(next);
        out
    }

    fn entry_seen(&mut self) -> Opnd {
        match self.part.saved {
            Some(saved) => Opnd::Reg(self.b.set(Cond::Ne, Opnd::Reg(saved), Opnd::Imm(0))),
            None => Opnd::Imm(0),
        }
    }

    /// Asks the firing's time, which is the same in all clauses of the program.
    pub fn take_time(&mut self) {
        let (None, Some(word)) = (self.part.now, self.time) else {
            return;
        };
        let asked = self.b.load(Size::DW, word);
        let time = self.b.copy(Opnd::Reg(asked));
        let (first, next) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, time, Opnd::Imm(0), first, next);
        self.b.switch(first);
        let read = self.helper(helpers::KTIME_GET_NS);
        self.b.store(Size::DW, word, Opnd::Reg(read));
        self.b.push(Inst::Copy(time, Opnd::Reg(read)));
        self.b.jump(next);
        self.b.switch(next);
        self.part.now = Some(time);
    }

    /// The firing's time, once it was asked.
    fn now(&mut self) -> VReg {
        let now = self.part.now.map_or(Opnd::Imm(0), Opnd::Reg);
        self.b.copy(now)
    }

    fn duration(&mut self) -> Opnd {
        let (Some(saved), Some(now)) = (self.part.saved, self.part.now) else {
            return Opnd::Imm(0);
        };
        let out = self.b.copy(Opnd::Imm(0));
        let (seen, next) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Ne, saved, Opnd::Imm(0), seen, next);
        self.b.switch(seen);
        let start = self.b.load(
            Size::DW,
            state_field(saved, offset_of!(EntryState, time_ns)),
        );
        self.b.push(Inst::Alu(Alu::Sub, out, now, Opnd::Reg(start)));
        self.b.jump(next);
        self.b.switch(next);
        Opnd::Reg(out)
    }

    /// The probe's name by its index; of several places the one that fired says it.
    pub fn probe_name(&mut self) -> Opnd {
        match self.part.probe_name {
            None if self.hook.places() > 1 => {
                let cookie = self.cookie();
                let low = self.b.vreg(Class::Scalar);
                self.b.push(Inst::Low32(low, cookie));
                Opnd::Reg(low)
            }
            index => name(index),
        }
    }

    fn cookie(&mut self) -> VReg {
        let context = vec![arg(self.ctx)];
        self.b
            .call_number(Callee::Helper(helpers::GET_ATTACH_COOKIE), context)
    }

    fn func_name(&mut self) -> Opnd {
        match self.part.func_name {
            None if self.hook.places() > 1 => {
                let cookie = self.cookie();
                Opnd::Reg(self.b.alu(Alu::Rsh, Opnd::Reg(cookie), Opnd::Imm(32)))
            }
            index => name(index),
        }
    }
}

/// A name's index; no index for what has no name.
fn name(index: Option<u32>) -> Opnd {
    Opnd::Imm(index.map_or(-1, |i| i as i32))
}
