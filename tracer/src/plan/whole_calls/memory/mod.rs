//! From what a value means to the steps that copy the memory it leads to.
//!
//! In: a signature. Out: steps of one end of the call. What lies behind a pointer in memory that itself lies behind a pointer in
//! memory is not followed: its part is missing, which readers show as not read.

mod choices;
mod messages;
mod operands;
mod things;

use super::{End, sizes};
use crate::ir::CallOptions;
use crate::tables::structs::Struct;
use crate::tables::syscalls::Signature;
use crate::tables::what::{Dir, Elem, What};
use crate::types::Abi;
use operands::{RESULT, argument, behind_argument, constant};
use tracer_ebpf::{CallOp, CallOperand, CallPlace, call_op, op_flag};

/// No further bound.
const UNBOUND: u8 = u8::MAX;

/// Makes the steps of one end of a call.
pub(super) struct Compiler {
    abi: Abi,
    signature: &'static Signature,
    options: CallOptions,
    end: End,
    /// The argument in hand.
    arg: u8,
    /// It is an ioctl's, whose command has been looked up.
    in_ioctl: bool,
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
            in_ioctl: false,
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
            What::IoctlArg if !self.in_ioctl => self.ioctl(),
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
}
