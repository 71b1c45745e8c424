//! Addresses of processes to names.
//!
//! In: a process and an address, as `ustack` and `usym` have them. Out: the file and the symbol. What processes map is
//! followed from [`User::follow`] on, by a thread of its own, so that processes which have ended are known too; without that,
//! only running processes are. Never reads a process's memory.

use super::processes::{Mapped, Processes};
use super::{LONGEST_FUNCTION, Symbol};
use crate::sys::mappings::Changes;
use crate::types::demangle::demangle;
use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the following thread may take to notice that nobody wants it any more.
const WAIT: Duration = Duration::from_millis(100);

/// A place in a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file, as the kernel names it.
    pub file: String,
    /// The function (or object) in it, when it has a name.
    pub symbol: Option<Symbol>,
}

/// What processes map, and the kernel's word on what changes.
#[derive(Default)]
struct Followed {
    processes: Processes,
    changes: Option<Changes>,
}

impl Followed {
    fn catch_up(&mut self) {
        let changes = self.changes.as_mut().map(Changes::take);
        for change in changes.unwrap_or_default() {
            self.processes.apply(change);
        }
    }
}

/// Follows what processes map for as long as it lives.
#[derive(Clone, Default)]
pub struct Follower {
    /// The thread ends when this is gone.
    followed: Arc<Mutex<Followed>>,
}

impl Follower {
    /// From now on, and what is mapped already.
    ///
    /// # Errors
    /// The kernel's: then only running processes have names.
    pub fn start() -> io::Result<Follower> {
        let changes = Changes::follow()?;
        let waiter = changes.waiter()?;
        let follower = Follower::default();
        // What is read now is older than every change that is taken later.
        let processes = Processes::of_now();
        *follower.lock() = Followed {
            processes,
            changes: Some(changes),
        };
        let followed = Arc::downgrade(&follower.followed);
        let follow = move || {
            while followed.strong_count() > 0 {
                let full = waiter.wait(WAIT);
                if let Some(followed) = followed.upgrade().filter(|_| full) {
                    lock(&followed).catch_up();
                }
            }
        };
        let thread = std::thread::Builder::new().name("mappings".into());
        thread.spawn(follow)?;
        Ok(follower)
    }

    fn lock(&self) -> MutexGuard<'_, Followed> {
        lock(&self.followed)
    }
}

fn lock(followed: &Mutex<Followed>) -> MutexGuard<'_, Followed> {
    followed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Symbols of processes.
#[derive(Default)]
pub struct User {
    follower: Follower,
    symbolizer: OnceCell<Symbolizer>,
    /// By file and place in it.
    known: RefCell<HashMap<(PathBuf, u64), Option<Symbol>>>,
    /// By process: what its compiler has written down.
    generated: RefCell<HashMap<u32, Generated>>,
}

impl User {
    /// Over what is followed; reads no symbol yet.
    pub fn new(follower: Follower) -> User {
        User {
            follower,
            ..User::default()
        }
    }

    /// The file and symbol of an address; `None` when nobody knows what is there.
    pub fn resolve(&self, process: u32, address: u64) -> Option<Place> {
        let found = {
            let mut followed = self.follower.lock();
            followed.catch_up();
            followed.processes.find(process, address)
        };
        match found {
            Some((file, offset)) if is_file(&file) => Some(Place {
                symbol: self.in_file(&file, offset),
                file: file.path.clone(),
            }),
            Some((file, _)) if file.path.starts_with("[v") => Some(Place {
                file: file.path.clone(),
                symbol: None,
            }),
            _ => self.generated(process, address),
        }
    }

    fn in_file(&self, file: &Mapped, offset: u64) -> Option<Symbol> {
        let path = file.readable();
        let mut known = self.known.borrow_mut();
        let key = (path, offset);
        if let Some(symbol) = known.get(&key) {
            return symbol.clone();
        }
        let symbol = self.look_up(&key.0, offset);
        known.insert(key, symbol.clone());
        symbol
    }

    fn look_up(&self, path: &Path, offset: u64) -> Option<Symbol> {
        let symbolizer = self
            .symbolizer
            .get_or_init(|| Symbolizer::builder().enable_code_info(false).build());
        let mut elf = Elf::new(path);
        elf.debug_syms = false;
        let source = Source::Elf(elf);
        let input = Input::FileOffset(offset);
        match symbolizer.symbolize_single(&source, input) {
            Ok(Symbolized::Sym(symbol)) if (symbol.offset as u64) < LONGEST_FUNCTION => {
                Some(Symbol {
                    name: demangle(&symbol.name).unwrap_or_else(|| symbol.name.into_owned()),
                    offset: symbol.offset as u64,
                })
            }
            _ => None,
        }
    }

