//! Rules about expressions.
//!
//! In: expressions of the checker's clause. Out: broken rules in the checker.

use super::Checker;
use crate::ir::{
    Binary, Builtin, Compare, Expr, ExprKind, Map, MapId, MapValue, Mechanism, Phase, Probe,
    SiteId, SiteKind, Unary, Var, VarId,
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

    fn is_bool(&mut self, e: &Expr) {
        self.rule(9, e.ty == Type::Bool, || {
            format!("a {} where a Bool is needed", e.ty)
        });
    }

    /// Any expression; a flat match over the kinds.
    pub(super) fn expr(&mut self, e: &'p Expr) {
        for operand in e.operands() {
            self.value(operand);
        }
        match &e.kind {
            ExprKind::Int(bits) => self.constant(&e.ty, *bits),
            ExprKind::Str(text) => self.text(&e.ty, text),
            ExprKind::Builtin(b) => self.builtin(&e.ty, *b),
            ExprKind::Var(id) => {
                let fits = self.var(*id).is_none_or(|v| v.ty == e.ty);
                self.rule(16, fits, || format!("variable {} is not a {}", id.0, e.ty));
            }
            ExprKind::MapGet { map, key } => {
                let ty = self.plain_map(*map, key);
                let fits = ty.is_none_or(|ty| *ty == e.ty);
                self.rule(7, fits, || {
                    format!("map {} does not hold a {}", map.0, e.ty)
                });
            }
            ExprKind::AggGet { map, key } => {
                let held = self.key(*map, key).map(|map| &map.value);
                let fits = held.is_none_or(|value| match value {
                    MapValue::Agg(kind) => kind.value().is_some_and(|ty| ty == e.ty),
                    MapValue::Plain(_) => false,
                });
                self.rule(7, fits, || {
                    format!("map {} does not aggregate to a {}", map.0, e.ty)
                });
            }
            ExprKind::HasKey { map, key } => {
                self.is_bool(e);
                self.key(*map, key);
            }
            ExprKind::Unary { op, operand } => self.unary(&e.ty, *op, operand),
            ExprKind::Binary {
                op,
                left,
                right,
                site,
            } => self.binary(&e.ty, *op, [left, right], *site),
            ExprKind::Compare { op, left, right } => {
                self.is_bool(e);
                self.compared(*op, &left.ty, &right.ty);
            }
            ExprKind::And(a, b) | ExprKind::Or(a, b) => {
                [e, a, b].into_iter().for_each(|x| self.is_bool(x))
            }
            ExprKind::Cond(c, a, b) => {
                self.is_bool(c);
                let fits = a.ty == e.ty && b.ty == e.ty;
                self.rule(10, fits, || {
                    format!("arms of {} and {} for a {}", a.ty, b.ty, e.ty)
                });
            }
            ExprKind::Cast(from) => {
                let texts = matches!((&from.ty, &e.ty), (Type::Str { .. }, Type::Str { .. }));
                let words = match (&from.ty, &e.ty) {
                    (Type::Tuple(parts), Type::Wide(wide)) => {
                        parts.len() as u32 == wide.words() && parts.iter().all(is_word)
                    }
                    (Type::Tuple(parts), array @ Type::Array { .. }) => {
                        parts.len() as u32 * 8 == array.size() && parts.iter().all(is_word)
                    }
                    (Type::Tuple(parts), Type::Named(_, types))
                    | (Type::Named(_, types), Type::Tuple(parts)) => parts == types,
                    (Type::Str { .. }, Type::Bytes { .. }) => true,
                    _ => false,
                };
                let fits = texts || words || (from.ty.is_scalar() && e.ty.is_scalar());
                self.rule(11, fits, || format!("a cast from {} to {}", from.ty, e.ty));
            }
            ExprKind::Load {
                base,
                width,
                bits,
                site,
                ..
            } => {
                self.loaded(&e.ty, &base.ty, *width, *bits);
                self.site(*site, 12, SiteKind::ReadFailed);
            }
            ExprKind::ReadStr { addr, site, .. } => {
                let fits = addr.ty.is_scalar() && matches!(e.ty, Type::Str { .. });
                self.rule(12, fits, || format!("a {} read at a {}", e.ty, addr.ty));
                self.site(*site, 12, SiteKind::ReadFailed);
            }
            ExprKind::ReadArray { addr, site, .. } => {
                let array = matches!(e.ty, Type::Array { .. } | Type::Struct(_));
                self.rule(12, array && addr.ty.is_scalar(), || {
                    format!("a {} read at a {}", e.ty, addr.ty)
                });
                self.site(*site, 12, SiteKind::ReadFailed);
            }
            ExprKind::ReadBytes {
                addr, length, site, ..
            } => {
                self.bytes(e, addr, 1);
                self.rule(12, length.ty == Type::U64, || {
                    format!("{} bytes", length.ty)
                });
                self.site(*site, 12, SiteKind::ReadFailed);
            }
            ExprKind::ReadArgv { addr, site, .. } => {
                self.bytes(e, addr, crate::ir::ARGV_BYTES);
                self.site(*site, 12, SiteKind::ReadFailed);
            }
            ExprKind::ReadState(of) => {
                let reads = matches!(of.kind, ExprKind::ReadStr { .. } | ExprKind::Load { .. });
                self.rule(12, reads && e.ty == Type::Lazy(Lazy::ArgState), || {
                    format!("how {} was read as a {}", of.ty, e.ty)
                });
            }
            ExprKind::Length(of) => {
                let counts = matches!(
                    of.ty,
                    Type::Str { .. } | Type::Bytes { .. } | Type::Stack(_)
                );
                self.rule(14, counts && e.ty == Type::U64, || {
                    format!("the length of a {} as a {}", of.ty, e.ty)
                });
            }
            ExprKind::Position(hay, needle) => {
                let texts = [hay, needle]
                    .iter()
                    .all(|s| matches!(s.ty, Type::Str { .. }));
                self.rule(14, texts && e.ty == Type::I64, || {
                    format!("a {} in a {} as a {}", needle.ty, hay.ty, e.ty)
                });
            }
            ExprKind::Matches(text, pattern) => {
                self.is_bool(e);
                self.rule(14, matches!(text.ty, Type::Str { .. }), || {
                    format!("a pattern for a {}", text.ty)
                });
                let known = (pattern.0 as usize) < self.program.patterns.len();
                self.rule(1, known, || format!("there is no pattern {}", pattern.0));
            }
            ExprKind::Element(array, at) => {
                let fits = match &array.ty {
                    Type::Array { elem, .. } => **elem == e.ty && e.ty.is_scalar(),
                    Type::Str { .. } => e.ty == CHAR,
                    _ => false,
                };
                self.rule(14, fits && at.ty.is_scalar(), || {
                    format!("a {} of a {}", e.ty, array.ty)
                });
            }
            ExprKind::Find { map, key, var } => {
                self.is_bool(e);
                let ty = self.plain_map(*map, key);
                let var = self.var(*var);
                let fits = ty.is_none_or(|ty| var.is_none_or(|v| v.ty == *ty));
                self.rule(16, fits, || {
                    format!("a value of map {} found for another type", map.0)
                });
            }
            ExprKind::Field { width, .. } => {
                self.loaded(&e.ty, &Type::U64, *width, None);
                self.in_tracepoint();
            }
            ExprKind::DataLoc { .. } | ExprKind::FieldAddr { .. } => {
                self.rule(12, e.ty.is_scalar(), || {
                    format!("an address of type {}", e.ty)
                });
                self.in_tracepoint();
            }
            ExprKind::Tuple(parts) => {
                let given = parts.iter().map(|p| &p.ty);
                let fits = matches!(&e.ty, Type::Tuple(types) if types.iter().eq(given));
                self.rule(14, fits, || {
                    format!("components of other types than {}", e.ty)
                });
            }
            ExprKind::TupleField(tuple, at) => {
                let part = match &tuple.ty {
                    Type::Tuple(types) => types.get(*at as usize),
                    _ => None,
                };
                self.rule(14, part == Some(&e.ty), || {
                    format!("component {at} of {} is not a {}", tuple.ty, e.ty)
                });
            }
            ExprKind::Member(of, at) => {
                let member = match &of.ty {
                    Type::Struct(shape) => shape.fields.get(*at as usize).map(|f| &f.ty),
                    _ => None,
                };
                self.rule(14, member == Some(&e.ty), || {
                    format!("member {at} of {} is not a {}", of.ty, e.ty)
                });
            }
            ExprKind::Text(value) => {
                let fits = matches!(
                    value.ty,
                    Type::Lazy(_) | Type::Stack(_) | Type::Wide(_) | Type::Call
                );
                self.rule(20, fits, || format!("{} has no text of its own", value.ty));
                let is_text = matches!(e.ty, Type::Str { .. });
                self.rule(20, is_text, || format!("a text of type {}", e.ty));
            }
            ExprKind::StepVar { var, .. } => {
                let ty = self.var(*var).map(|v| &v.ty);
                self.stepped(&e.ty, ty);
            }
            ExprKind::StepMap { map, key, .. } => {
                let ty = self.plain_map(*map, key);
                self.stepped(&e.ty, ty);
            }
        }
    }

    /// Rule 1: the variable, when it is there.
    pub(super) fn var(&mut self, id: VarId) -> Option<&'p Var> {
        let var = self.clause.and_then(|c| c.vars.get(id.0 as usize));
        self.rule(1, var.is_some(), || {
            format!("there is no variable {}", id.0)
        });
        var
    }

    /// Rule 7: the map, when it is there. The components themselves are checked as operands, or by `parts`.
    pub(super) fn key(&mut self, id: MapId, key: &'p [Expr]) -> Option<&'p Map> {
        let map = self.map(id)?;
        let fits = map.key.iter().eq(key.iter().map(|part| &part.ty));
        self.rule(7, fits, || {
            format!("the key of map {} has other types", id.0)
        });
        Some(map)
    }

    /// The components of a statement's key.
    pub(super) fn parts(&mut self, key: &'p [Expr]) {
        key.iter().for_each(|part| self.value(part));
    }

    /// Rule 7: the type of a plain map's values.
    pub(super) fn plain_map(&mut self, id: MapId, key: &'p [Expr]) -> Option<&'p Type> {
        let map = self.key(id, key)?;
        let ty = match &map.value {
            MapValue::Plain(ty) => Some(ty),
            MapValue::Agg(_) => None,
        };
        self.rule(7, ty.is_some(), || {
            format!("map {} is an aggregation", id.0)
        });
        ty
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
    fn compared(&mut self, op: Compare, left: &Type, right: &Type) {
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

    /// Rule 12.
    fn loaded(&mut self, ty: &Type, base: &Type, width: u8, bits: Option<(u8, u8)>) {
        let fits = ty.is_scalar() && base.is_scalar() && matches!(width, 1 | 2 | 4 | 8);
        self.rule(12, fits, || format!("{width} bytes at a {base} as a {ty}"));
        let within = bits.is_none_or(|(at, len)| {
            len > 0 && u32::from(at) + u32::from(len) <= u32::from(width) * 8
        });
        self.rule(12, within, || format!("bits {bits:?} of {width} bytes"));
    }

    /// Rule 12: at least so many bytes, read at a scalar.
    fn bytes(&mut self, e: &Expr, addr: &Expr, least: u32) {
        let fits = matches!(e.ty, Type::Bytes { cap } if cap >= least);
        self.rule(12, fits && addr.ty.is_scalar(), || {
            format!("a {} read at a {}", e.ty, addr.ty)
        });
    }

    /// Rule 13.
    fn in_tracepoint(&mut self) {
        let probes = self.clause.map_or(&[][..], |c| &c.probes);
        let all = probes.iter().all(|p| matches!(p, Probe::Tracepoint { .. }));
        self.rule(13, all, || {
            "a tracepoint's field in another clause".to_owned()
        });
    }

    /// Rule 15.
    fn stepped(&mut self, ty: &Type, of: Option<&Type>) {
        let steps = is_word(ty) || matches!(ty, Type::Ptr { .. });
        let fits = steps && of.is_none_or(|of| of == ty);
        self.rule(15, fits, || format!("a step of a {ty}"));
    }
}

/// A byte of a string.
const CHAR: Type = Type::Int {
    bits: 8,
    signed: true,
};

/// A 64-bit integer.
fn is_word(ty: &Type) -> bool {
    matches!(ty, Type::Int { bits: 64, .. })
}

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
