//! Programs that are offered to the kernel to see whether it takes them, and what it says.
//!
//! In: instructions. Out: a descriptor to close, or the refusal. Never attaches or runs anything.

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use aya_obj::generated::{bpf_attr, bpf_cmd};

use super::bpf::bpf;

/// Bytes of a `struct bpf_func_info`.
const FUNCTION_RECORD: u32 = 8;

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
    /// Where its functions begin and their types, which callbacks need.
    pub functions: Option<Functions<'a>>,
}

/// Functions of a program.
#[derive(Clone, Copy, Debug)]
pub struct Functions<'a> {
    /// Type information in the kernel: [`load_types`].
    pub types: BorrowedFd<'a>,
    /// `struct bpf_func_info`, eight bytes each.
    pub records: &'a [u8],
}

/// Loads type information (`.BTF`).
///
/// # Errors
/// The kernel's: `EINVAL` when it is not well formed.
pub fn load_types(bytes: &[u8]) -> io::Result<OwnedFd> {
    // SAFETY: all-zero bytes are a valid `bpf_attr`, a union of plain integers.
    let mut attr: bpf_attr = unsafe { zeroed() };
    // SAFETY: zeroed above, so every member of the union may be written through.
    let load = unsafe { &mut attr.__bindgen_anon_7 };
    load.btf = bytes.as_ptr() as u64;
    load.btf_size = bytes.len() as u32;
    // SAFETY: the bytes outlive the call; no log is asked for.
    let fd = unsafe { bpf(bpf_cmd::BPF_BTF_LOAD as libc::c_long, &mut attr) }?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Loads a program.
///
/// # Errors
/// The kernel's: `EPERM` without the right to, `EINVAL` or `EACCES` when it is refused.
pub fn load_program(program: Program<'_>) -> io::Result<OwnedFd> {
    offer(program, &mut [])
}

/// Bytes of the longest log that every kernel gives (`bpf_verifier_log_attr_valid` in kernel/bpf/verifier.c, before 5.2).
const LOG: usize = (u32::MAX >> 8) as usize;
/// `BPF_LOG_LEVEL1`, `BPF_LOG_STATS`.
const LOG_LEVEL: u32 = 1 | 4;

/// Loads a program, and says what the verifier has written about it. A log that is too long for the kernel has its front only,
/// since 6.4 its end only.
///
/// # Errors
/// As [`load_program`]; `ENOSPC` when the log was too long.
pub fn load_with_log(program: Program<'_>) -> (io::Result<OwnedFd>, String) {
    let mut log = vec![0; LOG];
    let loaded = offer(program, &mut log);
    let length = log.iter().position(|byte| *byte == 0).unwrap_or(LOG);
    let log = String::from_utf8_lossy(&log[..length]).into_owned();
    (loaded, log)
}

/// `log`: where the verifier writes to; nothing when it is empty.
fn offer(program: Program<'_>, log: &mut [u8]) -> io::Result<OwnedFd> {
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
    if let Some(functions) = program.functions {
        load.prog_btf_fd = functions.types.as_raw_fd() as u32;
        load.func_info_rec_size = FUNCTION_RECORD;
        load.func_info = functions.records.as_ptr() as u64;
        load.func_info_cnt = functions.records.len() as u32 / FUNCTION_RECORD;
    }
    if !log.is_empty() {
        load.log_level = LOG_LEVEL;
        load.log_buf = log.as_mut_ptr() as u64;
        load.log_size = log.len() as u32;
    }
    // SAFETY: instructions, records and licence outlive the call, borrowed or static; the log has the size that is said.
    let fd = unsafe { bpf(bpf_cmd::BPF_PROG_LOAD as libc::c_long, &mut attr) }?;
    // SAFETY: a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
