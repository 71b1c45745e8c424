//! Plans of small hand-built programs: where clauses run, what is captured, what is hoisted, what is refused.

use super::*;
use crate::diag::codes;
use crate::facts::{Feature, Fixed};
use crate::interp::{Machine, Recorded};
use crate::ir::arbitrary;
use crate::ir::build::*;
use crate::ir::{
    Binary, Builtin, Compare, EmitArg, ExprKind, MapValue, Phase, Probe, SiteId, StmtKind,
};
use crate::types::{Abi, AggKind, HistShape};
use proptest::collection::vec;
use proptest::prelude::*;

const OPENAT: (Abi, u32) = (Abi::Native, 257);
const CLOSE: (Abi, u32) = (Abi::Native, 3);
/// What stands before captures in the state.
const FRONT: u32 = size_of::<tracer_ebpf::EntryState>() as u32;
const EXECVE: (Abi, u32) = (Abi::Native, 59);
const EVERY_EXEC: [(Abi, u32); 4] = [
    (Abi::Native, 59),
    (Abi::Native, 322),
    (Abi::I386, 11),
    (Abi::I386, 358),
];

const EVERY_SIGRETURN: [(Abi, u32); 3] = [(Abi::Native, 15), (Abi::I386, 119), (Abi::I386, 173)];

fn facts() -> Fixed {
    Fixed {
        possible_cpus: 4,
        ..Fixed::default()
    }
}

fn planned(program: ir::Program) -> Plan {
    plan(program, &facts(), &Options::default()).expect("the program fits")
}

fn refused(program: ir::Program) -> Vec<codes::Code> {
    let refused = plan(program, &facts(), &Options::default()).expect_err("too large");
    refused.iter().map(|d| d.code).collect()
}

fn program<'a>(plan: &'a Plan, name: &str) -> Option<&'a Program> {
    plan.programs.iter().find(|p| p.name == name)
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.programs.iter().map(|p| p.name.as_str()).collect()
}

/// One whole clause that counts by comm.
fn whole(of: &[(Abi, u32)], predicate: Option<Expr>, body: Vec<Stmt>) -> Plan {
    planned(script(
        vec![clause(syscall(of, Phase::Whole), predicate, body)],
        vec![counter()],
    ))
}

fn count_by_comm() -> Stmt {
    count(0, vec![builtin(Builtin::Comm)])
}

#[test]
fn scalars_and_result_are_answered_at_exit_alone() {
    let failed = compare(Compare::Lt, builtin(Builtin::Retval), int(0));
    let wanted_fd = compare(Compare::Eq, builtin(Builtin::Arg(0)), int(3));
    let plan = whole(
        &[OPENAT, CLOSE],
        Some(and(failed, wanted_fd)),
        vec![count_by_comm()],
    );
    assert_eq!(names(&plan), ["sys_exit"]);
    let syscalls = plan.syscalls.expect("a syscall clause");
    assert_eq!((syscalls.enter_bits, syscalls.exit_bits), (0, 1));
    assert!(!syscalls.needs_state && !syscalls.needs_time);
}

#[test]
fn duration_needs_the_entry_and_its_time() {
    let plan = whole(
        &[OPENAT],
        None,
        vec![count(0, vec![builtin(Builtin::Duration)])],
    );
    assert_eq!(names(&plan), ["sys_enter", "sys_exit"]);
    let syscalls = plan.syscalls.expect("a syscall clause");
    assert!(syscalls.needs_state && syscalls.needs_time);
    assert!(syscalls.captures.is_empty());
    assert_eq!(syscalls.state_size, FRONT);
}

