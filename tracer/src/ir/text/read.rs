//! Nodes to a program.
//!
//! In: nodes, as `write` makes them or as a person wrote them. Out: IR with empty spans, or what is wrong.
//! Never panics, whatever the nodes.

use super::names::{
    ABIS, BINARY, BUILTINS, COMPARE, DIALECTS, MECHANISMS, Names, ORDERS, PHASES, SITES, SPACES,
    UNARY, value,
};
use super::node::{Node, word};
use super::types::{self, read as ty, read_agg};
use crate::diag::Span;
use crate::ir::{
    Access, Builtin, Clause, Conversion, Emit, EmitArg, EmitId, EmitKind, EnumNames, Expr,
    ExprKind, Format, FormatPart, Lifecycle, Map, MapId, MapValue, Order, PatternId, Probe,
    Program, Rate, Room, Site, SiteId, Stmt, StmtKind, SyscallSet, TailId, UserSettings, Var,
    VarId, Verdict, View,
};
use crate::types::Space;
use crate::types::counter::{self, Source};
use crate::types::pattern::Pattern;
use std::str::FromStr;

/// The items of a list, taken one by one.
pub struct Items<'n> {
    /// What the list is, for messages.
    what: String,
    rest: &'n [Node],
}

impl<'n> Items<'n> {
    /// The items of a list.
    pub fn of(node: &'n Node, what: &str) -> Result<Items<'n>, String> {
        match node {
            Node::List { items, .. } => Ok(Items {
                what: what.to_owned(),
                rest: items,
            }),
            _ => Err(format!(
                "expected {what} between brackets, found {}",
                shown(node)
            )),
        }
    }

    /// The items behind the word at the front, which must be `head`.
    fn headed(node: &'n Node, head: &str) -> Result<Items<'n>, String> {
        let mut items = Items::of(node, &format!("`{head}`"))?;
        match items.next() {
            Some(Node::Word(found)) if found == head => Ok(items),
            _ => Err(format!("expected `({head} …)`, found {}", shown(node))),
        }
    }

    /// The next item.
    pub fn next(&mut self) -> Option<&'n Node> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next item, which must be there.
    pub fn need(&mut self, what: &str) -> Result<&'n Node, String> {
        self.next()
            .ok_or_else(|| format!("{} lacks {what}", self.what))
    }

    /// The next item, a word.
    pub fn word(&mut self, what: &str) -> Result<&'n str, String> {
        match self.need(what)? {
            Node::Word(text) => Ok(text),
            other => Err(format!(
                "{}: expected {what}, found {}",
                self.what,
                shown(other)
            )),
        }
    }

    /// The next item, a number.
    pub fn number<T: FromStr>(&mut self) -> Result<T, String> {
        number(Some(self.need("a number")?))
    }

    /// The next item, a word of a table.
    pub fn name<T: Copy>(&mut self, table: Names<T>, what: &str) -> Result<T, String> {
        let found = self.word(what)?;
        value(table, found).ok_or_else(|| format!("expected {what}, found `{found}`"))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, String> {
        match self.need("a string")? {
            Node::Str(bytes) => Ok(bytes.clone()),
            other => Err(format!(
                "{}: expected a string, found {}",
                self.what,
                shown(other)
            )),
        }
    }

    /// A string.
    pub fn text(&mut self) -> Result<String, String> {
        String::from_utf8(self.bytes()?).map_err(|_| format!("{}: a name is not UTF-8", self.what))
    }

    fn expr(&mut self) -> Result<Expr, String> {
        expr(self.need("an operand")?)
    }

    fn boxed(&mut self) -> Result<Box<Expr>, String> {
        self.expr().map(Box::new)
    }

    fn key(&mut self) -> Result<Vec<Expr>, String> {
        let items = Items::headed(self.need("a key")?, "key")?;
        items.rest.iter().map(expr).collect()
    }

    /// All items that are left.
    pub fn rest(&mut self) -> &'n [Node] {
        std::mem::take(&mut self.rest)
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), String> {
        match self.rest.first() {
            None => Ok(()),
            Some(extra) => Err(format!("{}: unexpected {}", self.what, shown(extra))),
        }
    }
}

