//! Memory of a firing: the machine's stack and the scratch frame.
//!
//! In: sizes, as `lower` needs them. Out: [`Place`]s. Small values go to the stack while there is room, all
//! others to the scratch frame, which the runtime lends for a firing. Space is taken and given back like
//! a stack, so that what one statement used the next one uses again. Never emits instructions.

use super::lir::{Base, Place, VReg};

/// Bytes of stack that a generated program may use; the rest of the kernel's 512 is the runtime's.
pub const STACK_LIMIT: u32 = 256;
/// Of those, what places may take: at least 8 registers can be spilled besides.
pub const STACK_PLACES: u32 = 160;
/// The same for a program that has callbacks: they stand on its stack, up to three deep, and what they call on theirs.
pub const CALLER_LIMIT: u32 = 192;
/// Of those, what values take.
pub const CALLER_PLACES: u32 = 96;
/// Bytes of stack that a callback may use.
pub const CALLBACK_LIMIT: u32 = 64;
/// Of those, what values take: the rest is for pointers, which only the stack keeps.
pub const CALLBACK_PLACES: u32 = 16;
/// Values above this never go to the stack.
pub const STACK_VALUE: u32 = 64;
/// Bytes that a scratch frame may have: offsets of BPF accesses are 16 bits.
pub const FRAME_LIMIT: u32 = 32_000;

/// Bytes at the front of a scratch frame that say which one it is, for giving it back.
pub const FRAME_SLOT: u32 = 8;

/// How much is taken at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mark {
    stack: u32,
    frame: u32,
}

/// Space in use, and the most that ever was.
#[derive(Clone, Debug)]
pub struct Memory {
    used: Mark,
    most: Mark,
    /// Bytes of stack that values may take.
    places: u32,
}

impl Memory {
    /// All free; `places` is the stack that values may take.
    pub fn new(places: u32) -> Memory {
        Memory {
            used: Mark::default(),
            most: Mark::default(),
            places,
        }
    }

    /// Memory of a callback: a stack of its own, and what is free of the same scratch frame.
    pub fn called(&self) -> Memory {
        let mut memory = Memory::new(CALLBACK_PLACES);
        memory.used.frame = self.used.frame;
        memory.most.frame = self.most.frame;
        memory
    }

    /// Back in the caller: what the callback took of the scratch frame counts.
    pub fn returned(&mut self, callback: &Memory) {
        self.most.frame = self.most.frame.max(callback.most.frame);
    }

    /// What is taken now, to give back later.
    pub fn mark(&self) -> Mark {
        self.used
    }

    /// Gives everything back that was taken since `mark`.
    pub fn reset(&mut self, mark: Mark) {
        self.used = mark;
    }

    /// Takes stack, when the value is small and there is room.
    pub fn stack(&mut self, bytes: u32) -> Option<Place> {
        let bytes = bytes.next_multiple_of(8);
        if bytes > STACK_VALUE || self.used.stack + bytes > self.places {
            return None;
        }
        Some(self.take_stack(bytes))
    }

    /// Takes stack for what must be there: the frames of calls and values of one word.
    pub fn take_stack(&mut self, bytes: u32) -> Place {
        self.used.stack += bytes.next_multiple_of(8);
        self.most.stack = self.most.stack.max(self.used.stack);
        Place {
            base: Base::Stack,
            off: -(self.used.stack as i32),
        }
    }

    /// Takes space in the scratch frame at `base`, behind the word that says which frame it is.
    pub fn frame(&mut self, base: VReg, bytes: u32) -> Place {
        self.used.frame = self.used.frame.max(FRAME_SLOT);
        let off = self.used.frame;
        self.used.frame += bytes.next_multiple_of(8);
        self.most.frame = self.most.frame.max(self.used.frame);
        Place {
            base: Base::Reg(base),
            off: off as i32,
        }
    }

    /// A scratch frame is taken, for whatever.
    pub fn hold_frame(&mut self) {
        self.most.frame = self.most.frame.max(FRAME_SLOT);
    }

    /// Most bytes of stack that were in use.
    pub fn stack_bytes(&self) -> u32 {
        self.most.stack
    }

    /// Most bytes of the scratch frame that were in use.
    pub fn frame_bytes(&self) -> u32 {
        self.most.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_used_again_after_reset() {
        let mut memory = Memory::new(STACK_PLACES);
        let first = memory.stack(12).expect("small");
        let mark = memory.mark();
        let second = memory.stack(8).expect("small");
        memory.reset(mark);
        assert_eq!(memory.stack(8), Some(second));
        assert_eq!((first.off, second.off), (-16, -24));
        assert_eq!(memory.stack_bytes(), 24);
    }

    #[test]
    fn large_values_and_a_full_stack_go_elsewhere() {
        let mut memory = Memory::new(STACK_PLACES);
        assert_eq!(memory.stack(STACK_VALUE + 1), None);
        for _ in 0..STACK_PLACES / 8 {
            assert!(memory.stack(8).is_some());
        }
        assert_eq!(memory.stack(8), None);
        let place = memory.frame(VReg(3), 100);
        assert_eq!((place.base, place.off), (Base::Reg(VReg(3)), 8));
        assert_eq!(memory.frame_bytes(), 112);
    }
}
