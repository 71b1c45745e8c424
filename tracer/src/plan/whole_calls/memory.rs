//! From what a value means to the steps that copy the memory it leads to.
//!
//! In: a signature. Out: steps of one end of the call. What lies behind a pointer in memory that itself lies behind a pointer in
//! memory is not followed: its part is missing, which readers show as not read.

use super::{End, sizes};
use crate::ir::CallOptions;
use crate::tables::ioctls;
use crate::tables::structs::Struct;
use crate::tables::syscalls::{ArgKind, Signature};
use crate::tables::what::{Dir, Elem, Len, On, Source, What};
use crate::types::Abi;
use tracer_ebpf::{CallOp, CallOperand, CallPlace, call_op, op_flag, operand};

/// No further bound.
const UNBOUND: u8 = u8::MAX;
/// Direction bits of an ioctl command (asm-generic/ioctl.h): user space writes for the kernel, the kernel writes.
const IOC_WRITE: u64 = 1 << 30;
const IOC_READ: u64 = 2 << 30;

/// Makes the steps of one end of a call.
pub(super) struct Compiler {
    abi: Abi,
    signature: &'static Signature,
    options: CallOptions,
    end: End,
    /// The argument in hand.
    arg: u8,
    ops: Vec<CallOp>,
}

/// Memory in which something lies.
#[derive(Clone, Copy)]
struct Holder {
    place: CallPlace,
    /// The struct there, for lengths and conditions that name its members.
    layout: Option<&'static Struct>,
    /// Which way it goes.
    dir: Dir,
}

impl Compiler {
    pub(super) fn new(
        abi: Abi,
        signature: &'static Signature,
        options: CallOptions,
        end: End,
    ) -> Compiler {
        Compiler {
            abi,
            signature,
            options,
            end,
            arg: 0,
            ops: Vec::new(),
        }
    }

    /// All steps.
    pub(super) fn steps(mut self) -> Vec<CallOp> {
        for (at, arg) in self.signature.args.iter().enumerate() {
            self.arg = at as u8;
            self.argument(&arg.what);
        }
        if self.end == End::Exit {
            self.result(&self.signature.result);
        }
        self.ops
    }

    /// A new descriptor.
    fn result(&mut self, what: &'static What) {
        match what {
            What::Fd => self.descriptor(RESULT),
            What::On(on) => self.on(on, None, &|this, what| this.result(what)),
            _ => {}
        }
    }

    fn descriptor(&mut self, number: CallOperand) {
        if self.options.descriptors {
            self.ops.push(CallOp {
                size: number,
                ..self.op(call_op::DESCRIPTOR)
            });
        }
    }

    fn argument(&mut self, what: &'static What) {
        match what {
            What::Ptr(dir, elem) => {
                let place = CallPlace {
                    arg: self.arg,
                    ..CallPlace::default()
                };
                self.pointee(*dir, elem, place);
            }
            What::On(on) => self.on(on, None, &|this, what| this.argument(what)),
            // The value is the address of a string that the call reads.
            What::Path | What::Str => self.string(behind_argument(self.arg)),
            What::IoctlArg => self.ioctl(),
            What::Fd | What::DirFd if self.end == End::Entry => {
                self.descriptor(argument(self.arg, 4));
            }
            _ => {}
        }
    }

    fn string(&mut self, place: CallPlace) {
        let at = Holder {
            place,
            layout: None,
            dir: Dir::In,
        };
        self.read(at, call_op::STRING, constant(1), 1, sizes::PATH);
    }

    /// What a pointer leads to.
    fn pointee(&mut self, dir: Dir, elem: &'static Elem, place: CallPlace) {
        let holder = Holder {
            place,
            layout: None,
            dir,
        };
        self.thing(&elem.what, elem.width.of(self.abi) as u32, holder);
    }

