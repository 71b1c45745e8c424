//! `rawtracepoint:[module:]event`: a tracepoint without its record, with the arguments of its hook.
//!
//! In: the event's name or a glob. Out: a target an event. Typed arguments come from BTF: the prototype of
//! `__traceiter_EVENT` has names, that of the typedef `btf_trace_EVENT` only types; the first parameter of both
//! is the tracer's own and is not counted.

use super::{Family, Lack, Offer, Provider, Request, Target, View, raw_arg, typed, value};
use crate::diag::{Diagnostic, codes};
use crate::facts::{Facts, Feature};
use crate::ir::Probe;
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::types::btf::{Btf, Proto};
use std::rc::Rc;

const FORMS: &str = "rawtracepoint:event, e.g. rawtracepoint:sched_switch";

/// Arguments that a hook of the kernel can have at most.
const MAX_ARGS: u8 = 12;

/// See the module.
pub const RAWTRACEPOINT: Provider = Provider {
    name: "rawtracepoint",
    aliases: &["rt"],
    forms: FORMS,
    resolve,
};

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let name = match request.parts {
        [name] => name,
        // The kernel finds the event by name, whatever module it is in.
        [_module, name] => name,
        _ => return Err(request.malformed(FORMS)),
    };
    request.need(Feature::RawTracepoint, "`rawtracepoint` probes", &[])?;
    let known = request.facts.raw_tracepoints();
    if glob::is_glob(&name.text) {
        let targets: Vec<Target> = known
            .iter()
            .filter(|k| glob::matches(&name.text, k))
            .map(|k| target(k))
            .collect();
        if targets.is_empty() {
            let message = format!("no raw tracepoint matches `{}`", name.text);
            return Err(Diagnostic::error(codes::NO_MATCH, name.span, message));
        }
        return Ok(targets);
    }
    // An empty list means that it cannot be read: the kernel decides when attaching.
    if !known.is_empty() && known.binary_search(&name.text).is_err() {
        let message = format!("no such raw tracepoint: `{}`", name.text);
        let mut diagnostic = Diagnostic::error(codes::NO_SUCH_TRACEPOINT, name.span, message);
        let near = did_you_mean(&name.text, known.iter().map(String::as_str));
        diagnostic.help.extend(near);
        return Err(diagnostic);
    }
    Ok(vec![target(&name.text)])
}

fn target(name: &str) -> Target {
    Target {
        probe: Probe::RawTracepoint {
            name: name.to_owned(),
        },
        view: Rc::new(Hook(name.to_owned())),
    }
}

struct Hook(String);

impl Hook {
    fn proto<'a>(&self, btf: &'a Btf) -> Option<Proto<'a>> {
        btf.func_named(&format!("__traceiter_{}", self.0))
            .or_else(|| btf.proto(btf.plain_named(&format!("btf_trace_{}", self.0))?))
    }
}

impl View for Hook {
    fn family(&self) -> Family {
        Family::RawTracepoint
    }

    fn name(&self) -> String {
        self.0.clone()
    }

    fn arg(&self, name: &str, facts: &dyn Facts) -> Result<Offer, Lack> {
        let btf = facts.btf().ok_or_else(super::function::no_btf)?;
        let proto = self.proto(btf).ok_or_else(|| {
            let message = format!("the kernel's BTF does not describe `{}`", self.0);
            let help = "its arguments are arg0, arg1, … as numbers".to_owned();
            Lack::Because(codes::NO_BTF, message, Some(help))
        })?;
        typed::parameter(btf, &proto, (1, u32::from(MAX_ARGS)), name)
    }

    fn arg_names(&self, facts: &dyn Facts) -> Vec<String> {
        let proto = facts.btf().and_then(|btf| self.proto(btf));
        proto.map_or_else(Vec::new, |p| typed::parameter_names(&p, 1))
    }

    fn position(&self, n: u8, facts: &dyn Facts) -> Result<Offer, Lack> {
        // The kernel refuses to attach a program that reads past them, without saying why.
        let proto = facts.btf().and_then(|btf| self.proto(btf));
        let count = proto.map_or(MAX_ARGS.into(), |p| p.params.len().saturating_sub(1));
        match usize::from(n) < count {
            true => Ok(value(raw_arg(n))),
            false => Err(Lack::NoSuchArg),
        }
    }
}
