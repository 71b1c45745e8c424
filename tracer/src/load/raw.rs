//! Programs loaded without aya: for kinds of attachment that it does not know.
//!
//! In: the image, parsed once when the first such program is met, and the maps in the kernel. Out: programs, verified. The same
//! instructions can be loaded several times, for another function of the kernel each time. Never attaches anything.

use super::maps::Maps;
use crate::sys::probe::{self, Program};
use aya_obj::Object;
use std::collections::HashSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// The image's programs as the kernel takes them.
pub(super) struct Image<'a> {
    bytes: &'a [u8],
    maps: &'a Maps,
    object: Option<Object>,
}

impl<'a> Image<'a> {
    /// Parses nothing yet.
    pub fn new(bytes: &'a [u8], maps: &'a Maps) -> Image<'a> {
        Image {
            bytes,
            maps,
            object: None,
        }
    }

    /// The instructions of a program and of the functions that it calls, maps filled in.
    pub fn instructions(&mut self, name: &str) -> io::Result<Vec<u8>> {
        if self.object.is_none() {
            self.object = Some(relocated(self.bytes, self.maps).map_err(io::Error::other)?);
        }
        let object = self.object.as_ref().expect("just made");
        let program = object.programs.get(name);
        let function = program.and_then(|p| object.functions.get(&p.function_key()));
        let function = function.ok_or(io::ErrorKind::NotFound)?;
        Ok(function.instructions.iter().flat_map(encode).collect())
    }
}

/// Has the verifier take instructions as a program of this kind (see [`Program`]).
pub(super) fn load(program: Program<'_>) -> io::Result<OwnedFd> {
    probe::load_program(program)
}

fn relocated(
    bytes: &[u8],
    maps: &Maps,
) -> Result<Object, Box<dyn std::error::Error + Send + Sync>> {
    let mut object = Object::parse(bytes)?;
    let text: HashSet<usize> = object
        .functions
        .keys()
        .map(|(section, _)| *section)
        .filter(|section| {
            !object
                .programs
                .values()
                .any(|p| p.section_index == *section)
        })
        .collect();
    let known: Vec<(String, i32, aya_obj::Map)> = object
        .maps
        .iter()
        .filter_map(|(name, map)| {
            let fd = maps.descriptor(name)?.as_raw_fd();
            Some((name.clone(), fd, map.clone()))
        })
        .collect();
    let known = known
        .iter()
        .map(|(name, fd, map)| (name.as_str(), *fd, map));
    object.relocate_maps(known, &text)?;
    object.relocate_calls(&text)?;
    Ok(object)
}

/// `struct bpf_insn` of linux/bpf.h.
fn encode(insn: &aya_obj::generated::bpf_insn) -> [u8; 8] {
    let registers = insn.dst_reg() | insn.src_reg() << 4;
    let [off0, off1] = insn.off.to_le_bytes();
    let [imm0, imm1, imm2, imm3] = insn.imm.to_le_bytes();
    [insn.code, registers, off0, off1, imm0, imm1, imm2, imm3]
}
