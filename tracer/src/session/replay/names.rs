//! Names that recordings hold, for printers.
//!
//! In: headers and rows of names. Out: users, groups and control groups as they were called then, on the machine where it happened; kernel
//! symbols when this machine still runs the kernel that was recorded. Never looks up a name of this machine for another one.

use crate::decode::call::{Descriptors, Style};
use crate::ir::Program;
use crate::print;
use crate::record::{Header, Name, Row};
use crate::symbols::Kernel;
use crate::sys::clock;
use std::cell::Cell;
use std::collections::HashMap;

/// Names of all files.
pub(super) struct Recalled<'p> {
    program: &'p Program,
    headers: &'p [Header],
    /// The file whose rows are at hand.
    pub host: Cell<u16>,
    names: HashMap<(Name, u64), Vec<(u16, String)>>,
    starts: Vec<Option<u64>>,
    kernel: Kernel,
    /// Which files are of this boot.
    here: Vec<bool>,
}

impl<'p> Recalled<'p> {
    pub fn new(program: &'p Program, headers: &'p [Header]) -> Recalled<'p> {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let boot_id = boot_id.unwrap_or_default();
        let is_here = |header: &Header| header.boot_id == boot_id.trim();
        Recalled {
            program,
            headers,
            host: Cell::new(0),
            names: HashMap::new(),
            starts: vec![None; headers.len()],
            kernel: Kernel::new(),
            here: headers.iter().map(is_here).collect(),
        }
    }

    /// Takes a row of a name.
    pub fn learn(&mut self, row: &Row<'_>) {
        if let Some(what) = Name::from_wire(row.args[0]) {
            let text = String::from_utf8_lossy(row.image).into_owned();
            let known = self.names.entry((what, row.args[1])).or_default();
            known.retain(|(host, _)| *host != row.host);
            known.push((row.host, text));
        }
    }

    /// Takes a row of a beginning.
    pub fn start(&mut self, row: &Row<'_>) {
        if let Some(start) = self.starts.get_mut(usize::from(row.host)) {
            start.get_or_insert(row.time_ns);
        }
    }

    /// When tracing began on a host; a file that goes on with another's run does not say.
    pub fn start_ns(&self, host: usize) -> u64 {
        let opened = self.headers.get(host).map_or(0, |header| header.opened_ns);
        self.starts.get(host).copied().flatten().unwrap_or(opened)
    }

    /// The first file of the machine that a file is of: files of one machine have one number.
    pub fn first_of(&self, host: u16) -> u64 {
        let name = |header: &Header| header.host.clone();
        let own = self.headers.get(usize::from(host)).map(name);
        let first = self
            .headers
            .iter()
            .position(|header| Some(name(header)) == own);
        first.unwrap_or(usize::from(host)) as u64
    }

    /// The name of an id: of the host at hand, else of any.
    fn of(&self, what: Name, id: u64) -> Option<&str> {
        let known = self.names.get(&(what, id))?;
        let here = known.iter().find(|(host, _)| *host == self.host.get());
        here.or(known.first()).map(|(_, text)| text.as_str())
    }
}

impl print::Names for Recalled<'_> {
    fn symbol(&self, address: u64, out: &mut Vec<u8>) -> Option<u64> {
        let is_here = self.here.get(usize::from(self.host.get())).copied();
        let symbol = self
            .kernel
            .resolve(address)
            .filter(|_| is_here == Some(true))?;
        out.extend_from_slice(symbol.name.as_bytes());
        Some(symbol.offset)
    }

    fn user(&self, id: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(self.of(Name::User, id).unwrap_or_default().as_bytes());
    }

    fn host(&self, index: u64, out: &mut Vec<u8>) {
        let header = usize::try_from(index)
            .ok()
            .and_then(|at| self.headers.get(at));
        out.extend(header.into_iter().flat_map(|header| header.host.bytes()));
    }

    fn cgroup(&self, id: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(self.of(Name::Cgroup, id).unwrap_or_default().as_bytes());
    }

    fn moment(&self, format: u64, time_ns: u64, out: &mut Vec<u8>) {
        let format = self.program.texts.get(format as usize);
        let text = format.and_then(|format| self.local_time(format, self.wall_ns(time_ns)));
        out.extend(text.unwrap_or_default().into_bytes());
    }

    fn wall_ns(&self, time_ns: u64) -> i64 {
        let header = self.headers.get(usize::from(self.host.get()));
        header.map_or(0, |header| header.wall_ns(time_ns))
    }

    fn local_time(&self, format: &str, wall_ns: i64) -> Option<String> {
        clock::local_time(format, wall_ns)
    }

    fn enumerator(&self, id: u32, value: i64) -> Option<&str> {
        let names = &self.program.enums.get(id as usize)?.names;
        let found = names.iter().find(|(number, _)| *number == value);
        found.map(|(_, name)| name.as_str())
    }

    fn probe(&self, index: u64) -> Option<&str> {
        let names = &self.program.probe_names;
        names.get(usize::try_from(index).ok()?).map(String::as_str)
    }

    fn func(&self, index: u64) -> Option<&str> {
        let names = &self.program.func_names;
        names.get(usize::try_from(index).ok()?).map(String::as_str)
    }

    fn call_style(&self) -> Style {
        Style {
            max_string: self.program.call.max_bytes as usize,
            column: 0,
            descriptors: match self.program.call.descriptors {
                true => Descriptors::Full,
                false => Descriptors::None,
            },
            ..Style::default()
        }
    }
}
