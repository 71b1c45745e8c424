//! Built-in functions, one file each.
//!
//! In: a call. Out: its [`Outcome`]. To add a function: a file with a [`Function`], a line in [`FUNCTIONS`], a golden
//! case.

mod avg;
mod bswap;
mod buf;
mod cgroup_path;
mod cgroupid;
mod clear;
mod count;
mod decode;
mod delete;
mod exit;
mod find;
mod has_key;
mod hist;
mod join;
mod kaddr;
mod ksym;
mod len;
mod lhist;
mod lifecycle;
mod macaddr;
mod max;
mod min;
mod ntop;
mod override_;
pub mod path;
mod print;
mod printf;
mod reg;
mod said;
mod signal;
mod signal_name;
mod space;
pub mod stack;
mod state;
mod stats;
mod stddev;
mod str;
mod strerror;
mod strftime;
mod strlen;
mod strncmp;
mod strstr;
mod sum;
mod syscall_name;
mod time;
mod trace;
mod tseries;
mod usym;
mod verdict;
mod zero;

use super::nearest::did_you_mean;
use super::pass::{Pass, Val};
use super::value::constant;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Emit, EmitId, EmitKind, Expr, MapId, Stmt};
use crate::syntax::ast::{self, Ident};
use crate::types::{AggKind, Type};

/// A built-in function.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// How it is called, for messages: `str(x[, length])`.
    pub usage: &'static str,
    /// What it does, in a few words.
    pub doc: &'static str,
    /// Fewest and most arguments.
    pub arity: (usize, usize),
    /// It is assigned to a map: `@x = count()`.
    pub aggregates: bool,
    /// Checks a call; the number of arguments was checked.
    pub check: fn(&mut Pass, &Call) -> Option<Outcome>,
}

impl Function {
    /// A function that takes a format and a value for each of its conversions; `least` is 0 where even the format may be
    /// left out.
    const fn with_format(
        name: &'static str,
        usage: &'static str,
        doc: &'static str,
        least: usize,
        check: fn(&mut Pass, &Call) -> Option<Outcome>,
    ) -> Function {
        Function {
            name,
            usage,
            doc,
            arity: (least, usize::MAX),
            aggregates: false,
            check,
        }
    }
}

/// A call to check.
pub struct Call<'a> {
    /// As written.
    pub args: &'a [ast::Expr],
    /// The whole call.
    pub span: Span,
}

/// What a call is.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// A value.
    Value(Val),
    /// Something done.
    Stmts(Vec<Stmt>),
    /// What is assigned to an aggregating map.
    Aggregate {
        /// The aggregation.
        kind: AggKind,
        /// Its operand, a 64-bit integer.
        value: Option<Val>,
    },
}

/// Every function, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    avg::AVG,
    verdict::BAD,
    bswap::BSWAP,
    buf::BUF,
    said::CAT,
    cgroup_path::CGROUP_PATH,
    cgroupid::CGROUPID,
    clear::CLEAR,
    count::COUNT,
    decode::DECODE,
    delete::DELETE,
    said::ERRORF,
    exit::EXIT,
    find::FIND,
    verdict::GOOD,
    has_key::HAS_KEY,
    hist::HIST,
    join::JOIN,
    kaddr::KADDR,
    space::KPTR,
    stack::KSTACK,
    ksym::KSYM,
    len::LEN,
    lhist::LHIST,
    macaddr::MACADDR,
    max::MAX,
    min::MIN,
    ntop::NTOP,
    override_::OVERRIDE,
    path::PATH,
    print::PRINT,
    printf::PRINTF,
    ntop::PTON,
    reg::REG,
    signal::SIGNAL,
    signal_name::SIGNAL_NAME,
    state::STATE,
    stats::STATS,
    stddev::STDDEV,
    str::STR,
    strstr::STRCONTAINS,
    strerror::STRERROR,
    strftime::STRFTIME,
    strlen::STRLEN,
    strncmp::STRNCMP,
    strstr::STRSTR,
    sum::SUM,
    syscall_name::SYSCALL_NAME,
    said::SYSTEM,
    time::TIME,
    trace::TRACE,
    lifecycle::TRACE_EXIT,
    lifecycle::TRACE_SIGNAL,
    tseries::TSERIES,
    verdict::UNSURE,
    space::UPTR,
    stack::USTACK,
    usym::USYM,
    said::WARNF,
    zero::ZERO,
];

