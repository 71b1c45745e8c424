//! Programs loaded without aya: for kinds of attachment that it does not know.
//!
//! In: the image, parsed once when the first such program is met, and the maps in the kernel. Out: programs, verified. The same
//! instructions can be loaded several times, for another function of the kernel each time. Never attaches anything.

use super::maps::Maps;
use crate::sys::probe::{self, Functions, Program};
use aya_obj::Object;
use aya_obj::btf::BtfFeatures;
use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The image's programs as the kernel takes them.
pub(super) struct Image<'a> {
    bytes: &'a [u8],
    maps: &'a Maps,
    parsed: Option<Parsed>,
}

/// The image, its maps and calls resolved.
struct Parsed {
    object: Object,
    /// Its type information in the kernel.
    types: Option<OwnedFd>,
}

/// A program as the kernel takes it.
pub(super) struct Code {
    /// Instructions, eight bytes each.
    pub insns: Vec<u8>,
    /// Where its functions begin and their types, eight bytes each.
    records: Vec<u8>,
}

impl<'a> Image<'a> {
    /// Parses nothing yet.
    pub fn new(bytes: &'a [u8], maps: &'a Maps) -> Image<'a> {
        Image {
            bytes,
            maps,
            parsed: None,
        }
    }

    /// The maps that programs use.
    pub fn maps(&self) -> &'a Maps {
        self.maps
    }

    /// A program and the functions that it calls, maps filled in.
    pub fn code(&mut self, name: &str) -> io::Result<Code> {
        if self.parsed.is_none() {
            self.parsed = Some(parsed(self.bytes, self.maps).map_err(io::Error::other)?);
        }
        let object = &self.parsed.as_ref().expect("just made").object;
        let program = object.programs.get(name);
        let function = program.and_then(|p| object.functions.get(&p.function_key()));
        let function = function.ok_or(io::ErrorKind::NotFound)?;
        let record = |info: &aya_obj::generated::bpf_func_info| {
            [info.insn_off.to_le_bytes(), info.type_id.to_le_bytes()].concat()
        };
        Ok(Code {
            insns: function.instructions.iter().flat_map(encode).collect(),
            records: function
                .func_info
                .func_info
                .iter()
                .flat_map(record)
                .collect(),
        })
    }

    /// The types of a program's functions; `None` when the image has none.
    pub fn functions<'f>(&'f self, code: &'f Code) -> Option<Functions<'f>> {
        let types = self.parsed.as_ref()?.types.as_ref()?.as_fd();
        let records = code.records.as_slice();
        (!records.is_empty()).then_some(Functions { types, records })
    }
}

/// Has the verifier take instructions as a program of this kind (see [`Program`]).
pub(super) fn load(program: Program<'_>) -> io::Result<OwnedFd> {
    probe::load_program(program)
}

fn parsed(bytes: &[u8], maps: &Maps) -> Result<Parsed, Box<dyn std::error::Error + Send + Sync>> {
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
    // The image holds nothing that an older kernel would not know.
    let all = BtfFeatures::new(true, true, true, true, true, true, true, true);
    let types = match object.fixup_and_sanitize_btf(&all)? {
        Some(types) => Some(probe::load_types(&types.to_bytes())?),
        None => None,
    };
    Ok(Parsed { object, types })
}

/// `struct bpf_insn` of linux/bpf.h.
fn encode(insn: &aya_obj::generated::bpf_insn) -> [u8; 8] {
    let registers = insn.dst_reg() | insn.src_reg() << 4;
    let [off0, off1] = insn.off.to_le_bytes();
    let [imm0, imm1, imm2, imm3] = insn.imm.to_le_bytes();
    [insn.code, registers, off0, off1, imm0, imm1, imm2, imm3]
}
