//! Loops, and the functions that run them.
//!
//! A loop over a map is a callback that `bpf_for_each_map_elem` calls for each entry. All other loops of a clause, or of such
//! a callback's body, are one callback that runs the body step by step, and the `bpf_loop` that calls it. A step begins at the front of the body or at a loop's condition, and ends where control reaches a loop's condition
//! again: the verifier never sees a jump backwards, whatever loops stand in each other, and there is one function for all.
//!
//! Between steps a word of the scratch frame says where to go on. Variables live in the scratch frame too: the verifier
//! knows nothing of what is in there, so one pass over the callback is all that it ever takes.
//!
//! Callbacks get their pointers (context, scratch frame, call, saved state) from an [`Env`] on the program's stack.

use super::builder::{Builder, arg, imm};
use super::program::state_field;
use super::{Call, Lower, Var};
use crate::bpf::{Cond, Size, helpers};
use crate::codegen::frame::CALLBACK_LIMIT;
use crate::codegen::lir::{Arg, Base, BlockId, Callee, Class, Inst, Opnd, Place, VReg};
use crate::ir::{Expr, LOOP_TESTS, MapId, MapValue, SiteId, Stmt, StmtKind, VarId, walk};

/// Where a callback says that control went: a step's number (from 0), or one of these.
pub mod went {
    /// Behind the body.
    pub const ON: i32 = -1;
    /// To the end of the clause.
    pub const LEAVE: i32 = -2;
    /// To the end of the firing.
    pub const QUIT: i32 = -3;
    /// Behind the loop over a map in whose body the steps stand.
    pub const BREAK: i32 = -4;
    /// To that loop's next entry.
    pub const CONTINUE: i32 = -5;
}

/// Words on the program's stack that callbacks read.
mod env {
    pub const CONTEXT: u32 = 0;
    pub const FRAME: u32 = 8;
    pub const CALL: u32 = 16;
    pub const SAVED: u32 = 24;
    pub const NOW: u32 = 32;
    pub const WHOLE: u32 = 40;
    pub const BYTES: u32 = 48;
}

/// The argument of a `bpf_loop` callback that is the environment.
pub const LOOP_CONTEXT: u8 = 2;

/// Arguments of a `bpf_for_each_map_elem` callback.
mod each {
    pub const MAP: u8 = 1;
    pub const KEY: u8 = 2;
    pub const VALUE: u8 = 3;
    pub const CONTEXT: u8 = 4;
}

/// Where the jumps of a loop's body go.
#[derive(Clone, Copy)]
pub struct Jumps {
    /// Behind the loop.
    pub end: BlockId,
    /// To what follows an iteration.
    pub again: BlockId,
}

/// The steps of the body that is being lowered.
pub struct Steps {
    /// The word of the scratch frame that says where to go on.
    control: u32,
    /// Where each step begins, from 1; and the loop's site.
    fronts: Vec<(BlockId, SiteId)>,
}

/// Whether some statement is a loop of any kind.
pub fn has_loop(body: &[Stmt]) -> bool {
    walk::any_stmt(body, &|kind| {
        matches!(kind, StmtKind::Loop { .. } | StmtKind::ForEach { .. })
    })
}

