//! Memory: members, elements, and what reading them gives.
//!
//! In: `a.b`, `a->b`, `a[i]`, `*p`. Out: [`Place`]s, and values read from them. Offsets, widths and signs come from
//! BTF. A place is read only where its value is asked for, so a chain of members is one load, and `str(x.name)`
//! reads the array itself.

use super::config::LONGEST_STRING;
use super::convert::{split_tuple, to_number, to_type};
use super::layout32;
use super::nearest::did_you_mean;
use super::pass::{Pass, Val, expr};
use super::uses::is_args;
use super::value::{Operand, constant, describe};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Binary, Builtin, Expr, ExprKind, SiteKind};
use crate::syntax::ast::{self, Ident, Tag};
use crate::types::btf::{Btf, Member};
use crate::types::{Pointee, Space, Type};

/// Length of the kernel's `comm`, which always ends in a NUL.
const COMM_LEN: u32 = 16;

/// Memory of a known type.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// An address.
    pub base: Val,
    /// Bytes added to it.
    pub offset: i64,
    /// What is there.
    pub ty: Type,
    /// In which address space.
    pub space: Space,
    /// A bit field: first bit in the bytes of `ty`, and number of bits.
    pub bits: Option<(u8, u8)>,
}

impl Place {
    /// What a pointer points to.
    pub fn at(base: Val, ty: Type, space: Space) -> Place {
        Place {
            base,
            offset: 0,
            ty,
            space,
            bits: None,
        }
    }

    fn inner(self, offset: i64, ty: Type) -> Place {
        Place {
            offset: self.offset.wrapping_add(offset),
            ty,
            ..self
        }
    }

    /// Its address as a number.
    pub fn address(&self, span: Span) -> Expr {
        let base = to_type(to_number(self.base.expr.clone()), &Type::U64);
        if self.offset == 0 {
            return base;
        }
        let offset = expr(Type::U64, ExprKind::Int(self.offset as u64), span);
        add(base, offset, span)
    }
}

fn add(left: Expr, right: Expr, span: Span) -> Expr {
    let kind = ExprKind::Binary {
        op: Binary::Add,
        left: Box::new(left),
        right: Box::new(right),
        site: None,
    };
    expr(Type::U64, kind, span)
}

impl<'a> Pass<'a> {
    /// The value of an operand.
    pub fn read(&mut self, operand: Operand, span: Span) -> Option<Val> {
        match operand {
            Operand::Val(val) => Some(val),
            Operand::Place(place) => self.load(place, span),
            Operand::Registers(span) => {
                let diagnostic = Diagnostic::error(
                    codes::NOT_A_VALUE,
                    span,
                    "the arguments are an array, not a value",
                );
                self.fail(diagnostic.help("pick one: args.args[0]"))
            }
        }
    }

    fn load(&mut self, place: Place, span: Span) -> Option<Val> {
        let width = match &place.ty {
            Type::Int { bits, .. } => bits / 8,
            Type::Bool => 1,
            Type::Ptr { .. } => 8,
            Type::Array { elem, len } if is_char(elem) => {
                let cap = self.text_capacity(*len);
                return Some(self.read_text(place, cap, span));
            }
            _ => return self.read_whole(place, span),
        };
        let site = self.site(SiteKind::ReadFailed, span);
        let kind = ExprKind::Load {
            base: Box::new(place.base.expr.clone()),
            offset: place.offset,
            space: place.space,
            width,
            bits: place.bits,
            site,
        };
        Some(place.base.with(expr(place.ty, kind, span)))
    }

    /// Capacity that holds all of a `char[len]`, also one without a NUL; a flexible array ends at its NUL.
    pub fn text_capacity(&self, len: u32) -> u32 {
        match len {
            0 => self.settings.max_strlen,
            COMM_LEN => COMM_LEN,
            _ => len.min(LONGEST_STRING - 1) + 1,
        }
    }

    /// The text at a place, at most `cap - 1` bytes.
    pub fn read_text(&mut self, place: Place, cap: u32, span: Span) -> Val {
        let site = self.site(SiteKind::ReadFailed, span);
        let kind = ExprKind::ReadStr {
            addr: Box::new(place.address(span)),
            space: place.space,
            site,
        };
        place.base.with(expr(Type::Str { cap }, kind, span))
    }

