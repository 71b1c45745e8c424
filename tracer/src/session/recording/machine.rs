//! What a recording keeps of the machine: for reading it later, or elsewhere.
//!
//! In: `/proc`, `/sys` and the password file. Out: a [`Header`], and names of ids. What cannot be read is left out.

use crate::record::{Header, Name, Naming};
use crate::session::cgroups::Cgroups;
use crate::session::names;
use crate::sys::clock;
use std::collections::HashMap;
use std::fmt;
use std::fs;

/// The header of a recording that begins now, without what the options say.
pub fn header() -> Header {
    let read = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: read("/proc/sys/kernel/hostname"),
        boot_id: read("/proc/sys/kernel/random/boot_id"),
        kernel: read("/proc/sys/kernel/osrelease"),
        kernel_build_id: fs::read("/sys/kernel/notes")
            .map_or_else(|_| String::new(), |notes| build_id(&notes)),
        modules: modules(&read("/proc/modules")),
        machine: std::env::consts::ARCH.to_owned(),
        cpus: possible_cpus(&read("/sys/devices/system/cpu/possible")),
        clock_offset_ns: clock::wall_ns(0),
        opened_ns: clock::monotonic_ns(),
        ..Header::default()
    }
}

/// The build id among ELF notes: name "GNU", type 3; each part padded to 4 bytes.
fn build_id(notes: &[u8]) -> String {
    let word = |at: usize| {
        let bytes = notes.get(at..at.checked_add(4)?)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?) as usize)
    };
    let mut at = 0;
    while let (Some(name), Some(desc), Some(kind)) = (word(at), word(at + 4), word(at + 8)) {
        let start = at + 12 + name.next_multiple_of(4);
        let end = start + desc;
        if kind == 3 && notes.get(at + 12..at + 16) == Some(b"GNU\0") {
            let id = notes.get(start..end).unwrap_or_default();
            return id.iter().map(|byte| format!("{byte:02x}")).collect();
        }
        at = start + desc.next_multiple_of(4);
    }
    String::new()
}

/// Name, size and address of each module.
fn modules(proc_modules: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        Some(format!(
            "{} {} {}",
            words.first()?,
            words.get(1)?,
            words.get(5)?
        ))
    };
    let lines: Vec<String> = proc_modules.lines().filter_map(line).collect();
    lines.join("\n")
}

/// One more than the last number of a list such as `0-3,8`.
fn possible_cpus(list: &str) -> u32 {
    let last = list.rsplit([',', '-']).next();
    last.and_then(|last| last.parse::<u32>().ok())
        .map_or(0, |last| last + 1)
}

/// Names of users, groups and control groups of this machine.
#[derive(Default)]
pub struct Names {
    users: Option<HashMap<u64, String>>,
    groups: Option<HashMap<u64, String>>,
    cgroups: Cgroups,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl Naming for Names {
    fn name(&mut self, what: Name, id: u64) -> Option<Vec<u8>> {
        let file = |path| names::users(&fs::read_to_string(path).unwrap_or_default());
        let name = match what {
            Name::User => self
                .users
                .get_or_insert_with(|| file("/etc/passwd"))
                .get(&id)?,
            Name::Group => self
                .groups
                .get_or_insert_with(|| file("/etc/group"))
                .get(&id)?,
            Name::Cgroup => self.cgroups.path(id)?,
        };
        Some(name.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_id_is_found_among_notes() {
        let note = |name: &[u8], kind: u32, desc: &[u8]| {
            let mut out = Vec::new();
            for word in [name.len() as u32, desc.len() as u32, kind] {
                out.extend_from_slice(&word.to_ne_bytes());
            }
            for part in [name, desc] {
                out.extend_from_slice(part);
                out.resize(out.len().next_multiple_of(4), 0);
            }
            out
        };
        let mut notes = note(b"Linux\0", 257, &[1; 6]);
        notes.extend(note(b"GNU\0", 3, &[0xab, 0x01]));
        assert_eq!(build_id(&notes), "ab01");
        assert_eq!(build_id(&notes[..20]), "");
    }

    #[test]
    fn lists_of_proc_are_read() {
        assert_eq!(possible_cpus("0-3,8-11"), 12);
        assert_eq!(possible_cpus("0"), 1);
        let line = "xfs 2076672 1 - Live 0xffffffffc0400000";
        assert_eq!(modules(line), "xfs 2076672 0xffffffffc0400000");
    }
}
