//! Structures of the kernel, where no type tells the verifier of them.
//!
//! In: an address, an offset. Out: a value. A pointer that is gone gives 0, never a fault.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;

/// File systems whose files have no names (include/uapi/linux/magic.h).
pub const PIPEFS: u64 = 0x5049_5045;
pub const SOCKFS: u64 = 0x534f_434b;
pub const ANON_INODES: u64 = 0x0904_1934;

/// A value in kernel memory; 0 when it cannot be read.
#[inline(always)]
pub fn read<T: Default>(base: u64, offset: u32) -> T {
    let mut value = T::default();
    // SAFETY: `value` has the size given; the helper takes any address and clears `value` when it fails.
    unsafe {
        bpf_probe_read_kernel(
            (&raw mut value).cast(),
            size_of::<T>() as u32,
            base.wrapping_add(u64::from(offset)) as *const _,
        )
    };
    value
}
