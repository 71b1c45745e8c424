//! Things in memory: strings, buffers, arrays, structs and what their members lead to.
//!
//! In: what lies there, and where. Out: steps that read it. Never follows a pointer that itself lies behind a pointer in memory.

use super::operands::{constant, plus};
use super::{Compiler, Holder};
use crate::plan::whole_calls::sizes;
use crate::tables::structs::Struct;
use crate::tables::what::{Len, What};
use tracer_ebpf::{CallPlace, call_op, op_flag};

impl Compiler {
    /// Something that lies in memory: its bytes, and what its members lead to. A flat match.
    pub(super) fn thing(&mut self, what: &'static What, width: u32, at: Holder) {
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
    pub(super) fn members(&mut self, layout: &'static Struct, at: Holder) {
        for field in layout.fields {
            let mut inner = at;
            inner.layout = Some(layout);
            self.member(&field.what, field.offset.of(self.abi) as u32, inner);
        }
    }

    pub(super) fn member(&mut self, what: &'static What, offset: u32, at: Holder) {
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
    pub(super) fn strings(&mut self, at: Holder) {
        let name = self.signature.args[usize::from(self.arg)].name;
        let kind = match name {
            "envp" => call_op::POINTERS,
            _ => call_op::STRINGS,
        };
        self.read(at, kind, constant(1), 1, sizes::PATH);
    }

    /// Bytes as many as a length says, `times` for each.
    pub(super) fn sized(&mut self, at: Holder, len: Len, times: u32, max: u32) {
        let (size, bound) = self.length(len, at);
        self.read(at, call_op::BYTES, size, times, max);
        if let Len::Pages(_) = len {
            self.flag_last(at, op_flag::PAGES);
        }
        if self.is_read(at.dir)
            && let Some(op) = self.ops.last_mut()
        {
            op.bound = bound;
            if let Len::ArgTimes(_, n) = len {
                op.times *= n;
            }
        }
    }
}
