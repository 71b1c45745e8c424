//! `tracepoint:raw_syscalls:*` and `tracepoint:syscalls:sys_*`, served by the shared system-call programs.
//!
//! In: the tracepoint's name. Out: system-call targets whose arguments have the tracepoint's names. The names
//! come from the record's format when the facts have it, else from our own table, so these probes work without
//! tracefs. An argument has the width that its C type says, not the 8 bytes of the record: a descriptor that the kernel
//! takes as `int` is -100, not 4294967196. Strings stay pointers, as in every tracepoint.

use super::syscall::{all_names, user_pointer};
use super::{CallProperty, Family, Lack, Offer, Target, View, arg_as, builtin, raw_arg, value};
use crate::facts::{Facts, TracepointField};
use crate::ir::{Builtin, Phase, Probe, SyscallSet};
use crate::tables::syscalls::{self, ArgKind};
use crate::types::{Abi, Space, SyscallProbe, Type};
use std::rc::Rc;

/// The categories served here.
pub fn serves(category: &str) -> bool {
    matches!(category, "syscalls" | "raw_syscalls")
}

/// Names in the category, whether tracefs is readable or not.
pub fn names(category: &str) -> Vec<String> {
    if category == "raw_syscalls" {
        return vec!["sys_enter".to_owned(), "sys_exit".to_owned()];
    }
    let calls = all_names()
        .into_iter()
        .filter(|n| syscalls::number(Abi::Native, n).is_some())
        .map(syscalls::tracepoint_name);
    calls
        .flat_map(|n| [format!("sys_enter_{n}"), format!("sys_exit_{n}")])
        .collect()
}

/// The target of a tracepoint; `None` when there is none of that name.
pub fn target(category: &str, name: &str) -> Option<Target> {
    let view = match (category, name) {
        ("raw_syscalls", "sys_enter") => Hook::raw(SyscallProbe::RawEnter),
        ("raw_syscalls", "sys_exit") => Hook::raw(SyscallProbe::RawExit),
        ("syscalls", _) => Hook::of_call(name)?,
        _ => return None,
    };
    let calls = match &view.call {
        Some((call, _)) => SyscallSet {
            calls: vec![(Abi::Native, syscalls::number(Abi::Native, call)?)],
            unknown: false,
        },
        None => every_call(),
    };
    let phase = match view.enters() {
        true => Phase::Entry,
        false => Phase::Return,
    };
    Some(Target {
        probe: Probe::Syscall { calls, phase },
        view: Rc::new(view),
    })
}

fn every_call() -> SyscallSet {
    let of = |abi| syscalls::all(abi).map(move |(nr, _)| (abi, nr));
    let mut calls: Vec<(Abi, u32)> = of(Abi::Native).chain(of(Abi::I386)).collect();
    calls.sort_unstable();
    SyscallSet {
        calls,
        unknown: true,
    }
}

struct Hook {
    form: SyscallProbe,
    /// The call and its name in the tracepoint; `None` for `raw_syscalls`.
    call: Option<(String, String)>,
}

impl Hook {
    fn raw(form: SyscallProbe) -> Hook {
        Hook { form, call: None }
    }

    fn of_call(name: &str) -> Option<Hook> {
        let (form, written) = match name.strip_prefix("sys_enter_") {
            Some(call) => (SyscallProbe::TracepointEnter, call),
            None => (
                SyscallProbe::TracepointExit,
                name.strip_prefix("sys_exit_")?,
            ),
        };
        let call = syscalls::tracepoint_call(written);
        Some(Hook {
            form,
            call: Some((call.to_owned(), written.to_owned())),
        })
    }

    fn enters(&self) -> bool {
        matches!(
            self.form,
            SyscallProbe::TracepointEnter | SyscallProbe::RawEnter
        )
    }

    /// The record's own fields, which stand for the arguments in order.
    fn fields<'a>(&self, facts: &'a dyn Facts) -> Option<&'a [TracepointField]> {
        let (_, written) = self.call.as_ref()?;
        let format = facts.tracepoint("syscalls", &format!("sys_enter_{written}"))?;
        let at = format
            .fields
            .iter()
            .position(|f| f.name == "__syscall_nr")?;
        Some(&format.fields[at + 1..])
    }

    fn argument(&self, name: &str, facts: &dyn Facts) -> Option<Offer> {
        if let Some(fields) = self.fields(facts) {
            let at = fields.iter().position(|f| f.name == name)?;
            return Some(of_c_type(at as u8, &fields[at].c_type));
        }
        let (call, _) = self.call.as_ref()?;
        let signature = syscalls::signature(Abi::Native, call)?;
        let at = signature.args.iter().position(|a| a.name == name)?;
        Some(of_kind(at as u8, signature.args[at].kind))
    }
}

