//! `usdt:path:[provider:]probe`: tracepoints that a program or library brings along.
//!
//! In: the file's notes. Out: a target for each place of each tracepoint that matches. A note says where the arguments are, and of
//! which type, in the assembler's words: a register (`-4@%edi`), a constant (`4@$5`), or memory (`8@-8(%rbp)`, `8@x(%rip)`).

use super::user_function::{binary, files};
use super::{
    Family, Lack, NO_SITE, Offer, Provider, Request, Target, View, builtin, cut, template, value,
};
use crate::diag::{Diagnostic, codes};
use crate::facts::{Facts, Feature, UserTracepoint};
use crate::ir::{Binary, Builtin, Expr, ExprKind, Probe};
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::types::{Space, Type, registers};
use std::rc::Rc;

const FORMS: &str = "usdt:path:probe or usdt:path:provider:probe";

/// See the module.
pub const USDT: Provider = Provider {
    name: "usdt",
    aliases: &["U"],
    forms: FORMS,
    resolve,
};

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let (path, provider, name) = match request.parts {
        [path, name] => (path, "*", name),
        [path, provider, name] if provider.text.is_empty() => (path, "*", name),
        [path, provider, name] => (path, provider.text.as_str(), name),
        _ => return Err(request.malformed(FORMS)),
    };
    request.need(Feature::Uprobe, "`usdt` probes", &[])?;
    let mut targets = Vec::new();
    let mut known = Vec::new();
    for file in files(request, path)? {
        for tracepoint in &binary(request, &file, path)?.tracepoints {
            if glob::matches(provider, &tracepoint.provider)
                && glob::matches(&name.text, &tracepoint.name)
            {
                targets.push(target(&file, tracepoint));
            }
            known.push(tracepoint.name.as_str());
        }
    }
    if !targets.is_empty() {
        return Ok(targets);
    }
    let message = format!("`{}` has no tracepoint `{}`", path.text, name.text);
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_USDT, name.span, message);
    diagnostic
        .help
        .extend(did_you_mean(&name.text, known.iter().copied()));
    if known.is_empty() {
        diagnostic = diagnostic.help("it has none at all");
    }
    Err(diagnostic)
}

fn target(file: &str, tracepoint: &UserTracepoint) -> Target {
    let probe = Probe::Usdt {
        path: file.to_owned(),
        provider: tracepoint.provider.clone(),
        name: tracepoint.name.clone(),
        at: tracepoint.at,
        semaphore: tracepoint.semaphore,
    };
    let view = Rc::new(Notes {
        name: tracepoint.name.clone(),
        arguments: split(&tracepoint.arguments),
    });
    Target { probe, view }
}

/// One tracepoint's view.
struct Notes {
    name: String,
    arguments: Vec<String>,
}

