//! `BEGIN` and `END`: once before and once after.
//!
//! In: the bare name, in any case. Out: one target. Never offers anything of an event.

use super::{Family, Provider, Request, Target, View};
use crate::diag::Diagnostic;
use crate::ir::Probe;
use std::rc::Rc;

/// See the module.
pub const BEGIN: Provider = Provider {
    name: "BEGIN",
    aliases: &[],
    forms: "BEGIN",
    resolve: |request| bare(request, Probe::Begin, "BEGIN"),
};

/// See the module.
pub const END: Provider = Provider {
    name: "END",
    aliases: &[],
    forms: "END",
    resolve: |request| bare(request, Probe::End, "END"),
};

/// Runs in the tracer's own task, by user space: `BEGIN`, `END`, `interval`.
pub(super) struct Synthetic(pub String);

impl View for Synthetic {
    fn family(&self) -> Family {
        Family::Synthetic
    }
    fn name(&self) -> String {
        self.0.clone()
    }
}

fn bare(request: &Request, probe: Probe, form: &str) -> Result<Vec<Target>, Diagnostic> {
    if !request.parts.is_empty() {
        return Err(request.malformed(form));
    }
    let view = Rc::new(Synthetic(form.to_owned()));
    Ok(vec![Target { probe, view }])
}
