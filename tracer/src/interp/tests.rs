//! What the language means, as a table of one-liners, and what statements do to maps.

use super::*;
use crate::ir::build::*;
use crate::ir::{
    Binary, Builtin, Clause, Compare, EmitArg, Expr, ExprKind, MapValue, Probe, Program, Site,
    SiteKind, Stmt, StmtKind, Unary, VarId,
};
use crate::types::{AggKind, HistShape, Lazy, Space, Stack, Type};

/// The event of the table below.
const EVENT: &str = r#"
    pid 42
    arg0 0x1000
    arg1 0xdead0000
    retval -2
    nr 257
    abi 1
    comm "cat"
    kstack 0xa 0xb 0xc
    ustack 0x7 0xd 0xe
    user 0x1000 "/etc/passwd\0"
    user 0x2000 "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"
    kernel 0x3000 "abc"
    record 0x4000 "\x07\0\0\0\x10\0\x04\0\xfe\xff\xff\xff\0\0\0\0path\0"
"#;

fn event() -> Recorded {
    Recorded::read_text(EVENT).expect("the table's event is well-formed")
}

/// A program with one clause, and one site of each kind that an expression counts at.
fn program(body: Vec<Stmt>, maps: Vec<ir::Map>) -> Program {
    let mut program = script(vec![clause(Probe::Begin, None, body)], maps);
    let kinds = [SiteKind::DivideByZero, SiteKind::ReadFailed];
    program.sites = kinds
        .map(|kind| Site {
            kind,
            span: crate::diag::Span::default(),
        })
        .to_vec();
    program
}

/// Value of an expression at the table's event, and how many errors it counted.
fn eval(e: Expr) -> (Value, u64) {
    let mut program = program(vec![emit(0, vec![e.clone()])], vec![]);
    program.emits = vec![printf(vec![e.ty])];
    let mut machine = Machine::new(&program);
    let outcome = machine.fire(ClauseId(0), &event());
    let [Effect::Emit { args, .. }] = outcome.effects.as_slice() else {
        panic!("one record was sent, not {:?}", outcome.effects);
    };
    (args[0].clone(), machine.sites.iter().sum())
}

fn value(e: Expr) -> Value {
    let (value, errors) = eval(e);
    assert_eq!(errors, 0, "nothing was counted");
    value
}

fn op(op: Binary, a: i64, b: i64) -> Expr {
    binary(op, int(a), int(b))
}

fn uop(op: Binary, a: u64, b: u64) -> Expr {
    binary(op, uint(a), uint(b))
}

fn read_str(space: Space, addr: u64, cap: u32) -> Expr {
    let kind = ExprKind::ReadStr {
        addr: Box::new(uint(addr)),
        space,
        site: SiteId(1),
    };
    expr(Type::Str { cap }, kind)
}

fn i8_type() -> Type {
    Type::Int {
        bits: 8,
        signed: true,
    }
}

fn u8_type() -> Type {
    Type::Int {
        bits: 8,
        signed: false,
    }
}

#[test]
fn signed_arithmetic() {
    use Binary::*;
    let table = [
        (op(Add, i64::MAX, 1), i64::MIN),
        (op(Sub, i64::MIN, 1), i64::MAX),
        (op(Mul, i64::MAX, 2), -2),
        (op(Div, 7, 2), 3),
        (op(Div, -7, 2), -3),
        (op(Div, 7, -2), -3),
        (op(Div, i64::MIN, -1), i64::MIN),
        (op(Mod, 7, 3), 1),
        (op(Mod, -7, 3), -1),
        (op(Mod, 7, -3), 1),
        (op(Mod, i64::MIN, -1), 0),
        (op(And, -1, 0xf0), 0xf0),
        (op(Or, 0x0f, 0xf0), 0xff),
        (op(Xor, -1, 0xff), -256),
        (op(Shl, 1, 63), i64::MIN),
        (op(Shl, 1, 64), 0),
        (op(Shl, 1, -1), 0),
        (op(Shr, -8, 1), -4),
        (op(Shr, -8, 63), -1),
        (op(Shr, -8, 64), -1),
        (op(Shr, 8, 64), 0),
        (unary(Unary::Neg, int(i64::MIN)), i64::MIN),
        (unary(Unary::BitNot, int(0)), -1),
        (unary(Unary::Swap, int(0x12)), 0x12 << 56),
    ];
    for (e, expected) in table {
        assert_eq!(value(e.clone()), Value::Int(expected), "{e:?}");
    }
}