impl Lower<'_> {
    /// Runs the body of a clause, or of a loop over a map.
    pub fn looping(&mut self, body: &[Stmt]) {
        if walk::has_steps(body) {
            self.stepped(body);
        } else {
            self.stmts(body);
        }
    }

    fn stepped(&mut self, body: &[Stmt]) {
        let control = self.scratch(8).off as u32;
        let env = self.environment();
        self.go_to(control, 0);
        let name = self.callback_name("loop");
        let mut fronts = Vec::new();
        let in_loop = self.part.jumps.is_some();
        // The verifier writes `bpf_loop` out.
        self.callback(&name, 1, |lower| {
            lower.receive(LOOP_CONTEXT);
            fronts = lower.steps(body, control, in_loop);
        });
        let steps = imm(LOOP_TESTS + 1);
        let args = vec![steps, Arg::Function(name), env, imm(0)];
        self.b.call(Callee::Helper(helpers::LOOP), args);
        self.follow(body, control);
        self.unfinished(control, &fronts);
    }

    /// The environment of callbacks, made here or handed on.
    pub fn environment(&mut self) -> Arg {
        if let Some(env) = self.env {
            return arg(env);
        }
        let env = self.memory.take_stack(env::BYTES);
        let frame = self.part.frame.expect("every part has a frame register");
        let call = self.call.map(|call| self.address(call.frame));
        let whole = self.call.and_then(|call| call.whole);
        let whole = whole.map(|place| self.address(place));
        let words = [
            (env::CONTEXT, Some(self.ctx)),
            (env::FRAME, Some(frame)),
            (env::CALL, call),
            (env::SAVED, self.part.saved),
            (env::NOW, self.part.now),
            (env::WHOLE, whole),
        ];
        for (at, value) in words {
            if let Some(value) = value {
                self.b.store(Size::DW, env.plus(at), Opnd::Reg(value));
            }
        }
        Arg::Addr(env)
    }

    fn address(&mut self, place: Place) -> VReg {
        let pointer = self.b.vreg(Class::Pointer);
        self.b.push(Inst::Address(pointer, place));
        pointer
    }

    /// Lowers a callback, which begins with its arguments; `frames`: how many stand on the stack for it.
    pub fn callback(&mut self, name: &str, frames: u32, body: impl FnOnce(&mut Self)) {
        let caller = std::mem::replace(&mut self.b, Builder::new());
        self.b.line = caller.line;
        let memory = self.memory.called();
        let memory = std::mem::replace(&mut self.memory, memory);
        let outer = (self.ctx, self.env, self.call, self.task);
        let part = (self.part.frame, self.part.saved, self.part.now);
        let jumps = (self.part.leave, self.part.quit, self.part.jumps.take());
        let steps = self.part.steps.take();
        let own_frames = self.own_frames;
        if own_frames > 0 {
            self.own_frames += frames;
        }
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.own_frames = own_frames;
        let builder = std::mem::replace(&mut self.b, caller);
        let mut lir = builder.finish(name, &self.memory, CALLBACK_LIMIT);
        lir.thread_jumps();
        self.callbacks.push(lir);
        self.part.steps = steps;
        (self.part.leave, self.part.quit, self.part.jumps) = jumps;
        (self.part.frame, self.part.saved, self.part.now) = part;
        (self.ctx, self.env, self.call, self.task) = outer;
        let called = std::mem::replace(&mut self.memory, memory);
        self.memory.returned(&called);
    }

    /// What a callback knows from its caller; `param` is the argument that is the environment, its last one.
    pub fn receive(&mut self, param: u8) {
        let env = self.param(param);
        self.env = Some(env);
        self.ctx = self.received(env, env::CONTEXT, Class::Pointer);
        self.task = None;
        let frame = self.received(env, env::FRAME, Class::Pointer);
        self.part.frame = Some(frame);
        self.b.spill_frame = Some(frame);
        self.call = self.call.map(|call| Call {
            frame: self.received_place(env, env::CALL),
            // States are made by entry parts, which have no loops.
            state: None,
            whole: call.whole.map(|_| self.received_place(env, env::WHOLE)),
        });
        let saved = self.part.saved;
        self.part.saved = saved.map(|_| self.received(env, env::SAVED, Class::Pointer));
        let now = self.part.now;
        self.part.now = now.map(|_| self.received(env, env::NOW, Class::Scalar));
    }

    fn received(&mut self, env: VReg, at: u32, class: Class) -> VReg {
        let v = self.b.vreg(class);
        let base = Base::Reg(env);
        let off = at as i32;
        self.b.push(Inst::Load(Size::DW, v, Place { base, off }));
        v
    }

    fn received_place(&mut self, env: VReg, at: u32) -> Place {
        let base = Base::Reg(self.received(env, at, Class::Pointer));
        Place { base, off: 0 }
    }

    pub fn callback_name(&mut self, what: &str) -> String {
        self.named += 1;
        format!("{}_{what}_{}", self.program.name, self.named)
    }

    /// Inside the callback: the body, in steps.
    fn steps(&mut self, body: &[Stmt], control: u32, in_loop: bool) -> Vec<(BlockId, SiteId)> {
        let (choose, first) = (self.b.block(), self.b.block());
        self.b.jump(choose);
        self.part.steps = Some(Steps {
            control,
            fronts: Vec::new(),
        });
        self.ways_out(control, in_loop);
        self.b.switch(first);
        self.stmts(body);
        self.go_to(control, went::ON);
        self.b.give_back(false);
        let fronts = self.part.steps.take().map_or_else(Vec::new, |s| s.fronts);
        self.b.switch(choose);
        let word = self.frame_place(control);
        let step = self.b.load(Size::DW, word);
        for (number, (front, _)) in (1..).zip(&fronts) {
            self.b
                .branch_away(Cond::Eq, step, Opnd::Imm(number), *front);
        }
        self.b.jump(first);
        fronts
    }

    /// Where control leaves a callback to, but for its end.
    pub fn ways_out(&mut self, control: u32, in_loop: bool) {
        self.part.leave = Some(self.way_out(control, went::LEAVE));
        self.part.quit = Some(self.way_out(control, went::QUIT));
        self.part.jumps = in_loop.then(|| Jumps {
            end: self.way_out(control, went::BREAK),
            again: self.way_out(control, went::CONTINUE),
        });
    }

    /// A block that ends the callback and says where control went.
    fn way_out(&mut self, control: u32, to: i32) -> BlockId {
        let (here, block) = (self.b.current(), self.b.cold_block());
        self.b.switch(block);
        self.go_to(control, to);
        self.b.give_back(false);
        self.b.switch(here);
        block
    }

    pub fn go_to(&mut self, control: u32, to: i32) {
        let word = self.frame_place(control);
        self.b.store(Size::DW, word, Opnd::Imm(to));
    }

    /// Behind the call: goes where the body went.
    pub fn follow(&mut self, body: &[Stmt], control: u32) {
        let word = self.frame_place(control);
        let went = self.b.load(Size::DW, word);
        let (leave, quit) = (self.part.leave, self.part.quit);
        let (leave, quit) = leave.zip(quit).expect("statements stand in a part");
        self.b
            .branch_away(Cond::Eq, went, Opnd::Imm(went::LEAVE), leave);
        if walk::any_stmt(body, &|kind| matches!(kind, StmtKind::Exit(_))) {
            self.b
                .branch_away(Cond::Eq, went, Opnd::Imm(went::QUIT), quit);
        }
        if let Some(Jumps { end, again }) = self.part.jumps {
            for (code, to) in [(went::BREAK, end), (went::CONTINUE, again)] {
                self.b.branch_away(Cond::Eq, went, Opnd::Imm(code), to);
            }
        }
    }

    /// All steps were used up: counts at the loop whose condition would be next, and leaves.
    fn unfinished(&mut self, control: u32, fronts: &[(BlockId, SiteId)]) {
        let leave = self.part.leave.expect("statements stand in a part");
        let word = self.frame_place(control);
        let went = self.b.load(Size::DW, word);
        let (on, stuck) = (self.b.block(), self.b.cold_block());
        self.b
            .branch(Cond::Eq, went, Opnd::Imm(went::ON), on, stuck);
        self.b.switch(stuck);
        for (number, (_, site)) in (1..).zip(fronts) {
            let site = *site;
            self.b.rarely(Cond::Eq, went, Opnd::Imm(number), |b| {
                Self::count_site(b, site);
            });
        }
        self.b.jump(leave);
        self.b.switch(on);
    }

    /// A loop over a map.
    pub fn for_each(&mut self, map: MapId, var: VarId, body: &[Stmt]) {
        let control = self.scratch(8).off as u32;
        let env = self.environment();
        self.go_to(control, went::ON);
        let name = self.callback_name("loop");
        // The function of the kernel that goes through the map stands below it.
        self.callback(&name, 2, |lower| lower.each(map, var, body, control));
        let next = self.b.block();
        let kernel_map = self.kernel_map(map, next);
        let args = vec![kernel_map, Arg::Function(name), env, imm(0)];
        self.b
            .call(Callee::Helper(helpers::FOR_EACH_MAP_ELEM), args);
        // A jump of this loop ends in its callback; those of an outer one cannot stand in its body.
        let outer = self.part.jumps.take();
        self.follow(body, control);
        self.part.jumps = outer;
        self.b.jump(next);
        self.b.switch(next);
    }

    /// Inside the callback: one entry.
    fn each(&mut self, map: MapId, var: VarId, body: &[Stmt], control: u32) {
        // Only what is used: a register that nobody reads might be given to the next argument's.
        let is_plain = matches!(self.ir.maps[map.0 as usize].value, MapValue::Plain(_));
        let kernel_map = (!is_plain).then(|| self.param(each::MAP));
        let key = self.param(each::KEY);
        let value = is_plain.then(|| self.param(each::VALUE));
        self.receive(each::CONTEXT);
        self.pair(map, var, key, (kernel_map, value));
        self.part.leave = Some(self.way_out(control, went::LEAVE));
        self.part.quit = Some(self.way_out(control, went::QUIT));
        let end = self.way_out(control, went::ON);
        let again = self.b.block();
        self.part.jumps = Some(Jumps { end, again });
        self.looping(body);
        self.b.jump(again);
        self.b.switch(again);
        self.go_to(control, went::ON);
        self.b.give_back(true);
    }

    fn param(&mut self, n: u8) -> VReg {
        let v = self.b.vreg(Class::Pointer);
        self.b.push(Inst::Param(n, v));
        v
    }

    /// Puts key and value into the variable. The value is there, or is asked of the map.
    fn pair(&mut self, map: MapId, var: VarId, key: VReg, from: (Option<VReg>, Option<VReg>)) {
        let Var::Memory(pair) = self.home(var) else {
            unreachable!("variables of a clause with loops are in memory");
        };
        let kept = self.session_map(map);
        let to = pair.plus(kept.key_size);
        self.copy(pair, state_field(key, 0), kept.key_size);
        match from {
            (Some(kernel_map), _) => {
                let merged = self.merged(map, arg(kernel_map), pair);
                self.b.store(Size::DW, to, merged);
            }
            (None, Some(value)) => self.copy(to, state_field(value, 0), kept.value_size),
            (None, None) => unreachable!("a callback gets its map or the value"),
        }
    }

    /// One loop: its condition begins a step.
    pub fn loop_stmt(&mut self, cond: &Expr, (body, next): (&[Stmt], &[Stmt]), site: SiteId) {
        let [front, inside, again, end] = [(); 4].map(|()| self.b.block());
        let steps = self.part.steps.as_mut();
        let steps = steps.expect("a body with loops is lowered in steps");
        steps.fronts.push((front, site));
        let (control, number) = (steps.control, steps.fronts.len() as i32);
        self.go_to(control, number);
        self.b.give_back(true);
        self.b.switch(front);
        let mark = self.memory.mark();
        self.condition(cond, inside, end);
        self.memory.reset(mark);
        let outer = self.part.jumps.replace(Jumps { end, again });
        self.b.switch(inside);
        self.stmts(body);
        self.part.jumps = outer;
        self.b.jump(again);
        self.b.switch(again);
        self.stmts(next);
        self.go_to(control, number);
        self.b.give_back(true);
        self.b.switch(end);
    }

    /// `break` or `continue`.
    pub fn jump_of_loop(&mut self, is_break: bool) {
        let jumps = self.part.jumps.expect("jumps stand in a loop");
        self.end_with(if is_break { jumps.end } else { jumps.again });
    }

    /// A place in the scratch frame, through the pointer that this function has.
    pub fn frame_place(&self, at: u32) -> Place {
        let base = self.part.frame.expect("every part has a frame register");
        Place {
            base: Base::Reg(base),
            off: at as i32,
        }
    }
}
