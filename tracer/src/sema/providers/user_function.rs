//! `uprobe`, `uretprobe`: functions of programs and libraries.
//!
//! In: `path:function[+offset]`, `path:0xADDRESS`, or a pattern of functions; the path can be a bare name or a pattern too. Out: a
//! target a function. C++ and Rust names are matched as they are linked and as they are written in the source, with or without
//! parameters. Arguments are registers: nothing here describes their types.

use super::function::split_offset;
use super::{Family, Lack, Offer, Provider, Request, Target, View, builtin, raw_arg, value};
use crate::diag::{Diagnostic, codes};
use crate::facts::{Binary, Facts, Feature, UserFunction};
use crate::ir::{Builtin, Probe};
use crate::sema::glob;
use crate::sema::nearest::did_you_mean;
use crate::syntax::ast::Ident;
use crate::types::demangle::{demangle, without_parameters};
use crate::types::{Space, Type};
use std::rc::Rc;

const UPROBE_FORMS: &str =
    "uprobe:path:function, uprobe:path:function+offset or uprobe:path:0xaddress";
const URETPROBE_FORMS: &str = "uretprobe:path:function";

/// Words that can stand before a function's name to say how it is mangled; both are always tried.
const LANGUAGES: [&str; 2] = ["cpp", "rust"];

/// More arguments than this are on no probe's stack.
const MAX_ARGUMENTS: u8 = 32;

/// See the module.
pub const UPROBE: Provider = Provider {
    name: "uprobe",
    aliases: &["u"],
    forms: UPROBE_FORMS,
    resolve: |request| resolve(request, false),
};

/// See the module.
pub const URETPROBE: Provider = Provider {
    name: "uretprobe",
    aliases: &["ur"],
    forms: URETPROBE_FORMS,
    resolve: |request| resolve(request, true),
};

fn resolve(request: &Request, returns: bool) -> Result<Vec<Target>, Diagnostic> {
    let forms = if returns {
        URETPROBE_FORMS
    } else {
        UPROBE_FORMS
    };
    let (path, mut function) = match request.parts {
        [path, function @ ..] if !function.is_empty() => (path, function),
        _ => return Err(request.malformed(forms)),
    };
    let provider = if returns { "uretprobe" } else { "uprobe" };
    request.need(Feature::Uprobe, &format!("`{provider}` probes"), &[])?;
    if let [language, rest @ ..] = function
        && LANGUAGES.contains(&language.text.as_str())
        && !rest.is_empty()
    {
        function = rest;
    }
    // `ns::f` was taken apart at its colons.
    let words: Vec<&str> = function.iter().map(|part| part.text.as_str()).collect();
    let wanted =
        Wanted::parse(&words.join(":"), returns).ok_or_else(|| request.malformed(forms))?;
    let mut targets = Vec::new();
    let mut missing = None;
    for file in files(request, path)? {
        match in_file(request, &file, path, &function[0], &wanted, returns) {
            Ok(found) => targets.extend(found),
            Err(diagnostic) => missing = Some(diagnostic),
        }
    }
    match missing {
        Some(diagnostic) if targets.is_empty() => Err(diagnostic),
        _ => Ok(targets),
    }
}

/// The files that a probe names.
pub(super) fn files(request: &Request, path: &Ident) -> Result<Vec<String>, Diagnostic> {
    let files = request.facts.files(&path.text);
    if !files.is_empty() {
        return Ok(files);
    }
    let message = match path.text.contains('/') {
        true => format!("there is no file `{}`", path.text),
        false => format!("no program or library `{}` was found", path.text),
    };
    Err(Diagnostic::error(codes::NO_SUCH_FILE, path.span, message))
}

/// What a file offers; an error when it cannot be read.
pub(super) fn binary<'a>(
    request: &Request<'a>,
    file: &str,
    path: &Ident,
) -> Result<&'a Binary, Diagnostic> {
    let read = request.facts.binary(file);
    read.map_err(|why| Diagnostic::error(codes::NO_SUCH_FILE, path.span, why))
}

/// Which places of a file.
enum Wanted {
    /// By address.
    Address(u64),
    /// By name or pattern, and bytes into it.
    Function(String, u64),
}

impl Wanted {
    fn parse(text: &str, returns: bool) -> Option<Wanted> {
        if let Some(hex) = text.strip_prefix("0x") {
            let address = u64::from_str_radix(hex, 16).ok()?;
            return (!returns).then_some(Wanted::Address(address));
        }
        // In the source's spelling `+` can be an operator's name.
        let (function, offset) = match text.contains("operator") {
            true => (text, 0),
            false => split_offset(text)?,
        };
        let is_whole = offset == 0 || !(returns || glob::is_glob(function));
        (is_whole && !function.is_empty()).then(|| Wanted::Function(function.to_owned(), offset))
    }
}

