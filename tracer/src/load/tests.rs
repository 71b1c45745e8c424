//! Programs written by hand, linked with the runtime, in this kernel. They need root (CAP_BPF and CAP_PERFMON): without it
//! they fail in CI, and elsewhere say by name what was not checked.

use super::*;
use crate::bpf::helpers::{GET_CURRENT_PID_TGID, MAP_LOOKUP_ELEM};
use crate::bpf::{Alu, Cond, Generated, Insn, Op, Reg, Reloc, Size, Src, Target};
use crate::ir::{MapId, SyscallSet};
use crate::kernel::privilege::{Capability, Held};
use crate::link;
use crate::plan::{self, MapKind, MapSpec, Program as Planned, SessionMap, SyscallPlan};
use crate::types::Abi;
use std::os::unix::process::parent_id;
use tracer_ebpf::{
    ABIS, CpuStats, EntryState, Generation, RecordHeader, SYSCALL_ROWS, SysFrame, loss, map,
};

/// getppid.
const GETPPID: u32 = 110;
const FLAG_NO_PREALLOC: u32 = 1;

/// Whether programs can be loaded here. In CI they must be.
fn privileged(test: &str) -> bool {
    let missing = Held::of_this_process().missing(&[Capability::Bpf, Capability::Perfmon]);
    if missing.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{test} needs {missing:?}, which CI must have"
    );
    eprintln!("not checked, needs {missing:?}: {test}");
    false
}

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
        }
    }
}

/// The frame of a syscall program lies here; it takes 72 bytes.
const FRAME: i32 = -72;
/// A key.
const KEY: i32 = -80;

