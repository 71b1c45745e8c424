//! The kernel's type information (BTF), read from its bytes in one pass.
//!
//! In: the bytes of `/sys/kernel/btf/vmlinux`. Out: lookup by name, members, sizes. Never opens a file.
//! Format: Documentation/bpf/btf.rst in the kernel's sources.

/// Number of a type in the kernel's BTF; 0 is `void`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeId(pub u32);

/// The kernel's types (skeleton; replaced by the one-pass reader).
pub struct Btf;
