//! What the interpreter asks of an event.
//!
//! In: questions about one firing. Out: raw words and bytes. Never evaluates anything: what follows from
//! other answers (`errno`, the call's name) is not asked.

use crate::ir::Builtin;
use crate::types::{Space, Stack, Type, Value};

/// One firing of a probe. Each question has the same answer however often it is asked.
pub trait Event {
    /// A built-in that fits one word, already extended as its type says: everything but `Comm`, `Stack`, `Call`, and
    /// what the interpreter derives (`Errno`, `SyscallName`).
    fn word(&self, builtin: Builtin) -> u64;

    /// Name of the current thread, without NUL, at most 15 bytes.
    fn comm(&self) -> Vec<u8>;

    /// A stack's words as [`Stack::parts`] takes them, no more frames than its depth.
    fn stack(&self, stack: Stack) -> Vec<u64>;

    /// The whole system call, as the bytes of [`Type::Call`](crate::types::Type::Call).
    fn call(&self) -> Vec<u8>;

    /// Address of the tracepoint's record, from its first byte; 0 for other probes. Its bytes are readable as
    /// kernel memory.
    fn record_addr(&self) -> u64;

    /// Fills `buf` from memory; false when any byte cannot be read. Memory of a system call's arguments is
    /// what stood there at the call's entry.
    fn read(&self, space: Space, addr: u64, buf: &mut [u8]) -> bool;

    /// The string at an address: up to its NUL, or `most` bytes less one. As the kernel's helpers do, it also looks at the byte
    /// that gives way to the NUL of a cut string; `None` when any byte cannot be read.
    fn read_str(&self, space: Space, addr: u64, most: u32) -> Option<Vec<u8>> {
        read_str_by_bytes(self, space, addr, most)
    }

    /// The path that a `struct path` at an address stands for, its last `most` bytes less one; `None` when it cannot be told.
    fn read_path(&self, _addr: u64, _most: u32) -> Option<Vec<u8>> {
        None
    }

    /// Memory at the address could not be read when the event began: what is there now was read later.
    fn is_late(&self, space: Space, addr: u64) -> bool;

    /// What printing a lazy value or a stack shows.
    fn text(&self, ty: &Type, value: &Value) -> Vec<u8>;
}

/// What [`Event::read_str`] means: byte by byte.
pub fn read_str_by_bytes<E: Event + ?Sized>(
    event: &E,
    space: Space,
    addr: u64,
    most: u32,
) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for at in 0..u64::from(most) {
        let mut byte = [0];
        if !event.read(space, addr.wrapping_add(at), &mut byte) {
            return None;
        }
        if byte[0] == 0 {
            return Some(bytes);
        }
        bytes.push(byte[0]);
    }
    bytes.pop();
    Some(bytes)
}
