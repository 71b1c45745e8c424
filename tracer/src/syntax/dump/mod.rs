//! Tokens and tree as text, for `--dump=tokens` and `--dump=ast` and for golden tests.
//!
//! In: tokens or a tree. Out: text, one line a token or a statement; expressions as `(operator operand …)`.
//! Never read back.

mod c;

use super::ast::{
    BinaryOp, Block, Clause, Define, Expr, ExprKind, Ident, Item, Script, Stmt, StmtKind, Tag,
    TypeName, UnaryOp, ValueBlock,
};
use super::token::Token;
use crate::diag::depth::with_stack;
use std::fmt::Write;

/// One token a line: first byte, end, kind, text.
pub(super) fn tokens(script: &str, tokens: &[Token]) -> String {
    let mut out = String::new();
    for t in tokens {
        let text = &script[t.span.start as usize..t.span.end as usize];
        let (start, end) = (t.span.start, t.span.end);
        let kind = t.kind.name();
        line(&mut out, 0, format_args!("{start}..{end} {kind} {text}"));
    }
    out
}

/// The tree of a script.
pub fn text(script: &Script) -> String {
    let mut out = String::new();
    with_stack(|| script.items.iter().for_each(|i| item(&mut out, i)));
    out
}

/// One expression.
pub fn expression(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Int(n) => n.to_string(),
        ExprKind::Str(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Var(name) => format!("${name}"),
        ExprKind::Map { name, keys: None } => format!("@{name}"),
        ExprKind::Map {
            name,
            keys: Some(keys),
        } => format!("@{name}[{}]", list(keys, ", ")),
        ExprKind::Positional { index, text } => match text {
            Some(text) => format!("(parameter {index} {text:?})"),
            None => format!("(parameter {index})"),
        },
        ExprKind::Call { name, args } => group(&format!("call {}", name.text), args),
        ExprKind::Unary { op, operand } => format!("({} {})", unary(*op), expression(operand)),
        ExprKind::Step {
            delta,
            prefix,
            target,
        } => step(*delta, *prefix, target),
        ExprKind::Binary { op, left, right } => {
            let op = binary(*op);
            format!("({op} {} {})", expression(left), expression(right))
        }
        ExprKind::Cond {
            cond,
            then,
            otherwise,
        } => {
            let [c, t, o] = [cond, then, otherwise].map(|e| expression(e));
            format!("(? {c} {t} {o})")
        }
        ExprKind::Cast { ty, operand } => {
            format!("(cast {} {})", type_name(ty), expression(operand))
        }
        ExprKind::Member { base, name, arrow } => {
            let sign = if *arrow { "->" } else { "." };
            format!("({sign} {} {})", expression(base), name.text)
        }
        ExprKind::Index { base, index } => {
            format!("(index {} {})", expression(base), expression(index))
        }
        ExprKind::Tuple(parts) => group("tuple", parts),
        ExprKind::Record(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}={}", name.text, expression(value)))
                .collect();
            format!("(record {})", fields.join(" "))
        }
        ExprKind::SizeofType(ty) => format!("(sizeof-type {})", type_name(ty)),
        ExprKind::SizeofExpr(e) => format!("(sizeof {})", expression(e)),
        ExprKind::Offsetof { ty, path } => {
            format!("(offsetof {} {})", type_name(ty), dotted(path))
        }
        ExprKind::ContainerOf { pointer, ty, path } => format!(
            "(container-of {} {} {})",
            expression(pointer),
            type_name(ty),
            dotted(path)
        ),
        ExprKind::Regex(text) => format!("/{text}/"),
        ExprKind::Block(b) => value_block(b),
    }
}

fn dotted(path: &[Ident]) -> String {
    let path: Vec<&str> = path.iter().map(|p| p.text.as_str()).collect();
    path.join(".")
}

fn item(out: &mut String, item: &Item) {
    match item {
        Item::Clause(c) => clause(out, c),
        Item::Directive {
            word,
            rest,
            condition,
            ..
        } => {
            let rest = condition.as_ref().map_or(format!("{rest:?}"), expression);
            line(out, 0, format_args!("directive {} {rest}", word.text));
        }
        Item::Define(d) => define(out, d),
        Item::Declaration(d) => c::declaration(out, 0, d),
        Item::Config { entries, .. } => {
            line(out, 0, format_args!("config"));
            for (name, value) in entries {
                let value = expression(value);
                line(out, 1, format_args!("{} = {value}", name.text));
            }
        }
        Item::MapDecl {
            name, kind, args, ..
        } => {
            let args = list(args, ", ");
            let (name, kind) = (&name.text, &kind.text);
            line(out, 0, format_args!("map @{name} {kind}({args})"));
        }
        Item::Macro(m) => {
            let params = list(&m.params, ", ");
            line(out, 0, format_args!("macro {}({params})", m.name.text));
            block(out, 1, &m.body.block);
            if let Some(value) = &m.body.value {
                line(out, 1, format_args!("value {}", expression(value)));
            }
        }
    }
}

