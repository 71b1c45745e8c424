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
pub mod regalloc;
#[cfg(test)]
mod tests;

pub use crate::bpf::Generated;

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
    /// A jump does not reach, not even the next place to hop from.
    #[error(
        "program {0} has {1} instructions, and more than 32,767 in a row that must be jumped over"
    )]
    TooLong(String, usize),
    /// The checker found the generated code wrong: a bug here.
    #[error("generated code of program {0} is wrong, please report it: {1}")]
    Wrong(String, String),
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
        let mut function = emitted(&lowered, section(program), resources)?;
        for callback in &lowered.callbacks {
            let part = emitted(callback, TEXT.to_owned(), resources)?;
            function.callbacks.push(part);
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
    emit::emit(&lowered.lir, &lowered.allocation, section, resources.reach)
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
    let all = lower::lower(plan, program, spill)?;
    // What each spills to the scratch frame lies behind everybody's places, and behind what the ones before it spill: they
    // may be in use at the same time.
    let places = all.iter().map(|lir| lir.frame_bytes);
    let mut frame_bytes = places.max().unwrap_or(0);
    let mut parts = Vec::with_capacity(all.len());
    for mut lir in all {
        lir.frame_bytes = frame_bytes;
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
fn section(program: &Program) -> String {
    match &program.hook {
        Hook::SysEnter => "raw_tp/sys_enter".to_owned(),
        Hook::SysExit => "raw_tp/sys_exit".to_owned(),
        Hook::RawTracepoint(name) => format!("raw_tp/{name}"),
        Hook::Tracepoints(_) => format!("tracepoint/{}", program.name),
        Hook::Functions { mechanism, .. } => format!("{}/{}", mechanism.name(), program.name),
        Hook::UserPlaces { returns: false, .. } => format!("uprobe/{}", program.name),
        Hook::UserPlaces { returns: true, .. } => format!("uretprobe/{}", program.name),
        Hook::Profile { .. } | Hook::Counter { .. } => format!("perf_event/{}", program.name),
        Hook::Begin | Hook::End | Hook::Interval { .. } => format!("raw_tp/{}", program.name),
    }
}