impl View for Hook {
    fn family(&self) -> Family {
        Family::Syscall(self.form)
    }

    fn name(&self) -> String {
        let call = self.call.as_ref().map_or("", |(_, written)| written);
        self.form.text(call)
    }

    fn arg(&self, name: &str, facts: &dyn Facts) -> Result<Offer, Lack> {
        let raw = self.call.is_none();
        match name {
            "id" if raw => Ok(value(builtin(Type::I64, Builtin::SyscallNr))),
            "__syscall_nr" if !raw => Ok(value(builtin(Type::I64, Builtin::SyscallNr))),
            "args" if raw && self.enters() => Ok(Offer::Registers),
            "ret" if !self.enters() => Ok(value(builtin(Type::I64, Builtin::Retval))),
            _ if self.enters() => self.argument(name, facts).ok_or(Lack::NoSuchArg),
            _ => Err(Lack::NoSuchArg),
        }
    }

    fn arg_names(&self, facts: &dyn Facts) -> Vec<String> {
        let fixed: &[&str] = match self.form {
            SyscallProbe::RawEnter => &["id", "args"],
            SyscallProbe::RawExit => &["id", "ret"],
            SyscallProbe::TracepointExit => &["__syscall_nr", "ret"],
            _ => &["__syscall_nr"],
        };
        let mut names: Vec<String> = fixed.iter().map(|&n| n.to_owned()).collect();
        if self.enters() {
            if let Some(fields) = self.fields(facts) {
                names.extend(fields.iter().map(|f| f.name.clone()));
            } else if let Some((call, _)) = &self.call
                && let Some(signature) = syscalls::signature(Abi::Native, call)
            {
                names.extend(signature.args.iter().map(|a| a.name.to_owned()));
            }
        }
        names
    }

    fn call(&self, _property: CallProperty) -> Result<Offer, Lack> {
        Err(Lack::NotHere)
    }

    fn space(&self) -> Space {
        Space::User
    }
}

fn of_kind(n: u8, kind: ArgKind) -> Offer {
    match kind {
        ArgKind::Int { bits, signed } => value(arg_as(n, Type::Int { bits, signed })),
        ArgKind::Str => value(arg_as(n, super::typed::char_pointer(Space::User))),
        ArgKind::Ptr(points_to) => Offer::Value {
            expr: arg_as(n, user_pointer()),
            points_to: points_to.map(str::to_owned),
        },
    }
}

/// An argument by the C type that tracefs prints.
fn of_c_type(n: u8, c_type: &str) -> Offer {
    let words: Vec<&str> = c_type.split([' ', '*']).filter(|w| !w.is_empty()).collect();
    if c_type.contains('*') {
        let chars = c_type.matches('*').count() == 1 && words.contains(&"char");
        return match chars {
            true => value(arg_as(n, super::typed::char_pointer(Space::User))),
            false => Offer::Value {
                expr: arg_as(n, user_pointer()),
                points_to: super::typed::struct_name(&words),
            },
        };
    }
    let last = words.last().copied().unwrap_or_default();
    let ty = match last {
        "int" | "pid_t" | "clockid_t" | "key_t" | "mqd_t" | "timer_t" | "key_serial_t"
        | "rwf_t" => Type::Int {
            bits: 32,
            signed: !words.contains(&"unsigned") && last != "rwf_t",
        },
        "unsigned" | "uid_t" | "gid_t" | "qid_t" | "u32" | "__u32" => Type::U32,
        "umode_t" | "old_uid_t" | "old_gid_t" => Type::Int {
            bits: 16,
            signed: false,
        },
        "long" if !words.contains(&"unsigned") => Type::I64,
        "off_t" | "loff_t" => Type::I64,
        _ => Type::U64,
    };
    match ty {
        Type::U64 => value(raw_arg(n)),
        ty => value(arg_as(n, ty)),
    }
}
