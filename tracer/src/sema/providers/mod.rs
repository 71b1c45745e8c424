//! Probe providers: what a probe's text stands for, and what its firing offers to a clause.
//!
//! In: a probe as written, and the facts. Out: [`Target`]s: hooks of the IR, each with the [`View`] that says what
//! `args.x`, `retval`, … mean there. To add a provider: a file with a `resolve` function, a line in
//! [`PROVIDERS`], a golden case. Never lowers a clause.

mod begin_end;
mod call_args;
mod counter;
mod function;
mod interval;
pub mod iterator;
pub mod kernel_function;
mod module_function;
pub mod own_signal;
mod profile;
mod rawtracepoint;
mod syscall;
mod tracepoint;
mod tracepoint_syscalls;
mod typed;
mod usdt;
mod user_function;
mod watchpoint;

use super::nearest::did_you_mean;
use super::pass::expr;
use super::uses::Uses;
use crate::diag::{Code, Diagnostic, Span, codes};
use crate::facts::{Facts, Feature, Support};
use crate::ir::{Builtin, Expr, ExprKind, Probe, SiteId};
use crate::syntax::ast::{Ident, ProbeSpec};
use crate::types::{Space, SyscallProbe, Type};
use std::rc::Rc;

/// A provider.
pub struct Provider {
    /// Its name in full.
    pub name: &'static str,
    /// Short and older names.
    pub aliases: &'static [&'static str],
    /// How its probes are written, for messages.
    pub forms: &'static str,
    /// Text to targets; at least one.
    pub resolve: fn(&Request) -> Result<Vec<Target>, Diagnostic>,
}

/// The providers.
pub static PROVIDERS: &[Provider] = &[
    begin_end::BEGIN,
    begin_end::END,
    interval::INTERVAL,
    profile::PROFILE,
    counter::SOFTWARE,
    counter::HARDWARE,
    syscall::SYSCALL,
    tracepoint::TRACEPOINT,
    rawtracepoint::RAWTRACEPOINT,
    function::KPROBE,
    function::KRETPROBE,
    function::FENTRY,
    function::FEXIT,
    user_function::UPROBE,
    user_function::URETPROBE,
    usdt::USDT,
    iterator::ITER,
    own_signal::SELF,
    watchpoint::WATCHPOINT,
];

/// A probe to resolve.
pub struct Request<'a> {
    /// As written.
    pub spec: &'a ProbeSpec,
    /// Its parts behind the provider's name.
    pub parts: &'a [Ident],
    /// What the clause asks for.
    pub uses: &'a Uses,
    /// The kernel.
    pub facts: &'a dyn Facts,
    /// Capacity of a string without a length of its own.
    pub max_strlen: u32,
}

/// A hook, and what its firing offers.
#[derive(Clone)]
pub struct Target {
    /// The hook. System calls come one by one here and are gathered later.
    pub probe: Probe,
    /// What it offers.
    pub view: Rc<dyn View>,
}

/// What a property of the event is, with empty spans and sites.
#[derive(Clone, PartialEq, Debug)]
pub enum Offer {
    /// A value.
    Value {
        /// How to get it.
        expr: Expr,
        /// The struct it points to, by name.
        points_to: Option<String>,
    },
    /// Memory: an array, or a struct.
    Place {
        /// Where.
        address: Expr,
        /// What is there.
        ty: Type,
        /// In which address space.
        space: Space,
    },
    /// The argument registers as an array.
    Registers,
}

/// Why a property is not offered.
#[derive(Clone, PartialEq, Debug)]
pub enum Lack {
    /// There is none of that name.
    NoSuchArg,
    /// This kind of probe does not have it.
    NotHere,
    /// It has none, for a reason.
    Because(Code, String, Option<String>),
    /// An error was said already.
    Silent,
}

