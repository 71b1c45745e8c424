//! C types as written: casts, `sizeof`, `offsetof`.
//!
//! In: a type's name. Out: a type of the language. Basic types are known without BTF; structs, enums and typedefs
//! come from it.

use super::convert::to_type;
use super::names::VARIABLES;
use super::nearest::did_you_mean;
use super::pass::{Pass, Val, expr};
use super::value::{Operand, describe};
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{EnumNames, Expr, ExprKind};
use crate::syntax::ast::{self, Ident, Tag, TypeName};
use crate::tables::constants;
use crate::types::btf::Kind;
use crate::types::{Lazy, Pointee, Space, Type};

/// Basic types: name, bits, signed.
const INTEGERS: &[(&str, u8, bool)] = &[
    ("char", 8, true),
    ("int", 32, true),
    ("int16", 16, true),
    ("int16_t", 16, true),
    ("int32", 32, true),
    ("int32_t", 32, true),
    ("int64", 64, true),
    ("int64_t", 64, true),
    ("int8", 8, true),
    ("int8_t", 8, true),
    ("long", 64, true),
    ("long int", 64, true),
    ("long long", 64, true),
    ("long unsigned int", 64, false),
    ("s16", 16, true),
    ("s32", 32, true),
    ("s64", 64, true),
    ("s8", 8, true),
    ("short", 16, true),
    ("signed char", 8, true),
    ("size_t", 64, false),
    ("ssize_t", 64, true),
    ("u16", 16, false),
    ("u32", 32, false),
    ("u64", 64, false),
    ("u8", 8, false),
    ("uint16", 16, false),
    ("uint16_t", 16, false),
    ("uint32", 32, false),
    ("uint32_t", 32, false),
    ("uint64", 64, false),
    ("uint64_t", 64, false),
    ("uint8", 8, false),
    ("uint8_t", 8, false),
    ("uintptr_t", 64, false),
    ("unsigned", 32, false),
    ("unsigned char", 8, false),
    ("unsigned int", 32, false),
    ("unsigned long", 64, false),
    ("unsigned long long", 64, false),
    ("unsigned short", 16, false),
];

