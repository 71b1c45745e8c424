//! One value as bpftrace writes it.
//!
//! In: a value, its type when it is known, names. Out: text appended to a buffer. Never pads or quotes.

use super::{Names, number, quote};
use crate::decode;
use crate::types::call::{ArgState, Call};
use crate::types::{Lazy, Space, Stack, StackMode, SyscallProbe, Type, Value, Wide};
use std::borrow::Cow;

/// Whether control bytes of strings pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bytes {
    /// As they are.
    Raw,
    /// Made visible.
    Visible,
}

/// Spaces before each frame of a stack that is printed by itself, and of one in a key.
const STACK_INDENT: usize = 8;
const KEY_STACK_INDENT: usize = 4;

/// Appends a value. Pointers are hexadecimal, which only the type can tell.
pub fn write(out: &mut Vec<u8>, names: &dyn Names, ty: Option<&Type>, value: &Value, bytes: Bytes) {
    match value {
        Value::Absent => out.push(b'?'),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(n) => number::signed(out, *n),
        Value::Uint(n) if matches!(ty, Some(Type::Ptr { .. })) => number::hex(out, *n),
        Value::Uint(n) => number::decimal(out, *n),
        Value::Str(s) if bytes == Bytes::Raw => out.extend_from_slice(s),
        Value::Str(s) => quote::terminal(out, s),
        Value::Tuple(parts) => {
            out.push(b'(');
            list(out, names, ty, parts, bytes);
            out.push(b')');
        }
        Value::Named(called, parts) => {
            let types: &[Type] = match ty {
                Some(Type::Named(_, types)) => types,
                _ => &[],
            };
            let parts = called.iter().zip(parts).enumerate();
            let parts =
                parts.map(|(i, (name, value))| (name.as_str(), types.get(i), Cow::Borrowed(value)));
            members(out, names, parts, bytes);
        }
        Value::Struct(shape, raw) => {
            let parts = shape.values(raw);
            let parts = parts.map(|(name, ty, value)| (name, Some(ty), Cow::Owned(value)));
            members(out, names, parts, bytes);
        }
        Value::Stack(kind, words) => stack(out, names, *kind, words, STACK_INDENT),
        Value::Lazy(kind, raw) => lazy(out, names, *kind, *raw),
        Value::Call(bytes) => call(out, names, bytes),
        Value::Wide(kind, words) => wide(out, names, *kind, words),
        Value::Bytes(raw) => quote::buffer(out, raw),
        Value::Array(elements) => {
            let elem = match ty {
                Some(Type::Array { elem, .. }) => Some(&**elem),
                _ => None,
            };
            out.push(b'[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, names, elem, element, bytes);
            }
            out.push(b']');
        }
    }
}

/// As strace writes it.
fn call(out: &mut Vec<u8>, names: &dyn Names, bytes: &[u8]) {
    match Call::read(bytes) {
        Some(call) => decode::call::line(&call, &names.call_style(), out),
        None => out.push(b'?'),
    }
}

/// `{ .a = 1, .b = x }`: a record or a struct.
fn members<'a>(
    out: &mut Vec<u8>,
    names: &dyn Names,
    parts: impl Iterator<Item = (&'a str, Option<&'a Type>, Cow<'a, Value>)>,
    bytes: Bytes,
) {
    out.extend_from_slice(b"{ ");
    for (i, (name, ty, value)) in parts.enumerate() {
        out.extend_from_slice(if i > 0 { b", ." } else { b"." });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b" = ");
        write(out, names, ty, &value, bytes);
    }
    out.extend_from_slice(b" }");
}

/// The parts of a tuple, or of a key, separated by `, `.
fn list(out: &mut Vec<u8>, names: &dyn Names, ty: Option<&Type>, parts: &[Value], bytes: Bytes) {
    let types: &[Type] = match ty {
        Some(Type::Tuple(types)) => types,
        _ => &[],
    };
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write(out, names, types.get(i), part, bytes);
    }
}

/// A map's key: its components separated by `between`.
pub fn key(
    out: &mut Vec<u8>,
    names: &dyn Names,
    types: &[Type],
    key: &[Value],
    between: &str,
    bytes: Bytes,
) {
    // A key that is one tuple prints as its components would.
    if let ([Type::Tuple(types)], [Value::Tuple(parts)]) = (types, key) {
        return self::key(out, names, types, parts, between, bytes);
    }
    for (i, part) in key.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(between.as_bytes());
        }
        match part {
            Value::Stack(kind, words) => stack(out, names, *kind, words, KEY_STACK_INDENT),
            part => write(out, names, types.get(i), part, bytes),
        }
    }
}

/// A line for each frame, after a line break. `perf` indents by itself, `raw` not at all (as bpftrace).
fn stack(out: &mut Vec<u8>, names: &dyn Names, kind: Stack, words: &[u64], indent: usize) {
    let (process, frames) = kind.parts(words);
    out.push(b'\n');
    for &address in frames {
        match kind.mode {
            StackMode::Bpftrace => {
                out.resize(out.len() + indent, b' ');
                frame(out, names, kind, process, address);
            }
            StackMode::Perf => {
                out.push(b'\t');
                number::unsigned(out, address, 16, false);
                out.push(b' ');
                frame(out, names, kind, process, address);
            }
            StackMode::Raw => number::unsigned(out, address, 16, false),
        }
        out.push(b'\n');
    }
}