#[test]
fn a_user_string_is_captured_once_whatever_its_places() {
    let path = |site| user_str(builtin(Builtin::Arg(1)), 64, site);
    let is_etc = compare(
        Compare::Eq,
        path(0),
        expr(Type::Str { cap: 64 }, ExprKind::Str(b"/etc".to_vec())),
    );
    let plan = whole(&[OPENAT], Some(is_etc), vec![count(0, vec![path(1)])]);
    let syscalls = plan.syscalls.as_ref().expect("a syscall clause");
    assert_eq!(syscalls.captures.len(), 1);
    assert!(syscalls.captures[0].expr.same_value(&path(7)));
    assert_eq!(syscalls.captures[0].offset, FRONT);
    assert_eq!(syscalls.state_size, FRONT + 16 + 64);
    let exit = program(&plan, "sys_exit").expect("runs at exit");
    assert!(matches!(
        &exit.parts[0].role,
        Role::Run { captures, .. } if captures == &[CaptureId(0)]
    ));
}

#[test]
fn a_chain_of_user_loads_is_captured_whole() {
    let chain = user_load(user_load(builtin(Builtin::Arg(0)), 8), 16);
    let plan = whole(&[CLOSE], None, vec![count(0, vec![chain.clone()])]);
    let syscalls = plan.syscalls.expect("a syscall clause");
    assert_eq!(syscalls.captures.len(), 1);
    assert!(syscalls.captures[0].expr.same_value(&chain));
}

#[test]
fn what_a_call_writes_is_read_at_exit() {
    const READ: (Abi, u32) = (Abi::Native, 0);
    const WRITE: (Abi, u32) = (Abi::Native, 1);
    let buffer = || vec![count(0, vec![user_str(builtin(Builtin::Arg(1)), 64, 0)])];
    let plan = whole(&[READ], None, buffer());
    assert_eq!(names(&plan), ["sys_exit"]);
    let plan = whole(&[WRITE], None, buffer());
    assert_eq!(names(&plan), ["sys_enter", "sys_exit"]);
}

#[test]
fn captures_of_different_calls_share_their_bytes() {
    let at = |nr: (Abi, u32), arg| {
        let path = user_str(builtin(Builtin::Arg(arg)), 64, 0);
        clause(
            syscall(&[nr], Phase::Whole),
            None,
            vec![count(0, vec![path])],
        )
    };
    let plan = planned(script(vec![at(OPENAT, 1), at(CLOSE, 0)], vec![counter()]));
    let syscalls = plan.syscalls.expect("two syscall clauses");
    let offsets: Vec<u32> = syscalls.captures.iter().map(|c| c.offset).collect();
    assert_eq!(offsets, [FRONT, FRONT]);
    let plan = planned(script(vec![at(OPENAT, 1), at(OPENAT, 0)], vec![counter()]));
    let syscalls = plan.syscalls.expect("two syscall clauses");
    let offsets: Vec<u32> = syscalls.captures.iter().map(|c| c.offset).collect();
    assert_eq!(offsets, [FRONT, FRONT + 16 + 64]);
}

#[test]
fn arguments_of_an_execve_are_captured_and_those_of_others_are_not() {
    let by_arg = vec![count(0, vec![builtin(Builtin::Arg(1))])];
    let plan = whole(&[OPENAT, EXECVE], None, by_arg);
    let syscalls = plan.syscalls.as_ref().expect("a syscall clause");
    // The execve apart from the others, then its identity among the execves.
    assert_eq!(syscalls.wants[0], calls(&[OPENAT]));
    assert_eq!(syscalls.wants[1], calls(&[EXECVE]));
    assert_eq!(syscalls.wants[2], calls(&EVERY_EXEC));
    assert_eq!((syscalls.enter_bits, syscalls.exit_bits), (0b110, 0b011));
    assert_eq!(syscalls.captures.len(), 1);
    let exit = program(&plan, "sys_exit").expect("runs at exit");
    let bits: Vec<_> = exit.parts.iter().map(|p| p.mask_bit).collect();
    assert_eq!(bits, [Some(0), Some(1)]);
}

#[test]
fn one_execve_is_told_from_another_unless_it_must_have_failed() {
    let plan = whole(&[EXECVE], None, vec![count_by_comm()]);
    assert_eq!(names(&plan), ["sys_enter", "sys_exit"]);
    let failed = compare(Compare::Lt, builtin(Builtin::Retval), int(0));
    let plan = whole(&[EXECVE], Some(failed), vec![count_by_comm()]);
    assert_eq!(names(&plan), ["sys_exit"]);
    let plan = whole(&EVERY_EXEC, None, vec![count_by_comm()]);
    assert_eq!(names(&plan), ["sys_exit"], "any execve is meant");
    let by_name = vec![count(0, vec![builtin(Builtin::SyscallName)])];
    let plan = whole(&EVERY_EXEC, None, by_name);
    assert_eq!(names(&plan), ["sys_enter", "sys_exit"], "its name is shown");
}

