//! The front of programs on system calls: what no clause can want is left at once, then the runtime is asked.
//!
//! In: the plan's program. Out: the mask of clauses that want this call, the frame and, at exit, the state that its entry saved.
//! The order is the cost of all the calls that nobody wants: first the number, which the context shows, then what needs the task, then
//! the runtime.

use std::collections::BTreeSet;
use std::mem::offset_of;

use tracer_ebpf::{EntryState, SysFrame, want};

use super::builder::{arg, imm, runtime};
use super::program::state_field;
use super::{Call, Lower};
use crate::bpf::{Alu, Cond, Size, helpers};
use crate::codegen::lir::{Arg, Base, Callee, Class, Inst, Opnd, Place, VReg};
use crate::ir::{Builtin, Expr, ExprKind};
use crate::plan::{self, Hook};

/// `orig_ax` in `struct pt_regs` (arch/x86/include/uapi/asm/ptrace.h).
const SAVED_NUMBER: i32 = 120;
/// Numbers of calls that are compared one by one; with more, the runtime's table is asked.
const MOST_COMPARED: usize = 16;

impl Lower<'_> {
    /// Gives the mask.
    pub fn syscall_prologue(&mut self) -> VReg {
        let given = self.given_registers();
        self.leave_unwanted(given);
        let task = self.take_task();
        self.gate();
        let frame = self.memory.take_stack(size_of::<SysFrame>() as u32);
        let process = self.process();
        self.fill(frame, offset_of!(SysFrame, tgid), process);
        let mask = match self.hook {
            Hook::SysExit => self.ask_at_exit(frame, task, given),
            _ => self.ask_at_entry(frame, task),
        };
        self.b.branch_away(Cond::Eq, mask, Opnd::Imm(0), self.exit);
        self.time = Some(frame.plus(offset_of!(SysFrame, time_ns) as u32));
        self.with_state(frame, mask)
    }

    fn fill(&mut self, frame: Place, field: usize, value: VReg) {
        let at = frame.plus(field as u32);
        self.b.store(Size::DW, at, Opnd::Reg(value));
    }

    fn ask_at_entry(&mut self, frame: Place, task: VReg) -> VReg {
        let mut args = vec![Arg::Addr(frame), imm(self.wants() as u32), arg(task)];
        let name = match self.hook {
            Hook::SysEnter => {
                args.insert(0, arg(self.ctx));
                "rt_sys_enter"
            }
            _ => "rt_sys_within",
        };
        self.b.call_number(runtime(name), args)
    }

    fn ask_at_exit(&mut self, frame: Place, task: VReg, given: Option<VReg>) -> VReg {
        let result = self.context_word(8);
        self.fill(frame, offset_of!(SysFrame, ret), result);
        let registers = given.unwrap_or_else(|| self.registers_of(task));
        let whole = self.plan.syscalls.as_ref().map_or(0, |s| s.whole_bits);
        let whole = Arg::Value(self.b.num(whole));
        let wants = imm(self.wants() as u32);
        let args = vec![Arg::Addr(frame), wants, whole, arg(task), arg(registers)];
        self.b.call_number(runtime("rt_sys_exit"), args)
    }

    /// What the runtime is to do beside the mask.
    fn wants(&self) -> u64 {
        let children = self.plan.syscalls.as_ref().is_some_and(|s| s.children);
        let args = if self.uses_arguments() { want::ARGS } else { 0 };
        args | if children { want::CHILDREN } else { 0 }
    }

    /// Makes the task's state known, at exit with what its entry wanted.
    fn with_state(&mut self, frame: Place, mask: VReg) -> VReg {
        let at_exit = *self.hook == Hook::SysExit;
        let needs_state = self.plan.syscalls.as_ref().is_some_and(|s| match at_exit {
            true => s.exit_reads_state(),
            false => s.needs_state,
        });
        let state = needs_state.then(|| self.b.vreg(Class::Pointer));
        let whole = self.sends_calls().then(|| self.memory.take_stack(8));
        if let (Some(whole), Some(time)) = (whole, self.time) {
            // The time is 0 still, which the verifier does not know: a length that it knows to be 0, and one that it does not
            // know, would be two paths through all that follows a clause.
            let zero = self.b.load(Size::DW, time);
            self.b.store(Size::DW, whole, Opnd::Reg(zero));
        }
        self.call = Some(Call {
            frame,
            state,
            whole,
        });
        match state {
            Some(state) if at_exit => self.saved_mask(state, frame, mask),
            Some(state) => {
                // Made by the first part that captures something.
                self.b.push(Inst::Copy(state, Opnd::Imm(0)));
                mask
            }
            None => mask,
        }
    }

    /// The user registers, where the exit gets them in a way that can be loaded from.
    fn given_registers(&mut self) -> Option<VReg> {
        let syscalls = self.plan.syscalls.as_ref()?;
        if *self.hook != Hook::SysExit || syscalls.exit_type.is_none() {
            return None;
        }
        let registers = self.b.vreg(Class::Pointer);
        let word = Place {
            base: Base::Reg(self.ctx),
            off: 0,
        };
        self.b.push(Inst::Load(Size::DW, registers, word));
        Some(registers)
    }

    /// The same by asking the kernel.
    fn registers_of(&mut self, task: VReg) -> VReg {
        let registers = self.b.vreg(Class::Pointer);
        self.b.push(Inst::Call {
            callee: Callee::Helper(helpers::TASK_PT_REGS),
            args: vec![arg(task)],
            dst: Some(registers),
        });
        registers
    }

    /// Leaves at once where the program is for few calls and this is none of them in any ABI: most calls are not, and what the
    /// runtime would ask first costs more than all of this.
    fn leave_unwanted(&mut self, registers: Option<VReg>) {
        let Some(wanted) = self.wanted_numbers() else {
            return;
        };
        let number = match (self.hook, registers) {
            (Hook::SysEnter, _) => self.context_word(8),
            (_, Some(registers)) => self.b.load(Size::DW, saved_number(registers)),
            _ => return,
        };
        // The kernel looks at 32 bits.
        let number = self.b.alu(Alu::Lsh, Opnd::Reg(number), Opnd::Imm(32));
        let number = self.b.alu(Alu::Rsh, Opnd::Reg(number), Opnd::Imm(32));
        let go_on = self.b.block();
        for wanted in wanted {
            let next = self.b.block();
            let wanted = self.b.num(u64::from(wanted));
            self.b.branch(Cond::Eq, number, wanted, go_on, next);
            self.b.switch(next);
        }
        self.b.jump(self.exit);
        self.b.switch(go_on);
    }

    /// The numbers of the program's calls, in any ABI; `None` when they are many, or unknown ones are among them.
    fn wanted_numbers(&self) -> Option<BTreeSet<u32>> {
        let syscalls = self.plan.syscalls.as_ref()?;
        let mut numbers = BTreeSet::new();
        for part in &self.program.parts {
            let calls = syscalls.wants.get(usize::from(part.mask_bit?))?;
            if calls.unknown {
                return None;
            }
            numbers.extend(calls.calls.iter().map(|(_, number)| *number));
            if *self.hook == Hook::SysExit {
                numbers.extend(calls.shown_at_exit());
            }
            if numbers.len() > MOST_COMPARED {
                return None;
            }
        }
        Some(numbers)
    }

    /// At exit: fetches the state, and adds the clauses that its entry saw to the mask.
    fn saved_mask(&mut self, state: VReg, frame: Place, mask: VReg) -> VReg {
        let all = self.b.copy(Opnd::Reg(mask));
        self.b.push(Inst::Call {
            callee: runtime("rt_state_get"),
            args: vec![Arg::Addr(frame)],
            dst: Some(state),
        });
        let (found, next) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, state, Opnd::Imm(0), next, found);
        self.b.switch(found);
        let seen = self
            .b
            .load(Size::DW, state_field(state, offset_of!(EntryState, seen)));
        self.b.push(Inst::Alu(Alu::Or, all, all, Opnd::Reg(seen)));
        self.b.jump(next);
        self.b.switch(next);
        all
    }

    /// Leaves at once what no clause can want.
    fn gate(&mut self) {
        let plan = self.plan;
        for conjunct in gates(plan, self.hook) {
            let holds = self.b.block();
            self.condition(conjunct, holds, self.exit);
            self.b.switch(holds);
        }
    }

    fn uses_arguments(&self) -> bool {
        let is_arg =
            |e: &Expr| matches!(e.kind, ExprKind::Builtin(Builtin::Arg(_) | Builtin::Call));
        let captures = self.plan.syscalls.iter().flat_map(|s| &s.captures);
        captures.into_iter().any(|c| c.expr.any(&is_arg)) || self.mentions(&is_arg)
    }
}

/// What a program on system calls asks before anything else.
pub fn gates<'a>(plan: &'a plan::Plan, hook: &Hook) -> &'a [Expr] {
    match (hook, plan.syscalls.as_ref()) {
        (Hook::SysEnter | Hook::SysExit, Some(syscalls)) => &syscalls.gate,
        _ => &[],
    }
}

/// Where saved registers have the number of the call.
fn saved_number(registers: VReg) -> Place {
    Place {
        base: Base::Reg(registers),
        off: SAVED_NUMBER,
    }
}
