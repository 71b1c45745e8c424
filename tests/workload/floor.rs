//! The floor: the cheapest program there is, on the hooks that a query needs.
//!
//! In: names of raw tracepoints. Out: programs that return at once, attached until standard input ends. What a query costs
//! above this is what it does.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use tracer::bpf::insn::{Alu, Op, Reg, Src};
use tracer::sys::link;
use tracer::sys::probe::{Program, load_program};

/// `BPF_PROG_TYPE_RAW_TRACEPOINT`.
const RAW_TRACEPOINT: u32 = 17;

/// Attaches, says so, and waits.
pub fn hold(hooks: &[&str]) -> Result<()> {
    let held: Vec<(OwnedFd, OwnedFd)> = hooks
        .iter()
        .map(|hook| empty(hook))
        .collect::<Result<_>>()?;
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

fn empty(hook: &str) -> Result<(OwnedFd, OwnedFd)> {
    let ops = [Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(0)), Op::Exit];
    let insns: Vec<u8> = ops.iter().flat_map(|op| op.encode().encode()).collect();
    let program = load_program(Program {
        kind: RAW_TRACEPOINT,
        insns: &insns,
        ..Program::default()
    })
    .context("load an empty program")?;
    let attached = link::raw_tracepoint(program.as_fd(), hook)
        .with_context(|| format!("attach to raw tracepoint {hook}"))?;
    Ok((program, attached))
}
