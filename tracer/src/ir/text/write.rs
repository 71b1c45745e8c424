//! A program to nodes.
//!
//! In: IR. Out: nodes, whose shapes `read` takes apart again.

use super::names::{
    ABIS, BINARY, BUILTINS, COMPARE, DIALECTS, MECHANISMS, Names, ORDERS, PHASES, SITES, SPACES,
    UNARY, name,
};
use super::node::{Node, group, line, list, string, word};
use super::types::{self, write as ty, write_agg};
use crate::ir::UserSettings;
use crate::ir::{
    Builtin, CallOptions, Clause, Conversion, Emit, EmitArg, EmitKind, EnumNames, Expr, ExprKind,
    Format, FormatPart, Lifecycle, Map, MapValue, Order, Probe, Program, Rate, SiteId, Stmt,
    StmtKind, SyscallSet, View,
};
use crate::types::{Abi, Space};

/// The whole program.
pub fn program(p: &Program) -> Node {
    let mut items = vec![line("limits", [word(p.max_strlen), word(p.max_map_keys)])];
    if p.call != CallOptions::default() {
        let mut options = vec![word(p.call.max_bytes)];
        options.extend(p.call.times.then(|| word("times")));
        options.extend(p.call.descriptors.then(|| word("descriptors")));
        options.extend(p.call.children.then(|| word("children")));
        items.push(line("call", options));
    }
    items.extend(
        p.probe_names
            .iter()
            .map(|n| line("probe-name", [string(n)])),
    );
    items.extend(p.func_names.iter().map(|n| line("func-name", [string(n)])));
    items.extend((p.user != UserSettings::default()).then(|| user(&p.user)));
    items.extend(p.texts.iter().map(|t| line("text", [string(t)])));
    items.extend(p.enums.iter().map(enum_names));
    items.extend(p.patterns.iter().map(|p| {
        let parts = [named(DIALECTS, &p.dialect), string(&p.source)];
        line("pattern", parts)
    }));
    items.extend(
        p.sites
            .iter()
            .map(|s| line("site", [named(SITES, &s.kind)])),
    );
    items.extend(p.maps.iter().map(map));
    items.extend(p.emits.iter().map(emit));
    items.extend(p.clauses.iter().map(clause));
    line("program", items)
}

/// `(user false "…" by-key 10240 (ring 65536))`
fn user(settings: &UserSettings) -> Node {
    let mut items = vec![
        word(settings.print_maps_on_exit),
        string(&settings.trailer),
        named(ORDERS, &settings.sort),
        word(settings.max_cat_bytes),
    ];
    items.extend(
        settings
            .ring_bytes
            .map(|bytes| group("ring", [word(bytes)])),
    );
    line("user", items)
}

fn enum_names(e: &EnumNames) -> Node {
    let pair = |(number, name): &(i64, String)| list(vec![word(number), string(name)]);
    line("enum", e.names.iter().map(pair))
}

fn named<T: PartialEq>(table: Names<T>, value: &T) -> Node {
    word(name(table, value).unwrap_or_default())
}

fn map(m: &Map) -> Node {
    let value = match &m.value {
        MapValue::Plain(t) => group("plain", [ty(t)]),
        MapValue::Agg(kind) => group("agg", [write_agg(*kind)]),
    };
    let key = group("key", m.key.iter().map(ty));
    let room = m.room.map(|room| {
        let head = if room.recent { "recent" } else { "room" };
        group(head, [word(room.entries)])
    });
    line("map", [string(&m.name), key, value].into_iter().chain(room))
}

