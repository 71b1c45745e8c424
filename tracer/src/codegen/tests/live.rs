//! Generated programs attached to this kernel: system calls of a thread of the test's own, seen by entry and exit
//! programs together. Programs of kinds that cannot be attached here are at least verified.

use super::equivalence::{kernel_map, records};
use super::{GETPPID, OPENAT, loaded, opens, planned, privileged};
use crate::facts::{Facts, Feature, Support};
use crate::ir::build::*;
use crate::ir::{
    self, Binary, Builtin, Compare, Emit, EmitId, EmitKind, Expr, ExprKind, MapId, MapValue,
    Mechanism, Phase, Probe, Program, SiteId, Stmt, StmtKind,
};
use crate::load::Loaded;
use crate::plan::{self, Plan};
use crate::types::{Abi, AggKind, HistShape, Lazy, Space, Stack, Type, Value};
use std::os::unix::process::parent_id;

const CLOCK_NANOSLEEP: (Abi, u32) = (Abi::Native, 230);

/// Only the test's own thread.
fn is_named(name: &str) -> Option<Expr> {
    Some(compare(Compare::Eq, builtin(Builtin::Comm), text(name, 16)))
}

/// Runs `work` in a thread of that name while the plan is attached.
fn trace(plan: &Plan, name: &str, work: fn()) -> Loaded {
    let mut loaded = loaded(plan);
    loaded
        .attach_all()
        .expect("raw tracepoints can be attached");
    loaded.open().expect("tracing can be opened");
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("it ends");
    loaded.close().expect("tracing can be closed");
    loaded
}

fn only_value(loaded: &Loaded, program: &Program, map: u32) -> Vec<u64> {
    let entries = kernel_map(loaded, program, MapId(map));
    assert_eq!(entries.len(), 1, "one key in {entries:?}");
    let value = entries.values().next().expect("one entry");
    let word = |w: &[u8]| u64::from_ne_bytes(w.try_into().expect("8 bytes"));
    value.chunks_exact(8).map(word).collect()
}

#[test]
fn an_open_is_one_record_with_path_result_and_time() {
    if !privileged("an_open_is_one_record_with_path_result_and_time") {
        return;
    }
    let mut program = opens();
    program.clauses[0].predicate = is_named("cg-open");
    let plan = planned(program);
    let mut loaded = trace(&plan, "cg-open", || {
        std::fs::File::open("/no/such/file").expect_err("there is no such file");
    });
    let records = records(&mut loaded, &plan);
    let of_file: Vec<_> = records
        .iter()
        .filter(|(_, args)| args[1] == Value::Str(b"/no/such/file".to_vec()))
        .collect();
    let [(_, args)] = of_file[..] else {
        panic!("{records:?}")
    };
    assert_eq!(args[0], Value::Str(b"cg-open".to_vec()));
    assert_eq!(args[2], Value::Int(-2));
    assert_eq!(args[3], Value::Lazy(Lazy::Errno, 2));
    let Value::Uint(duration) = args[4] else {
        panic!("no duration in {args:?}")
    };
    assert!(duration > 0);
}

/// Loads from the task and the helper must agree, NULs included, wherever in its two words a name ends.
#[test]
fn names_of_every_length_are_keys() {
    if !privileged("names_of_every_length_are_keys") {
        return;
    }
    let probe = syscall(&[GETPPID], Phase::Whole);
    let body = vec![count(
        0,
        vec![builtin(Builtin::Comm), builtin(Builtin::Tid)],
    )];
    let program = script(vec![clause(probe, None, body)], vec![by_name_and_thread()]);
    let mut plan = planned(program);
    assert!(plan.task.is_some(), "this kernel has types");
    let loads = names_seen(&plan);
    plan.task = None;
    assert_eq!(loads, names_seen(&plan));
    let mut expected: Vec<String> = (1..=15)
        .map(|length| "cg-0123456789abc"[..length].to_owned())
        .collect();
    expected.sort();
    assert_eq!(loads, expected);
}

