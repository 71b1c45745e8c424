//! Rules about expressions: which family each kind belongs to, and the rules of constants, built-ins and operators.
//!
//! In: expressions of the checker's clause. Out: broken rules in the checker. Variables and maps are `store`'s, what is read from
//! memory `memory`'s, values with parts `parts`'s.

use super::Checker;
use crate::ir::{
    Binary, Builtin, Compare, Expr, ExprKind, Mechanism, Phase, Probe, SiteId, SiteKind, Unary,
};
use crate::types::registers::REGISTERS;
use crate::types::{Lazy, Space, Type};

impl<'p> Checker<'p> {
    /// An expression whose value is used.
    pub(super) fn value(&mut self, e: &'p Expr) {
        self.value_type(&e.ty);
        self.expr(e);
    }

    /// Rule 9.
    pub(super) fn condition(&mut self, e: &'p Expr) {
        self.expr(e);
        self.is_bool(e);
    }

    pub(super) fn is_bool(&mut self, e: &Expr) {
        self.rule(9, e.ty == Type::Bool, || {
            format!("a {} where a Bool is needed", e.ty)
        });
    }

    /// Any expression: its operands, then the rules of its kind. A flat match over the kinds.
    pub(super) fn expr(&mut self, e: &'p Expr) {
        for operand in e.operands() {
            self.value(operand);
        }
        let ty = &e.ty;
        match &e.kind {
            ExprKind::Int(bits) => self.constant(ty, *bits),
            ExprKind::Str(text) => self.text(ty, text),
            ExprKind::Builtin(b) => self.builtin(ty, *b),
            ExprKind::Var(id) => self.var_read(ty, *id),
            ExprKind::MapGet { map, key } => self.map_read(ty, *map, key),
            ExprKind::AggGet { map, key } => self.aggregation_read(ty, *map, key),
            ExprKind::HasKey { map, key } => self.key_sought(e, *map, key),
            ExprKind::Find { map, key, var } => self.found(e, *map, key, *var),
            ExprKind::StepVar { var, .. } => self.var_stepped(ty, *var),
            ExprKind::StepMap { map, key, .. } => self.map_stepped(ty, *map, key),
            ExprKind::Unary { op, operand } => self.unary(ty, *op, operand),
            ExprKind::Binary {
                op,
                left,
                right,
                site,
            } => self.binary(ty, *op, [left, right], *site),
            ExprKind::Compare { op, left, right } => self.compared(e, *op, [left, right]),
            ExprKind::And(a, b) | ExprKind::Or(a, b) => {
                [e, a, b].into_iter().for_each(|x| self.is_bool(x));
            }
            ExprKind::Cond(c, a, b) => self.chosen(ty, c, [a, b]),
            ExprKind::Cast(from) => self.cast(&from.ty, ty),
            ExprKind::Load {
                base,
                width,
                bits,
                site,
                ..
            } => self.load(ty, &base.ty, *width, *bits, *site),
            ExprKind::ReadStr { addr, site, .. } => self.string_read(ty, &addr.ty, *site),
            ExprKind::ReadArray { addr, site, .. } => self.array_read(ty, &addr.ty, *site),
            ExprKind::ReadBytes {
                addr, length, site, ..
            } => self.bytes_read(ty, &addr.ty, &length.ty, *site),
            ExprKind::ReadArgv { addr, site, .. } => self.vector_read(ty, &addr.ty, *site),
            ExprKind::ReadPath { addr, site } => self.path_read(ty, &addr.ty, *site),
            ExprKind::ReadState(of) => self.state_of(ty, of),
            ExprKind::Field { width, .. } => self.field(ty, *width),
            ExprKind::DataLoc { .. } | ExprKind::FieldAddr { .. } => self.field_address(ty),
            ExprKind::Length(of) => self.length(ty, &of.ty),
            ExprKind::Position(hay, needle) => self.position(ty, &hay.ty, &needle.ty),
            ExprKind::Matches(text, pattern) => self.matched(e, &text.ty, *pattern),
            ExprKind::Element(array, at) => self.element(ty, &array.ty, &at.ty),
            ExprKind::Tuple(parts) => self.tuple(ty, parts),
            ExprKind::TupleField(tuple, at) => self.component(ty, &tuple.ty, *at),
            ExprKind::Member(of, at) => self.member(ty, &of.ty, *at),
            ExprKind::Text(value) => self.text_of(ty, &value.ty),
        }
    }