    /// Something that lies in memory: its bytes, and what its members lead to. A flat match.
    fn thing(&mut self, what: &'static What, width: u32, at: Holder) {
        match *what {
            What::None => {}
            What::Path | What::Str => self.read(at, call_op::STRING, constant(1), 1, sizes::PATH),
            What::StrArray => self.strings(at),
            What::Bytes(len) => self.sized(at, len, 1, self.options.max_bytes),
            What::Chars(len) => self.sized(at, len, 1, sizes::PATH),
            What::Array(elem, len) => {
                let width = elem.width.of(self.abi) as u32;
                self.sized(at, len, width.max(1), sizes::ARRAY);
            }
            What::Struct(layout) => {
                let size = layout.size(self.abi) as u32;
                self.read(at, call_op::BYTES, constant(size), 1, size);
                self.members(layout, at);
            }
            What::Sized(layout, len) => {
                let most = sizes::STRUCT.max(layout.size(self.abi) as u32);
                self.sized(at, len, 1, most);
                self.members(layout, at);
            }
            What::Sockaddr(len) => self.sized(at, len, 1, sizes::SOCKADDR),
            What::Cmsgs(len) => self.sized(at, len, 1, sizes::CONTROL),
            What::SigSet(len) | What::CpuSet(len) => self.sized(at, len, 1, sizes::SET),
            What::FdSet(len) | What::NodeSet(len) => {
                self.sized(at, len, 1, sizes::SET);
                self.flag_last(at, op_flag::BITS);
            }
            What::Dirents(len) | What::Dirents64(len) => self.sized(at, len, 1, sizes::DIRENTS),
            What::Iovec(len, dir) => self.vectors(at, len, dir, None),
            What::Msghdr(dir) => self.message(at, dir, None),
            What::Mmsghdr(len, dir) => self.messages(at, len, dir),
            What::On(on) => {
                let inner = |this: &mut Compiler, what: &'static What| this.thing(what, width, at);
                self.on(on, Some(at), &inner);
            }
            // A number in memory; what a pointer in memory leads to is followed from a struct.
            _ => self.read(at, call_op::BYTES, constant(width), 1, width),
        }
    }

    /// What the members of a struct lead to.
    fn members(&mut self, layout: &'static Struct, at: Holder) {
        for field in layout.fields {
            let mut inner = at;
            inner.layout = Some(layout);
            self.member(&field.what, field.offset.of(self.abi) as u32, inner);
        }
    }

    fn member(&mut self, what: &'static What, offset: u32, at: Holder) {
        match what {
            What::Ptr(dir, elem) if at.place.through == 0 => {
                let place = CallPlace {
                    through: 1,
                    first: at.place.first + offset,
                    then: 0,
                    ..at.place
                };
                let holder = Holder {
                    place,
                    dir: *dir,
                    ..at
                };
                self.thing(&elem.what, elem.width.of(self.abi) as u32, holder);
            }
            What::Path | What::Str if at.place.through == 0 => {
                self.string(CallPlace {
                    through: 1,
                    first: at.place.first + offset,
                    then: 0,
                    ..at.place
                });
            }
            What::Struct(layout) | What::Sized(layout, _) => {
                let inner = Holder {
                    place: plus(at.place, offset),
                    ..at
                };
                self.members(layout, inner);
            }
            What::On(on) => {
                let inner =
                    |this: &mut Compiler, what: &'static What| this.member(what, offset, at);
                self.on(on, Some(at), &inner);
            }
            _ => {}
        }
    }

    /// `argv` and `envp`. Of an environment only the number of its variables is shown.
    fn strings(&mut self, at: Holder) {
        let name = self.signature.args[usize::from(self.arg)].name;
        let kind = match name {
            "envp" => call_op::POINTERS,
            _ => call_op::STRINGS,
        };
        self.read(at, kind, constant(1), 1, sizes::PATH);
    }

    /// Bytes as many as a length says, `times` for each.
    fn sized(&mut self, at: Holder, len: Len, times: u32, max: u32) {
        let (size, bound) = self.length(len, at);
        self.read(at, call_op::BYTES, size, times, max);
        if self.is_read(at.dir)
            && let Some(op) = self.ops.last_mut()
        {
            op.bound = bound;
            if let Len::ArgTimes(_, n) = len {
                op.times *= n;
            }
        }
    }

    /// An array of `struct iovec`; `budget` is where the bytes that all of them hold are counted.
    fn vectors(&mut self, at: Holder, len: Len, dir: Dir, budget: Option<CallOperand>) {
        let (count, bound) = self.length(len, at);
        self.vector_steps(at, count, bound, dir, budget);
    }

