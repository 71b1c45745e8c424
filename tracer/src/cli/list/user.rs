//! Probes of programs and libraries: `uprobe:PATH:*read*`, `usdt:PATH:*`.
//!
//! In: a pattern that begins with such a provider, and the kernel's [`Facts`], which read the file. Out: names as a clause takes
//! them; `verbose`: the types and places of a tracepoint's arguments. Never lists without a file: there are too many.

use std::io::{BufWriter, Write};

use super::offers;
use crate::cli::failure::Failure;
use crate::facts::{Binary, Facts, Feature, Support, UserTracepoint};
use crate::sema::glob;
use crate::types::demangle::demangle;

/// Providers and their short names.
const PROVIDERS: [(&str, &str); 3] = [("uprobe", "u"), ("uretprobe", "ur"), ("usdt", "U")];

/// The provider and what stands behind it, when it is one of these. A bare provider has no file: it is listed like any other.
pub(super) fn split(typed: &str) -> Option<(&'static str, &str)> {
    let (head, tail) = typed.split_once(':')?;
    let of = PROVIDERS
        .iter()
        .find(|(name, short)| [*name, *short].contains(&head));
    of.map(|(name, _)| (*name, tail))
}

/// Lists what matches `PATH:PATTERN`.
pub(super) fn list(
    facts: &dyn Facts,
    (provider, tail): (&str, &str),
    verbose: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (path, pattern) = tail.split_once(':').unwrap_or((tail, "*"));
    if path.is_empty() {
        return Err(Failure::Usage(format!(
            "{provider} probes are listed for a file: `tracer list '{provider}:/bin/bash:*'`"
        )));
    }
    if let Support::No(why) = facts.has(Feature::Uprobe) {
        return Err(Failure::Machine(format!("no {provider} here: {why}")));
    }
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut found = false;
    let files = facts.files(path);
    for file in &files {
        let binary = facts.binary(file).map_err(Failure::Machine)?;
        found |= match provider {
            "usdt" => tracepoints(binary, file, pattern, verbose, &mut out)?,
            _ => functions(binary, file, (provider, pattern), verbose, &mut out)?,
        };
    }
    out.flush()?;
    match (found, files.is_empty()) {
        (true, _) => Ok(()),
        (_, true) => Err(Failure::Machine(format!(
            "no program or library `{path}` was found"
        ))),
        _ => Err(Failure::Machine(format!(
            "nothing in {} matches `{pattern}`",
            files.join(", ")
        ))),
    }
}

/// A mangled name has its readable form behind it.
fn functions(
    binary: &Binary,
    file: &str,
    (provider, pattern): (&str, &str),
    verbose: bool,
    out: &mut impl Write,
) -> std::io::Result<bool> {
    let mut found = false;
    for function in &binary.functions {
        let readable = demangle(&function.name);
        let matches = |name: &str| glob::matches(pattern, name);
        if !matches(&function.name) && !readable.as_deref().is_some_and(matches) {
            continue;
        }
        found = true;
        match readable {
            Some(readable) => writeln!(out, "{provider}:{file}:{} // {readable}", function.name)?,
            None => writeln!(out, "{provider}:{file}:{}", function.name)?,
        }
        if verbose {
            writeln!(out, "    {}", offers::of_function_in_file(provider))?;
        }
    }
    Ok(found)
}

fn tracepoints(
    binary: &Binary,
    file: &str,
    pattern: &str,
    verbose: bool,
    out: &mut impl Write,
) -> std::io::Result<bool> {
    let mut listed: Vec<(String, &UserTracepoint)> = binary
        .tracepoints
        .iter()
        .map(|t| (format!("{}:{}", t.provider, t.name), t))
        .filter(|(full, t)| glob::matches(pattern, full) || glob::matches(pattern, &t.name))
        .collect();
    listed.sort_by(|a, b| a.0.cmp(&b.0));
    // One with several places has a line.
    listed.dedup_by(|a, b| a.0 == b.0);
    for (full, tracepoint) in &listed {
        writeln!(out, "usdt:{file}:{full}")?;
        if verbose {
            for line in arguments(tracepoint) {
                writeln!(out, "    {line}")?;
            }
        }
    }
    Ok(!listed.is_empty())
}

/// `int32 arg0 // %edi`: the size of a number, negative when it is signed, stands before its place.
fn arguments(tracepoint: &UserTracepoint) -> Vec<String> {
    let words = tracepoint.arguments.split_whitespace().enumerate();
    let declared = words.map(|(n, word)| {
        let (size, place) = word.split_once('@').unwrap_or(("", word));
        match size.parse::<i8>() {
            Ok(size) if size < 0 => format!("int{} arg{n} // {place}", -i32::from(size) * 8),
            Ok(size) => format!("uint{} arg{n} // {place}", i32::from(size) * 8),
            Err(_) => format!("arg{n} // {word}"),
        }
    });
    declared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Fixed, UserFunction};

    fn listed(pattern: &str, verbose: bool) -> String {
        let function = |name: &str| UserFunction {
            name: name.to_owned(),
            address: 0,
            size: 0,
        };
        let tracepoint = UserTracepoint {
            provider: "p".to_owned(),
            name: "step".to_owned(),
            at: 0,
            semaphore: 0,
            arguments: "-4@%edi 8@-8(%rbp)".to_owned(),
        };
        let binary = Binary {
            functions: vec![function("_ZN2ns1fEi"), function("main")],
            tracepoints: vec![tracepoint.clone(), tracepoint],
            segments: Vec::new(),
        };
        let facts = Fixed {
            binaries: vec![("/bin/x".to_owned(), binary)],
            ..Fixed::default()
        };
        let mut out = Vec::new();
        match list(
            &facts,
            split(pattern).expect("a pattern of user probes"),
            verbose,
            &mut out,
        ) {
            Ok(()) => String::from_utf8(out).expect("names of the facts are UTF-8"),
            Err(Failure::Machine(why) | Failure::Usage(why)) => why,
            Err(_) => panic!("another failure"),
        }
    }

    #[test]
    fn functions_are_listed_by_both_of_their_names() {
        assert_eq!(listed("u:x:m*", false), "uprobe:/bin/x:main\n");
        let mangled = "uretprobe:/bin/x:_ZN2ns1fEi // ns::f(int)\n";
        assert_eq!(listed("uretprobe:/bin/x:ns::*", false), mangled);
        assert_eq!(
            listed("uprobe:x:z*", false),
            "nothing in /bin/x matches `z*`"
        );
        assert!(listed("uprobe:y:*", false).starts_with("no program or library `y`"));
        assert!(listed("uprobe::main", false).contains("for a file"));
        assert_eq!(split("uprobe"), None);
        let verbose = "uretprobe:/bin/x:main\n    int64 retval\n";
        assert_eq!(listed("ur:x:main", true), verbose);
    }

    #[test]
    fn tracepoints_have_arguments() {
        let text = "usdt:/bin/x:p:step\n    int32 arg0 // %edi\n    uint64 arg1 // -8(%rbp)\n";
        assert_eq!(listed("usdt:x:step", true), text);
        assert_eq!(listed("U:x:p:*", false), "usdt:/bin/x:p:step\n");
    }
}