    /// Rule 5.
    fn constant(&mut self, ty: &Type, bits: u64) {
        let extended = match ty {
            Type::Bool => bits <= 1,
            Type::Int { bits: 64, .. } => true,
            Type::Int { bits: n, signed } => {
                let unused = 64 - u32::from(*n);
                match signed {
                    true => (bits << unused) as i64 >> unused == bits as i64,
                    false => bits << unused >> unused == bits,
                }
            }
            _ => ty.is_scalar(),
        };
        self.rule(5, extended, || {
            format!("{bits} is no constant of type {ty}")
        });
    }

    /// Rule 5.
    fn text(&mut self, ty: &Type, text: &[u8]) {
        let fits = match ty {
            Type::Str { cap } => text.len() < *cap as usize && !text.contains(&0),
            _ => false,
        };
        self.rule(5, fits, || {
            format!("a string of {} bytes as a {ty}", text.len())
        });
    }

    /// Rule 6.
    fn builtin(&mut self, ty: &Type, b: Builtin) {
        let fits = has_type(b, ty);
        self.rule(6, fits, || format!("{b:?} is not a {ty}"));
        let probes = self.clause.map_or(&[][..], |c| &c.probes);
        let missing = probes.iter().find(|p| !has_builtin(p, b));
        self.rule(6, missing.is_none(), || {
            format!("{b:?} in a clause of {missing:?}")
        });
    }

    /// Rules 8 and 9.
    fn unary(&mut self, ty: &Type, op: Unary, operand: &Expr) {
        if op == Unary::Not {
            let fits = *ty == Type::Bool && operand.ty == Type::Bool;
            return self.rule(9, fits, || format!("not of a {} as a {ty}", operand.ty));
        }
        let fits = is_word(ty) && operand.ty == *ty;
        self.rule(8, fits, || format!("{op:?} of a {} as a {ty}", operand.ty));
    }

    /// Rule 8.
    fn binary(&mut self, ty: &Type, op: Binary, sides: [&Expr; 2], site: Option<SiteId>) {
        let fits = is_word(ty) && sides.iter().all(|e| e.ty == *ty);
        self.rule(8, fits, || {
            format!(
                "{op:?} of a {} and a {} as a {ty}",
                sides[0].ty, sides[1].ty
            )
        });
        match (op, site) {
            (Binary::Div, Some(site)) => self.site(site, 8, SiteKind::DivideByZero),
            (Binary::Mod, Some(site)) => self.site(site, 8, SiteKind::ModuloByZero),
            (Binary::Div | Binary::Mod, None) => {
                self.rule(8, false, || format!("{op:?} without a site"));
            }
            (_, site) => self.rule(8, site.is_none(), || format!("{op:?} with a site")),
        }
    }

    /// Rule 9.
    fn compared(&mut self, e: &Expr, op: Compare, sides: [&Expr; 2]) {
        self.is_bool(e);
        let [left, right] = sides.map(|side| &side.ty);
        let fits = same_but_capacity(left, right)
            && match left {
                Type::Tuple(_)
                | Type::Named(..)
                | Type::Struct(_)
                | Type::Wide(_)
                | Type::Bytes { .. }
                | Type::Array { .. } => {
                    matches!(op, Compare::Eq | Compare::Ne)
                }
                Type::Stack(_) => false,
                _ => true,
            };
        self.rule(9, fits, || format!("{op:?} of a {left} and a {right}"));
    }

    /// Rules 9 and 10.
    fn chosen(&mut self, ty: &Type, cond: &Expr, arms: [&Expr; 2]) {
        self.is_bool(cond);
        let fits = arms.iter().all(|arm| arm.ty == *ty);
        self.rule(10, fits, || {
            format!("arms of {} and {} for a {ty}", arms[0].ty, arms[1].ty)
        });
    }