/// A number that was to be there.
pub fn number<T: FromStr>(node: Option<&Node>) -> Result<T, String> {
    match node {
        Some(Node::Word(text)) => text
            .parse()
            .map_err(|_| format!("`{text}` is not a number of the right size")),
        Some(other) => Err(format!("expected a number, found {}", shown(other))),
        None => Err("a number is missing".to_owned()),
    }
}

/// The front of a node, for messages.
fn shown(node: &Node) -> String {
    let text = node.to_string();
    let short: String = text.chars().take(40).collect();
    format!("`{}`", short.trim_end())
}

/// The whole program.
pub fn program(node: &Node) -> Result<Program, String> {
    let mut items = Items::headed(node, "program")?;
    let mut p = Program::default();
    for item in items.rest() {
        let mut parts = Items::of(item, "a declaration")?;
        let head = parts.word("a declaration")?;
        match head {
            "limits" => {
                p.max_strlen = parts.number()?;
                p.max_map_keys = parts.number()?;
            }
            "call" => {
                p.call.max_bytes = parts.number()?;
                for item in parts.rest() {
                    p.call.times |= *item == word("times");
                    p.call.descriptors |= *item == word("descriptors");
                    p.call.children |= *item == word("children");
                }
            }
            "probe-name" => p.probe_names.push(parts.text()?),
            "func-name" => p.func_names.push(parts.text()?),
            "user" => {
                p.user = UserSettings {
                    print_maps_on_exit: parts.number()?,
                    trailer: parts.text()?,
                    sort: parts.name(ORDERS, "an order")?,
                    max_cat_bytes: parts.number()?,
                    ring_bytes: option(&mut parts, "ring")?,
                }
            }
            "text" => p.texts.push(parts.text()?),
            "pattern" => p.patterns.push(pattern(&mut parts)?),
            "enum" => p.enums.push(enum_names(&mut parts)?),
            "site" => p.sites.push(Site {
                kind: parts.name(SITES, "a kind of site")?,
                span: Span::default(),
            }),
            "map" => p.maps.push(map(&mut parts)?),
            "emit" => p.emits.push(emit(&mut parts)?),
            "clause" => p.clauses.push(clause(&mut parts)?),
            _ => return Err(format!("`{head}` is not a declaration")),
        }
        parts.end()?;
    }
    Ok(p)
}

fn pattern(parts: &mut Items<'_>) -> Result<Pattern, String> {
    let dialect = parts.name(DIALECTS, "a kind of pattern")?;
    Pattern::new(dialect, &parts.text()?).map_err(|error| format!("{error:?}"))
}

fn enum_names(parts: &mut Items<'_>) -> Result<EnumNames, String> {
    let pair = |node: &Node| {
        let mut pair = Items::of(node, "an enumerator")?;
        let both = (pair.number()?, pair.text()?);
        pair.end().map(|()| both)
    };
    let names = parts.rest().iter().map(pair).collect::<Result<_, _>>()?;
    Ok(EnumNames { names })
}

fn map(parts: &mut Items<'_>) -> Result<Map, String> {
    let name = parts.text()?;
    let key = Items::headed(parts.need("a key")?, "key")?;
    let key = key.rest.iter().map(ty).collect::<Result<_, _>>()?;
    let mut value = Items::of(parts.need("a value")?, "a map's value")?;
    let value = match value.word("`plain` or `agg`")? {
        "plain" => MapValue::Plain(ty(value.need("a type")?)?),
        "agg" => MapValue::Agg(read_agg(value.need("an aggregation")?)?),
        other => return Err(format!("expected `plain` or `agg`, found `{other}`")),
    };
    let room = parts.next().map(room).transpose()?;
    Ok(Map {
        name,
        key,
        value,
        room,
        span: Span::default(),
    })
}

fn room(node: &Node) -> Result<Room, String> {
    let mut parts = Items::of(node, "a map's room")?;
    let recent = match parts.word("`room` or `recent`")? {
        "room" => false,
        "recent" => true,
        other => return Err(format!("expected `room` or `recent`, found `{other}`")),
    };
    Ok(Room {
        entries: parts.number()?,
        recent,
    })
}

fn emit(parts: &mut Items<'_>) -> Result<Emit, String> {
    let kind = emit_kind(parts.need("an action")?)?;
    let args = Items::headed(parts.need("arguments")?, "args")?;
    Ok(Emit {
        kind,
        args: args.rest.iter().map(ty).collect::<Result<_, _>>()?,
        span: Span::default(),
    })
}

