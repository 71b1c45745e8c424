//! A whole program: prologue, parts one after the other, epilogue.
//!
//! In: the plan's program. Out: its blocks. A part takes the scratch frame after its predicate held (before,
//! when the predicate needs it) and gives it back on every way out.

use std::mem::offset_of;

use tracer_ebpf::{Control, EntryState};

use super::builder::{arg, runtime};
use super::loops::has_loop;
use super::syscalls::gates;
use super::{Call, Captured, Lower, Part, Spill, Var};
use crate::bpf::{Alu, Cond, Size};
use crate::codegen::lir::{Arg, Base, BlockId, Class, Inst, Opnd, Place, VReg};
use crate::ir::walk::{visit_exprs, visit_stmts};
use crate::ir::{self, Builtin, Expr, ExprKind, Stmt, StmtKind, VarId};
use crate::plan::{self, CaptureId, Hook, Role};

/// The blocks that surround a part's own code.
struct Skeleton {
    /// The next part, or the end.
    next: BlockId,
    /// Before the predicate.
    before: BlockId,
    /// The predicate does not hold.
    reject: BlockId,
    /// Between predicate and body.
    between: BlockId,
}

impl<'a> Lower<'a> {
    /// Lowers everything.
    pub fn program(&mut self) {
        self.b.push(Inst::Context(self.ctx));
        let mask = self.prologue();
        let finish = self.b.block();
        let program = self.program;
        for part in &program.parts {
            let next = self.b.block();
            if let (Some(bit), Some(mask)) = (part.mask_bit, mask) {
                self.test_bit(mask, bit, next);
            }
            self.part(part, next, finish);
            self.b.spill_frame = None;
            self.b.switch(next);
        }
        self.b.jump(finish);
        self.b.switch(finish);
        self.epilogue();
    }

    /// Answers whether anything is to be done. Gives the mask of clauses in syscall programs.
    fn prologue(&mut self) -> Option<VReg> {
        match self.hook {
            _ if self.program.is_of_calls() => Some(self.syscall_prologue()),
            hook => {
                self.event_gate(hook);
                if self.mentions(&is_time) {
                    let word = self.memory.take_stack(8);
                    self.b.store_word(word, 0);
                    self.time = Some(word);
                }
                None
            }
        }
    }

    /// Leaves when tracing is not open, or the process is left out.
    fn event_gate(&mut self, hook: &Hook) {
        let open = match hook {
            hook if hook.is_synthetic() => return,
            // The tracer itself walks: it is not left out. A script's `exit` ends what is left of a walk.
            Hook::Iterator(_) => self.control_word(offset_of!(Control, active)),
            _ => self.b.call_number(runtime("rt_gate"), vec![]),
        };
        self.b.branch_away(Cond::Eq, open, Opnd::Imm(0), self.exit);
    }

    /// Every path ends here: a state that was used is used up.
    fn epilogue(&mut self) {
        if let (
            Hook::SysExit,
            Some(Call {
                state: Some(state), ..
            }),
        ) = (self.hook, self.call)
        {
            let clear = self.b.block();
            self.b
                .branch(Cond::Eq, state, Opnd::Imm(0), self.exit, clear);
            self.b.switch(clear);
            self.give_call_back(state);
            self.b
                .store_word(state_field(state, offset_of!(EntryState, seen)), 0);
        }
        self.b.jump(self.exit);
    }

    /// Goes to `away` when the bit is not set. The bit is tested in a register of its own: from a test of the mask the
    /// verifier would learn that bit of it, and follow every combination of bits by itself.
    pub fn test_bit(&mut self, mask: VReg, bit: u8, away: BlockId) {
        let bit = self.b.num(1 << bit);
        let is_set = self.b.alu(Alu::And, Opnd::Reg(mask), bit);
        self.b.branch_away(Cond::Eq, is_set, Opnd::Imm(0), away);
    }

    fn part(&mut self, part: &'a plan::Part, next: BlockId, finish: BlockId) {
        let clause = &self.ir.clauses[part.clause.0 as usize];
        self.b.line = clause.span.start;
        let mark = self.memory.mark();
        let skeleton = self.open_part(next);
        match &part.role {
            Role::Run {
                probe_name,
                func_name,
                predicate,
                body,
                captures,
            } => {
                self.part.probe_name = *probe_name;
                self.part.func_name = *func_name;
                self.part.in_frame = self.piece.is_some() || has_loop(body);
                self.use_captures(captures, part.mask_bit);
                self.predicate(&skeleton, clause, predicate, body);
                self.body(clause, body);
            }
            Role::Capture {
                predicate,
                captures,
            } => {
                self.predicate(&skeleton, clause, predicate, &[]);
                self.capture(captures, part.mask_bit, next);
            }
            Role::Again { captures } => {
                self.predicate(&skeleton, clause, &[], &[]);
                self.capture_again(captures, part.mask_bit);
            }
        }
        self.close_part(&skeleton, finish);
        self.memory.reset(mark);
    }