fn emit(e: &Emit) -> Node {
    let kind = match &e.kind {
        EmitKind::Printf(f) => format("printf", f),
        EmitKind::System(f) => format("system", f),
        EmitKind::Cat(f) => format("cat", f),
        EmitKind::Message { error, format: f } => {
            format(if *error { "errorf" } else { "warnf" }, f)
        }
        EmitKind::Verdict { verdict, format: f } => {
            let parts = f.parts.iter().map(format_part);
            group("verdict", [word(verdict.name())].into_iter().chain(parts))
        }
        EmitKind::Join(between) => group("join", [string(between)]),
        EmitKind::PrintValue => word("print-value"),
        EmitKind::Call => word("call"),
        EmitKind::Lifecycle(Lifecycle::Exit) => word("thread-exit"),
        EmitKind::Lifecycle(Lifecycle::Signal) => word("thread-signal"),
        EmitKind::PrintMap {
            map,
            top,
            div,
            order,
            view,
        } => {
            let mut items = vec![word(map.0)];
            items.extend(top.map(|n| group("top", [word(n)])));
            items.extend(div.map(|n| group("div", [word(n)])));
            items.extend((*order != Order::Usual).then(|| group("order", [named(ORDERS, order)])));
            if let View::Quantile(millionths) = view {
                items.push(group("quantile", [word(millionths)]));
            }
            group("print-map", items)
        }
        EmitKind::Clear(map) => group("clear", [word(map.0)]),
        EmitKind::Zero(map) => group("zero", [word(map.0)]),
        EmitKind::Time(text) => group("time", [string(text)]),
        EmitKind::Exit => word("exit"),
        EmitKind::Tail(id) => group("tail", [word(id.0)]),
    };
    let args = group("args", e.args.iter().map(ty));
    line("emit", [kind, args])
}

fn format(action: &'static str, f: &Format) -> Node {
    group(action, f.parts.iter().map(format_part))
}

fn format_part(part: &FormatPart) -> Node {
    match part {
        FormatPart::Text(text) => string(text),
        FormatPart::Conv(c) => conversion(c),
    }
}

fn conversion(c: &Conversion) -> Node {
    let mut items = vec![word(char::from(c.conv))];
    let flags = [
        (c.left, "left"),
        (c.zero, "zero"),
        (c.plus, "plus"),
        (c.space, "space"),
        (c.alt, "alt"),
    ];
    items.extend(
        flags
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, flag)| word(flag)),
    );
    items.extend(c.width.map(|n| group("width", [word(n)])));
    items.extend(c.precision.map(|n| group("precision", [word(n)])));
    list(items)
}

fn clause(c: &Clause) -> Node {
    let mut items: Vec<Node> = c.probes.iter().map(probe).collect();
    let var = |v: &crate::ir::Var| line("var", [string(&v.name), ty(&v.ty)]);
    items.extend(c.vars.iter().map(var));
    items.extend(c.predicate.iter().map(|p| line("when", [expr(p)])));
    items.push(line("do", c.body.iter().map(stmt)));
    line("clause", items)
}

fn probe(p: &Probe) -> Node {
    let parts = match p {
        Probe::Begin => vec![word("begin")],
        Probe::End => vec![word("end")],
        Probe::Interval { period_ns } => vec![word("interval"), word(period_ns)],
        Probe::Signal { name, number } => vec![word("signal"), string(name), word(number)],
        Probe::Iterator { name } => vec![word("iter"), string(name)],
        Probe::Profile { rate } => match rate {
            Rate::Hertz(times) => vec![word("profile"), word("hz"), word(times)],
            Rate::Period(ns) => vec![word("profile"), word("ns"), word(ns)],
        },
        Probe::Watchpoint {
            address,
            length,
            access,
        } => vec![
            word("watchpoint"),
            word(address),
            word(length),
            word(access.letters()),
        ],
        Probe::Counter { counter, every } => vec![
            word(counter.source.name()),
            string(counter.name),
            word(every),
        ],
        Probe::Syscall { calls, phase } => {
            vec![word("syscall"), named(PHASES, phase), syscalls(calls)]
        }
        Probe::Tracepoint { category, name } => {
            vec![word("tracepoint"), string(category), string(name)]
        }
        Probe::RawTracepoint { name } => vec![word("rawtracepoint"), string(name)],
        Probe::Function { .. } | Probe::UserFunction { .. } | Probe::Usdt { .. } => in_code(p),
    };
    line("probe", parts)
}

/// A probe on a place in code; nothing for any other.
fn in_code(p: &Probe) -> Vec<Node> {
    match p {
        Probe::Function {
            function,
            module,
            offset,
            asked,
            used,
        } => {
            let (asked, used) = (named(MECHANISMS, asked), named(MECHANISMS, used));
            let place = match module {
                Some(module) => vec![word("in"), string(module)],
                None => vec![word("anywhere")],
            };
            let front = [
                word("function"),
                asked,
                used,
                string(function),
                word(offset),
            ];
            front.into_iter().chain(place).collect()
        }
        Probe::UserFunction {
            path,
            function,
            at,
            returns,
        } => vec![
            word("user-function"),
            word(if *returns { "return" } else { "entry" }),
            string(path),
            string(function),
            word(at),
        ],
        Probe::Usdt {
            path,
            provider,
            name,
            at,
            semaphore,
        } => vec![
            word("usdt"),
            string(path),
            string(provider),
            string(name),
            word(at),
            word(semaphore),
        ],
        _ => Vec::new(),
    }
}