#[test]
fn of_a_return_from_a_handler_the_argument_alone_is_kept() {
    let numberless = |body| {
        let mut set = calls(&EVERY_SIGRETURN);
        set.unknown = true;
        let phase = Phase::Whole;
        let probe = Probe::Syscall { calls: set, phase };
        planned(script(vec![clause(probe, None, body)], vec![counter()]))
    };
    let plan = numberless(vec![count(0, vec![builtin(Builtin::SyscallName)])]);
    assert_eq!(names(&plan), ["sys_exit"], "the runtime tells them apart");
    let frame = vec![count(0, vec![builtin(Builtin::Arg(0))])];
    let plan = whole(&[CLOSE, EVERY_SIGRETURN[0]], None, frame);
    let syscalls = plan.syscalls.expect("a syscall clause");
    // By the exit the register belongs to what was interrupted.
    assert_eq!(syscalls.captures.len(), 1);
    assert_eq!(syscalls.wants[0], calls(&[CLOSE]));
    assert_eq!(syscalls.wants[1], calls(&EVERY_SIGRETURN[..1]));
}

#[test]
fn final_conjuncts_are_checked_at_entry_too() {
    let mine = compare(Compare::Eq, builtin(Builtin::Pid), int(7));
    let fd = compare(Compare::Eq, builtin(Builtin::Arg(0)), int(3));
    let named = compare(Compare::Eq, builtin(Builtin::Uid), int(0));
    let predicate = and(and(named, mine.clone()), fd.clone());
    let body = vec![count(0, vec![builtin(Builtin::Duration)])];
    let plan = whole(&[CLOSE], Some(predicate), body);
    let enter = program(&plan, "sys_enter").expect("keeps the time");
    let Role::Capture { predicate, .. } = &enter.parts[0].role else {
        panic!("the entry only captures");
    };
    assert_eq!(predicate, &[fd, mine], "uid can change during a call");
    let exit = program(&plan, "sys_exit").expect("runs at exit");
    assert!(matches!(&exit.parts[0].role, Role::Run { predicate, .. } if predicate.len() == 3));
}

#[test]
fn what_stands_behind_a_step_of_a_map_is_not_asked_before_it() {
    let mine = || compare(Compare::Eq, builtin(Builtin::Pid), int(7));
    let step = ExprKind::StepMap {
        map: MapId(0),
        key: Vec::new(),
        delta: 1,
        postfix: true,
    };
    let step = || compare(Compare::Gt, expr(Type::I64, step.clone()), int(3));
    let gate = |predicate| {
        let body = vec![count(0, vec![builtin(Builtin::Uid)])];
        whole(&[CLOSE], Some(predicate), body)
            .syscalls
            .map(|s| s.gate)
    };
    assert_eq!(gate(and(mine(), step())), Some(vec![mine()]));
    assert_eq!(gate(and(step(), mine())), Some(Vec::new()));
}

#[test]
fn an_execve_clause_hoists_only_what_survives_it() {
    let mine = compare(Compare::Eq, builtin(Builtin::Pid), int(7));
    let thread = compare(Compare::Eq, builtin(Builtin::Tid), int(7));
    let body = vec![count(0, vec![builtin(Builtin::Duration)])];
    let plan = whole(&[EXECVE], Some(and(mine.clone(), thread)), body);
    let enter = program(&plan, "sys_enter").expect("keeps the time");
    assert!(
        matches!(&enter.parts[0].role, Role::Capture { predicate, .. } if predicate == &[mine])
    );
}