fn by_name_and_thread() -> ir::Map {
    let key = vec![Type::Str { cap: 16 }, Type::U32];
    map(key, MapValue::Agg(AggKind::Count))
}

/// The names under which a thread calls getppid that has one after the other.
fn names_seen(plan: &Plan) -> Vec<String> {
    let loaded = trace(plan, "cg-names", || {
        // Long ones first: what is left of them must not show behind a short one.
        for length in (1..=15).rev() {
            std::fs::write("/proc/thread-self/comm", &"cg-0123456789abc"[..length])
                .expect("a thread may name itself");
            std::hint::black_box(parent_id());
        }
    });
    let keys = kernel_map(&loaded, &plan.ir, MapId(0));
    let text = |key: &Vec<u8>| {
        let name = &key[..16];
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(16);
        assert!(name[end..].iter().all(|byte| *byte == 0), "{name:?}");
        String::from_utf8_lossy(&name[..end]).into_owned()
    };
    let mut names: Vec<String> = keys.keys().map(text).collect();
    names.retain(|name| name.starts_with('c') && "cg-0123456789abc".starts_with(name.as_str()));
    names.sort();
    names
}

#[test]
fn phases_of_one_call_are_each_seen_once() {
    if !privileged("phases_of_one_call_are_each_seen_once") {
        return;
    }
    let on = |phase, body| clause(syscall(&[GETPPID], phase), is_named("cg-phases"), body);
    let shape = HistShape::Log2 {
        signed: false,
        bits: 0,
    };
    let seen = when(
        builtin(Builtin::EntrySeen),
        vec![
            count(2, vec![]),
            aggregate(3, vec![], builtin(Builtin::Duration)),
        ],
        vec![],
    );
    let of = |kind| map(vec![], MapValue::Agg(kind));
    let program = script(
        vec![
            on(Phase::Entry, vec![count(0, vec![])]),
            on(Phase::Return, vec![count(1, vec![])]),
            on(Phase::Whole, vec![seen]),
        ],
        vec![
            of(AggKind::Count),
            of(AggKind::Count),
            of(AggKind::Count),
            of(AggKind::Hist(shape)),
        ],
    );
    let plan = planned(program);
    let loaded = trace(&plan, "cg-phases", || {
        (0..100).for_each(|_| {
            let _ = parent_id();
        });
    });
    for at in 0..3 {
        assert_eq!(only_value(&loaded, &plan.ir, at), [100], "map {at}");
    }
    let buckets = only_value(&loaded, &plan.ir, 3);
    assert_eq!(buckets.iter().sum::<u64>(), 100);
    assert_eq!(buckets[0] + buckets[1], 0, "no call takes no time");
}

/// What a pointer argument leads to is as it was at entry.
#[test]
fn a_struct_behind_an_argument_is_read_at_entry() {
    if !privileged("a_struct_behind_an_argument_is_read_at_entry") {
        return;
    }
    let nanoseconds = user_load(builtin(Builtin::Arg(2)), 8);
    let body = vec![set_map(0, vec![], nanoseconds)];
    let mut program = script(
        vec![clause(
            syscall(&[CLOCK_NANOSLEEP], Phase::Whole),
            is_named("cg-struct"),
            body,
        )],
        vec![map(vec![], MapValue::Plain(Type::U64))],
    );
    program.sites = opens().sites;
    let plan = planned(program);
    let loaded = trace(&plan, "cg-struct", || {
        std::thread::sleep(std::time::Duration::from_nanos(4321));
    });
    assert_eq!(only_value(&loaded, &plan.ir, 0), [4321]);
}

