//! Addresses of the kernel's symbols, by name.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_is_found() {
        let list = "ff10 T other\nff20 D avenrun\nff30 d avenrun\t[module]\n";
        assert_eq!(find(list.as_bytes(), "avenrun"), Some(0xff20));
        assert_eq!(find(list.as_bytes(), "avenru"), None);
    }
}