#[test]
fn unsigned_arithmetic() {
    use Binary::*;
    let table = [
        (uop(Sub, 0, 1), u64::MAX),
        (uop(Div, u64::MAX, 2), u64::MAX / 2),
        (uop(Mod, u64::MAX, 10), 5),
        (uop(Shr, u64::MAX, 63), 1),
        (uop(Shr, u64::MAX, 64), 0),
        (uop(Shl, 3, 63), 1 << 63),
    ];
    for (e, expected) in table {
        assert_eq!(value(e.clone()), Value::Uint(expected), "{e:?}");
    }
}

#[test]
fn division_by_zero_has_a_result_and_is_counted() {
    assert_eq!(eval(op(Binary::Div, 7, 0)), (Value::Int(0), 1));
    assert_eq!(eval(op(Binary::Mod, -7, 0)), (Value::Int(-7), 1));
    assert_eq!(eval(uop(Binary::Div, 7, 0)), (Value::Uint(0), 1));
    assert_eq!(eval(uop(Binary::Mod, 7, 0)), (Value::Uint(7), 1));
}

#[test]
fn casts() {
    let table = [
        (cast(i8_type(), int(0x80)), Value::Int(-128)),
        (cast(i8_type(), int(0x17f)), Value::Int(127)),
        (cast(u8_type(), int(-1)), Value::Uint(255)),
        (cast(Type::U32, int(-1)), Value::Uint(0xffff_ffff)),
        (
            cast(Type::U64, cast(Type::I32, int(-1))),
            Value::Uint(u64::MAX),
        ),
        (
            cast(Type::I64, cast(Type::U32, int(-1))),
            Value::Int(0xffff_ffff),
        ),
        (cast(Type::Bool, int(0x100)), Value::Bool(true)),
        (cast(Type::Bool, int(0)), Value::Bool(false)),
        (
            cast(Type::Lazy(Lazy::Errno), int(2)),
            Value::Lazy(Lazy::Errno, 2),
        ),
        (
            cast(Type::Str { cap: 4 }, text("abcdef", 8)),
            Value::Str(b"abc".to_vec()),
        ),
        (
            cast(Type::Str { cap: 64 }, text("ab", 8)),
            Value::Str(b"ab".to_vec()),
        ),
    ];
    for (e, expected) in table {
        assert_eq!(value(e.clone()), expected, "{e:?}");
    }
}

#[test]
fn comparisons() {
    use Compare::*;
    let pair = |a, b: &str| tuple(vec![int(a), text(b, 8)]);
    let table = [
        (compare(Lt, int(-1), int(0)), true),
        (compare(Lt, uint(u64::MAX), uint(0)), false),
        (compare(Ge, int(3), int(3)), true),
        (compare(Ne, int(3), int(3)), false),
        (compare(Eq, text("ab", 8), text("ab", 64)), true),
        (compare(Eq, text("ab", 8), text("abc", 8)), false),
        (compare(Lt, text("ab", 8), text("abc", 8)), true),
        (compare(Gt, text("b", 8), text("abc", 8)), true),
        (compare(Gt, text("\u{e9}", 8), text("z", 8)), true),
        (compare(Eq, text("ab\0x", 8), text("ab\0y", 8)), true),
        (compare(Le, text("", 8), text("", 8)), true),
        (compare(Eq, pair(1, "a"), pair(1, "a")), true),
        (compare(Eq, pair(1, "a"), pair(1, "b")), false),
        (compare(Ne, pair(1, "a"), pair(2, "a")), true),
    ];
    for (e, expected) in table {
        assert_eq!(value(e.clone()), Value::Bool(expected), "{e:?}");
    }
}

