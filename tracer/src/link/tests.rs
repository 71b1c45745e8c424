//! What is linked and what is left out, without a kernel.

use super::*;
use crate::bpf::{Function, Insn, Op, Reg, Reloc};
use crate::plan::{MapKind, MapSpec};
use ::object::read::elf::{ElfFile64, SectionHeader as _};
use ::object::{Endianness, elf};
use ::object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::collections::BTreeSet;
use tracer_ebpf::map;

/// A program that calls the named functions.
fn calls(names: &[&'static str]) -> Function {
    let reloc = |(at, name): (usize, &&'static str)| Reloc {
        at: at as u32,
        target: bpf::Target::Runtime(name),
    };
    let mut insns: Vec<Insn> = names.iter().map(|_| Op::Function(-1).encode()).collect();
    insns.push(Op::Exit.encode());
    Function {
        name: "program".to_owned(),
        section: "raw_tp/run".to_owned(),
        insns,
        relocs: names.iter().enumerate().map(reloc).collect(),
        lines: Vec::new(),
        callbacks: Vec::new(),
    }
}

fn plan(maps: &[&str]) -> Plan {
    let spec = |name: &&str| MapSpec {
        name: (*name).to_owned(),
        kind: MapKind::Array,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        flags: 0,
        inner: None,
    };
    Plan {
        maps: maps.iter().map(spec).collect(),
        ..Plan::default()
    }
}

fn linked(maps: &[&str], functions: Vec<Function>) -> Result<Vec<u8>, Error> {
    let generated = Generated {
        functions,
        frame_size: 4096,
    };
    link(&plan(maps), &generated, runtime())
}

/// Names of the image's symbols in a section.
fn symbols(image: &[u8], section: &str) -> BTreeSet<String> {
    let file = ::object::File::parse(image).expect("an ELF file");
    let index = file.section_by_name(section).map(|section| section.index());
    file.symbols()
        .filter(|symbol| symbol.section_index() == index && index.is_some())
        .map(|symbol| symbol.name().expect("UTF-8").to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

const ALL: [&str; 5] = [map::STATS, map::SITES, map::CONTROL, map::WANTED, "AT_x"];

/// Readers divide a section of relocations by the size that it states (readelf refuses to guess).
#[test]
fn relocations_state_their_size() {
    let image = linked(&ALL, vec![calls(&["rt_site"])]).expect("links");
    let file = ElfFile64::<Endianness>::parse(&*image).expect("an ELF file");
    let headers = file.sections().map(|section| section.elf_section_header());
    let sizes: Vec<u64> = headers
        .filter(|header| header.sh_type(Endianness::Little) == elf::SHT_REL)
        .map(|header| header.sh_entsize(Endianness::Little))
        .collect();
    assert!(
        !sizes.is_empty() && sizes.iter().all(|&size| size == 16),
        "{sizes:?}"
    );
}

#[test]
fn only_what_is_reached_is_linked() {
    let image = linked(&ALL, vec![calls(&["rt_site"])]).expect("links");
    assert_eq!(symbols(&image, ".text"), set(&["rt_site"]));
    assert_eq!(symbols(&image, ".maps"), set(&[map::SITES]));
    assert_eq!(symbols(&image, "raw_tp/whoami"), set(&[]));
}

#[test]
fn calls_of_calls_are_linked_and_whoami_with_control() {
    let image = linked(&ALL, vec![calls(&["rt_loss", "rt_gate"])]).expect("links");
    let text = set(&["opt_log_loss", "rt_gate", "rt_loss"]);
    assert_eq!(symbols(&image, ".text"), text);
    assert_eq!(symbols(&image, ".maps"), set(&[map::CONTROL, map::STATS]));
    assert_eq!(symbols(&image, "raw_tp/whoami"), set(&[WHOAMI]));
}

#[test]
fn optional_functions_are_stubs_without_their_map() {
    let size = |maps: &[&str]| {
        let image = linked(maps, vec![calls(&["rt_loss"])]).expect("links");
        let file = ::object::File::parse(&*image).expect("an ELF file");
        let symbol = file
            .symbols()
            .find(|symbol| symbol.name() == Ok("opt_log_loss"));
        let constants = file.section_by_name(".rodata").is_some();
        (symbol.expect("is linked").size(), constants)
    };
    assert_eq!(size(&[map::STATS]), (16, false));
    let (whole, constants) = size(&[map::STATS, "AYA_LOGS"]);
    assert!(whole > 16 && constants);
}

#[test]
fn what_is_missing_is_named() {
    let error = |maps: &[&str], names: &[&'static str]| {
        let result = linked(maps, vec![calls(names)]);
        result.expect_err("something is missing").to_string()
    };
    assert_eq!(
        error(&ALL, &["rt_nothing"]),
        "link `program`: the runtime has no function `rt_nothing`"
    );
    assert_eq!(
        error(&[], &["rt_site"]),
        "link `rt_site`: the plan has no map `SITES`"
    );
    let twice = linked(&ALL, vec![calls(&[]), calls(&[])]);
    assert!(matches!(twice, Err(Error::Duplicate(name)) if name == "program"));
}

#[test]
fn a_reference_behind_the_end_is_refused() {
    let mut function = calls(&["rt_site"]);
    function.relocs[0].at = 2;
    let result = linked(&ALL, vec![function]);
    assert!(matches!(result, Err(Error::Outside { at: 2, .. })));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let image = || linked(&ALL, vec![calls(&["rt_loss", "rt_site", "rt_gate"])]).expect("links");
    assert_eq!(image(), image());
}

#[test]
fn aya_reads_every_kind_of_map_from_its_definition() {
    let kinds = [
        MapKind::Hash,
        MapKind::Array,
        MapKind::PercpuHash,
        MapKind::PercpuArray,
        MapKind::TaskStorage,
        MapKind::Ringbuf,
    ];
    let spec = |kind: MapKind, name: String| MapSpec {
        name,
        kind,
        key_size: 4,
        value_size: 24,
        max_entries: 4096,
        flags: 1,
        inner: None,
    };
    let mut maps: Vec<MapSpec> = kinds
        .iter()
        .enumerate()
        .map(|(i, &kind)| spec(kind, format!("map_{i}")))
        .collect();
    maps.push(MapSpec {
        inner: Some(Box::new(spec(MapKind::Array, String::new()))),
        ..spec(MapKind::ArrayOfMaps, "outer".to_owned())
    });
    let user = Piece {
        name: "program".to_owned(),
        section: Some("raw_tp/run".to_owned()),
        code: [Op::Map(Reg(1), 0), Op::High(0), Op::Exit]
            .iter()
            .flat_map(|op| op.encode().encode())
            .collect(),
        holes: vec![Hole {
            at: 0,
            target: Target::Map("outer".to_owned()),
        }],
    };
    let image = image::write(&[user], &maps, &[], b"GPL\0").expect("writes");
    let object = aya_obj::Object::parse(&image).expect("aya reads it");
    assert_eq!(object.maps.len(), maps.len());
    for map in &maps {
        let read = &object.maps[&map.name];
        let is_outer = map.kind == MapKind::ArrayOfMaps;
        assert_eq!(read.map_type(), map.kind as u32);
        assert_eq!(read.key_size(), map.key_size);
        assert_eq!(read.value_size(), if is_outer { 4 } else { map.value_size });
        assert_eq!(read.max_entries(), map.max_entries);
        assert_eq!(read.map_flags(), map.flags);
        assert_eq!(read.inner().is_some(), is_outer);
    }
}
