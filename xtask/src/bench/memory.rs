//! What a process holds: its own memory, its maps in the kernel, and its ring buffers apart.
//!
//! In: a process. Out: bytes. Memory of the process is its proportional set size without ring buffers, which are mapped twice and
//! sized by an option.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;

/// From the kernel's `enum bpf_map_type`.
const BPF_MAP_TYPE_RINGBUF: u64 = 27;

/// In bytes.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// Proportional set size of the process, without mapped ring buffers.
    pub process: u64,
    /// Kernel memory of maps that are not ring buffers.
    pub maps: u64,
    /// Kernel memory of ring buffers.
    pub rings: u64,
}

/// Of a process, now.
pub fn of(pid: u32) -> Result<Memory> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let mut memory = Memory {
        process: kib(&rollup, "Pss:").saturating_sub(mapped_rings(&smaps)),
        ..Memory::default()
    };
    for fields in held(pid, "map_id")?.values() {
        let bytes = fields.get("memlock").copied().unwrap_or(0);
        match fields.get("map_type") {
            Some(&BPF_MAP_TYPE_RINGBUF) => memory.rings += bytes,
            _ => memory.maps += bytes,
        }
    }
    Ok(memory)
}

/// Proportional set size of all mappings of BPF maps, which here are ring buffers.
fn mapped_rings(smaps: &str) -> u64 {
    let mut total = 0;
    let mut inside = false;
    for line in smaps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if first.contains('-') && !first.ends_with(':') {
            inside = line.contains("bpf-map") || line.contains("bpf_ringbuf");
        } else if inside {
            total += kib(line, "Pss:");
        }
    }
    total
}

/// The first value of a field that is given in kB, in bytes.
fn kib(text: &str, field: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) * 1024
}

/// The BPF objects that a process holds descriptors of, told by a field (`map_id`, `prog_id`): id to the numbers in its
/// descriptor's information.
pub fn held(pid: u32, id: &str) -> Result<BTreeMap<u64, BTreeMap<String, u64>>> {
    let mut objects = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let Ok(text) = fs::read_to_string(entry?.path()) else {
            continue;
        };
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        let number =
            |(name, value): (&str, &str)| Some((name.to_owned(), value.trim().parse().ok()?));
        let fields: BTreeMap<String, u64> = pairs.filter_map(number).collect();
        if let Some(&id) = fields.get(id) {
            objects.insert(id, fields);
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_taken_out_of_the_process() {
        let smaps = "7f00-7f10 rw-s 00000000 00:0e 1  anon_inode:bpf-map\nSize: 64 kB\nPss: 60 kB\n\
            7f20-7f30 r-xp 00000000 00:0e 1  /bin/x\nPss: 7 kB\n";
        assert_eq!(mapped_rings(smaps), 60 * 1024);
        assert_eq!(kib("Rss: 1 kB\nPss:      12 kB\n", "Pss:"), 12 * 1024);
    }
}