#[test]
fn exit_ends_the_firing_and_the_run() {
    if !privileged("exit_ends_the_firing_and_the_run") {
        return;
    }
    let on = |body| {
        clause(
            syscall(&[GETPPID], Phase::Return),
            is_named("cg-exit"),
            body,
        )
    };
    let leave = stmt(StmtKind::Exit(int(7)));
    let mut program = script(
        vec![
            on(vec![count(0, vec![]), leave, count(0, vec![])]),
            on(vec![count(0, vec![])]),
        ],
        vec![map(vec![], MapValue::Agg(AggKind::Count))],
    );
    program.emits = vec![Emit {
        kind: EmitKind::Exit,
        args: vec![Type::I64],
        span: Default::default(),
    }];
    let plan = planned(program);
    let mut loaded = trace(&plan, "cg-exit", || {
        (0..10).for_each(|_| {
            let _ = parent_id();
        });
    });
    assert_eq!(only_value(&loaded, &plan.ir, 0), [1]);
    let sent = records(&mut loaded, &plan);
    assert_eq!(sent, [(EmitId(0), vec![Value::Int(7)])]);
}

#[test]
fn a_cleared_map_starts_anew() {
    if !privileged("a_cleared_map_starts_anew") {
        return;
    }
    let mut program = script(
        vec![clause(
            Probe::Begin,
            None,
            vec![
                count(0, vec![uint(1)]),
                stmt(StmtKind::Clear(MapId(0))),
                count(0, vec![uint(2)]),
            ],
        )],
        vec![map(vec![Type::U64], MapValue::Agg(AggKind::Count))],
    );
    program.emits = vec![Emit {
        kind: EmitKind::Clear(MapId(0)),
        args: vec![],
        span: Default::default(),
    }];
    let plan = planned(program);
    let mut loaded = loaded(&plan);
    loaded.test_run(0).expect("BEGIN runs");
    let keys = |slot| {
        let table = loaded.read_map(MapId(0), slot).expect("it can be read");
        let keys = table.entries().map(|(key, _)| key[0]);
        keys.collect::<Vec<u8>>()
    };
    assert_eq!((keys(0), keys(1)), (vec![1], vec![2]));
    assert_eq!(records(&mut loaded, &plan).len(), 1);
}

fn all_uses(values: Vec<Expr>) -> Vec<Stmt> {
    let keyed = |(n, value): (usize, Expr)| {
        let value = binary(Binary::Mul, cast(Type::U64, value), uint(3));
        set_map(0, vec![uint(n as u64)], value)
    };
    values.into_iter().enumerate().map(keyed).collect()
}

fn one(probe: Probe, body: Vec<Stmt>) -> Plan {
    let value = MapValue::Plain(Type::U64);
    let mut program = script(
        vec![clause(probe, None, body)],
        vec![map(vec![Type::U64], value), counter()],
    );
    program.sites = opens().sites;
    planned(program)
}

fn kernel_str(addr: Expr) -> Expr {
    let kind = ExprKind::ReadStr {
        addr: Box::new(addr),
        space: Space::Kernel,
        site: SiteId(0),
    };
    expr(Type::COMM, kind)
}

/// Addresses in the record are numbers to compute with, which the verifier does not allow with its pointers.
#[test]
fn a_tracepoints_record_is_read_in_place() {
    let field = |ty, offset, width| expr(ty, ExprKind::Field { offset, width });
    let name = || expr(Type::U64, ExprKind::DataLoc { offset: 8 });
    let array = || expr(Type::U64, ExprKind::FieldAddr { offset: 16 });
    let mut body = all_uses(vec![
        field(Type::I32, 12, 4),
        field(Type::U64, 16, 8),
        field(Type::U32, 18, 4),
        name(),
        array(),
    ]);
    body.push(count(1, vec![kernel_str(name())]));
    body.push(count(1, vec![kernel_str(array())]));
    let plan = one(tracepoint("sched_process_exec"), body);
    if privileged("a_tracepoints_record_is_read_in_place") {
        loaded(&plan);
    }
}

