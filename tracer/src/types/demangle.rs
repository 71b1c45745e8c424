//! Linker names of C++ and Rust as their programmers wrote them.
//!
//! In: a name from a symbol table. Out: the name to read, when it is a mangled one. Never looks a name up.

/// The name to read; `None` when it is one already.
pub fn demangle(name: &str) -> Option<String> {
    if name.starts_with("_R") || name.starts_with("_ZN") && name.ends_with('E') {
        // Rust's older names are C++ names with a hash at the end: those it knows are its own.
        if let Ok(rust) = rustc_demangle::try_demangle(name) {
            return Some(format!("{rust:#}"));
        }
    }
    if !name.starts_with("_Z") {
        return None;
    }
    let symbol = cpp_demangle::Symbol::new(name).ok()?;
    symbol.demangle(&cpp_demangle::DemangleOptions::new()).ok()
}

/// The name without its parameters and what stands behind them: `ns::f(int) const` is `ns::f`.
pub fn without_parameters(name: &str) -> &str {
    let mut depth = 0_u32;
    for (at, c) in name.char_indices() {
        match c {
            // `operator<` and `operator()` are rare enough to be written with their parameters.
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            '(' if depth == 0 && at > 0 && !name[at..].starts_with("(anonymous") => {
                return &name[..at];
            }
            _ => {}
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mangled_names_are_read() {
        assert_eq!(demangle("malloc"), None);
        assert_eq!(demangle("_ZN2ns1fEi").as_deref(), Some("ns::f(int)"));
        assert_eq!(
            demangle("_ZN4core3fmt5write17h0123456789abcdefE").as_deref(),
            Some("core::fmt::write")
        );
        assert_eq!(demangle("_Z"), None);
    }

    #[test]
    fn parameters_are_told_from_the_name() {
        assert_eq!(without_parameters("ns::f(int) const"), "ns::f");
        assert_eq!(
            without_parameters("f<void (*)(int)>(char)"),
            "f<void (*)(int)>"
        );
        assert_eq!(without_parameters("malloc"), "malloc");
    }
}
