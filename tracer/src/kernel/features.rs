//! Whether this kernel can do something, by trying it.
//!
//! In: a [`Feature`]. Out: yes, no with the reason, or unknown with the reason. A test loads a tiny program or
//! makes a tiny map and drops it; nothing is attached. Never compares version numbers: distributions backport.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use aya::maps::MapType;
use aya::programs::ProgramType;
use aya::sys::{BpfHelper, is_helper_supported, is_map_supported, is_program_supported};
use aya_obj::generated::{BPF_F_NO_PREALLOC, bpf_attach_type, bpf_map_type, bpf_prog_type};

use super::Live;
use super::lockdown::Lockdown;
use super::privilege::Capability;
use crate::bpf::{Alu, Insn, Op, Reg, Size, Src};
use crate::facts::{Facts, Feature, Support};
use crate::sys::bpf::{self, NewMap};
use crate::sys::probe::{Program, load_program};
use crate::types::btf::{Btf, Namespace, TypeId};

/// Number of features, for one answer each.
pub(super) const COUNT: usize = Feature::Loop as usize + 1;

/// Where the kernel shows what perf events can come from.
const EVENT_SOURCES: &str = "/sys/bus/event_source/devices";

/// Functions to offer an fentry program for; the first one is there for tests.
const FENTRY_TARGETS: [&str; 3] = ["bpf_fentry_test1", "kernel_clone", "vfs_read"];

/// Stands for the walk over all tasks.
const ITERATOR: &str = "bpf_iter_task";

/// Answers one question; slow ones take about a millisecond.
pub(super) fn probe(feature: Feature, live: &Live) -> Support {
    match feature {
        Feature::Kprobe => kprobe(live),
        Feature::Tracepoint => tracepoint(live),
        Feature::Uprobe => uprobe(),
        Feature::PerfEvent => perf_event(),
        Feature::HardwareCounter => hardware_counter(),
        _ => loads(feature, live),
    }
}

/// The questions that take the right to load programs.
fn loads(feature: Feature, live: &Live) -> Support {
    let missing = live.held().missing(&[Capability::Bpf, Capability::Perfmon]);
    if !missing.is_empty() {
        return Support::Unknown(format!(
            "the kernel cannot be asked without {}",
            Capability::list(&missing)
        ));
    }
    match feature {
        Feature::Fentry => fentry(live),
        Feature::Iterator => iterator(live),
        Feature::RawTracepoint => offered(
            is_program_supported(ProgramType::RawTracePoint),
            "raw tracepoint programs (Linux 4.17)",
        ),
        Feature::RingBuffer => offered(
            is_map_supported(MapType::RingBuf),
            "BPF ring buffers (Linux 5.8)",
        ),
        // The map type is older than the helper in these programs; asking for the map as well takes 23 ms.
        Feature::TaskStorage => offered(
            helper(BpfHelper::BPF_FUNC_task_storage_get),
            "task storage in tracing programs (Linux 5.11)",
        ),
        Feature::Loop => offered(helper(BpfHelper::BPF_FUNC_loop), "bpf_loop (Linux 5.17)"),
        Feature::NoPreallocSafe => taken(
            load_with_growing_map(),
            "hash maps that grow in every context (Linux 6.1)",
        ),
        Feature::SignedDivision => {
            taken(load_signed_division(), "signed division in BPF (Linux 6.6)")
        }
        Feature::Kprobe
        | Feature::Uprobe
        | Feature::Tracepoint
        | Feature::PerfEvent
        | Feature::HardwareCounter => probe(feature, live),
    }
}

fn helper(helper: BpfHelper) -> Result<bool, aya::programs::ProgramError> {
    is_helper_supported(ProgramType::RawTracePoint, helper)
}

fn offered<E: std::error::Error>(answer: Result<bool, E>, what: &str) -> Support {
    match answer {
        Ok(true) => Support::Yes,
        Ok(false) => Support::No(format!("this kernel has no {what}")),
        Err(error) => Support::Unknown(format!("asking for {what} failed: {}", chain(&error))),
    }
}