/// `(calls (native 0 1) (i386 3) unknown)`
fn syscalls(set: &SyscallSet) -> Node {
    let of = |abi: Abi| {
        let numbers = set.calls.iter().filter(move |(a, _)| *a == abi);
        let numbers: Vec<Node> = numbers.map(|(_, nr)| word(nr)).collect();
        (!numbers.is_empty()).then(|| group(name(ABIS, &abi).unwrap_or_default(), numbers))
    };
    let mut items: Vec<Node> = ABIS.iter().filter_map(|(_, abi)| of(*abi)).collect();
    items.extend(set.unknown.then(|| word("unknown")));
    group("calls", items)
}

fn key(parts: &[Expr]) -> Node {
    group("key", parts.iter().map(expr))
}

pub(super) fn stmt(s: &Stmt) -> Node {
    match &s.kind {
        StmtKind::SetVar(var, value) => line("set-var", [word(var.0), expr(value)]),
        StmtKind::SetMap { map, key: k, value } => {
            line("set-map", [word(map.0), key(k), expr(value)])
        }
        StmtKind::Aggregate { map, key: k, value } => {
            let items = [word(map.0), key(k)].into_iter();
            line("aggregate", items.chain(value.iter().map(expr)))
        }
        StmtKind::Delete { map, key: k } => line("delete", [word(map.0), key(k)]),
        StmtKind::If {
            cond,
            then,
            otherwise,
        } => {
            let then = line("then", then.iter().map(stmt));
            let otherwise = line("else", otherwise.iter().map(stmt));
            line("if", [expr(cond), then, otherwise])
        }
        StmtKind::Loop {
            cond,
            body,
            next,
            site,
        } => {
            let body = line("body", body.iter().map(stmt));
            let next = line("next", next.iter().map(stmt));
            line("loop", [word(site.0), expr(cond), body, next])
        }
        StmtKind::ForEach { map, var, body } => {
            let body = line("body", body.iter().map(stmt));
            line("for-each", [word(map.0), word(var.0), body])
        }
        StmtKind::Break => line("break", []),
        StmtKind::Continue => line("continue", []),
        StmtKind::Emit { id, args } => {
            let items = [word(id.0)].into_iter();
            line("emit", items.chain(args.iter().map(emit_arg)))
        }
        StmtKind::Clear(map) => line("clear", [word(map.0)]),
        StmtKind::Zero(map) => line("zero", [word(map.0)]),
        StmtKind::Exit(code) => line("exit", [expr(code)]),
        StmtKind::Signal(number) => line("signal", [expr(number)]),
        StmtKind::Override(result) => line("override", [expr(result)]),
        StmtKind::Return => line("return", []),
        StmtKind::Expr(e) => line("expr", [expr(e)]),
        StmtKind::Count(site) => line("count", [word(site.0)]),
    }
}

fn emit_arg(arg: &EmitArg) -> Node {
    match &arg.present {
        None => group("arg", [expr(&arg.value)]),
        Some(present) => group("arg", [expr(&arg.value), expr(present)]),
    }
}

/// `(TYPE operator operand …)`
fn expr(e: &Expr) -> Node {
    let mut items = vec![ty(&e.ty)];
    items.extend(operation(&e.kind));
    list(items)
}