impl View for Notes {
    fn family(&self) -> Family {
        Family::User
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn arg(&self, _name: &str, _facts: &dyn Facts) -> Result<Offer, Lack> {
        let message = "arguments of a `usdt` probe have no names".to_owned();
        let help = "they are arg0, arg1, … as numbers".to_owned();
        Err(Lack::Because(codes::NO_ARGS_HERE, message, Some(help)))
    }

    fn position(&self, n: u8, _facts: &dyn Facts) -> Result<Offer, Lack> {
        let text = self.arguments.get(usize::from(n)).ok_or(Lack::NoSuchArg)?;
        argument(text).map(value).ok_or_else(|| {
            let message = format!("where arg{n} is, `{text}`, cannot be read by a probe");
            Lack::Because(codes::NO_ARGS_HERE, message, None)
        })
    }

    fn has_registers(&self) -> bool {
        true
    }

    fn space(&self) -> Space {
        Space::User
    }
}

/// `-4@%edi 8@-8(%rbp)`: at the blanks outside of parentheses.
fn split(arguments: &str) -> Vec<String> {
    arguments.split_whitespace().map(str::to_owned).collect()
}

/// An argument as an expression: `SIZE@PLACE`, a negative size is of a signed number.
fn argument(text: &str) -> Option<Expr> {
    let (size, place) = text.split_once('@')?;
    let size: i8 = size.parse().ok()?;
    let bits = size
        .unsigned_abs()
        .checked_mul(8)
        .filter(|b| [8, 16, 32, 64].contains(b))?;
    let ty = Type::Int {
        bits,
        signed: size < 0,
    };
    if let Some(register) = place.strip_prefix('%') {
        let (register, of) = registers::of_operand(register)?;
        return (bits <= of).then(|| cut(register_value(register), ty));
    }
    if let Some(number) = place.strip_prefix('$') {
        return Some(template(ty, ExprKind::Int(integer(number)? as u64)));
    }
    let (base, offset) = address(place)?;
    let kind = ExprKind::Load {
        base: Box::new(base),
        offset,
        space: Space::User,
        width: bits / 8,
        bits: None,
        site: NO_SITE,
    };
    Some(template(ty, kind))
}

fn register_value(register: u16) -> Expr {
    builtin(Type::U64, Builtin::Reg(register))
}

/// `OFFSET(%base,%index,SCALE)`: all but the base can be missing.
fn address(place: &str) -> Option<(Expr, i64)> {
    let (offset, rest) = place.split_once('(')?;
    let inner = rest.strip_suffix(')')?;
    let offset = match offset {
        "" => 0,
        offset => integer(offset)?,
    };
    let mut parts = inner.split(',').map(str::trim);
    let register = |part: &str| {
        let (register, bits) = registers::of_operand(part.strip_prefix('%')?)?;
        (bits == 64).then(|| register_value(register))
    };
    let base = register(parts.next()?)?;
    let Some(index) = parts.next() else {
        return Some((base, offset));
    };
    let index = register(index)?;
    let scale: u64 = parts.next().map_or(Some(1), |scale| scale.parse().ok())?;
    let scaled = binary_u64(
        Binary::Mul,
        index,
        template(Type::U64, ExprKind::Int(scale)),
    );
    Some((binary_u64(Binary::Add, base, scaled), offset))
}

fn binary_u64(op: Binary, left: Expr, right: Expr) -> Expr {
    let kind = ExprKind::Binary {
        op,
        left: Box::new(left),
        right: Box::new(right),
        site: None,
    };
    template(Type::U64, kind)
}

fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let number = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<(Type, ExprKind)> {
        argument(text).map(|e| (e.ty, e.kind))
    }

    #[test]
    fn arguments_are_registers_constants_and_memory() {
        let di = registers::find("di").expect("it is in the table");
        let (ty, cast) = kind("-4@%edi").expect("a register");
        assert_eq!(ty, Type::I32);
        assert!(
            matches!(cast, ExprKind::Cast(of) if of.kind == ExprKind::Builtin(Builtin::Reg(di)))
        );
        let (ty, whole) = kind("8@%rdi").expect("a register");
        assert_eq!(
            (ty, whole),
            (Type::U64, ExprKind::Builtin(Builtin::Reg(di)))
        );
        assert_eq!(
            kind("-4@$-5"),
            Some((Type::I32, ExprKind::Int(-5_i64 as u64)))
        );
        let Some((
            _,
            ExprKind::Load {
                offset: -8,
                width: 8,
                ..
            },
        )) = kind("8@-8(%rbp)")
        else {
            panic!("{:?}", kind("8@-8(%rbp)"));
        };
        let Some((
            _,
            ExprKind::Load {
                base,
                offset: 0,
                width: 1,
                ..
            },
        )) = kind("1@(%rax,%rdx,4)")
        else {
            panic!("{:?}", kind("1@(%rax,%rdx,4)"));
        };
        assert!(matches!(
            base.kind,
            ExprKind::Binary {
                op: Binary::Add,
                ..
            }
        ));
        for unreadable in ["8@%xmm0", "3@%rax", "8@%eax", "8@name(%rip)", "8@foo"] {
            assert_eq!(kind(unreadable), None, "{unreadable}");
        }
    }
}
