//! The kernel's symbols: addresses by name, and the functions of modules.
//!
//! In: a name. Out: its address in `/proc/kallsyms` (lines of address, kind, name and module; proc(5)). The list is read anew for
//! each name: scripts ask for one or two. Never guesses: addresses that are hidden from this process are an error.

use std::fs::File;
use std::io::{BufRead, BufReader};

const KALLSYMS: &str = "/proc/kallsyms";

/// The address of the first symbol of that name.
pub(super) fn address(name: &str) -> Result<Option<u64>, String> {
    let file =
        File::open(KALLSYMS).map_err(|error| format!("{KALLSYMS} cannot be read: {error}"))?;
    match find(BufReader::with_capacity(1 << 16, file), name) {
        Some(0) => Err(
            "addresses of the kernel are hidden from this process; showing them takes CAP_SYSLOG and \
             kernel.kptr_restrict at 0 or 1"
                .to_owned(),
        ),
        found => Ok(found),
    }
}

fn find(list: impl BufRead, name: &str) -> Option<u64> {
    list.lines().map_while(Result::ok).find_map(|line| {
        let mut words = line.split_whitespace();
        let (address, _kind, symbol) = (words.next()?, words.next()?, words.next()?);
        (symbol == name).then(|| u64::from_str_radix(address, 16).ok())?
    })
}

/// Functions of loaded modules: module and function, sorted; none when the list cannot be read. Some of them cannot be traced.
pub(super) fn module_functions() -> Vec<(String, String)> {
    let list = File::open(KALLSYMS);
    list.map_or_else(
        |_| Vec::new(),
        |file| functions_in(BufReader::with_capacity(1 << 16, file)),
    )
}

fn functions_in(list: impl BufRead) -> Vec<(String, String)> {
    let lines = list.lines().map_while(Result::ok);
    let mut found: Vec<_> = lines.filter_map(|line| of_module(&line)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Module and name of a symbol in a module's text. What the kernel makes up (`bpf`, `__builtin__ftrace`) is no module.
fn of_module(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace().skip(1);
    let (kind, name, module) = (words.next()?, words.next()?, words.next()?);
    let module = module.strip_prefix('[')?.strip_suffix(']')?;
    let is_module = module != "bpf" && !module.starts_with("__builtin__");
    (is_module && matches!(kind, "t" | "T")).then(|| (module.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_modules_are_text_with_a_module() {
        let list = "ff10 T other\nff30 t act\t[two]\nff40 d data\t[two]\nff50 T act\t[one]\nff60 t prog\t[bpf]\n";
        let name = |module: &str, function: &str| (module.to_owned(), function.to_owned());
        let found = functions_in(list.as_bytes());
        assert_eq!(found, [name("one", "act"), name("two", "act")]);
    }

    #[test]
    fn the_first_of_a_name_is_found() {
        let list = "ff10 T other\nff20 D avenrun\nff30 d avenrun\t[module]\n";
        assert_eq!(find(list.as_bytes(), "avenrun"), Some(0xff20));
        assert_eq!(find(list.as_bytes(), "avenru"), None);
    }
}
