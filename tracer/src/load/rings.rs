//! Record buffers: one main and one control ring for each possible CPU.
//!
//! In: sizes. Out: rings, mapped and known to the programs. Reading them is `stream`'s.

use super::Error;
use crate::plan;
use aya::maps::{Map, MapData, RingBuf};
use std::os::fd::{AsFd, BorrowedFd};

/// The rings of one CPU.
pub struct RingPair {
    /// Records of events.
    pub main: RingBuf<MapData>,
    /// Records that change what user space does: print, clear, exit, ….
    pub control: RingBuf<MapData>,
}

/// The rings by CPU number; empty when no program sends records.
pub type Rings = Vec<RingPair>;

/// `BPF_MAP_TYPE_RINGBUF`.
const RINGBUF: u32 = plan::MapKind::Ringbuf as u32;

/// Creates rings for `cpus` CPUs.
pub(super) fn create(sizes: plan::Rings, cpus: u32) -> Result<Rings, Error> {
    (0..cpus)
        .map(|_| {
            Ok(RingPair {
                main: ring("ring", sizes.main_bytes)?,
                control: ring("ring_control", sizes.control_bytes)?,
            })
        })
        .collect()
}

/// In the order of their slots where the programs find them: 2 × cpu the main one, 2 × cpu + 1 the control one.
pub(super) fn in_slots(rings: &Rings) -> Vec<BorrowedFd<'_>> {
    rings
        .iter()
        .flat_map(|pair| [pair.main.as_fd(), pair.control.as_fd()])
        .collect()
}

fn ring(name: &str, bytes: u32) -> Result<RingBuf<MapData>, Error> {
    let aya_error = |error| match error {
        aya::maps::MapError::CreateError { name, io_error } => Error::create_map(name, io_error),
        other => Error::MapKind {
            name: name.to_owned(),
            source: Box::new(other),
        },
    };
    let definition = aya_obj::Map::new_from_params(RINGBUF, 0, 0, bytes, 0);
    let data = MapData::create(definition, name, None).map_err(aya_error)?;
    RingBuf::try_from(Map::RingBuf(data)).map_err(aya_error)
}
