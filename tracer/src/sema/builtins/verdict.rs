//! `bad(…)`, `good(…)`, `unsure(…)`: what the run has shown, for `tracer check`.
//!
//! In: nothing, or a literal format with a value for each conversion: the reason. Out: a statement. It ends neither the clause
//! nor the run; what comes of all that was said, [`crate::verdict`] decides.

use super::printf::formatted;
use super::{Call, Function, Outcome};
use crate::ir::{EmitKind, Format, StmtKind, Verdict};
use crate::sema::pass::{Pass, stmt};

/// See the module.
pub const BAD: Function = Function::with_format(
    "bad",
    "bad([\"format\", …])",
    "the mistake is there",
    0,
    |pass, call| said(pass, call, Verdict::Bad),
);

/// See the module.
pub const GOOD: Function = Function::with_format(
    "good",
    "good([\"format\", …])",
    "the mistake is not there",
    0,
    |pass, call| said(pass, call, Verdict::Good),
);

/// See the module.
pub const UNSURE: Function = Function::with_format(
    "unsure",
    "unsure([\"format\", …])",
    "the run cannot tell",
    0,
    |pass, call| said(pass, call, Verdict::Unsure),
);

fn said(pass: &mut Pass, call: &Call, verdict: Verdict) -> Option<Outcome> {
    let kind = |format| EmitKind::Verdict { verdict, format };
    if !call.args.is_empty() {
        return formatted(pass, call, kind);
    }
    let id = pass.emit(kind(Format::default()), Vec::new(), call.span);
    let args = Vec::new();
    let emit = stmt(StmtKind::Emit { id, args }, call.span);
    Some(Outcome::Stmts(vec![emit]))
}
