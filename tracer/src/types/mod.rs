//! Types and values of the language, and how a value lies in memory.
//!
//! In: nothing. Out: [`Type`], [`Value`], and the byte layout that map keys, map values, captured
//! entry state and records all share. The kernel half, the interpreter and the readers agree because
//! they all take the layout from here. Never does I/O, never knows of a probe or a machine.

pub mod agg;
pub mod btf;
pub mod call;
pub mod counter;
pub mod demangle;
pub mod glob;
pub mod pattern;
pub mod registers;
pub mod series;
pub mod shape;
pub mod task;
pub mod value;

pub mod lazy;
pub mod stack;

pub use agg::{AggKind, HistShape};
pub use lazy::{CallArg, Lazy, SyscallProbe, Wide};
pub use series::{Gathered, Series};
pub use stack::{Stack, StackMode};
pub use value::Value;

use std::fmt;
use std::sync::Arc;

/// The type of an expression, a variable, a key component or a map value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Type {
    /// No value (a call used as a statement).
    Void,
    /// `true` or `false`; 0 or 1 in memory.
    Bool,
    /// An integer. In registers and in memory it is always 64 bits wide, already sign- or
    /// zero-extended from `bits`.
    Int {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// Whether it is signed.
        signed: bool,
    },
    /// A byte string of at most `cap - 1` bytes, NUL-padded to [`Type::size`] bytes: all bytes behind the text
    /// are 0, also those that round `cap` up.
    Str {
        /// Capacity in bytes including the NUL, >= 1; not always a multiple of 8 (`str(p, 5)`, `char[20]`).
        cap: u32,
    },
    /// A pointer.
    Ptr {
        /// What it points to.
        to: Pointee,
        /// Which address space a load through it reads.
        space: Space,
    },
    /// A struct or union in memory. Only ever the target of a member access, never a value: that is [`Type::Struct`].
    Record(btf::TypeId),
    /// An array: in memory, and as a value when its elements are numbers, pointers or such arrays
    /// ([`Type::is_packed`]). The elements lie side by side, each as wide as in C.
    Array {
        /// Element type.
        elem: Box<Type>,
        /// Number of elements.
        len: u32,
    },
    /// A tuple: the components one after the other.
    Tuple(Vec<Type>),
    /// A record: a tuple whose components have names, as many of one as of the other.
    Named(Arc<[String]>, Vec<Type>),
    /// A struct as a value: its bytes as in C, up to a whole word.
    Struct(Arc<shape::Shape>),
    /// A stack: instruction addresses, innermost first, unused ones 0.
    Stack(Stack),
    /// Raw in the kernel, text when printed: 8 bytes whose meaning [`Lazy`] tells.
    Lazy(Lazy),
    /// A whole system call: [`tracer_ebpf::CallRecord`] and the memory that its arguments lead to. Only ever sent in a
    /// record, where its fixed part is 8 bytes: offset and length, as a string's.
    Call,
    /// The same with several words: [`Wide`] tells how many and what they mean.
    Wide(Wide),
    /// At most `cap` bytes of any kind: their number as a word, then the bytes, 0 behind them up to a whole word.
    Bytes {
        /// The most bytes, >= 1.
        cap: u32,
    },
}

/// What a pointer points to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Pointee {
    /// `void`, or a type nobody described.
    Unknown,
    /// A scalar, pointer, record or array with a known type.
    Type(Box<Type>),
}

/// Address space of a pointer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Space {
    /// Kernel memory.
    Kernel,
    /// The current process's memory.
    User,
}

/// Calling convention of a system call. The discriminant is the wire value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Abi {
    /// The machine's own (x86-64).
    Native = 0,
    /// 32-bit calls on a 64-bit kernel (`int 0x80`, 32-bit programs).
    I386 = 1,
}

impl Type {
    /// Signed 64-bit integer.
    pub const I64: Type = Type::Int {
        bits: 64,
        signed: true,
    };
    /// Unsigned 64-bit integer.
    pub const U64: Type = Type::Int {
        bits: 64,
        signed: false,
    };
    /// Signed 32-bit integer.
    pub const I32: Type = Type::Int {
        bits: 32,
        signed: true,
    };
    /// Unsigned 32-bit integer.
    pub const U32: Type = Type::Int {
        bits: 32,
        signed: false,
    };
    /// The kernel's `comm`: 16 bytes.
    pub const COMM: Type = Type::Str { cap: 16 };