    /// `base.name` and `base->name`, which mean the same: what is on the left decides.
    pub fn member(&mut self, base: &ast::Expr, name: &Ident, span: Span) -> Option<Operand> {
        if is_args(base) {
            return self.event_argument(&name.text, span);
        }
        let place = match self.operand(base)? {
            Operand::Place(place) => self.through_pointer(place, base.span)?,
            Operand::Val(val) => {
                match val.expr.ty.clone() {
                    Type::Tuple(parts) => return self.component(val, parts.len(), name),
                    Type::Named(names, _) => return self.field(val, &names, name),
                    Type::Struct(shape) => return self.member_of_struct(val, &shape, name),
                    _ => {}
                }
                self.pointed_to(val, base.span)?
            }
            registers @ Operand::Registers(_) => {
                self.read(registers, span)?;
                return None;
            }
        };
        self.member_of(place, name, base.span).map(Operand::Place)
    }

    /// The member of what a pointer points to.
    pub fn member_of_value(&mut self, val: Val, name: &Ident, span: Span) -> Option<Place> {
        let place = self.pointed_to(val, span)?;
        self.member_of(place, name, span)
    }

    /// A place that holds a pointer is read to get to what it points to.
    fn through_pointer(&mut self, place: Place, span: Span) -> Option<Place> {
        if !matches!(place.ty, Type::Ptr { .. }) {
            return Some(place);
        }
        let val = self.load(place, span)?;
        self.pointed_to(val, span)
    }

    fn pointed_to(&mut self, val: Val, span: Span) -> Option<Place> {
        let Type::Ptr { to, space } = val.expr.ty.clone() else {
            let message = format!("{} has no members", describe(&val.expr.ty));
            let mut diagnostic = Diagnostic::error(codes::NO_MEMBERS, span, message);
            if matches!(val.expr.ty, Type::Int { .. }) {
                diagnostic = diagnostic.help("cast it: ((struct task_struct *)x)->pid");
            }
            return self.fail(diagnostic);
        };
        let ty = match (to, &val.points_to) {
            (Pointee::Type(ty), _) => *ty,
            (Pointee::Unknown, Some(name)) => {
                let name = name.clone();
                let btf = self.btf(span)?;
                match btf.struct_named(&name).or_else(|| btf.union_named(&name)) {
                    Some(id) => Type::Record(id),
                    None => return self.no_such_type(Some(Tag::Struct), &name, span),
                }
            }
            (Pointee::Unknown, None) => {
                let diagnostic = Diagnostic::error(
                    codes::NO_MEMBERS,
                    span,
                    "nothing is known of what it points to",
                );
                return self.fail(diagnostic.help("cast it: ((struct NAME *)x)->member"));
            }
        };
        Some(Place::at(val, ty, space))
    }

    /// `&x`: of memory, a pointer to it in its address space.
    pub fn address_of(&mut self, operand: &ast::Expr, span: Span) -> Option<Operand> {
        let Operand::Place(place) = self.operand(operand)? else {
            let message = "this is a value: it has no address";
            let diagnostic = Diagnostic::error(codes::NO_ADDRESS, span, message);
            return self.fail(diagnostic.help("memory has one: &curtask->comm"));
        };
        if place.bits.is_some() {
            let message = "a bit field has no address";
            return self.error(codes::NO_ADDRESS, span, message);
        }
        let to = Pointee::Type(Box::new(place.ty.clone()));
        let space = place.space;
        let pointer = to_type(place.address(span), &Type::Ptr { to, space });
        Some(Operand::Val(place.base.with(pointer)))
    }

