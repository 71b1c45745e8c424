//! Code generation: a plan to BPF programs.
//!
//! In: [`Plan`]. Out: [`Generated`]: one [`bpf::Function`](crate::bpf::Function) for each of the plan's programs, with holes
//! for maps and runtime functions that `link` fills. Same plan, same bytes. Never asks the machine, never decides what runs
//! where: that is `plan`.
//!
//! Stages, each a value that can be printed: [`lower`] makes the linear form ([`lir`]) of the IR; [`liveness`] and
//! [`regalloc`] give each of its registers a home; [`emit`] writes instructions; [`checker`] verifies the last two
//! from the outside. [`frame`] deals out stack and scratch memory. The contract with the runtime is
//! `docs/design/runtime-abi.md`.

pub mod checker;
pub mod emit;
pub mod frame;
pub mod islands;
pub mod lir;
pub mod liveness;
pub mod lower;
#[cfg(any(test, feature = "fuzz"))]
pub mod planted;
pub mod regalloc;
#[cfg(test)]
mod tests;

pub use crate::bpf::Generated;

use crate::diag::depth::with_stack;
use crate::diag::{Diagnostic, Span, codes};
use crate::plan::{Hook, Plan, Program};
use frame::FRAME_LIMIT;
use lir::Lir;
use lower::Spill;
use regalloc::{Allocation, Resources};

/// A program that cannot be generated. Each names the program.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// More pointers are alive at once than stack and registers hold.
    #[error("program {0} needs more stack than the {limit} bytes it may use", limit = frame::STACK_LIMIT)]
    Stack(String),
    /// Its large values do not fit a scratch frame.
    #[error("program {0} needs {1} bytes of scratch; at most {FRAME_LIMIT} are possible")]
    Frame(String, u32),
    /// It has more instructions than the kernel takes, or more in a row than a jump reaches over.
    #[error(
        "program {0} has {1} instructions; at most {MAX_INSTRUCTIONS} are possible, and 32,767 in one statement"
    )]
    TooLong(String, usize),
    /// The checker found the generated code wrong: a bug here.
    #[error("generated code of program {0} is wrong, please report it: {1}")]
    Wrong(String, String),
}

impl Error {
    /// The limit that the script meets, as something to say about it; `None` for a mistake of ours.
    pub fn diagnostic(&self, plan: &Plan) -> Option<Diagnostic> {
        let (code, name, help) = match self {
            Error::Wrong(..) => return None,
            Error::Stack(name) | Error::Frame(name, _) => (
                codes::SCRATCH_FULL,
                name,
                "cut strings, e.g. str(x, 64), use fewer variables that hold them, or make two clauses of it",
            ),
            Error::TooLong(name, _) => (
                codes::PROGRAM_TOO_LONG,
                name,
                "put what is repeated in a loop, e.g. for ($i : 0..100) { … }, or make two scripts of it",
            ),
        };
        let span = longest_clause(plan, name);
        Some(Diagnostic::error(code, span, self.to_string()).help(help))
    }
}

/// The clause of a program that has the most text: where to begin when it is too large.
fn longest_clause(plan: &Plan, program: &str) -> Span {
    let program = plan.programs.iter().find(|p| p.name == program);
    let parts = program.into_iter().flat_map(|p| &p.parts);
    let spans = parts.map(|part| plan.ir.clauses[part.clause.0 as usize].span);
    spans
        .max_by_key(|span| span.end - span.start)
        .unwrap_or_default()
}

/// A program between the stages.
#[derive(Clone, PartialEq, Debug)]
pub struct Lowered {
    /// The linear form.
    pub lir: Lir,
    /// Homes of its registers.
    pub allocation: Allocation,
    /// The callbacks of a program.
    pub callbacks: Vec<Lowered>,
}

/// Instructions of a program, its functions included (`BPF_COMPLEXITY_LIMIT_INSNS` in include/linux/bpf.h).
pub const MAX_INSTRUCTIONS: usize = 1_000_000;

/// Generates all programs of a plan.
///
/// # Errors
/// The first program that does not fit, see [`Error`].
pub fn generate(plan: &Plan) -> Result<Generated, Error> {
    generate_with(plan, Resources::ALL)
}

