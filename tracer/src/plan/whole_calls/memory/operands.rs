//! Numbers and places of steps: constants, arguments, the result, members in memory.
//!
//! In: a length or a source from the table. Out: operands. Never more than one pointer deep.

use super::{Compiler, Holder, UNBOUND};
use crate::plan::whole_calls::{End, sizes};
use crate::tables::syscalls::ArgKind;
use crate::tables::what::{Len, Source};
use tracer_ebpf::{CallOperand, CallPlace, operand};

impl Compiler {
    /// A length, and the argument that bounds it too.
    pub(super) fn length(&self, len: Len, at: Holder) -> (CallOperand, u8) {
        let number = match len {
            Len::Const(n) => constant(n),
            Len::Arg(n) | Len::ArgTimes(n, _) | Len::Pages(n) => self.register(n),
            Len::Pointee(n) => in_memory(behind_argument(n), 4),
            Len::Ret => RESULT,
            Len::RetUpTo(n) => return (RESULT, n),
            Len::Field(i) => self.field(i, at).unwrap_or_default(),
            Len::FieldPointee(_) | Len::Rest => constant(sizes::SOCKADDR),
        };
        (number, UNBOUND)
    }

    pub(super) fn source(&self, source: Source, at: Option<Holder>) -> Option<CallOperand> {
        match source {
            Source::Arg(n) => Some(self.register(n)),
            Source::Pointee(n) => Some(in_memory(behind_argument(n), 4)),
            Source::Ret => (self.end == End::Exit).then_some(RESULT),
            Source::Field(i) => self.field(i, at?),
        }
    }

    /// An argument, as wide as it is.
    pub(super) fn register(&self, n: u8) -> CallOperand {
        let kind = self.signature.args.get(usize::from(n)).map(|arg| arg.kind);
        let width = match kind {
            Some(ArgKind::Int { bits, .. }) => (bits / 8).max(1),
            _ => 8,
        };
        argument(n, width)
    }

    /// A member of the struct that holds something.
    pub(super) fn field(&self, index: u8, at: Holder) -> Option<CallOperand> {
        let field = at.layout?.fields.get(usize::from(index))?;
        // The holder's place is that of what the member leads to, when it is behind a pointer.
        let base = CallPlace {
            through: 0,
            then: 0,
            first: 0,
            ..at.place
        };
        let place = match at.place.through {
            0 => plus(at.place, field.offset.of(self.abi) as u32),
            _ => plus(base, field.offset.of(self.abi) as u32),
        };
        Some(in_memory(place, field.width.of(self.abi) as u8))
    }
}

pub(super) const RESULT: CallOperand = CallOperand {
    from: operand::RET,
    width: 8,
    pad: 0,
    place: behind_argument(0),
};

pub(super) fn constant(n: u32) -> CallOperand {
    CallOperand {
        from: operand::CONST,
        place: CallPlace {
            first: n,
            ..CallPlace::default()
        },
        ..CallOperand::default()
    }
}

pub(super) fn argument(n: u8, width: u8) -> CallOperand {
    CallOperand {
        from: operand::ARG,
        width,
        place: behind_argument(n),
        ..CallOperand::default()
    }
}

pub(super) fn in_memory(place: CallPlace, width: u8) -> CallOperand {
    CallOperand {
        from: operand::MEMORY,
        width,
        place,
        ..CallOperand::default()
    }
}

pub(super) const fn behind_argument(arg: u8) -> CallPlace {
    CallPlace {
        arg,
        through: 0,
        pad: 0,
        first: 0,
        then: 0,
    }
}

/// A place so many bytes further.
pub(super) fn plus(place: CallPlace, bytes: u32) -> CallPlace {
    match place.through {
        0 => CallPlace {
            first: place.first + bytes,
            ..place
        },
        _ => CallPlace {
            then: place.then + bytes,
            ..place
        },
    }
}