    fn open_part(&mut self, next: BlockId) -> Skeleton {
        let frame = self.b.vreg(Class::Pointer);
        self.part = Part {
            frame: Some(frame),
            leave: Some(self.b.block()),
            quit: Some(self.b.block()),
            frame_in_predicate: self.spill == Spill::Frame,
            ..Part::default()
        };
        Skeleton {
            next,
            before: self.b.block(),
            reject: self.b.block(),
            between: self.b.block(),
        }
    }

    /// From the current block through the predicate into the body.
    fn predicate(
        &mut self,
        skeleton: &Skeleton,
        clause: &ir::Clause,
        predicate: &[Expr],
        body: &[Stmt],
    ) {
        self.b.jump(skeleton.before);
        if self.spill == Spill::Frame {
            self.b.spill_frame = self.part.frame;
        }
        let first = self.b.block();
        self.b.switch(skeleton.before);
        self.b.jump(first);
        self.b.switch(first);
        for conjunct in predicate {
            conjunct.visit(&mut |e| self.declare(clause, e));
        }
        for conjunct in predicate {
            let gates = gates(self.plan, self.hook);
            if gates.iter().any(|gate| gate.same_value(conjunct)) {
                continue;
            }
            if conjunct.any(&is_time) {
                self.take_time();
            }
            let mark = self.memory.mark();
            let holds = self.b.block();
            self.condition(conjunct, holds, skeleton.reject);
            self.b.switch(holds);
            self.memory.reset(mark);
        }
        self.b.jump(skeleton.between);
        let first = self.b.block();
        self.b.switch(skeleton.between);
        self.b.jump(first);
        self.b.switch(first);
        self.part.in_body = true;
        let mut needs_time = false;
        visit_exprs(body, &mut |e| needs_time |= is_time(e));
        if needs_time {
            self.take_time();
        }
    }

    fn body(&mut self, clause: &ir::Clause, body: &[Stmt]) {
        visit_exprs(body, &mut |e| self.declare(clause, e));
        visit_stmts(body, &mut |s| {
            if let StmtKind::SetVar(var, _) | StmtKind::ForEach { var, .. } = s.kind {
                self.declare_var(clause, var);
            }
        });
        self.clause_body(body);
        let leave = self.part.leave.expect("open_part made it");
        self.b.jump(leave);
    }

    /// Gives the variable that an expression names a home with its first value, if it has none. Called before any of
    /// the code that names it: in the predicate's case before the predicate.
    fn declare(&mut self, clause: &ir::Clause, e: &Expr) {
        match e.kind {
            ExprKind::Var(var) => self.declare_var(clause, var),
            ExprKind::StepVar { var, .. } | ExprKind::Find { var, .. } => {
                self.part.stepped.insert(var);
                self.declare_var(clause, var);
            }
            _ => {}
        }
    }

    fn declare_var(&mut self, clause: &ir::Clause, var: VarId) {
        if self.part.vars.contains_key(&var) {
            return;
        }
        let ty = &clause.vars[var.0 as usize].ty;
        let home = if self.part.in_frame {
            let place = self.scratch(ty.size());
            self.zero(place, ty.size());
            Var::Memory(place)
        } else if ty.is_scalar() {
            let v = self.b.copy(Opnd::Imm(0));
            self.b.forget(v);
            Var::Word(v)
        } else {
            let place = self.temporary(ty.size());
            self.zero(place, ty.size());
            Var::Memory(place)
        };
        self.part.vars.insert(var, home);
    }

