//! Whether BPF programs are still in the kernel.
//!
//! In: ids. Out: which of them are gone. Never loads or changes a program.
#![allow(unsafe_code, reason = "bpf(2) has no safe wrapper here")]

use std::collections::BTreeSet;

/// From the kernel's `enum bpf_cmd`.
const BPF_PROG_GET_NEXT_ID: libc::c_int = 11;

/// The front of `union bpf_attr` for the GET_NEXT_ID commands.
#[repr(C)]
struct NextId {
    start: u32,
    next: u32,
    open_flags: u32,
}

/// Ids of all programs in the kernel.
pub fn programs() -> BTreeSet<u32> {
    let mut ids = BTreeSet::new();
    let mut attr = NextId {
        start: 0,
        next: 0,
        open_flags: 0,
    };
    // SAFETY: the attribute is as large as said and lives through the call.
    while unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_GET_NEXT_ID,
            &raw mut attr,
            size_of::<NextId>(),
        )
    } == 0
    {
        ids.insert(attr.next);
        attr.start = attr.next;
    }
    ids
}