    fn vector_steps(
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
    fn message(&mut self, at: Holder, dir: Dir, budget: Option<CallOperand>) {
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

    fn message_memory(&mut self, at: Holder, budget: Option<CallOperand>) {
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
    fn messages(&mut self, at: Holder, len: Len, dir: Dir) {
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

    /// The argument of ioctl, by the command in argument 1.
    fn ioctl(&mut self) {
        let place = CallPlace {
            arg: self.arg,
            ..CallPlace::default()
        };
        let mut cases: Vec<(u64, &'static What)> = ioctls::all(self.abi)
            .iter()
            .map(|ioctl| (u64::from(ioctl.number), &ioctl.what))
            .collect();
        cases.retain(|(_, what)| self.has_steps(&|this| this.argument(what)));
        let command = argument(1, 4);
        let generic = |this: &mut Compiler| {
            let (bit, dir) = match this.end {
                End::Entry => (IOC_WRITE, Dir::In),
                End::Exit => (IOC_READ, Dir::Out),
            };
            let test = CallOp {
                size: command,
                value: bit,
                mask: bit,
                ..this.op(call_op::UNLESS_EQUAL)
            };
            this.under(test, &|this| {
                let at = Holder {
                    place,
                    layout: None,
                    dir,
                };
                this.read(at, call_op::BYTES, constant(0), 1, sizes::IOCTL);
                this.flag_last(at, op_flag::IOCTL);
            });
        };
        self.choose(
            command,
            u64::from(u32::MAX),
            &cases,
            &|this, what| this.argument(what),
            &generic,
        );
    }

    /// What another value decides; `inner` takes each of its cases.
    fn on(
        &mut self,
        on: &'static On,
        at: Option<Holder>,
        inner: &dyn Fn(&mut Compiler, &'static What),
    ) {
        let Some(source) = self.source(on.source, at) else {
            return;
        };
        // A case without steps is one that the others must not fall into, unless these have none either.
        let otherwise = self.has_steps(&|this| inner(this, &on.otherwise));
        let cases: Vec<(u64, &'static What)> = on
            .cases
            .iter()
            .map(|(value, what)| (*value, what))
            .filter(|(_, what)| otherwise || self.has_steps(&|this| inner(this, what)))
            .collect();
        self.choose(source, on.mask, &cases, inner, &|this| {
            inner(this, &on.otherwise);
        });
    }

    /// Steps of the case that the source has, by halving the sorted cases.
    fn choose(
        &mut self,
        source: CallOperand,
        mask: u64,
        cases: &[(u64, &'static What)],
        inner: &dyn Fn(&mut Compiler, &'static What),
        otherwise: &dyn Fn(&mut Compiler),
    ) {
        let test = |kind, value| CallOp {
            size: source,
            value,
            mask,
            ..self.op(kind)
        };
        match cases {
            [] => otherwise(self),
            [(value, what)] => {
                let test = test(call_op::UNLESS_EQUAL, *value);
                self.either(test, &|this| inner(this, what), otherwise);
            }
            _ => {
                let (low, high) = cases.split_at(cases.len() / 2);
                let test = test(call_op::UNLESS_AT_LEAST, high[0].0);
                self.either(
                    test,
                    &|this| this.choose(source, mask, high, inner, otherwise),
                    &|this| this.choose(source, mask, low, inner, otherwise),
                );
            }
        }
    }

    /// Steps that are passed over unless a test holds. None when there are none.
    fn under(&mut self, test: CallOp, body: &dyn Fn(&mut Compiler)) {
        self.either(test, body, &|_| {});
    }

    fn either(
        &mut self,
        test: CallOp,
        then: &dyn Fn(&mut Compiler),
        otherwise: &dyn Fn(&mut Compiler),
    ) {
        let first = self.ops.len();
        self.ops.push(test);
        then(self);
        let jump = self.ops.len();
        self.ops.push(self.op(call_op::SKIP));
        otherwise(self);
        let others = self.ops.len() - jump - 1;
        if others == 0 {
            self.ops.pop();
        } else {
            self.ops[jump].skip = others as u32;
        }
        let body = jump - first - 1;
        match (body, others) {
            (0, 0) => self.ops.truncate(first),
            (_, 0) => self.ops[first].skip = body as u32,
            _ => self.ops[first].skip = body as u32 + 1,
        }
    }

    fn has_steps(&self, body: &dyn Fn(&mut Compiler)) -> bool {
        let mut trial = Compiler {
            ops: Vec::new(),
            ..*self
        };
        body(&mut trial);
        !trial.ops.is_empty()
    }

    /// A reading step, when the memory goes the way that matters at this end.
    fn read(&mut self, at: Holder, kind: u8, size: CallOperand, times: u32, max: u32) {
        if self.is_read(at.dir) {
            self.ops.push(CallOp {
                place: at.place,
                size,
                times,
                max,
                ..self.op(kind)
            });
        }
    }

    fn flag_last(&mut self, at: Holder, flag: u8) {
        if self.is_read(at.dir)
            && let Some(op) = self.ops.last_mut()
        {
            op.flags |= flag;
        }
    }

    fn is_read(&self, dir: Dir) -> bool {
        match self.end {
            End::Entry => dir != Dir::Out,
            End::Exit => dir != Dir::In,
        }
    }

    fn op(&self, kind: u8) -> CallOp {
        CallOp {
            kind,
            arg: self.arg,
            flags: match self.abi {
                Abi::Native => 0,
                Abi::I386 => op_flag::SHORT,
            },
            bound: UNBOUND,
            ..CallOp::default()
        }
    }

    /// A length, and the argument that bounds it too.
    fn length(&self, len: Len, at: Holder) -> (CallOperand, u8) {
        let number = match len {
            Len::Const(n) => constant(n),
            Len::Arg(n) | Len::ArgTimes(n, _) => self.register(n),
            Len::Pointee(n) => in_memory(behind_argument(n), 4),
            Len::Ret => RESULT,
            Len::RetUpTo(n) => return (RESULT, n),
            Len::Field(i) => self.field(i, at).unwrap_or_default(),
            Len::FieldPointee(_) | Len::Rest => constant(sizes::SOCKADDR),
        };
        (number, UNBOUND)
    }

    fn source(&self, source: Source, at: Option<Holder>) -> Option<CallOperand> {
        match source {
            Source::Arg(n) => Some(self.register(n)),
            Source::Pointee(n) => Some(in_memory(behind_argument(n), 4)),
            Source::Ret => (self.end == End::Exit).then_some(RESULT),
            Source::Field(i) => self.field(i, at?),
        }
    }

    /// An argument, as wide as it is.
    fn register(&self, n: u8) -> CallOperand {
        let kind = self.signature.args.get(usize::from(n)).map(|arg| arg.kind);
        let width = match kind {
            Some(ArgKind::Int { bits, .. }) => (bits / 8).max(1),
            _ => 8,
        };
        argument(n, width)
    }

    /// A member of the struct that holds something.
    fn field(&self, index: u8, at: Holder) -> Option<CallOperand> {
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

const RESULT: CallOperand = CallOperand {
    from: operand::RET,
    width: 8,
    pad: 0,
    place: behind_argument(0),
};

fn constant(n: u32) -> CallOperand {
    CallOperand {
        from: operand::CONST,
        place: CallPlace {
            first: n,
            ..CallPlace::default()
        },
        ..CallOperand::default()
    }
}

fn argument(n: u8, width: u8) -> CallOperand {
    CallOperand {
        from: operand::ARG,
        width,
        place: behind_argument(n),
        ..CallOperand::default()
    }
}

fn in_memory(place: CallPlace, width: u8) -> CallOperand {
    CallOperand {
        from: operand::MEMORY,
        width,
        place,
        ..CallOperand::default()
    }
}

const fn behind_argument(arg: u8) -> CallPlace {
    CallPlace {
        arg,
        through: 0,
        pad: 0,
        first: 0,
        then: 0,
    }
}

/// A place so many bytes further.
fn plus(place: CallPlace, bytes: u32) -> CallPlace {
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
