//! `decode(args.NAME)`: an argument as it stands in the whole call.
//!
//! In: an argument of a system call that is a number: flags, a name of a set, a signal, a mode, a descriptor. Out: the same number, which
//! is decoded when it is printed.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::sema::pass::Pass;
use crate::sema::uses::argument_name;

/// See the module.
pub const DECODE: Function = Function {
    name: "decode",
    usage: "decode(args.NAME)",
    doc: "an argument of a system call with the names of its flags",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let Some(name) = argument_name(&call.args[0]) else {
        let message = "decode() is asked of an argument";
        let diagnostic = Diagnostic::error(codes::BAD_OPERAND, call.args[0].span, message);
        return pass.fail(diagnostic.help("write decode(args.flags)"));
    };
    // Probes that have no such argument were told before.
    let offer = pass.scope.view.decoded(&name.text).ok()?;
    let operand = pass.place_offer(offer, call.span);
    pass.read(operand, call.span).map(Outcome::Value)
}