fn emit_kind(node: &Node) -> Result<EmitKind, String> {
    if *node == word("print-value") {
        return Ok(EmitKind::PrintValue);
    }
    if *node == word("call") {
        return Ok(EmitKind::Call);
    }
    if *node == word("exit") {
        return Ok(EmitKind::Exit);
    }
    if *node == word("thread-exit") {
        return Ok(EmitKind::Lifecycle(Lifecycle::Exit));
    }
    if *node == word("thread-signal") {
        return Ok(EmitKind::Lifecycle(Lifecycle::Signal));
    }
    let mut items = Items::of(node, "an action")?;
    let kind = match items.word("an action")? {
        "printf" => EmitKind::Printf(format(&mut items)?),
        "system" => EmitKind::System(format(&mut items)?),
        "cat" => EmitKind::Cat(format(&mut items)?),
        head @ ("warnf" | "errorf") => EmitKind::Message {
            error: head == "errorf",
            format: format(&mut items)?,
        },
        "verdict" => EmitKind::Verdict {
            verdict: verdict(items.word("a verdict")?)?,
            format: format(&mut items)?,
        },
        "join" => EmitKind::Join(items.bytes()?),
        "print-map" => EmitKind::PrintMap {
            map: MapId(items.number()?),
            top: option(&mut items, "top")?,
            div: option(&mut items, "div")?,
            order: order(&mut items)?,
            view: match option(&mut items, "quantile")? {
                Some(millionths) => View::Quantile(millionths),
                None => View::Whole,
            },
        },
        "clear" => EmitKind::Clear(MapId(items.number()?)),
        "zero" => EmitKind::Zero(MapId(items.number()?)),
        "time" => EmitKind::Time(items.text()?),
        "tail" => EmitKind::Tail(TailId(items.number()?)),
        other => return Err(format!("`{other}` is not an action")),
    };
    items.end()?;
    Ok(kind)
}

fn verdict(name: &str) -> Result<Verdict, String> {
    Verdict::named(name).ok_or_else(|| format!("`{name}` is not a verdict"))
}

fn format(items: &mut Items<'_>) -> Result<Format, String> {
    let parts = items.rest().iter().map(format_part);
    let parts = parts.collect::<Result<_, _>>()?;
    Ok(Format { parts })
}

/// `(order WORD)` when that is what comes next.
fn order(items: &mut Items<'_>) -> Result<Order, String> {
    let Some(Ok(mut inner)) = items.rest.first().map(|n| Items::headed(n, "order")) else {
        return Ok(Order::Usual);
    };
    items.next();
    let order = inner.name(ORDERS, "an order")?;
    inner.end()?;
    Ok(order)
}

/// `(name NUMBER)` when that is what comes next.
fn option<T: FromStr>(items: &mut Items<'_>, name: &str) -> Result<Option<T>, String> {
    let Some(Ok(mut inner)) = items.rest.first().map(|n| Items::headed(n, name)) else {
        return Ok(None);
    };
    items.next();
    let number = inner.number()?;
    inner.end()?;
    Ok(Some(number))
}

fn format_part(node: &Node) -> Result<FormatPart, String> {
    if let Node::Str(text) = node {
        return Ok(FormatPart::Text(text.clone()));
    }
    let mut items = Items::of(node, "a conversion")?;
    let conv = match items.word("a conversion")?.as_bytes() {
        [conv] => *conv,
        _ => return Err(format!("{} is not a conversion", shown(node))),
    };
    let mut flag = |name: &str| {
        let there = items.rest.first() == Some(&word(name));
        if there {
            items.next();
        }
        there
    };
    let [left, zero, plus, space, alt] = ["left", "zero", "plus", "space", "alt"].map(&mut flag);
    let width = option(&mut items, "width")?;
    let precision = option(&mut items, "precision")?;
    items.end()?;
    Ok(FormatPart::Conv(Conversion {
        left,
        zero,
        plus,
        space,
        alt,
        width,
        precision,
        conv,
    }))
}

