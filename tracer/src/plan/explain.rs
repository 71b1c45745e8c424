//! A plan as text for people: what runs where and why, what is kept, what is sent, what memory is bound.
//!
//! In: a plan. Out: text. Never decides anything, and never leaves out a program.

use super::Plan;
use std::fmt::Write;

/// The plan as text.
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    for program in &plan.programs {
        let _ = writeln!(out, "{}: {:?}", program.name, program.hook);
    }
    out
}
