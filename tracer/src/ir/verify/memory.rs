//! Rules about what is read from memory, or from a tracepoint's record.
//!
//! In: reads of the checker's clause. Out: broken rules in the checker.

use super::Checker;
use crate::ir::{ARGV_BYTES, Expr, ExprKind, PATH_BYTES, Probe, SiteId, SiteKind};
use crate::types::{Lazy, Type};

impl Checker<'_> {
    /// Rule 12.
    pub(super) fn load(
        &mut self,
        ty: &Type,
        base: &Type,
        width: u8,
        bits: Option<(u8, u8)>,
        site: SiteId,
    ) {
        self.loaded(ty, base, width, bits);
        self.site(site, 12, SiteKind::ReadFailed);
    }

    /// Rule 12.
    pub(super) fn string_read(&mut self, ty: &Type, at: &Type, site: SiteId) {
        self.read(ty, at, matches!(ty, Type::Str { .. }), site);
    }

    /// Rule 12.
    pub(super) fn array_read(&mut self, ty: &Type, at: &Type, site: SiteId) {
        let packed = matches!(ty, Type::Array { .. } | Type::Struct(_));
        self.read(ty, at, packed, site);
    }

    /// Rule 12.
    pub(super) fn bytes_read(&mut self, ty: &Type, at: &Type, length: &Type, site: SiteId) {
        self.read(ty, at, is_bytes(ty, 1), site);
        self.rule(12, *length == Type::U64, || format!("{length} bytes"));
    }

    /// Rule 12.
    pub(super) fn vector_read(&mut self, ty: &Type, at: &Type, site: SiteId) {
        self.read(ty, at, is_bytes(ty, ARGV_BYTES), site);
    }

    /// Rule 12.
    pub(super) fn path_read(&mut self, ty: &Type, at: &Type, site: SiteId) {
        let fits = matches!(ty, Type::Str { cap } if *cap >= PATH_BYTES);
        self.read(ty, at, fits, site);
    }

    /// Rule 12: a value whose type fits what reads it, at a scalar.
    fn read(&mut self, ty: &Type, at: &Type, fits: bool, site: SiteId) {
        self.rule(12, fits && at.is_scalar(), || {
            format!("a {ty} read at a {at}")
        });
        self.site(site, 12, SiteKind::ReadFailed);
    }

    /// Rule 12.
    pub(super) fn state_of(&mut self, ty: &Type, of: &Expr) {
        let reads = matches!(of.kind, ExprKind::ReadStr { .. } | ExprKind::Load { .. });
        self.rule(12, reads && *ty == Type::Lazy(Lazy::ArgState), || {
            format!("how {} was read as a {ty}", of.ty)
        });
    }

    /// Rules 12 and 13.
    pub(super) fn field(&mut self, ty: &Type, width: u8) {
        self.loaded(ty, &Type::U64, width, None);
        self.in_tracepoint();
    }

    /// Rules 12 and 13.
    pub(super) fn field_address(&mut self, ty: &Type) {
        self.rule(12, ty.is_scalar(), || format!("an address of type {ty}"));
        self.in_tracepoint();
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

    /// Rule 13.
    fn in_tracepoint(&mut self) {
        let probes = self.clause.map_or(&[][..], |c| &c.probes);
        let all = probes.iter().all(|p| matches!(p, Probe::Tracepoint { .. }));
        self.rule(13, all, || {
            "a tracepoint's field in another clause".to_owned()
        });
    }
}

/// Bytes, and room for so many at least.
fn is_bytes(ty: &Type, least: u32) -> bool {
    matches!(ty, Type::Bytes { cap } if *cap >= least)
}