    /// Rule 11.
    fn cast(&mut self, from: &Type, to: &Type) {
        let fits = match (from, to) {
            (Type::Str { .. }, Type::Str { .. } | Type::Bytes { .. }) => true,
            // Text that fills the array has its NUL behind it.
            (Type::Array { elem, len }, Type::Str { cap }) => {
                matches!(**elem, Type::Int { bits: 8, .. }) && *cap <= len.saturating_add(1)
            }
            (Type::Tuple(parts), Type::Wide(wide)) => {
                parts.len() as u32 == wide.words() && parts.iter().all(is_word)
            }
            (Type::Tuple(parts), array @ Type::Array { .. }) => {
                parts.len() as u32 * 8 == array.size() && parts.iter().all(is_word)
            }
            (Type::Tuple(parts), Type::Named(_, types))
            | (Type::Named(_, types), Type::Tuple(parts)) => parts == types,
            (from, to) => from.is_scalar() && to.is_scalar(),
        };
        self.rule(11, fits, || format!("a cast from {from} to {to}"));
    }
}

/// A 64-bit integer.
pub(super) fn is_word(ty: &Type) -> bool {
    matches!(ty, Type::Int { bits: 64, .. })
}

/// Equal, but for the capacities of strings.
fn same_but_capacity(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Str { .. }, Type::Str { .. }) => true,
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_but_capacity(a, b))
        }
        _ => a == b,
    }
}

/// The type that the built-in's documentation gives.
fn has_type(b: Builtin, ty: &Type) -> bool {
    let wanted = match b {
        Builtin::Pid
        | Builtin::Tid
        | Builtin::Uid
        | Builtin::Gid
        | Builtin::Cpu
        | Builtin::Numaid
        | Builtin::Cpid
        | Builtin::Rand => Type::U32,
        Builtin::Comm => Type::COMM,
        Builtin::Nsecs
        | Builtin::Elapsed
        | Builtin::Cgroup
        | Builtin::Ncpus
        | Builtin::Jiffies
        | Builtin::Reg(_)
        | Builtin::Duration => Type::U64,
        Builtin::Curtask | Builtin::Ctx => {
            let kernel = |ty: &Type| {
                matches!(
                    ty,
                    Type::Ptr {
                        space: Space::Kernel,
                        ..
                    }
                )
            };
            return *ty == Type::U64 || kernel(ty);
        }
        Builtin::Arg(_) | Builtin::Retval => return ty.is_scalar(),
        Builtin::Probe => Type::Lazy(Lazy::ProbeName),
        Builtin::Func => Type::Lazy(Lazy::FuncName),
        Builtin::SyscallNr => Type::I64,
        Builtin::SyscallName => Type::Lazy(Lazy::SyscallName),
        Builtin::Host => Type::Lazy(Lazy::Host),
        Builtin::SyscallAbi => Type::Lazy(Lazy::Abi),
        Builtin::Errno => Type::Lazy(Lazy::Errno),
        Builtin::EntrySeen | Builtin::Usermode | Builtin::Tree => Type::Bool,
        Builtin::Stack(stack) => Type::Stack(stack),
        Builtin::Call => Type::Call,
    };
    *ty == wanted
}

/// Whether a firing of the probe has the built-in.
fn has_builtin(probe: &Probe, b: Builtin) -> bool {
    let phase = super::phase(probe);
    match b {
        Builtin::SyscallNr | Builtin::SyscallName | Builtin::SyscallAbi => phase.is_some(),
        Builtin::EntrySeen | Builtin::Duration => phase == Some(Phase::Whole),
        Builtin::Errno => matches!(phase, Some(Phase::Whole | Phase::Return)),
        Builtin::Retval => match probe {
            Probe::Function { used, .. } => used.returns(),
            Probe::UserFunction { returns, .. } => *returns,
            _ => matches!(phase, Some(Phase::Whole | Phase::Return)),
        },
        Builtin::Call => matches!(phase, Some(Phase::Whole | Phase::Entry)),
        Builtin::Arg(_) => match probe {
            Probe::Syscall { phase, .. } => *phase != Phase::Return,
            Probe::RawTracepoint { .. } | Probe::UserFunction { returns: false, .. } => true,
            Probe::Function { used, .. } => *used != Mechanism::Kretprobe,
            _ => false,
        },
        Builtin::Probe | Builtin::Func => phase.is_none(),
        Builtin::Reg(offset) => {
            let register = usize::from(offset) / 8;
            offset.is_multiple_of(8) && register < REGISTERS.len() && probe.has_registers()
        }
        _ => true,
    }
}
