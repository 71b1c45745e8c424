//! What is formatted and then not only printed: `system`, `cat`, `warnf`, `errorf`.
//!
//! In: a literal format and a value for each conversion. Out: a statement; user space formats the text and runs the command,
//! prints the file, says the message.

use super::printf::formatted;
use super::{Call, Function, Outcome};
use crate::ir::{EmitKind, Format};
use crate::sema::pass::Pass;

/// See the module.
pub const SYSTEM: Function = Function::with_format(
    "system",
    "system(\"format\", …)",
    "runs a shell command (needs --unsafe)",
    1,
    system,
);

/// See the module.
pub const CAT: Function = Function::with_format(
    "cat",
    "cat(\"format\", …)",
    "prints a file",
    1,
    |pass, call| formatted(pass, call, EmitKind::Cat),
);

/// See the module.
pub const WARNF: Function = Function::with_format(
    "warnf",
    "warnf(\"format\", …)",
    "a warning with its place in the script",
    1,
    |pass, call| formatted(pass, call, |f| message(false, f)),
);

/// See the module.
pub const ERRORF: Function = Function::with_format(
    "errorf",
    "errorf(\"format\", …)",
    "an error message with its place in the script",
    1,
    |pass, call| formatted(pass, call, |f| message(true, f)),
);

fn system(pass: &mut Pass, call: &Call) -> Option<Outcome> {
    pass.allowed("system", call.span)?;
    formatted(pass, call, EmitKind::System)
}

fn message(error: bool, format: Format) -> EmitKind {
    EmitKind::Message { error, format }
}