fn clause(parts: &mut Items<'_>) -> Result<Clause, String> {
    let mut c = Clause {
        probes: Vec::new(),
        predicate: None,
        body: Vec::new(),
        vars: Vec::new(),
        span: Span::default(),
    };
    for item in parts.rest() {
        let mut parts = Items::of(item, "a part of a clause")?;
        match parts.word("a part of a clause")? {
            "probe" => c.probes.push(probe(&mut parts)?),
            "var" => c.vars.push(Var {
                name: parts.text()?,
                ty: ty(parts.need("a type")?)?,
            }),
            "when" => c.predicate = Some(parts.expr()?),
            "do" => c.body = parts.rest().iter().map(stmt).collect::<Result<_, _>>()?,
            other => return Err(format!("`{other}` is not a part of a clause")),
        }
        parts.end()?;
    }
    Ok(c)
}

fn counted(source: Source, parts: &mut Items<'_>) -> Result<Probe, String> {
    let name = parts.text()?;
    let counter = counter::find(source, &name).ok_or_else(|| format!("no counter `{name}`"))?;
    let every = parts.number()?;
    Ok(Probe::Counter { counter, every })
}

fn probe(parts: &mut Items<'_>) -> Result<Probe, String> {
    let head = parts.word("a probe")?;
    Ok(match head {
        "begin" => Probe::Begin,
        "end" => Probe::End,
        "interval" => Probe::Interval {
            period_ns: parts.number()?,
        },
        "signal" => Probe::Signal {
            name: parts.text()?,
            number: parts.number()?,
        },
        "iter" => Probe::Iterator {
            name: parts.text()?,
        },
        "profile" => Probe::Profile {
            rate: match parts.word("a unit")? {
                "hz" => Rate::Hertz(parts.number()?),
                "ns" => Rate::Period(parts.number()?),
                other => return Err(format!("`{other}` is not a unit of a rate")),
            },
        },
        "watchpoint" => Probe::Watchpoint {
            address: parts.number()?,
            length: parts.number()?,
            access: {
                let word = parts.word("an access")?;
                let found = Access::ALL.into_iter().find(|a| a.letters() == word);
                found.ok_or_else(|| format!("`{word}` is not an access"))?
            },
        },
        "software" => counted(Source::Software, parts)?,
        "hardware" => counted(Source::Hardware, parts)?,
        "syscall" => Probe::Syscall {
            phase: parts.name(PHASES, "a phase")?,
            calls: syscalls(parts.need("calls")?)?,
        },
        "tracepoint" => Probe::Tracepoint {
            category: parts.text()?,
            name: parts.text()?,
        },
        "rawtracepoint" => Probe::RawTracepoint {
            name: parts.text()?,
        },
        "function" => Probe::Function {
            asked: parts.name(MECHANISMS, "a mechanism")?,
            used: parts.name(MECHANISMS, "a mechanism")?,
            function: parts.text()?,
            offset: parts.number()?,
            module: match parts.word("`anywhere` or `in`")? {
                "in" => Some(parts.text()?),
                _ => None,
            },
        },
        "user-function" => Probe::UserFunction {
            returns: parts.word("entry or return")? == "return",
            path: parts.text()?,
            function: parts.text()?,
            at: parts.number()?,
        },
        "usdt" => Probe::Usdt {
            path: parts.text()?,
            provider: parts.text()?,
            name: parts.text()?,
            at: parts.number()?,
            semaphore: parts.number()?,
        },
        _ => return Err(format!("`{head}` is not a probe")),
    })
}

fn syscalls(node: &Node) -> Result<SyscallSet, String> {
    let mut items = Items::headed(node, "calls")?;
    let mut set = SyscallSet::default();
    while let Some(item) = items.next() {
        if *item == word("unknown") {
            set.unknown = true;
            continue;
        }
        let mut numbers = Items::of(item, "calls of an ABI")?;
        let abi = numbers.name(ABIS, "an ABI")?;
        for node in numbers.rest() {
            set.calls.push((abi, number(Some(node))?));
        }
    }
    Ok(set)
}

