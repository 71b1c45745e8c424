//! Programs written by hand, linked with the runtime, in this kernel. They need root (CAP_BPF and CAP_PERFMON): without it
//! they fail in CI, and elsewhere say by name what was not checked.
//!
//! This file is what they share: a small assembler, a plan, loading. [`hooks`] holds a firing of each mechanism, [`runs`] whole runs, [`runtime`] the runtime's
//! functions one by one.

mod hooks;
mod runs;
mod runtime;

use super::*;
use crate::bpf::helpers::{
    GET_CURRENT_PID_TGID, GET_CURRENT_TASK_BTF, MAP_LOOKUP_ELEM, TASK_PT_REGS,
};
use crate::bpf::{Alu, Cond, Generated, Insn, Op, Reg, Reloc, Size, Src, Target};
use crate::ir::{MapId, SyscallSet};
use crate::kernel::privilege::privileged;
use crate::link;
use crate::plan::{self, MapKind, MapSpec, Program as Planned, SessionMap, SyscallPlan};
use crate::types::Abi;
use tracer_ebpf::{ABIS, CpuStats, EntryState, Generation, SYSCALL_ROWS, SysFrame, map};

/// getppid.
const GETPPID: u32 = 110;
const FLAG_NO_PREALLOC: u32 = 1;

/// Instructions with references; a branch to the end is patched when the program is finished.
#[derive(Default)]
struct Code {
    insns: Vec<Insn>,
    relocs: Vec<Reloc>,
    to_end: Vec<usize>,
}

const R6: Reg = Reg(6);
const R7: Reg = Reg(7);

impl Code {
    fn op(&mut self, op: Op) -> &mut Code {
        self.insns.push(op.encode());
        self
    }

    fn set(&mut self, dst: u8, src: Src) -> &mut Code {
        self.op(Op::Alu64(Alu::Mov, Reg(dst), src))
    }

    /// `dst = fp + at`.
    fn stack(&mut self, dst: u8, at: i32) -> &mut Code {
        self.set(dst, Src::Reg(Reg::FP))
            .op(Op::Alu64(Alu::Add, Reg(dst), Src::Imm(at)))
    }

    fn refer(&mut self, target: Target) {
        let at = self.insns.len() as u32;
        self.relocs.push(Reloc { at, target });
    }

    fn map(&mut self, dst: u8, name: &str) -> &mut Code {
        self.refer(Target::Map(name.to_owned()));
        self.op(Op::Map(Reg(dst), 0)).op(Op::High(0))
    }

    fn call(&mut self, name: &'static str) -> &mut Code {
        self.refer(Target::Runtime(name));
        self.op(Op::Function(-1))
    }

    /// To the end when r0 is 0.
    fn end_if_zero(&mut self) -> &mut Code {
        self.to_end.push(self.insns.len());
        self.op(Op::Branch(Cond::Eq, Reg::R0, Src::Imm(0), 0))
    }

    fn finish(&mut self, name: &str, section: &str) -> Function {
        let end = self.insns.len();
        for &at in &self.to_end {
            self.insns[at].off = (end - at - 1) as i16;
        }
        self.set(0, Src::Imm(0)).op(Op::Exit);
        Function {
            name: name.to_owned(),
            section: section.to_owned(),
            insns: std::mem::take(&mut self.insns),
            relocs: std::mem::take(&mut self.relocs),
            lines: vec![(0, 7)],
            callbacks: Vec::new(),
        }
    }
}

/// The frame of a syscall program lies here; it takes 88 bytes.
const FRAME: i32 = -88;
/// A key.
const KEY: i32 = -96;

/// `r0 = mask of this exit`, ends when nobody wants it; the context stays in r6.
fn sys_exit(code: &mut Code) -> &mut Code {
    assert_eq!(size_of::<SysFrame>() as i32, -FRAME);
    code.set(6, Src::Reg(Reg(1)));
    task(code);
    code.set(1, Src::Reg(Reg(8)));
    code.op(Op::Helper(TASK_PT_REGS));
    code.set(5, Src::Reg(Reg::R0)).set(4, Src::Reg(Reg(8)));
    let result = FRAME + std::mem::offset_of!(SysFrame, ret) as i32;
    code.op(Op::Load(Size::DW, Reg(1), R6, 8));
    code.op(Op::Store(
        Size::DW,
        Reg::FP,
        result as i16,
        Src::Reg(Reg(1)),
    ));
    code.stack(1, FRAME).set(2, Src::Imm(0)).set(3, Src::Imm(0));
    code.call("rt_sys_exit").end_if_zero()
}

/// Leaves the current task in r8 and its process in the frame.
fn task(code: &mut Code) {
    code.op(Op::Helper(GET_CURRENT_PID_TGID));
    code.op(Op::Alu64(Alu::Rsh, Reg::R0, Src::Imm(32)));
    let at = FRAME + std::mem::offset_of!(SysFrame, tgid) as i32;
    code.op(Op::Store(Size::DW, Reg::FP, at as i16, Src::Reg(Reg::R0)));
    code.op(Op::Helper(GET_CURRENT_TASK_BTF));
    code.set(8, Src::Reg(Reg::R0));
}