/// Functions of the language that are not built yet.
const NOT_BUILT: &[&str] = &["uaddr", "write_user"];

/// The function of that name.
pub fn find(name: &str) -> Option<&'static Function> {
    let at = FUNCTIONS.binary_search_by(|f| f.name.cmp(name)).ok()?;
    Some(&FUNCTIONS[at])
}

impl Pass<'_> {
    /// A call, whatever it is.
    pub fn call(&mut self, name: &Ident, args: &[ast::Expr], span: Span) -> Option<Outcome> {
        let Some(function) = find(&name.text) else {
            return self.no_such_function(name);
        };
        let (least, most) = function.arity;
        if args.len() < least || args.len() > most {
            let message = format!(
                "{}() takes {}, this has {}",
                function.name,
                arity_text(function.arity),
                args.len()
            );
            let diagnostic = Diagnostic::error(codes::ARGUMENT_COUNT, span, message)
                .help(format!("it is called as {}", function.usage));
            return self.fail(diagnostic);
        }
        (function.check)(self, &Call { args, span })
    }

    /// A call whose value is used.
    pub fn call_value(&mut self, name: &Ident, args: &[ast::Expr], span: Span) -> Option<Val> {
        match self.call(name, args, span)? {
            Outcome::Value(val) => Some(val),
            Outcome::Stmts(_) => {
                let message = format!("{}() has no value: it stands alone", name.text);
                self.error(codes::CALL_HAS_NO_VALUE, span, message)
            }
            Outcome::Aggregate { kind, .. } => {
                let message = format!("{}() is assigned to a map: @x = …", kind.name());
                self.error(codes::AGGREGATION_NOT_ASSIGNED, span, message)
            }
        }
    }

    /// The outcome when the function is an aggregation; `None` when it is not.
    pub fn aggregation(
        &mut self,
        name: &Ident,
        args: &[ast::Expr],
        span: Span,
    ) -> Option<Option<Outcome>> {
        find(&name.text)?
            .aggregates
            .then(|| self.call(name, args, span))
    }

    fn no_such_function<T>(&mut self, name: &Ident) -> Option<T> {
        let text = name.text.as_str();
        if NOT_BUILT.contains(&text) {
            let message = format!("the function {text}() is not built yet");
            return self.error(codes::FUNCTION_NOT_BUILT, name.span, message);
        }
        let message = format!("no such function: `{text}`");
        let mut diagnostic = Diagnostic::error(codes::NO_SUCH_FUNCTION_CALL, name.span, message);
        let known = FUNCTIONS.iter().map(|f| f.name);
        let near = did_you_mean(text, known.chain(NOT_BUILT.iter().copied()));
        diagnostic.help.extend(near);
        self.fail(diagnostic)
    }

    /// An argument that is a constant number >= 0.
    pub fn constant_arg(&mut self, arg: &ast::Expr, what: &str) -> Option<u64> {
        let val = self.value(arg)?;
        match constant(&val.expr) {
            Some(v) if val.expr.ty == Type::U64 || v <= i64::MAX as u64 => Some(v),
            _ => {
                let message = format!("{what} is a constant number");
                self.error(codes::NOT_CONSTANT, arg.span, message)
            }
        }
    }

    /// An argument that is a string literal.
    fn literal_arg<'e>(&mut self, arg: &'e ast::Expr, what: &str) -> Option<&'e [u8]> {
        self.literal_or(arg, || format!("{what} is a string literal"))
    }

    /// An argument that is a string literal, or what is wrong with another one.
    fn literal_or<'e>(
        &mut self,
        arg: &'e ast::Expr,
        wrong: impl FnOnce() -> String,
    ) -> Option<&'e [u8]> {
        match &arg.kind {
            ast::ExprKind::Str(text) => Some(text),
            _ => self.error(codes::ARGUMENT_TYPE, arg.span, wrong()),
        }
    }

    /// An argument that is text.
    fn text_arg(&mut self, arg: &ast::Expr, function: &str) -> Option<Val> {
        let val = self.searched(arg)?;
        if matches!(val.expr.ty, Type::Str { .. }) {
            return Some(val);
        }
        let message = format!(
            "{function}() wants text, this is {}",
            super::value::describe(&val.expr.ty)
        );
        let diagnostic = Diagnostic::error(codes::ARGUMENT_TYPE, arg.span, message);
        self.fail(diagnostic.help("the text at an address is str(x)"))
    }

    /// Whether functions that change the system may be used.
    fn allowed(&mut self, function: &str, span: Span) -> Option<()> {
        if self.settings.allow_unsafe {
            return Some(());
        }
        let message = format!("{function}() changes the system, it does not only watch");
        let diagnostic = Diagnostic::error(codes::NEEDS_UNSAFE, span, message);
        self.fail(diagnostic.help("allow it with --unsafe"))
    }

    /// An argument that is a whole map: `@x`, without key.
    fn map_arg(&mut self, arg: &ast::Expr, function: &str) -> Option<MapId> {
        match &arg.kind {
            ast::ExprKind::Map { name, keys: None } => Some(self.map_id(name, arg.span)),
            _ => {
                let message = format!("{function}() takes a whole map: @x");
                self.error(codes::ARGUMENT_TYPE, arg.span, message)
            }
        }
    }

    /// An argument that is an address rather than a mere number: a pointer or an integer.
    fn address_arg(&mut self, arg: &ast::Expr, function: &str) -> Option<Val> {
        let val = self.value(arg)?;
        if is_address(&val.expr) {
            return Some(val);
        }
        let is = super::value::describe(&val.expr.ty);
        let message = format!("{function}() wants an address, this is {is}");
        self.error(codes::ARGUMENT_TYPE, arg.span, message)
    }

    /// An argument to aggregate: a number.
    fn number_arg(&mut self, arg: &ast::Expr) -> Option<Val> {
        let val = self.value(arg)?;
        let number = self.number(&val.expr)?;
        Some(val.with(number))
    }

    /// A new action of user space.
    fn emit(&mut self, kind: EmitKind, args: Vec<Type>, span: Span) -> EmitId {
        self.program.emits.push(Emit { kind, args, span });
        EmitId(self.program.emits.len() as u32 - 1)
    }

    /// An action that a statement of its own sends (`clear`, `zero`, `exit`): one for all of its kind.
    fn emit_once(&mut self, kind: EmitKind, args: Vec<Type>, span: Span) {
        if !self.program.emits.iter().any(|e| e.kind == kind) {
            self.emit(kind, args, span);
        }
    }
}

