//! The rules of the IR, checked.
//!
//! In: a program. Out: nothing, or each broken rule with its place. A broken rule is a bug of the stage that made
//! the program, never the user's. Never changes a program, never checks what only a kernel could tell.
//!
//! 1. Ids (maps, emits, sites, patterns; variables within their clause) are in range.
//! 2. A clause has a probe. Its probes are all system calls of one phase, or none is.
//! 3. A set of system calls is sorted, without duplicates, and not empty; a period is above 0.
//! 4. Values, variables, keys and plain map values are never records, and arrays only of numbers, pointers or such
//!    arrays; only an expression statement has no value at all.
//! 5. A constant number is a scalar, already extended as its type says; a constant string has no NUL and fits
//!    its capacity.
//! 6. A built-in has its type and is one that every probe of the clause has.
//! 7. An access to a map has exactly the key's types; plain access only to plain maps and of their type,
//!    aggregation only to aggregations, with a 64-bit operand (none for `count`).
//! 8. Arithmetic works on 64-bit integers of one type, which is the result's. Exactly `div` and `mod` name
//!    a site, of their kind.
//! 9. Conditions, `and`, `or`, `not` and comparisons are Bool. Compared values have one type, up to a string's
//!    capacity; tuples, several words, bytes and arrays only for equality; stacks not at all.
//! 10. Both arms of a conditional have its type.
//! 11. A cast goes from scalar to scalar, from string to string, from a tuple of 64-bit integers to as many words or
//!     an array of that size, between a tuple and the record of its types, or from string to bytes.
//! 12. A load has a scalar address, 1, 2, 4 or 8 bytes, a scalar result, bits within the bytes, and a site for
//!     failed reads; a read string is a string, read bytes and strings of a vector are bytes, a read array is packed.
//! 13. Fields of a tracepoint's record are read only where every probe is that kind of tracepoint.
//! 14. A tuple has its components' types; a component is in range. An element is scalar and of the array's type, a character's of a string;
//!     lengths are of strings, bytes and stacks; positions and matches of strings.
//! 15. Only 64-bit integers are stepped.
//! 16. An assigned value has the type of its variable or map.
//! 17. An emit carries what its declaration says: as many arguments, of those types; a condition of presence is
//!     Bool. A format has as many conversions as arguments; actions on maps and `time` have none; `exit` has one, I64;
//!     a call's line has a call first. A whole call is only ever such an argument, the built-in itself, always present.
//! 18. An exit code and a signal are I64, an overriding result U64 and only in kprobes. A counted site is not one that an
//!     operation counts by itself: only `Absent` is.
//! 19. `break` and `continue` stand in a loop's body, not in what follows each iteration, where no loop stands either. A
//!     loop's site is one for loops.
//! 20. Text is a string, made of a value whose text user space alone can tell.
//! 21. A loop over a map wants one with a key and single values, and a variable that holds a pair of both.

mod expr;
mod memory;
mod parts;
mod stmt;
mod store;

use super::{
    Clause, Emit, EmitKind, FormatPart, MapId, MapValue, Phase, Probe, Program, SiteId, SiteKind,
};
use crate::diag::depth::with_stack;
use crate::types::Type;

/// Checks every rule.
///
/// # Errors
/// One sentence for each broken rule, with the rule's number and the place.
pub fn verify(program: &Program) -> Result<(), Vec<String>> {
    with_stack(|| verify_all(program))
}

fn verify_all(program: &Program) -> Result<(), Vec<String>> {
    let mut checker = Checker {
        program,
        clause: None,
        in_loop: false,
        place: String::new(),
        errors: Vec::new(),
    };
    checker.declarations();
    for (i, clause) in program.clauses.iter().enumerate() {
        checker.place = format!("clause {i}");
        checker.clause = Some(clause);
        checker.clause(clause);
    }
    match checker.errors.is_empty() {
        true => Ok(()),
        false => Err(checker.errors),
    }
}

struct Checker<'p> {
    program: &'p Program,
    clause: Option<&'p Clause>,
    in_loop: bool,
    place: String,
    errors: Vec<String>,
}

