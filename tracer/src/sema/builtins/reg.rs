//! `reg("ax")`: a register of what a probe interrupted.
//!
//! In: its name as in `struct pt_regs`. Out: its 64 bits.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::ir::{Builtin, ExprKind};
use crate::sema::nearest::did_you_mean;
use crate::sema::pass::{Pass, expr};
use crate::types::Type;
use crate::types::registers::{self, REGISTERS};

/// See the module.
pub const REG: Function = Function {
    name: "reg",
    usage: "reg(\"name\")",
    doc: "register of what was interrupted",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let arg = &call.args[0];
    let wrong = "reg() wants a register's name as text, e.g. reg(\"ax\")";
    let name = pass.literal_or(arg, || wrong.to_owned())?;
    let name = String::from_utf8_lossy(name);
    let Some(register) = registers::find(&name) else {
        let message = format!("there is no register `{name}`");
        let mut error = Diagnostic::error(codes::ARGUMENT_TYPE, arg.span, message);
        error
            .help
            .extend(did_you_mean(&name, REGISTERS.iter().copied()));
        if error.help.is_empty() {
            error = error.help(format!("there are {}", REGISTERS.join(", ")));
        }
        pass.say(error);
        return None;
    };
    if !pass.scope.view.has_registers() {
        let message = format!("`{}` sees no registers", pass.scope.view.name());
        let error = Diagnostic::error(codes::NOT_IN_THIS_PROBE, call.span, message);
        pass.say(error.help("kprobe, uprobe, usdt, profile, software and hardware probes do"));
        return None;
    }
    let kind = ExprKind::Builtin(Builtin::Reg(register));
    Some(Outcome::Value(expr(Type::U64, kind, call.span).into()))
}