/// `f(x)` that aggregates a number: `sum`, `min`, `max`, `avg`.
fn aggregate(pass: &mut Pass, call: &Call, kind: fn(bool) -> AggKind) -> Option<Outcome> {
    let value = pass.number_arg(&call.args[0])?;
    Some(Outcome::Aggregate {
        kind: kind(value.expr.ty.is_signed()),
        value: Some(value),
    })
}

/// The value of an operand that is not absent where it is used; for arguments that go into a record.
fn emit_arg(val: Val, ty: &Type) -> crate::ir::EmitArg {
    crate::ir::EmitArg {
        value: super::convert::to_type(val.expr, ty),
        present: val.present,
    }
}

fn arity_text((least, most): (usize, usize)) -> String {
    let arguments = |n: usize| match n {
        1 => "1 argument".to_owned(),
        n => format!("{n} arguments"),
    };
    match (least, most) {
        (0, 0) => "no argument".to_owned(),
        (least, most) if least == most => arguments(most),
        (least, usize::MAX) => format!("at least {}", arguments(least)),
        (least, most) => format!("{least} to {}", arguments(most)),
    }
}

/// `(a, b)` as an argument is a key of two.
fn key_components(key: &ast::Expr) -> &[ast::Expr] {
    match &key.kind {
        ast::ExprKind::Tuple(parts) => parts,
        _ => std::slice::from_ref(key),
    }
}

/// Whether an expression is a kernel address rather than a number: pointers and 64-bit integers.
fn is_address(e: &Expr) -> bool {
    matches!(e.ty, Type::Ptr { .. } | Type::Int { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_and_explained() {
        for pair in FUNCTIONS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for f in FUNCTIONS {
            assert!(f.usage.starts_with(f.name), "{}", f.name);
            assert!(!f.doc.is_empty() && f.arity.0 <= f.arity.1, "{}", f.name);
            assert!(!NOT_BUILT.contains(&f.name), "{}", f.name);
        }
    }
}