fn in_file(
    request: &Request,
    file: &str,
    path: &Ident,
    name: &Ident,
    wanted: &Wanted,
    returns: bool,
) -> Result<Vec<Target>, Diagnostic> {
    let binary = binary(request, file, path)?;
    let (pattern, offset) = match wanted {
        Wanted::Function(pattern, offset) => (pattern, *offset),
        Wanted::Address(address) => {
            let at = binary.offset(*address).ok_or_else(|| {
                let message = format!("{file} has nothing at {address:#x}");
                Diagnostic::error(codes::NO_SUCH_SYMBOL, name.span, message)
            })?;
            return Ok(vec![target(file, format!("{address:#x}"), at, returns)]);
        }
    };
    let found = matching(binary, pattern);
    let targets: Vec<Target> = found
        .into_iter()
        .filter_map(|(shown, function)| {
            let at = binary.offset(function.address)? + offset;
            let shown = match offset {
                0 => shown,
                offset => format!("{shown}+{offset}"),
            };
            Some(target(file, shown, at, returns))
        })
        .collect();
    match targets.is_empty() {
        true => Err(no_function(file, name, pattern, binary)),
        false => Ok(targets),
    }
}

/// Functions of that name or pattern, and what each is called. A name is the linker's when there is one of it.
fn matching<'a>(binary: &'a Binary, pattern: &str) -> Vec<(String, &'a UserFunction)> {
    let functions = &binary.functions;
    if !glob::is_glob(pattern)
        && let Ok(at) = functions.binary_search_by(|f| f.name.as_str().cmp(pattern))
    {
        return vec![(pattern.to_owned(), &functions[at])];
    }
    let is_pattern = glob::is_glob(pattern);
    let is_meant = |name: &str| match is_pattern {
        true => glob::matches(pattern, name),
        false => name == pattern || without_parameters(name) == pattern,
    };
    let meant = functions.iter().filter_map(|function| {
        if is_pattern && is_meant(&function.name) {
            return Some((function.name.clone(), function));
        }
        let readable = demangle(&function.name)?;
        is_meant(&readable).then_some((readable, function))
    });
    meant.collect()
}

fn no_function(file: &str, name: &Ident, pattern: &str, binary: &Binary) -> Diagnostic {
    if glob::is_glob(pattern) {
        let message = format!("no function of {file} matches `{pattern}`");
        return Diagnostic::error(codes::NO_SUCH_SYMBOL, name.span, message);
    }
    let message = format!("{file} has no function `{pattern}`");
    let mut diagnostic = Diagnostic::error(codes::NO_SUCH_SYMBOL, name.span, message);
    let known = binary.functions.iter().map(|f| f.name.as_str());
    diagnostic.help.extend(did_you_mean(pattern, known));
    if binary.functions.is_empty() {
        diagnostic = diagnostic.help("it has no symbols at all: it is stripped");
    }
    diagnostic
}

fn target(file: &str, function: String, at: u64, returns: bool) -> Target {
    let view = Rc::new(Function {
        name: function.clone(),
        returns,
    });
    let probe = Probe::UserFunction {
        path: file.to_owned(),
        function,
        at,
        returns,
    };
    Target { probe, view }
}

struct Function {
    name: String,
    returns: bool,
}

impl View for Function {
    fn family(&self) -> Family {
        match self.returns {
            false => Family::User,
            true => Family::UserReturn,
        }
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn arg(&self, _name: &str, _facts: &dyn Facts) -> Result<Offer, Lack> {
        let message = "nothing describes the arguments of a function in user space".to_owned();
        let help = "they are arg0, arg1, … as numbers".to_owned();
        Err(Lack::Because(codes::NO_ARGS_HERE, message, Some(help)))
    }

    fn position(&self, n: u8, _facts: &dyn Facts) -> Result<Offer, Lack> {
        if self.returns {
            let message = "at the return the argument registers hold other values".to_owned();
            let help = format!("keep them in a map at `uprobe:…:{}`", self.name);
            return Err(Lack::Because(codes::NO_ARGS_HERE, message, Some(help)));
        }
        match n < MAX_ARGUMENTS {
            true => Ok(value(raw_arg(n))),
            false => Err(Lack::NoSuchArg),
        }
    }

    fn retval(&self, _facts: &dyn Facts) -> Result<Offer, Lack> {
        match self.returns {
            true => Ok(value(builtin(Type::I64, Builtin::Retval))),
            false => {
                let message = "at a function's entry (`uprobe`) there is no result yet".to_owned();
                let help = format!("`uretprobe:…:{}` fires at the return", self.name);
                Err(Lack::Because(codes::NO_RESULT_HERE, message, Some(help)))
            }
        }
    }

    fn has_registers(&self) -> bool {
        true
    }

    fn space(&self) -> Space {
        Space::User
    }
}
