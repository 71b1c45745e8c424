//! What is known of the types of maps and variables, and how two uses of one agree on a type.
//!
//! In: the types of values as they are assigned or used as keys. Out: one type that holds all of them.
//! Never makes expressions: that is `convert`.

use super::convert::TEXT_CAP;
use crate::diag::Span;
use crate::types::{self, AggKind, HistShape, Pointee, Type};
use std::collections::{BTreeMap, BTreeSet};

/// A type that was seen, and where first.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// The type of the value, not yet widened.
    pub ty: Type,
    /// Only constants >= 0 so far: they take the sign of whatever else is assigned.
    pub weak: bool,
    /// Where first.
    pub span: Span,
}

/// What a map was found to hold.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum MapHolds {
    /// Nothing was assigned yet.
    #[default]
    Unknown,
    /// Something was assigned whose type is not known (yet).
    Assigned,
    /// Plain values.
    Plain(Seen),
    /// An aggregation, and where first.
    Agg(AggKind, Span),
}

/// What is known of a map.
#[derive(Clone, PartialEq, Debug)]
pub struct MapKnown {
    /// Its first use.
    pub span: Span,
    /// Key components and where the key was first used; `None` before a use with a known key.
    pub key: Option<(Vec<Seen>, Span)>,
    /// Its value.
    pub holds: MapHolds,
}

/// A variable: number of the clause, name, number of the declaration of that name in the clause.
pub type VarKey = (usize, String, usize);

/// Everything known so far. It only grows from round to round, and the rounds end when it does not.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Known {
    /// By name.
    pub maps: BTreeMap<String, MapKnown>,
    /// By declaration; `None` until something with a type is assigned.
    pub vars: BTreeMap<VarKey, Option<Seen>>,
    /// Variables narrower than 64 bits that are stepped: what is read of them wraps.
    pub stepped: BTreeSet<VarKey>,
    /// Variables that are first assigned in a block and read behind it, by clause: they belong to the clause, as
    /// in older scripts.
    pub hoisted: BTreeSet<(usize, String)>,
}

impl Known {
    /// Gives int64 to what is only ever computed from itself: `@a = @a + 1` starts from 0. Says whether there was
    /// any.
    pub fn assume_integers(&mut self) -> bool {
        let mut any = false;
        for map in self.maps.values_mut() {
            if map.holds == MapHolds::Assigned {
                map.holds = MapHolds::Plain(integer(map.span));
                any = true;
            }
        }
        for var in self.vars.values_mut() {
            if var.is_none() {
                *var = Some(integer(Span::default()));
                any = true;
            }
        }
        any
    }
}

fn integer(span: Span) -> Seen {
    Seen {
        ty: Type::I64,
        weak: true,
        span,
    }
}

impl Seen {
    /// The type that values are kept in: integers take 64 bits wherever they are kept.
    pub fn stored(&self) -> Type {
        stored(&self.ty)
    }

    /// One type for this and `other`; `None` when there is none. The first use keeps its place.
    pub fn join(&self, other: &Seen) -> Option<Seen> {
        let (ty, weak) = join((&self.ty, self.weak), (&other.ty, other.weak))?;
        Some(Seen {
            ty,
            weak,
            span: self.span,
        })
    }
}

/// See [`Seen::stored`].
pub fn stored(ty: &Type) -> Type {
    match ty {
        Type::Int { signed, .. } => Type::Int {
            bits: 64,
            signed: *signed,
        },
        Type::Tuple(parts) => Type::Tuple(parts.iter().map(stored).collect()),
        Type::Named(names, parts) => Type::Named(names.clone(), parts.iter().map(stored).collect()),
        other => other.clone(),
    }
}

/// The type that holds values of both; with each type, whether it is that of a constant >= 0.
pub fn join((a, a_weak): (&Type, bool), (b, b_weak): (&Type, bool)) -> Option<(Type, bool)> {
    let both = |ty: Type| Some((ty, a_weak && b_weak));
    match (a, b) {
        (Type::Int { .. }, Type::Int { .. }) => Some(join_integers(a, a_weak, b, b_weak)),
        (Type::Int { .. } | Type::Bool, Type::Int { .. } | Type::Bool) if a != b => both(Type::I64),
        (Type::Str { cap: a }, Type::Str { cap: b }) => both(Type::Str { cap: *a.max(b) }),
        (Type::Ptr { to, space }, Type::Ptr { to: t, space: s }) if space == s => both(Type::Ptr {
            to: if to == t {
                to.clone()
            } else {
                Pointee::Unknown
            },
            space: *space,
        }),
        (a, b) if has_text(a) && has_text(b) && a != b => both(Type::Str { cap: TEXT_CAP }),
        (Type::Ptr { .. } | Type::Lazy(_), Type::Int { .. }) if b_weak => Some((a.clone(), false)),
        (Type::Int { .. }, Type::Ptr { .. } | Type::Lazy(_)) if a_weak => Some((b.clone(), false)),
        (Type::Ptr { .. } | Type::Int { .. }, Type::Ptr { .. } | Type::Int { .. }) => {
            both(Type::U64)
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            Some((Type::Tuple(join_parts(a, b)?), false))
        }
        (Type::Named(names, a), Type::Named(others, b)) if names == others => {
            Some((Type::Named(names.clone(), join_parts(a, b)?), false))
        }
        _ if a == b => both(a.clone()),
        _ => None,
    }
}