    fn member_of(&mut self, place: Place, name: &Ident, base: Span) -> Option<Place> {
        let Type::Record(id) = place.ty else {
            let message = format!("{} has no members", describe(&place.ty));
            return self.error(codes::NO_MEMBERS, base, message);
        };
        let btf = self.btf(name.span)?;
        if place.space == Space::User && !layout32::is_same(btf, id) {
            self.scope.native_layout = Some((name.span, btf.c_type(id)));
        }
        let Some(member) = btf.find_member(id, &name.text) else {
            let message = format!("`{}` has no member `{}`", btf.c_type(id), name.text);
            let near = did_you_mean(&name.text, btf.member_names(id));
            let diagnostic = Diagnostic::error(codes::NO_SUCH_MEMBER, name.span, message);
            return self.fail(near.into_iter().fold(diagnostic, Diagnostic::help));
        };
        let Some(ty) = btf.to_type(member.ty, place.space) else {
            let message = format!(
                "a member of type `{}` cannot be read",
                btf.c_type(member.ty)
            );
            return self.error(codes::TYPE_NOT_BUILT, name.span, message);
        };
        if member.bitfield == 0 {
            return Some(place.inner(i64::from(member.offset()), ty));
        }
        Some(bit_field(place, &member, ty, btf))
    }

    fn component(&mut self, val: Val, count: usize, name: &Ident) -> Option<Operand> {
        let Some(at) = name.text.parse().ok().filter(|&at: &usize| at < count) else {
            let message = format!("the tuple has no component `{}`", name.text);
            let diagnostic = Diagnostic::error(codes::NO_SUCH_MEMBER, name.span, message);
            return self.fail(diagnostic.help(format!("it has 0 to {}", count - 1)));
        };
        let part = split_tuple(&val.expr).swap_remove(at);
        Some(Operand::Val(val.with(part)))
    }

    /// `t[1]`, which is `t.1`.
    fn component_at(&mut self, val: Val, count: usize, at: &Expr, span: Span) -> Option<Operand> {
        match constant(at) {
            Some(at) if at < count as u64 => {
                let part = split_tuple(&val.expr).swap_remove(at as usize);
                Some(Operand::Val(val.with(part)))
            }
            Some(_) => {
                let message = format!("the tuple has components 0 to {}", count.saturating_sub(1));
                self.error(codes::OUT_OF_BOUNDS, span, message)
            }
            None => {
                let message = "components are picked by a constant";
                self.error(codes::NOT_CONSTANT, span, message)
            }
        }
    }

    /// `base[index]`.
    pub fn index(&mut self, base: &ast::Expr, index: &ast::Expr) -> Option<Operand> {
        let target = self.operand(base);
        let index_val = self.value(index);
        let (target, index_val) = (target?, index_val?);
        let at = self.number(&index_val.expr)?;
        let place = match target {
            Operand::Registers(_) => return self.register(&at, index.span),
            Operand::Place(place) => match place.ty {
                Type::Ptr { .. } => {
                    let val = self.load(place, base.span)?;
                    self.element_base(val, base.span)?
                }
                _ => place,
            },
            Operand::Val(val) => match val.expr.ty.clone() {
                Type::Tuple(parts) => return self.component_at(val, parts.len(), &at, index.span),
                Type::Array { elem, len } => {
                    return self.element_of_value(val, (*elem, len), at, index.span);
                }
                Type::Str { .. } => {
                    let kind = ExprKind::Element(Box::new(val.expr.clone()), Box::new(at));
                    return Some(Operand::Val(val.with(expr(
                        CHAR,
                        kind,
                        span_of(base, index),
                    ))));
                }
                _ => self.element_base(val, base.span)?,
            },
        };
        let (elem, len) = match place.ty.clone() {
            Type::Array { elem, len } => (*elem, Some(len)),
            other => {
                let message = format!("{} has no elements", describe(&other));
                return self.error(codes::NO_ELEMENTS, base.span, message);
            }
        };
        self.element(place, elem, len, at, index.span)
    }

    /// An element of an array that is a value.
    fn element_of_value(
        &mut self,
        val: Val,
        (elem, len): (Type, u32),
        at: Expr,
        span: Span,
    ) -> Option<Operand> {
        if constant(&at).is_some_and(|i| i >= u64::from(len)) {
            let message = format!("the array has {len} elements");
            return self.error(codes::OUT_OF_BOUNDS, span, message);
        }
        let kind = ExprKind::Element(Box::new(val.expr.clone()), Box::new(at));
        let element = expr(elem, kind, span);
        let element = match element.ty.clone() {
            // As when it is read from memory.
            Type::Array { elem, len } if is_char(&elem) => {
                let cap = self.text_capacity(len);
                to_type(element, &Type::Str { cap })
            }
            _ => element,
        };
        Some(Operand::Val(val.with(element)))
    }