/// A flat match over the kinds.
fn stmt(node: &Node) -> Result<Stmt, String> {
    let mut items = Items::of(node, "a statement")?;
    let head = items.word("a statement")?;
    let kind = match head {
        "set-var" => StmtKind::SetVar(VarId(items.number()?), items.expr()?),
        "set-map" => StmtKind::SetMap {
            map: MapId(items.number()?),
            key: items.key()?,
            value: items.expr()?,
        },
        "aggregate" => StmtKind::Aggregate {
            map: MapId(items.number()?),
            key: items.key()?,
            value: items.next().map(expr).transpose()?,
        },
        "delete" => StmtKind::Delete {
            map: MapId(items.number()?),
            key: items.key()?,
        },
        "if" => StmtKind::If {
            cond: items.expr()?,
            then: block(&mut items, "then")?,
            otherwise: block(&mut items, "else")?,
        },
        "loop" => StmtKind::Loop {
            site: SiteId(items.number()?),
            cond: items.expr()?,
            body: block(&mut items, "body")?,
            next: block(&mut items, "next")?,
        },
        "for-each" => StmtKind::ForEach {
            map: MapId(items.number()?),
            var: VarId(items.number()?),
            body: block(&mut items, "body")?,
        },
        "break" => StmtKind::Break,
        "continue" => StmtKind::Continue,
        "emit" => StmtKind::Emit {
            id: EmitId(items.number()?),
            args: items
                .rest()
                .iter()
                .map(emit_arg)
                .collect::<Result<_, _>>()?,
        },
        "clear" => StmtKind::Clear(MapId(items.number()?)),
        "zero" => StmtKind::Zero(MapId(items.number()?)),
        "exit" => StmtKind::Exit(items.expr()?),
        "signal" => StmtKind::Signal(items.expr()?),
        "override" => StmtKind::Override(items.expr()?),
        "return" => StmtKind::Return,
        "expr" => StmtKind::Expr(items.expr()?),
        "count" => StmtKind::Count(SiteId(items.number()?)),
        _ => return Err(format!("`{head}` is not a statement")),
    };
    items.end()?;
    Ok(Stmt {
        kind,
        span: Span::default(),
    })
}

fn block(items: &mut Items<'_>, head: &str) -> Result<Vec<Stmt>, String> {
    let block = Items::headed(items.need("a branch")?, head)?;
    block.rest.iter().map(stmt).collect()
}

fn emit_arg(node: &Node) -> Result<EmitArg, String> {
    let mut items = Items::headed(node, "arg")?;
    let arg = EmitArg {
        value: items.expr()?,
        present: items.next().map(expr).transpose()?,
    };
    items.end()?;
    Ok(arg)
}

fn expr(node: &Node) -> Result<Expr, String> {
    let mut items = Items::of(node, "an expression")?;
    let ty = ty(items.need("a type")?)?;
    let kind = match items.need("an operator")? {
        Node::Str(bytes) => ExprKind::Str(bytes.clone()),
        Node::Word(op) if op.starts_with(|c: char| c.is_ascii_digit()) => {
            ExprKind::Int(number(Some(&word(op)))?)
        }
        Node::Word(op) => operation(op, &mut items)?,
        other => return Err(format!("expected an operator, found {}", shown(other))),
    };
    items.end()?;
    Ok(Expr {
        ty,
        kind,
        span: Span::default(),
    })
}

/// An expression of a family; `None` when the word is none of it.
type Read = Result<Option<ExprKind>, String>;

/// An expression behind its operator's name.
fn operation(op: &str, items: &mut Items<'_>) -> Result<ExprKind, String> {
    for family in [operator, stored, memory, parts] {
        if let Some(kind) = family(op, items)? {
            return Ok(kind);
        }
    }
    Err(format!("`{op}` is not an operator"))
}

/// Built-ins and operators.
fn operator(op: &str, items: &mut Items<'_>) -> Read {
    if let Some(b) = value(BUILTINS, op) {
        return Ok(Some(ExprKind::Builtin(b)));
    }
    if let Some(op) = value(UNARY, op) {
        let operand = items.boxed()?;
        return Ok(Some(ExprKind::Unary { op, operand }));
    }
    if let Some(op) = value(COMPARE, op) {
        let (left, right) = (items.boxed()?, items.boxed()?);
        return Ok(Some(ExprKind::Compare { op, left, right }));
    }
    if let Some(op) = value(BINARY, op) {
        return Ok(Some(ExprKind::Binary {
            op,
            left: items.boxed()?,
            right: items.boxed()?,
            site: items
                .next()
                .map(|n| number(Some(n)).map(SiteId))
                .transpose()?,
        }));
    }
    Ok(Some(match op {
        "arg" => ExprKind::Builtin(Builtin::Arg(items.number()?)),
        "kstack" => ExprKind::Builtin(Builtin::Stack(types::stack(Space::Kernel, items)?)),
        "ustack" => ExprKind::Builtin(Builtin::Stack(types::stack(Space::User, items)?)),
        "reg" => ExprKind::Builtin(Builtin::Reg(items.number()?)),
        "and" => ExprKind::And(items.boxed()?, items.boxed()?),
        "or" => ExprKind::Or(items.boxed()?, items.boxed()?),
        "cond" => ExprKind::Cond(items.boxed()?, items.boxed()?, items.boxed()?),
        "cast" => ExprKind::Cast(items.boxed()?),
        _ => return Ok(None),
    }))
}

