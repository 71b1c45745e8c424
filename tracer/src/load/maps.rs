//! The kernel's maps by name: reading and writing their bytes, generations of cleared maps, counters.
//!
//! In: the plan's maps and the descriptors that aya created. Out: [`RawTable`]s and the wire's counters. Which map is which
//! comes from the plan alone; a map that the linker left out, because nothing refers to it, reads as empty.

use super::outer::Filling;
use super::rings::{self, Rings};
use super::{Error, Loaded};
use crate::ir::MapId;
use crate::plan::{MapKind, MapSpec, Plan, SessionMap};
use crate::sys::bpf::{self, NewMap, Shape};
use aya::Ebpf;
use aya::maps::Map;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use tracer_ebpf::{Control, CpuStats, Flooder, GENERATIONS, LOSSES, map};

/// All entries of a script's map, as bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RawTable {
    /// Bytes of a key; 0 for a map without key (which has at most one entry).
    pub key_size: usize,
    /// Bytes of one value.
    pub value_size: usize,
    /// Values per entry: possible CPUs for a per-CPU map, else 1.
    pub copies: usize,
    entries: usize,
    keys: Vec<u8>,
    /// Bytes from one value to the next: the size rounded up to 8.
    stride: usize,
    values: Vec<u8>,
}

impl RawTable {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Key and values (one per CPU, or one) of each entry, in no particular order.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], impl Iterator<Item = &[u8]>)> {
        (0..self.entries).map(move |entry| {
            let key = &self.keys[entry * self.key_size..][..self.key_size];
            let values = (0..self.copies).map(move |copy| {
                let first = (entry * self.copies + copy) * self.stride;
                &self.values[first..first + self.value_size]
            });
            (key, values)
        })
    }
}

/// The section of the image's constants, and the map that becomes of it.
const CONSTANTS: &str = ".rodata";

/// The maps of a run.
pub(super) struct Maps {
    open: HashMap<String, Open>,
    /// The image's constants, when a program uses them.
    constants: Option<OwnedFd>,
    session: Vec<SessionMap>,
    rings: Rings,
    /// Arrays of maps whose slots may not be filled yet.
    filling: Vec<Filling>,
    cpus: usize,
}

/// A map that is in the kernel.
struct Open {
    spec: MapSpec,
    fd: OwnedFd,
    /// Of an array of maps that are cleared: the inner maps by slot.
    inner: Vec<OwnedFd>,
}

impl Maps {
    /// Takes over the maps that aya created, and makes the inner ones.
    pub fn new(plan: &Plan, ebpf: &Ebpf) -> Result<Maps, Error> {
        let mut open = HashMap::new();
        for spec in &plan.maps {
            let Some(fd) = ebpf.map(&spec.name).and_then(descriptor) else {
                continue;
            };
            let fd = fd
                .try_clone_to_owned()
                .map_err(|error| failed("open", &spec.name, error))?;
            let spec = spec.clone();
            let inner = Vec::new();
            open.insert(spec.name.clone(), Open { spec, fd, inner });
        }
        let constants = ebpf.map(CONSTANTS).and_then(descriptor);
        let constants = constants.map(|fd| fd.try_clone_to_owned()).transpose();
        let constants = constants.map_err(|error| failed("open", CONSTANTS, error))?;
        let cpus =
            aya::util::nr_cpus().map_err(|(_, error)| failed("count CPUs for", "STATS", error))?;
        let mut maps = Maps {
            open,
            constants,
            session: plan.session_maps.clone(),
            rings: Vec::new(),
            filling: Vec::new(),
            cpus,
        };
        maps.make_rings(plan)?;
        maps.make_generations()?;
        Ok(maps)
    }

    /// Returns when every array of maps is filled: before the first program runs.
    pub fn wait_until_filled(&mut self) -> Result<(), Error> {
        let filled = |filling: Filling| filling.wait();
        std::mem::take(&mut self.filling)
            .into_iter()
            .try_for_each(filled)
            .map_err(|error| failed("fill", "arrays of maps", error))
    }