impl<'p> Checker<'p> {
    /// Notes a broken rule unless `holds`; `what` says what was found.
    fn rule(&mut self, number: u32, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            let place = &self.place;
            self.errors
                .push(format!("rule {number}: {place}: {}", what()));
        }
    }

    fn declarations(&mut self) {
        for (i, map) in self.program.maps.iter().enumerate() {
            self.place = format!("map {i}");
            map.key.iter().for_each(|ty| self.value_type(ty));
            if let MapValue::Plain(ty) = &map.value {
                self.value_type(ty);
            }
        }
        for (i, emit) in self.program.emits.iter().enumerate() {
            self.place = format!("emit {i}");
            self.emit(emit);
        }
    }

    fn emit(&mut self, emit: &Emit) {
        for ty in emit.args.iter().filter(|ty| **ty != Type::Call) {
            self.value_type(ty);
        }
        let given = emit.args.len();
        let wanted = match &emit.kind {
            EmitKind::Printf(format)
            | EmitKind::System(format)
            | EmitKind::Cat(format)
            | EmitKind::Message { format, .. }
            | EmitKind::Verdict { format, .. } => {
                let is_conv = |part: &&FormatPart| matches!(part, FormatPart::Conv(_));
                format.parts.iter().filter(is_conv).count()
            }
            EmitKind::PrintValue => 1,
            EmitKind::Call => {
                self.rule(17, emit.args.first() == Some(&Type::Call), || {
                    "a call's line carries no call".to_owned()
                });
                given
            }
            EmitKind::Lifecycle(what) => {
                let named = matches!(emit.args.last(), Some(Type::Str { .. }));
                self.rule(17, named, || {
                    "what happens to a thread carries no name of it".to_owned()
                });
                what.numbers() + 1
            }
            EmitKind::Join(_) => {
                let bytes = matches!(emit.args.as_slice(), [Type::Bytes { .. }]);
                self.rule(17, bytes, || "join carries one Bytes".to_owned());
                1
            }
            EmitKind::Exit => {
                self.rule(17, emit.args == [Type::I64], || {
                    "exit carries one I64".to_owned()
                });
                1
            }
            EmitKind::PrintMap { map, .. } | EmitKind::Clear(map) | EmitKind::Zero(map) => {
                self.map(*map);
                0
            }
            EmitKind::Time(_) => 0,
            EmitKind::Tail(_) => given,
        };
        self.rule(17, given == wanted, || {
            format!("{given} arguments, not {wanted}")
        });
    }

    /// Rule 4.
    fn value_type(&mut self, ty: &Type) {
        let is_value = is_value(ty);
        self.rule(4, is_value, || format!("{ty} is not the type of a value"));
    }

    /// Rule 1: the map, when it is there.
    fn map(&mut self, id: MapId) -> Option<&'p super::Map> {
        let map = self.program.maps.get(id.0 as usize);
        self.rule(1, map.is_some(), || format!("there is no map {}", id.0));
        map
    }

    /// Rule 1, and the kind of site that the rule `number` asks for.
    fn site(&mut self, id: SiteId, number: u32, kind: SiteKind) {
        let site = self.program.sites.get(id.0 as usize);
        self.rule(1, site.is_some(), || format!("there is no site {}", id.0));
        let fits = site.is_none_or(|s| s.kind == kind);
        self.rule(number, fits, || format!("site {} is not {kind:?}", id.0));
    }

    fn clause(&mut self, clause: &'p Clause) {
        self.probes(&clause.probes);
        clause.vars.iter().for_each(|var| self.value_type(&var.ty));
        if let Some(predicate) = &clause.predicate {
            self.condition(predicate);
        }
        self.block(&clause.body);
    }

    fn probes(&mut self, probes: &[Probe]) {
        self.rule(2, !probes.is_empty(), || "no probe".to_owned());
        let mut phases = probes.iter().map(phase);
        let first = phases.next().flatten();
        self.rule(2, phases.all(|p| p == first), || {
            "probes of different phases, or system calls beside other probes".to_owned()
        });
        for probe in probes {
            match probe {
                Probe::Interval { period_ns } => {
                    self.rule(3, *period_ns > 0, || "a period of 0".to_owned());
                }
                Probe::Profile { rate } => {
                    self.rule(3, rate.period_ns() > 0, || "a period of 0".to_owned());
                }
                Probe::Watchpoint {
                    address, length, ..
                } => {
                    let fits = matches!(length, 1 | 2 | 4 | 8)
                        && address.is_multiple_of(u64::from(*length));
                    self.rule(3, fits, || "a watchpoint that no CPU has".to_owned());
                }
                Probe::Counter { every, .. } => {
                    self.rule(3, *every > 0, || "every 0 events".to_owned());
                }
                Probe::Syscall { calls, .. } => {
                    let sorted = calls.calls.is_sorted_by(|a, b| a < b);
                    self.rule(3, sorted, || {
                        "calls are not sorted, or twice there".to_owned()
                    });
                    let some = calls.unknown || !calls.calls.is_empty();
                    self.rule(3, some, || "no call".to_owned());
                }
                _ => {}
            }
        }
    }
}

/// The phase of a syscall probe; `None` for any other.
fn phase(probe: &Probe) -> Option<Phase> {
    match probe {
        Probe::Syscall { phase, .. } => Some(*phase),
        _ => None,
    }
}

fn is_value(ty: &Type) -> bool {
    match ty {
        Type::Void | Type::Record(_) | Type::Call => false,
        Type::Array { .. } => ty.is_packed(),
        Type::Tuple(parts) => parts.iter().all(is_value),
        Type::Named(names, parts) => names.len() == parts.len() && parts.iter().all(is_value),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