/// Leaves the address of the zeroes in r7.
fn zeroes(code: &mut Code) -> &mut Code {
    code.op(Op::Store(Size::W, Reg::FP, KEY as i16, Src::Imm(0)));
    code.map(1, map::ZEROES).stack(2, KEY);
    code.op(Op::Helper(MAP_LOOKUP_ELEM)).end_if_zero();
    code.set(7, Src::Reg(Reg::R0))
}

/// Counts by thread in the map whose address or descriptor is in r1 already.
fn count_by_thread(code: &mut Code, load_map: &dyn Fn(&mut Code)) {
    zeroes(code);
    code.op(Op::Helper(GET_CURRENT_PID_TGID));
    code.op(Op::Store(Size::DW, Reg::FP, KEY as i16, Src::Reg(Reg::R0)));
    load_map(code);
    code.stack(2, KEY).set(3, Src::Reg(R7));
    code.call("rt_slot").end_if_zero();
    code.op(Op::Load(Size::DW, Reg(1), Reg::R0, 0))
        .op(Op::Alu64(Alu::Add, Reg(1), Src::Imm(1)))
        .op(Op::Store(Size::DW, Reg::R0, 0, Src::Reg(Reg(1))));
}

fn spec(name: &str, kind: MapKind, key_size: u32, value_size: u32, max_entries: u32) -> MapSpec {
    MapSpec {
        name: name.to_owned(),
        kind,
        key_size,
        value_size,
        max_entries,
        flags: 0,
        inner: None,
    }
}

/// The runtime's maps, as a plan has them.
fn runtime_maps(rings: plan::Rings) -> Vec<MapSpec> {
    use MapKind::{Array, ArrayOfMaps, PercpuArray, Ringbuf, TaskStorage};
    let cpus = aya::util::nr_cpus().expect("the CPUs can be counted") as u32;
    let stats = size_of::<CpuStats>() as u32;
    let control = size_of::<tracer_ebpf::Control>() as u32;
    let state = size_of::<EntryState>() as u32;
    vec![
        MapSpec {
            inner: Some(Box::new(spec("ring", Ringbuf, 0, 0, rings.main_bytes))),
            ..spec(map::RINGS, ArrayOfMaps, 4, 4, 2 * cpus)
        },
        spec(map::WANTED, Array, 4, 8, ABIS * SYSCALL_ROWS),
        MapSpec {
            flags: FLAG_NO_PREALLOC,
            ..spec(map::STATE, TaskStorage, 4, state, 0)
        },
        spec(map::GENERATION, Array, 4, size_of::<Generation>() as u32, 2),
        spec(map::LIMIT, Array, 4, 8, 2),
        spec(map::STATS, PercpuArray, 4, stats, 1),
        spec(map::SITES, Array, 4, 8, 3),
        spec(map::FRAMES, Array, 4, 0, cpus * tracer_ebpf::FRAMES_PER_CPU),
        spec(map::FRAMES_BUSY, PercpuArray, 4, 8, 1),
        spec(map::ZEROES, Array, 4, 64, 1),
        spec(map::CONTROL, Array, 4, control, 1),
    ]
}

/// A plan with one per-CPU hash by thread, whose programs are these.
fn plan(programs: Vec<(&str, Hook)>, cleared: bool) -> Plan {
    let rings = plan::Rings {
        main_bytes: 1 << 16,
        control_bytes: 1 << 12,
    };
    let hash = MapSpec {
        flags: FLAG_NO_PREALLOC,
        ..spec("AT_x", MapKind::PercpuHash, 8, 8, 1000)
    };
    let mut maps = vec![match cleared {
        false => hash,
        true => MapSpec {
            inner: Some(Box::new(hash)),
            ..spec("AT_x", MapKind::ArrayOfMaps, 4, 4, tracer_ebpf::GENERATIONS)
        },
    }];
    maps.extend(runtime_maps(rings));
    let program = |(name, hook): (&str, Hook)| Planned {
        name: name.to_owned(),
        hook,
        parts: Vec::new(),
    };
    Plan {
        programs: programs.into_iter().map(program).collect(),
        maps,
        session_maps: vec![SessionMap {
            map: MapId(0),
            spec: "AT_x".to_owned(),
            user: false,
            cleared,
            atomic: false,
            key_size: 8,
            value_size: 8,
        }],
        syscalls: Some(SyscallPlan {
            wants: vec![SyscallSet {
                calls: vec![(Abi::Native, GETPPID)],
                unknown: false,
            }],
            exit_bits: 1,
            ..SyscallPlan::default()
        }),
        rings,
        ..Plan::default()
    }
}

fn load(plan: &Plan, functions: Vec<Function>, frame_size: u32, exclusion: Exclusion) -> Loaded {
    let generated = Generated {
        functions,
        frame_size,
    };
    let image = link::link(plan, &generated, link::runtime()).expect("links");
    let options = Options {
        functions: &generated.functions,
        exclusion,
        pid: None,
        follow: false,
    };
    match Loaded::load(plan, &image, &options) {
        Ok(loaded) => loaded,
        Err(Error::Rejected { log, name, .. }) => panic!("{name}: {log}"),
        Err(error) => panic!("{error}"),
    }
}

/// The counts of all threads, summed over CPUs.
fn counts(table: &RawTable) -> Vec<u64> {
    let value = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("8 bytes"));
    table
        .entries()
        .map(|(_, values)| values.map(value).sum())
        .collect()
}
