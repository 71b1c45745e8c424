//! Assertions: `count(syscall:fsync) <= 1` and the like, compiled to a program of the language that gives the verdict.
//!
//! In: the text of assertions. Out: the text of one program, or a [`Mistake`] with its place. Probes, filters and values in an
//! assertion are the language's own: they are passed on, and the program is checked like any other.
//!
//! ```text
//! assertion  = sum [("<" | "<=" | ">" | ">=" | "==" | "!=") sum], combined by "!", "&&", "||" and brackets
//! sum        = products and sums (+ - * /) of numbers and metrics
//! metric     = count(PROBES [/FILTER/])            events
//!            | sum | min | max | avg (PROBES [/FILTER/], VALUE)
//!            | distinct(PROBES [/FILTER/], VALUE)   different values
//!            | errors(CALL [/FILTER/] [, ERRNO])    failed system calls
//!            | p50 | p99 | p999 … (PROBES [/FILTER/], VALUE), compared with a constant
//! ```

mod parse;
mod program;

use std::ops::Range;

/// What is wrong with an assertion.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} at {}", describe(.at, .text))]
pub struct Mistake {
    /// A sentence without full stop.
    pub what: String,
    /// Bytes of the assertion that it is about.
    pub at: Range<usize>,
    /// The assertion.
    pub text: String,
}

fn describe(at: &Range<usize>, text: &str) -> String {
    match text.get(at.clone()) {
        Some(found) if !found.trim().is_empty() => format!("`{}` of `{text}`", found.trim()),
        _ => format!("the end of `{text}`"),
    }
}

/// The program that says good when all assertions hold, bad when one does not, and unsure when there is too little to tell.
///
/// # Errors
/// The first mistake.
pub fn compile(assertions: &[String]) -> Result<String, Mistake> {
    let mut metrics = Vec::new();
    let parsed: Result<Vec<parse::Assertion>, Mistake> = assertions
        .iter()
        .map(|text| parse::assertion(text, &mut metrics))
        .collect();
    Ok(program::text(&parsed?, &metrics))
}
