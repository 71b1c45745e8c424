//! Whole runs: counting, exclusion, generations, records and losses, refusals.

use super::*;
use crate::facts::Facts;
use crate::kernel::Live;
use std::os::unix::process::parent_id;
use tracer_ebpf::{RecordHeader, loss, want};

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
    // A thread that is moved fills the rings of several CPUs, none of them beyond its size.
    let fit = |bytes: u32| u64::from(bytes) / 64 * rings.len() as u64;
    assert!(main > 0 && main <= fit(plan.rings.main_bytes), "{main}");
    assert!(
        control > 0 && control <= fit(plan.rings.control_bytes),
        "{control}"
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

#[test]
fn an_exit_finds_the_state_that_its_entry_saved() {
    if !privileged("an_exit_finds_the_state_that_its_entry_saved") {
        return;
    }
    let mut enter = Code::default();
    enter.set(6, Src::Reg(Reg(1)));
    task(&mut enter);
    enter.set(1, Src::Reg(Reg(6))).stack(2, FRAME);
    enter.set(3, Src::Imm(0)).set(4, Src::Reg(Reg(8)));
    enter.call("rt_sys_enter").end_if_zero();
    enter.set(8, Src::Reg(Reg::R0));
    enter.stack(1, FRAME).set(2, Src::Imm(want::TIME as i32));
    enter.call("rt_state_new").end_if_zero();
    enter.op(Op::Store(Size::DW, Reg::R0, 0, Src::Reg(Reg(8))));
    let mut exit = Code::default();
    sys_exit(&mut exit);
    exit.stack(1, FRAME).call("rt_state_get").end_if_zero();
    // Nothing is counted without the entry's time.
    exit.set(8, Src::Reg(Reg::R0))
        .op(Op::Load(Size::DW, Reg::R0, Reg(8), 16))
        .end_if_zero();
    exit.op(Op::Store(Size::DW, Reg(8), 0, Src::Imm(0)));
    count_by_thread(&mut exit, &|code| {
        code.map(1, "AT_x");
    });
    let plan = plan(
        vec![("sys_enter", Hook::SysEnter), ("sys_exit", Hook::SysExit)],
        false,
    );
    let functions = vec![
        enter.finish("sys_enter", "raw_tp/sys_enter"),
        exit.finish("sys_exit", "raw_tp/sys_exit"),
    ];
    let mut loaded = load(&plan, functions, 0, Exclusion::default());
    loaded.attach_all().expect("attaches");
    loaded.open().expect("opens");
    call_getppid(777);
    loaded.close().expect("closes");
    let table = loaded.read_map(MapId(0), 0).expect("reads");
    assert!(counts(&table).contains(&777), "{:?}", counts(&table));
}

/// What `/proc/PID/ns/pid` shows in the first pid namespace (`PROC_PID_INIT_INO` in linux/proc_ns.h).
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

#[test]
fn the_tracer_and_its_parent_are_known_by_the_kernels_own_ids() {
    if !privileged("the_tracer_and_its_parent_are_known_by_the_kernels_own_ids") {
        return;
    }
    let exclusion = Exclusion {
        itself: true,
        ancestors: 1,
        offsets: Live::new().task(),
    };
    let mut code = Code::default();
    sys_exit(&mut code);
    let plan = plan(vec![("sys_exit", Hook::SysExit)], false);
    let function = code.finish("sys_exit", "raw_tp/sys_exit");
    let loaded = load(&plan, vec![function], 0, exclusion);
    let namespace = std::fs::read_link("/proc/self/ns/pid").expect("procfs");
    if namespace.as_os_str() == FIRST_NAMESPACE {
        assert_eq!(loaded.excluded(), [std::process::id(), parent_id()]);
    } else {
        assert_eq!(loaded.excluded().len(), 2);
    }
}