/// What one firing offers to a clause.
pub trait View {
    /// What keeps this target's clause apart from others even when they offer the same.
    fn family(&self) -> Family;
    /// The hook's name in messages.
    fn name(&self) -> String;
    /// `args.NAME`.
    fn arg(&self, _name: &str, _facts: &dyn Facts) -> Result<Offer, Lack> {
        Err(Lack::NotHere)
    }
    /// Names of all arguments, in order, for proposals.
    fn arg_names(&self, _facts: &dyn Facts) -> Vec<String> {
        Vec::new()
    }
    /// `state(args.NAME)`.
    fn state(&self, _name: &str, _facts: &dyn Facts) -> Result<Offer, Lack> {
        Err(Lack::NotHere)
    }
    /// `decode(args.NAME)`.
    fn decoded(&self, _name: &str) -> Result<Offer, Lack> {
        Err(Lack::NotHere)
    }
    /// `argN`.
    fn position(&self, _n: u8, _facts: &dyn Facts) -> Result<Offer, Lack> {
        Err(Lack::NotHere)
    }
    /// `retval`.
    fn retval(&self, _facts: &dyn Facts) -> Result<Offer, Lack> {
        Err(Lack::NotHere)
    }
    /// `errno`, `duration`, `name`, `nr`, `abi`: what belongs to system calls alone.
    fn call(&self, _property: CallProperty) -> Result<Offer, Lack> {
        Err(Lack::NotHere)
    }
    /// The struct that `ctx` points to, by name.
    fn context(&self) -> Option<String> {
        None
    }
    /// What must be true for a firing to be one: the kernel runs the program more often than the probe fires.
    fn guard(&self, _facts: &dyn Facts) -> Option<Expr> {
        None
    }
    /// A firing sees the registers of what was interrupted.
    fn has_registers(&self) -> bool {
        false
    }
    /// Which address space a bare number is an address of.
    fn space(&self) -> Space {
        Space::Kernel
    }
}

/// Properties of system calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallProperty {
    /// `errno`.
    Errno,
    /// `duration`.
    Duration,
    /// `name`.
    Name,
    /// `nr`.
    Number,
    /// `abi`.
    Abi,
    /// `call`.
    Whole,
}

/// Targets of different families never share an IR clause: they are run by programs of different kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// `BEGIN`, `END`, `interval`, `self:signal`.
    Synthetic,
    /// Iterators, all of one kind: what `ctx` points to differs.
    Iterator,
    /// System calls; the form of the name, which implies the phase.
    Syscall(SyscallProbe),
    /// Timers and counters of each CPU.
    PerfEvent,
    /// Addresses that are watched.
    Watchpoint,
    /// Tracepoints.
    Tracepoint,
    /// Raw tracepoints.
    RawTracepoint,
    /// kprobe.
    Kprobe,
    /// kretprobe.
    Kretprobe,
    /// fentry.
    Fentry,
    /// fexit.
    Fexit,
    /// uprobe and usdt.
    User,
    /// uretprobe.
    UserReturn,
    /// Nothing: the probes are in error.
    Blind,
}

/// What a clause sees whose probes are all in error: nothing, and without a further word.
pub struct Blind;

impl View for Blind {
    fn family(&self) -> Family {
        Family::Blind
    }
    fn name(&self) -> String {
        String::new()
    }
    fn arg(&self, _name: &str, _facts: &dyn Facts) -> Result<Offer, Lack> {
        Err(Lack::Silent)
    }
    fn position(&self, _n: u8, _facts: &dyn Facts) -> Result<Offer, Lack> {
        Err(Lack::Silent)
    }
    fn retval(&self, _facts: &dyn Facts) -> Result<Offer, Lack> {
        Err(Lack::Silent)
    }
    fn call(&self, _property: CallProperty) -> Result<Offer, Lack> {
        Err(Lack::Silent)
    }
}

