//! Expressions as a person would write them, near enough to be recognised.
//!
//! In: an expression and the names of its clause. Out: one line. Never meant to be read back: that is
//! `ir::text`.

use super::names::Names;
use crate::ir::{Binary, Builtin, Compare, Expr, ExprKind, MapId, Unary, VarId};
use crate::types::{Space, Stack, StackMode, Type};

/// `kstack(5)`, `ustack(perf, 127)`.
fn stack_text(stack: Stack) -> String {
    let name = stack.name();
    match stack.mode {
        StackMode::Bpftrace => format!("{name}({})", stack.depth),
        mode => format!("{name}({}, {})", mode.name(), stack.depth),
    }
}

/// One expression. (The flat list of how each kind looks.)
pub(super) fn text(e: &Expr, names: &Names<'_>) -> String {
    let t = |e: &Expr| text(e, names);
    match &e.kind {
        ExprKind::Int(x) => constant(&e.ty, *x),
        ExprKind::Str(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        ExprKind::Builtin(Builtin::Arg(n)) => names.argument(*n),
        ExprKind::Builtin(Builtin::Stack(stack)) => stack_text(*stack),
        ExprKind::Builtin(b) => b.to_string(),
        ExprKind::Var(var) => var_text(*var, names),
        ExprKind::MapGet { map, key } | ExprKind::AggGet { map, key } => map_text(*map, key, names),
        ExprKind::HasKey { map, key } => format!("has {}", map_text(*map, key, names)),
        ExprKind::Unary { op, operand } => format!("{}{}", unary(*op), nested(operand, names)),
        ExprKind::Binary {
            op, left, right, ..
        } => infix(left, binary(*op), right, names),
        ExprKind::Compare { op, left, right } => infix(left, compare(*op), right, names),
        ExprKind::And(a, b) => infix(a, "&&", b, names),
        ExprKind::Or(a, b) => infix(a, "||", b, names),
        ExprKind::Cond(c, a, b) => {
            let [c, a, b] = [c, a, b].map(|e| nested(e, names));
            format!("{c} ? {a} : {b}")
        }
        // Conversions are the compiler's; a reader knows the value without them.
        ExprKind::Cast(operand) => t(operand),
        ExprKind::Load {
            base,
            offset,
            space,
            width,
            ..
        } => {
            let place = address(base, *offset, names);
            read(&format!("{width} bytes at {place}"), *space)
        }
        ExprKind::ReadStr { addr, space, .. } => {
            let length = length_text(&e.ty, names);
            read(&format!("str({}{length})", t(addr)), *space)
        }
        ExprKind::ReadArray { addr, space, .. } => {
            read(&format!("{} at {}", e.ty, t(addr)), *space)
        }
        ExprKind::ReadBytes {
            addr,
            length,
            space,
            ..
        } => read(&format!("buf({}, {})", t(addr), t(length)), *space),
        ExprKind::ReadArgv { addr, space, .. } => read(&format!("strings at {}", t(addr)), *space),
        ExprKind::ReadPath { addr, .. } => format!("path({})", t(addr)),
        ExprKind::ReadState(of) => format!("state({})", t(of)),
        ExprKind::Length(of) => format!("len({})", t(of)),
        ExprKind::Matches(text, pattern) => {
            format!("{} =~ {}", t(text), names.ir.patterns[pattern.0 as usize])
        }
        ExprKind::Position(hay, needle) => format!("strstr({}, {})", t(hay), t(needle)),
        ExprKind::Element(array, at) => format!("{}[{}]", nested(array, names), t(at)),
        ExprKind::Find { map, key, var } => {
            let (place, var) = (map_text(*map, key, names), var_text(*var, names));
            format!("find {place} for {var}")
        }
        ExprKind::DataLoc { offset } => format!("the text at field {offset}"),
        ExprKind::Field { offset, .. } => format!("field at {offset}"),
        ExprKind::FieldAddr { offset } => format!("address of field at {offset}"),
        ExprKind::Tuple(parts) => format!("({})", list(parts, names)),
        ExprKind::Text(value) => format!("text of {}", nested(value, names)),
        ExprKind::Member(of, at) => member(of, *at, names),
        ExprKind::TupleField(tuple, at) => format!("{}.{at}", nested(tuple, names)),
        ExprKind::StepVar { var, delta, .. } => format!("({} += {delta})", var_text(*var, names)),
        ExprKind::StepMap {
            map, key, delta, ..
        } => format!("({} += {delta})", map_text(*map, key, names)),
    }
}

fn constant(ty: &Type, bits: u64) -> String {
    match ty {
        Type::Bool => (bits != 0).to_string(),
        ty if ty.is_signed() => (bits as i64).to_string(),
        _ if bits > u64::from(u32::MAX) => format!("{bits:#x}"),
        _ => bits.to_string(),
    }
}

fn var_text(var: VarId, names: &Names<'_>) -> String {
    format!("${}", names.clause.vars[var.0 as usize].name)
}

fn member(of: &Expr, at: u32, names: &Names<'_>) -> String {
    match &of.ty {
        Type::Struct(shape) => {
            let name = &shape.fields[at as usize].name;
            format!("{}.{name}", nested(of, names))
        }
        _ => text(of, names),
    }
}

/// `, 15`: how much of a string is read, when it is less than usual.
fn length_text(ty: &Type, names: &Names<'_>) -> String {
    match ty {
        Type::Str { cap } if *cap < names.ir.max_strlen => format!(", {}", cap - 1),
        _ => String::new(),
    }
}

fn map_text(map: MapId, key: &[Expr], names: &Names<'_>) -> String {
    let name = &names.ir.maps[map.0 as usize].name;
    if key.is_empty() {
        format!("@{name}")
    } else {
        format!("@{name}[{}]", list(key, names))
    }
}

fn list(parts: &[Expr], names: &Names<'_>) -> String {
    let parts: Vec<String> = parts.iter().map(|p| text(p, names)).collect();
    parts.join(", ")
}

fn address(base: &Expr, offset: i64, names: &Names<'_>) -> String {
    match offset {
        0 => nested(base, names),
        1.. => format!("{} + {offset}", nested(base, names)),
        _ => format!("{} - {}", nested(base, names), offset.unsigned_abs()),
    }
}

/// What is read, and where when it is not the process's memory.
fn read(what: &str, space: Space) -> String {
    match space {
        Space::User => what.to_owned(),
        Space::Kernel => format!("{what} in the kernel"),
    }
}

fn infix(left: &Expr, op: &str, right: &Expr, names: &Names<'_>) -> String {
    format!("{} {op} {}", nested(left, names), nested(right, names))
}

/// With brackets when it is an operation itself.
fn nested(e: &Expr, names: &Names<'_>) -> String {
    let inner = text(e, names);
    match &e.kind {
        ExprKind::Cast(operand) => nested(operand, names),
        ExprKind::Binary { .. }
        | ExprKind::Compare { .. }
        | ExprKind::And(..)
        | ExprKind::Or(..)
        | ExprKind::Cond(..)
        | ExprKind::Load { .. } => format!("({inner})"),
        _ => inner,
    }
}

fn unary(op: Unary) -> &'static str {
    match op {
        Unary::Neg => "-",
        Unary::Not => "!",
        Unary::BitNot => "~",
        Unary::Swap => "bswap ",
    }
}

fn binary(op: Binary) -> &'static str {
    match op {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::Mod => "%",
        Binary::And => "&",
        Binary::Or => "|",
        Binary::Xor => "^",
        Binary::Shl => "<<",
        Binary::Shr => ">>",
    }
}

fn compare(op: Compare) -> &'static str {
    match op {
        Compare::Eq => "==",
        Compare::Ne => "!=",
        Compare::Lt => "<",
        Compare::Le => "<=",
        Compare::Gt => ">",
        Compare::Ge => ">=",
    }
}
