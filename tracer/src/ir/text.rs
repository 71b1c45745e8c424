//! The IR's text form: for `--dump=ir`, for golden tests and for writing IR by hand.
//!
//! In: a program, or text. Out: text, or a program. What is read back equals what was written, up to spans:
//! those point into a script that the text does not hold, and are left out. Never checks the IR's rules: that is
//! [`verify`](super::verify).
//!
//! The form is nested lists. An expression is `(TYPE operator operand …)`; statements and declarations stand on
//! lines of their own:
//!
//! ```text
//! (program
//!   (limits 64 4096)
//!   (map "x" (key (str 16)) (agg count))
//!   (clause
//!     (probe tracepoint "sched" "sched_switch")
//!     (when (bool eq (u32 pid) (u32 1)))
//!     (do
//!       (aggregate 0 (key ((str 16) comm))))))
//! ```

mod names;
mod node;
mod read;
mod types;
mod write;

use super::{Expr, ExprKind, Program, Stmt};
use crate::diag::depth::with_stack;

/// The text of a program.
pub fn write(program: &Program) -> String {
    with_stack(|| write::program(program).to_string())
}

/// Reads a program. All its spans are empty.
///
/// # Errors
/// What was found and what was expected, one sentence.
pub fn read(text: &str) -> Result<Program, String> {
    with_stack(|| read::program(&node::read(text)?))
}

/// The word that says what an expression does; `None` for a constant.
pub fn operation(e: &Expr) -> Option<String> {
    let mut nodes = write::operation(&e.kind).into_iter();
    match (&e.kind, nodes.next()) {
        (ExprKind::Int(_), _) => None,
        (_, Some(node::Node::Word(word))) => Some(word),
        _ => None,
    }
}

/// The word that says what a statement does.
pub fn statement(s: &Stmt) -> Option<String> {
    let items = match write::stmt(s) {
        node::Node::List { items, .. } => items,
        word => vec![word],
    };
    match items.into_iter().next() {
        Some(node::Node::Word(word)) => Some(word),
        _ => None,
    }
}

/// The words of all expressions and statements.
pub fn operations() -> impl Iterator<Item = &'static str> {
    fn words<T>(table: names::Names<T>) -> impl Iterator<Item = &'static str> {
        table.iter().map(|(word, _)| *word)
    }
    let operators = words(names::UNARY).chain(words(names::BINARY));
    let operators = operators.chain(words(names::COMPARE));
    let rest = words(names::BUILTINS).chain(names::OPERATIONS.iter().copied());
    operators.chain(rest)
}

#[cfg(test)]
mod tests;
