//! Lowering: the IR of a program to the linear form.
//!
//! In: a plan and one of its programs. Out: [`Lir`]. Here the meaning of every statement and expression
//! becomes instructions; what they mean is said in `ir`, what the runtime does for them in
//! `docs/design/runtime-abi.md`. Never knows machine registers.
//!
//! | file | lowers |
//! |---|---|
//! | `program` | prologue, parts, epilogue; when the scratch frame is taken and given back |
//! | `stmt` | statements |
//! | `loops` | loops, and the callbacks that run them |
//! | `divide` | large programs: pieces of them as functions |
//! | `scalar`, `arith` | expressions of one word, conditions |
//! | `builtin` | properties of the event |
//! | `task` | properties of the current task |
//! | `bytes` | arrays and bytes; lengths, positions, elements |
//! | `read` | loads through the kernel's reading helpers |
//! | `memory` | values larger than a word: strings, tuples, stacks |
//! | `compare` | comparisons |
//! | `capture` | values saved at a call's entry |
//! | `maps`, `aggregate` | the script's maps |
//! | `record` | what is sent to user space |
//! | `call` | whole calls in records |

mod aggregate;
mod arith;
mod builder;
mod builtin;
mod bytes;
mod call;
mod capture;
mod compare;
mod divide;
mod loops;
mod maps;
mod memory;
mod program;
mod read;
mod record;
mod scalar;
mod series;
mod state;
mod stmt;
mod syscalls;
mod task;

use std::collections::{HashMap, HashSet};

use super::Error;
use super::frame::{CALLER_LIMIT, CALLER_PLACES, FRAME_LIMIT, Memory, STACK_LIMIT, STACK_PLACES};
use super::lir::{BlockId, Lir, Place, VReg};
use super::regalloc::Resources;
use crate::ir::{self, Expr, SiteId, VarId};
use crate::plan::{Hook, Plan, Program, Role};
use crate::types::Abi;
use builder::{Builder, imm, runtime};
use loops::{Jumps, Steps};

/// Whether registers may be spilled to the scratch frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spill {
    /// No: the frame is only taken where values need it.
    Stack,
    /// Yes: each part takes a frame before anything else.
    Frame,
}

/// Lowers one program: itself, then its callbacks and pieces. A large one is divided.
pub fn lower(
    plan: &Plan,
    program: &Program,
    spill: Spill,
    resources: Resources,
) -> Result<Vec<Lir>, Error> {
    let whole = lower_as(plan, program, spill, None)?;
    let length: usize = whole.iter().map(Lir::length).sum();
    if length <= resources.whole {
        return Ok(whole);
    }
    lower_as(plan, program, spill, Some(resources.piece))
}

fn lower_as(
    plan: &Plan,
    program: &Program,
    spill: Spill,
    piece: Option<usize>,
) -> Result<Vec<Lir>, Error> {
    let loops = program.parts.iter().any(|part| match &part.role {
        Role::Run { body, .. } => loops::has_loop(body),
        Role::Capture { .. } | Role::Again { .. } => false,
    });
    let calls_back = loops || piece.is_some();
    let (places, stack_limit) = match calls_back {
        true => (CALLER_PLACES, CALLER_LIMIT),
        false => (STACK_PLACES, STACK_LIMIT),
    };
    let mut builder = Builder::new();
    let exit = builder.block();
    let ctx = builder.vreg(super::lir::Class::Pointer);
    let mut memory = Memory::new(places);
    let frame_slot = memory.take_stack(8);
    let mut lower = Lower {
        plan,
        ir: &plan.ir,
        program,
        hook: &program.hook,
        spill,
        b: builder,
        memory,
        ctx,
        exit,
        frame_slot,
        call: None,
        task: None,
        time: None,
        part: Part::default(),
        env: None,
        piece,
        depth: 0,
        callbacks: Vec::new(),
        named: 0,
        own_frames: own_frames(&program.hook),
    };
    lower.program();
    let bytes = lower.memory.frame_bytes();
    if bytes > FRAME_LIMIT {
        return Err(Error::Frame(program.name.clone(), bytes));
    }
    let mut lir = lower.b.finish(&program.name, &lower.memory, stack_limit);
    lir.thread_jumps();
    let mut all = vec![lir];
    all.append(&mut lower.callbacks);
    Ok(all)
}