#[test]
fn conjuncts_are_sorted_by_cost_around_those_that_can_fail() {
    let comm = compare(Compare::Ne, builtin(Builtin::Comm), builtin(Builtin::Comm));
    let ret = compare(Compare::Lt, builtin(Builtin::Retval), int(0));
    let pid = compare(Compare::Eq, builtin(Builtin::Pid), int(1));
    let division = ExprKind::Binary {
        op: Binary::Div,
        left: Box::new(int(1)),
        right: Box::new(builtin(Builtin::Retval)),
        site: Some(SiteId(0)),
    };
    let fails = compare(Compare::Eq, expr(Type::I64, division), int(1));
    let predicate = and(
        and(comm.clone(), ret.clone()),
        and(fails.clone(), and(comm.clone(), pid.clone())),
    );
    let got = predicates::conjuncts(Some(&predicate));
    assert_eq!(got, [ret, comm.clone(), fails, pid, comm]);
}

#[test]
fn sixty_four_syscall_clauses_fit_and_no_more() {
    let many = |n: usize| {
        let one = clause(syscall(&[CLOSE], Phase::Entry), None, vec![count_by_comm()]);
        script(vec![one; n], vec![counter()])
    };
    let plan = planned(many(64));
    let syscalls = plan.syscalls.expect("64 syscall clauses");
    assert_eq!(syscalls.enter_bits, u64::MAX);
    assert_eq!(refused(many(65)), [codes::TOO_MANY_SYSCALL_CLAUSES]);
}

#[test]
fn clauses_on_one_hook_are_parts_of_one_program_in_source_order() {
    let on = |probe| clause(probe, None, vec![count_by_comm()]);
    let plan = planned(script(
        vec![
            on(Probe::End),
            on(tracepoint("sched_switch")),
            on(Probe::Begin),
            on(tracepoint("sched_wakeup")),
            on(tracepoint("sched_switch")),
            on(Probe::Interval { period_ns: 5 }),
            on(Probe::Begin),
            on(Probe::Interval { period_ns: 6 }),
        ],
        vec![counter()],
    ));
    let got: Vec<(&str, Vec<u32>)> = plan
        .programs
        .iter()
        .map(|p| {
            let clauses = p.parts.iter().map(|p| p.clause.0).collect();
            (p.name.as_str(), clauses)
        })
        .collect();
    assert_eq!(
        got,
        [
            ("begin_0", vec![2, 6]),
            ("tp_0", vec![1, 4]),
            ("tp_1", vec![3]),
            ("interval_0", vec![5]),
            ("interval_1", vec![7]),
            ("end_0", vec![0]),
        ]
    );
    assert_eq!(plan.ir.probe_names[0], "END");
}

#[test]
fn updates_are_plain_only_where_writers_cannot_nest() {
    let is_atomic = |probes: Vec<Probe>| {
        let on = |probe| clause(probe, None, vec![count_by_comm()]);
        let clauses = probes.into_iter().map(on).collect();
        planned(script(clauses, vec![counter()])).session_maps[0].atomic
    };
    let at_exit = || syscall(&[CLOSE], Phase::Whole);
    let at_entry = syscall(&[CLOSE], Phase::Entry);
    assert!(!is_atomic(vec![at_exit()]));
    assert!(!is_atomic(vec![at_exit(), at_exit()]));
    assert!(is_atomic(vec![at_exit(), at_entry]));
    assert!(is_atomic(vec![at_exit(), Probe::Begin]));
    assert!(is_atomic(vec![tracepoint("sched_switch")]));
}

#[test]
fn a_cleared_map_lives_in_an_array_of_maps() {
    let body = vec![stmt(StmtKind::Clear(MapId(0)))];
    let on = clause(Probe::Interval { period_ns: 1 }, None, body);
    let plan = planned(script(vec![on], vec![counter(), counter()]));
    assert!(plan.session_maps[0].cleared && !plan.session_maps[1].cleared);
    let kinds: Vec<MapKind> = plan.maps[..2].iter().map(|m| m.kind).collect();
    assert_eq!(kinds, [MapKind::ArrayOfMaps, MapKind::PercpuHash]);
    assert_eq!(plan.maps[0].max_entries, tracer_ebpf::GENERATIONS);
    let inner = plan.maps[0].inner.as_ref().expect("an inner map");
    assert_eq!((inner.kind, inner.key_size), (MapKind::PercpuHash, 16));
}

