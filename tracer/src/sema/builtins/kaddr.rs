//! `kaddr("symbol")`: the address of a symbol of the kernel.
//!
//! In: its name. Out: a number, known before the run: `*kaddr("avenrun")` reads what stands there.

use super::{Call, Function, Outcome};
use crate::diag::codes;
use crate::ir::ExprKind;
use crate::sema::pass::{Pass, expr};
use crate::types::Type;

/// See the module.
pub const KADDR: Function = Function {
    name: "kaddr",
    usage: "kaddr(\"symbol\")",
    doc: "address of a symbol of the kernel",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let arg = &call.args[0];
    let wrong = "kaddr() wants a symbol's name as text, e.g. kaddr(\"avenrun\")";
    let name = pass.literal_or(arg, || wrong.to_owned())?;
    let name = String::from_utf8_lossy(name);
    match pass.facts.kernel_symbol(&name) {
        Ok(Some(address)) => {
            let value = expr(Type::U64, ExprKind::Int(address), call.span);
            Some(Outcome::Value(value.into()))
        }
        Ok(None) => {
            let message = format!("the kernel lists no symbol `{name}`");
            pass.error(codes::NO_SUCH_KERNEL_SYMBOL, arg.span, message)
        }
        Err(why) => pass.error(codes::NO_SUCH_KERNEL_SYMBOL, arg.span, why),
    }
}
