//! `kprobe`, `kretprobe`, `fentry`, `fexit`: entry and return of kernel functions.
//!
//! In: `[vmlinux:]function[+offset]`, or a glob; functions of a module are [`module_function`]'s. Out: a target a function. When the kernel has only one of the two
//! mechanisms, it serves the probes of the other where the meaning is the same: a kprobe at the function's first
//! instruction is an fentry without names, and the other way round with BTF. Without either, the error says which
//! probes would do.

use super::kernel_function::{Function, feature, forms, other, spec};
use super::{Lack, Provider, Request, Target, module_function};
use crate::diag::{Diagnostic, codes};
use crate::facts::Support;
use crate::ir::{Mechanism, Probe};
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::syntax::ast::Ident;
use crate::tables::syscalls;
use crate::types::Abi;
use std::rc::Rc;

/// See the module.
pub const KPROBE: Provider = Provider {
    name: "kprobe",
    aliases: &["k"],
    forms: "kprobe:function, kprobe:function+offset or kprobe:module:function",
    resolve: |request| resolve(request, Mechanism::Kprobe),
};

/// See the module.
pub const KRETPROBE: Provider = Provider {
    name: "kretprobe",
    aliases: &["kr"],
    forms: "kretprobe:function",
    resolve: |request| resolve(request, Mechanism::Kretprobe),
};

/// See the module.
pub const FENTRY: Provider = Provider {
    name: "fentry",
    aliases: &["f", "kfunc"],
    forms: "fentry:function",
    resolve: |request| resolve(request, Mechanism::Fentry),
};

/// See the module.
pub const FEXIT: Provider = Provider {
    name: "fexit",
    aliases: &["fr", "kretfunc"],
    forms: "fexit:function",
    resolve: |request| resolve(request, Mechanism::Fexit),
};

/// Tracepoints that an error proposes at most.
const MOST_PROPOSALS: usize = 4;

/// Why nothing typed is offered.
pub(super) fn no_btf() -> Lack {
    Lack::Because(
        codes::NO_BTF,
        "this kernel has no BTF, so types of its arguments are not known".to_owned(),
        Some("arguments are arg0, arg1, … as numbers".to_owned()),
    )
}

fn resolve(request: &Request, asked: Mechanism) -> Result<Vec<Target>, Diagnostic> {
    let written = forms(asked);
    let name = match request.parts {
        [name] => name,
        [module, name] if module.text == "vmlinux" => name,
        [module, name] => return module_function::resolve(request, asked, module, name),
        _ => return Err(request.malformed(written)),
    };
    let (function, offset) = split_offset(&name.text).ok_or_else(|| request.malformed(written))?;
    if offset != 0 && asked != Mechanism::Kprobe {
        return Err(request.malformed(written));
    }
    let used = mechanism(request, asked, function, offset)?;
    let functions = names(request, name, function)?;
    // fentry exists only for functions that BTF describes: a glob takes those.
    let btf = used.needs_btf().then(|| request.facts.btf()).flatten();
    let is_glob = glob::is_glob(function);
    let traceable = |f: &String| match btf {
        Some(btf) if is_glob => btf.func_named(f).is_some(),
        _ => true,
    };
    let targets: Vec<Target> = functions
        .into_iter()
        .filter(traceable)
        .map(|f| target(asked, used, f, offset))
        .collect();
    match (targets.first(), btf) {
        (None, _) => Err(no_match(name)),
        (Some(_), Some(btf)) if !is_glob && btf.func_named(function).is_none() => {
            let message = format!("the kernel's BTF does not describe `{function}`");
            let help = format!("`{}` needs no description", spec(other(asked), function));
            Err(Diagnostic::error(codes::NO_SUCH_FUNCTION, name.span, message).help(help))
        }
        _ => Ok(targets),
    }
}

fn no_match(name: &Ident) -> Diagnostic {
    let message = format!("no kernel function matches `{}`", name.text);
    Diagnostic::error(codes::NO_SUCH_FUNCTION, name.span, message)
}

fn target(asked: Mechanism, used: Mechanism, function: String, offset: u64) -> Target {
    let view = Rc::new(Function {
        name: function.clone(),
        module: None,
        asked,
        used,
    });
    let probe = Probe::Function {
        function,
        module: None,
        offset,
        asked,
        used,
    };
    Target { probe, view }
}

/// `function+0x10`, `function+16`.
pub(super) fn split_offset(text: &str) -> Option<(&str, u64)> {
    let Some((function, offset)) = text.split_once('+') else {
        return Some((text, 0));
    };
    let offset = match offset.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => offset.parse().ok()?,
    };
    Some((function, offset))
}