impl Pass<'_> {
    /// A C type; pointers in it point into `space`.
    pub fn c_type(&mut self, name: &TypeName, space: Space) -> Option<Type> {
        let void = name.tag.is_none() && name.name == "void";
        let mut ty = match void {
            true if name.pointers == 0 => {
                return self.error(codes::NO_SUCH_TYPE, name.span, "`void` has no values");
            }
            true => Type::Void,
            false => self.base_type(name, space)?,
        };
        for _ in 0..name.pointers {
            let to = match ty {
                Type::Void => Pointee::Unknown,
                ty => Pointee::Type(Box::new(ty)),
            };
            ty = Type::Ptr { to, space };
        }
        for len in name.dims.iter().rev() {
            ty = Type::Array {
                elem: Box::new(ty),
                len: *len,
            };
        }
        Some(ty)
    }

    fn base_type(&mut self, name: &TypeName, space: Space) -> Option<Type> {
        let text = name.name.as_str();
        if name.tag.is_none() {
            if text == "bool" || text == "_Bool" {
                return Some(Type::Bool);
            }
            if let Some((bits, signed)) = basic(text) {
                return Some(Type::Int { bits, signed });
            }
        }
        let btf = self.btf(name.span)?;
        let found = match name.tag {
            Some(Tag::Struct) => btf.struct_named(text),
            Some(Tag::Union) => btf.union_named(text),
            Some(Tag::Enum) => btf.enum_named(text),
            None => btf.plain_named(text),
        };
        match found.and_then(|id| btf.to_type(id, space)) {
            Some(ty) => Some(ty),
            None if found.is_some() => {
                self.not_built(&format!("values of type `{text}`"), name.span)
            }
            None => self.no_such_type(name.tag, text, name.span),
        }
    }

    /// Says that a type does not exist.
    pub fn no_such_type<T>(&mut self, tag: Option<Tag>, text: &str, span: Span) -> Option<T> {
        let message = format!("no such type: `{}{text}`", tag.map_or("", tag_word));
        let mut diagnostic = Diagnostic::error(codes::NO_SUCH_TYPE, span, message);
        match (tag, self.facts.btf()) {
            (None, Some(btf)) if btf.struct_named(text).is_some() => {
                diagnostic = diagnostic.help(format!("the kernel has `struct {text}`"));
            }
            (None, _) => {
                let basic = INTEGERS.iter().map(|(n, ..)| *n);
                diagnostic.help.extend(did_you_mean(text, basic));
            }
            (Some(tag), Some(btf)) => {
                let same = btf.ids().filter(|&id| is_tagged(btf.kind(id), tag));
                let near = did_you_mean(text, same.map(|id| btf.name(id)));
                diagnostic.help.extend(near);
            }
            (Some(_), None) => {}
        }
        self.fail(diagnostic)
    }

    /// `(type) x`.
    pub fn cast(&mut self, name: &TypeName, operand: &ast::Expr, span: Span) -> Option<Val> {
        let val = self.value(operand)?;
        // A pointer keeps its address space: the type says nothing of it.
        let space = match &val.expr.ty {
            Type::Ptr { space, .. } => *space,
            _ => self.scope.view.space(),
        };
        let ty = self.c_type(name, space)?;
        if !ty.is_scalar() || !val.expr.ty.is_scalar() {
            let message = format!(
                "{} cannot be cast to `{}`",
                describe(&val.expr.ty),
                spelled(name)
            );
            let mut diagnostic = Diagnostic::error(codes::CANNOT_CAST, span, message);
            if matches!(ty, Type::Record(_)) {
                diagnostic = diagnostic.help(format!("cast to a pointer: ({} *)", spelled(name)));
            }
            return self.fail(diagnostic);
        }
        let mut cast: Expr = to_type(val.expr.clone(), &ty);
        if name.tag == Some(Tag::Enum) && name.pointers == 0 {
            let names = self.enumerators(&name.name, span)?;
            cast = to_type(cast, &Type::Lazy(Lazy::Enum(names)));
        }
        cast.span = span;
        Some(val.with(cast))
    }

    /// The names of an enum's numbers, in the program's table.
    fn enumerators(&mut self, name: &str, span: Span) -> Option<u32> {
        let btf = self.btf(span)?;
        let id = btf.enum_named(name)?;
        let names = btf
            .enumerators(id)
            .map(|(name, value)| (value, name.to_owned()));
        let names = EnumNames {
            names: names.collect(),
        };
        let known = &mut self.program.enums;
        let at = known.iter().position(|known| *known == names);
        Some(at.unwrap_or_else(|| {
            known.push(names);
            known.len() - 1
        }) as u32)
    }

    /// `sizeof(type)`.
    pub fn sizeof_type(&mut self, name: &TypeName, span: Span) -> Option<Val> {
        let ty = self.c_type(name, Space::Kernel)?;
        self.size(&ty, span)
    }

    /// `sizeof(expr)`.
    pub fn sizeof_expr(&mut self, of: &ast::Expr, span: Span) -> Option<Val> {
        if let Some(ty) = self.type_as_name(of) {
            return self.sizeof_type(&ty, span);
        }
        let ty = match self.operand(of)? {
            Operand::Val(val) => val.expr.ty,
            Operand::Place(place) => place.ty,
            Operand::Registers(_) => Type::Array {
                elem: Box::new(Type::U64),
                len: 6,
            },
        };
        self.size(&ty, span)
    }

    /// `sizeof(pid_t)`: a bare name that is a type and nothing else.
    fn type_as_name(&self, e: &ast::Expr) -> Option<TypeName> {
        let ast::ExprKind::Name(name) = &e.kind else {
            return None;
        };
        let value = VARIABLES.iter().any(|v| v.name == name) || constants::value(name).is_some();
        let known = || -> Option<()> {
            (basic(name).is_some() || self.facts.btf()?.plain_named(name).is_some()).then_some(())
        };
        (!value).then(known)??;
        Some(TypeName {
            tag: None,
            name: name.clone(),
            pointers: 0,
            dims: Vec::new(),
            span: e.span,
        })
    }

    fn size(&mut self, ty: &Type, span: Span) -> Option<Val> {
        let Some(size) = self.memory_size(ty) else {
            return self.error(codes::NO_SUCH_TYPE, span, "its size is not known");
        };
        Some(constant(u64::from(size), span))
    }

    /// `offsetof(type, member.path)`.
    pub fn offsetof(&mut self, name: &TypeName, path: &[Ident], span: Span) -> Option<Val> {
        let mut ty = self.c_type(name, Space::Kernel)?;
        let btf = self.btf(span)?;
        let mut bits = 0;
        for part in path {
            let Type::Record(id) = ty else {
                let message = format!("{} has no members", describe(&ty));
                return self.error(codes::NO_MEMBERS, part.span, message);
            };
            let Some(member) = btf.find_member(id, &part.text) else {
                let message = format!("`{}` has no member `{}`", btf.c_type(id), part.text);
                let near = did_you_mean(&part.text, btf.member_names(id));
                let diagnostic = Diagnostic::error(codes::NO_SUCH_MEMBER, part.span, message);
                return self.fail(near.into_iter().fold(diagnostic, Diagnostic::help));
            };
            bits = u32::wrapping_add(bits, member.bit_offset);
            ty = btf.to_type(member.ty, Space::Kernel).unwrap_or(Type::Void);
        }
        Some(constant(u64::from(bits / 8), span))
    }
}

