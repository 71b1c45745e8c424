//! `syscall:NAME`, `syscall:NAME:entry`, `syscall:NAME:return`: system calls of both ABIs.
//!
//! In: a name, a glob or a class, and the phase. Out: a target a call and ABI, so that a clause is split only where
//! it asks for an argument that differs. Never knows how calls are attached.
//!
//! `exit` and `exit_group` never return. Named alone, they fire at entry when no phase is written, and have no `:return`.
//! Met by a glob or class without a phase they fire at entry when the clause asks for no result, and are left out
//! when it does.

use super::{
    CallProperty, Family, Lack, NO_SITE, Offer, Provider, Request, Target, View, arg_as, builtin,
    call_args, raw_arg, template, value,
};
use crate::diag::{Diagnostic, codes};
use crate::facts::Facts;
use crate::ir::{Binary, Builtin, Expr, ExprKind, Phase, Probe, SyscallSet};
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::syntax::ast::Ident;
use crate::tables::syscalls::{self, ArgKind, ArgPair, StructField};
use crate::types::{Abi, Lazy, Pointee, Space, SyscallProbe, Type};
use std::rc::Rc;

const FORMS: &str =
    "syscall:NAME, syscall:NAME:entry or syscall:NAME:return; NAME can be a glob or a %class";

/// See the module.
pub const SYSCALL: Provider = Provider {
    name: "syscall",
    aliases: &["sc"],
    forms: FORMS,
    resolve,
};

/// The class of numbers that no table knows.
const UNKNOWN: &str = "%unknown";

/// Argument registers of a call.
const REGISTERS: u8 = 6;

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let (name, phase) = parse(request)?;
    if name.text == "*" || name.text.is_empty() {
        let mut targets = from_names(&all_names(), phase, request);
        targets.push(unknown(phase, request.max_strlen));
        return Ok(targets);
    }
    if name.text == UNKNOWN {
        return Ok(vec![unknown(phase, request.max_strlen)]);
    }
    if let Some(class) = name.text.strip_prefix('%') {
        let calls = syscalls::class(class).ok_or_else(|| no_such_class(name, class))?;
        return Ok(from_names(calls, phase, request));
    }
    if glob::is_glob(&name.text) {
        let mut calls = all_names();
        calls.retain(|n| glob::matches(&name.text, n));
        if calls.is_empty() {
            let message = format!("no system call matches `{}`", name.text);
            return Err(Diagnostic::error(codes::NO_MATCH, name.span, message));
        }
        return Ok(from_names(&calls, phase, request));
    }
    one(name, phase, request)
}

/// Name and phase; the empty part of dtrace's `syscall::NAME:entry` is skipped.
fn parse<'a>(request: &Request<'a>) -> Result<(&'a Ident, Phase), Diagnostic> {
    let parts = match request.parts {
        [empty, rest @ ..] if empty.text.is_empty() && !rest.is_empty() => rest,
        parts => parts,
    };
    let (name, suffix) = match parts {
        [name] => (name, None),
        [name, suffix] => (name, Some(suffix.text.as_str())),
        _ => return Err(request.malformed(FORMS)),
    };
    let phase = match suffix {
        None => Phase::Whole,
        Some("entry") => Phase::Entry,
        Some("return") => Phase::Return,
        Some(_) => return Err(request.malformed(FORMS)),
    };
    Ok((name, phase))
}

/// Exactly the call of that name.
fn one(name: &Ident, phase: Phase, request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let call = name.text.as_str();
    let never_returns = syscalls::never_returns(call);
    if never_returns && let Some(result) = request.uses.result() {
        let message = format!("`{call}` never returns: there is no `{result}`");
        return Err(Diagnostic::error(codes::NEVER_RETURNS, name.span, message));
    }
    if never_returns && phase == Phase::Return {
        let message = format!("`{call}` never returns: it has no `:return`");
        let help = format!("`syscall:{call}` fires when it is called");
        return Err(Diagnostic::error(codes::NEVER_RETURNS, name.span, message).help(help));
    }
    let phase = if never_returns { Phase::Entry } else { phase };
    let targets = targets_of(call, phase, request.max_strlen);
    if targets.is_empty() {
        let mut diagnostic = Diagnostic::error(
            codes::NO_SUCH_SYSCALL,
            name.span,
            format!("no such system call: `{call}`"),
        );
        diagnostic.help.extend(did_you_mean(call, all_names()));
        return Err(diagnostic);
    }
    Ok(targets)
}