/// Text to targets.
pub fn resolve(
    spec: &ProbeSpec,
    uses: &Uses,
    facts: &dyn Facts,
    max_strlen: u32,
) -> Result<Vec<Target>, Diagnostic> {
    let Some((first, parts)) = spec.parts.split_first() else {
        return Err(Diagnostic::error(
            codes::NO_SUCH_PROVIDER,
            spec.span,
            "a probe without a name",
        ));
    };
    let provider = find(first)?;
    let request = Request {
        spec,
        parts,
        uses,
        facts,
        max_strlen,
    };
    (provider.resolve)(&request)
}

/// The provider's name in full; nothing when there is no such provider.
pub fn full_name(name: &Ident) -> Option<&'static str> {
    find(name).ok().map(|provider| provider.name)
}

/// The provider of that name, in full or short.
pub fn named(text: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|p| {
        p.name == text
            || p.aliases.contains(&text)
            || (p.name == "BEGIN" || p.name == "END") && p.name.eq_ignore_ascii_case(text)
    })
}

fn find(name: &Ident) -> Result<&'static Provider, Diagnostic> {
    let text = name.text.as_str();
    if let Some(provider) = named(text) {
        return Ok(provider);
    }
    let message = format!("no such kind of probe: `{text}`");
    let known = PROVIDERS.iter().map(|p| p.name);
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_PROVIDER, name.span, message);
    diagnostic.help.extend(did_you_mean(text, known.clone()));
    if diagnostic.help.is_empty() {
        let all: Vec<&str> = known.collect();
        diagnostic = diagnostic.help(format!("there are {}", all.join(", ")));
    }
    Err(diagnostic)
}

impl Request<'_> {
    /// The probe is not written as its provider wants it.
    pub fn malformed(&self, forms: &str) -> Diagnostic {
        let written: Vec<&str> = self.spec.parts.iter().map(|p| p.text.as_str()).collect();
        let message = format!("`{}` is not a probe of this kind", written.join(":"));
        Diagnostic::error(codes::MALFORMED_PROBE, self.spec.span, message)
            .help(format!("it is written as {forms}"))
    }

    /// Error when the kernel is known to lack the feature; `instead` are proposals.
    pub fn need(&self, feature: Feature, what: &str, instead: &[String]) -> Result<(), Diagnostic> {
        let Support::No(why) = self.facts.has(feature) else {
            return Ok(());
        };
        let message = format!("{what} cannot be used: {why}");
        let mut diagnostic = Diagnostic::error(codes::PROBE_NOT_HERE, self.spec.span, message);
        diagnostic.help.extend_from_slice(instead);
        Err(diagnostic)
    }
}

/// A value without anything known about what it points to.
fn value(expr: Expr) -> Offer {
    Offer::Value {
        expr,
        points_to: None,
    }
}

/// A node of a template: its span and sites are set when it is used.
fn template(ty: Type, kind: ExprKind) -> Expr {
    expr(ty, kind, Span::default())
}

/// The site of a template's loads.
const NO_SITE: SiteId = SiteId(u32::MAX);

/// A property as a template.
fn builtin(ty: Type, which: Builtin) -> Expr {
    template(ty, ExprKind::Builtin(which))
}

/// Argument `n` as its 64 bits.
fn raw_arg(n: u8) -> Expr {
    builtin(Type::U64, Builtin::Arg(n))
}

/// Argument `n` as a type of its own: cut to its width.
fn arg_as(n: u8, ty: Type) -> Expr {
    cut(raw_arg(n), ty)
}

/// The low bits of a register as a value of that type. Of a `bool` only the byte counts: the rest of the register
/// is anything.
fn cut(register: Expr, ty: Type) -> Expr {
    if ty == register.ty {
        return register;
    }
    let register = match ty {
        Type::Bool => cut(
            register,
            Type::Int {
                bits: 8,
                signed: false,
            },
        ),
        _ => register,
    };
    template(ty, ExprKind::Cast(Box::new(register)))
}
