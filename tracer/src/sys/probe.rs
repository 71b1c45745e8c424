//! Tiny programs and maps that are offered to the kernel only to see whether it takes them.
//!
//! In: instructions. Out: a descriptor to close, or the refusal. Never attaches or runs anything.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{FromRawFd, OwnedFd};

use aya_obj::generated::{bpf_attr, bpf_cmd};

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
    bpf(bpf_cmd::BPF_PROG_LOAD, &attr)
}

/// Creates a hash with one entry of 4-byte keys and 8-byte values.
///
/// # Errors
/// The kernel's.
pub fn create_hash(flags: u32) -> io::Result<OwnedFd> {
    // SAFETY: all-zero bytes are a valid `bpf_attr`, a union of plain integers.
    let mut attr: bpf_attr = unsafe { zeroed() };
    // SAFETY: zeroed above, so every member of the union may be written through.
    let create = unsafe { &mut attr.__bindgen_anon_1 };
    create.map_type = aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_HASH as u32;
    create.key_size = 4;
    create.value_size = 8;
    create.max_entries = 1;
    create.map_flags = flags;
    bpf(bpf_cmd::BPF_MAP_CREATE, &attr)
}

/// A command that yields a descriptor.
fn bpf(command: bpf_cmd, attr: &bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: the attribute is as long as stated and is only read; the buffers that it points to outlive the
    // call, because they are borrowed or static in the callers.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_long,
            std::ptr::from_ref(attr),
            size_of::<bpf_attr>(),
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us (both commands do, with close-on-exec).
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
