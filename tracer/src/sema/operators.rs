//! Operators: promotion, comparison, pointers.
//!
//! In: operands. Out: typed IR by the rules of the language: integers compute in 64 bits, signed unless an operand is
//! unsigned; constants are computed at once. An operation on an absent value is absent, a comparison is false.

use super::access::Place;
use super::convert::{
    compare, constant as cast_constant, to_bool, to_number, to_numbers, to_text, to_type, unnamed,
};
use super::pass::{Pass, Val, and, boolean, both_present, expr, not};
use super::unify;
use super::value::{Operand, describe};
use crate::diag::{Diagnostic, Severity, Span, codes};
use crate::ir::{self, Binary, Compare, Expr, ExprKind, SiteKind, Unary, ops};
use crate::syntax::ast::{self, BinaryOp, UnaryOp};
use crate::tables::{signals, syscalls};
use crate::types::call::ArgState;
use crate::types::{Abi, Lazy, Pointee, Type, Wide};

impl Pass<'_> {
    /// `op x`.
    pub fn unary(&mut self, op: UnaryOp, operand: &ast::Expr, span: Span) -> Option<Operand> {
        match op {
            UnaryOp::Deref => self.deref(operand, span),
            UnaryOp::AddressOf => self.address_of(operand, span),
            UnaryOp::Not => {
                // `!x` is `x == 0`, a comparison: false when x is absent.
                let val = self.value(operand)?;
                let is_bool = val.expr.ty == Type::Bool;
                let truth = self.truth(val)?;
                let negated = not_folded(truth.expr, span);
                let expr = match truth.present {
                    Some(present) if !is_bool => and(present, negated),
                    _ => negated,
                };
                Some(Operand::Val(expr.into()))
            }
            UnaryOp::Neg | UnaryOp::BitNot => {
                let val = self.value(operand)?;
                let number = self.number(&val.expr)?;
                let op = match op {
                    UnaryOp::Neg => Unary::Neg,
                    _ => Unary::BitNot,
                };
                Some(Operand::Val(val.with(unary(op, number, span))))
            }
        }
    }

    /// `left op right`.
    pub fn binary(
        &mut self,
        op: BinaryOp,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Option<Val> {
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let (left, right) = (self.condition(left), self.condition(right));
                let (left, right) = (Box::new(left?), Box::new(right?));
                let kind = match op {
                    BinaryOp::And => ExprKind::And(left, right),
                    _ => ExprKind::Or(left, right),
                };
                Some(expr(Type::Bool, kind, span).into())
            }
            BinaryOp::Match | BinaryOp::NoMatch => {
                self.matching(left, right, op == BinaryOp::NoMatch, span)
            }
            _ if comparison(op).is_some() => {
                let (left, right) = (self.searched(left), self.searched(right));
                self.binary_values(op, left?, right?, span)
            }
            _ => {
                let (left, right) = (self.value(left), self.value(right));
                self.binary_values(op, left?, right?, span)
            }
        }
    }

    /// A binary operation on values, not `&&` or `||`.
    pub fn binary_values(
        &mut self,
        op: BinaryOp,
        left: Val,
        right: Val,
        span: Span,
    ) -> Option<Val> {
        let present = both_present(left.present.clone(), right.present.clone());
        if let Some(op) = comparison(op) {
            let compared = self.comparison(op, left.expr, right.expr, span)?;
            return Some(match present {
                Some(present) => and(present, compared).into(),
                None => compared.into(),
            });
        }
        let expr = self.arithmetic(op, left.expr, right.expr, span)?;
        Some(Val {
            expr,
            present,
            points_to: None,
        })
    }

    fn arithmetic(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Option<Expr> {
        let op = arithmetic(op)?;
        if let (Binary::Add | Binary::Sub, Type::Ptr { .. }, Type::Int { .. }) =
            (op, &left.ty, &right.ty)
        {
            return self.pointer_step(op, left, right, span);
        }
        let (left, right) = (self.number(&left), self.number(&right));
        let (left, right) = (left?, right?);
        let (left, right) = match op {
            // The left operand alone decides how a shift works; a count is only a count.
            Binary::Shl | Binary::Shr => {
                let ty = left.ty.clone();
                (left, to_type(right, &ty))
            }
            _ => to_numbers(left, right),
        };
        Some(self.operation(op, left, right, span))
    }

    /// Two 64-bit integers of one type; computed at once when both are constants.
    fn operation(&mut self, op: Binary, left: Expr, right: Expr, span: Span) -> Expr {
        let ty = left.ty.clone();
        let by_zero = matches!(op, Binary::Div | Binary::Mod);
        if let (ExprKind::Int(a), ExprKind::Int(b)) = (&left.kind, &right.kind)
            && !(by_zero && *b == 0)
            && !(self.keep_divisions && op == Binary::Div)
        {
            let result = ops::binary(op, ty.is_signed(), *a, *b);
            return expr(ty, ExprKind::Int(result), span);
        }
        let site = match op {
            Binary::Div => Some(self.site(SiteKind::DivideByZero, span)),
            Binary::Mod => Some(self.site(SiteKind::ModuloByZero, span)),
            _ => None,
        };
        let kind = ExprKind::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
            site,
        };
        expr(ty, kind, span)
    }

    /// `p + n`: n elements further, as in C; bytes when nobody knows what it points to.
    fn pointer_step(&mut self, op: Binary, left: Expr, right: Expr, span: Span) -> Option<Expr> {
        let ty = left.ty.clone();
        let size = self.element_size(&ty);
        let count = to_type(to_number(right), &Type::U64);
        let size = expr(Type::U64, ExprKind::Int(u64::from(size)), span);
        let bytes = self.operation(Binary::Mul, count, size, span);
        let address = to_type(left, &Type::U64);
        let moved = self.operation(op, address, bytes, span);
        Some(to_type(moved, &ty))
    }

    /// Bytes of what a pointer points to; 1 when nobody knows what it is.
    pub fn element_size(&mut self, pointer: &Type) -> u32 {
        match pointer {
            Type::Ptr {
                to: Pointee::Type(to),
                ..
            } => self.memory_size(to).unwrap_or(1),
            _ => 1,
        }
    }

    /// A scalar as a 64-bit integer, or an error.
    pub fn number(&mut self, e: &Expr) -> Option<Expr> {
        if e.ty.is_scalar() {
            return Some(to_number(e.clone()));
        }
        let message = format!("a number was expected, this is {}", describe(&e.ty));
        self.error(codes::BAD_OPERAND, e.span, message)
    }

    fn comparison(&mut self, op: Compare, left: Expr, right: Expr, span: Span) -> Option<Expr> {
        match (&left.ty, &right.ty) {
            (Type::Str { .. }, Type::Str { .. }) => Some(spanned(compare(op, left, right), span)),
            (Type::Lazy(lazy), Type::Str { .. }) => {
                self.compare_name(op, *lazy, left.clone(), right, span)
            }
            (Type::Stack(_) | Type::Wide(Wide::Usym), Type::Str { .. }) => {
                let text = to_text(left)?;
                Some(spanned(compare(op, text, right), span))
            }
            (Type::Str { .. }, Type::Lazy(lazy)) if matches!(op, Compare::Eq | Compare::Ne) => {
                self.compare_name(op, *lazy, right.clone(), left, span)
            }
            (
                Type::Array { .. } | Type::Bytes { .. } | Type::Wide(_) | Type::Struct(_),
                Type::Array { .. } | Type::Bytes { .. } | Type::Wide(_) | Type::Struct(_),
            ) if left.ty == right.ty && matches!(op, Compare::Eq | Compare::Ne) => {
                Some(spanned(compare(op, left, right), span))
            }
            (Type::Named(a, _), Type::Named(b, _)) if a == b => {
                self.compare_tuples(op, unnamed(left), unnamed(right), span)
            }
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                self.compare_tuples(op, left, right, span)
            }
            _ if left.ty.is_scalar() && right.ty.is_scalar() => {
                if left.ty == Type::Bool && right.ty == Type::Bool {
                    return Some(spanned(compare(op, left, right), span));
                }
                let (left, right) = (to_number(left), to_number(right));
                self.warn_of_signs(&left, &right);
                let (left, right) = to_numbers(left, right);
                Some(folded(op, left, right, span))
            }
            _ => {
                let message = format!(
                    "{} cannot be compared with {}",
                    describe(&left.ty),
                    describe(&right.ty)
                );
                self.error(codes::CANNOT_COMPARE, span, message)
            }
        }
    }

    /// A negative constant is a huge number beside an unsigned one.
    fn warn_of_signs(&mut self, left: &Expr, right: &Expr) {
        let negative =
            |e: &Expr| e.ty == Type::I64 && matches!(e.kind, ExprKind::Int(v) if (v as i64) < 0);
        let (constant, other) = match (negative(left), negative(right)) {
            (true, false) => (left, right),
            (false, true) => (right, left),
            _ => return,
        };
        if other.ty != Type::U64 || matches!(other.kind, ExprKind::Int(_)) {
            return;
        }
        let message = "a negative number is compared with an unsigned value";
        let mut warning = Diagnostic::error(codes::SIGNS_DIFFER, constant.span, message)
            .help("cast the other side: (int64) or (int32)");
        warning.severity = Severity::Warning;
        self.say(warning);
    }

    fn compare_tuples(&mut self, op: Compare, left: Expr, right: Expr, span: Span) -> Option<Expr> {
        if !matches!(op, Compare::Eq | Compare::Ne) {
            let message = "tuples compare with `==` and `!=` only";
            return self.error(codes::CANNOT_COMPARE, span, message);
        }
        let Some((ty, _)) = unify::join((&left.ty, false), (&right.ty, false)) else {
            let message = "the components of the tuples are of different types";
            return self.error(codes::CANNOT_COMPARE, span, message);
        };
        let ty = unify::stored(&ty);
        let compared = compare(op, to_type(left, &ty), to_type(right, &ty));
        Some(spanned(compared, span))
    }

    /// `name == "openat"`, `abi == "i386"`: the text's raw values are known before the run. Other names (symbols) are
    /// compared as text, which user space does.
    pub fn compare_name(
        &mut self,
        op: Compare,
        lazy: Lazy,
        value: Expr,
        text: Expr,
        span: Span,
    ) -> Option<Expr> {
        if !(has_known_values(lazy) && matches!(text.kind, ExprKind::Str(_))) {
            let name = to_text(value)?;
            return Some(spanned(compare(op, name, text), span));
        }
        if !matches!(op, Compare::Eq | Compare::Ne) {
            let message = "names compare with `==` and `!=` only";
            return self.error(codes::CANNOT_COMPARE, span, message);
        }
        let raw = self.raw_values(lazy, &text)?;
        let number = to_type(value, &Type::U64);
        let equal = |raw: u64| {
            let constant = expr(Type::U64, ExprKind::Int(raw), span);
            compare(Compare::Eq, number.clone(), constant)
        };
        let either = |a, b| expr(Type::Bool, ExprKind::Or(Box::new(a), Box::new(b)), span);
        let any = raw.into_iter().map(equal).reduce(either)?;
        Some(match op {
            Compare::Ne => not(any),
            _ => any,
        })
    }

    /// The raw values that a name's text stands for; at least one.
    fn raw_values(&mut self, lazy: Lazy, text: &Expr) -> Option<Vec<u64>> {
        let ExprKind::Str(bytes) = &text.kind else {
            let message = "a name is compared with a string literal";
            return self.error(codes::CANNOT_COMPARE, text.span, message);
        };
        let name = String::from_utf8_lossy(bytes).into_owned();
        let raw = match lazy {
            Lazy::SyscallName => call_values(&name),
            Lazy::Abi => abi_values(&name),
            Lazy::SignalName => signals::number(&name).into_iter().collect(),
            Lazy::ArgState => ArgState::ALL
                .into_iter()
                .filter(|state| state.name() == name)
                .map(|state| state as u64)
                .collect(),
            Lazy::Errno => {
                let message = "an error number is compared with a constant, not with text";
                let diagnostic = Diagnostic::error(codes::CANNOT_COMPARE, text.span, message);
                return self.fail(diagnostic.help(format!("write {name} without quotes")));
            }
            _ => Vec::new(),
        };
        match raw.is_empty() {
            true => self.no_such_name(lazy, &name, text.span),
            false => Some(raw),
        }
    }

    fn no_such_name<T>(&mut self, lazy: Lazy, name: &str, span: Span) -> Option<T> {
        let (code, what, known): (_, _, Vec<&str>) = match lazy {
            Lazy::Abi => (codes::NO_SUCH_SYSCALL, "ABI", vec!["x86_64", "i386"]),
            Lazy::SignalName => (codes::NO_SUCH_NAME, "signal", signals::names().collect()),
            Lazy::ArgState => {
                let known = ArgState::ALL.map(ArgState::name).to_vec();
                (codes::NO_SUCH_NAME, "state", known)
            }
            _ => {
                let known = syscalls::all(Abi::Native).map(|(_, n)| n).collect();
                (codes::NO_SUCH_SYSCALL, "system call", known)
            }
        };
        let message = format!("no such {what}: `{name}`");
        let mut diagnostic = Diagnostic::error(code, span, message);
        diagnostic
            .help
            .extend(super::nearest::did_you_mean(name, known));
        self.fail(diagnostic)
    }

    fn deref(&mut self, operand: &ast::Expr, span: Span) -> Option<Operand> {
        let val = self.value(operand)?;
        // As in bpftrace, a bare address points to 64 bits: `*kaddr("jiffies")`.
        if let Type::Int { bits: 64, .. } = val.expr.ty {
            let space = self.scope.view.space();
            return Some(Operand::Place(Place::at(val, Type::U64, space)));
        }
        let Type::Ptr { to, space } = &val.expr.ty else {
            let message = format!("`*` wants a pointer, this is {}", describe(&val.expr.ty));
            return self.error(codes::NOT_A_POINTER, span, message);
        };
        let Pointee::Type(to) = to else {
            let diagnostic = Diagnostic::error(
                codes::NOT_A_POINTER,
                span,
                "nothing is known of what it points to",
            );
            return self.fail(diagnostic.help("cast it: *(int32 *)x"));
        };
        let (ty, space) = ((**to).clone(), *space);
        Some(Operand::Place(Place::at(val, ty, space)))
    }
}