/// A refusal by the verifier is a no; anything else says nothing about the feature.
fn taken(answer: io::Result<()>, what: &str) -> Support {
    match answer.as_ref().map_err(io::Error::raw_os_error) {
        Ok(()) => Support::Yes,
        Err(Some(libc::EINVAL | libc::EACCES)) => Support::No(format!("this kernel has no {what}")),
        Err(_) => offered(answer.map(|()| true), what),
    }
}

/// An error with its causes, as one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

fn uprobe() -> Support {
    match Path::new(EVENT_SOURCES).join("uprobe").exists() {
        true => Support::Yes,
        false => Support::No("this kernel is built without CONFIG_UPROBE_EVENTS".to_string()),
    }
}

fn kprobe(live: &Live) -> Support {
    if Lockdown::read() == Lockdown::Confidentiality {
        return Support::No("the kernel is locked down (confidentiality)".to_string());
    }
    let sources = Path::new(EVENT_SOURCES);
    if sources.join("kprobe").exists() {
        return Support::Yes;
    }
    if !sources.exists() {
        return Support::Unknown(format!("{EVENT_SOURCES} is missing: /sys is not mounted"));
    }
    let lacks = |option: &str| Support::No(format!("this kernel is built without {option}"));
    match live.btf() {
        Some(btf) if has_function(btf, "register_kprobe") => lacks("CONFIG_KPROBE_EVENTS"),
        Some(_) => lacks("CONFIG_KPROBES"),
        None => lacks("CONFIG_KPROBES or CONFIG_KPROBE_EVENTS"),
    }
}

/// The clocks and counters of the kernel itself are the source `software`.
fn perf_event() -> Support {
    let sources = Path::new(EVENT_SOURCES);
    if sources.join("software").exists() {
        return Support::Yes;
    }
    if sources.exists() {
        return Support::No("this kernel is built without CONFIG_PERF_EVENTS".to_string());
    }
    Support::Unknown(format!("{EVENT_SOURCES} is missing: /sys is not mounted"))
}

/// A CPU's counters are the source `cpu`; where there are two kinds of CPU, `cpu_core` and `cpu_atom`.
fn hardware_counter() -> Support {
    let here = |name| Path::new(EVENT_SOURCES).join(name).exists();
    match perf_event() {
        Support::Yes if here("cpu") || here("cpu_core") => Support::Yes,
        Support::Yes => Support::No(
            "this machine shows no counters of its CPU (virtual machines often have none)"
                .to_string(),
        ),
        without => without,
    }
}

fn has_function(btf: &Btf, name: &str) -> bool {
    btf.find(Namespace::Func, name).is_some()
}

fn tracepoint(live: &Live) -> Support {
    if !Path::new(EVENT_SOURCES).join("tracepoint").exists() {
        return Support::No(
            "this kernel has no tracepoints as perf events (CONFIG_EVENT_TRACING, CONFIG_PERF_EVENTS)"
                .to_string(),
        );
    }
    match live.tracepoint_names() {
        Ok(_) => Support::Yes,
        Err(error) => Support::No(error.to_string()),
    }
}

fn fentry(live: &Live) -> Support {
    let btf = match live.types() {
        Ok(btf) => btf,
        Err(error) => return Support::No(error.to_string()),
    };
    let target = FENTRY_TARGETS
        .iter()
        .find_map(|name| btf.find(Namespace::Func, name));
    let Some(target) = target else {
        return Support::Unknown("none of the functions to try it on is in BTF".to_string());
    };
    match load_typed(bpf_attach_type::BPF_TRACE_FENTRY, target) {
        Ok(()) => Support::Yes,
        Err(error) => Support::No(format!(
            "this kernel refuses fentry programs even from a process that may load others ({error})"
        )),
    }
}

fn iterator(live: &Live) -> Support {
    let btf = match live.types() {
        Ok(btf) => btf,
        Err(error) => return Support::No(error.to_string()),
    };
    let Some(target) = btf.find(Namespace::Func, ITERATOR) else {
        return Support::No("this kernel has no BPF iterators (Linux 5.8)".to_string());
    };
    match load_typed(bpf_attach_type::BPF_TRACE_ITER, target) {
        Ok(()) => Support::Yes,
        Err(error) => Support::No(format!(
            "this kernel refuses iterators even from a process that may load other programs ({error})"
        )),
    }
}

