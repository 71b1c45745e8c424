//! Short ways to write IR by hand, for tests: expressions, statements, clauses, programs.
//!
//! In: the parts that a test is about. Out: IR with empty spans. Never checks anything: a test may want IR
//! that breaks a rule.

use super::{
    Binary, Builtin, Clause, Compare, Conversion, Emit, EmitId, EmitKind, Expr, ExprKind, Format,
    FormatPart, Map, MapId, MapValue, Phase, Probe, Program, SiteId, Stmt, StmtKind, SyscallSet,
    Unary, Var, VarId,
};
use crate::diag::Span;
use crate::types::{Abi, AggKind, Lazy, Space, Type};

/// Any expression.
pub fn expr(ty: Type, kind: ExprKind) -> Expr {
    Expr {
        ty,
        kind,
        span: Span::default(),
    }
}

/// A signed constant.
pub fn int(x: i64) -> Expr {
    expr(Type::I64, ExprKind::Int(x as u64))
}

/// An unsigned constant.
pub fn uint(x: u64) -> Expr {
    expr(Type::U64, ExprKind::Int(x))
}

/// `true` or `false`.
pub fn boolean(x: bool) -> Expr {
    expr(Type::Bool, ExprKind::Int(u64::from(x)))
}

/// A constant string of a capacity.
pub fn text(text: &str, cap: u32) -> Expr {
    expr(Type::Str { cap }, ExprKind::Str(text.into()))
}

/// A built-in, of the type that it has in an unsuffixed syscall clause.
pub fn builtin(b: Builtin) -> Expr {
    let ty = match b {
        Builtin::Comm => Type::COMM,
        Builtin::Retval | Builtin::Arg(_) | Builtin::SyscallNr => Type::I64,
        Builtin::Pid
        | Builtin::Tid
        | Builtin::Uid
        | Builtin::Gid
        | Builtin::Cpu
        | Builtin::Numaid
        | Builtin::Cpid
        | Builtin::Rand => Type::U32,
        Builtin::Errno => Type::Lazy(Lazy::Errno),
        Builtin::SyscallName => Type::Lazy(Lazy::SyscallName),
        Builtin::SyscallAbi => Type::Lazy(Lazy::Abi),
        Builtin::Probe => Type::Lazy(Lazy::ProbeName),
        Builtin::Func => Type::Lazy(Lazy::FuncName),
        Builtin::EntrySeen | Builtin::Tree | Builtin::Usermode => Type::Bool,
        Builtin::Stack(stack) => Type::Stack(stack),
        Builtin::Call => Type::Call,
        _ => Type::U64,
    };
    expr(ty, ExprKind::Builtin(b))
}

/// A variable's value.
pub fn var(at: u32, ty: Type) -> Expr {
    expr(ty, ExprKind::Var(VarId(at)))
}

/// A unary operation, of its operand's type.
pub fn unary(op: Unary, operand: Expr) -> Expr {
    let kind = ExprKind::Unary {
        op,
        operand: Box::new(operand.clone()),
    };
    expr(operand.ty, kind)
}

/// A binary operation, of its left operand's type. Divisions count at site 0.
pub fn binary(op: Binary, left: Expr, right: Expr) -> Expr {
    let site = matches!(op, Binary::Div | Binary::Mod).then_some(SiteId(0));
    let ty = left.ty.clone();
    let kind = ExprKind::Binary {
        op,
        left: Box::new(left),
        right: Box::new(right),
        site,
    };
    expr(ty, kind)
}

/// A comparison.
pub fn compare(op: Compare, left: Expr, right: Expr) -> Expr {
    let kind = ExprKind::Compare {
        op,
        left: Box::new(left),
        right: Box::new(right),
    };
    expr(Type::Bool, kind)
}

/// `left && right`.
pub fn and(left: Expr, right: Expr) -> Expr {
    expr(Type::Bool, ExprKind::And(Box::new(left), Box::new(right)))
}

/// `left || right`.
pub fn or(left: Expr, right: Expr) -> Expr {
    expr(Type::Bool, ExprKind::Or(Box::new(left), Box::new(right)))
}

/// `cond ? a : b`.
pub fn cond(cond: Expr, a: Expr, b: Expr) -> Expr {
    let ty = a.ty.clone();
    let kind = ExprKind::Cond(Box::new(cond), Box::new(a), Box::new(b));
    expr(ty, kind)
}

/// A conversion.
pub fn cast(ty: Type, operand: Expr) -> Expr {
    expr(ty, ExprKind::Cast(Box::new(operand)))
}

/// A tuple.
pub fn tuple(parts: Vec<Expr>) -> Expr {
    let types = parts.iter().map(|p| p.ty.clone()).collect();
    expr(Type::Tuple(types), ExprKind::Tuple(parts))
}

/// A string read at a user address.
pub fn user_str(addr: Expr, cap: u32, site: u32) -> Expr {
    let kind = ExprKind::ReadStr {
        addr: Box::new(addr),
        space: Space::User,
        site: SiteId(site),
    };
    expr(Type::Str { cap }, kind)
}

/// A 64-bit load at a user address.
pub fn user_load(base: Expr, offset: i64) -> Expr {
    load(Type::U64, Space::User, base, offset, 8)
}

