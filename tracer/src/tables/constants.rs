//! Constants of the kernel's user interface by name: `E*`, `O_*`, `SIG*`, `CLONE_*`, `AT_*`, `MAP_*`, ….

/// The value of a constant (sign-extended when negative: `AT_FDCWD`).
pub fn value(_name: &str) -> Option<i64> {
    None
}

/// All names, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}
