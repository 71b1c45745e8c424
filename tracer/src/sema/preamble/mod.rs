//! C in front of a script: constants and types that it declares itself.
//!
//! In: preprocessor lines and declarations, in order, and the facts. Out: [`Preamble`]: what names stand for, and the kernel's
//! types with the script's own before them. Headers are not read: BTF and our own constants have what a
//! script takes from them, so `#include <…>` passes. Never opens a file, never looks at a clause.

mod evaluate;
mod layout;

use crate::diag::{Diagnostic, Span, codes};
use crate::facts::{Binary, Facts, Feature, Support, TracepointFormat};
use crate::syntax::ast::{Define, Expr, Ident, Item, Script};
use crate::types::btf::Btf;
use std::collections::BTreeMap;

/// What a name of the preamble stands for.
#[derive(Clone, PartialEq, Debug)]
pub enum Constant<'s> {
    /// `#define NAME value`, or with parameters.
    Define(&'s Define),
    /// An enumerator of an enum of the script.
    Enumerator(i64),
}

/// Names that a preamble declares.
pub type Constants<'s> = BTreeMap<&'s str, Constant<'s>>;

/// See the module.
#[derive(Default)]
pub struct Preamble<'s> {
    /// By name.
    pub constants: Constants<'s>,
    /// The kernel's types and the script's own; `None` when the script declares none.
    pub types: Option<Btf>,
}

/// A kernel's facts with types that a script declares itself.
pub struct Declared<'a> {
    /// The kernel.
    pub facts: &'a dyn Facts,
    /// See [`Preamble::types`].
    pub types: Btf,
}

/// Reads everything in front of the clauses that is C.
pub fn read<'s>(
    script: &'s Script,
    facts: &dyn Facts,
    notes: &mut Vec<Diagnostic>,
) -> Preamble<'s> {
    let mut reader = Reader {
        facts,
        notes,
        constants: Constants::new(),
        branches: Vec::new(),
    };
    let mut declarations = Vec::new();
    for item in &script.items {
        match item {
            Item::Directive {
                word,
                rest,
                condition,
                span,
            } => reader.directive(word, rest, condition.as_ref(), *span),
            Item::Define(define) if reader.active() => {
                let name = define.name.text.as_str();
                reader.constants.insert(name, Constant::Define(define));
            }
            Item::Declaration(d) if reader.active() => declarations.push(d),
            _ => {}
        }
    }
    if let Some(open) = reader.branches.last() {
        let message = "this condition has no `#endif`";
        reader.say(open.span, message, "");
    }
    let mut constants = reader.constants;
    let types = match declarations.is_empty() {
        true => None,
        false => layout::lay_out(&declarations, facts, &mut constants, notes),
    };
    Preamble { constants, types }
}

/// The value of an expression without names of a preamble.
pub fn constant(e: &Expr) -> Result<i64, evaluate::Fault> {
    evaluate::constant(e, &Constants::new(), &|_| None)
}

/// An open `#if`.
struct Branch {
    /// Its current branch is read.
    taken: bool,
    /// One of its branches was read.
    done: bool,
    span: Span,
}

struct Reader<'s, 'n> {
    facts: &'n dyn Facts,
    notes: &'n mut Vec<Diagnostic>,
    constants: Constants<'s>,
    branches: Vec<Branch>,
}

impl Reader<'_, '_> {
    fn active(&self) -> bool {
        self.branches.iter().all(|b| b.taken)
    }

    fn say(&mut self, span: Span, message: impl Into<String>, help: &str) {
        let diagnostic = Diagnostic::error(codes::BAD_DECLARATION, span, message);
        self.notes.push(match help {
            "" => diagnostic,
            help => diagnostic.help(help),
        });
    }

    /// Long because it is one flat match over the preprocessor's words.
    fn directive(&mut self, word: &Ident, rest: &str, condition: Option<&Expr>, span: Span) {
        let name = rest.split_whitespace().next().unwrap_or_default();
        match word.text.as_str() {
            "ifdef" => self.open(self.is_defined(name), span),
            "ifndef" => self.open(!self.is_defined(name), span),
            "if" => {
                let holds = !self.active() || self.holds(condition, span);
                self.open(holds, span);
            }
            "elif" => {
                let holds = self.holds(condition, span);
                self.turn(holds, span);
            }
            "else" => self.turn(true, span),
            "endif" => {
                if self.branches.pop().is_none() {
                    self.say(span, "this `#endif` closes nothing", "");
                }
            }
            "undef" if self.active() => {
                self.constants.remove(name);
            }
            // BTF and our own constants have what a header would give.
            "include" | "pragma" | "undef" | "" => {}
            "error" if self.active() => self.say(span, format!("the script says: {rest}"), ""),
            "error" | "warning" | "line" => {}
            other => {
                let message = format!("`#{other}` is no preprocessor line");
                self.say(
                    span,
                    message,
                    "known are #include, #define, #if and the like",
                );
            }
        }
    }

    fn open(&mut self, taken: bool, span: Span) {
        self.branches.push(Branch {
            taken,
            done: taken,
            span,
        });
    }

    /// To the next branch of the innermost condition.
    fn turn(&mut self, holds: bool, span: Span) {
        match self.branches.last_mut() {
            Some(branch) => {
                branch.taken = holds && !branch.done;
                branch.done |= holds;
            }
            None => self.say(span, "there is no `#if` before this", ""),
        }
    }

    fn is_defined(&self, name: &str) -> bool {
        name == "BPFTRACE_HAVE_BTF" && self.facts.btf().is_some()
            || self.constants.contains_key(name)
    }

    /// The condition of an `#if`; a name that stands for nothing is 0, as in C.
    fn holds(&mut self, condition: Option<&Expr>, span: Span) -> bool {
        let read = condition.map(|e| {
            let defined = |name: &str| self.is_defined(name);
            evaluate::condition(e, &self.constants, &defined)
        });
        match read {
            Some(Ok(value)) => value != 0,
            _ => {
                let help = "it is made of numbers, constants, operators and defined(NAME)";
                self.say(span, "this condition cannot be computed", help);
                false
            }
        }
    }
}

impl Facts for Declared<'_> {
    fn btf(&self) -> Option<&Btf> {
        Some(&self.types)
    }
    fn tracepoint(&self, category: &str, name: &str) -> Option<&TracepointFormat> {
        self.facts.tracepoint(category, name)
    }
    fn tracepoints(&self) -> &[String] {
        self.facts.tracepoints()
    }
    fn raw_tracepoints(&self) -> &[String] {
        self.facts.raw_tracepoints()
    }
    fn functions(&self) -> &[String] {
        self.facts.functions()
    }
    fn module_functions(&self) -> &[(String, String)] {
        self.facts.module_functions()
    }
    fn kernel_symbol(&self, name: &str) -> Result<Option<u64>, String> {
        self.facts.kernel_symbol(name)
    }
    fn files(&self, name: &str) -> Vec<String> {
        self.facts.files(name)
    }
    fn binary(&self, path: &str) -> Result<&Binary, String> {
        self.facts.binary(path)
    }
    fn has(&self, feature: Feature) -> Support {
        self.facts.has(feature)
    }
    fn cgroup_id(&self, path: &str) -> Option<u64> {
        self.facts.cgroup_id(path)
    }
    fn possible_cpus(&self) -> u32 {
        self.facts.possible_cpus()
    }
}