/// A load of some bytes, counting at site 0.
pub fn load(ty: Type, space: Space, base: Expr, offset: i64, width: u8) -> Expr {
    let kind = ExprKind::Load {
        base: Box::new(base),
        offset,
        space,
        width,
        bits: None,
        site: SiteId(0),
    };
    expr(ty, kind)
}

/// A plain map's value.
pub fn get(map: u32, ty: Type, key: Vec<Expr>) -> Expr {
    let map = MapId(map);
    expr(ty, ExprKind::MapGet { map, key })
}

/// An aggregation's value.
pub fn agg_get(map: u32, ty: Type, key: Vec<Expr>) -> Expr {
    let map = MapId(map);
    expr(ty, ExprKind::AggGet { map, key })
}

/// `for` over a map.
pub fn for_each(map: u32, var: u32, body: Vec<Stmt>) -> Stmt {
    stmt(StmtKind::ForEach {
        map: MapId(map),
        var: VarId(var),
        body,
    })
}

/// Whether a map has a key.
pub fn has_key(map: u32, key: Vec<Expr>) -> Expr {
    let map = MapId(map);
    expr(Type::Bool, ExprKind::HasKey { map, key })
}

/// Any statement.
pub fn stmt(kind: StmtKind) -> Stmt {
    Stmt {
        kind,
        span: Span::default(),
    }
}

/// `$x = value`.
pub fn set_var(at: u32, value: Expr) -> Stmt {
    stmt(StmtKind::SetVar(VarId(at), value))
}

/// `@x[key] = value`.
pub fn set_map(map: u32, key: Vec<Expr>, value: Expr) -> Stmt {
    let map = MapId(map);
    stmt(StmtKind::SetMap { map, key, value })
}

/// `@x[key] = count()`.
pub fn count(map: u32, key: Vec<Expr>) -> Stmt {
    stmt(StmtKind::Aggregate {
        map: MapId(map),
        key,
        value: None,
    })
}

/// `@x[key] = sum(value)` and the like.
pub fn aggregate(map: u32, key: Vec<Expr>, value: Expr) -> Stmt {
    stmt(StmtKind::Aggregate {
        map: MapId(map),
        key,
        value: Some(value),
    })
}

/// `if`.
pub fn when(cond: Expr, then: Vec<Stmt>, otherwise: Vec<Stmt>) -> Stmt {
    stmt(StmtKind::If {
        cond,
        then,
        otherwise,
    })
}

/// A loop without what follows each iteration.
pub fn repeat(cond: Expr, body: Vec<Stmt>, site: u32) -> Stmt {
    stmt(StmtKind::Loop {
        cond,
        body,
        next: vec![],
        site: SiteId(site),
    })
}

/// A record whose arguments are always present.
pub fn emit(id: u32, values: Vec<Expr>) -> Stmt {
    let args = values.into_iter().map(|value| super::EmitArg {
        value,
        present: None,
    });
    stmt(StmtKind::Emit {
        id: EmitId(id),
        args: args.collect(),
    })
}

/// A set of calls.
pub fn calls(calls: &[(Abi, u32)]) -> SyscallSet {
    let mut set = SyscallSet::default();
    set.add(&SyscallSet {
        calls: calls.to_vec(),
        unknown: false,
    });
    set
}

/// A syscall probe.
pub fn syscall(of: &[(Abi, u32)], phase: Phase) -> Probe {
    Probe::Syscall {
        calls: calls(of),
        phase,
    }
}

/// `tracepoint:sched:NAME`.
pub fn tracepoint(name: &str) -> Probe {
    Probe::Tracepoint {
        category: "sched".to_owned(),
        name: name.to_owned(),
    }
}

/// A clause without variables.
pub fn clause(probe: Probe, predicate: Option<Expr>, body: Vec<Stmt>) -> Clause {
    Clause {
        probes: vec![probe],
        predicate,
        body,
        vars: Vec::new(),
        span: Span::default(),
    }
}

/// Variables of types.
pub fn vars(types: &[Type]) -> Vec<Var> {
    let named = types.iter().enumerate();
    named
        .map(|(at, ty)| Var {
            name: format!("v{at}"),
            ty: ty.clone(),
        })
        .collect()
}

/// A map.
pub fn map(key: Vec<Type>, value: MapValue) -> Map {
    Map {
        name: "m".to_owned(),
        key,
        value,
        room: None,
        span: Span::default(),
    }
}

/// `@[comm] = count()`'s map.
pub fn counter() -> Map {
    map(vec![Type::COMM], MapValue::Agg(AggKind::Count))
}

/// A printf's emit, with `%s` for each argument.
pub fn printf(args: Vec<Type>) -> Emit {
    let conversion = Conversion {
        left: false,
        zero: false,
        plus: false,
        space: false,
        alt: false,
        width: None,
        precision: None,
        conv: b's',
    };
    let parts = vec![FormatPart::Conv(conversion); args.len()];
    Emit {
        kind: EmitKind::Printf(Format { parts }),
        args,
        span: Span::default(),
    }
}

/// A program without emits and sites.
pub fn script(clauses: Vec<Clause>, maps: Vec<Map>) -> Program {
    Program {
        clauses,
        maps,
        max_strlen: 64,
        max_map_keys: 4096,
        ..Program::default()
    }
}