/// The same with less to give away.
///
/// # Errors
/// See [`Error`].
pub fn generate_with(plan: &Plan, resources: Resources) -> Result<Generated, Error> {
    let mut out = Generated::default();
    for program in &plan.programs {
        let lowered = lowered(plan, program, resources)?;
        let mut function = emitted(&lowered, section(plan, program), resources)?;
        for callback in &lowered.callbacks {
            let part = emitted(callback, TEXT.to_owned(), resources)?;
            function.callbacks.push(part);
        }
        let length = function.len();
        if length > MAX_INSTRUCTIONS {
            return Err(Error::TooLong(function.name, length));
        }
        out.functions.push(function);
        out.frame_size = out.frame_size.max(lowered.frame_bytes());
    }
    Ok(out)
}

/// Where functions stand that programs call.
const TEXT: &str = ".text";

fn emitted(
    lowered: &Lowered,
    section: String,
    resources: Resources,
) -> Result<crate::bpf::Function, Error> {
    emit::emit(&lowered.lir, &lowered.allocation, section, resources)
}

impl Lowered {
    /// Bytes of scratch frame that a firing uses.
    pub fn frame_bytes(&self) -> u32 {
        let callbacks = self.callbacks.iter().map(|c| c.allocation.frame_bytes);
        callbacks.fold(self.allocation.frame_bytes, u32::max)
    }
}

/// Lowers one program and allocates its registers: spilling to the stack, and when that is full to the scratch
/// frame.
///
/// # Errors
/// See [`Error`].
pub fn lowered(plan: &Plan, program: &Program, resources: Resources) -> Result<Lowered, Error> {
    with_stack(|| lower_all(plan, program, resources))
}

fn lower_all(plan: &Plan, program: &Program, resources: Resources) -> Result<Lowered, Error> {
    let allocated = allocated(plan, program, resources, Spill::Stack);
    let result = match allocated {
        Err(Error::Stack(_)) => self::allocated(plan, program, resources, Spill::Frame)?,
        result => result?,
    };
    for part in std::iter::once(&result).chain(&result.callbacks) {
        checker::allocation(&part.lir, &part.allocation)
            .map_err(|what| Error::Wrong(part.lir.name.clone(), what))?;
    }
    Ok(result)
}

fn allocated(
    plan: &Plan,
    program: &Program,
    resources: Resources,
    spill: Spill,
) -> Result<Lowered, Error> {
    let all = lower::lower(plan, program, spill, resources)?;
    // What each spills to the scratch frame lies behind everybody's places, and behind what the ones before it spill: they
    // may be in use at the same time.
    let places = all.iter().map(|lir| lir.frame_bytes);
    let mut frame_bytes = places.max().unwrap_or(0);
    let mut parts = Vec::with_capacity(all.len());
    for mut lir in all {
        lir.frame_bytes = frame_bytes;
        #[cfg(any(test, feature = "fuzz"))]
        if let Some(bug) = resources.planted {
            planted::in_lir(bug, &mut lir);
        }
        let allocation = regalloc::allocate(&lir, resources)?;
        frame_bytes = allocation.frame_bytes;
        if frame_bytes > FRAME_LIMIT {
            return Err(Error::Frame(program.name.clone(), frame_bytes));
        }
        parts.push(Lowered {
            lir,
            allocation,
            callbacks: Vec::new(),
        });
    }
    let mut lowered = parts.remove(0);
    lowered.callbacks = parts;
    Ok(lowered)
}

/// The ELF section, which tells the loader the program's type and where it belongs.
fn section(plan: &Plan, program: &Program) -> String {
    match &program.hook {
        Hook::SysEnter => "raw_tp/sys_enter".to_owned(),
        Hook::SysExit if plan.bound_to(&program.hook).is_some() => "tp_btf/sys_exit".to_owned(),
        Hook::SysExit => "raw_tp/sys_exit".to_owned(),
        Hook::SysLeave => "raw_tp/sched_process_exit".to_owned(),
        Hook::SysExec => "raw_tp/sched_prepare_exec".to_owned(),
        Hook::RawTracepoint(name) => format!("raw_tp/{name}"),
        Hook::Tracepoints(_) => format!("tracepoint/{}", program.name),
        Hook::Functions { mechanism, .. } => format!("{}/{}", mechanism.name(), program.name),
        Hook::UserPlaces { returns: false, .. } => format!("uprobe/{}", program.name),
        Hook::UserPlaces { returns: true, .. } => format!("uretprobe/{}", program.name),
        Hook::Profile { .. } | Hook::Counter { .. } | Hook::Watchpoint { .. } => {
            format!("perf_event/{}", program.name)
        }
        Hook::Iterator(_) => format!("iter/{}", program.name),
        Hook::Begin | Hook::End | Hook::Interval { .. } | Hook::Signal { .. } => {
            format!("raw_tp/{}", program.name)
        }
    }
}
