//! `tracepoint:category:name`: events of the kernel with a described record.
//!
//! In: category and name, each may be a glob. Out: a target an event. Fields come from the record's format. Those of
//! `syscalls` and `raw_syscalls` are handed to `tracepoint_syscalls`.

use super::{
    Family, Lack, Offer, Provider, Request, Target, View, template, tracepoint_syscalls, typed,
    value,
};
use crate::diag::{Diagnostic, codes};
use crate::facts::{Facts, Feature, TracepointField};
use crate::ir::{Binary, ExprKind, Probe};
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::types::{Pointee, Space, Type};
use std::rc::Rc;

const FORMS: &str = "tracepoint:category:name, e.g. tracepoint:sched:sched_switch";

/// See the module.
pub const TRACEPOINT: Provider = Provider {
    name: "tracepoint",
    aliases: &["t"],
    forms: FORMS,
    resolve,
};

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let [category, name] = request.parts else {
        return Err(request.malformed(FORMS));
    };
    let (category, name) = (category.text.as_str(), name.text.as_str());
    if !glob::is_glob(category) && !glob::is_glob(name) {
        return Ok(vec![one(category, name, request)?]);
    }
    let targets: Vec<Target> = known(request.facts)
        .iter()
        .filter_map(|full| full.split_once(':'))
        .filter(|(c, n)| glob::matches(category, c) && glob::matches(name, n))
        .map(|(c, n)| one(c, n, request))
        .collect::<Result<_, _>>()?;
    if targets.is_empty() {
        request.need(Feature::Tracepoint, "`tracepoint` probes", &[])?;
        let message = format!("no tracepoint matches `{category}:{name}`");
        return Err(Diagnostic::error(
            codes::NO_MATCH,
            request.spec.span,
            message,
        ));
    }
    Ok(targets)
}

/// All `category:name`: what tracefs lists and what is served without it.
fn known(facts: &dyn Facts) -> Vec<String> {
    let mut names = facts.tracepoints().to_vec();
    for category in ["raw_syscalls", "syscalls"] {
        // What this kernel lists is exact; the table stands in when nothing can be read.
        if !names.iter().any(|n| n.split(':').next() == Some(category)) {
            let all = tracepoint_syscalls::names(category);
            names.extend(all.into_iter().map(|n| format!("{category}:{n}")));
        }
    }
    names
}

fn one(category: &str, name: &str, request: &Request) -> Result<Target, Diagnostic> {
    if tracepoint_syscalls::serves(category) {
        return tracepoint_syscalls::target(category, name)
            .ok_or_else(|| missing(category, name, request));
    }
    request.need(Feature::Tracepoint, "`tracepoint` probes", &[])?;
    let full = format!("{category}:{name}");
    let listed = request.facts.tracepoints();
    if !listed.contains(&full) && request.facts.tracepoint(category, name).is_none() {
        return Err(missing(category, name, request));
    }
    Ok(Target {
        probe: Probe::Tracepoint {
            category: category.to_owned(),
            name: name.to_owned(),
        },
        view: Rc::new(Record {
            category: category.to_owned(),
            name: name.to_owned(),
            max_strlen: request.max_strlen,
        }),
    })
}

fn missing(category: &str, name: &str, request: &Request) -> Diagnostic {
    let full = format!("{category}:{name}");
    let message = format!("no such tracepoint: `{full}`");
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_TRACEPOINT, request.spec.span, message);
    let known = known(request.facts);
    diagnostic
        .help
        .extend(did_you_mean(&full, known.iter().map(String::as_str)));
    if diagnostic.help.is_empty() {
        // The right name in the wrong category is the commonest slip.
        let same: Vec<&str> = known
            .iter()
            .filter(|k| k.split_once(':').is_some_and(|(_, n)| n == name))
            .map(String::as_str)
            .collect();
        if let Some(first) = same.first() {
            diagnostic = diagnostic.help(format!("did you mean `{first}`?"));
        }
    }
    diagnostic
}

struct Record {
    category: String,
    name: String,
    max_strlen: u32,
}

impl Record {
    fn fields<'a>(&self, facts: &'a dyn Facts) -> Result<&'a [TracepointField], Lack> {
        match facts.tracepoint(&self.category, &self.name) {
            Some(format) => Ok(&format.fields),
            None => {
                let message = format!("the format of `{}` cannot be read", self.name());
                let help = "mount tracefs: mount -t tracefs tracefs /sys/kernel/tracing";
                Err(Lack::Because(
                    codes::PROBE_NOT_HERE,
                    message,
                    Some(help.to_owned()),
                ))
            }
        }
    }
}

impl View for Record {
    fn family(&self) -> Family {
        Family::Tracepoint
    }

    fn name(&self) -> String {
        format!("{}:{}", self.category, self.name)
    }

    fn arg(&self, name: &str, facts: &dyn Facts) -> Result<Offer, Lack> {
        let field = self.fields(facts)?.iter().find(|f| f.name == name);
        offer(field.ok_or(Lack::NoSuchArg)?, self.max_strlen)
    }

    fn arg_names(&self, facts: &dyn Facts) -> Vec<String> {
        let fields = self.fields(facts).unwrap_or_default();
        fields.iter().map(|f| f.name.clone()).collect()
    }
}