/// The state of lowering one program.
struct Lower<'a> {
    plan: &'a Plan,
    ir: &'a ir::Program,
    program: &'a Program,
    hook: &'a Hook,
    spill: Spill,
    b: Builder,
    memory: Memory,
    /// The context pointer.
    ctx: VReg,
    /// Where every path ends.
    exit: BlockId,
    /// The word that remembers which scratch frame was taken.
    frame_slot: Place,
    /// In the syscall programs: what is known of the call.
    call: Option<Call>,
    /// There, but not in callbacks: the current task.
    task: Option<VReg>,
    /// A word for the firing's time, 0 until somebody asks; when somebody may.
    time: Option<Place>,
    part: Part,
    /// In a callback: what it got from its caller.
    env: Option<VReg>,
    /// Its statements are divided among functions, each of this weight at most.
    piece: Option<usize>,
    /// Functions of its own around this place.
    depth: usize,
    /// Those lowered so far.
    callbacks: Vec<Lir>,
    /// How many were given names.
    named: u32,
    /// What a kernel stack taken here begins with that is not of the event: the program's own frames.
    own_frames: u32,
}

/// Frames between an event and the function that takes its stack: that function, the program, and what the kernel calls it
/// through (`bpf_trace_run*`, the trampoline). Hooks with registers begin where those say.
fn own_frames(hook: &Hook) -> u32 {
    match hook {
        Hook::SysEnter | Hook::SysExit | Hook::SysLeave | Hook::SysExec => 3,
        Hook::RawTracepoint(_) => 3,
        Hook::Begin | Hook::End | Hook::Interval { .. } | Hook::Signal { .. } => 3,
        // The kernel's walk is the tracer's own.
        Hook::Iterator(_) => 3,
        Hook::Functions { mechanism, .. } if mechanism.needs_btf() => 3,
        Hook::Tracepoints(_)
        | Hook::Functions { .. }
        | Hook::UserPlaces { .. }
        | Hook::Profile { .. }
        | Hook::Watchpoint { .. }
        | Hook::Counter { .. } => 0,
    }
}

/// What the syscall programs know of the call.
#[derive(Clone, Copy)]
struct Call {
    /// A `SysFrame` on the stack.
    frame: Place,
    /// The task's entry state or null, when the plan has one.
    state: Option<VReg>,
    /// Bytes of the call in this CPU's area, a word that is 0 until it was put together; when the program sends calls.
    whole: Option<Place>,
}

/// What is known within one part.
#[derive(Default)]
struct Part {
    /// Pointer to the scratch frame.
    frame: Option<VReg>,
    /// Lowering has left the predicate.
    in_body: bool,
    /// The predicate needs the scratch frame.
    frame_in_predicate: bool,
    /// The body needs it.
    frame_in_body: bool,
    /// Where the clause ends.
    leave: Option<BlockId>,
    /// Where the firing ends.
    quit: Option<BlockId>,
    /// The state saved at entry for this clause, or null.
    saved: Option<VReg>,
    /// Expressions that the entry saved.
    captures: Vec<Captured>,
    /// The execves among the calls that the clause wants.
    execs: Vec<(Abi, u32)>,
    /// Faults are collected here instead of being counted.
    faults: Option<VReg>,
    /// The firing's time, once it was asked.
    now: Option<VReg>,
    /// Where the variables live that were named so far.
    vars: HashMap<VarId, Var>,
    /// Variables that some expression steps: reading one takes a copy.
    stepped: HashSet<VarId>,
    /// The variables live in the scratch frame: the body has loops.
    in_frame: bool,
    /// In a loop.
    jumps: Option<Jumps>,
    /// In a body that is lowered in steps.
    steps: Option<Steps>,
    /// For `probe` and `func`.
    probe_name: Option<u32>,
    func_name: Option<u32>,
}

/// An expression that the entry saved.
#[derive(Clone)]
struct Captured {
    /// Without spans and sites.
    expr: Expr,
    /// Bytes into the state.
    offset: u32,
}

/// Where a variable lives.
#[derive(Clone, Copy)]
enum Var {
    Word(VReg),
    Memory(Place),
}

impl Lower<'_> {
    /// Space for a value that is needed until the statement ends.
    fn temporary(&mut self, bytes: u32) -> Place {
        match self.memory.stack(bytes) {
            Some(place) => place,
            None => self.scratch(bytes),
        }
    }

    /// Space in the scratch frame, which this part then takes.
    fn scratch(&mut self, bytes: u32) -> Place {
        if self.part.in_body {
            self.part.frame_in_body = true;
        } else {
            self.part.frame_in_predicate = true;
        }
        let base = self.part.frame.expect("every part has a frame register");
        self.memory.frame(base, bytes)
    }

    fn count_site(b: &mut Builder, site: SiteId) {
        b.call(runtime("rt_site"), vec![imm(site.0)]);
    }

    fn count_loss(b: &mut Builder, reason: u64) {
        b.call(runtime("rt_loss"), vec![imm(reason as u32)]);
    }
}