#[test]
fn maps_without_preallocation_only_where_that_is_safe() {
    let on = clause(Probe::Begin, None, vec![count_by_comm()]);
    let program = script(vec![on], vec![counter()]);
    let mut facts = facts();
    let flags = |facts: &Fixed| {
        let plan = plan(program.clone(), facts, &Options::default()).expect("fits");
        plan.maps[0].flags
    };
    assert_eq!(flags(&facts), 1);
    facts.lacks = vec![(Feature::NoPreallocSafe, "older".to_owned())];
    assert_eq!(flags(&facts), 0);
}

#[test]
fn record_fields_follow_the_absent_word_and_strings_come_last() {
    let arg = |value: Expr, present: Option<Expr>| EmitArg { value, present };
    let types = vec![Type::COMM, Type::I64, Type::Str { cap: 64 }];
    let args = vec![
        arg(builtin(Builtin::Comm), None),
        arg(
            builtin(Builtin::Duration),
            Some(expr(Type::Bool, ExprKind::Builtin(Builtin::EntrySeen))),
        ),
        arg(user_str(builtin(Builtin::Arg(0)), 64, 0), None),
    ];
    let send = stmt(StmtKind::Emit {
        id: EmitId(0),
        args,
    });
    let mut program = script(
        vec![clause(syscall(&[CLOSE], Phase::Whole), None, vec![send])],
        vec![],
    );
    program.emits = vec![printf(types)];
    let plan = planned(program);
    let record = &plan.records[0];
    assert!(record.has_absent && !record.control);
    let offsets: Vec<u32> = record.args.iter().map(|(_, at)| *at).collect();
    assert_eq!(offsets, [8, 16, 24]);
    assert_eq!((record.fixed_size, record.max_size), (32, 32 + 16 + 64));
    assert!(plan.streams);
}

#[test]
fn what_does_not_fit_is_refused_by_its_code() {
    let on = |body| clause(tracepoint("x"), None, body);
    let long_key = map(vec![Type::Str { cap: 9000 }], MapValue::Agg(AggKind::Count));
    assert_eq!(
        refused(script(vec![on(vec![])], vec![long_key])),
        [codes::KEY_TOO_LARGE]
    );
    let wide = HistShape::Linear {
        min: 0,
        max: 5000,
        step: 1,
    };
    let wide = map(vec![], MapValue::Agg(AggKind::Hist(wide)));
    assert_eq!(
        refused(script(vec![on(vec![])], vec![wide])),
        [codes::VALUE_TOO_LARGE]
    );
    let mut program = script(vec![on(vec![])], vec![]);
    program.emits = vec![printf(vec![Type::Str { cap: 20_000 }])];
    assert_eq!(refused(program.clone()), [codes::RECORD_TOO_LARGE]);
    program.emits = vec![printf(vec![Type::U64; 65])];
    assert_eq!(refused(program), [codes::TOO_MANY_ARGUMENTS]);
    let path = user_str(builtin(Builtin::Arg(0)), 20_000, 0);
    let read = clause(
        syscall(&[CLOSE], Phase::Whole),
        Some(compare(Compare::Ne, path.clone(), path)),
        vec![],
    );
    assert_eq!(
        refused(script(vec![read], vec![])),
        [codes::STATE_TOO_LARGE]
    );
}

#[test]
fn rings_stay_within_their_bound_on_any_machine() {
    let send = stmt(StmtKind::Emit {
        id: EmitId(0),
        args: vec![],
    });
    let mut program = script(vec![clause(tracepoint("x"), None, vec![send])], vec![]);
    program.emits = vec![printf(vec![])];
    for cpus in [1, 2, 64, 1000, 4096] {
        let facts = Fixed {
            possible_cpus: cpus,
            ..Fixed::default()
        };
        let rings = plan(program.clone(), &facts, &Options::default())
            .expect("fits")
            .rings;
        assert!(rings.main_bytes * cpus <= limits::MAIN_RINGS_BYTES);
        assert!(rings.control_bytes * cpus <= limits::CONTROL_RINGS_BYTES);
        assert!(rings.main_bytes.is_power_of_two() && rings.main_bytes >= 4096);
    }
    program.clauses[0].probes = vec![Probe::Begin];
    let plan = planned(program);
    assert_eq!(plan.rings.main_bytes, 64 << 10, "nothing is sent by event");
    assert!(!plan.streams);
}

