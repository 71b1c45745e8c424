//! Arbitrary well-typed programs, for property tests: planner, code generator and interpreter must agree on
//! any of them.
//!
//! In: a tape of numbers, each taken as one choice; an empty tape makes the smallest program, so a test
//! framework that shrinks the tape shrinks the program. Out: a program of one clause on a raw tracepoint, and
//! the arguments to fire it with. Never makes IR that `verify` refuses.

use super::build::*;
use super::{
    Binary, Builtin, Compare, Emit, EmitArg, EmitKind, Expr, ExprKind, Map, MapId, MapValue,
    PatternId, Probe, Program, Site, SiteId, SiteKind, Stmt, StmtKind, Unary, VarId,
};
use crate::diag::Span;
use crate::types::pattern::{Dialect, Pattern};
use crate::types::shape::{Field, Shape};
use crate::types::{AggKind, Gathered, HistShape, Lazy, Series, Space, Stack, Type, Wide};
use std::sync::Arc;

/// The argument that holds the address of readable user memory.
pub const BUFFER_ARG: u8 = 4;
/// The argument that holds a user address at which nothing is.
pub const FAULT_ARG: u8 = 5;
/// Arguments of the event.
pub const ARGS: u8 = 6;
/// Bytes of the buffer that a program reads; all behind it must be readable and 0 for the longest string.
pub const BUFFER_BYTES: i64 = 64;
/// Bytes behind the buffer's address at which a vector of pointers to strings stands, a null pointer at its end.
pub const VECTOR_AT: i64 = 128;
/// Bytes of that vector.
pub const VECTOR_BYTES: i64 = 64;
/// The longest string's capacity.
pub const STR_BYTES: u32 = 48;

/// Words at which arithmetic likes to be wrong.
const WORDS: [u64; 16] = [
    0,
    1,
    2,
    u64::MAX,
    7,
    63,
    64,
    65,
    0x7f,
    0x80,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MIN as u64,
    i64::MAX as u64,
    0x8000_0000,
    (-7i64) as u64,
];

/// Deepest expression, and deepest nesting of `if`.
const DEPTH: u32 = 4;

/// An array that does not fill its last word.
fn array_type() -> Type {
    let elem = Type::Int {
        bits: 16,
        signed: true,
    };
    array_of(elem, 7)
}

/// Six characters, which text can fill.
fn characters() -> Type {
    array_of(CHAR, 6)
}

fn array_of(elem: Type, len: u32) -> Type {
    Type::Array {
        elem: Box::new(elem),
        len,
    }
}

/// A byte of a string.
const CHAR: Type = Type::Int {
    bits: 8,
    signed: true,
};

/// Bytes that do not fill their last word.
const BYTES: Type = Type::Bytes { cap: 13 };

/// A record of two components.
fn record_type() -> Type {
    let names = ["word".to_owned(), "text".to_owned()];
    Type::Named(names.into(), vec![Type::U64, Type::Str { cap: 5 }])
}

/// A struct whose members lie at any byte.
fn struct_type() -> Type {
    let field = |name: &str, offset, ty, bits| Field {
        name: name.to_owned(),
        offset,
        ty,
        bits,
    };
    let int = |bits, signed| Type::Int { bits, signed };
    Type::Struct(Arc::new(Shape {
        name: "struct any".to_owned(),
        bytes: 27,
        fields: vec![
            field("a", 0, int(32, true), None),
            field("b", 4, int(32, false), Some((3, 11))),
            field("c", 9, int(64, false), None),
            field("d", 17, int(8, true), None),
            field("e", 18, int(16, true), Some((1, 15))),
            field("f", 20, Type::Str { cap: 6 }, None),
            field("g", 5, array_type(), None),
        ],
    }))
}

/// Types of the program's variables, by number.
fn var_types() -> [Type; 10] {
    let short = Type::Str { cap: 5 };
    [
        Type::I64,
        Type::U64,
        Type::Bool,
        Type::COMM,
        Type::Tuple(vec![Type::U64, short]),
        array_type(),
        BYTES,
        Type::Wide(Wide::Inet),
        record_type(),
        struct_type(),
    ]
}