#[test]
fn every_builtin_is_accepted() {
    let words = [
        Builtin::Pid,
        Builtin::Tid,
        Builtin::Uid,
        Builtin::Gid,
        Builtin::Cpu,
        Builtin::Nsecs,
        Builtin::Elapsed,
        Builtin::Rand,
        Builtin::Cgroup,
        Builtin::Curtask,
        Builtin::Ncpus,
        Builtin::Probe,
        Builtin::Func,
        Builtin::Arg(2),
        Builtin::Tree,
    ];
    let mut body = all_uses(words.into_iter().map(builtin).collect());
    body.push(count(1, vec![builtin(Builtin::Comm)]));
    let probe = Probe::RawTracepoint {
        name: "sched_switch".to_owned(),
    };
    let plan = one(probe, body);
    if privileged("every_builtin_is_accepted") {
        let mut loaded = loaded(&plan);
        loaded.open().expect("tracing can be opened");
        loaded.test_run_with(0, [5; 12]).expect("it runs");
        let entries = kernel_map(&loaded, &plan.ir, MapId(0));
        let at = |n: u64| {
            let value = entries[&n.to_ne_bytes().to_vec()].as_slice();
            u64::from_ne_bytes(value.try_into().expect("8 bytes")) / 3
        };
        assert_eq!(at(2), 0, "tests that load programs run as root");
        assert_eq!(at(10), u64::from(plan.possible_cpus));
        assert_eq!(at(13), 5);
        assert!(at(6) < at(5), "tracing began after the machine");
    }
}

#[test]
fn stacks_are_keys() {
    let depth = 5;
    let key = vec![Type::Stack(Stack::kernel(depth))];
    let probe = Probe::RawTracepoint {
        name: "sched_switch".to_owned(),
    };
    let body = vec![count(
        0,
        vec![builtin(Builtin::Stack(Stack::kernel(depth)))],
    )];
    let maps = vec![map(key, MapValue::Agg(AggKind::Count))];
    let plan = planned(script(vec![clause(probe, None, body)], maps));
    if !privileged("stacks_are_keys") {
        return;
    }
    let mut loaded = loaded(&plan);
    loaded.open().expect("tracing can be opened");
    loaded.test_run_with(0, [0; 12]).expect("it runs");
    let entries = kernel_map(&loaded, &plan.ir, MapId(0));
    let key = entries.keys().next().expect("one stack");
    assert_eq!(key.len(), 40);
    assert_eq!(key[7], 0xff, "kernel addresses are in the upper half");
}

/// Several clauses on the pair of programs, with everything that a call can be asked.
#[test]
fn many_clauses_share_the_pair_of_programs() {
    let asked = |n: u64| {
        let key = vec![
            uint(n),
            cast(Type::U64, builtin(Builtin::SyscallNr)),
            cast(Type::U64, builtin(Builtin::SyscallAbi)),
            cast(Type::U64, builtin(Builtin::Errno)),
            cast(Type::U64, builtin(Builtin::Arg(0))),
        ];
        let path = user_str(builtin(Builtin::Arg(1)), 40, 0);
        vec![
            count(0, key),
            when(
                compare(Compare::Eq, path.clone(), text("/etc/passwd", 40)),
                vec![count(1, vec![cast(Type::COMM, path)])],
                vec![stmt(StmtKind::Return)],
            ),
        ]
    };
    let slow = compare(Compare::Gt, builtin(Builtin::Duration), uint(1000));
    let slow = and(builtin(Builtin::EntrySeen), slow);
    let clauses = (0..20).map(|n| {
        let predicate = (n % 2 == 0).then(|| slow.clone());
        clause(syscall(&[OPENAT], Phase::Whole), predicate, asked(n))
    });
    let maps = vec![
        map(vec![Type::U64; 5], MapValue::Agg(AggKind::Count)),
        counter(),
    ];
    let mut program: ir::Program = script(clauses.collect(), maps);
    program.sites = opens().sites;
    let plan = planned(program);
    if privileged("many_clauses_share_the_pair_of_programs") {
        loaded(&plan);
    }
}
/// The verifier's work grows with the number of clauses, not with the number of paths through them.
#[test]
fn sixty_clauses_that_send_are_accepted() {
    let mut program = opens();
    program.clauses = vec![program.clauses[0].clone(); 60];
    let plan = planned(program);
    if privileged("sixty_clauses_that_send_are_accepted") {
        loaded(&plan);
    }
}