#[test]
fn the_same_program_and_facts_give_the_same_plan() {
    let program = script(
        vec![clause(
            syscall(&[OPENAT, EXECVE], Phase::Whole),
            None,
            vec![count(0, vec![builtin(Builtin::Arg(1))])],
        )],
        vec![counter()],
    );
    assert_eq!(planned(program.clone()), planned(program));
}

/// An event with a buffer and a fault where [`arbitrary`] programs expect them.
pub(super) fn event(words: &[u64]) -> Recorded {
    let mut bytes = b"ab\0abc\0\xff\x80a longer text, cut in most places\0".to_vec();
    bytes.resize(
        (arbitrary::BUFFER_BYTES + i64::from(arbitrary::STR_BYTES)) as usize,
        0,
    );
    let mut event = Recorded {
        comm: b"abc".to_vec(),
        ..Recorded::default()
    };
    for (n, word) in words.iter().enumerate() {
        event = event.with(Builtin::Arg(n as u8), *word);
    }
    event
        .with(Builtin::Arg(arbitrary::BUFFER_ARG), 0x10_0000)
        .with(Builtin::Arg(arbitrary::FAULT_ARG), 8)
        .with_memory(crate::types::Space::User, 0x10_0000, &bytes)
}

proptest! {
    // A failing case is small and printed; it is kept as a test of its own, not as a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Taking a predicate apart and sorting it changes neither whether it holds nor what it counts and steps.
    #[test]
    fn conjuncts_mean_what_their_predicate_means(
        tapes in vec(vec(any::<u32>(), 0..40), 1..4),
        words in vec(any::<u64>().prop_map(arbitrary::word), 4),
    ) {
        let mut whole = arbitrary::program(&[], "x");
        for tape in &tapes {
            let predicate = arbitrary::predicate(tape, &mut whole);
            whole.clauses[0].predicate = Some(match whole.clauses[0].predicate.take() {
                None => predicate,
                Some(before) => and(before, predicate),
            });
        }
        let mut apart = whole.clone();
        let predicate = apart.clauses[0].predicate.take();
        apart.clauses[0].body = vec![stmt(StmtKind::Clear(MapId(0)))];
        whole.clauses[0].body = apart.clauses[0].body.clone();
        for conjunct in predicates::conjuncts(predicate.as_ref()).into_iter().rev() {
            apart.clauses[0].body = vec![when(conjunct, apart.clauses[0].body.clone(), vec![])];
        }
        let event = event(&words);
        let (mut one, mut other) = (Machine::new(&whole), Machine::new(&apart));
        let ran = one.fire(ClauseId(0), &event).ran;
        let effects = other.fire(ClauseId(0), &event).effects;
        prop_assert_eq!(ran, !effects.is_empty());
        for at in 0..whole.maps.len() {
            let map = MapId(at as u32);
            prop_assert_eq!(one.map(map), other.map(map));
        }
        for at in 0..whole.sites.len() {
            let site = SiteId(at as u32);
            prop_assert_eq!(one.errors_at(site), other.errors_at(site));
        }
    }

    /// Every well-typed program that fits can be planned, and explained.
    #[test]
    fn arbitrary_programs_have_a_plan(tape in vec(any::<u32>(), 0..200)) {
        let plan = planned(arbitrary::program(&tape, "sched_switch"));
        prop_assert_eq!(names(&plan), ["rawtp_0"]);
        prop_assert!(explain::text(&plan).contains("raw tracepoint sched_switch"));
    }
}