/// Maps of the program, by number: plain ones first.
fn maps() -> Vec<Map> {
    let parts = HistShape::Log2 {
        signed: false,
        bits: 3,
    };
    let linear = HistShape::Linear {
        min: -5,
        max: 20,
        step: 4,
    };
    let plain = |key, ty| map(key, MapValue::Plain(ty));
    let of = |key, kind| map(key, MapValue::Agg(kind));
    let text = || Type::Str { cap: 16 };
    vec![
        plain(vec![], Type::I64),
        plain(vec![Type::I64], Type::U64),
        plain(vec![text(), Type::U64], Type::I64),
        plain(vec![Type::U64], text()),
        plain(vec![Type::Wide(Wide::Inet)], BYTES),
        plain(vec![BYTES], array_type()),
        of(vec![], AggKind::Count),
        of(vec![text()], AggKind::Sum { signed: true }),
        of(vec![Type::I64], AggKind::Min { signed: true }),
        of(vec![Type::I64], AggKind::Max { signed: false }),
        of(vec![Type::U64, text()], AggKind::Avg { signed: true }),
        of(
            vec![Type::I64],
            AggKind::Hist(HistShape::Log2 {
                signed: true,
                bits: 0,
            }),
        ),
        of(vec![], AggKind::Hist(linear)),
        of(vec![Type::I64], AggKind::Stats { signed: true }),
        of(vec![array_type()], AggKind::Stddev { signed: true }),
        of(vec![], AggKind::Stddev { signed: false }),
        of(vec![], AggKind::Hist(parts)),
        of(vec![Type::U64], AggKind::Series(SERIES)),
        of(vec![struct_type(), record_type()], AggKind::Count),
    ]
}

/// Few intervals, so that many moments meet in one.
const SERIES: Series = Series {
    interval_ns: 5,
    intervals: 4,
    of: Gathered::Avg,
    signed: true,
};

const PLAIN_MAPS: usize = 6;

/// Properties of the event and of the task that are the same whenever they are asked for.
const STEADY: &[Builtin] = &[
    Builtin::Uid,
    Builtin::Gid,
    Builtin::Ncpus,
    Builtin::Cpid,
    Builtin::Usermode,
    Builtin::Tree,
];
/// Those of a firing that is no call.
const NAMES: &[Builtin] = &[Builtin::Probe, Builtin::Func];
/// Those of a call.
const OF_CALLS: &[Builtin] = &[
    Builtin::Retval,
    Builtin::SyscallNr,
    Builtin::SyscallName,
    Builtin::SyscallAbi,
    Builtin::Errno,
    Builtin::EntrySeen,
];
/// Those that nobody can foretell: whether one is less than 0 is all that programs ask.
const UNSTEADY: &[Builtin] = &[
    Builtin::Pid,
    Builtin::Tid,
    Builtin::Cpu,
    Builtin::Nsecs,
    Builtin::Elapsed,
    Builtin::Rand,
    Builtin::Cgroup,
    Builtin::Curtask,
    Builtin::Jiffies,
    Builtin::Numaid,
    Builtin::Ctx,
];

/// Patterns of the program, by number.
fn patterns() -> Vec<Pattern> {
    let of = |dialect, source| Pattern::new(dialect, source).expect("a pattern");
    vec![
        of(Dialect::Glob, "*b"),
        of(Dialect::Regex, "^a|longer.*cut"),
        of(Dialect::Regex, r"[^a-c\x80]$"),
    ]
}

/// A program of one clause, on the raw tracepoint `name`.
pub fn program(tape: &[u32], name: &str) -> Program {
    let name = name.to_owned();
    program_on(tape, Probe::RawTracepoint { name })
}

/// A program of one clause on a probe: a raw tracepoint, or whole calls.
pub fn program_on(tape: &[u32], probe: Probe) -> Program {
    let mut maker = Gen {
        tape,
        at: 0,
        program: Program::default(),
        vars: var_types().to_vec(),
        loops: 0,
        of_call: matches!(probe, Probe::Syscall { .. }),
    };
    maker.program = script(vec![], maps());
    maker.program.patterns = patterns();
    let predicate = maker.flip().then(|| maker.boolean(0));
    let body = maker.stmts(0);
    let mut clause = clause(probe, predicate, body);
    clause.vars = vars(&maker.vars);
    maker.program.clauses.push(clause);
    maker.program
}

