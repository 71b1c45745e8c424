//! Rules about values with parts: texts, arrays, tuples, structs.
//!
//! In: such values of the checker's clause, and what is taken from them. Out: broken rules in the checker.

use super::Checker;
use crate::ir::{Expr, PatternId};
use crate::types::Type;

/// A byte of a string.
const CHAR: Type = Type::Int {
    bits: 8,
    signed: true,
};

impl Checker<'_> {
    /// Rule 14.
    pub(super) fn length(&mut self, ty: &Type, of: &Type) {
        let counts = matches!(of, Type::Str { .. } | Type::Bytes { .. } | Type::Stack(_));
        self.rule(14, counts && *ty == Type::U64, || {
            format!("the length of a {of} as a {ty}")
        });
    }

    /// Rule 14.
    pub(super) fn position(&mut self, ty: &Type, hay: &Type, needle: &Type) {
        let texts = [hay, needle].iter().all(|s| matches!(s, Type::Str { .. }));
        self.rule(14, texts && *ty == Type::I64, || {
            format!("a {needle} in a {hay} as a {ty}")
        });
    }

    /// Rules 1, 9 and 14.
    pub(super) fn matched(&mut self, e: &Expr, text: &Type, pattern: PatternId) {
        self.is_bool(e);
        self.rule(14, matches!(text, Type::Str { .. }), || {
            format!("a pattern for a {text}")
        });
        let known = (pattern.0 as usize) < self.program.patterns.len();
        self.rule(1, known, || format!("there is no pattern {}", pattern.0));
    }

    /// Rule 14.
    pub(super) fn element(&mut self, ty: &Type, array: &Type, at: &Type) {
        let fits = match array {
            Type::Array { elem, .. } => **elem == *ty && ty.is_packed(),
            Type::Str { .. } => *ty == CHAR,
            _ => false,
        };
        self.rule(14, fits && at.is_scalar(), || {
            format!("a {ty} of a {array}")
        });
    }

    /// Rule 14.
    pub(super) fn tuple(&mut self, ty: &Type, parts: &[Expr]) {
        let given = parts.iter().map(|p| &p.ty);
        let fits = matches!(ty, Type::Tuple(types) if types.iter().eq(given));
        self.rule(14, fits, || format!("components of other types than {ty}"));
    }

    /// Rule 14.
    pub(super) fn component(&mut self, ty: &Type, tuple: &Type, at: u32) {
        let part = match tuple {
            Type::Tuple(types) => types.get(at as usize),
            _ => None,
        };
        self.rule(14, part == Some(ty), || {
            format!("component {at} of {tuple} is not a {ty}")
        });
    }

    /// Rule 14.
    pub(super) fn member(&mut self, ty: &Type, of: &Type, at: u32) {
        let member = match of {
            Type::Struct(shape) => shape.fields.get(at as usize).map(|f| &f.ty),
            _ => None,
        };
        self.rule(14, member == Some(ty), || {
            format!("member {at} of {of} is not a {ty}")
        });
    }

    /// Rule 20.
    pub(super) fn text_of(&mut self, ty: &Type, value: &Type) {
        let fits = matches!(
            value,
            Type::Lazy(_) | Type::Stack(_) | Type::Wide(_) | Type::Call
        );
        self.rule(20, fits, || format!("{value} has no text of its own"));
        let is_text = matches!(ty, Type::Str { .. });
        self.rule(20, is_text, || format!("a text of type {ty}"));
    }
}