/// Bits and sign of a basic type; the words of C's own may stand in any order.
pub fn basic(name: &str) -> Option<(u8, bool)> {
    if let Some((_, bits, signed)) = INTEGERS.iter().find(|(n, ..)| *n == name) {
        return Some((*bits, *signed));
    }
    let words: Vec<&str> = name.split(' ').collect();
    let count = |word: &str| words.iter().filter(|w| **w == word).count();
    let known = ["unsigned", "signed", "long", "short", "int", "char"];
    if !words.iter().all(|w| known.contains(w)) {
        return None;
    }
    let bits = match (count("char"), count("short"), count("long")) {
        (1, 0, 0) => 8,
        (0, 1, 0) => 16,
        (0, 0, 0) => 32,
        (0, 0, 1..=2) => 64,
        _ => return None,
    };
    Some((bits, count("unsigned") == 0))
}

fn constant(value: u64, span: Span) -> Val {
    expr(Type::U64, ExprKind::Int(value), span).into()
}

fn is_tagged(kind: Kind, tag: Tag) -> bool {
    match tag {
        Tag::Struct => kind == Kind::Struct,
        Tag::Union => kind == Kind::Union,
        Tag::Enum => matches!(kind, Kind::Enum { .. }),
    }
}

fn tag_word(tag: Tag) -> &'static str {
    match tag {
        Tag::Struct => "struct ",
        Tag::Union => "union ",
        Tag::Enum => "enum ",
    }
}

fn spelled(name: &TypeName) -> String {
    let tag = name.tag.map_or("", tag_word);
    let stars = "*".repeat(name.pointers as usize);
    let gap = if stars.is_empty() { "" } else { " " };
    format!("{tag}{}{gap}{stars}", name.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_types_are_sorted_and_have_c_widths() {
        for pair in INTEGERS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
        }
        let find = |name| INTEGERS.iter().find(|(n, ..)| *n == name);
        assert_eq!(find("unsigned long"), Some(&("unsigned long", 64, false)));
        assert_eq!(find("short"), Some(&("short", 16, true)));
    }
}