/// What a field is, by its C type, size and sign.
fn offer(field: &TracepointField, max_strlen: u32) -> Result<Offer, Lack> {
    let c_type = &field.c_type;
    let words: Vec<&str> = c_type
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|w| !w.is_empty())
        .collect();
    let text = words.contains(&"char");
    if words.contains(&"__data_loc") || words.contains(&"__rel_loc") {
        return Ok(dynamic(field, &words, text, max_strlen));
    }
    if c_type.contains('[') {
        return array(field, text);
    }
    if c_type.contains('*') {
        return Ok(pointer(field, &words, text));
    }
    Ok(value(scalar(field, integer(field.size, field.signed)?)))
}

/// The record says where the bytes are: a string, or the address of the first element.
fn dynamic(field: &TracepointField, words: &[&str], text: bool, max_strlen: u32) -> Offer {
    let address = match words.contains(&"__rel_loc") {
        true => relative(field.offset),
        false => template(
            kernel_pointer(Pointee::Unknown),
            ExprKind::DataLoc {
                offset: field.offset,
            },
        ),
    };
    if !text {
        return value(address);
    }
    Offer::Place {
        address,
        ty: Type::Array {
            elem: Box::new(char()),
            len: max_strlen - 1,
        },
        space: Space::Kernel,
    }
}

/// A `__rel_loc` word counts from its own end.
fn relative(offset: u32) -> crate::ir::Expr {
    let word = template(Type::U32, ExprKind::Field { offset, width: 4 });
    let wide = template(Type::U64, ExprKind::Cast(Box::new(word)));
    let mask = template(Type::U64, ExprKind::Int(0xffff));
    let end = template(
        kernel_pointer(Pointee::Unknown),
        ExprKind::FieldAddr { offset: offset + 4 },
    );
    let end = template(Type::U64, ExprKind::Cast(Box::new(end)));
    binary(Binary::Add, end, binary(Binary::And, wide, mask))
}

fn binary(op: Binary, left: crate::ir::Expr, right: crate::ir::Expr) -> crate::ir::Expr {
    let kind = ExprKind::Binary {
        op,
        left: Box::new(left),
        right: Box::new(right),
        site: None,
    };
    template(Type::U64, kind)
}

/// A fixed array in the record: `char comm[16]`, `unsigned long args[6]`.
fn array(field: &TracepointField, text: bool) -> Result<Offer, Lack> {
    let len: u32 = field
        .c_type
        .split(['[', ']'])
        .nth(1)
        .and_then(|n| n.trim().parse().ok())
        .unwrap_or(field.size);
    let elem = match text {
        true => char(),
        false => integer(field.size.checked_div(len).unwrap_or(1), field.signed)?,
    };
    Ok(Offer::Place {
        address: template(
            kernel_pointer(Pointee::Unknown),
            ExprKind::FieldAddr {
                offset: field.offset,
            },
        ),
        ty: Type::Array {
            elem: Box::new(elem),
            len,
        },
        space: Space::Kernel,
    })
}

fn pointer(field: &TracepointField, words: &[&str], text: bool) -> Offer {
    let ty = match text {
        true => typed::char_pointer(Space::Kernel),
        false => kernel_pointer(Pointee::Unknown),
    };
    Offer::Value {
        expr: scalar(field, ty),
        points_to: typed::struct_name(words),
    }
}

fn scalar(field: &TracepointField, ty: Type) -> crate::ir::Expr {
    template(
        ty,
        ExprKind::Field {
            offset: field.offset,
            width: field.size as u8,
        },
    )
}

fn integer(size: u32, signed: bool) -> Result<Type, Lack> {
    match size {
        1 | 2 | 4 | 8 => Ok(Type::Int {
            bits: size as u8 * 8,
            signed,
        }),
        _ => {
            let message = format!("a field of {size} bytes that is no array");
            Err(Lack::Because(codes::TYPE_NOT_BUILT, message, None))
        }
    }
}

fn char() -> Type {
    Type::Int {
        bits: 8,
        signed: true,
    }
}

fn kernel_pointer(to: Pointee) -> Type {
    Type::Ptr {
        to,
        space: Space::Kernel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(c_type: &str, size: u32) -> TracepointField {
        TracepointField {
            name: "x".to_owned(),
            c_type: c_type.to_owned(),
            offset: 16,
            size,
            signed: false,
        }
    }

    #[test]
    fn arrays_of_characters_are_places_of_their_length() {
        let Ok(Offer::Place { ty, .. }) = offer(&field("char comm[16]", 16), 64) else {
            panic!("an array is a place");
        };
        assert_eq!(ty.to_string(), "int8[16]");
        let Ok(Offer::Place { ty, .. }) = offer(&field("unsigned long args[6]", 48), 64) else {
            panic!("an array is a place");
        };
        assert_eq!(ty.to_string(), "uint64[6]");
    }

    #[test]
    fn dynamic_strings_are_as_long_as_strings_may_be() {
        let Ok(Offer::Place { ty, address, .. }) = offer(&field("__data_loc char[]", 4), 64) else {
            panic!("dynamic text is a place");
        };
        assert_eq!(ty.to_string(), "int8[63]");
        assert_eq!(address.kind, ExprKind::DataLoc { offset: 16 });
    }

    #[test]
    fn a_field_of_another_size_is_an_error() {
        assert!(offer(&field("struct odd", 12), 64).is_err());
    }
}