    /// A map's descriptor; `None` when the linker left it out.
    pub fn descriptor(&self, name: &str) -> Option<BorrowedFd<'_>> {
        if name == CONSTANTS {
            return self.constants.as_ref().map(AsFd::as_fd);
        }
        Some(self.open.get(name)?.fd.as_fd())
    }

    /// Whether the map is in the kernel.
    pub fn has(&self, name: &str) -> bool {
        self.open.contains_key(name)
    }

    /// Gives the rings away.
    pub fn take_rings(&mut self) -> Rings {
        std::mem::take(&mut self.rings)
    }

    fn make_rings(&mut self, plan: &Plan) -> Result<(), Error> {
        let Some(array) = self.open.get(map::RINGS) else {
            return Ok(());
        };
        self.rings = rings::create(plan.rings, array.spec.max_entries / 2)?;
        let filling = Filling::start(array.fd.as_fd(), &rings::in_slots(&self.rings))
            .map_err(|error| failed("fill", map::RINGS, error))?;
        self.filling.push(filling);
        Ok(())
    }

    /// Makes the empty maps of every cleared map's array and allows as many switches as there are spare ones.
    fn make_generations(&mut self) -> Result<(), Error> {
        for map in self.session.clone().iter().filter(|map| map.cleared) {
            self.fill_generations(&map.spec)?;
            self.set_limit(map.map, u64::from(GENERATIONS) - 1)?;
        }
        Ok(())
    }

    fn fill_generations(&mut self, name: &str) -> Result<(), Error> {
        let Some(array) = self.open.get_mut(name) else {
            return Ok(());
        };
        let Some(spec) = &array.spec.inner else {
            return Ok(());
        };
        array.inner = (0..GENERATIONS)
            .map(|_| create(spec))
            .collect::<Result<_, _>>()?;
        let inner: Vec<BorrowedFd<'_>> = array.inner.iter().map(AsFd::as_fd).collect();
        let filling = Filling::start(array.fd.as_fd(), &inner)
            .map_err(|error| failed("fill", name, error))?;
        self.filling.push(filling);
        Ok(())
    }

    /// Puts a new, empty map into a slot; the old one is gone when no program uses it any more.
    fn recycle(&mut self, map: &SessionMap, slot: u32) -> Result<(), Error> {
        let Some(array) = self.open.get(&map.spec) else {
            return Ok(());
        };
        let Some(spec) = &array.spec.inner else {
            return Ok(());
        };
        let fresh = create(spec)?;
        self.set_inner(array, slot, fresh.as_fd())?;
        let array = self.open.get_mut(&map.spec).expect("found above");
        array.inner[slot as usize] = fresh;
        Ok(())
    }

    fn set_inner(&self, array: &Open, slot: u32, inner: BorrowedFd<'_>) -> Result<(), Error> {
        let (key, value) = (slot.to_ne_bytes(), inner.as_raw_fd().to_ne_bytes());
        bpf::update(array.fd.as_fd(), Shape { key: 4, value: 4 }, &key, &value)
            .map_err(|error| failed("write", &array.spec.name, error))
    }

    /// Allows the kernel to switch a cleared map up to generation `limit`.
    fn set_limit(&self, map: MapId, limit: u64) -> Result<(), Error> {
        if !self.has(map::LIMIT) {
            return Ok(());
        }
        self.write(map::LIMIT, map.0, &limit.to_ne_bytes())
    }

    /// Returns when every program run that had begun has ended. The kernel waits so whenever an entry of an array of
    /// maps is replaced; an array of its own is made for it, because not every run has one.
    pub fn wait_for_programs(&self) -> Result<(), Error> {
        let wait = || -> io::Result<()> {
            let inner = bpf::create(NewMap {
                kind: MapKind::Array as u32,
                key_size: 4,
                value_size: 8,
                max_entries: 1,
                ..NewMap::default()
            })?;
            let outer = bpf::create(NewMap {
                kind: MapKind::ArrayOfMaps as u32,
                key_size: 4,
                value_size: 4,
                max_entries: 1,
                inner: inner.as_raw_fd(),
                ..NewMap::default()
            })?;
            let value = inner.as_raw_fd().to_ne_bytes();
            bpf::update(outer.as_fd(), Shape { key: 4, value: 4 }, &[0; 4], &value)
        };
        wait().map_err(|error| failed("wait for programs with", "array of maps", error))
    }

    /// Writes entry `index` of an array, or of a hash whose keys are numbers.
    pub fn write(&self, name: &str, index: u32, value: &[u8]) -> Result<(), Error> {
        let map = &self.open[name];
        let shape = self.shape(&map.spec);
        bpf::update(map.fd.as_fd(), shape, &index.to_ne_bytes(), value)
            .map_err(|error| failed("write", name, error))
    }

    /// The keys of a hash whose keys are numbers; none when the map is not in the kernel.
    pub fn keys(&self, name: &str) -> Result<Vec<u32>, Error> {
        let Some(map) = self.open.get(name) else {
            return Ok(Vec::new());
        };
        let (keys, _) = bpf::read_hash(map.fd.as_fd(), self.shape(&map.spec))
            .map_err(|error| failed("read", name, error))?;
        let number = |key: &[u8]| u32::from_ne_bytes(key.try_into().expect("chunks of 4"));
        Ok(keys.chunks_exact(4).map(number).collect())
    }

    /// Writes many entries of an array.
    pub fn write_many(&self, name: &str, keys: &[u8], values: &[u8]) -> Result<(), Error> {
        let map = &self.open[name];
        bpf::update_many(map.fd.as_fd(), self.shape(&map.spec), keys, values)
            .map_err(|error| failed("write", name, error))
    }

    /// The control words.
    pub fn read_control(&self) -> Result<Vec<u8>, Error> {
        self.read_entry(map::CONTROL, 0)
            .map(|bytes| bytes.unwrap_or_else(|| vec![0; size_of::<Control>()]))
    }

    /// Entry `index` of an array, for a per-CPU one all copies; nothing when the map is not in the kernel.
    fn read_entry(&self, name: &str, index: u32) -> Result<Option<Vec<u8>>, Error> {
        let Some(map) = self.open.get(name) else {
            return Ok(None);
        };
        let shape = self.shape(&map.spec);
        let mut value = vec![0; shape.value];
        bpf::lookup(map.fd.as_fd(), shape, &index.to_ne_bytes(), &mut value)
            .map_err(|error| failed("read", name, error))?;
        Ok(Some(value))
    }

    /// The sizes that user space sees.
    fn shape(&self, spec: &MapSpec) -> Shape {
        let value = spec.value_size as usize;
        Shape {
            key: spec.key_size as usize,
            value: match is_per_cpu(spec.kind) {
                true => value.next_multiple_of(8) * self.cpus,
                false => value,
            },
        }
    }

    /// A script's map: where it is in the kernel, and what it is. Nothing when no program refers to it.
    fn script(&self, map: MapId, slot: u32) -> Option<(BorrowedFd<'_>, &MapSpec, &SessionMap)> {
        let kept = &self.session[map.0 as usize];
        let open = self.open.get(&kept.spec)?;
        if kept.cleared {
            let spec = open.spec.inner.as_deref()?;
            Some((open.inner.get(slot as usize)?.as_fd(), spec, kept))
        } else {
            Some((open.fd.as_fd(), &open.spec, kept))
        }
    }
}