/// One more condition over the variables, maps and memory of a program that [`program`] made.
pub fn predicate(tape: &[u32], program: &mut Program) -> Expr {
    let mut maker = Gen {
        tape,
        at: 0,
        program: std::mem::take(program),
        vars: var_types().to_vec(),
        loops: 0,
        of_call: false,
    };
    let predicate = maker.boolean(0);
    *program = maker.program;
    predicate
}

/// A word of the kind that arithmetic likes to get wrong, or any other.
pub fn word(choice: u64) -> u64 {
    match choice % 4 {
        0 => choice,
        _ => WORDS[(choice >> 2) as usize % WORDS.len()],
    }
}

struct Gen<'t> {
    tape: &'t [u32],
    at: usize,
    program: Program,
    /// Types of the variables: those that expressions name, then one that counts for each loop.
    vars: Vec<Type>,
    /// Loops around the current statement.
    loops: u32,
    /// The firing is a call.
    of_call: bool,
}

impl Gen<'_> {
    fn choice(&mut self) -> u32 {
        let choice = self.tape.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        choice
    }

    fn pick(&mut self, of: usize) -> usize {
        self.choice() as usize % of
    }

    fn flip(&mut self) -> bool {
        self.pick(2) == 1
    }

    /// A choice of leaves only, where an expression must not become deeper.
    fn kind(&mut self, depth: u32, leaves: usize, all: usize) -> usize {
        self.pick(if depth >= DEPTH { leaves } else { all })
    }

    fn site(&mut self, kind: SiteKind) -> SiteId {
        let span = Span::default();
        self.program.sites.push(Site { kind, span });
        SiteId(self.program.sites.len() as u32 - 1)
    }

    /// A value of one of the types that variables, keys and records have here.
    fn value(&mut self, ty: &Type, depth: u32) -> Expr {
        match ty {
            Type::Bool => self.boolean(depth),
            Type::Str { cap } => self.string(*cap, depth),
            Type::Tuple(parts) => {
                let parts = parts.iter().map(|ty| self.value(ty, depth + 1)).collect();
                tuple(parts)
            }
            Type::Wide(kind) => {
                let words = (0..kind.words()).map(|_| self.integer(&Type::U64, depth + 1));
                cast(ty.clone(), tuple(words.collect()))
            }
            Type::Named(_, parts) => {
                let parts = parts.iter().map(|ty| self.value(ty, depth + 1)).collect();
                cast(ty.clone(), tuple(parts))
            }
            Type::Struct(_) => self.structure(depth),
            Type::Bytes { .. } => self.bytes(ty, depth),
            Type::Array { .. } => self.array(depth),
            ty => self.integer(ty, depth),
        }
    }

    fn bytes(&mut self, ty: &Type, depth: u32) -> Expr {
        match self.kind(depth, 2, 4) {
            0 => var(6, ty.clone()),
            3 => {
                let cap = self.capacity();
                cast(ty.clone(), self.string(cap, depth + 1))
            }
            1 => {
                let length = Box::new(uint(self.pick(20) as u64));
                self.read_bytes(ty, length)
            }
            _ => {
                let length = Box::new(self.integer(&Type::U64, depth + 1));
                self.read_bytes(ty, length)
            }
        }
    }

    fn read_bytes(&mut self, ty: &Type, length: Box<Expr>) -> Expr {
        let kind = ExprKind::ReadBytes {
            addr: Box::new(self.address()),
            length,
            space: Space::User,
            site: self.site(SiteKind::ReadFailed),
        };
        expr(ty.clone(), kind)
    }

    fn array(&mut self, depth: u32) -> Expr {
        match self.kind(depth, 2, 5) {
            2 => self.member(6, depth),
            0 => var(5, array_type()),
            1 => self.read_array(array_type()),
            3 => self.element(array_type(), depth),
            _ => {
                let key = self.bytes(&BYTES, depth + 1);
                get(5, array_type(), vec![key])
            }
        }
    }

    fn read_array(&mut self, ty: Type) -> Expr {
        let kind = ExprKind::ReadArray {
            addr: Box::new(self.address()),
            space: Space::User,
            site: self.site(SiteKind::ReadFailed),
        };
        expr(ty, kind)
    }

    /// One of two that lie side by side in memory, or none of them.
    fn element(&mut self, ty: Type, depth: u32) -> Expr {
        let whole = Box::new(self.read_array(array_of(ty.clone(), 2)));
        let at = match self.flip() {
            true => uint(self.pick(3) as u64),
            false => self.integer(&Type::U64, depth + 1),
        };
        expr(ty, ExprKind::Element(whole, Box::new(at)))
    }

    /// How a reading goes.
    fn read_state(&mut self) -> Expr {
        let reading = match self.flip() {
            false => self.load(Type::I64),
            true => {
                let null = self.pick(4) == 3;
                let addr = if null { uint(0) } else { self.address() };
                let kind = ExprKind::ReadStr {
                    addr: Box::new(addr),
                    space: Space::User,
                    site: self.site(SiteKind::ReadFailed),
                };
                let cap = self.capacity();
                expr(Type::Str { cap }, kind)
            }
        };
        let state = ExprKind::ReadState(Box::new(reading));
        expr(Type::Lazy(Lazy::ArgState), state)
    }

    fn structure(&mut self, depth: u32) -> Expr {
        match self.kind(depth, 2, 3) {
            0 => var(9, struct_type()),
            1 => self.read_array(struct_type()),
            _ => self.element(struct_type(), depth),
        }
    }

    /// A member of a struct.
    fn member(&mut self, at: usize, depth: u32) -> Expr {
        let Type::Struct(shape) = struct_type() else {
            unreachable!("it is one");
        };
        let of = Box::new(self.structure(depth + 1));
        expr(shape.fields[at].ty.clone(), ExprKind::Member(of, at as u32))
    }

    /// What is asked of values that are no numbers; a 64-bit integer.
    fn asked(&mut self, ty: &Type, depth: u32) -> Expr {
        let inner = match self.pick(9) {
            8 => {
                let of = Box::new(self.argv());
                expr(Type::U64, ExprKind::Length(of))
            }
            7 => self.read_state(),
            6 => {
                let cap = self.capacity();
                let text = Box::new(self.string(cap, depth));
                let at = match self.flip() {
                    true => uint(self.pick(60) as u64),
                    false => self.integer(&Type::U64, depth),
                };
                expr(CHAR, ExprKind::Element(text, Box::new(at)))
            }
            4 => {
                let at = self.pick(5);
                self.member(at, depth)
            }
            5 => {
                let record = self.value(&record_type(), depth);
                let Type::Named(_, parts) = record_type() else {
                    unreachable!("it is one");
                };
                let whole = Box::new(cast(Type::Tuple(parts), record));
                expr(Type::U64, ExprKind::TupleField(whole, 0))
            }
            0 => {
                let cap = self.capacity();
                let of = self.string(cap, depth);
                expr(Type::U64, ExprKind::Length(Box::new(of)))
            }
            1 => {
                let of = self.bytes(&BYTES, depth);
                expr(Type::U64, ExprKind::Length(Box::new(of)))
            }
            2 => {
                let (a, b) = (self.capacity(), self.capacity());
                let hay = Box::new(self.string(a, depth));
                let needle = Box::new(self.string(b, depth));
                expr(Type::I64, ExprKind::Position(hay, needle))
            }
            _ => {
                let array = Box::new(self.array(depth));
                let at = match self.flip() {
                    true => uint(self.pick(9) as u64),
                    false => self.integer(&Type::U64, depth),
                };
                let Type::Array { elem, .. } = array_type() else {
                    unreachable!("it is one");
                };
                expr(*elem, ExprKind::Element(array, Box::new(at)))
            }
        };
        cast(ty.clone(), inner)
    }

    /// The strings of a vector, or of one that is not there.
    fn argv(&mut self) -> Expr {
        let at = uint(VECTOR_AT as u64 + 8 * self.pick(3) as u64);
        let kind = ExprKind::ReadArgv {
            addr: Box::new(binary(Binary::Add, self.address(), at)),
            space: Space::User,
            site: self.site(SiteKind::ReadFailed),
        };
        expr(Type::Bytes { cap: 1100 }, kind)
    }

    /// A property of the event or the task that does not change.
    fn steady(&mut self) -> Expr {
        let more = if self.of_call { OF_CALLS } else { NAMES };
        let at = self.pick(STEADY.len() + more.len());
        let which = STEADY.iter().chain(more).nth(at);
        let which = *which.expect("one of them");
        builtin(which)
    }

    /// What is asked of properties that change: always true.
    fn unsteady(&mut self) -> Expr {
        let at = self.pick(UNSTEADY.len() + 1 + usize::from(self.of_call));
        let value = match UNSTEADY.get(at) {
            Some(which) => cast(Type::U64, builtin(*which)),
            None if at == UNSTEADY.len() => {
                let stack = Box::new(builtin(Builtin::Stack(Stack::kernel(5))));
                expr(Type::U64, ExprKind::Length(stack))
            }
            None => builtin(Builtin::Duration),
        };
        compare(Compare::Ge, value, uint(0))
    }

    /// Whether two values that are no numbers are equal.
    fn same(&mut self, depth: u32) -> Expr {
        let op = [Compare::Eq, Compare::Ne][self.pick(2)];
        let ty = var_types()[5 + self.pick(5)].clone();
        let left = self.value(&ty, depth);
        compare(op, left, self.value(&ty, depth))
    }

    fn find(&mut self, depth: u32) -> Expr {
        let (map, key, var) = match self.flip() {
            false => (1, self.integer(&Type::I64, depth), 1),
            true => (4, self.value(&Type::Wide(Wide::Inet), depth), 6),
        };
        let kind = ExprKind::Find {
            map: MapId(map),
            key: vec![key],
            var: VarId(var),
        };
        expr(Type::Bool, kind)
    }

    /// A 64-bit integer. (The flat list of ways to make one.)
    fn integer(&mut self, ty: &Type, depth: u32) -> Expr {
        let d = depth + 1;
        let ty = ty.clone();
        match self.kind(depth, 3, 16) {
            0 => expr(ty, ExprKind::Int(word(u64::from(self.choice())))),
            1 => {
                let n = self.pick(usize::from(BUFFER_ARG)) as u8;
                cast(ty, builtin(Builtin::Arg(n)))
            }
            2 => var(u32::from(!ty.is_signed()), ty),
            3..6 => self.binary(&ty, d),
            6 => {
                let op = [Unary::Neg, Unary::BitNot, Unary::Swap][self.pick(3)];
                unary(op, self.integer(&ty, d))
            }
            7 => {
                let (c, a) = (self.boolean(d), self.integer(&ty, d));
                cond(c, a, self.integer(&ty, d))
            }
            8 => {
                let bits = [8, 16, 32, 64][self.pick(4)];
                let signed = self.flip();
                let inner = self.integer(&Type::I64, d);
                cast(ty, cast(Type::Int { bits, signed }, inner))
            }
            9 => cast(ty, self.boolean(d)),
            10 => self.load(ty),
            11 if ty.is_signed() => get(0, ty, vec![]),
            11 => {
                let key = self.integer(&Type::I64, d);
                get(1, ty, vec![key])
            }
            12 => self.asked(&ty, d),
            13 => self.aggregated(ty, d),
            14 => cast(ty, self.steady()),
            _ => self.step(ty, d),
        }
    }

    /// An aggregation's value.
    fn aggregated(&mut self, ty: Type, depth: u32) -> Expr {
        let at = match ty.is_signed() {
            true => [6, 7, 8, 10][self.pick(4)],
            false => 9,
        };
        let key = self.program.maps[at].key.clone();
        let key = key.iter().map(|ty| self.value(ty, depth)).collect();
        agg_get(at as u32, ty, key)
    }

    fn binary(&mut self, ty: &Type, depth: u32) -> Expr {
        use Binary::*;
        let op = [Add, Sub, Mul, Div, Mod, And, Or, Xor, Shl, Shr][self.pick(10)];
        let left = self.integer(ty, depth);
        let right = self.integer(ty, depth);
        let mut e = binary(op, left, right);
        let kind = match op {
            Div => Some(SiteKind::DivideByZero),
            Mod => Some(SiteKind::ModuloByZero),
            _ => None,
        };
        if let (Some(kind), ExprKind::Binary { site, .. }) = (kind, &mut e.kind) {
            *site = Some(self.site(kind));
        }
        e
    }

    fn address(&mut self) -> Expr {
        let faults = self.pick(5) == 4;
        let arg = if faults { FAULT_ARG } else { BUFFER_ARG };
        cast(Type::U64, builtin(Builtin::Arg(arg)))
    }

    fn load(&mut self, ty: Type) -> Expr {
        let width = [1, 2, 4, 8][self.pick(4)];
        let bits = self.flip().then(|| {
            let first = self.pick(usize::from(width) * 8) as u8;
            let count = 1 + self.pick(usize::from(width * 8 - first)) as u8;
            (first, count)
        });
        let kind = ExprKind::Load {
            base: Box::new(self.address()),
            offset: self.pick(BUFFER_BYTES as usize) as i64,
            space: Space::User,
            width,
            bits,
            site: self.site(SiteKind::ReadFailed),
        };
        expr(ty, kind)
    }

    /// `++` and the like, on a variable or a map of the type.
    fn step(&mut self, ty: Type, depth: u32) -> Expr {
        let delta = [1, -1][self.pick(2)];
        let postfix = self.flip();
        let signed = ty.is_signed();
        let kind = match (self.flip(), signed) {
            (false, _) => ExprKind::StepVar {
                var: VarId(u32::from(!signed)),
                delta,
                postfix,
            },
            (true, true) => ExprKind::StepMap {
                map: MapId(2),
                key: vec![self.string(16, depth), self.integer(&Type::U64, depth)],
                delta,
                postfix,
            },
            (true, false) => ExprKind::StepMap {
                map: MapId(1),
                key: vec![self.integer(&Type::I64, depth)],
                delta,
                postfix,
            },
        };
        expr(ty, kind)
    }

    fn boolean(&mut self, depth: u32) -> Expr {
        let d = depth + 1;
        match self.kind(depth, 2, 16) {
            0 => boolean(self.flip()),
            12 => {
                let cap = self.capacity();
                let text = Box::new(self.string(cap, d));
                let pattern = PatternId(self.pick(patterns().len()) as u32);
                expr(Type::Bool, ExprKind::Matches(text, pattern))
            }
            1 => var(2, Type::Bool),
            2 | 3 => {
                let ty = [Type::I64, Type::U64][self.pick(2)].clone();
                let op = self.comparison();
                let left = self.integer(&ty, d);
                compare(op, left, self.integer(&ty, d))
            }
            4 => {
                let op = self.comparison();
                let (a, b) = (self.capacity(), self.capacity());
                let left = self.string(a, d);
                compare(op, left, self.string(b, d))
            }
            5 => {
                let left = self.boolean(d);
                and(left, self.boolean(d))
            }
            6 => {
                let left = self.boolean(d);
                or(left, self.boolean(d))
            }
            7 => unary(Unary::Not, self.boolean(d)),
            8 => {
                // A plain map and an aggregation.
                let at = [1, 8][self.pick(2)];
                has_key(at, vec![self.integer(&Type::I64, d)])
            }
            9 => self.same(d),
            10 => self.find(d),
            11 | 13 | 14 => self.unsteady(),
            _ => cast(Type::Bool, self.integer(&Type::I64, d)),
        }
    }

    fn comparison(&mut self) -> Compare {
        use Compare::*;
        [Eq, Ne, Lt, Le, Gt, Ge][self.pick(6)]
    }

    fn capacity(&mut self) -> u32 {
        [16, 5, 8, STR_BYTES][self.pick(4)]
    }

    fn string(&mut self, cap: u32, depth: u32) -> Expr {
        let d = depth + 1;
        let ty = Type::Str { cap };
        match self.kind(depth, 2, 8) {
            5 => cast(ty, self.member(5, depth)),
            6 => {
                let inner = Type::Str {
                    cap: 1 + self.pick(7) as u32,
                };
                cast(ty, cast(inner, self.element(characters(), depth)))
            }
            0 => {
                let constant = ["", "a", "ab", "b", "abc"][self.pick(5)];
                let fits = constant.len().min(cap as usize - 1);
                text(&constant[..fits], cap)
            }
            1 => cast(ty, builtin(Builtin::Comm)),
            2 => {
                let addr = Box::new(self.address());
                let offset = uint(self.pick(BUFFER_BYTES as usize) as u64);
                let kind = ExprKind::ReadStr {
                    addr: Box::new(binary(Binary::Add, *addr, offset)),
                    space: Space::User,
                    site: self.site(SiteKind::ReadFailed),
                };
                expr(ty, kind)
            }
            3 => cast(ty, var(3, Type::COMM)),
            4 => {
                let c = self.boolean(d);
                let a = self.string(cap, d);
                cond(c, a, self.string(cap, d))
            }
            _ => {
                let key = self.integer(&Type::U64, d);
                cast(ty, get(3, Type::Str { cap: 16 }, vec![key]))
            }
        }
    }

    fn stmts(&mut self, depth: u32) -> Vec<Stmt> {
        let count = self.pick(if depth == 0 { 6 } else { 3 });
        (0..count).map(|_| self.stmt(depth)).collect()
    }

    fn stmt(&mut self, depth: u32) -> Stmt {
        match self.kind(depth, 7, 11) {
            0 => {
                let at = self.pick(var_types().len());
                let value = self.value(&var_types()[at].clone(), 1);
                set_var(at as u32, value)
            }
            1 => {
                let at = self.pick(PLAIN_MAPS);
                let (key, value) = self.map_parts(at);
                set_map(at as u32, key, value)
            }
            2 => {
                let at = PLAIN_MAPS + self.pick(self.program.maps.len() - PLAIN_MAPS);
                let (key, value) = self.map_parts(at);
                let kind = &self.program.maps[at].value;
                let value = (*kind != MapValue::Agg(AggKind::Count)).then_some(value);
                stmt(StmtKind::Aggregate {
                    map: MapId(at as u32),
                    key,
                    value,
                })
            }
            3 => self.emit(),
            4 => {
                let at = 1 + self.pick(PLAIN_MAPS - 1);
                let (key, _) = self.map_parts(at);
                stmt(StmtKind::Delete {
                    map: MapId(at as u32),
                    key,
                })
            }
            5 if self.pick(8) == 7 => stmt(StmtKind::Return),
            5 if self.pick(4) == 3 => self.effect(),
            6 if self.loops > 0 => {
                stmt([StmtKind::Break, StmtKind::Continue][self.pick(2)].clone())
            }
            5 | 6 => stmt(StmtKind::Expr(self.step(Type::I64, 1))),
            7 => self.repeat(depth),
            8 => self.each(),
            _ => {
                let cond = self.boolean(1);
                let then = self.stmts(depth + 1);
                when(cond, then, self.stmts(depth + 1))
            }
        }
    }

    /// What is seen outside of maps and records: a counted error, a signal that nobody heeds, the end of the run.
    fn effect(&mut self) -> Stmt {
        match self.pick(3) {
            0 => {
                let site = self.site(SiteKind::Absent);
                stmt(StmtKind::Count(site))
            }
            // None, SIGURG, SIGWINCH.
            1 => stmt(StmtKind::Signal(int([0, 23, 28][self.pick(3)]))),
            _ => {
                let is_exit = |e: &Emit| e.kind == EmitKind::Exit;
                if !self.program.emits.iter().any(is_exit) {
                    self.program.emits.push(Emit {
                        kind: EmitKind::Exit,
                        args: vec![Type::I64],
                        span: Span::default(),
                    });
                }
                stmt(StmtKind::Exit(self.integer(&Type::I64, 2)))
            }
        }
    }

    /// A loop of at most four iterations. Its counter is set in front of it: both stand in an `if`.
    fn repeat(&mut self, depth: u32) -> Stmt {
        let counter = self.vars.len() as u32;
        self.vars.push(Type::I64);
        let step = |postfix| {
            let kind = ExprKind::StepVar {
                var: VarId(counter),
                delta: 1,
                postfix,
            };
            expr(Type::I64, kind)
        };
        let mut cond = compare(Compare::Lt, step(true), int(self.pick(5) as i64));
        if self.flip() {
            cond = and(self.boolean(2), cond);
        }
        let mut next = Vec::new();
        if self.flip() {
            next.push(stmt(StmtKind::Expr(self.step(Type::U64, 2))));
        }
        self.loops += 1;
        let mut body = self.stmts(depth + 1);
        if self.flip() {
            let leaves = [StmtKind::Break, StmtKind::Continue][self.pick(2)].clone();
            body.push(when(self.boolean(2), vec![stmt(leaves)], vec![]));
        }
        self.loops -= 1;
        let kind = StmtKind::Loop {
            cond,
            body,
            next,
            site: self.site(SiteKind::LoopLimit),
        };
        when(
            boolean(true),
            vec![set_var(counter, int(0)), stmt(kind)],
            vec![],
        )
    }

    /// A loop over a map, whose order nobody knows: what it does is the same in any.
    fn each(&mut self) -> Stmt {
        let pair = self.vars.len() as u32;
        let ty = self.program.maps[1].pair().expect("it has keys and values");
        self.vars.push(ty.clone());
        let part = |at, of| {
            let whole = Box::new(var(pair, ty.clone()));
            expr(of, ExprKind::TupleField(whole, at))
        };
        let sum = binary(Binary::Add, var(1, Type::U64), part(1, Type::U64));
        let mut body = vec![
            set_var(1, sum),
            aggregate(9, vec![int(3)], part(1, Type::U64)),
        ];
        if self.flip() {
            let counter = self.vars.len() as u32;
            self.vars.push(Type::I64);
            let step = ExprKind::StepVar {
                var: VarId(counter),
                delta: 1,
                postfix: true,
            };
            let kind = StmtKind::Loop {
                cond: compare(Compare::Lt, expr(Type::I64, step), int(2)),
                body: vec![count(6, vec![])],
                next: vec![],
                site: self.site(SiteKind::LoopLimit),
            };
            body.extend([set_var(counter, int(0)), stmt(kind)]);
        }
        if self.flip() {
            let low = compare(Compare::Lt, part(0, Type::I64), int(self.pick(100) as i64));
            body.insert(0, when(low, vec![stmt(StmtKind::Continue)], vec![]));
        }
        for_each(1, pair, body)
    }

    /// A key, and a value or operand, for a map.
    fn map_parts(&mut self, at: usize) -> (Vec<Expr>, Expr) {
        let shape = self.program.maps[at].clone();
        let key = shape.key.iter().map(|ty| self.value(ty, 2)).collect();
        let value = match &shape.value {
            MapValue::Plain(ty) => self.value(ty, 1),
            MapValue::Agg(kind) => {
                let ty = if is_unsigned(*kind) {
                    Type::U64
                } else {
                    Type::I64
                };
                match kind {
                    AggKind::Series(_) => {
                        tuple(vec![self.integer(&ty, 1), self.integer(&Type::U64, 1)])
                    }
                    _ => self.integer(&ty, 1),
                }
            }
        };
        (key, value)
    }

    fn emit(&mut self) -> Stmt {
        let mut types = Vec::new();
        let mut args = Vec::new();
        for _ in 0..self.pick(4) {
            let cap = self.capacity();
            let choices = [
                Type::I64,
                Type::U64,
                Type::Bool,
                Type::Str { cap },
                BYTES,
                array_type(),
                Type::Wide(Wide::Inet),
                record_type(),
                struct_type(),
            ];
            let ty = choices[self.pick(choices.len())].clone();
            let present = (self.pick(4) == 3).then(|| self.boolean(2));
            let value = self.value(&ty, 1);
            args.push(EmitArg { value, present });
            types.push(ty);
        }
        let emit: Emit = printf(types);
        self.program.emits.push(emit);
        stmt(StmtKind::Emit {
            id: super::EmitId(self.program.emits.len() as u32 - 1),
            args,
        })
    }
}

fn is_unsigned(kind: AggKind) -> bool {
    matches!(
        kind,
        AggKind::Sum { signed: false }
            | AggKind::Min { signed: false }
            | AggKind::Max { signed: false }
            | AggKind::Stddev { signed: false }
            | AggKind::Hist(HistShape::Log2 { signed: false, .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{text, verify};
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn an_empty_tape_makes_the_smallest_program() {
        let program = program(&[], "x");
        assert!(program.clauses[0].body.is_empty());
        assert_eq!(program.clauses[0].predicate, None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_rule_is_broken(tape in vec(any::<u32>(), 0..200)) {
            prop_assert_eq!(verify::verify(&program(&tape, "x")), Ok(()));
        }

        #[test]
        fn the_text_form_reads_back(tape in vec(any::<u32>(), 0..200)) {
            let program = program(&tape, "x");
            prop_assert_eq!(text::read(&text::write(&program)), Ok(program));
        }
    }
}
