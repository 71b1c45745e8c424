//! `syscall_name(nr)`: the name of a system call's number.
//!
//! In: a number. Out: the call of that number in the machine's own table; the name is found when it is printed.
//! Never looks at the probe: the name of a probe's own call, 32-bit or not, is the built-in `name`.

use super::{Call, Function, Outcome};
use crate::sema::convert::to_type;
use crate::sema::pass::Pass;
use crate::types::{Lazy, Type};

/// See the module.
pub const SYSCALL_NAME: Function = Function {
    name: "syscall_name",
    usage: "syscall_name(nr)",
    doc: "name of a system call's number",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let val = pass.value(&call.args[0])?;
    let number = pass.number(&val.expr)?;
    // The bits above the number are the ABI: 0 is the machine's own.
    let number = to_type(number, &Type::U32);
    let mut name = to_type(number, &Type::Lazy(Lazy::SyscallName));
    name.span = call.span;
    Some(Outcome::Value(val.with(name)))
}