impl Loaded {
    /// All entries of a script's map; of a cleared one those in `slot` (its generation % `GENERATIONS`; otherwise the slot
    /// means nothing). No entry that is there during the call is missed or read twice.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn read_map(&self, map: MapId, slot: u32) -> Result<RawTable, Error> {
        let Some((fd, spec, kept)) = self.maps.script(map, slot) else {
            return Ok(RawTable::default());
        };
        let shape = self.maps.shape(spec);
        let copies = if is_per_cpu(spec.kind) {
            self.maps.cpus
        } else {
            1
        };
        let (keys, values) = if kept.key_size == 0 {
            let mut value = vec![0; shape.value];
            bpf::lookup(fd, shape, &[0; 4], &mut value).map(|_| (Vec::new(), value))
        } else {
            bpf::read_hash(fd, shape)
        }
        .map_err(|error| failed("read", &kept.spec, error))?;
        Ok(RawTable {
            key_size: kept.key_size as usize,
            value_size: kept.value_size as usize,
            copies,
            entries: match kept.key_size {
                0 => 1,
                size => keys.len() / size as usize,
            },
            keys,
            stride: shape.value / copies,
            values,
        })
    }

    /// Returns when every firing that had begun has ended: a generation that was switched away from is then no longer written.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn settle(&self) -> Result<(), Error> {
        self.maps.wait_for_programs()
    }

    /// Puts an empty map into the slot of a generation that was read, and allows the kernel to switch up to generation
    /// `limit` (the highest one whose slot is empty).
    ///
    /// # Errors
    /// When no map can be created.
    pub fn recycle(&mut self, map: MapId, slot: u32, limit: u64) -> Result<(), Error> {
        let kept = self.maps.session[map.0 as usize].clone();
        self.maps.recycle(&kept, slot)?;
        self.maps.set_limit(map, limit)
    }

    /// The generation that a cleared map is in.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn generation(&self, map: MapId) -> Result<u64, Error> {
        let bytes = self.maps.read_entry(map::GENERATION, map.0)?;
        Ok(bytes.map_or(0, |bytes| words(&bytes)[0]))
    }

    /// Empty maps that are ready: the fewest over all cleared maps, `None` without any.
    ///
    /// # Errors
    /// When the counts cannot be read.
    pub fn spares(&self) -> Result<Option<u64>, Error> {
        let mut fewest = None;
        for map in self.maps.session.iter().filter(|map| map.cleared) {
            let bytes = self.maps.read_entry(map::LIMIT, map.map.0)?;
            let limit = bytes.map_or(u64::MAX, |bytes| words(&bytes)[0]);
            let spares = limit.saturating_sub(self.generation(map.map)?);
            fewest = Some(fewest.map_or(spares, |known: u64| known.min(spares)));
        }
        Ok(fewest)
    }

    /// Deletes a key of a script's map; whether it was there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn delete(&self, map: MapId, slot: u32, key: &[u8]) -> Result<bool, Error> {
        let Some((fd, spec, kept)) = self.maps.script(map, slot) else {
            return Ok(false);
        };
        bpf::delete(fd, self.maps.shape(spec), key)
            .map_err(|error| failed("delete from", &kept.spec, error))
    }

    /// Fills all entries of an array with one byte, when it is in the kernel.
    #[cfg(test)]
    pub fn fill(&self, name: &str, byte: u8) -> Result<(), Error> {
        let Some(map) = self.maps.open.get(name) else {
            return Ok(());
        };
        let value = vec![byte; self.maps.shape(&map.spec).value];
        (0..map.spec.max_entries).try_for_each(|index| self.maps.write(name, index, &value))
    }

    /// What each possible CPU counted, by CPU number; empty when no program counts.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn stats(&self) -> Result<Vec<CpuStats>, Error> {
        let bytes = self.maps.read_entry(map::STATS, 0)?.unwrap_or_default();
        let all = words(&bytes);
        let of_cpu = |words: &[u64]| {
            let (lost, flooder) = words[2..].split_at(LOSSES);
            let mut comm = [0; 16];
            comm[..8].copy_from_slice(&flooder[2].to_ne_bytes());
            comm[8..].copy_from_slice(&flooder[3].to_ne_bytes());
            CpuStats {
                attempts_main: words[0],
                attempts_control: words[1],
                lost: lost.try_into().expect("split there"),
                flooder: Flooder {
                    tgid: flooder[0],
                    votes: flooder[1],
                    comm,
                },
            }
        };
        Ok(all
            .chunks_exact(size_of::<CpuStats>() / 8)
            .map(of_cpu)
            .collect())
    }

    /// How often each of the script's runtime errors happened, by `SiteId`.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn sites(&self) -> Result<Vec<u64>, Error> {
        let entries = self
            .maps
            .open
            .get(map::SITES)
            .map_or(0, |map| map.spec.max_entries);
        (0..entries)
            .map(|site| {
                let bytes = self.maps.read_entry(map::SITES, site)?.unwrap_or_default();
                Ok(words(&bytes).first().copied().unwrap_or(0))
            })
            .collect()
    }
}

