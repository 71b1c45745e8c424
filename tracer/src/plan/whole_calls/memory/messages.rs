//! Messages of sockets and arrays of buffers: `struct msghdr`, `struct mmsghdr`, `struct iovec`.
//!
//! In: where they lie. Out: steps that read them, the name, the data and the control messages. Never more messages than
//! [`sizes::MESSAGES`].

use super::operands::{RESULT, constant, in_memory, plus};
use super::{Compiler, Holder, UNBOUND};
use crate::plan::whole_calls::{End, sizes};
use crate::tables::what::{Dir, Len};
use crate::types::Abi;
use tracer_ebpf::{CallOp, CallOperand, CallPlace, call_op};

impl Compiler {
    /// An array of `struct iovec`; `budget` is where the bytes that all of them hold are counted.
    pub(super) fn vectors(&mut self, at: Holder, len: Len, dir: Dir, budget: Option<CallOperand>) {
        let (count, bound) = self.length(len, at);
        self.vector_steps(at, count, bound, dir, budget);
    }

    pub(super) fn vector_steps(
        &mut self,
        at: Holder,
        count: CallOperand,
        bound: u8,
        dir: Dir,
        budget: Option<CallOperand>,
    ) {
        let data = Holder { dir, ..at };
        if !self.is_read(data.dir) {
            return;
        }
        let budget = match (budget, self.end) {
            (Some(budget), _) => budget,
            (None, End::Entry) => constant(u32::MAX),
            (None, End::Exit) => RESULT,
        };
        self.read(data, call_op::VECTORS, count, 1, self.options.max_bytes);
        if let Some(op) = self.ops.last_mut() {
            op.bound = bound;
            op.budget = budget;
        }
    }

    /// `struct msghdr` (include/linux/socket.h: `user_msghdr`, `compat_msghdr`) and what it leads to. `budget`: the bytes of its data.
    pub(super) fn message(&mut self, at: Holder, dir: Dir, budget: Option<CallOperand>) {
        let own = Holder { dir, ..at };
        self.read(
            own,
            call_op::BYTES,
            constant(self.msghdr().size),
            1,
            sizes::ARRAY,
        );
        self.message_memory(own, budget);
    }

    pub(super) fn message_memory(&mut self, at: Holder, budget: Option<CallOperand>) {
        let shape = self.msghdr();
        if at.place.through != 0 || !self.is_read(at.dir) {
            return;
        }
        let behind = |offset: u32| Holder {
            place: CallPlace {
                through: 1,
                first: at.place.first + offset,
                ..at.place
            },
            ..at
        };
        let number = |offset: u32, width: u8| in_memory(plus(at.place, offset), width);
        self.read(
            behind(0),
            call_op::BYTES,
            number(shape.name_len, 4),
            1,
            sizes::SOCKADDR,
        );
        let count = number(shape.vector_len, shape.word);
        self.vector_steps(behind(shape.vectors), count, UNBOUND, at.dir, budget);
        let control = number(shape.control_len, shape.word);
        self.read(
            behind(shape.control),
            call_op::BYTES,
            control,
            1,
            sizes::CONTROL,
        );
    }

    /// `struct mmsghdr`s: all of them, and what the first ones lead to.
    pub(super) fn messages(&mut self, at: Holder, len: Len, dir: Dir) {
        let own = Holder { dir, ..at };
        let shape = self.msghdr();
        let stride = (shape.size + 4).next_multiple_of(u32::from(shape.word));
        self.sized(own, len, stride, sizes::ARRAY);
        let (count, _) = self.length(len, own);
        for i in 0..sizes::MESSAGES {
            let message = Holder {
                place: plus(own.place, i * stride),
                ..own
            };
            let budget = match self.end {
                End::Entry => None,
                End::Exit => Some(in_memory(plus(message.place, shape.size), 4)),
            };
            let test = CallOp {
                size: count,
                value: u64::from(i) + 1,
                mask: u64::from(u32::MAX),
                ..self.op(call_op::UNLESS_AT_LEAST)
            };
            self.under(test, &|this| this.message_memory(message, budget));
        }
    }

    fn msghdr(&self) -> MsghdrShape {
        match self.abi {
            Abi::Native => MsghdrShape {
                size: 56,
                word: 8,
                name_len: 8,
                vectors: 16,
                vector_len: 24,
                control: 32,
                control_len: 40,
            },
            Abi::I386 => MsghdrShape {
                size: 28,
                word: 4,
                name_len: 4,
                vectors: 8,
                vector_len: 12,
                control: 16,
                control_len: 20,
            },
        }
    }
}

/// Offsets in `struct user_msghdr` and `struct compat_msghdr`.
struct MsghdrShape {
    size: u32,
    word: u8,
    name_len: u32,
    vectors: u32,
    vector_len: u32,
    control: u32,
    control_len: u32,
}