/// Variables and maps.
fn stored(op: &str, items: &mut Items<'_>) -> Read {
    Ok(Some(match op {
        "var" => ExprKind::Var(VarId(items.number()?)),
        "get" => ExprKind::MapGet {
            map: MapId(items.number()?),
            key: items.key()?,
        },
        "agg-get" => ExprKind::AggGet {
            map: MapId(items.number()?),
            key: items.key()?,
        },
        "has-key" => ExprKind::HasKey {
            map: MapId(items.number()?),
            key: items.key()?,
        },
        "find" => ExprKind::Find {
            map: MapId(items.number()?),
            key: items.key()?,
            var: VarId(items.number()?),
        },
        "step-var" | "step-var-old" => ExprKind::StepVar {
            var: VarId(items.number()?),
            delta: items.number()?,
            postfix: op.ends_with("-old"),
        },
        "step-map" | "step-map-old" => ExprKind::StepMap {
            map: MapId(items.number()?),
            key: items.key()?,
            delta: items.number()?,
            postfix: op.ends_with("-old"),
        },
        _ => return Ok(None),
    }))
}

/// What is read from memory, or from a tracepoint's record.
fn memory(op: &str, items: &mut Items<'_>) -> Read {
    Ok(Some(match op {
        "load" => ExprKind::Load {
            space: items.name(SPACES, "an address space")?,
            width: items.number()?,
            base: items.boxed()?,
            offset: items.number()?,
            site: SiteId(items.number()?),
            bits: bits(items)?,
        },
        "read-str" => ExprKind::ReadStr {
            space: items.name(SPACES, "an address space")?,
            addr: items.boxed()?,
            site: SiteId(items.number()?),
        },
        "read-array" => ExprKind::ReadArray {
            space: items.name(SPACES, "an address space")?,
            addr: items.boxed()?,
            site: SiteId(items.number()?),
        },
        "read-bytes" => ExprKind::ReadBytes {
            space: items.name(SPACES, "an address space")?,
            addr: items.boxed()?,
            length: items.boxed()?,
            site: SiteId(items.number()?),
        },
        "read-argv" => ExprKind::ReadArgv {
            space: items.name(SPACES, "an address space")?,
            addr: items.boxed()?,
            site: SiteId(items.number()?),
        },
        "read-path" => ExprKind::ReadPath {
            addr: items.boxed()?,
            site: SiteId(items.number()?),
        },
        "read-state" => ExprKind::ReadState(items.boxed()?),
        "data-loc" => ExprKind::DataLoc {
            offset: items.number()?,
        },
        "field" => ExprKind::Field {
            offset: items.number()?,
            width: items.number()?,
        },
        "field-addr" => ExprKind::FieldAddr {
            offset: items.number()?,
        },
        _ => return Ok(None),
    }))
}

/// Values with parts, and what is taken from them.
fn parts(op: &str, items: &mut Items<'_>) -> Read {
    Ok(Some(match op {
        "length" => ExprKind::Length(items.boxed()?),
        "position" => ExprKind::Position(items.boxed()?, items.boxed()?),
        "matches" => ExprKind::Matches(items.boxed()?, PatternId(items.number()?)),
        "element" => ExprKind::Element(items.boxed()?, items.boxed()?),
        "tuple" => ExprKind::Tuple(items.rest().iter().map(expr).collect::<Result<_, _>>()?),
        "text" => ExprKind::Text(items.boxed()?),
        "member" => ExprKind::Member(items.boxed()?, items.number()?),
        "tuple-field" => ExprKind::TupleField(items.boxed()?, items.number()?),
        _ => return Ok(None),
    }))
}

fn bits(items: &mut Items<'_>) -> Result<Option<(u8, u8)>, String> {
    let Some(node) = items.next() else {
        return Ok(None);
    };
    let mut bits = Items::headed(node, "bits")?;
    let pair = (bits.number()?, bits.number()?);
    bits.end()?;
    Ok(Some(pair))
}
