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
    /// A jump does not reach.
    #[error("program {0} has {1} instructions, and a jump in it is longer than 32,767")]
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
        let section = section(program);
        out.functions
            .push(emit::emit(&lowered.lir, &lowered.allocation, section)?);
        out.frame_size = out.frame_size.max(lowered.allocation.frame_bytes);
    }
    Ok(out)
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
    checker::allocation(&result.lir, &result.allocation)
        .map_err(|what| Error::Wrong(program.name.clone(), what))?;
    Ok(result)
}

fn allocated(
    plan: &Plan,
    program: &Program,
    resources: Resources,
    spill: Spill,
) -> Result<Lowered, Error> {
    let lir = lower::lower(plan, program, spill)?;
    let allocation = regalloc::allocate(&lir, resources)?;
    if allocation.frame_bytes > FRAME_LIMIT {
        return Err(Error::Frame(program.name.clone(), allocation.frame_bytes));
    }
    Ok(Lowered { lir, allocation })
}

/// The ELF section, which tells the loader the program's type and where it belongs.
fn section(program: &Program) -> String {
    match &program.hook {
        Hook::SysEnter => "raw_tp/sys_enter".to_owned(),
        Hook::SysExit => "raw_tp/sys_exit".to_owned(),
        Hook::RawTracepoint(name) => format!("raw_tp/{name}"),
        Hook::Tracepoint { category, name } => format!("tracepoint/{category}/{name}"),
        Hook::Kprobe { function, .. } => format!("kprobe/{function}"),
        Hook::Kretprobe(function) => format!("kretprobe/{function}"),
        Hook::Fentry(function) => format!("fentry/{function}"),
        Hook::Fexit { function, .. } => format!("fexit/{function}"),
        Hook::Profile { .. } | Hook::Counter { .. } => format!("perf_event/{}", program.name),
        Hook::Begin | Hook::End | Hook::Interval { .. } => format!("raw_tp/{}", program.name),
    }
}