/// What fires for every call fires for exit at its entry.
fn every_call(body: Vec<Stmt>, predicate: Option<Expr>) -> Plan {
    let clause = ir::Clause {
        probes: vec![
            syscall(&[OPENAT, CLOSE], Phase::Whole),
            syscall(
                &[(Abi::Native, 60), (Abi::Native, 231), (Abi::I386, 252)],
                Phase::Entry,
            ),
        ],
        ..clause(syscall(&[OPENAT], Phase::Whole), predicate, body)
    };
    planned(script(vec![clause], vec![counter()]))
}

#[test]
fn calls_that_never_return_are_seen_when_the_task_ends() {
    let plan = every_call(vec![count_by_comm()], None);
    assert_eq!(names(&plan), ["sys_leave", "sys_exit"]);
    assert_eq!(
        program(&plan, "sys_leave").map(|p| &p.hook),
        Some(&Hook::SysLeave)
    );
}

#[test]
fn what_the_end_of_a_task_could_change_is_taken_at_entry() {
    let time = compare(Compare::Gt, builtin(Builtin::Nsecs), int(0));
    assert_eq!(
        names(&every_call(vec![count_by_comm()], Some(time))),
        ["sys_enter", "sys_exit"]
    );
    let cpu = vec![count(0, vec![builtin(Builtin::Cpu)])];
    assert_eq!(names(&every_call(cpu, None)), ["sys_enter", "sys_exit"]);
    let opens = clause(
        syscall(&[OPENAT], Phase::Entry),
        None,
        vec![count_by_comm()],
    );
    let plan = planned(script(vec![opens], vec![counter()]));
    assert_eq!(names(&plan), ["sys_enter"]);
}

/// The path of execves, on kernels that show them before their memory is gone in this way.
fn paths_of_execs(facts: &Fixed) -> Plan {
    let shown = count(0, vec![user_str(builtin(Builtin::Arg(0)), 64, 0)]);
    let clause = clause(syscall(&EVERY_EXEC, Phase::Whole), None, vec![shown]);
    let key = vec![Type::Str { cap: 64 }];
    let script = script(vec![clause], vec![map(key, MapValue::Agg(AggKind::Count))]);
    plan(script, facts, &Options::default()).expect("the program fits")
}

#[test]
fn what_an_execve_could_not_read_is_read_again_before_its_memory_is_gone() {
    let prepares = Fixed {
        raw_tracepoints: vec!["sched_prepare_exec".to_owned()],
        ..facts()
    };
    let asks = Fixed {
        functions: vec!["security_bprm_creds_for_exec".to_owned()],
        ..facts()
    };
    let again = ["sys_enter", "sys_exec", "sys_exit"];
    assert_eq!(names(&paths_of_execs(&prepares)), again);
    let again = ["sys_enter", "sys_exit", "kprobe_0"];
    assert_eq!(names(&paths_of_execs(&asks)), again);
    let never = ["sys_enter", "sys_exit"];
    assert_eq!(names(&paths_of_execs(&facts())), never);
}

/// A query that shows names, on everything but what never returns.
fn names_of_execs(facts: &Fixed) -> Plan {
    let calls = [OPENAT, EVERY_EXEC[0], EVERY_EXEC[1]];
    let named = count(0, vec![builtin(Builtin::SyscallName)]);
    let clause = clause(syscall(&calls, Phase::Whole), None, vec![named]);
    let key = vec![builtin(Builtin::SyscallName).ty];
    let script = script(vec![clause], vec![map(key, MapValue::Agg(AggKind::Count))]);
    plan(script, facts, &Options::default()).expect("the program fits")
}

#[test]
fn which_execve_it_is_is_known_without_the_entry_of_other_calls() {
    let prepares = Fixed {
        raw_tracepoints: vec!["sched_prepare_exec".to_owned()],
        ..facts()
    };
    let plan = names_of_execs(&prepares);
    assert_eq!(names(&plan), ["sys_exec", "sys_exit"]);
    let syscalls = plan.syscalls.as_ref().expect("it has calls");
    // The state is looked for at the exit of execves alone.
    assert!(syscalls.needs_state && !syscalls.exit_reads_state());
    assert_eq!(names(&names_of_execs(&facts())), ["sys_enter", "sys_exit"]);
}