    /// Code that the process itself has made, when it says where (`/tmp/perf-PID.map`, as perf reads it).
    fn generated(&self, process: u32, address: u64) -> Option<Place> {
        let mut generated = self.generated.borrow_mut();
        let generated = generated.entry(process).or_default();
        let symbol = generated.find(process, address)?;
        Some(Place {
            file: generated.path.clone(),
            symbol: Some(symbol),
        })
    }
}

fn is_file(file: &Mapped) -> bool {
    file.path.starts_with('/') && !file.path.starts_with("//")
}

/// The functions of a process that were compiled while it ran.
#[derive(Default)]
struct Generated {
    path: String,
    bytes: u64,
    /// Start, end and name, by start; a later line counts more than an earlier one of the same start.
    functions: BTreeMap<u64, (u64, String)>,
}

impl Generated {
    fn find(&mut self, process: u32, address: u64) -> Option<Symbol> {
        if let Some(symbol) = self.known(address) {
            return Some(symbol);
        }
        self.read(process);
        self.known(address)
    }

    fn known(&self, address: u64) -> Option<Symbol> {
        let (start, (end, name)) = self.functions.range(..=address).next_back()?;
        (address < *end).then(|| Symbol {
            name: name.clone(),
            offset: address - start,
        })
    }

    /// Again when it has grown: compilers append to it.
    fn read(&mut self, process: u32) {
        let name = format!("/tmp/perf-{process}.map");
        let inside = format!("/proc/{process}/root{name}");
        let found = [inside, name.clone()]
            .into_iter()
            .find_map(|path| Some((fs::metadata(&path).ok()?.len(), path)));
        let Some((bytes, path)) = found.filter(|(bytes, _)| *bytes != self.bytes) else {
            return;
        };
        let text = fs::read(path).unwrap_or_default();
        (self.bytes, self.path) = (bytes, name);
        self.functions = functions(&String::from_utf8_lossy(&text));
    }
}

/// `START SIZE NAME`, numbers in hex, a line each.
fn functions(text: &str) -> BTreeMap<u64, (u64, String)> {
    let function = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let mut hex = || {
            let word = words.next()?;
            u64::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok()
        };
        let (start, size) = (hex()?, hex()?);
        let end = start.checked_add(size)?;
        Some((start, (end, words.next()?.to_owned())))
    };
    text.lines().filter_map(function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by name below.
    #[inline(never)]
    fn found_by_its_name() -> u32 {
        std::hint::black_box(7)
    }

    #[test]
    fn a_function_of_this_process_is_named() {
        let user = User::default();
        let address = found_by_its_name as fn() -> u32 as usize as u64;
        let place = user
            .resolve(std::process::id(), address + 1)
            .expect("mapped");
        let symbol = place.symbol.expect("it has a symbol");
        assert!(symbol.name.ends_with("::found_by_its_name"), "{symbol}");
        assert_eq!(symbol.offset, 1);
        assert_eq!(user.resolve(std::process::id(), 0x10), None);
    }

    #[test]
    fn generated_code_is_named_by_its_map() {
        let functions = functions("7f00 10 first::f\n0x8000 20 b c\nbroken\n9000 zz x\n");
        let generated = Generated {
            functions,
            ..Generated::default()
        };
        let name = |address| generated.known(address).map(|s| (s.name, s.offset));
        assert_eq!(name(0x7f0f), Some(("first::f".to_owned(), 15)));
        assert_eq!(name(0x8001), Some(("b c".to_owned(), 1)));
        assert_eq!(name(0x7f10), None);
        assert_eq!(name(1), None);
    }

    #[test]
    fn a_process_that_has_ended_is_named() {
        // Without the privilege only running processes are.
        let Ok(follower) = Follower::start() else {
            return;
        };
        let mut child = std::process::Command::new("true").spawn().expect("true");
        let process = child.id();
        child.wait().expect("it ends");
        let user = User::new(follower);
        user.resolve(process, 1);
        let mapped = user.follower.lock().processes.paths(process);
        assert!(
            mapped.iter().any(|path| path.ends_with("true")),
            "{mapped:?}"
        );
    }
}