/// An empty program for something that the kernel's types describe.
fn load_typed(attach_type: bpf_attach_type, target: TypeId) -> io::Result<()> {
    let insns = words(&[Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(0)), Op::Exit].map(Op::encode));
    load_program(Program {
        kind: bpf_prog_type::BPF_PROG_TYPE_TRACING as u32,
        insns: &insns,
        attach_type: attach_type as u32,
        attach_btf_id: target.0,
        ..Program::default()
    })
    .map(drop)
}

/// Before maps could grow safely, programs of perf events were refused such maps, and only they.
fn load_with_growing_map() -> io::Result<()> {
    /// `bpf_map_lookup_elem`.
    const MAP_LOOKUP: u32 = 1;
    let map = bpf::create(NewMap {
        kind: bpf_map_type::BPF_MAP_TYPE_HASH as u32,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        flags: BPF_F_NO_PREALLOC,
        ..NewMap::default()
    })?;
    let (r1, r2) = (Reg::R1, Reg(2));
    let insns = [
        Op::Map(r1, map.as_raw_fd()),
        Op::High(0),
        Op::Store(Size::W, Reg::FP, -4, Src::Imm(0)),
        Op::Alu64(Alu::Mov, r2, Src::Reg(Reg::FP)),
        Op::Alu64(Alu::Add, r2, Src::Imm(-4)),
        Op::Helper(MAP_LOOKUP),
        Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(0)),
        Op::Exit,
    ]
    .map(Op::encode);
    load(bpf_prog_type::BPF_PROG_TYPE_PERF_EVENT, &insns)
}

fn load_signed_division() -> io::Result<()> {
    /// `r0 /= 2`; an offset of 1 makes it signed.
    const SIGNED_HALF: Insn = Insn {
        code: 0x37,
        dst: 0,
        src: 0,
        off: 1,
        imm: 2,
    };
    let four = Op::Alu64(Alu::Mov, Reg::R0, Src::Imm(4)).encode();
    let insns = [four, SIGNED_HALF, Op::Exit.encode()];
    load(bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT, &insns)
}

fn load(kind: bpf_prog_type, insns: &[Insn]) -> io::Result<()> {
    load_program(Program {
        kind: kind as u32,
        insns: &words(insns),
        ..Program::default()
    })
    .map(drop)
}

fn words(insns: &[Insn]) -> Vec<u8> {
    insns.iter().flat_map(|insn| insn.encode()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_from_accidents() {
        let of = |errno| taken(Err(io::Error::from_raw_os_error(errno)), "x");
        assert_eq!(taken(Ok(()), "x"), Support::Yes);
        assert_eq!(of(libc::EINVAL), Support::No("this kernel has no x".into()));
        assert!(matches!(of(libc::EPERM), Support::Unknown(_)));
        assert!(matches!(of(libc::ENOMEM), Support::Unknown(_)));
    }

    /// Where programs may be loaded, each question has an answer; where not, the answer names what is missing.
    #[test]
    fn the_running_kernel_answers_every_question() {
        let live = Live::new();
        let may_load = live
            .held()
            .missing(&[Capability::Bpf, Capability::Perfmon])
            .is_empty();
        for feature in [
            Feature::RawTracepoint,
            Feature::RingBuffer,
            Feature::TaskStorage,
            Feature::NoPreallocSafe,
            Feature::SignedDivision,
            Feature::Loop,
            Feature::Fentry,
        ] {
            match (may_load, live.has(feature)) {
                (true, Support::Unknown(why)) => panic!("{feature:?}: {why}"),
                (false, Support::Unknown(why)) => assert!(why.contains("CAP_"), "{why}"),
                (true, _) => {}
                (false, other) => panic!("{feature:?} answered {other:?} without privilege"),
            }
        }
    }
}
