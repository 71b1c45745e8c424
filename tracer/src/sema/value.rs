//! Expressions: from the tree to typed IR.
//!
//! In: an expression as written. Out: a [`Val`], or an [`Operand`] where memory is meant; `None` when
//! something is wrong (it was said) or when a type is not known in this pass. Never says what an operator or a
//! function does: that is `operators`, `access`, `names`, `builtins`.

use super::access::Place;
use super::convert::{is_weak, to_bool, to_text, to_type};
use super::expand::shown;
use super::nearest::nearest;
use super::pass::{Pass, Val, and, boolean, both_present, expr, int, not};
use super::unify::{self, MapHolds, VarKey};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{self, Expr, ExprKind};
use crate::syntax::ast;
use crate::types::{Space, Type};

/// What an expression stands for.
#[derive(Clone, PartialEq, Debug)]
pub enum Operand {
    /// A value.
    Val(Val),
    /// Memory that is read when its value is asked for.
    Place(Place),
    /// The argument registers as an array.
    Registers(Span),
}

impl Pass<'_> {
    /// The value of an expression, to compute with or to keep.
    pub fn value(&mut self, e: &ast::Expr) -> Option<Val> {
        let val = self.printable(e)?;
        if val.expr.ty == Type::Call {
            let message = "`call` is a whole system call: it is only printed";
            let diagnostic = Diagnostic::error(codes::NOT_A_VALUE, e.span, message)
                .help("printf(\"%s\\n\", call), print(call) or trace(); its text can be searched");
            return self.fail(diagnostic);
        }
        Some(val)
    }

    /// The value of an expression whose text is compared or searched: a whole call has one too.
    pub fn searched(&mut self, e: &ast::Expr) -> Option<Val> {
        let val = self.printable(e)?;
        match val.expr.ty {
            Type::Call => {
                let text = to_text(val.expr.clone())?;
                Some(val.with(text))
            }
            _ => Some(val),
        }
    }

    /// The value of an expression that is printed at once.
    pub fn printable(&mut self, e: &ast::Expr) -> Option<Val> {
        let operand = self.operand(e)?;
        self.read(operand, e.span)
    }

    /// What an expression stands for. Long because it is one flat match over the expressions.
    pub fn operand(&mut self, e: &ast::Expr) -> Option<Operand> {
        let span = e.span;
        let val = match &e.kind {
            ast::ExprKind::Int(v) => Some(number(*v, span).into()),
            ast::ExprKind::Str(text) => Some(string(text, span).into()),
            ast::ExprKind::Bool(b) => Some(boolean(*b, span).into()),
            ast::ExprKind::Name(name) => return self.name(name, span),
            ast::ExprKind::Var(name) => self.variable(name, span),
            ast::ExprKind::Map { name, keys } => self.map_value(name, keys.as_deref(), span),
            ast::ExprKind::Positional { text, .. } => self.positional(text.as_deref(), span),
            ast::ExprKind::Call { name, args } => self.call_value(name, args, span),
            ast::ExprKind::Unary { op, operand } => return self.unary(*op, operand, span),
            ast::ExprKind::Step {
                delta,
                prefix,
                target,
            } => self.step(*delta, *prefix, target, span),
            ast::ExprKind::Binary { op, left, right } => self.binary(*op, left, right, span),
            ast::ExprKind::Cond {
                cond,
                then,
                otherwise,
            } => self.cond(cond, then, otherwise, span),
            ast::ExprKind::Cast { ty, operand } => self.cast(ty, operand, span),
            ast::ExprKind::Member { base, name, .. } => return self.member(base, name, span),
            ast::ExprKind::Index { base, index } => return self.index(base, index),
            ast::ExprKind::Tuple(parts) => self.tuple(parts, span),
            ast::ExprKind::SizeofType(ty) => self.sizeof_type(ty, span),
            ast::ExprKind::SizeofExpr(of) => self.sizeof_expr(of, span),
            ast::ExprKind::Offsetof { ty, path } => self.offsetof(ty, path, span),
            ast::ExprKind::Record(fields) => self.record(fields, span),
            ast::ExprKind::ContainerOf { pointer, ty, path } => {
                self.container_of(pointer, ty, path, span)
            }
            // The grammar has it behind `=~` only, which takes it itself.
            ast::ExprKind::Regex(_) => None,
            // `expand` has moved blocks in front of the statement.
            ast::ExprKind::Block(_) => None,
        };
        val.map(Operand::Val)
    }

    /// For what the language has and this version does not.
    pub fn not_built<T>(&mut self, what: &str, span: Span) -> Option<T> {
        let message = format!("{what} are not built yet");
        self.error(codes::EXPRESSION_NOT_BUILT, span, message)
    }

    /// A condition: a scalar, true when not 0. An absent value makes it false.
    pub fn condition(&mut self, e: &ast::Expr) -> Option<Expr> {
        let val = self.value(e)?;
        let cond = self.truth(val)?;
        Some(match cond.present {
            Some(present) => and(present, cond.expr),
            None => cond.expr,
        })
    }

    /// A scalar as bool; what is absent stays so.
    pub fn truth(&mut self, val: Val) -> Option<Val> {
        if !val.expr.ty.is_scalar() {
            let (ty, span) = (val.expr.ty.clone(), val.expr.span);
            let message = format!("a condition is a number, this is {}", describe(&ty));
            let mut diagnostic = Diagnostic::error(codes::BAD_CONDITION, span, message);
            if matches!(ty, Type::Str { .. }) {
                diagnostic = diagnostic.help("compare it: == \"\" or != \"\"");
            }
            return self.fail(diagnostic);
        }
        let cond = to_bool(val.expr.clone());
        Some(val.with(cond))
    }

    fn variable(&mut self, name: &str, span: Span) -> Option<Val> {
        let Some(local) = self.local(name).cloned() else {
            return self.no_such_variable(name, span);
        };
        let ty = self.var_type(&local.key)?;
        let absent = local
            .absent
            .map(|id| not(expr(Type::Bool, ExprKind::Var(id), span)));
        let kept = expr(ty, ExprKind::Var(local.id), span);
        let expr = match self.known.stepped.contains(&local.key) {
            true => self.wrapped(&local.key, kept),
            false => kept,
        };
        Some(Val {
            expr,
            present: absent,
            points_to: None,
        })
    }

    /// A stepped variable in the width of what was assigned to it: `(uint8)255` steps to 0.
    fn wrapped(&self, key: &VarKey, kept: Expr) -> Expr {
        match self.known.vars.get(key).and_then(Option::as_ref) {
            Some(seen) if !seen.weak && matches!(seen.ty, Type::Int { .. }) => {
                to_type(kept, &seen.ty)
            }
            _ => kept,
        }
    }

    /// Says that a variable was not assigned before this place.
    pub fn no_such_variable<T>(&mut self, name: &str, span: Span) -> Option<T> {
        let message = format!("`${}` has no value here", shown(name));
        let mut diagnostic = Diagnostic::error(codes::NO_SUCH_VARIABLE, span, message);
        if self.scope.ended.iter().any(|n| n == name) {
            // The next pass knows it as a variable of the clause.
            let hoisted = (self.scope.clause, name.to_owned());
            self.known.hoisted.insert(hoisted);
        }
        let known = self.scope.blocks.iter().flatten().map(|l| l.name.as_str());
        if let Some(near) = nearest(name, known).first() {
            diagnostic = diagnostic.help(format!("did you mean `${near}`?"));
        }
        self.fail(diagnostic)
    }

    fn map_value(&mut self, name: &str, keys: Option<&[ast::Expr]>, span: Span) -> Option<Val> {
        let map = self.map_id(name, span);
        let key = self.map_key(map, keys, span);
        let seen = match &self.map_known(map).holds {
            MapHolds::Plain(seen) => seen.clone(),
            MapHolds::Assigned => return None,
            MapHolds::Unknown => return self.no_such_map(name, span),
            MapHolds::Agg(kind, at) => {
                let (kind, at) = (*kind, *at);
                let Some(ty) = kind.value() else {
                    return self.aggregation_as_value(name, kind, at, span);
                };
                let (key, present) = key?;
                return Some(Val {
                    expr: expr(ty, ExprKind::AggGet { map, key }, span),
                    present,
                    points_to: None,
                });
            }
        };
        let (key, present) = key?;
        Some(Val {
            expr: expr(seen.stored(), ExprKind::MapGet { map, key }, span),
            present,
            points_to: None,
        })
    }

    fn positional(&mut self, text: Option<&str>, span: Span) -> Option<Val> {
        let Some(text) = text else {
            return Some(int(0, span).into());
        };
        match parse_number(text) {
            Some(number) => Some(Val::from(expr(number.0, ExprKind::Int(number.1), span))),
            None => {
                let message = format!("the parameter is `{text}`, a number was expected");
                let diagnostic = Diagnostic::error(codes::PARAMETER_NOT_NUMBER, span, message)
                    .help("as text it is str($1), with its own number");
                self.fail(diagnostic)
            }
        }
    }

    fn cond(
        &mut self,
        cond: &ast::Expr,
        then: &ast::Expr,
        otherwise: &ast::Expr,
        span: Span,
    ) -> Option<Val> {
        let cond = self.condition(cond);
        let (then, otherwise) = (self.value(then), self.value(otherwise));
        let (cond, then, otherwise) = (cond?, then?, otherwise?);
        let (a, b) = (&then.expr, &otherwise.expr);
        let Some((ty, _)) = unify::join((&a.ty, is_weak(a)), (&b.ty, is_weak(b))) else {
            let message = format!(
                "`?:` has two types: {} and {}",
                describe(&a.ty),
                describe(&b.ty)
            );
            return self.error(codes::TYPES_DIFFER, span, message);
        };
        let pick = |ty: Type, a: Expr, b: Expr| {
            let kind = ExprKind::Cond(Box::new(cond.clone()), Box::new(a), Box::new(b));
            expr(ty, kind, span)
        };
        let yes = || boolean(true, span);
        let present = match (then.present, otherwise.present) {
            (None, None) => None,
            (a, b) => Some(pick(
                Type::Bool,
                a.unwrap_or_else(yes),
                b.unwrap_or_else(yes),
            )),
        };
        let (a, b) = (to_type(then.expr, &ty), to_type(otherwise.expr, &ty));
        Some(Val {
            expr: pick(ty, a, b),
            present,
            points_to: None,
        })
    }

    fn tuple(&mut self, parts: &[ast::Expr], span: Span) -> Option<Val> {
        let parts: Vec<Option<Val>> = parts.iter().map(|p| self.value(p)).collect();
        let parts: Vec<Val> = parts.into_iter().collect::<Option<_>>()?;
        let types = parts.iter().map(|p| p.expr.ty.clone()).collect();
        let mut present = None;
        let mut exprs = Vec::new();
        for part in parts {
            present = both_present(present, part.present);
            exprs.push(part.expr);
        }
        Some(Val {
            expr: expr(Type::Tuple(types), ExprKind::Tuple(exprs), span),
            present,
            points_to: None,
        })
    }

    fn step(&mut self, delta: i8, prefix: bool, target: &ast::Expr, span: Span) -> Option<Val> {
        let (delta, postfix) = (i64::from(delta), !prefix);
        match &target.kind {
            ast::ExprKind::Var(name) => self.step_variable(name, delta, postfix, span),
            ast::ExprKind::Map { name, keys } => {
                self.step_map(name, keys.as_deref(), (delta, postfix), span)
            }
            // The parser has refused anything else.
            _ => None,
        }
    }

    fn step_variable(&mut self, name: &str, delta: i64, postfix: bool, span: Span) -> Option<Val> {
        let Some(local) = self.local(name).cloned() else {
            return self.no_such_variable(name, span);
        };
        let ty = self.var_type(&local.key)?;
        let delta = match &ty {
            Type::Ptr { .. } => delta.wrapping_mul(i64::from(self.element_size(&ty))),
            _ => delta,
        };
        self.known.stepped.insert(local.key.clone());
        if !matches!(ty, Type::Int { .. } | Type::Ptr { .. }) {
            let message = format!(
                "`${}` is {}, only a number or a pointer can be stepped",
                shown(name),
                describe(&ty)
            );
            return self.error(codes::BAD_OPERAND, span, message);
        }
        let absent = local
            .absent
            .map(|id| not(expr(Type::Bool, ExprKind::Var(id), span)));
        let kind = ExprKind::StepVar {
            var: local.id,
            delta,
            postfix,
        };
        let stepped = expr(ty, kind, span);
        Some(Val {
            expr: self.wrapped(&local.key, stepped),
            present: absent,
            points_to: None,
        })
    }

    fn step_map(
        &mut self,
        name: &str,
        keys: Option<&[ast::Expr]>,
        (delta, postfix): (i64, bool),
        span: Span,
    ) -> Option<Val> {
        let map = self.map_id(name, span);
        let key = self.map_key(map, keys, span);
        // A step alone makes the map one of numbers.
        let ty = self.learn_plain(map, &Type::I64, true, span)?;
        if !matches!(ty, Type::Int { .. }) {
            let message = format!(
                "`@{name}` holds {}, only a number can be stepped",
                describe(&ty)
            );
            return self.error(codes::BAD_OPERAND, span, message);
        }
        let (key, present) = key?;
        let kind = ExprKind::StepMap {
            map,
            key,
            delta,
            postfix,
        };
        Some(Val {
            expr: expr(ty, kind, span),
            present,
            points_to: None,
        })
    }
}