#[test]
fn lazy_operators_do_not_evaluate_what_they_need_not() {
    let fails = || cast(Type::Bool, op(Binary::Div, 1, 0));
    let table = [
        (and(boolean(false), fails()), (Value::Bool(false), 0)),
        (and(boolean(true), fails()), (Value::Bool(false), 1)),
        (or(boolean(true), fails()), (Value::Bool(true), 0)),
        (or(boolean(false), fails()), (Value::Bool(false), 1)),
        (
            cond(boolean(true), int(5), op(Binary::Div, 1, 0)),
            (Value::Int(5), 0),
        ),
        (
            cond(boolean(false), int(5), op(Binary::Div, 1, 0)),
            (Value::Int(0), 1),
        ),
        (unary(Unary::Not, boolean(false)), (Value::Bool(true), 0)),
    ];
    for (e, expected) in table {
        assert_eq!(eval(e.clone()), expected, "{e:?}");
    }
}

#[test]
fn reads_of_memory() {
    let word = |ty, width| load(ty, Space::User, uint(0x2000), 0, width);
    let table = [
        (word(u8_type(), 1), Value::Uint(0xff)),
        (word(i8_type(), 1), Value::Int(-1)),
        (word(Type::U32, 4), Value::Uint(0xfcfd_feff)),
        (
            word(Type::I64, 8),
            Value::Int(0xf8f9_fafb_fcfd_feff_u64 as i64),
        ),
        (
            load(u8_type(), Space::User, uint(0x2001), -1, 1),
            Value::Uint(0xff),
        ),
        (
            read_str(Space::User, 0x1000, 64),
            Value::Str(b"/etc/passwd".to_vec()),
        ),
        (
            read_str(Space::User, 0x1000, 5),
            Value::Str(b"/etc".to_vec()),
        ),
        (read_str(Space::User, 0x1000, 1), Value::Str(b"".to_vec())),
    ];
    for (e, expected) in table {
        assert_eq!(value(e.clone()), expected, "{e:?}");
    }
}

#[test]
fn bit_fields_are_cut_out_and_extended() {
    let bits = |ty, first, count| {
        let mut e = load(ty, Space::User, uint(0x2000), 0, 2);
        if let ExprKind::Load { bits, .. } = &mut e.kind {
            *bits = Some((first, count));
        }
        e
    };
    // The two bytes are ff fe: 0xfeff.
    assert_eq!(value(bits(Type::U32, 8, 3)), Value::Uint(0b110));
    assert_eq!(value(bits(Type::I32, 8, 3)), Value::Int(-2));
    assert_eq!(value(bits(Type::U32, 7, 2)), Value::Uint(0b01));
}

#[test]
fn failed_reads_are_empty_and_counted() {
    let table = [
        (
            load(Type::I64, Space::User, uint(0x2001), 0, 8),
            Value::Int(0),
        ),
        (
            load(Type::I64, Space::Kernel, uint(0x2000), 0, 8),
            Value::Int(0),
        ),
        (read_str(Space::User, 0xdead, 8), Value::Str(vec![])),
        // No NUL before the memory ends: the whole read fails, as the kernel's helper does.
        (read_str(Space::Kernel, 0x3000, 8), Value::Str(vec![])),
    ];
    for (e, expected) in table {
        assert_eq!(eval(e.clone()), (expected, 1), "{e:?}");
    }
    assert_eq!(
        value(read_str(Space::Kernel, 0x3000, 3)),
        Value::Str(b"ab".to_vec()),
        "three bytes are enough for a capacity of three"
    );
}

