//! Records `(a = 1, b = "x")`, and structs that are values.
//!
//! In: fields as written, places that hold structs, names of members. Out: values and their parts. A record is a tuple under
//! another type; a struct is its bytes, read at once. Never knows how either is printed.

use super::access::Place;
use super::convert::{split_tuple, to_type, unnamed};
use super::nearest::did_you_mean;
use super::pass::{Pass, Val, both_present, expr};
use super::value::{Operand, describe};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Binary, Expr, ExprKind, SiteKind};
use crate::syntax::ast::{self, Ident, TypeName};
use crate::types::shape::Shape;
use crate::types::{Pointee, Space, Type};
use std::sync::Arc;

impl Pass<'_> {
    /// `(a = 1, b = "x")`.
    pub fn record(&mut self, fields: &[(Ident, ast::Expr)], span: Span) -> Option<Val> {
        let mut present = None;
        let (mut names, mut parts): (Vec<String>, Vec<Expr>) = (Vec::new(), Vec::new());
        let values: Vec<Option<Val>> = fields.iter().map(|(_, value)| self.value(value)).collect();
        for ((name, _), value) in fields.iter().zip(values) {
            if names.contains(&name.text) {
                let message = format!("the record has two fields `{}`", name.text);
                return self.error(codes::FIELD_TWICE, name.span, message);
            }
            let value = value?;
            present = both_present(present, value.present);
            names.push(name.text.clone());
            parts.push(value.expr);
        }
        let types: Vec<Type> = parts.iter().map(|part| part.ty.clone()).collect();
        let tuple = expr(Type::Tuple(types.clone()), ExprKind::Tuple(parts), span);
        let named = Type::Named(names.into(), types);
        Some(Val {
            expr: expr(named, ExprKind::Cast(Box::new(tuple)), span),
            present,
            points_to: None,
        })
    }

    /// `.name` of a record.
    pub fn field(&mut self, val: Val, names: &[String], name: &Ident) -> Option<Operand> {
        let Some(at) = names.iter().position(|known| *known == name.text) else {
            let message = format!("the record has no field `{}`", name.text);
            let near = did_you_mean(&name.text, names.iter().map(String::as_str));
            let diagnostic = Diagnostic::error(codes::NO_SUCH_MEMBER, name.span, message);
            return self.fail(near.into_iter().fold(diagnostic, Diagnostic::help));
        };
        let part = split_tuple(&unnamed(val.expr.clone())).swap_remove(at);
        Some(Operand::Val(val.with(part)))
    }

    /// The struct or array at a place, as a value.
    pub fn read_whole(&mut self, place: Place, span: Span) -> Option<Val> {
        let ty = self.whole(&place.ty, place.space, span)?;
        if !ty.is_packed() {
            let message = format!("{} is memory, not a value", describe(&ty));
            let diagnostic = Diagnostic::error(codes::NOT_A_VALUE, span, message);
            return self.fail(diagnostic.help("pick an element: x[0]"));
        }
        let kind = ExprKind::ReadArray {
            addr: Box::new(place.address(span)),
            space: place.space,
            site: self.site(SiteKind::ReadFailed, span),
        };
        Some(place.base.with(expr(ty, kind, span)))
    }

    /// What memory of a type is as a value: structs are their bytes, in arrays too. Other types are themselves.
    pub fn whole(&mut self, ty: &Type, space: Space, span: Span) -> Option<Type> {
        match ty {
            Type::Record(id) => {
                let Some(shape) = self.btf(span)?.shape(*id, space) else {
                    let message = "this struct has no bytes, or is only declared";
                    return self.error(codes::NOT_A_VALUE, span, message);
                };
                Some(Type::Struct(Arc::new(shape)))
            }
            Type::Array { elem, len } => Some(Type::Array {
                elem: Box::new(self.whole(elem, space, span)?),
                len: *len,
            }),
            other => Some(other.clone()),
        }
    }

    /// `.name` of a struct that is a value.
    pub fn member_of_struct(&mut self, val: Val, shape: &Shape, name: &Ident) -> Option<Operand> {
        let Some(at) = shape.find(&name.text) else {
            let message = format!("`{}` has no member `{}`", shape.name, name.text);
            let known = shape.fields.iter().map(|field| field.name.as_str());
            let near = did_you_mean(&name.text, known);
            let diagnostic = Diagnostic::error(codes::NO_SUCH_MEMBER, name.span, message);
            return self.fail(near.into_iter().fold(diagnostic, Diagnostic::help));
        };
        let kind = ExprKind::Member(Box::new(val.expr.clone()), at as u32);
        let member = expr(shape.fields[at].ty.clone(), kind, name.span);
        Some(Operand::Val(val.with(member)))
    }

    /// `container_of(pointer, type, member.path)`: a pointer to the whole, in the address space of the pointer.
    pub fn container_of(
        &mut self,
        pointer: &ast::Expr,
        whole: &TypeName,
        path: &[Ident],
        span: Span,
    ) -> Option<Val> {
        let val = self.value(pointer)?;
        let space = match &val.expr.ty {
            Type::Ptr { space, .. } => *space,
            _ => self.scope.view.space(),
        };
        let address = self.number(&val.expr)?;
        let offset = self.offsetof(whole, path, span)?;
        let to = self.c_type(whole, space)?;
        let kind = ExprKind::Binary {
            op: Binary::Sub,
            left: Box::new(to_type(address, &Type::U64)),
            right: Box::new(offset.expr),
            site: None,
        };
        let start = expr(Type::U64, kind, span);
        let ty = Type::Ptr {
            to: Pointee::Type(Box::new(to)),
            space,
        };
        Some(Val {
            points_to: None,
            ..val.with(to_type(start, &ty))
        })
    }
}