/// One frame: `name+12`, with its file in the `perf` mode of user stacks, or the address when nobody knows it.
pub fn frame(out: &mut Vec<u8>, names: &dyn Names, kind: Stack, process: u32, address: u64) {
    let (offset, file) = match kind.space {
        Space::Kernel => (names.symbol(address, out), None),
        Space::User => match names.user_symbol(process, address) {
            Some(place) => {
                let name = place.symbol.as_ref().map(|s| s.name.as_bytes());
                out.extend_from_slice(name.unwrap_or_default());
                (place.symbol.map(|s| s.offset), Some(place.file))
            }
            None => (None, None),
        },
    };
    match offset {
        Some(offset) => {
            out.push(b'+');
            number::decimal(out, offset);
        }
        None => number::hex(out, address),
    }
    if kind.space == Space::User && kind.mode == StackMode::Perf {
        let file = file.unwrap_or_else(|| "[unknown]".to_owned());
        out.extend_from_slice(b" (");
        out.extend_from_slice(file.as_bytes());
        out.push(b')');
    }
}

/// What a raw value stands for.
pub fn lazy(out: &mut Vec<u8>, names: &dyn Names, kind: Lazy, raw: u64) {
    let text = match kind {
        Lazy::Errno => decode::errno_name(raw),
        Lazy::Strerror => decode::errno_text(raw),
        Lazy::SignalName => decode::signal_name(raw),
        Lazy::SyscallName => decode::syscall_name(raw),
        Lazy::Abi => decode::abi_name(raw),
        Lazy::ArgState => ArgState::from_wire(raw as u8).name().into(),
        Lazy::Decoded(of) => return decode::call::argument(of, raw, out),
        Lazy::Mac => decode::mac_address(raw).into(),
        Lazy::Username => return named(out, raw, |out| names.user(raw, out)),
        Lazy::CgroupPath => return named(out, raw, |out| names.cgroup(raw, out)),
        Lazy::Host => return named(out, raw, |out| names.host(raw, out)),
        Lazy::Container => return container(out, names, raw),
        Lazy::Enum(id) => match names.enumerator(id, raw as i64) {
            Some(name) => name.into(),
            None => return number::signed(out, raw as i64),
        },
        Lazy::ProbeName => return probe(out, names, raw),
        Lazy::FuncName => match names.func(raw) {
            Some(name) => name.into(),
            None => "?".into(),
        },
        Lazy::Ksym => {
            if names.symbol(raw, out).is_none() {
                number::hex(out, raw);
            }
            return;
        }
    };
    out.extend_from_slice(text.as_bytes());
}

/// What `name` appends, the number when it appends nothing.
fn named(out: &mut Vec<u8>, number: u64, name: impl FnOnce(&mut Vec<u8>)) {
    let before = out.len();
    name(out);
    if out.len() == before {
        number::decimal(out, number);
    }
}

/// The container that a cgroup belongs to, as its path tells.
fn container(out: &mut Vec<u8>, names: &dyn Names, cgroup: u64) {
    let mut path = Vec::new();
    names.cgroup(cgroup, &mut path);
    out.extend_from_slice(decode::container(&path));
}

/// What a raw value of several words stands for.
pub fn wide(out: &mut Vec<u8>, names: &dyn Names, kind: Wide, words: &[u64]) {
    match (kind, words) {
        (Wide::Inet, [family, low, high]) => {
            out.extend_from_slice(decode::internet_address(*family, [*low, *high]).as_bytes());
        }
        (Wide::Time, [format, time_ns]) => names.moment(*format, *time_ns, out),
        (Wide::Ratio, [numerator, denominator]) => {
            number::ratio(out, *numerator as i64, *denominator as i64, 6);
        }
        (Wide::Usym, [process, address]) => {
            match names
                .user_symbol(*process as u32, *address)
                .and_then(|place| place.symbol)
            {
                Some(symbol) => out.extend_from_slice(symbol.name.as_bytes()),
                None => number::hex(out, *address),
            }
        }
        _ => out.push(b'?'),
    }
}

/// The name of a probe: from the script's table, or made from the call.
pub fn probe(out: &mut Vec<u8>, names: &dyn Names, raw: u64) {
    match SyscallProbe::split(raw) {
        Some((form, call)) => {
            let call = decode::syscall_name(call);
            let text = match form {
                SyscallProbe::TracepointEnter | SyscallProbe::TracepointExit => {
                    form.text(decode::tracepoint_name(&call))
                }
                _ => form.text(&call),
            };
            out.extend_from_slice(text.as_bytes());
        }
        None => out.extend_from_slice(names.probe(raw).unwrap_or("?").as_bytes()),
    }
}
