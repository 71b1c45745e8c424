//! `state(args.NAME)`: how the memory behind an argument was read.
//!
//! In: an argument of a system call that is a string or a pointer. Out: `ok`, `late`, `fault`, `null`, `truncated` or `not_read`, as text
//! when it is printed or compared with one of these.

use super::{Call, Function, Outcome};
use crate::diag::{Diagnostic, codes};
use crate::sema::pass::Pass;
use crate::sema::uses::argument_name;

/// See the module.
pub const STATE: Function = Function {
    name: "state",
    usage: "state(args.NAME)",
    doc: "how the memory behind a system call's argument was read",
    arity: (1, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let Some(name) = argument_name(&call.args[0]) else {
        let message = "state() is asked of an argument";
        let diagnostic = Diagnostic::error(codes::BAD_OPERAND, call.args[0].span, message);
        return pass.fail(diagnostic.help("write state(args.filename)"));
    };
    let facts = pass.facts;
    // Probes that have no such argument were told before.
    let offer = pass.scope.view.state(&name.text, facts).ok()?;
    let operand = pass.place_offer(offer, call.span);
    pass.read(operand, call.span).map(Outcome::Value)
}
