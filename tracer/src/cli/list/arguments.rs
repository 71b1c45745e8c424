//! What a probe offers to a clause, as declarations: `string filename`, `struct task_struct *prev`.
//!
//! In: a probe's name and the kernel's facts. Out: one line an argument, the result last. Kernel types are written as C,
//! those of system calls as the language has them. Nothing when nothing describes the probe.

use crate::facts::{Facts, TracepointField};
use crate::sema::providers::iterator;
use crate::sema::providers::kernel_function::REGISTERS;
use crate::tables::syscalls::{self, ArgKind};
use crate::types::Abi;
use crate::types::btf::{Btf, Param, Proto, TypeId};

/// Arguments of a system call, members that count as arguments, and the result.
pub(super) fn of_syscall(name: &str) -> Vec<String> {
    let native = syscalls::signature(Abi::Native, name);
    let mut lines = Vec::new();
    if syscalls::number(Abi::Native, name).is_none() {
        lines.push("// called by 32-bit programs only".to_string());
    }
    let Some(signature) = native.or_else(|| syscalls::signature(Abi::I386, name)) else {
        return lines;
    };
    for arg in signature.args {
        lines.push(declare_argument(arg.name, arg.kind));
    }
    for field in signature.fields {
        let ty = integer(field.width * 8, field.signed);
        let from = signature.args.get(usize::from(field.arg));
        let from = from.map_or("", |arg| arg.name);
        lines.push(format!("{ty} {} // member of {from}", field.name));
    }
    lines.push("int64 retval".to_string());
    lines
}

fn declare_argument(name: &str, kind: ArgKind) -> String {
    match kind {
        ArgKind::Int { bits, signed } => format!("{} {name}", integer(bits, signed)),
        ArgKind::Str => format!("string {name}"),
        ArgKind::Ptr(None) => format!("void *{name}"),
        ArgKind::Ptr(Some(of)) => format!("struct {of} *{name}"),
    }
}

fn integer(bits: u8, signed: bool) -> String {
    format!("{}int{bits}", if signed { "" } else { "u" })
}

/// Fields of a tracepoint's record.
pub(super) fn of_tracepoint(facts: &dyn Facts, name: &str) -> Vec<String> {
    let format = name
        .split_once(':')
        .and_then(|(category, name)| facts.tracepoint(category, name));
    format.map_or_else(Vec::new, |f| f.fields.iter().map(declare_field).collect())
}

/// An array's type is its whole declaration, name included.
fn declare_field(field: &TracepointField) -> String {
    let (c_type, name) = (&field.c_type, &field.name);
    let named = c_type
        .split_once('[')
        .is_some_and(|(front, _)| front.ends_with(&format!(" {name}")));
    match (named, c_type.ends_with('*')) {
        (true, _) => c_type.clone(),
        (false, true) => format!("{c_type}{name}"),
        (false, false) => format!("{c_type} {name}"),
    }
}

/// Arguments of a raw tracepoint's hook.
pub(super) fn of_raw_tracepoint(facts: &dyn Facts, name: &str) -> Vec<String> {
    let Some(btf) = facts.btf() else {
        return Vec::new();
    };
    // The function that calls the hooks has names; the type of a hook has none, but is always there.
    let proto = btf
        .func_named(&format!("__traceiter_{name}"))
        .or_else(|| btf.proto(btf.plain_named(&format!("btf_trace_{name}"))?));
    let Some(proto) = proto else {
        return Vec::new();
    };
    // The first one is the tracer's own.
    let params = proto.params.iter().skip(1).enumerate();
    params.map(|(i, p)| declare_param(btf, i, p)).collect()
}

/// Arguments of a kernel function, and its result.
pub(super) fn of_function(facts: &dyn Facts, name: &str, with_result: bool) -> Vec<String> {
    let Some((btf, proto)) = described(facts, name) else {
        return Vec::new();
    };
    let params = proto.params.iter().enumerate();
    let mut lines: Vec<String> = params.map(|(i, p)| declare_param(btf, i, p)).collect();
    if with_result && proto.ret != TypeId::VOID {
        lines.push(btf.declare(proto.ret, "retval"));
    }
    lines
}

/// Argument registers of a kernel function, with what each holds. What is wider than a register has none of its own, and
/// those behind it are not where they would be counted.
pub(super) fn of_registers(facts: &dyn Facts, name: &str) -> Vec<String> {
    let Some((btf, proto)) = described(facts, name) else {
        return vec!["uint64 arg0, arg1, … // nothing describes them".to_string()];
    };
    let narrow = |p: &&Param<'_>| btf.size_of(p.ty).is_none_or(|size| size <= 8);
    let params = proto.params.iter().take_while(narrow);
    let params = params.take(usize::from(REGISTERS)).enumerate();
    params
        .map(|(i, p)| format!("uint64 arg{i} // {}", declare_param(btf, i, p)))
        .collect()
}

/// What a walk shows of each object.
pub(super) fn of_iterator(facts: &dyn Facts, kind: &str) -> Vec<String> {
    let Some(btf) = facts.btf() else {
        return Vec::new();
    };
    let members = iterator::members(btf, kind).into_iter();
    members.map(|m| btf.declare(m.ty, m.name)).collect()
}

fn described<'a>(facts: &'a dyn Facts, name: &str) -> Option<(&'a Btf, Proto<'a>)> {
    let btf = facts.btf()?;
    Some((btf, btf.func_named(name)?))
}

fn declare_param(btf: &Btf, index: usize, param: &Param<'_>) -> String {
    match param.name {
        "" => btf.declare(param.ty, &format!("arg{index}")),
        name => btf.declare(param.ty, name),
    }
}
