//! `kprobe:module:function` and the like: functions of one module, where several have one of that name.
//!
//! In: the module's name and the function's with an offset, either of them a glob. Out: a target a function. The kernel's own BTF does
//! not describe modules, and fentry attaches by BTF: so a kprobe serves all of them, as long as no argument is asked for by name.

use super::function::{differs, split_offset};
use super::kernel_function::{Function, feature, forms, other};
use super::{Request, Target};
use crate::diag::{Diagnostic, codes};
use crate::ir::{Mechanism, Probe};
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::syntax::ast::Ident;
use std::rc::Rc;

/// The functions that match.
pub(super) fn resolve(
    request: &Request,
    asked: Mechanism,
    module: &Ident,
    name: &Ident,
) -> Result<Vec<Target>, Diagnostic> {
    let malformed = || request.malformed(forms(asked));
    let (function, offset) = split_offset(&name.text).ok_or_else(malformed)?;
    if offset != 0 && asked != Mechanism::Kprobe {
        return Err(malformed());
    }
    let used = match asked.needs_btf() {
        true => other(asked),
        false => asked,
    };
    let what = format!("`{}` on functions of modules", asked.name());
    request.need(feature(used), &what, &[])?;
    if asked != used
        && let Some(difference) = differs(request, asked, offset)
    {
        let message = format!("{what} is served by `{}`: {difference}", used.name());
        let span = request.spec.span;
        return Err(Diagnostic::error(codes::PROBE_NOT_HERE, span, message));
    }
    let known = request.facts.module_functions();
    let of_module = known.iter().filter(|(m, _)| glob::matches(&module.text, m));
    let matching = of_module
        .clone()
        .filter(|(_, f)| glob::matches(function, f));
    let targets: Vec<Target> = matching
        .map(|(module, function)| target(module, function, offset, (asked, used)))
        .collect();
    if !targets.is_empty() {
        return Ok(targets);
    }
    if of_module.clone().next().is_none() {
        return Err(no_such_module(module, known));
    }
    let message = format!(
        "no function of module `{}` matches `{function}`",
        module.text
    );
    let near = did_you_mean(function, of_module.map(|(_, f)| f.as_str()));
    let diagnostic = Diagnostic::error(codes::NO_SUCH_FUNCTION, name.span, message);
    Err(near.into_iter().fold(diagnostic, Diagnostic::help))
}

fn no_such_module(module: &Ident, known: &[(String, String)]) -> Diagnostic {
    let message = format!("no module `{}` is loaded", module.text);
    let mut names: Vec<&str> = known.iter().map(|(m, _)| m.as_str()).collect();
    names.dedup();
    let near = did_you_mean(&module.text, names);
    let diagnostic = Diagnostic::error(codes::NO_SUCH_FUNCTION, module.span, message);
    let diagnostic = near.into_iter().fold(diagnostic, Diagnostic::help);
    diagnostic.help("functions of the kernel itself are `vmlinux:NAME`, or the bare name")
}

fn target(
    module: &str,
    function: &str,
    offset: u64,
    (asked, used): (Mechanism, Mechanism),
) -> Target {
    let view = Rc::new(Function {
        name: function.to_owned(),
        module: Some(module.to_owned()),
        asked,
        used,
    });
    let probe = Probe::Function {
        function: function.to_owned(),
        module: Some(module.to_owned()),
        offset,
        asked,
        used,
    };
    Target { probe, view }
}
