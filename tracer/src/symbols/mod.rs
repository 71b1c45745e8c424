//! Addresses to names.
//!
//! In: kernel addresses, as programs put them into stacks and `ksym` values; processes and their addresses ([`User`]). Out: symbols. Symbols are read when
//! the first address is asked for, never at start-up. Never prints; what stands in the way is told by
//! [`Kernel::notice`].

mod processes;
mod user;

pub use user::{Follower, Place, User};

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};

use blazesym::MaybeDefault;
use blazesym::symbolize::source::{Kernel as KernelSource, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};

/// Where the kernel lists its symbols.
const KALLSYMS: &str = "/proc/kallsyms";
/// Kernel addresses are in the upper half on the machines that are traced.
const LOWEST_KERNEL_ADDRESS: u64 = 1 << 63;
/// The list has no sizes. No function is as long as this, so an address further on belongs to something unlisted.
const LONGEST_FUNCTION: u64 = 1 << 20;

/// A named place in the kernel or in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// The function (or object).
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
}

impl fmt::Display for Symbol {
    /// `vfs_read+0x12`; without the offset at the start.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            0 => f.write_str(&self.name),
            offset => write!(f, "{}+{offset:#x}", self.name),
        }
    }
}

/// Symbols of the running kernel.
#[derive(Default)]
pub struct Kernel {
    /// `Err`: why there are none.
    symbolizer: OnceCell<Result<Symbolizer, String>>,
    known: RefCell<HashMap<u64, Option<Symbol>>>,
}

impl Kernel {
    /// Reads nothing yet.
    pub fn new() -> Kernel {
        Kernel::default()
    }

    /// The symbol at or before an address; `None` for user addresses, for what is unlisted, and when symbols cannot be read.
    pub fn resolve(&self, address: u64) -> Option<Symbol> {
        if address < LOWEST_KERNEL_ADDRESS {
            return None;
        }
        let symbolizer = self.symbolizer().as_ref().ok()?;
        let mut known = self.known.borrow_mut();
        known
            .entry(address)
            .or_insert_with(|| look_up(symbolizer, address))
            .clone()
    }

    /// `name+0x12`, or the address in hex.
    pub fn describe(&self, address: u64) -> String {
        match self.resolve(address) {
            Some(symbol) => symbol.to_string(),
            None => format!("{address:#x}"),
        }
    }

    /// Why addresses stay numbers, one sentence; `None` when they do not, or when nobody has asked yet.
    pub fn notice(&self) -> Option<&str> {
        self.symbolizer.get()?.as_ref().err().map(String::as_str)
    }

    fn symbolizer(&self) -> &Result<Symbolizer, String> {
        self.symbolizer.get_or_init(|| {
            addresses_shown()?;
            Ok(Symbolizer::builder().enable_code_info(false).build())
        })
    }
}

/// Whether this process sees the kernel's addresses; else the reason.
///
/// # Errors
/// A sentence for people, with what to do.
pub fn addresses_shown() -> Result<(), String> {
    let file = File::open(KALLSYMS)
        .map_err(|error| format!("kernel symbols cannot be read: {KALLSYMS}: {error}"))?;
    match first_text_address(BufReader::new(file)) {
        Some(0) => Err(
            "kernel addresses are hidden from this process, so they are printed as numbers; showing them takes \
             CAP_SYSLOG and kernel.kptr_restrict at 0 or 1"
                .to_string(),
        ),
        Some(_) => Ok(()),
        None => Err(format!(
            "kernel symbols cannot be read: {KALLSYMS} lists no function"
        )),
    }
}

/// Address of the first function. Lines before it can be true zeros: offsets of per-CPU variables.
fn first_text_address(kallsyms: impl BufRead) -> Option<u64> {
    let lines = kallsyms.lines().map_while(Result::ok);
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (address, kind) = (words.next()?.to_string(), words.next()?);
            matches!(kind, "T" | "t").then_some(address)
        })
        .find_map(|address| u64::from_str_radix(&address, 16).ok())
}

fn look_up(symbolizer: &Symbolizer, address: u64) -> Option<Symbol> {
    // No image on disk is consulted: it could be another build, and would be parsed at length.
    let source = Source::Kernel(KernelSource {
        kallsyms: MaybeDefault::Default,
        vmlinux: MaybeDefault::None,
        debug_syms: false,
        ..KernelSource::default()
    });
    match symbolizer.symbolize_single(&source, Input::AbsAddr(address)) {
        Ok(Symbolized::Sym(symbol)) => {
            let offset = address.checked_sub(symbol.addr)?;
            (offset < LONGEST_FUNCTION).then(|| Symbol {
                name: symbol.name.into_owned(),
                offset,
            })
        }
        Ok(Symbolized::Unknown(_)) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_addresses_are_told_from_true_zeros() {
        let shown = "0000000000000000 A __per_cpu_start\nffffffff81000000 T _text\n";
        let hidden = "0000000000000000 A __per_cpu_start\n0000000000000000 T _text\n";
        assert_eq!(
            first_text_address(shown.as_bytes()),
            Some(0xffff_ffff_8100_0000)
        );
        assert_eq!(first_text_address(hidden.as_bytes()), Some(0));
        assert_eq!(first_text_address(&b"garbage\n"[..]), None);
    }

    #[test]
    fn symbols_read_as_name_and_offset() {
        let at = |offset| Symbol {
            name: "vfs_read".to_string(),
            offset,
        };
        assert_eq!(at(0x12).to_string(), "vfs_read+0x12");
        assert_eq!(at(0).to_string(), "vfs_read");
    }

    #[test]
    fn user_addresses_stay_numbers_and_read_nothing() {
        let kernel = Kernel::new();
        assert_eq!(kernel.describe(0x1234), "0x1234");
        assert!(kernel.symbolizer.get().is_none());
        assert_eq!(kernel.notice(), None);
    }

    #[test]
    fn the_running_kernel_is_named_or_says_why_not() {
        let kernel = Kernel::new();
        let listed = std::fs::read_to_string(KALLSYMS).unwrap_or_default();
        let line = listed.lines().find(|l| l.ends_with(" T vfs_read"));
        let Some((address, _)) = line.and_then(|l| l.split_once(' ')) else {
            return;
        };
        let address = u64::from_str_radix(address, 16).unwrap();
        if addresses_shown().is_err() {
            kernel.resolve(u64::MAX / 4 * 3);
            assert!(kernel.notice().unwrap().contains("CAP_SYSLOG"));
            return;
        }
        assert_eq!(kernel.describe(address + 4), "vfs_read+0x4");
        assert_eq!(kernel.describe(address), "vfs_read");
        assert_eq!(kernel.resolve(u64::MAX), None);
        assert_eq!(kernel.notice(), None);
    }
}
