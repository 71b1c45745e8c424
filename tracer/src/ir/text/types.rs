//! Types and aggregations in the text form: `u64`, `(str 16)`, `(ptr user (record 5))`, `(hist signed)`.
//!
//! In: types, or nodes. Out: nodes, or types.

use super::names::{ABIS, GATHERED, LAZY, SIGNED, SPACES, WIDE, name, value};
use super::node::{Node, group, string, word};
use super::read::{Items, number};
use crate::types::btf::TypeId;
use crate::types::shape::{Field, Shape};
use crate::types::{
    AggKind, CallArg, HistShape, Lazy, Pointee, Series, Space, Stack, StackMode, Type,
};
use std::sync::Arc;

/// A type's node.
pub fn write(ty: &Type) -> Node {
    match ty {
        Type::Void => word("void"),
        Type::Bool => word("bool"),
        Type::Int { bits, signed } => word(format!("{}{bits}", if *signed { "i" } else { "u" })),
        Type::Str { cap } => group("str", [word(cap)]),
        Type::Ptr { to, space } => {
            let space = word(name(SPACES, space).unwrap_or_default());
            match to {
                Pointee::Unknown => group("ptr", [space]),
                Pointee::Type(to) => group("ptr", [space, write(to)]),
            }
        }
        Type::Record(id) => group("record", [word(id.0)]),
        Type::Array { elem, len } => group("array", [write(elem), word(len)]),
        Type::Tuple(parts) => group("tuple", parts.iter().map(write)),
        Type::Named(names, parts) => {
            let part = |(name, ty): (&String, &Type)| group(name, [write(ty)]);
            group("named", names.iter().zip(parts).map(part))
        }
        Type::Struct(shape) => {
            let front = [string(&shape.name), word(shape.bytes)];
            group(
                "struct",
                front
                    .into_iter()
                    .chain(shape.fields.iter().map(write_field)),
            )
        }
        Type::Stack(stack) => {
            let name = match stack.space {
                Space::Kernel => "stack",
                Space::User => "user-stack",
            };
            group(
                name,
                [word(stack.depth)].into_iter().chain(write_mode(*stack)),
            )
        }
        Type::Lazy(Lazy::Enum(id)) => group("enum", [word(id)]),
        Type::Lazy(Lazy::Decoded(of)) => group(
            "decoded",
            [
                word(name(ABIS, &of.abi).unwrap_or_default()),
                word(of.number),
                word(of.arg),
            ],
        ),
        Type::Lazy(lazy) => word(name(LAZY, lazy).unwrap_or_default()),
        Type::Call => word("call"),
        Type::Wide(wide) => word(name(WIDE, wide).unwrap_or_default()),
        Type::Bytes { cap } => group("bytes", [word(cap)]),
    }
}

/// The type of a node.
pub fn read(node: &Node) -> Result<Type, String> {
    if let Node::Word(text) = node {
        return simple(text).ok_or_else(|| format!("`{text}` is not a type"));
    }
    let mut items = Items::of(node, "a type")?;
    let head = items.word("a type")?;
    let ty = match head {
        "str" => Type::Str {
            cap: items.number()?,
        },
        "ptr" => Type::Ptr {
            space: items.name(SPACES, "an address space")?,
            to: match items.next() {
                None => Pointee::Unknown,
                Some(to) => Pointee::Type(Box::new(read(to)?)),
            },
        },
        "record" => Type::Record(TypeId(items.number()?)),
        "array" => Type::Array {
            elem: Box::new(read(items.need("an element type")?)?),
            len: items.number()?,
        },
        "bytes" => Type::Bytes {
            cap: items.number()?,
        },
        "enum" => Type::Lazy(Lazy::Enum(items.number()?)),
        "decoded" => Type::Lazy(Lazy::Decoded(CallArg {
            abi: items.name(ABIS, "an ABI")?,
            number: items.number()?,
            arg: items.number()?,
        })),
        "tuple" => Type::Tuple(items.rest().iter().map(read).collect::<Result<_, _>>()?),
        "named" => named(items.rest())?,
        "struct" => Type::Struct(Arc::new(Shape {
            name: items.text()?,
            bytes: items.number()?,
            fields: items
                .rest()
                .iter()
                .map(read_field)
                .collect::<Result<_, _>>()?,
        })),
        "stack" => Type::Stack(stack(Space::Kernel, &mut items)?),
        "user-stack" => Type::Stack(stack(Space::User, &mut items)?),
        _ => return Err(format!("`{head}` is not a type")),
    };
    items.end()?;
    Ok(ty)
}

/// Depth and mode of a stack.
pub fn stack(space: Space, items: &mut Items) -> Result<Stack, String> {
    let depth = items.number()?;
    let mode = match items.next() {
        None => StackMode::default(),
        Some(Node::Word(word)) => StackMode::named(word).ok_or("not a mode of a stack")?,
        Some(_) => return Err("a mode of a stack is a word".to_owned()),
    };
    Ok(Stack { space, depth, mode })
}

