//! Tiny programs that are offered to the kernel only to see whether it takes them.
//!
//! In: instructions. Out: a descriptor to close, or the refusal. Never attaches or runs anything.

use std::io;
use std::mem::zeroed;
use std::os::fd::{FromRawFd, OwnedFd};

use aya_obj::generated::{bpf_attr, bpf_cmd};

use super::bpf::bpf;

/// A program to offer.
#[derive(Clone, Copy, Default, Debug)]
pub struct Program<'a> {
    /// `BPF_PROG_TYPE_*`.
    pub kind: u32,
    /// Instructions, eight bytes each.
    pub insns: &'a [u8],
    /// `BPF_TRACE_FENTRY` and the like; 0 where the type has none.
    pub attach_type: u32,
    /// Function of the kernel's BTF for tracing programs; else 0.
    pub attach_btf_id: u32,
}

/// Loads a program.
///
/// # Errors
/// The kernel's: `EPERM` without the right to, `EINVAL` or `EACCES` when it is refused.
pub fn load_program(program: Program<'_>) -> io::Result<OwnedFd> {
    // SAFETY: all-zero bytes are a valid `bpf_attr`, a union of plain integers.
    let mut attr: bpf_attr = unsafe { zeroed() };
    // SAFETY: zeroed above, so every member of the union may be written through.
    let load = unsafe { &mut attr.__bindgen_anon_3 };
    load.prog_type = program.kind;
    load.insns = program.insns.as_ptr() as u64;
    load.insn_cnt = (program.insns.len() / 8) as u32;
    load.license = c"GPL".as_ptr() as u64;
    load.expected_attach_type = program.attach_type;
    load.attach_btf_id = program.attach_btf_id;
    // SAFETY: instructions and licence outlive the call, one borrowed, the other static; no log is asked for.
    let fd = unsafe { bpf(bpf_cmd::BPF_PROG_LOAD as libc::c_long, &mut attr) }?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