/// Whether the raw values that a text stands for are known before the run.
fn has_known_values(lazy: Lazy) -> bool {
    matches!(
        lazy,
        Lazy::SyscallName | Lazy::Abi | Lazy::SignalName | Lazy::Errno | Lazy::ArgState
    )
}

/// The names of all calls, of both ABIs.
pub fn names_of_calls() -> Vec<&'static str> {
    let all = [Abi::Native, Abi::I386]
        .into_iter()
        .flat_map(|abi| syscalls::all(abi).map(|(_, name)| name));
    let mut names: Vec<&str> = all.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The raw values of a call's name: one an ABI.
fn call_values(name: &str) -> Vec<u64> {
    let raw = |abi: Abi| Some((abi as u64) << 32 | u64::from(syscalls::number(abi, name)?));
    [Abi::Native, Abi::I386]
        .into_iter()
        .filter_map(raw)
        .collect()
}

fn abi_values(name: &str) -> Vec<u64> {
    match name {
        "x86_64" => vec![Abi::Native as u64],
        "i386" => vec![Abi::I386 as u64],
        _ => Vec::new(),
    }
}

fn spanned(mut e: Expr, span: Span) -> Expr {
    e.span = span;
    e
}

/// `op x` on a 64-bit integer; computed at once when it is a constant.
pub fn unary(op: Unary, operand: Expr, span: Span) -> Expr {
    let ty = operand.ty.clone();
    let kind = match operand.kind {
        ExprKind::Int(v) => ExprKind::Int(cast_constant(ops::unary(op, v), &ty)),
        _ => ExprKind::Unary {
            op,
            operand: Box::new(operand),
        },
    };
    expr(ty, kind, span)
}

