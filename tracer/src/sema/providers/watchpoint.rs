//! `watchpoint:0xADDRESS:LENGTH:ACCESS`: each time memory is written, read or executed, by a breakpoint register of the CPU.
//!
//! In: an address, which is a number or a parameter of the script, a length and letters. Out: one target. The address is of the
//! kernel or of a process: `-p` says of which. Never looks an address up: `kaddr` and debuggers do.

use super::{Family, Provider, Request, Target, View};
use crate::diag::{Diagnostic, codes};
use crate::facts::Feature;
use crate::ir::{Access, Probe};
use crate::syntax::ast::Ident;
use std::rc::Rc;

/// See the module.
pub const WATCHPOINT: Provider = Provider {
    name: "watchpoint",
    // A known address is watched at once: there is nothing that the process would have to wait for.
    aliases: &["w", "asyncwatchpoint", "aw"],
    forms: FORMS,
    resolve,
};

const FORMS: &str = "watchpoint:0x7ffe1000:8:w, or rw, or x";

fn resolve(request: &Request) -> Result<Vec<Target>, Diagnostic> {
    let [address, length, access] = request.parts else {
        return Err(request.malformed(FORMS));
    };
    if let Some((function, argument)) = address.text.split_once('+') {
        let is_argument = |digits: &str| digits.parse::<u8>().is_ok();
        return Err(
            match argument.strip_prefix("arg").is_some_and(is_argument) {
                true => at_argument(address, function, argument, (length, access)),
                false => request.malformed(FORMS),
            },
        );
    }
    let number = number(&address.text).ok_or_else(|| request.malformed(FORMS))?;
    let length = bytes(length)?;
    if !number.is_multiple_of(u64::from(length)) {
        let message = format!("{length} bytes are watched at a multiple of {length} only");
        let diagnostic = Diagnostic::error(codes::MALFORMED_PROBE, address.span, message);
        return Err(diagnostic.help("watch fewer bytes, or those around"));
    }
    let access = letters(access)?;
    request.need(Feature::PerfEvent, "`watchpoint` probes", &[])?;
    let probe = Probe::Watchpoint {
        address: number,
        length,
        access,
    };
    let view = Rc::new(Watched(probe.to_string()));
    Ok(vec![Target { probe, view }])
}

/// What an argument of a function points to is not watched; in two runs it can be.
fn at_argument(
    address: &Ident,
    function: &str,
    argument: &str,
    (length, access): (&Ident, &Ident),
) -> Diagnostic {
    let message = "watchpoints on what an argument of a function points to are not built yet";
    let print = format!("uprobe:PATH:{function} {{ printf(\"0x%lx\\n\", {argument}); }}");
    let watch = format!("watchpoint:0xADDRESS:{}:{}", length.text, access.text);
    Diagnostic::error(codes::PROBE_NOT_BUILT, address.span, message)
        .help(format!("one run prints the address: {print}"))
        .help(format!("another run watches it, with -p PID: {watch}"))
}

/// What an access offers: who did it, and the registers behind it.
struct Watched(String);

impl View for Watched {
    fn family(&self) -> Family {
        Family::Watchpoint
    }
    fn name(&self) -> String {
        self.0.clone()
    }
    fn has_registers(&self) -> bool {
        true
    }
}

/// `0x10`, `16`.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn bytes(length: &Ident) -> Result<u8, Diagnostic> {
    let bytes = length.text.parse().ok();
    bytes.filter(|n| [1, 2, 4, 8].contains(n)).ok_or_else(|| {
        let message = format!(
            "`{}` bytes cannot be watched: 1, 2, 4 or 8 can",
            length.text
        );
        Diagnostic::error(codes::MALFORMED_PROBE, length.span, message)
    })
}

/// In any order, as bpftrace takes them.
fn letters(access: &Ident) -> Result<Access, Diagnostic> {
    let mut letters: Vec<char> = access.text.chars().collect();
    letters.sort_unstable();
    let found = Access::ALL
        .into_iter()
        .find(|a| a.letters().chars().eq(letters.iter().copied()));
    found.ok_or_else(|| {
        let message = format!("`{}` is no access that a CPU can watch", access.text);
        let help = "w: it is written; rw: read or written; x: executed";
        Diagnostic::error(codes::MALFORMED_PROBE, access.span, message).help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_decimal_or_hexadecimal() {
        assert_eq!(number("0xffff_0000"), None);
        assert_eq!(number("0xffffffff81000000"), Some(0xffff_ffff_8100_0000));
        assert_eq!(number("16"), Some(16));
        assert_eq!(number("-16"), None);
    }
}
