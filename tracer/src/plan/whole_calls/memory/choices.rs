//! Choices: steps that depend on another value, such as a command.
//!
//! In: cases, sorted. Out: tests that pass over the steps of the other cases. A test without steps is not written.

use super::operands::{argument, constant};
use super::{Compiler, Holder};
use crate::plan::whole_calls::{End, sizes};
use crate::tables::ioctls;
use crate::tables::what::{Dir, On, What};
use tracer_ebpf::{CallOp, CallOperand, CallPlace, call_op, op_flag};

/// Direction bits of an ioctl command (asm-generic/ioctl.h): user space writes for the kernel, the kernel writes.
const IOC_WRITE: u64 = 1 << 30;
const IOC_READ: u64 = 2 << 30;

impl Compiler {
    /// The argument of ioctl, by the command in argument 1.
    pub(super) fn ioctl(&mut self) {
        let place = CallPlace {
            arg: self.arg,
            ..CallPlace::default()
        };
        self.in_ioctl = true;
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
    pub(super) fn on(
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
    pub(super) fn choose(
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
    pub(super) fn under(&mut self, test: CallOp, body: &dyn Fn(&mut Compiler)) {
        self.either(test, body, &|_| {});
    }

    pub(super) fn either(
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

    pub(super) fn has_steps(&self, body: &dyn Fn(&mut Compiler)) -> bool {
        let mut trial = Compiler {
            ops: Vec::new(),
            ..*self
        };
        body(&mut trial);
        !trial.ops.is_empty()
    }
}
