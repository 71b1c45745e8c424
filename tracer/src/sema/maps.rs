//! Maps: their keys, what they hold, and what goes wrong with either.
//!
//! In: uses of maps. Out: keys of exactly the map's types, and grown knowledge of its types. Never makes a statement.

use super::convert::{is_weak, split_tuple, to_type};
use super::nearest::nearest;
use super::pass::{Pass, Val, both_present};
use super::unify::{MapHolds, Seen, join_aggregations};
use super::value::describe;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Expr, MapId};
use crate::syntax::ast;
use crate::types::{AggKind, Type};

impl Pass<'_> {
    /// The key of a map access, one expression a component, and when it is present.
    pub fn map_key(
        &mut self,
        map: MapId,
        keys: Option<&[ast::Expr]>,
        span: Span,
    ) -> Option<(Vec<Expr>, Option<Expr>)> {
        let mut present = None;
        let mut parts: Vec<Expr> = Vec::new();
        let values: Vec<Option<Val>> = self.key_values(keys.unwrap_or_default());
        for value in values {
            let value = value?;
            present = both_present(present, value.present);
            parts.push(value.expr);
        }
        // `@m[(1, 2)]` is `@m[1, 2]`.
        if let [only] = parts.as_slice()
            && matches!(only.ty, Type::Tuple(_))
        {
            parts = split_tuple(only);
        }
        let types = self.learn_key(map, &parts, span)?;
        let parts = parts.into_iter().zip(&types).map(|(p, t)| to_type(p, t));
        Some((parts.collect(), present))
    }

    /// All components are looked at, so that each says what is wrong with it.
    fn key_values(&mut self, keys: &[ast::Expr]) -> Vec<Option<Val>> {
        keys.iter().map(|k| self.value(k)).collect()
    }

    /// Adds a use of the map's key; the types that its components are kept in.
    fn learn_key(&mut self, map: MapId, parts: &[Expr], span: Span) -> Option<Vec<Type>> {
        let new: Vec<Seen> = parts
            .iter()
            .map(|p| Seen {
                ty: p.ty.clone(),
                weak: is_weak(p),
                span: p.span,
            })
            .collect();
        let Some((old, at)) = self.map_known(map).key.clone() else {
            let types = new.iter().map(Seen::stored).collect();
            self.map_known(map).key = Some((new, span));
            return Some(types);
        };
        if old.len() != new.len() {
            let name = self.map_text(map);
            let message = format!(
                "`{name}` is used with {} here and with {} before",
                keys_text(new.len()),
                keys_text(old.len())
            );
            let diagnostic = Diagnostic::error(codes::KEY_COUNT, span, message);
            let diagnostic = diagnostic.also(at, "first used here");
            return self.fail(diagnostic);
        }
        let mut joined = Vec::new();
        for (i, (old, new)) in old.iter().zip(&new).enumerate() {
            let Some(both) = old.join(new) else {
                return self.key_type(map, i, old, new);
            };
            joined.push(both);
        }
        let types = joined.iter().map(Seen::stored).collect();
        self.map_known(map).key = Some((joined, at));
        Some(types)
    }

    fn key_type<T>(&mut self, map: MapId, at: usize, old: &Seen, new: &Seen) -> Option<T> {
        let name = self.map_text(map);
        let message = format!(
            "key {} of `{name}` is {} here and {} before",
            at + 1,
            describe(&new.ty),
            describe(&old.ty)
        );
        let diagnostic = Diagnostic::error(codes::KEY_TYPE, new.span, message);
        let diagnostic = diagnostic.also(old.span, "first used here");
        self.fail(diagnostic)
    }

    /// Adds an assigned value; the type that the map keeps.
    pub fn learn_plain(&mut self, map: MapId, ty: &Type, weak: bool, span: Span) -> Option<Type> {
        let new = Seen {
            ty: ty.clone(),
            weak,
            span,
        };
        let known = self.map_known(map);
        let seen = match &known.holds {
            MapHolds::Unknown | MapHolds::Assigned => new,
            MapHolds::Plain(old) => match old.join(&new) {
                Some(joined) => joined,
                None => {
                    let old = old.clone();
                    return self.value_type(map, &old, &new);
                }
            },
            MapHolds::Agg(kind, at) => {
                let (kind, at) = (*kind, *at);
                let message = format!(
                    "`{}` is an aggregation ({}()), a value cannot be assigned to it",
                    self.map_text(map),
                    kind.name()
                );
                let diagnostic = Diagnostic::error(codes::AGGREGATION_MIXED, span, message);
                let diagnostic = diagnostic.also(at, "it aggregates here");
                return self.fail(diagnostic);
            }
        };
        let stored = seen.stored();
        self.map_known(map).holds = MapHolds::Plain(seen);
        Some(stored)
    }

    fn value_type<T>(&mut self, map: MapId, old: &Seen, new: &Seen) -> Option<T> {
        let message = format!(
            "`{}` holds {}, this is {}",
            self.map_text(map),
            describe(&old.ty),
            describe(&new.ty)
        );
        let diagnostic = Diagnostic::error(codes::MAP_TYPE, new.span, message);
        let diagnostic = diagnostic.also(old.span, "first assigned here");
        self.fail(diagnostic)
    }

    /// Something is assigned whose type is not known in this pass.
    pub fn learn_assigned(&mut self, map: MapId) {
        let known = self.map_known(map);
        if known.holds == MapHolds::Unknown {
            known.holds = MapHolds::Assigned;
        }
    }

    /// Adds an aggregation; the one that the map keeps.
    pub fn learn_aggregation(&mut self, map: MapId, kind: AggKind, span: Span) -> Option<AggKind> {
        let before = match self.map_known(map).holds.clone() {
            MapHolds::Unknown | MapHolds::Assigned => None,
            MapHolds::Agg(old, at) => match join_aggregations(old, kind) {
                Some(joined) => {
                    self.map_known(map).holds = MapHolds::Agg(joined, at);
                    return Some(joined);
                }
                None if old.name() == kind.name() => {
                    Some((format!("{}() with other bounds", old.name()), at))
                }
                None => Some((format!("{}()", old.name()), at)),
            },
            MapHolds::Plain(seen) => Some((describe(&seen.ty), seen.span)),
        };
        let Some((what, at)) = before else {
            self.map_known(map).holds = MapHolds::Agg(kind, span);
            return Some(kind);
        };
        let message = format!(
            "`{}` holds {what}, {}() needs a map of its own",
            self.map_text(map),
            kind.name()
        );
        let diagnostic = Diagnostic::error(codes::AGGREGATION_MIXED, span, message);
        let diagnostic = diagnostic.also(at, "first assigned here");
        self.fail(diagnostic)
    }

    /// A whole map is used: something must be assigned to it.
    pub fn assigned_somewhere(&mut self, map: MapId, span: Span) -> Option<()> {
        if self.map_known(map).holds == MapHolds::Unknown {
            let name = self.program.maps[map.0 as usize].name.clone();
            return self.no_such_map(&name, span);
        }
        Some(())
    }

    /// An aggregation is read like a value.
    pub fn aggregation_as_value<T>(
        &mut self,
        name: &str,
        kind: AggKind,
        at: Span,
        span: Span,
    ) -> Option<T> {
        let message = format!(
            "`@{name}` is an aggregation ({}()), it has no single value",
            kind.name()
        );
        let diagnostic = Diagnostic::error(codes::AGGREGATION_AS_VALUE, span, message)
            .help(format!("print(@{name}) prints it"));
        let diagnostic = diagnostic.also(at, "it aggregates here");
        self.fail(diagnostic)
    }

    /// A map is read that nothing is assigned to.
    pub fn no_such_map<T>(&mut self, name: &str, span: Span) -> Option<T> {
        let message = format!("nothing is ever assigned to `@{name}`");
        let mut diagnostic = Diagnostic::error(codes::NO_SUCH_MAP, span, message);
        let known = self.known.maps.iter();
        let assigned = known
            .filter(|(_, m)| m.holds != MapHolds::Unknown)
            .map(|(n, _)| n.as_str());
        if let Some(near) = nearest(name, assigned).first() {
            diagnostic = diagnostic.help(format!("did you mean `@{near}`?"));
        }
        self.fail(diagnostic)
    }
}

fn keys_text(count: usize) -> String {
    match count {
        0 => "no key".to_owned(),
        1 => "1 key".to_owned(),
        n => format!("{n} keys"),
    }
}