/// Names of functions: all that match, or the one, which must exist when the list can be read.
fn names(request: &Request, name: &Ident, function: &str) -> Result<Vec<String>, Diagnostic> {
    let known = request.facts.functions();
    if glob::is_glob(function) {
        let matching = known.iter().filter(|k| glob::matches(function, k));
        return Ok(matching.cloned().collect());
    }
    let listed = known.binary_search_by(|k| k.as_str().cmp(function));
    if known.is_empty() || listed.is_ok() {
        return Ok(vec![function.to_owned()]);
    }
    let message = format!("no such kernel function: `{function}`");
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_FUNCTION, name.span, message);
    let near = did_you_mean(function, known.iter().map(String::as_str));
    diagnostic.help.extend(near);
    Err(diagnostic)
}

/// What serves the probe here.
fn mechanism(
    request: &Request,
    asked: Mechanism,
    function: &str,
    offset: u64,
) -> Result<Mechanism, Diagnostic> {
    let Support::No(why) = request.facts.has(feature(asked)) else {
        return Ok(asked);
    };
    let other = other(asked);
    let why_not_other = match request.facts.has(feature(other)) {
        Support::No(reason) => reason,
        _ => match differs(request, asked, offset) {
            None => return Ok(other),
            Some(difference) => difference.to_owned(),
        },
    };
    let message = format!(
        "`{}` cannot be used: {why}; nor `{}`: {why_not_other}",
        asked.name(),
        other.name()
    );
    let mut diagnostic = Diagnostic::error(codes::PROBE_NOT_HERE, request.spec.span, message);
    diagnostic.help = instead(request, function);
    Err(diagnostic)
}

/// Why the other mechanism would not mean the same.
pub(super) fn differs(request: &Request, asked: Mechanism, offset: u64) -> Option<&'static str> {
    let uses = request.uses;
    if offset != 0 {
        return Some("it fires at the start of a function only");
    }
    let arguments = !uses.args.is_empty() || !uses.positions.is_empty();
    (asked == Mechanism::Fexit && arguments).then_some("it has no arguments left at the return")
}

/// Probes that would do: the system call of the same stem, tracepoints that sound alike.
fn instead(request: &Request, function: &str) -> Vec<String> {
    let mut specs = Vec::new();
    let stems = stems(function);
    for stem in &stems {
        if syscalls::number(Abi::Native, stem).is_some() {
            specs.push(format!("syscall:{stem}"));
        }
    }
    let listed = request.facts.tracepoints().iter();
    let alike = listed.filter(|t| sounds_like(t, &stems));
    specs.extend(
        alike
            .take(MOST_PROPOSALS)
            .map(|t| format!("tracepoint:{t}")),
    );
    specs.push("rawtracepoint:sys_enter".to_owned());
    vec![format!("these probes would do: {}", specs.join(", "))]
}

/// Whether a tracepoint's name has one of the stems in it, as whole words. Short stems are in too many.
fn sounds_like(tracepoint: &str, stems: &[String]) -> bool {
    let Some((category, name)) = tracepoint.split_once(':') else {
        return false;
    };
    let padded = format!("_{name}_");
    let has = |s: &String| s.len() > 4 && padded.contains(&format!("_{s}_"));
    !category.ends_with("syscalls") && stems.iter().any(has)
}

/// The name, and without what kernel functions are wrapped in: `vfs_read` is about `read`.
fn stems(function: &str) -> Vec<String> {
    const PREFIXES: [&str; 9] = [
        "__x64_sys_",
        "__se_sys_",
        "__do_sys_",
        "ksys_",
        "do_sys_",
        "sys_",
        "vfs_",
        "kernel_",
        "do_",
    ];
    let bare = function.trim_start_matches('_').to_owned();
    let mut stems = vec![function.to_owned(), bare];
    for prefix in PREFIXES {
        if let Some(rest) = function.strip_prefix(prefix) {
            stems.push(rest.to_owned());
        }
    }
    stems.retain(|s| !s.is_empty() && !glob::is_glob(s));
    stems.dedup();
    stems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_decimal_or_hexadecimal() {
        assert_eq!(split_offset("vfs_read"), Some(("vfs_read", 0)));
        assert_eq!(split_offset("vfs_read+0x10"), Some(("vfs_read", 16)));
        assert_eq!(split_offset("vfs_read+9"), Some(("vfs_read", 9)));
        assert_eq!(split_offset("vfs_read+x"), None);
    }

    #[test]
    fn wrappers_are_about_their_call() {
        assert!(stems("vfs_read").contains(&"read".to_owned()));
        assert!(stems("__x64_sys_openat").contains(&"openat".to_owned()));
    }
}