fn no_such_class(name: &Ident, class: &str) -> Diagnostic {
    let message = format!("no such class of system calls: `%{class}`");
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_SYSCALL, name.span, message);
    diagnostic
        .help
        .extend(did_you_mean(class, syscalls::classes()));
    let known = syscalls::classes().map(|c| format!("%{c}"));
    let all: Vec<String> = known.chain([UNKNOWN.to_owned()]).collect();
    diagnostic.help(format!("there are {}", all.join(" ")))
}

/// Calls that were not named one by one.
fn from_names(names: &[&'static str], phase: Phase, request: &Request) -> Vec<Target> {
    let mut targets = Vec::new();
    for name in names {
        let phase = match syscalls::never_returns(name) {
            true if phase == Phase::Return || request.uses.result().is_some() => continue,
            true => Phase::Entry,
            false => phase,
        };
        targets.extend(targets_of(name, phase, request.max_strlen));
    }
    targets
}

/// Names of all calls of both ABIs, sorted.
pub(super) fn all_names() -> Vec<&'static str> {
    let native = syscalls::all(Abi::Native).map(|(_, name)| name);
    let mut names: Vec<&str> = native
        .chain(syscalls::all(Abi::I386).map(|(_, name)| name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn targets_of(name: &str, phase: Phase, max_strlen: u32) -> Vec<Target> {
    let with_abi = |abi| {
        let number = syscalls::number(abi, name)?;
        Some(target(
            vec![(abi, number)],
            false,
            Call {
                name: name.to_owned(),
                abi: Some(abi),
                phase,
                form: form(phase),
                max_strlen,
            },
        ))
    };
    [Abi::Native, Abi::I386]
        .into_iter()
        .filter_map(with_abi)
        .collect()
}

/// Numbers that no table knows.
fn unknown(phase: Phase, max_strlen: u32) -> Target {
    let call = Call {
        name: "unknown calls".to_owned(),
        abi: None,
        phase,
        form: form(phase),
        max_strlen,
    };
    target(Vec::new(), true, call)
}

fn target(calls: Vec<(Abi, u32)>, unknown: bool, call: Call) -> Target {
    let calls = SyscallSet { calls, unknown };
    Target {
        probe: Probe::Syscall {
            calls,
            phase: call.phase,
        },
        view: Rc::new(call),
    }
}

fn form(phase: Phase) -> SyscallProbe {
    match phase {
        Phase::Whole => SyscallProbe::Whole,
        Phase::Entry => SyscallProbe::Entry,
        Phase::Return => SyscallProbe::Return,
    }
}

/// One call of one ABI.
struct Call {
    name: String,
    abi: Option<Abi>,
    phase: Phase,
    form: SyscallProbe,
    max_strlen: u32,
}

impl Call {
    fn signature(&self) -> Option<&'static syscalls::Signature> {
        syscalls::signature(self.abi?, &self.name)
    }

    /// Registers of 32-bit calls arrive zero-extended, so an unsigned argument that is 64 bits wide in the
    /// native call can be taken as that: the two ABIs then share a clause.
    ///
    /// A kernel that does not know the struct of a 32-bit call has no such calls: there the native one does no harm,
    /// and the ABIs share a clause too.
    fn shared_kind(&self, at: usize, own: syscalls::Arg, facts: &dyn Facts) -> ArgKind {
        let unsigned = |bits| ArgKind::Int {
            bits,
            signed: false,
        };
        let native = syscalls::signature(Abi::Native, &self.name);
        let same = native.and_then(|s| s.args.get(at));
        let Some(native) = same.filter(|native| native.name == own.name) else {
            return own.kind;
        };
        match (own.kind, native.kind) {
            (own, wide) if own == unsigned(32) && wide == unsigned(64) => wide,
            (ArgKind::Ptr(Some(own)), wide @ ArgKind::Ptr(Some(_))) if is_unknown(own, facts) => {
                wide
            }
            (own, _) => own,
        }
    }

    fn no_args(&self) -> Lack {
        let message = format!(
            "`syscall:{}:return` has no arguments: its registers may be changed by then",
            self.name
        );
        let help = format!(
            "`syscall:{}` fires at the return too, and has arguments and result together",
            self.name
        );
        Lack::Because(codes::NO_ARGS_HERE, message, Some(help))
    }

    fn no_result(&self, what: &str) -> Lack {
        if syscalls::never_returns(&self.name) {
            let message = format!("`{}` never returns: there is no `{what}`", self.name);
            return Lack::Because(codes::NEVER_RETURNS, message, None);
        }
        let message = format!("at `:entry` there is no `{what}` yet");
        let help = format!(
            "`syscall:{}` fires when the call has ended, with arguments and result",
            self.name
        );
        Lack::Because(codes::NO_RESULT_HERE, message, Some(help))
    }
}

impl View for Call {
    fn family(&self) -> Family {
        Family::Syscall(self.form)
    }

    fn name(&self) -> String {
        // The 32-bit variant of a call is told apart only where the native one differs.
        match self.abi {
            Some(Abi::I386) if syscalls::number(Abi::Native, &self.name).is_none() => {
                format!("{} (i386)", self.name)
            }
            _ => self.name.clone(),
        }
    }

    fn arg(&self, name: &str, facts: &dyn Facts) -> Result<Offer, Lack> {
        if self.phase == Phase::Return {
            return Err(self.no_args());
        }
        let signature = self.signature().ok_or(Lack::NoSuchArg)?;
        let own = signature.args.iter().position(|a| a.name == name);
        if let Some(at) = own {
            let kind = self.shared_kind(at, signature.args[at], facts);
            return Ok(argument(at as u8, kind, self.max_strlen));
        }
        let member = signature.fields.iter().find(|f| f.name == name);
        let pair = || signature.pairs.iter().find(|p| p.name == name);
        let offer = member.map(member_of).or_else(|| pair().map(pair_of));
        offer.ok_or(Lack::NoSuchArg)
    }

    fn state(&self, name: &str, facts: &dyn Facts) -> Result<Offer, Lack> {
        // An argument that is not there is told of in the same words.
        let offer = self.arg(name, facts)?;
        let signature = self.signature().ok_or(Lack::NoSuchArg)?;
        if let Some(at) = signature.args.iter().position(|a| a.name == name) {
            let arg = &signature.args[at];
            return call_args::state(at as u8, arg, self.phase, self.max_strlen);
        }
        match offer {
            Offer::Value { expr, .. } if matches!(expr.kind, ExprKind::Load { .. }) => {
                Ok(value(call_args::of_reading(expr)))
            }
            _ => Err(call_args::no_state(name)),
        }
    }

    fn decoded(&self, name: &str) -> Result<Offer, Lack> {
        if self.phase == Phase::Return {
            return Err(self.no_args());
        }
        let (abi, signature) = self.abi.zip(self.signature()).ok_or(Lack::NoSuchArg)?;
        let at = signature.args.iter().position(|a| a.name == name);
        let at = at.ok_or(Lack::NoSuchArg)?;
        call_args::decoded(abi, &self.name, at as u8, &signature.args[at])
    }

    fn arg_names(&self, _facts: &dyn Facts) -> Vec<String> {
        let Some(signature) = self.signature() else {
            return Vec::new();
        };
        let own = signature.args.iter().map(|a| a.name);
        own.chain(signature.fields.iter().map(|f| f.name))
            .chain(signature.pairs.iter().map(|p| p.name))
            .map(str::to_owned)
            .collect()
    }

    fn position(&self, n: u8, _facts: &dyn Facts) -> Result<Offer, Lack> {
        match self.phase {
            Phase::Return => Err(self.no_args()),
            _ if n < REGISTERS => Ok(value(raw_arg(n))),
            _ => Err(Lack::NoSuchArg),
        }
    }

    fn retval(&self, _facts: &dyn Facts) -> Result<Offer, Lack> {
        match self.phase {
            Phase::Entry => Err(self.no_result("retval")),
            _ => Ok(value(builtin(Type::I64, Builtin::Retval))),
        }
    }

    fn call(&self, property: CallProperty) -> Result<Offer, Lack> {
        match (property, self.phase) {
            (CallProperty::Errno, Phase::Entry) => Err(self.no_result("errno")),
            (CallProperty::Duration, Phase::Entry) => Err(self.no_result("duration")),
            (CallProperty::Whole, Phase::Return) => Err(self.no_args()),
            (CallProperty::Duration, Phase::Return) => Err(Lack::Because(
                codes::NO_RESULT_HERE,
                "`:return` does not know the entry's time: there is no `duration`".to_owned(),
                Some(format!(
                    "`syscall:{}` fires at the return too, with `duration`",
                    self.name
                )),
            )),
            _ => Ok(call_property(property)),
        }
    }

    fn space(&self) -> Space {
        Space::User
    }
}

/// BTF describes the kernel, but no such struct.
fn is_unknown(name: &str, facts: &dyn Facts) -> bool {
    facts
        .btf()
        .is_some_and(|btf| btf.struct_named(name).is_none() && btf.union_named(name).is_none())
}

/// What all system-call probes offer.
pub(super) fn call_property(property: CallProperty) -> Offer {
    value(match property {
        CallProperty::Errno => builtin(Type::Lazy(Lazy::Errno), Builtin::Errno),
        CallProperty::Duration => builtin(Type::U64, Builtin::Duration),
        CallProperty::Name => builtin(Type::Lazy(Lazy::SyscallName), Builtin::SyscallName),
        CallProperty::Number => builtin(Type::I64, Builtin::SyscallNr),
        CallProperty::Abi => builtin(Type::Lazy(Lazy::Abi), Builtin::SyscallAbi),
        CallProperty::Whole => builtin(Type::Call, Builtin::Call),
    })
}

fn argument(n: u8, kind: ArgKind, max_strlen: u32) -> Offer {
    match kind {
        ArgKind::Int { bits, signed } => value(arg_as(n, Type::Int { bits, signed })),
        ArgKind::Str => value(template(
            Type::Str { cap: max_strlen },
            ExprKind::ReadStr {
                addr: Box::new(raw_arg(n)),
                space: Space::User,
                site: NO_SITE,
            },
        )),
        ArgKind::Ptr(points_to) => Offer::Value {
            expr: arg_as(n, user_pointer()),
            points_to: points_to.map(str::to_owned),
        },
    }
}

/// A pointer to user memory of unknown type.
pub(super) fn user_pointer() -> Type {
    Type::Ptr {
        to: Pointee::Unknown,
        space: Space::User,
    }
}

fn pair_of(pair: &ArgPair) -> Offer {
    let binary = |op, left, right| {
        let (left, right) = (Box::new(left), Box::new(right));
        template(
            Type::U64,
            ExprKind::Binary {
                op,
                left,
                right,
                site: None,
            },
        )
    };
    let half = |n| cast(arg_as(n, Type::U32), Type::U64);
    let bits = template(Type::U64, ExprKind::Int(32));
    let high = binary(Binary::Shl, half(pair.high), bits);
    let whole = binary(Binary::Or, high, half(pair.low));
    value(match pair.signed {
        true => cast(whole, Type::I64),
        false => whole,
    })
}

fn cast(from: Expr, ty: Type) -> Expr {
    template(ty, ExprKind::Cast(Box::new(from)))
}

fn member_of(field: &StructField) -> Offer {
    let ty = Type::Int {
        bits: field.width * 8,
        signed: field.signed,
    };
    value(template(
        ty,
        ExprKind::Load {
            base: Box::new(raw_arg(field.arg)),
            offset: i64::from(field.offset),
            space: Space::User,
            width: field.width,
            bits: None,
            site: NO_SITE,
        },
    ))
}