    /// What a pointer points to, as an array without an end (length 0).
    fn element_base(&mut self, val: Val, span: Span) -> Option<Place> {
        match val.expr.ty.clone() {
            Type::Ptr {
                to: Pointee::Type(to),
                space,
            } => {
                let ty = Type::Array { elem: to, len: 0 };
                Some(Place::at(val, ty, space))
            }
            other => {
                let message = format!("{} has no elements", describe(&other));
                self.error(codes::NO_ELEMENTS, span, message)
            }
        }
    }

    fn element(
        &mut self,
        place: Place,
        elem: Type,
        len: Option<u32>,
        at: Expr,
        span: Span,
    ) -> Option<Operand> {
        let Some(size) = self.memory_size(&elem) else {
            return self.error(
                codes::NO_ELEMENTS,
                span,
                "the size of an element is not known",
            );
        };
        if let Some(i) = constant(&at) {
            let len = len.filter(|&l| l > 0);
            if len.is_some_and(|l| i >= u64::from(l)) {
                let message = format!("the array has {} elements", len.unwrap_or_default());
                return self.error(codes::OUT_OF_BOUNDS, span, message);
            }
            let offset = (i as i64).wrapping_mul(i64::from(size));
            return Some(Operand::Place(place.inner(offset, elem)));
        }
        let size = expr(Type::U64, ExprKind::Int(u64::from(size)), span);
        let bytes = ExprKind::Binary {
            op: Binary::Mul,
            left: Box::new(to_type(at, &Type::U64)),
            right: Box::new(size),
            site: None,
        };
        let bytes = expr(Type::U64, bytes, span);
        let address = add(place.address(span), bytes, span);
        let base = place.base.clone().with(address);
        Some(Operand::Place(Place::at(base, elem, place.space)))
    }

    /// An argument register by a constant number.
    fn register(&mut self, at: &Expr, span: Span) -> Option<Operand> {
        match constant(at) {
            Some(n @ 0..=5) => {
                let kind = ExprKind::Builtin(Builtin::Arg(n as u8));
                Some(Operand::Val(expr(Type::U64, kind, span).into()))
            }
            Some(_) => self.error(codes::OUT_OF_BOUNDS, span, "the array has 6 elements"),
            None => {
                let message = "arguments are picked by a constant";
                self.error(codes::NOT_CONSTANT, span, message)
            }
        }
    }

    /// Bytes that a value of the type takes in memory (not in a map).
    pub fn memory_size(&mut self, ty: &Type) -> Option<u32> {
        Some(match ty {
            Type::Int { bits, .. } => u32::from(*bits) / 8,
            Type::Bool => 1,
            Type::Ptr { .. } => 8,
            Type::Record(id) => self.facts.btf()?.size_of(*id)?,
            Type::Array { elem, len } => self.memory_size(elem)?.checked_mul(*len)?,
            other => other.size(),
        })
    }

    /// The kernel's types, or an error.
    pub fn btf(&mut self, span: Span) -> Option<&'a Btf> {
        let btf = self.facts.btf();
        if btf.is_none() {
            let message = "this needs the kernel's types, and the kernel has no BTF";
            let diagnostic = Diagnostic::error(codes::NO_BTF, span, message)
                .help("BTF is in kernels built with CONFIG_DEBUG_INFO_BTF");
            self.say(diagnostic);
        }
        btf
    }
}

/// A character of a string.
const CHAR: Type = Type::Int {
    bits: 8,
    signed: true,
};

fn span_of(base: &ast::Expr, index: &ast::Expr) -> Span {
    base.span.to(index.span)
}

/// Whether an array of these is text.
pub fn is_char(elem: &Type) -> bool {
    matches!(elem, Type::Int { bits: 8, .. })
}

/// The bytes that hold a bit field.
fn bit_field(place: Place, member: &Member, ty: Type, btf: &Btf) -> Place {
    let (offset, first) = btf.bits_of(member);
    let mut field = place.inner(i64::from(offset), ty);
    field.bits = Some((first, member.bitfield as u8));
    field
}
