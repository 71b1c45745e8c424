//! Rules about variables and maps.
//!
//! In: accesses of the checker's clause. Out: broken rules in the checker.

use super::Checker;
use super::expr::is_word;
use crate::ir::{Expr, Map, MapId, MapValue, Var, VarId};
use crate::types::Type;

impl<'p> Checker<'p> {
    /// Rules 1 and 16.
    pub(super) fn var_read(&mut self, ty: &Type, id: VarId) {
        let fits = self.var(id).is_none_or(|v| v.ty == *ty);
        self.rule(16, fits, || format!("variable {} is not a {ty}", id.0));
    }

    /// Rule 7.
    pub(super) fn map_read(&mut self, ty: &Type, id: MapId, key: &'p [Expr]) {
        let held = self.plain_map(id, key);
        let fits = held.is_none_or(|held| held == ty);
        self.rule(7, fits, || format!("map {} does not hold a {ty}", id.0));
    }

    /// Rule 7.
    pub(super) fn aggregation_read(&mut self, ty: &Type, id: MapId, key: &'p [Expr]) {
        let held = self.key(id, key).map(|map| &map.value);
        let fits = held.is_none_or(|value| match value {
            MapValue::Agg(kind) => kind.value().is_some_and(|value| value == *ty),
            MapValue::Plain(_) => false,
        });
        self.rule(7, fits, || {
            format!("map {} does not aggregate to a {ty}", id.0)
        });
    }

    /// Rules 7 and 9.
    pub(super) fn key_sought(&mut self, e: &Expr, id: MapId, key: &'p [Expr]) {
        self.is_bool(e);
        self.key(id, key);
    }

    /// Rules 7, 9 and 16.
    pub(super) fn found(&mut self, e: &Expr, id: MapId, key: &'p [Expr], var: VarId) {
        self.is_bool(e);
        let held = self.plain_map(id, key);
        let var = self.var(var);
        let fits = held.is_none_or(|held| var.is_none_or(|v| v.ty == *held));
        self.rule(16, fits, || {
            format!("a value of map {} found for another type", id.0)
        });
    }

    /// Rules 1 and 15.
    pub(super) fn var_stepped(&mut self, ty: &Type, id: VarId) {
        let of = self.var(id).map(|v| &v.ty);
        self.stepped(ty, of);
    }

    /// Rules 7 and 15.
    pub(super) fn map_stepped(&mut self, ty: &Type, id: MapId, key: &'p [Expr]) {
        let of = self.plain_map(id, key);
        self.stepped(ty, of);
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

    /// Rule 15.
    fn stepped(&mut self, ty: &Type, of: Option<&Type>) {
        let steps = is_word(ty) || matches!(ty, Type::Ptr { .. });
        let fits = steps && of.is_none_or(|of| of == ty);
        self.rule(15, fits, || format!("a step of a {ty}"));
    }
}