fn not_folded(e: Expr, span: Span) -> Expr {
    match e.kind {
        ExprKind::Int(v) => boolean(v == 0, span),
        _ => spanned(not(to_bool(e)), span),
    }
}

/// A comparison of two 64-bit integers of one type; computed at once when both are constants.
fn folded(op: Compare, left: Expr, right: Expr, span: Span) -> Expr {
    if let (ExprKind::Int(a), ExprKind::Int(b)) = (&left.kind, &right.kind) {
        return boolean(ops::compare(op, left.ty.is_signed(), *a, *b), span);
    }
    spanned(compare(op, left, right), span)
}

fn comparison(op: BinaryOp) -> Option<Compare> {
    Some(match op {
        BinaryOp::Eq => Compare::Eq,
        BinaryOp::Ne => Compare::Ne,
        BinaryOp::Lt => Compare::Lt,
        BinaryOp::Le => Compare::Le,
        BinaryOp::Gt => Compare::Gt,
        BinaryOp::Ge => Compare::Ge,
        _ => return None,
    })
}

fn arithmetic(op: BinaryOp) -> Option<ir::Binary> {
    Some(match op {
        BinaryOp::Mul => Binary::Mul,
        BinaryOp::Div => Binary::Div,
        BinaryOp::Mod => Binary::Mod,
        BinaryOp::Add => Binary::Add,
        BinaryOp::Sub => Binary::Sub,
        BinaryOp::Shl => Binary::Shl,
        BinaryOp::Shr => Binary::Shr,
        BinaryOp::BitAnd => Binary::And,
        BinaryOp::BitXor => Binary::Xor,
        BinaryOp::BitOr => Binary::Or,
        _ => return None,
    })
}
