//! What is written reads back the same, for programs of every shape.

use super::*;
use crate::diag::Span;
use crate::ir::*;
use crate::types::btf::TypeId;
use crate::types::counter::COUNTERS;
use crate::types::pattern::{Dialect, Pattern};
use crate::types::shape::{Field, Shape};
use crate::types::{
    Abi, AggKind, CallArg, Gathered, HistShape, Lazy, Pointee, Series, Space, Stack, StackMode,
    Type, Wide,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;

fn types() -> impl Strategy<Value = Type> {
    let space = || select(vec![Space::Kernel, Space::User]);
    let leaf = prop_oneof![
        Just(Type::Void),
        Just(Type::Bool),
        (select(vec![8u8, 16, 32, 64]), any::<bool>())
            .prop_map(|(bits, signed)| Type::Int { bits, signed }),
        (1u32..300).prop_map(|cap| Type::Str { cap }),
        stack().prop_map(Type::Stack),
        any::<u32>().prop_map(|id| Type::Record(TypeId(id))),
        select(vec![
            Lazy::Ksym,
            Lazy::SyscallName,
            Lazy::Errno,
            Lazy::Strerror,
            Lazy::SignalName,
            Lazy::ProbeName,
            Lazy::FuncName,
            Lazy::Abi,
            Lazy::Username,
            Lazy::Mac,
            Lazy::CgroupPath,
            Lazy::Container,
            Lazy::Host,
            Lazy::ArgState,
            Lazy::Enum(7),
            Lazy::Decoded(CallArg {
                abi: Abi::I386,
                number: 295,
                arg: 2,
            }),
        ])
        .prop_map(Type::Lazy),
        select(vec![Wide::Inet, Wide::Time, Wide::Usym, Wide::Ratio]).prop_map(Type::Wide),
        (1u32..300).prop_map(|cap| Type::Bytes { cap }),
        space().prop_map(|space| Type::Ptr {
            to: Pointee::Unknown,
            space
        }),
    ];
    leaf.prop_recursive(3, 8, 3, move |inner| {
        prop_oneof![
            (inner.clone(), space()).prop_map(|(t, space)| Type::Ptr {
                to: Pointee::Type(Box::new(t)),
                space
            }),
            (inner.clone(), any::<u32>()).prop_map(|(t, len)| Type::Array {
                elem: Box::new(t),
                len
            }),
            vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            vec(inner.clone(), 0..3).prop_map(|parts| {
                let names: Vec<String> = (0..parts.len()).map(|i| format!("f{i}")).collect();
                Type::Named(names.into(), parts)
            }),
            (
                any::<(String, u32, u32)>(),
                inner,
                option::of(any::<(u8, u8)>())
            )
                .prop_map(|((name, bytes, offset), ty, bits)| {
                    let field = Field {
                        name: name.clone(),
                        offset,
                        ty,
                        bits,
                    };
                    let fields = vec![field];
                    Type::Struct(Arc::new(Shape {
                        name,
                        bytes,
                        fields,
                    }))
                },),
        ]
    })
}

fn aggs() -> impl Strategy<Value = AggKind> {
    (any::<bool>(), any::<(i64, i64, i64)>()).prop_flat_map(|(signed, (min, max, step))| {
        select(vec![
            AggKind::Count,
            AggKind::Sum { signed },
            AggKind::Min { signed },
            AggKind::Max { signed },
            AggKind::Avg { signed },
            AggKind::Stats { signed },
            AggKind::Stddev { signed },
            AggKind::Hist(HistShape::Log2 { signed, bits: 0 }),
            AggKind::Hist(HistShape::Log2 { signed, bits: 5 }),
            AggKind::Hist(HistShape::Linear { min, max, step }),
            AggKind::Series(Series {
                interval_ns: max.unsigned_abs(),
                intervals: step as u32,
                of: Gathered::ALL[min.rem_euclid(5) as usize].0,
                signed,
            }),
        ])
    })
}

fn stack() -> impl Strategy<Value = Stack> {
    let spaces = select(vec![Space::Kernel, Space::User]);
    let modes = select(StackMode::ALL.to_vec());
    (spaces, any::<u16>(), modes).prop_map(|(space, depth, mode)| Stack { space, depth, mode })
}

fn builtins() -> impl Strategy<Value = Builtin> {
    let plain: Vec<Builtin> = names::BUILTINS.iter().map(|(_, b)| *b).collect();
    prop_oneof![
        select(plain),
        any::<u8>().prop_map(Builtin::Arg),
        stack().prop_map(Builtin::Stack),
        any::<u16>().prop_map(Builtin::Reg),
    ]
}

fn leaves() -> impl Strategy<Value = ExprKind> {
    prop_oneof![
        any::<u64>().prop_map(ExprKind::Int),
        any::<Vec<u8>>().prop_map(ExprKind::Str),
        builtins().prop_map(ExprKind::Builtin),
        any::<u32>().prop_map(|v| ExprKind::Var(VarId(v))),
        any::<u32>().prop_map(|offset| ExprKind::DataLoc { offset }),
        any::<(u32, u8)>().prop_map(|(offset, width)| ExprKind::Field { offset, width }),
        any::<u32>().prop_map(|offset| ExprKind::FieldAddr { offset }),
        any::<(u32, i64, bool)>().prop_map(|(v, delta, postfix)| ExprKind::StepVar {
            var: VarId(v),
            delta,
            postfix
        }),
    ]
}

fn space() -> impl Strategy<Value = Space> {
    select(vec![Space::Kernel, Space::User])
}

fn boxed(e: &BoxedStrategy<Expr>) -> impl Strategy<Value = Box<Expr>> + use<> {
    e.clone().prop_map(Box::new)
}

fn values<T: Copy + std::fmt::Debug>(table: names::Names<T>) -> impl Strategy<Value = T> {
    let values: Vec<T> = table.iter().map(|(_, value)| *value).collect();
    select(values)
}

/// Every kind of expression with operands.
fn branches(e: BoxedStrategy<Expr>) -> impl Strategy<Value = ExprKind> {
    prop_oneof![operators(&e), maps_used(&e), memory(&e), parts(&e)]
}

fn operators(e: &BoxedStrategy<Expr>) -> impl Strategy<Value = ExprKind> + use<> {
    let b = || boxed(e);
    let site = option::of(any::<u32>().prop_map(SiteId));
    prop_oneof![
        (values(names::UNARY), b()).prop_map(|(op, operand)| ExprKind::Unary { op, operand }),
        (values(names::BINARY), b(), b(), site).prop_map(|(op, left, right, site)| {
            ExprKind::Binary {
                op,
                left,
                right,
                site,
            }
        }),
        (values(names::COMPARE), b(), b()).prop_map(|(op, left, right)| ExprKind::Compare {
            op,
            left,
            right
        }),
        (b(), b()).prop_map(|(x, y)| ExprKind::And(x, y)),
        (b(), b()).prop_map(|(x, y)| ExprKind::Or(x, y)),
        (b(), b(), b()).prop_map(|(c, x, y)| ExprKind::Cond(c, x, y)),
        b().prop_map(ExprKind::Cast),
    ]
}

fn maps_used(e: &BoxedStrategy<Expr>) -> impl Strategy<Value = ExprKind> + use<> {
    let place = || (any::<u32>().prop_map(MapId), vec(e.clone(), 0..3));
    prop_oneof![
        place().prop_map(|(map, key)| ExprKind::MapGet { map, key }),
        place().prop_map(|(map, key)| ExprKind::AggGet { map, key }),
        place().prop_map(|(map, key)| ExprKind::HasKey { map, key }),
        (place(), any::<u32>().prop_map(VarId)).prop_map(|((map, key), var)| ExprKind::Find {
            map,
            key,
            var
        }),
        (place(), any::<(i64, bool)>()).prop_map(|((map, key), (delta, postfix))| {
            ExprKind::StepMap {
                map,
                key,
                delta,
                postfix,
            }
        }),
    ]
}

fn memory(e: &BoxedStrategy<Expr>) -> impl Strategy<Value = ExprKind> + use<> {
    let b = || boxed(e);
    let site = || any::<u32>().prop_map(SiteId);
    let place = || (b(), space(), site());
    let part = (any::<(i64, u8)>(), option::of(any::<(u8, u8)>()));
    prop_oneof![
        place().prop_map(|(addr, space, site)| ExprKind::ReadStr { addr, space, site }),
        place().prop_map(|(addr, space, site)| ExprKind::ReadArray { addr, space, site }),
        place().prop_map(|(addr, _, site)| ExprKind::ReadPath { addr, site }),
        place().prop_map(|(addr, space, site)| ExprKind::ReadArgv { addr, space, site }),
        (place(), b()).prop_map(|((addr, space, site), length)| ExprKind::ReadBytes {
            addr,
            length,
            space,
            site
        }),
        (place(), part).prop_map(|((base, space, site), ((offset, width), bits))| {
            ExprKind::Load {
                base,
                offset,
                space,
                width,
                bits,
                site,
            }
        }),
        b().prop_map(ExprKind::ReadState),
    ]
}

fn parts(e: &BoxedStrategy<Expr>) -> impl Strategy<Value = ExprKind> + use<> {
    let b = || boxed(e);
    prop_oneof![
        b().prop_map(ExprKind::Length),
        (b(), b()).prop_map(|(a, b)| ExprKind::Position(a, b)),
        (b(), b()).prop_map(|(a, b)| ExprKind::Element(a, b)),
        (b(), any::<u32>()).prop_map(|(text, at)| ExprKind::Matches(text, PatternId(at))),
        vec(e.clone(), 0..3).prop_map(ExprKind::Tuple),
        (b(), any::<u32>()).prop_map(|(of, at)| ExprKind::TupleField(of, at)),
        (b(), any::<u32>()).prop_map(|(of, at)| ExprKind::Member(of, at)),
        b().prop_map(ExprKind::Text),
    ]
}

fn typed(kind: impl Strategy<Value = ExprKind>) -> impl Strategy<Value = Expr> {
    (types(), kind).prop_map(|(ty, kind)| Expr {
        ty,
        kind,
        span: Span::default(),
    })
}

fn exprs() -> impl Strategy<Value = Expr> {
    typed(leaves()).prop_recursive(3, 12, 3, |inner| typed(branches(inner)))
}

fn stmts() -> impl Strategy<Value = Stmt> {
    let e = || exprs().boxed();
    let key = || vec(exprs(), 0..3);
    let arg =
        (exprs(), option::of(exprs())).prop_map(|(value, present)| EmitArg { value, present });
    let map = || any::<u32>().prop_map(MapId);
    let leaf = prop_oneof![
        (any::<u32>(), e()).prop_map(|(v, e)| StmtKind::SetVar(VarId(v), e)),
        (map(), key(), e()).prop_map(|(map, key, value)| StmtKind::SetMap { map, key, value }),
        (map(), key(), option::of(e())).prop_map(|(map, key, value)| StmtKind::Aggregate {
            map,
            key,
            value
        }),
        (map(), key()).prop_map(|(map, key)| StmtKind::Delete { map, key }),
        (any::<u32>(), vec(arg, 0..3)).prop_map(|(id, args)| StmtKind::Emit {
            id: EmitId(id),
            args
        }),
        map().prop_map(StmtKind::Clear),
        map().prop_map(StmtKind::Zero),
        e().prop_map(StmtKind::Exit),
        Just(StmtKind::Return),
        Just(StmtKind::Break),
        Just(StmtKind::Continue),
        e().prop_map(StmtKind::Expr),
        any::<u32>().prop_map(|s| StmtKind::Count(SiteId(s))),
    ];
    let stmt = |kind| Stmt {
        kind,
        span: Span::default(),
    };
    leaf.prop_map(stmt).prop_recursive(2, 6, 2, move |inner| {
        let blocks = (vec(inner.clone(), 0..3), vec(inner, 0..3));
        (exprs(), blocks, any::<Option<u32>>()).prop_map(move |(cond, (then, otherwise), site)| {
            stmt(match site {
                None => StmtKind::If {
                    cond,
                    then,
                    otherwise,
                },
                Some(site) => StmtKind::Loop {
                    cond,
                    body: then,
                    next: otherwise,
                    site: SiteId(site),
                },
            })
        })
    })
}

fn probes() -> impl Strategy<Value = Probe> {
    let phase = select(vec![Phase::Entry, Phase::Return, Phase::Whole]);
    prop_oneof![
        Just(Probe::Begin),
        Just(Probe::End),
        any::<u64>().prop_map(|period_ns| Probe::Interval { period_ns }),
        (any::<(u64, u8)>(), select(Access::ALL.to_vec())).prop_map(
            |((address, length), access)| Probe::Watchpoint {
                address,
                length,
                access,
            }
        ),
        any::<(String, u8)>().prop_map(|(name, number)| Probe::Signal { name, number }),
        any::<String>().prop_map(|name| Probe::Iterator { name }),
        (0..COUNTERS.len(), any::<u64>()).prop_map(|(at, every)| Probe::Counter {
            counter: &COUNTERS[at],
            every,
        }),
        any::<(bool, u64)>().prop_map(|(hertz, number)| Probe::Profile {
            rate: if hertz {
                Rate::Hertz(number)
            } else {
                Rate::Period(number)
            },
        }),
        (vec(any::<u16>(), 0..4), any::<bool>(), phase).prop_map(|(mut calls, unknown, phase)| {
            calls.sort();
            calls.dedup();
            let abi = |nr: &u16| {
                if *nr < 1 << 15 {
                    Abi::Native
                } else {
                    Abi::I386
                }
            };
            let calls = calls.iter().map(|nr| (abi(nr), u32::from(*nr))).collect();
            Probe::Syscall {
                calls: SyscallSet { calls, unknown },
                phase,
            }
        }),
        any::<(String, String)>().prop_map(|(category, name)| Probe::Tracepoint { category, name }),
        any::<String>().prop_map(|name| Probe::RawTracepoint { name }),
        functions(),
        any::<(String, String, u64, bool)>().prop_map(|(path, function, at, returns)| {
            Probe::UserFunction {
                path,
                function,
                at,
                returns,
            }
        }),
        any::<(String, String, String, u64, u64)>().prop_map(
            |(path, provider, name, at, semaphore)| Probe::Usdt {
                path,
                provider,
                name,
                at,
                semaphore,
            }
        ),
    ]
}

fn functions() -> impl Strategy<Value = Probe> {
    let mechanism = || {
        select(vec![
            Mechanism::Kprobe,
            Mechanism::Kretprobe,
            Mechanism::Fentry,
            Mechanism::Fexit,
        ])
    };
    (
        any::<(String, Option<String>, u64)>(),
        mechanism(),
        mechanism(),
    )
        .prop_map(
            |((function, module, offset), asked, used)| Probe::Function {
                function,
                module,
                offset,
                asked,
                used,
            },
        )
}

fn formats() -> impl Strategy<Value = Format> {
    let flags = any::<(bool, bool, bool, bool, bool)>();
    let sizes = any::<(Option<u32>, Option<u32>)>();
    let conv = (flags, sizes, select(b"diuoxXcpsrfRh".to_vec())).prop_map(
        |((left, zero, plus, space, alt), (width, precision), conv)| {
            FormatPart::Conv(Conversion {
                left,
                zero,
                plus,
                space,
                alt,
                width,
                precision,
                conv,
            })
        },
    );
    let text = any::<Vec<u8>>().prop_map(FormatPart::Text);
    vec(prop_oneof![conv, text], 0..4).prop_map(|parts| Format { parts })
}

fn emits() -> impl Strategy<Value = Emit> {
    let kind = prop_oneof![
        formats().prop_map(EmitKind::Printf),
        Just(EmitKind::PrintValue),
        Just(EmitKind::Call),
        select(vec![Lifecycle::Exit, Lifecycle::Signal]).prop_map(EmitKind::Lifecycle),
        formats().prop_map(EmitKind::System),
        formats().prop_map(EmitKind::Cat),
        (any::<bool>(), formats()).prop_map(|(error, format)| EmitKind::Message { error, format }),
        (
            select(vec![Verdict::Good, Verdict::Bad, Verdict::Unsure]),
            formats()
        )
            .prop_map(|(verdict, format)| EmitKind::Verdict { verdict, format }),
        any::<Vec<u8>>().prop_map(EmitKind::Join),
        (
            any::<(u32, Option<u64>, Option<u64>, Option<u32>)>(),
            select(vec![Order::Usual, Order::Value, Order::Key])
        )
            .prop_map(|((m, top, div, quantile), order)| EmitKind::PrintMap {
                map: MapId(m),
                top,
                div,
                order,
                view: quantile.map_or(View::Whole, View::Quantile),
            }),
        any::<u32>().prop_map(|m| EmitKind::Clear(MapId(m))),
        any::<u32>().prop_map(|m| EmitKind::Zero(MapId(m))),
        any::<String>().prop_map(EmitKind::Time),
        Just(EmitKind::Exit),
    ];
    (kind, vec(types(), 0..3)).prop_map(|(kind, args)| Emit {
        kind,
        args,
        span: Span::default(),
    })
}

fn maps() -> impl Strategy<Value = Map> {
    let value = prop_oneof![
        types().prop_map(MapValue::Plain),
        aggs().prop_map(MapValue::Agg)
    ];
    let room = (any::<u32>(), any::<bool>()).prop_map(|(entries, recent)| Room { entries, recent });
    let parts = (any::<String>(), vec(types(), 0..3), value, option::of(room));
    parts.prop_map(|(name, key, value, room)| Map {
        name,
        key,
        value,
        room,
        span: Span::default(),
    })
}

fn clauses() -> impl Strategy<Value = Clause> {
    let var = (any::<String>(), types()).prop_map(|(name, ty)| Var { name, ty });
    let parts = (
        vec(probes(), 0..3),
        vec(var, 0..3),
        option::of(exprs()),
        vec(stmts(), 0..4),
    );
    parts.prop_map(|(probes, vars, predicate, body)| Clause {
        probes,
        predicate,
        body,
        vars,
        span: Span::default(),
    })
}

/// One of each kind.
fn patterns() -> Vec<Pattern> {
    let both = [(Dialect::Glob, "a*\"[b-c]"), (Dialect::Regex, "^a/(b|c)$")];
    let made = both.map(|(dialect, source)| Pattern::new(dialect, source).expect("a pattern"));
    made.into()
}

fn programs() -> impl Strategy<Value = Program> {
    let site = select(
        names::SITES
            .iter()
            .map(|(_, kind)| *kind)
            .collect::<Vec<_>>(),
    );
    let site = site.prop_map(|kind| Site {
        kind,
        span: Span::default(),
    });
    (
        vec(clauses(), 0..3),
        vec(maps(), 0..3),
        vec(emits(), 0..3),
        vec(site, 0..3),
        any::<(Vec<String>, Vec<String>, u32, u32, u32)>(),
        any::<(Vec<String>, Vec<Vec<(i64, String)>>)>(),
        any::<(bool, String, u32, Option<u32>)>(),
    )
        .prop_map(
            |(
                clauses,
                maps,
                emits,
                sites,
                (probe_names, func_names, max_strlen, max_map_keys, max_bytes),
                (texts, enums),
                (print_maps_on_exit, trailer, max_cat_bytes, ring_bytes),
            )| {
                let names = |names| EnumNames { names };
                let user = UserSettings {
                    print_maps_on_exit,
                    trailer,
                    sort: Order::Key,
                    max_cat_bytes,
                    ring_bytes,
                };
                Program {
                    user,
                    texts,
                    patterns: patterns(),
                    enums: enums.into_iter().map(names).collect(),
                    clauses,
                    maps,
                    emits,
                    sites,
                    probe_names,
                    func_names,
                    max_strlen,
                    max_map_keys,
                    call: CallOptions {
                        max_bytes,
                        times: max_strlen % 2 == 1,
                        descriptors: max_strlen % 4 == 1,
                        children: max_strlen % 5 == 1,
                    },
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_reads_back(program in programs()) {
        let text = write(&program);
        prop_assert_eq!(read(&text), Ok(program), "{}", text);
    }

    #[test]
    fn every_operation_is_listed(e in exprs()) {
        let first = operation(&e);
        prop_assert!(first.iter().all(|first| operations().any(|word| word == first)), "{:?}", first);
    }

    #[test]
    fn no_text_panics(text in "[()a-z0-9 \"\\\\;-]{0,80}") {
        let _ = read(&text);
        let _ = read(&format!("(program (clause (do {text})))"));
    }
}

#[test]
fn the_form_is_the_documented_one() {
    let text = "(program
  (limits 64 4096)
  (map \"x\" (key (str 16)) (agg count))
  (clause
    (probe tracepoint \"sched\" \"sched_switch\")
    (when (bool eq (u32 pid) (u32 1)))
    (do
      (aggregate 0 (key ((str 16) comm))))))
";
    let program = read(text).expect("well formed");
    assert_eq!(program.clauses.len(), 1);
    assert_eq!(write(&program), text);
}

#[test]
fn errors_say_what_was_expected() {
    for (text, error) in [
        (
            "(program",
            "line 1: expected something, found the end of the text",
        ),
        ("(program) x", "line 1: expected the end of the text"),
        ("(program (map))", "a declaration lacks a string"),
        (
            "(program (clause (do (jump))))",
            "`jump` is not a statement",
        ),
        (
            "(program (clause (do (exit (u65 1)))))",
            "`u65` is not a type",
        ),
        (
            "(program (clause (do (exit (u64 add (u64 1))))))",
            "an expression lacks an operand",
        ),
        ("(program (limits 1 2 3))", "a declaration: unexpected `3`"),
    ] {
        assert_eq!(read(text).expect_err(text), error);
    }
    let deep = "(".repeat(100_000);
    assert!(read(&deep).expect_err("too deep").contains("too deep"));
}