#[test]
fn fields_of_a_tracepoint() {
    let field = |ty, offset, width| expr(ty, ExprKind::Field { offset, width });
    assert_eq!(value(field(Type::U32, 0, 4)), Value::Uint(7));
    assert_eq!(value(field(Type::I32, 8, 4)), Value::Int(-2));
    // The word at 4 says: 4 bytes at offset 16.
    let place = expr(Type::U64, ExprKind::DataLoc { offset: 4 });
    assert_eq!(value(place.clone()), Value::Uint(0x4010));
    let kind = ExprKind::ReadStr {
        addr: Box::new(place),
        space: Space::Kernel,
        site: SiteId(1),
    };
    let path = expr(Type::Str { cap: 16 }, kind);
    assert_eq!(value(path), Value::Str(b"path".to_vec()));
    let at = expr(Type::U64, ExprKind::FieldAddr { offset: 16 });
    assert_eq!(value(at), Value::Uint(0x4010));
}

#[test]
fn builtins() {
    let table = [
        (Builtin::Pid, Value::Uint(42)),
        (Builtin::Comm, Value::Str(b"cat".to_vec())),
        (Builtin::Retval, Value::Int(-2)),
        (Builtin::Errno, Value::Lazy(Lazy::Errno, 2)),
        (
            Builtin::SyscallName,
            Value::Lazy(Lazy::SyscallName, 1 << 32 | 257),
        ),
        (
            Builtin::Stack(Stack::kernel(2)),
            Value::Stack(Stack::kernel(2), vec![0xa, 0xb]),
        ),
        (
            Builtin::Stack(Stack::user(1)),
            Value::Stack(Stack::user(1), vec![7, 0xd]),
        ),
        (Builtin::EntrySeen, Value::Bool(false)),
        (Builtin::Duration, Value::Uint(0)),
    ];
    for (b, expected) in table {
        assert_eq!(value(builtin(b)), expected, "{b}");
    }
}

#[test]
fn errno_is_only_what_is_a_small_negative_result() {
    for (result, errno) in [(-1, 1), (-4095, 4095), (-4096, 0), (0, 0), (7, 0)] {
        let mut program = program(vec![emit(0, vec![builtin(Builtin::Errno)])], vec![]);
        program.emits = vec![printf(vec![Type::Lazy(Lazy::Errno)])];
        let event = Recorded::default().with(Builtin::Retval, result as u64);
        let outcome = Machine::new(&program).fire(ClauseId(0), &event);
        let expected = Effect::Emit {
            id: EmitId(0),
            args: vec![Value::Lazy(Lazy::Errno, errno)],
        };
        assert_eq!(outcome.effects, [expected], "result {result}");
    }
}

/// Runs a clause with these statements, maps and variables once.
fn run<'p>(program: &'p mut Program, vars_of: &[Type]) -> (Machine<'p>, Outcome) {
    program.clauses[0].vars = vars(vars_of);
    let mut machine = Machine::new(program);
    let outcome = machine.fire(ClauseId(0), &event());
    (machine, outcome)
}

fn plain(ty: Type) -> MapValue {
    MapValue::Plain(ty)
}

#[test]
fn variables_start_empty_and_step() {
    let step = |delta, postfix| {
        let kind = ExprKind::StepVar {
            var: VarId(0),
            delta,
            postfix,
        };
        expr(Type::I64, kind)
    };
    let values = vec![
        var(0, Type::I64),
        step(1, true),
        step(1, false),
        step(-3, false),
        var(1, Type::COMM),
    ];
    let mut program = program(vec![emit(0, values.clone())], vec![]);
    program.emits = vec![printf(values.iter().map(|v| v.ty.clone()).collect())];
    let (_, outcome) = run(&mut program, &[Type::I64, Type::COMM]);
    let expected = Effect::Emit {
        id: EmitId(0),
        args: vec![
            Value::Int(0),
            Value::Int(0),
            Value::Int(2),
            Value::Int(-1),
            Value::Str(vec![]),
        ],
    };
    assert_eq!(outcome.effects, [expected]);
}

#[test]
fn a_missing_key_reads_as_empty_and_is_not_created() {
    let key = vec![int(1)];
    let mut program = program(
        vec![
            set_var(0, get(0, Type::COMM, key.clone())),
            set_map(1, key, cast(Type::I64, int(9))),
        ],
        vec![
            map(vec![Type::I64], plain(Type::COMM)),
            map(vec![Type::I64], plain(Type::I64)),
        ],
    );
    let (machine, _) = run(&mut program, &[Type::COMM]);
    assert!(machine.map(MapId(0)).cells().is_empty());
    assert_eq!(machine.map(MapId(1)).get(&[Value::Int(1)]), Value::Int(9));
    assert_eq!(machine.map(MapId(1)).get(&[Value::Int(2)]), Value::Int(0));
}