/// `operator operand …`; a flat match over the kinds.
pub(super) fn operation(kind: &ExprKind) -> Vec<Node> {
    match kind {
        ExprKind::Int(bits) => vec![word(bits)],
        ExprKind::Str(bytes) => vec![string(bytes)],
        ExprKind::Builtin(b) => builtin(b),
        ExprKind::Var(var) => vec![word("var"), word(var.0)],
        ExprKind::MapGet { map, key: k } => vec![word("get"), word(map.0), key(k)],
        ExprKind::AggGet { map, key: k } => vec![word("agg-get"), word(map.0), key(k)],
        ExprKind::HasKey { map, key: k } => vec![word("has-key"), word(map.0), key(k)],
        ExprKind::Find { map, key: k, var } => {
            vec![word("find"), word(map.0), key(k), word(var.0)]
        }
        ExprKind::StepVar {
            var,
            delta,
            postfix,
        } => vec![step("step-var", *postfix), word(var.0), word(delta)],
        ExprKind::StepMap {
            map,
            key: k,
            delta,
            postfix,
        } => vec![step("step-map", *postfix), word(map.0), key(k), word(delta)],
        ExprKind::Unary { op, operand } => vec![named(UNARY, op), expr(operand)],
        ExprKind::Binary {
            op,
            left,
            right,
            site,
        } => {
            let items = [named(BINARY, op), expr(left), expr(right)].into_iter();
            items.chain(site.map(|s| word(s.0))).collect()
        }
        ExprKind::Compare { op, left, right } => {
            vec![named(COMPARE, op), expr(left), expr(right)]
        }
        ExprKind::And(a, b) => vec![word("and"), expr(a), expr(b)],
        ExprKind::Or(a, b) => vec![word("or"), expr(a), expr(b)],
        ExprKind::Cond(c, a, b) => vec![word("cond"), expr(c), expr(a), expr(b)],
        ExprKind::Cast(operand) => vec![word("cast"), expr(operand)],
        ExprKind::Load {
            base,
            offset,
            space,
            width,
            bits,
            site,
        } => {
            let mut items = vec![word("load"), named(SPACES, space), word(width)];
            items.extend([expr(base), word(offset), word(site.0)]);
            items.extend(bits.map(|(at, len)| group("bits", [word(at), word(len)])));
            items
        }
        ExprKind::ReadStr { addr, space, site } => read("read-str", *space, &[addr], *site),
        ExprKind::ReadArray { addr, space, site } => read("read-array", *space, &[addr], *site),
        ExprKind::ReadBytes {
            addr,
            length,
            space,
            site,
        } => read("read-bytes", *space, &[addr, length], *site),
        ExprKind::ReadArgv { addr, space, site } => read("read-argv", *space, &[addr], *site),
        ExprKind::ReadPath { addr, site } => vec![word("read-path"), expr(addr), word(site.0)],
        ExprKind::ReadState(of) => vec![word("read-state"), expr(of)],
        ExprKind::DataLoc { offset } => vec![word("data-loc"), word(offset)],
        ExprKind::Field { offset, width } => vec![word("field"), word(offset), word(width)],
        ExprKind::FieldAddr { offset } => vec![word("field-addr"), word(offset)],
        ExprKind::Length(of) => vec![word("length"), expr(of)],
        ExprKind::Position(hay, needle) => vec![word("position"), expr(hay), expr(needle)],
        ExprKind::Matches(of, pattern) => vec![word("matches"), expr(of), word(pattern.0)],
        ExprKind::Element(array, at) => vec![word("element"), expr(array), expr(at)],
        ExprKind::Tuple(parts) => {
            let head = [word("tuple")].into_iter();
            head.chain(parts.iter().map(expr)).collect()
        }
        ExprKind::TupleField(tuple, at) => vec![word("tuple-field"), expr(tuple), word(at)],
        ExprKind::Member(of, at) => vec![word("member"), expr(of), word(at)],
        ExprKind::Text(value) => vec![word("text"), expr(value)],
    }
}

/// `read-str kernel ADDRESS SITE`
fn read(what: &str, space: Space, operands: &[&Expr], site: SiteId) -> Vec<Node> {
    let mut items = vec![word(what), named(SPACES, &space)];
    items.extend(operands.iter().map(|e| expr(e)));
    items.push(word(site.0));
    items
}

/// `step-var` yields the value after the step, `step-var-old` the one before.
fn step(what: &str, postfix: bool) -> Node {
    word(format!("{what}{}", if postfix { "-old" } else { "" }))
}

fn builtin(b: &Builtin) -> Vec<Node> {
    match b {
        Builtin::Arg(n) => vec![word("arg"), word(n)],
        Builtin::Stack(stack) => {
            let mode = types::write_mode(*stack);
            [word(stack.name()), word(stack.depth)]
                .into_iter()
                .chain(mode)
                .collect()
        }
        Builtin::Reg(offset) => vec![word("reg"), word(offset)],
        _ => vec![named(BUILTINS, b)],
    }
}