/// A literal: int64, or uint64 when it is too large for that.
pub fn number(v: u64, span: Span) -> Expr {
    match i64::try_from(v) {
        Ok(v) => int(v, span),
        Err(_) => expr(Type::U64, ExprKind::Int(v), span),
    }
}

/// A string literal, up to its first NUL. Its capacity is rounded up: short strings then share a type.
pub fn string(text: &[u8], span: Span) -> Expr {
    let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
    let ty = Type::Str {
        cap: (end as u32 + 1).next_multiple_of(8),
    };
    expr(ty, ExprKind::Str(text[..end].to_vec()), span)
}

/// A parameter's text as a number: decimal or hexadecimal, may be negative.
fn parse_number(text: &str) -> Option<(Type, u64)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let v = match hex {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    match (negative, i64::try_from(v)) {
        (true, Ok(v)) => Some((Type::I64, (-v) as u64)),
        (true, Err(_)) => None,
        (false, Ok(_)) => Some((Type::I64, v)),
        (false, Err(_)) => Some((Type::U64, v)),
    }
}

/// A type in a message.
pub fn describe(ty: &Type) -> String {
    match ty {
        Type::Str { .. } => "a string".to_owned(),
        Type::Tuple(parts) => format!("a tuple of {}", parts.len()),
        Type::Named(names, _) => format!("a record ({})", names.join(", ")),
        Type::Struct(shape) => format!("a struct ({})", shape.name),
        Type::Stack(stack) => match stack.space {
            Space::Kernel => "a kernel stack".to_owned(),
            Space::User => "a user stack".to_owned(),
        },
        Type::Ptr { .. } => format!("a pointer ({ty})"),
        Type::Bool => "bool".to_owned(),
        Type::Void => "nothing".to_owned(),
        Type::Record(_) => "a struct".to_owned(),
        Type::Array { len, .. } => format!("an array of {len}"),
        Type::Int { .. } => format!("a number ({ty})"),
        Type::Call => "a whole system call".to_owned(),
        Type::Wide(wide) => format!("a value of its own kind ({wide})"),
        Type::Bytes { .. } => "a buffer".to_owned(),
        Type::Lazy(ir_lazy) => format!("a value of its own kind ({})", Type::Lazy(*ir_lazy)),
    }
}

/// Whether it is a constant, and which.
pub fn constant(e: &ir::Expr) -> Option<u64> {
    match e.kind {
        ExprKind::Int(v) => Some(v),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbers_when_they_look_like_numbers() {
        assert_eq!(parse_number("12"), Some((Type::I64, 12)));
        assert_eq!(parse_number("-1"), Some((Type::I64, u64::MAX)));
        assert_eq!(parse_number("0x10"), Some((Type::I64, 16)));
        assert_eq!(
            parse_number("18446744073709551615"),
            Some((Type::U64, u64::MAX))
        );
        assert_eq!(parse_number("bash"), None);
        assert_eq!(parse_number(""), None);
    }
}