#[test]
fn a_map_step_starts_from_zero() {
    let step = |postfix| {
        let kind = ExprKind::StepMap {
            map: MapId(0),
            key: vec![],
            delta: 1,
            postfix,
        };
        expr(Type::I64, kind)
    };
    let mut program = program(
        vec![emit(0, vec![step(true), step(false)])],
        vec![map(vec![], plain(Type::I64))],
    );
    program.emits = vec![printf(vec![Type::I64, Type::I64])];
    let (machine, outcome) = run(&mut program, &[]);
    let args = vec![Value::Int(0), Value::Int(2)];
    let id = EmitId(0);
    assert_eq!(outcome.effects, [Effect::Emit { id, args }]);
    assert_eq!(machine.map(MapId(0)).get(&[]), Value::Int(2));
}

#[test]
fn a_full_map_drops_new_keys_and_counts() {
    let mut program = program(
        vec![
            set_map(0, vec![int(1)], int(10)),
            set_map(0, vec![int(2)], int(20)),
            set_map(0, vec![int(1)], int(11)),
            count(1, vec![int(1)]),
            count(1, vec![int(2)]),
        ],
        vec![
            map(vec![Type::I64], plain(Type::I64)),
            map(vec![Type::I64], MapValue::Agg(AggKind::Count)),
        ],
    );
    program.max_map_keys = 1;
    let (machine, _) = run(&mut program, &[]);
    assert_eq!(machine.map_full(), 2);
    assert_eq!(machine.map(MapId(0)).get(&[Value::Int(1)]), Value::Int(11));
    assert_eq!(machine.map(MapId(1)).cells().len(), 1);
}

#[test]
fn aggregations_keep_their_words() {
    let linear = HistShape::Linear {
        min: 0,
        max: 10,
        step: 5,
    };
    let table = [
        (AggKind::Sum { signed: true }, vec![2]),
        (AggKind::Min { signed: true }, vec![(-5i64) as u64, 1]),
        (AggKind::Min { signed: false }, vec![0, 1]),
        (AggKind::Max { signed: true }, vec![7, 1]),
        (AggKind::Max { signed: false }, vec![(-5i64) as u64, 1]),
        (AggKind::Avg { signed: true }, vec![3, 2]),
        (AggKind::Stats { signed: true }, vec![3, 2]),
        (AggKind::Hist(linear), vec![1, 1, 1, 0]),
    ];
    for (kind, expected) in table {
        let body = [7, -5, 0].map(|x| aggregate(0, vec![], int(x)));
        let mut program = program(body.to_vec(), vec![map(vec![], MapValue::Agg(kind))]);
        let (machine, _) = run(&mut program, &[]);
        let expected: Vec<u8> = expected.into_iter().flat_map(u64::to_ne_bytes).collect();
        let entries: Vec<_> = machine.map(MapId(0)).bytes().into_iter().collect();
        assert_eq!(entries, [(vec![], expected)], "{kind:?}");
    }
}

#[test]
fn keys_are_the_bytes_of_their_types() {
    let key = vec![text("ab", 16), int(-1)];
    let key_types = vec![Type::COMM, Type::I64];
    let mut program = program(
        vec![count(0, key)],
        vec![map(key_types, MapValue::Agg(AggKind::Count))],
    );
    let (machine, _) = run(&mut program, &[]);
    let mut key = b"ab".to_vec();
    key.resize(16, 0);
    key.extend([0xff; 8]);
    let entries: Vec<_> = machine.map(MapId(0)).bytes().into_iter().collect();
    assert_eq!(entries, [(key, 1u64.to_ne_bytes().to_vec())]);
}