    /// Bytes this value takes in keys, map values, captures and records. Always a multiple of 8:
    /// scalars, pointers and lazy values 8; strings their capacity rounded up; tuples the sum; stacks 8 a frame, user stacks 8 more.
    ///
    /// # Panics
    /// For what is never a value: `Record`, and an `Array` that is not packed.
    pub fn size(&self) -> u32 {
        match self {
            Type::Void => 0,
            Type::Bool | Type::Int { .. } | Type::Ptr { .. } | Type::Lazy(_) | Type::Call => 8,
            Type::Str { cap } => cap.next_multiple_of(8),
            Type::Tuple(parts) | Type::Named(_, parts) => parts.iter().map(Type::size).sum(),
            Type::Stack(stack) => stack.size(),
            Type::Wide(kind) => kind.words() * 8,
            Type::Bytes { cap } => 8 + cap.next_multiple_of(8),
            Type::Record(_) | Type::Struct(_) | Type::Array { .. } => match self.packed_size() {
                Some(bytes) => bytes.next_multiple_of(8),
                None => panic!("{self} is memory, not a value: it has no value size"),
            },
        }
    }

    /// Bytes in C's memory of a number, a pointer, a struct, or an array of such; `None` for anything else.
    pub fn packed_size(&self) -> Option<u32> {
        match self {
            Type::Bool => Some(1),
            Type::Int { bits, .. } => Some(u32::from(*bits) / 8),
            Type::Ptr { .. } => Some(8),
            Type::Struct(shape) => Some(shape.bytes),
            Type::Array { elem, len } => elem.packed_size()?.checked_mul(*len),
            _ => None,
        }
    }

    /// Whether values of the type can lie side by side in an array that is itself a value.
    pub fn is_packed(&self) -> bool {
        self.packed_size().is_some_and(|bytes| bytes > 0)
    }

    /// Whether the value fits one 64-bit register.
    pub fn is_scalar(&self) -> bool {
        matches!(
            self,
            Type::Bool | Type::Int { .. } | Type::Ptr { .. } | Type::Lazy(_)
        )
    }

    /// Whether comparisons, division, right shift and widening treat the value as signed.
    pub fn is_signed(&self) -> bool {
        matches!(self, Type::Int { signed: true, .. })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Void => f.write_str("void"),
            Type::Bool => f.write_str("bool"),
            Type::Int { bits, signed } => write!(f, "{}int{bits}", if *signed { "" } else { "u" }),
            Type::Str { cap } => write!(f, "string[{cap}]"),
            Type::Ptr { to, space } => {
                match to {
                    Pointee::Unknown => f.write_str("void *")?,
                    Pointee::Type(t) => write!(f, "{t} *")?,
                }
                if *space == Space::User {
                    f.write_str(" __user")
                } else {
                    Ok(())
                }
            }
            Type::Record(id) => write!(f, "record#{}", id.0),
            Type::Array { elem, len } => write!(f, "{elem}[{len}]"),
            Type::Tuple(parts) => {
                f.write_str("(")?;
                for (i, p) in parts.iter().enumerate() {
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{p}")?;
                }
                f.write_str(")")
            }
            Type::Named(names, parts) => {
                f.write_str("(")?;
                for (i, (name, part)) in names.iter().zip(parts).enumerate() {
                    let between = if i > 0 { "," } else { "" };
                    write!(f, "{between}{name}={part}")?;
                }
                f.write_str(")")
            }
            Type::Struct(shape) => f.write_str(&shape.name),
            Type::Stack(stack) => write!(f, "{}[{}]", stack.name(), stack.depth),
            Type::Call => f.write_str("call"),
            Type::Lazy(lazy) => lazy.fmt(f),
            Type::Wide(wide) => wide.fmt(f),
            Type::Bytes { cap } => write!(f, "buffer[{cap}]"),
        }
    }
}