    /// Puts taking and giving back of the scratch frame where they belong.
    fn close_part(&mut self, skeleton: &Skeleton, finish: BlockId) {
        let (leave, quit) = (self.part.leave, self.part.quit);
        let (leave, quit) = leave.zip(quit).expect("open_part made them");
        let (early, late) = (self.part.frame_in_predicate, self.part.frame_in_body);
        self.b.spill_frame = None;
        if early {
            self.take_frame(skeleton.before, skeleton.next);
        } else if late {
            self.take_frame(skeleton.between, skeleton.next);
        }
        for (block, to) in [(leave, skeleton.next), (quit, finish)] {
            self.b.switch(block);
            if early || late {
                self.give_frame_back();
            }
            self.b.jump(to);
        }
        self.b.switch(skeleton.reject);
        self.b.jump(if early { leave } else { skeleton.next });
    }

    /// Makes a block that only jumps on take the frame first; without one the part does not run.
    fn take_frame(&mut self, block: BlockId, without: BlockId) {
        let frame = self.part.frame.expect("every part has a frame register");
        self.memory.hold_frame();
        let on = self.b.target(block);
        self.b.switch(block);
        self.b.push(Inst::Call {
            callee: runtime("rt_frame_get"),
            args: vec![Arg::Addr(self.frame_slot)],
            dst: Some(frame),
        });
        let taken = self.b.block();
        self.b.branch(Cond::Ne, frame, Opnd::Imm(0), taken, without);
        self.b.switch(taken);
        // Kept in the frame itself, where the verifier forgets which of a few numbers it is: it would follow the rest of
        // the program once for each.
        let slot = self.b.load(Size::DW, self.frame_slot);
        self.b.store(Size::DW, frame_slot(frame), Opnd::Reg(slot));
        self.b.jump(on);
    }

    fn give_frame_back(&mut self) {
        // This also keeps the frame's pointer as long as registers may be spilled to the frame.
        let frame = self.part.frame.expect("every part has a frame register");
        let slot = self.b.load(Size::DW, frame_slot(frame));
        self.b.call(runtime("rt_frame_put"), vec![arg(slot)]);
    }

    /// Makes the saved values of this clause known, and whether there are any.
    fn use_captures(&mut self, captures: &[CaptureId], bit: Option<u8>) {
        let (
            Some(Call {
                state: Some(state), ..
            }),
            Some(bit),
        ) = (self.call, bit)
        else {
            return;
        };
        if *self.hook != Hook::SysExit {
            return;
        }
        let saved = self.b.vreg(Class::Pointer);
        self.b.push(Inst::Copy(saved, Opnd::Imm(0)));
        let (test, next) = (self.b.block(), self.b.block());
        self.b.branch(Cond::Eq, state, Opnd::Imm(0), next, test);
        self.b.switch(test);
        let seen = self
            .b
            .load(Size::DW, state_field(state, offset_of!(EntryState, seen)));
        self.test_bit(seen, bit, next);
        self.b.push(Inst::Copy(saved, Opnd::Reg(state)));
        self.b.jump(next);
        self.b.switch(next);
        self.part.saved = Some(saved);
        self.part.captures = captures.iter().map(|id| self.captured(*id)).collect();
        let syscalls = self.plan.syscalls.as_ref();
        let wanted = syscalls.and_then(|s| s.wants.get(usize::from(bit)));
        self.part.execs = wanted.map_or_else(Vec::new, |calls| calls.execs().collect());
    }

    /// A capture of the plan.
    pub fn captured(&self, id: CaptureId) -> Captured {
        let capture = &self
            .plan
            .syscalls
            .as_ref()
            .expect("there are captures")
            .captures;
        let capture = &capture[id.0 as usize];
        Captured {
            expr: capture.expr.bare(),
            offset: capture.offset,
        }
    }

    /// Whether some part has such an expression.
    pub fn mentions(&self, is_meant: &dyn Fn(&Expr) -> bool) -> bool {
        let mut found = false;
        for part in &self.program.parts {
            let predicate = part.role.predicate();
            found |= predicate.iter().any(|e| e.any(is_meant));
            if let Role::Run { body, .. } = &part.role {
                visit_exprs(body, &mut |e| found |= is_meant(e));
            }
        }
        found
    }
}

/// The first word of the scratch frame: which one it is.
fn frame_slot(frame: VReg) -> Place {
    let base = Base::Reg(frame);
    Place { base, off: 0 }
}

/// A field of the entry state.
pub fn state_field(state: VReg, offset: usize) -> Place {
    Place {
        base: Base::Reg(state),
        off: offset as i32,
    }
}

/// What is said of the firing's time.
fn is_time(e: &Expr) -> bool {
    matches!(
        e.kind,
        ExprKind::Builtin(Builtin::Nsecs | Builtin::Elapsed | Builtin::Duration)
    )
}