/// Creates a map that is not in the image.
fn create(spec: &MapSpec) -> Result<OwnedFd, Error> {
    let mut name = [0; 16];
    for (to, from) in name[..15].iter_mut().zip(spec.name.bytes()) {
        *to = from;
    }
    bpf::create(NewMap {
        kind: spec.kind as u32,
        key_size: spec.key_size,
        value_size: spec.value_size,
        max_entries: spec.max_entries,
        flags: spec.flags,
        name,
        ..NewMap::default()
    })
    .map_err(|error| Error::create_map(spec.name.clone(), error))
}

/// The descriptor of a map of one of the plan's kinds.
fn descriptor(map: &Map) -> Option<BorrowedFd<'_>> {
    match map {
        Map::Array(data)
        | Map::PerCpuArray(data)
        | Map::HashMap(data)
        | Map::PerCpuHashMap(data)
        | Map::LruHashMap(data)
        | Map::PerCpuLruHashMap(data)
        | Map::ArrayOfMaps(data)
        | Map::RingBuf(data)
        | Map::Unsupported(data) => Some(data.fd().as_fd()),
        _ => None,
    }
}

fn is_per_cpu(kind: MapKind) -> bool {
    matches!(
        kind,
        MapKind::PercpuHash | MapKind::PercpuArray | MapKind::LruPercpuHash
    )
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().expect("chunks of 8")))
        .collect()
}

fn failed(operation: &'static str, name: &str, source: io::Error) -> Error {
    Error::Map {
        operation,
        name: name.to_owned(),
        source,
    }
}
