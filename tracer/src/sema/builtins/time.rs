//! `time()`, `time(fmt)`: prints the wall-clock time.
//!
//! In: a `strftime` format. Out: a statement; user space formats the time of the record.

use super::{Call, Function, Outcome};
use crate::ir::{EmitKind, StmtKind};
use crate::sema::pass::{Pass, stmt};

/// What bpftrace prints without a format.
const DEFAULT: &[u8] = b"%H:%M:%S\n";

/// See the module.
pub const TIME: Function = Function {
    name: "time",
    usage: "time([format])",
    doc: "prints the wall-clock time",
    arity: (0, 1),
    aggregates: false,
    check,
};

fn check(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    let format = match call.args.first() {
        Some(arg) => pass.literal_arg(arg, "the format")?,
        None => DEFAULT,
    };
    let format = String::from_utf8_lossy(format).into_owned();
    let id = pass.emit(EmitKind::Time(format), Vec::new(), call.span);
    let args = Vec::new();
    Some(Outcome::Stmts(vec![stmt(
        StmtKind::Emit { id, args },
        call.span,
    )]))
}
