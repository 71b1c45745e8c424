//! How deep a script's trees may be, and the stack that walking them takes.
//!
//! In: nothing. Out: limits, which the parser keeps, and stack for those who recurse. Every stage takes it for itself, so
//! that it does not matter in which thread a stage runs. Never asks for stack that is there already.

/// Brackets, blocks and prefix operators around one another.
pub const NESTING: u32 = 4000;
/// Operators above one another in an expression, also those without brackets (`a + a + …`).
pub const HEIGHT: u32 = 4000;

/// Bytes for the deepest tree, with room to spare; only what is used takes memory. Debug builds take several times as much
/// for a call.
const STACK: usize = if cfg!(debug_assertions) {
    512 << 20
} else {
    128 << 20
};

/// Runs a stage with stack for the deepest tree.
pub fn with_stack<T>(stage: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK / 2, STACK, stage)
}