#[test]
fn delete_clear_and_zero() {
    let all = |then: Vec<Stmt>| {
        let mut body = vec![
            set_map(0, vec![int(1)], int(10)),
            set_map(0, vec![int(2)], int(20)),
        ];
        body.extend(then);
        let mut program = program(body, vec![map(vec![Type::I64], plain(Type::I64))]);
        let (machine, outcome) = run(&mut program, &[]);
        let keys = machine.map(MapId(0)).cells().len();
        let second = machine.map(MapId(0)).get(&[Value::Int(2)]);
        (keys, second, outcome.effects)
    };
    let delete = |key| {
        stmt(StmtKind::Delete {
            map: MapId(0),
            key: vec![int(key)],
        })
    };
    assert_eq!(all(vec![delete(2)]), (1, Value::Int(0), vec![]));
    assert_eq!(all(vec![delete(3)]), (2, Value::Int(20), vec![]));
    assert_eq!(
        all(vec![stmt(StmtKind::Clear(MapId(0)))]),
        (0, Value::Int(0), vec![Effect::Clear(MapId(0))])
    );
    assert_eq!(
        all(vec![stmt(StmtKind::Zero(MapId(0)))]),
        (2, Value::Int(0), vec![Effect::Zero(MapId(0))])
    );
}

#[test]
fn absent_arguments_are_not_evaluated() {
    let arg = EmitArg {
        value: op(Binary::Div, 1, 0),
        present: Some(boolean(false)),
    };
    let send = stmt(StmtKind::Emit {
        id: EmitId(0),
        args: vec![arg],
    });
    let mut program = program(vec![send], vec![]);
    program.emits = vec![printf(vec![Type::I64])];
    let (machine, outcome) = run(&mut program, &[]);
    let args = vec![Value::Absent];
    let id = EmitId(0);
    assert_eq!(outcome.effects, [Effect::Emit { id, args }]);
    assert_eq!(machine.errors_at(SiteId(0)), 0);
}

#[test]
fn exit_and_return_end_the_clause() {
    let after = || set_map(0, vec![], int(1));
    let ends = |how: StmtKind| {
        let inner = when(boolean(true), vec![stmt(how)], vec![after()]);
        let mut program = program(vec![inner, after()], vec![map(vec![], plain(Type::I64))]);
        let (machine, outcome) = run(&mut program, &[]);
        assert!(machine.map(MapId(0)).cells().is_empty());
        outcome.exit_code()
    };
    assert_eq!(ends(StmtKind::Return), None);
    assert_eq!(ends(StmtKind::Exit(int(3))), Some(3));
}

#[test]
fn a_loop_that_does_not_end_is_left_and_counted() {
    let endless = vec![
        repeat(boolean(false), vec![], 0),
        repeat(boolean(true), vec![set_map(0, vec![], int(1))], 1),
        set_map(0, vec![], int(2)),
    ];
    let mut program = program(endless, vec![map(vec![], plain(Type::I64))]);
    program.sites = vec![
        Site {
            kind: SiteKind::LoopLimit,
            span: Default::default(),
        };
        2
    ];
    let (machine, _) = run(&mut program, &[]);
    assert_eq!(machine.map(MapId(0)).get(&[]), Value::Int(1));
    let errors = [0, 1].map(|at| machine.errors_at(SiteId(at)));
    assert_eq!(errors, [0, 1]);
}

#[test]
fn a_false_predicate_runs_nothing() {
    let mine = |pid| compare(Compare::Eq, builtin(Builtin::Pid), int(pid));
    let body = vec![set_map(0, vec![], int(1))];
    let on = |pid| -> Clause { clause(Probe::Begin, Some(mine(pid)), body.clone()) };
    let program = script(vec![on(41), on(42)], vec![map(vec![], plain(Type::I64))]);
    let mut machine = Machine::new(&program);
    assert!(!machine.fire(ClauseId(0), &event()).ran);
    assert!(machine.map(MapId(0)).cells().is_empty());
    assert!(machine.fire(ClauseId(1), &event()).ran);
    assert_eq!(machine.map(MapId(0)).cells().len(), 1);
}