fn join_parts(a: &[Type], b: &[Type]) -> Option<Vec<Type>> {
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| Some(join((a, false), (b, false))?.0))
        .collect()
}

/// Text, or something that prints as a text of its own.
fn has_text(ty: &Type) -> bool {
    matches!(ty, Type::Str { .. } | Type::Lazy(_) | Type::Stack(_))
}

/// Constants take the other's sign; a narrower unsigned fits the signed one; else the first decides.
fn join_integers(a: &Type, a_weak: bool, b: &Type, b_weak: bool) -> (Type, bool) {
    let (
        Type::Int { bits, signed },
        Type::Int {
            bits: other_bits,
            signed: other_signed,
        },
    ) = (a, b)
    else {
        return (a.clone(), false);
    };
    let wide = |signed: bool| Type::Int {
        bits: *bits.max(other_bits),
        signed,
    };
    match (a_weak, b_weak) {
        (true, true) => (wide(*signed), true),
        (true, false) => (wide(*other_signed), false),
        (false, true) => (wide(*signed), false),
        (false, false) if signed == other_signed => (wide(*signed), false),
        (false, false) => {
            let unsigned_bits = if *signed { other_bits } else { bits };
            let fits = *unsigned_bits < 64;
            let ty = Type::Int {
                bits: 64,
                signed: fits || *signed,
            };
            (ty, false)
        }
    }
}

/// One aggregation for two uses of a map: the same function, signed when one is.
pub fn join_aggregations(a: AggKind, b: AggKind) -> Option<AggKind> {
    use AggKind::{Avg, Hist, Max, Min, Series, Stats, Stddev, Sum};
    Some(match (a, b) {
        (Sum { signed: a }, Sum { signed: b }) => Sum { signed: a || b },
        (Min { signed: a }, Min { signed: b }) => Min { signed: a || b },
        (Max { signed: a }, Max { signed: b }) => Max { signed: a || b },
        (Avg { signed: a }, Avg { signed: b }) => Avg { signed: a || b },
        (Stats { signed: a }, Stats { signed: b }) => Stats { signed: a || b },
        (Stddev { signed: a }, Stddev { signed: b }) => Stddev { signed: a || b },
        (
            Hist(HistShape::Log2 { signed: a, bits }),
            Hist(HistShape::Log2 {
                signed: b,
                bits: other,
            }),
        ) if bits == other => Hist(HistShape::Log2 {
            signed: a || b,
            bits,
        }),
        (Series(a), Series(b)) => {
            let signed = a.signed || b.signed;
            let [a, b] = [a, b].map(|series| types::Series { signed, ..series });
            return (a == b).then_some(Series(a));
        }
        _ if a == b => a,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(a: (Type, bool), b: (Type, bool)) -> Option<Type> {
        join((&a.0, a.1), (&b.0, b.1)).map(|(ty, _)| ty)
    }

    #[test]
    fn a_constant_takes_the_other_sign() {
        assert_eq!(
            joined((Type::I64, true), (Type::U64, false)),
            Some(Type::U64)
        );
        assert_eq!(
            joined((Type::U64, false), (Type::I64, true)),
            Some(Type::U64)
        );
    }

    #[test]
    fn a_narrow_unsigned_fits_the_signed() {
        assert_eq!(
            joined((Type::U32, false), (Type::I32, false)),
            Some(Type::I64)
        );
        assert_eq!(
            joined((Type::U64, false), (Type::I64, false)),
            Some(Type::U64)
        );
        assert_eq!(
            joined((Type::I64, false), (Type::U64, false)),
            Some(Type::I64)
        );
    }

    #[test]
    fn strings_widen_and_do_not_mix_with_numbers() {
        let (short, long) = (Type::Str { cap: 16 }, Type::Str { cap: 64 });
        assert_eq!(
            joined((short.clone(), false), (long.clone(), false)),
            Some(long)
        );
        assert_eq!(joined((short, false), (Type::I64, true)), None);
    }

    #[test]
    fn joining_twice_changes_nothing() {
        let types = [
            Type::Bool,
            Type::U32,
            Type::I32,
            Type::U64,
            Type::I64,
            Type::COMM,
            Type::Tuple(vec![Type::U32, Type::COMM]),
        ];
        for a in &types {
            for b in &types {
                let Some(once) = joined((a.clone(), false), (b.clone(), false)) else {
                    continue;
                };
                let again = joined((once.clone(), false), (b.clone(), false));
                assert_eq!(again, Some(once), "{a} {b}");
            }
        }
    }
}