/// The mode when it is not the usual one.
pub fn write_mode(stack: Stack) -> Option<Node> {
    (stack.mode != StackMode::default()).then(|| word(stack.mode.name()))
}

/// `((a u64) (b (str 8)))`
fn named(parts: &[Node]) -> Result<Type, String> {
    let part = |node: &Node| {
        let mut part = Items::of(node, "a component")?;
        let both = (part.word("a name")?.to_owned(), read(part.need("a type")?)?);
        part.end().map(|()| both)
    };
    let parts = parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    let (names, types): (Vec<String>, Vec<Type>) = parts.into_iter().unzip();
    Ok(Type::Named(names.into(), types))
}

/// `("a" 0 u32 (bits 3 4))`
fn write_field(field: &Field) -> Node {
    let mut items = vec![string(&field.name), word(field.offset), write(&field.ty)];
    let bits = field.bits;
    items.extend(bits.map(|(at, len)| group("bits", [word(at), word(len)])));
    group("field", items)
}

fn read_field(node: &Node) -> Result<Field, String> {
    let mut items = Items::of(node, "a member")?;
    items.word("a member")?;
    let field = Field {
        name: items.text()?,
        offset: items.number()?,
        ty: read(items.need("a type")?)?,
        bits: match items.next() {
            None => None,
            Some(bits) => {
                let mut pair = Items::of(bits, "bits")?;
                pair.word("bits")?;
                let both = (pair.number()?, pair.number()?);
                pair.end()?;
                Some(both)
            }
        },
    };
    items.end()?;
    Ok(field)
}

fn simple(text: &str) -> Option<Type> {
    if let Some(lazy) = value(LAZY, text) {
        return Some(Type::Lazy(lazy));
    }
    if let Some(wide) = value(WIDE, text) {
        return Some(Type::Wide(wide));
    }
    let signed = text.starts_with('i');
    match text {
        "void" => Some(Type::Void),
        "call" => Some(Type::Call),
        "bool" => Some(Type::Bool),
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" => Some(Type::Int {
            bits: text[1..].parse().ok()?,
            signed,
        }),
        _ => None,
    }
}

/// An aggregation's node.
pub fn write_agg(kind: AggKind) -> Node {
    let sign = |signed: bool| word(name(SIGNED, &signed).unwrap_or_default());
    match kind {
        AggKind::Count => word("count"),
        AggKind::Sum { signed } => group("sum", [sign(signed)]),
        AggKind::Min { signed } => group("min", [sign(signed)]),
        AggKind::Max { signed } => group("max", [sign(signed)]),
        AggKind::Avg { signed } => group("avg", [sign(signed)]),
        AggKind::Stats { signed } => group("stats", [sign(signed)]),
        AggKind::Stddev { signed } => group("stddev", [sign(signed)]),
        AggKind::Hist(HistShape::Log2 { signed, bits }) => {
            let bits = (bits != 0).then(|| word(bits));
            group("hist", [sign(signed)].into_iter().chain(bits))
        }
        AggKind::Hist(HistShape::Linear { min, max, step }) => {
            group("lhist", [min, max, step].map(word))
        }
        AggKind::Series(series) => {
            let of = word(name(GATHERED, &series.of).unwrap_or_default());
            let numbers = [word(series.interval_ns), word(series.intervals)];
            let head = [sign(series.signed)].into_iter();
            group("tseries", head.chain(numbers).chain([of]))
        }
    }
}

/// The aggregation of a node.
pub fn read_agg(node: &Node) -> Result<AggKind, String> {
    if *node == word("count") {
        return Ok(AggKind::Count);
    }
    let mut items = Items::of(node, "an aggregation")?;
    let head = items.word("an aggregation")?;
    if head == "lhist" {
        let [min, max, step] = [items.next(), items.next(), items.next()].map(number);
        let (min, max, step) = (min?, max?, step?);
        items.end()?;
        return Ok(AggKind::Hist(HistShape::Linear { min, max, step }));
    }
    let signed = items.name(SIGNED, "`signed` or `unsigned`")?;
    if head == "tseries" {
        let series = Series {
            signed,
            interval_ns: number(items.next())?,
            intervals: number(items.next())?,
            of: items.name(GATHERED, "what is kept of an interval")?,
        };
        items.end()?;
        return Ok(AggKind::Series(series));
    }
    let bits = match items.next() {
        Some(bits) if head == "hist" => number(Some(bits))?,
        Some(_) => return Err(format!("`{head}` has no parts of powers of two")),
        None => 0,
    };
    items.end()?;
    Ok(match head {
        "sum" => AggKind::Sum { signed },
        "min" => AggKind::Min { signed },
        "max" => AggKind::Max { signed },
        "avg" => AggKind::Avg { signed },
        "stats" => AggKind::Stats { signed },
        "stddev" => AggKind::Stddev { signed },
        "hist" => AggKind::Hist(HistShape::Log2 { signed, bits }),
        _ => return Err(format!("`{head}` is not an aggregation")),
    })
}
