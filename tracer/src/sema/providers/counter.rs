//! `software:EVENT[:COUNT]`, `hardware:EVENT[:COUNT]`: each time the kernel or the CPU has counted so many.
//!
//! In: the counter's name, in full or short, and a count. Out: one target. Never knows more of an event than that its
//! count is full: which of the counted events it was is not told.

use super::profile::OnCpu;
use super::{Provider, Request, Target};
use crate::diag::{Diagnostic, codes};
use crate::facts::Feature;
use crate::ir::Probe;
use crate::sema::nearest::did_you_mean;
use crate::syntax::ast::Ident;
use crate::types::counter::{self, Counter, Source};
use std::rc::Rc;

const SOFTWARE_FORMS: &str = "software:page-faults or software:page-faults:100";
const HARDWARE_FORMS: &str = "hardware:cache-misses or hardware:cache-misses:1000000";

/// The kernel takes no count with the highest bit (`perf_event_open` in kernel/events/core.c).
const LARGEST_COUNT: u64 = i64::MAX as u64;

/// See the module.
pub const SOFTWARE: Provider = Provider {
    name: "software",
    aliases: &["s"],
    forms: SOFTWARE_FORMS,
    resolve: |request| {
        let target = target(request, Source::Software, SOFTWARE_FORMS)?;
        request.need(Feature::PerfEvent, "`software` probes", &[])?;
        Ok(vec![target])
    },
};

/// See the module.
pub const HARDWARE: Provider = Provider {
    name: "hardware",
    aliases: &["h"],
    forms: HARDWARE_FORMS,
    resolve: |request| {
        let target = target(request, Source::Hardware, HARDWARE_FORMS)?;
        let instead = "profile:hz:99 looks at each CPU by time";
        request.need(
            Feature::HardwareCounter,
            "`hardware` probes",
            &[instead.to_owned()],
        )?;
        Ok(vec![target])
    },
};

fn target(request: &Request, source: Source, forms: &str) -> Result<Target, Diagnostic> {
    let (name, count) = match request.parts {
        [name] => (name, None),
        [name, count] => (name, Some(count.text.as_str())),
        _ => return Err(request.malformed(forms)),
    };
    let counter = named(source, name)?;
    let every = match count {
        // bpftrace's listing ends in a colon.
        None | Some("") => Some(counter.every),
        Some(count) => count.parse().ok(),
    };
    let every = every
        .filter(|every| (1..=LARGEST_COUNT).contains(every))
        .ok_or_else(|| request.malformed(forms))?;
    let probe = Probe::Counter { counter, every };
    let view = Rc::new(OnCpu(probe.to_string()));
    Ok(Target { probe, view })
}

fn named(source: Source, name: &Ident) -> Result<&'static Counter, Diagnostic> {
    if let Some(counter) = counter::find(source, &name.text) {
        return Ok(counter);
    }
    let message = format!("no {} counter is called `{}`", source.name(), name.text);
    let mut diagnostic = Diagnostic::error(codes::MALFORMED_PROBE, name.span, message);
    let known = counter::of(source).map(|c| c.name);
    diagnostic
        .help
        .extend(did_you_mean(&name.text, known.clone()));
    if diagnostic.help.is_empty() {
        let all: Vec<&str> = known.collect();
        diagnostic = diagnostic.help(format!("there are {}", all.join(", ")));
    }
    Err(diagnostic)
}
