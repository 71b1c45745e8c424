//! C in front of a script: which of it is not needed here, and which is not built yet.
//!
//! In: directives and declarations, in order. Out: diagnostics. Headers are not read: BTF and our own constants have
//! what a script takes from them, so `#include <…>` passes, and of `#ifndef BPFTRACE_HAVE_BTF … #else … #endif` the
//! branch for a kernel with BTF is looked at. Never opens a file.

use crate::diag::{Diagnostic, Span, codes};
use crate::facts::Facts;
use crate::syntax::ast::{Item, Script};

/// Looks at all declarations of a script.
pub fn check(script: &Script, facts: &dyn Facts, notes: &mut Vec<Diagnostic>) {
    // One entry for each open conditional: whether its current branch is looked at.
    let mut branches: Vec<bool> = Vec::new();
    for item in &script.items {
        if let Item::Preamble { text, span } = item {
            let active = branches.iter().all(|b| *b);
            match directive(text) {
                Directive::IfDefined { name, wanted } => {
                    branches.push(is_defined(name, facts) == wanted);
                }
                Directive::Else => {
                    if let Some(branch) = branches.last_mut() {
                        *branch = !*branch;
                    }
                }
                Directive::End => {
                    branches.pop();
                }
                Directive::Include => {}
                Directive::Other if active => notes.push(not_built(*span)),
                Directive::Other => {}
            }
        }
    }
}

enum Directive<'a> {
    IfDefined { name: &'a str, wanted: bool },
    Else,
    End,
    Include,
    Other,
}

fn directive(text: &str) -> Directive<'_> {
    let Some(rest) = text.trim_start().strip_prefix('#') else {
        return Directive::Other;
    };
    let rest = rest.trim_start();
    let (word, rest) = rest
        .find(|c: char| !c.is_ascii_alphabetic())
        .map_or((rest, ""), |at| rest.split_at(at));
    let name = rest.trim();
    match word {
        "ifdef" => Directive::IfDefined { name, wanted: true },
        "ifndef" => Directive::IfDefined {
            name,
            wanted: false,
        },
        "else" => Directive::Else,
        "endif" => Directive::End,
        "include" if name.starts_with('<') => Directive::Include,
        _ => Directive::Other,
    }
}

fn is_defined(name: &str, facts: &dyn Facts) -> bool {
    name == "BPFTRACE_HAVE_BTF" && facts.btf().is_some()
}

fn not_built(span: Span) -> Diagnostic {
    let message = "C declarations in a script are not built yet";
    Diagnostic::error(codes::ITEM_NOT_BUILT, span, message)
}