/// Whether this kernel can do it; what it cannot is said by name.
fn supported(test: &str, feature: Feature) -> bool {
    match crate::kernel::Live::new().has(feature) {
        Support::Yes => true,
        Support::No(why) | Support::Unknown(why) => {
            eprintln!("not checked, {why}: {test}");
            false
        }
    }
}

/// Reads 64 bytes of a file of unlimited length, ten times.
fn read_zeroes() {
    let mut file = std::fs::File::open("/dev/zero").expect("it is there");
    for _ in 0..10 {
        std::io::Read::read_exact(&mut file, &mut [0; 64]).expect("it never ends");
    }
}

/// Counts by a value and by stack at one probe of `vfs_read`, whose third argument and result are numbers of bytes.
fn reads(thread: &str, probe: Probe, value: Expr) -> Plan {
    let body = vec![
        count(0, vec![value]),
        count(1, vec![builtin(Builtin::Stack(Stack::kernel(5)))]),
    ];
    let maps = vec![
        map(vec![Type::I64], MapValue::Agg(AggKind::Count)),
        map(
            vec![Type::Stack(Stack::kernel(5))],
            MapValue::Agg(AggKind::Count),
        ),
    ];
    let program = script(vec![clause(probe, is_named(thread), body)], maps);
    let facts = crate::kernel::Live::new();
    plan::plan(program, &facts, &plan::Options::default()).expect("the program fits")
}

fn reads_are_seen(test: &str, feature: Feature, probes: [(Probe, Expr); 2]) {
    if !privileged(test) || !supported(test, feature) {
        return;
    }
    for (probe, value) in probes {
        let plan = reads("cg-reads", probe, value);
        let loaded = trace(&plan, "cg-reads", read_zeroes);
        let counts = kernel_map(&loaded, &plan.ir, MapId(0));
        let of_64 = counts.get(&64_u64.to_ne_bytes()[..]);
        assert_eq!(of_64, Some(&10_u64.to_ne_bytes().to_vec()), "{counts:?}");
        let stacks = kernel_map(&loaded, &plan.ir, MapId(1));
        assert!(stacks.keys().all(|stack| stack[7] == 0xff), "{stacks:?}");
    }
}

fn vfs_read(mechanism: Mechanism) -> Probe {
    Probe::Function {
        function: "vfs_read".to_owned(),
        module: None,
        offset: 0,
        asked: mechanism,
        used: mechanism,
    }
}

#[test]
fn kprobes_see_arguments_and_results() {
    let entry = vfs_read(Mechanism::Kprobe);
    let result = vfs_read(Mechanism::Kretprobe);
    reads_are_seen(
        "kprobes_see_arguments_and_results",
        Feature::Kprobe,
        [
            (entry, builtin(Builtin::Arg(2))),
            (result, builtin(Builtin::Retval)),
        ],
    );
}

#[test]
fn fentry_and_fexit_see_arguments_and_results() {
    let entry = vfs_read(Mechanism::Fentry);
    let result = vfs_read(Mechanism::Fexit);
    let both = binary(
        Binary::Or,
        builtin(Builtin::Retval),
        builtin(Builtin::Arg(2)),
    );
    // The file and the buffer are pointers: computing with them must be allowed too.
    let pointers = binary(Binary::And, builtin(Builtin::Arg(0)), int(0));
    reads_are_seen(
        "fentry_and_fexit_see_arguments_and_results",
        Feature::Fentry,
        [
            (
                entry,
                binary(Binary::Or, builtin(Builtin::Arg(2)), pointers),
            ),
            (result, both),
        ],
    );
}