fn define(out: &mut String, d: &Define) {
    let value = d.value.as_ref().map_or("-".to_owned(), expression);
    let params = d.params.as_ref().map_or(String::new(), |params| {
        let names: Vec<&str> = params.iter().map(|p| p.text.as_str()).collect();
        format!("({})", names.join(", "))
    });
    line(
        out,
        0,
        format_args!("define {}{params} {value}", d.name.text),
    );
}

/// `{…}` on one line, for blocks within expressions.
fn value_block(b: &ValueBlock) -> String {
    let mut text = String::new();
    block(&mut text, 0, &b.block);
    let mut parts: Vec<String> = text.lines().map(|l| l.trim().to_owned()).collect();
    parts.extend(b.value.as_ref().map(|v| format!("value {}", expression(v))));
    format!("(block {})", parts.join("; "))
}

fn clause(out: &mut String, c: &Clause) {
    line(out, 0, format_args!("clause"));
    for probe in &c.probes {
        let parts: Vec<String> = probe
            .parts
            .iter()
            .map(|p| format!("{:?}", p.text))
            .collect();
        line(out, 1, format_args!("probe {}", parts.join(" ")));
    }
    if let Some(p) = &c.predicate {
        line(out, 1, format_args!("when {}", expression(p)));
    }
    line(out, 1, format_args!("do"));
    block(out, 2, &c.body);
}

fn block(out: &mut String, depth: usize, block: &Block) {
    block.stmts.iter().for_each(|s| stmt(out, depth, s));
}

/// A flat match over the kinds of statement.
fn stmt(out: &mut String, depth: usize, s: &Stmt) {
    match &s.kind {
        StmtKind::Expr(e) => line(out, depth, format_args!("{}", expression(e))),
        StmtKind::Assign { target, op, value } => {
            let op = op.map_or("", binary);
            let (target, value) = (expression(target), expression(value));
            line(out, depth, format_args!("({op}= {target} {value})"));
        }
        StmtKind::Let { name, ty, value } => {
            let ty = ty
                .as_ref()
                .map_or(String::new(), |t| format!(": {}", type_name(t)));
            let value = value
                .as_ref()
                .map_or(String::new(), |v| format!(" = {}", expression(v)));
            line(out, depth, format_args!("let ${}{ty}{value}", name.text));
        }
        StmtKind::If {
            cond,
            then,
            otherwise,
        } => {
            line(out, depth, format_args!("if {}", expression(cond)));
            block(out, depth + 1, then);
            if let Some(otherwise) = otherwise {
                line(out, depth, format_args!("else"));
                block(out, depth + 1, otherwise);
            }
        }
        StmtKind::While { cond, body } => {
            line(out, depth, format_args!("while {}", expression(cond)));
            block(out, depth + 1, body);
        }
        StmtKind::ForMap { var, map, body } => {
            let map = expression(map);
            line(out, depth, format_args!("for ${} : {map}", var.text));
            block(out, depth + 1, body);
        }
        StmtKind::ForRange {
            var,
            start,
            end,
            body,
        } => {
            let (start, end) = (expression(start), expression(end));
            line(
                out,
                depth,
                format_args!("for ${} : {start} .. {end}", var.text),
            );
            block(out, depth + 1, body);
        }
        StmtKind::Unroll { count, body } => {
            line(out, depth, format_args!("unroll {}", expression(count)));
            block(out, depth + 1, body);
        }
        StmtKind::Break => line(out, depth, format_args!("break")),
        StmtKind::Continue => line(out, depth, format_args!("continue")),
        StmtKind::Return(None) => line(out, depth, format_args!("return")),
        StmtKind::Return(Some(e)) => line(out, depth, format_args!("return {}", expression(e))),
        StmtKind::Block(b) => {
            line(out, depth, format_args!("block"));
            block(out, depth + 1, b);
        }
    }
}

fn line(out: &mut String, depth: usize, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:width$}{text}", "", width = depth * 2);
}

fn list(items: &[Expr], between: &str) -> String {
    let items: Vec<String> = items.iter().map(expression).collect();
    items.join(between)
}

fn group(head: &str, items: &[Expr]) -> String {
    match items {
        [] => format!("({head})"),
        _ => format!("({head} {})", list(items, " ")),
    }
}

fn step(delta: i8, prefix: bool, target: &Expr) -> String {
    let sign = if delta > 0 { "++" } else { "--" };
    let target = expression(target);
    match prefix {
        true => format!("({sign}_ {target})"),
        false => format!("(_{sign} {target})"),
    }
}

pub(super) fn type_name(t: &TypeName) -> String {
    let tag = match t.tag {
        Some(Tag::Struct) => "struct ",
        Some(Tag::Union) => "union ",
        Some(Tag::Enum) => "enum ",
        None => "",
    };
    let stars = "*".repeat(t.pointers as usize);
    let dims: String = t.dims.iter().map(|d| format!("[{d}]")).collect();
    format!("<{tag}{}{stars}{dims}>", t.name)
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "-",
        UnaryOp::Not => "!",
        UnaryOp::BitNot => "~",
        UnaryOp::Deref => "*",
        UnaryOp::AddressOf => "&",
    }
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitXor => "^",
        BinaryOp::BitOr => "|",
        BinaryOp::And => "&&",
        BinaryOp::Or => "||",
        BinaryOp::Match => "=~",
        BinaryOp::NoMatch => "!~",
    }
}