/// `r0 = mask of this exit`, ends when nobody wants it; the context stays in r6.
fn sys_exit(code: &mut Code) -> &mut Code {
    assert_eq!(size_of::<SysFrame>() as i32, -FRAME);
    code.set(6, Src::Reg(Reg(1)));
    code.stack(2, FRAME).set(3, Src::Imm(0));
    code.call("rt_sys_exit").end_if_zero()
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

fn call_getppid(times: u32) {
    for _ in 0..times {
        std::hint::black_box(parent_id());
    }
}

#[test]
fn exits_are_counted_exactly_while_tracing_is_open() {
    if !privileged("exits_are_counted_exactly_while_tracing_is_open") {
        return;
    }
    let mut code = Code::default();
    sys_exit(&mut code);
    count_by_thread(&mut code, &|code| {
        code.map(1, "AT_x");
    });
    let function = code.finish("sys_exit", "raw_tp/sys_exit");
    let plan = plan(vec![("sys_exit", Hook::SysExit)], false);
    let mut loaded = load(&plan, vec![function], 0, Exclusion::default());
    loaded.attach_all().expect("attaches");
    call_getppid(5);
    loaded.open().expect("opens");
    call_getppid(1234);
    loaded.close().expect("closes");
    call_getppid(5);
    let table = loaded.read_map(MapId(0), 0).expect("reads");
    assert!(counts(&table).contains(&1234), "{:?}", counts(&table));
    assert!(
        loaded
            .stats()
            .expect("reads")
            .iter()
            .all(|cpu| cpu.lost == [0; 8])
    );
}

#[test]
fn an_excluded_process_is_not_traced() {
    if !privileged("an_excluded_process_is_not_traced") {
        return;
    }
    let mut code = Code::default();
    sys_exit(&mut code);
    count_by_thread(&mut code, &|code| {
        code.map(1, "AT_x");
    });
    let function = code.finish("sys_exit", "raw_tp/sys_exit");
    let plan = plan(vec![("sys_exit", Hook::SysExit)], false);
    let exclusion = Exclusion {
        itself: true,
        ..Exclusion::default()
    };
    let mut loaded = load(&plan, vec![function], 0, exclusion);
    assert_eq!(loaded.excluded().len(), 1);
    loaded.attach_all().expect("attaches");
    loaded.open().expect("opens");
    call_getppid(4321);
    loaded.close().expect("closes");
    let table = loaded.read_map(MapId(0), 0).expect("reads");
    assert!(!counts(&table).contains(&4321), "{:?}", counts(&table));
}

#[test]
fn a_cleared_map_keeps_every_event_in_one_generation() {
    if !privileged("a_cleared_map_keeps_every_event_in_one_generation") {
        return;
    }
    let mut count = Code::default();
    sys_exit(&mut count);
    count_by_thread(&mut count, &|code| {
        code.map(1, "AT_x").set(2, Src::Imm(0));
        code.call("rt_inner").end_if_zero();
        code.set(1, Src::Reg(Reg::R0));
    });
    let mut clear = Code::default();
    clear.set(1, Src::Imm(0)).call("rt_clear");
    let plan = plan(
        vec![
            ("sys_exit", Hook::SysExit),
            ("clear", Hook::Interval { period_ns: 1 }),
        ],
        true,
    );
    let functions = vec![
        count.finish("sys_exit", "raw_tp/sys_exit"),
        clear.finish("clear", "raw_tp/interval"),
    ];
    let mut loaded = load(&plan, functions, 0, Exclusion::default());
    loaded.attach_all().expect("attaches");
    loaded.open().expect("opens");
    for generation in 0..9 {
        let slot = generation as u32 % tracer_ebpf::GENERATIONS;
        assert_eq!(loaded.generation(MapId(0)).expect("reads"), generation);
        call_getppid(100 + generation as u32);
        loaded.test_run(1).expect("runs");
        loaded.settle().expect("waits");
        let table = loaded.read_map(MapId(0), slot).expect("reads");
        assert!(counts(&table).contains(&(100 + generation)));
        let limit = generation + u64::from(tracer_ebpf::GENERATIONS);
        loaded.recycle(MapId(0), slot, limit).expect("recycles");
        assert!(loaded.read_map(MapId(0), slot).expect("reads").is_empty());
    }
    for _ in 0..5 {
        loaded.test_run(1).expect("runs");
    }
    let lost: u64 = loaded
        .stats()
        .expect("reads")
        .iter()
        .map(|cpu| cpu.lost[loss::NO_SPARE as usize])
        .sum();
    assert_eq!(lost, 2, "three spare maps were ready for five switches");
}

/// Builds a record in a scratch frame and sends it, `control` as told.
fn emitter(name: &str, control: i32) -> Function {
    const SLOT: i32 = -8;
    let size = size_of::<RecordHeader>() as i32 + 8;
    let mut code = Code::default();
    code.stack(1, SLOT).call("rt_frame_get").end_if_zero();
    code.set(6, Src::Reg(Reg::R0));
    code.op(Op::Store(Size::W, R6, 24, Src::Imm(7))) // emit
        .op(Op::Store(Size::W, R6, 28, Src::Imm(-1))) // probe
        .op(Op::Store(Size::DW, R6, 32, Src::Imm(0))) // syscall
        .op(Op::Store(Size::DW, R6, 48, Src::Imm(0x1234)));
    code.set(1, Src::Reg(R6))
        .set(2, Src::Imm(size))
        .set(3, Src::Imm(control));
    code.call("rt_emit");
    code.op(Op::Load(Size::DW, Reg(1), Reg::FP, SLOT as i16))
        .call("rt_frame_put");
    code.finish(name, "raw_tp/run")
}

#[test]
fn attempts_are_records_received_plus_records_lost() {
    if !privileged("attempts_are_records_received_plus_records_lost") {
        return;
    }
    let plan = plan(vec![("main", Hook::Begin), ("control", Hook::End)], false);
    let functions = vec![emitter("main", 0), emitter("control", 1)];
    let mut loaded = load(&plan, functions, 64, Exclusion::default());
    let mut rings = loaded.take_rings();
    for _ in 0..3000 {
        loaded.test_run(0).expect("runs");
        loaded.test_run(1).expect("runs");
    }
    let (mut main, mut control) = (0, 0);
    for pair in &mut rings {
        while let Some(record) = pair.main.next() {
            assert_eq!(record.len(), 56);
            assert_eq!(record[24..28], 7_u32.to_ne_bytes());
            assert_eq!(record[44..48], 8_u32.to_ne_bytes(), "payload length");
            assert_eq!(record[48..], 0x1234_u64.to_ne_bytes());
            main += 1;
        }
        while pair.control.next().is_some() {
            control += 1;
        }
    }
    let stats = loaded.stats().expect("reads");
    let sum = |of: &dyn Fn(&CpuStats) -> u64| stats.iter().map(of).sum::<u64>();
    assert_eq!(sum(&|cpu| cpu.attempts_main), 3000);
    assert_eq!(sum(&|cpu| cpu.attempts_control), 3000);
    assert_eq!(main + sum(&|cpu| cpu.lost[loss::RING_FULL as usize]), 3000);
    assert_eq!(
        control + sum(&|cpu| cpu.lost[loss::CONTROL_FULL as usize]),
        3000
    );
    assert!(
        main > 1000 && main < 3000 && control < 100,
        "{main} {control}"
    );
}

#[test]
fn a_rejection_keeps_the_log_and_names_the_script() {
    if !privileged("a_rejection_keeps_the_log_and_names_the_script") {
        return;
    }
    let mut code = Code::default();
    code.set(0, Src::Reg(Reg(5)));
    let function = code.finish("bad", "raw_tp/run");
    let plan = plan(vec![("bad", Hook::Begin)], false);
    let generated = Generated {
        functions: vec![function],
        frame_size: 0,
    };
    let image = link::link(&plan, &generated, link::runtime()).expect("links");
    let options = Options {
        functions: &generated.functions,
        ..Options::default()
    };
    match Loaded::load(&plan, &image, &options).err() {
        Some(Error::Rejected {
            name, log, script, ..
        }) => {
            assert_eq!((name.as_str(), script), ("bad", Some(7)));
            assert!(log.contains("R5 !read_ok"), "{log}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hook_that_is_not_there_is_named() {
    if !privileged("a_hook_that_is_not_there_is_named") {
        return;
    }
    let function = Code::default().finish("nowhere", "raw_tp/nowhere");
    let hook = Hook::RawTracepoint("no_such_event".to_owned());
    let plan = plan(vec![("nowhere", hook)], false);
    let mut loaded = load(&plan, vec![function], 0, Exclusion::default());
    let message = loaded.attach_all().expect_err("there is none").to_string();
    assert_eq!(
        message,
        "attach rawtracepoint:no_such_event: No such file or directory (os error 2)"
    );
}
