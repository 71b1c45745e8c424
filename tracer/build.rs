//! Turns the tables in `data/` into sorted static arrays, so that they can never be stale.
//!
//! In: `data/{errno,constants,syscalls,classes}.txt` and the numbers of the `syscalls` crate. Out:
//! `$OUT_DIR/{errno,constants,syscalls}.rs`, included by `src/tables/`. A malformed line stops the build
//! with its file and number.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=data");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let write = |name: &str, text: String| {
        let path = Path::new(&out).join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    };
    write("errno.rs", errno());
    write("constants.rs", constants());
    write("sets.rs", "static SETS: &[&Set] = &[];\n".into());
    write("structs.rs", "static STRUCTS: &[&Struct] = &[];\n".into());
    write(
        "ioctls.rs",
        "static IOCTLS: &[Ioctl] = &[];\nstatic IOCTLS_I386: &[Ioctl] = &[];\n".into(),
    );
    write(
        "syscalls.rs",
        format!("{}{}{}", numbers(), signatures(), classes()),
    );
}

/// The lines of a table that are not blank or comments, each with where it is.
fn lines(file: &str) -> Vec<(String, String)> {
    let path = format!("data/{file}");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("read {path}: {e}"));
    let keep = |l: &&str| !l.is_empty() && !l.starts_with('#');
    text.lines()
        .enumerate()
        .map(|(i, l)| (format!("{path}:{}", i + 1), l))
        .filter(|(_, l)| keep(l))
        .map(|(at, l)| (at, l.to_string()))
        .collect()
}

fn errno() -> String {
    let mut rows = BTreeMap::new();
    for (at, line) in lines("errno.txt") {
        let mut words = line.splitn(3, ' ');
        let mut next = || {
            words
                .next()
                .unwrap_or_else(|| panic!("{at}: want `number name text`"))
        };
        let number: u64 = next().parse().unwrap_or_else(|e| panic!("{at}: {e}"));
        rows.insert(number, format!("({number}, {:?}, {:?}),\n", next(), next()));
    }
    let body: String = rows.into_values().collect();
    format!("static ERRNO: &[(u64, &str, &str)] = &[\n{body}];\n")
}

fn constants() -> String {
    let mut rows = BTreeMap::new();
    for (at, line) in lines("constants.txt")
        .into_iter()
        .filter(|(_, l)| !l.starts_with('['))
    {
        let (name, value) = line
            .split_once(' ')
            .unwrap_or_else(|| panic!("{at}: want `NAME value`"));
        let value: i64 = value.parse().unwrap_or_else(|e| panic!("{at}: {e}"));
        let other = rows.insert(name.to_string(), value);
        assert!(other.is_none(), "{at}: {name} is there twice");
    }
    let body: String = rows
        .iter()
        .map(|(name, value)| format!("({name:?}, {value}),\n"))
        .collect();
    format!("static CONSTANTS: &[(&str, i64)] = &[\n{body}];\n")
}

type Numbers = Vec<(u32, &'static str)>;

/// The crate writes a call whose name is a Rust keyword as `r#break`.
fn plain(name: &'static str) -> &'static str {
    name.trim_start_matches("r#")
}

fn native_numbers() -> Numbers {
    use syscalls::x86_64::Sysno;
    let last = Sysno::last().id() as usize;
    (0..=last)
        .filter_map(Sysno::new)
        .map(|s| (s.id() as u32, plain(s.name())))
        .collect()
}

fn i386_numbers() -> Numbers {
    use syscalls::x86::Sysno;
    let last = Sysno::last().id() as usize;
    (0..=last)
        .filter_map(Sysno::new)
        .map(|s| (s.id() as u32, plain(s.name())))
        .collect()
}

/// Numbers to names, by number and by name, for both ABIs.
fn numbers() -> String {
    number_tables("NATIVE", native_numbers()) + &number_tables("I386", i386_numbers())
}

fn number_tables(abi: &str, mut calls: Numbers) -> String {
    let mut out = String::new();
    calls.sort_unstable();
    let by_number: String = calls
        .iter()
        .map(|(nr, name)| format!("({nr}, {name:?}),\n"))
        .collect();
    calls.sort_unstable_by_key(|&(_, name)| name);
    let by_name: String = calls
        .iter()
        .map(|(nr, name)| format!("({name:?}, {nr}),\n"))
        .collect();
    writeln!(
        out,
        "static {abi}_BY_NUMBER: &[(u32, &str)] = &[\n{by_number}];"
    )
    .expect("a String takes all");
    writeln!(
        out,
        "static {abi}_BY_NAME: &[(&str, u32)] = &[\n{by_name}];"
    )
    .expect("a String takes all");
    out
}

/// `SIGNATURES` and `SIGNATURES_I386`, each sorted by name. A 32-bit call without a line of its own takes
/// the native one's, with `long` cut to 32 bits.
fn signatures() -> String {
    let (mut native, mut i386) = (BTreeMap::new(), BTreeMap::new());
    for (at, line) in lines("syscalls.txt") {
        let (name, wide) = match line
            .split(' ')
            .next()
            .expect("split gives one part")
            .strip_prefix("i386:")
        {
            Some(name) => (name.to_string(), false),
            None => (
                line.split(' ')
                    .next()
                    .expect("split gives one part")
                    .to_string(),
                true,
            ),
        };
        if wide {
            native.insert(name.clone(), signature(&at, &line, true));
            i386.entry(name.clone())
                .or_insert_with(|| signature(&at, &line, false));
        } else {
            i386.insert(name, signature(&at, &line, false));
        }
    }
    for (_, call) in native_numbers() {
        assert!(
            native.contains_key(call),
            "data/syscalls.txt: no line for {call}"
        );
    }
    for (_, call) in i386_numbers() {
        assert!(
            i386.contains_key(call),
            "data/syscalls.txt: no line for i386:{call}"
        );
    }
    let table = |name: &str, rows: BTreeMap<String, String>| {
        format!(
            "static {name}: &[Signature] = &[\n{}];\n",
            rows.into_values().collect::<String>()
        )
    };
    table("SIGNATURES", native) + &table("SIGNATURES_I386", i386)
}

fn signature(at: &str, line: &str, wide: bool) -> String {
    let (call, members) = line.split_once(';').unwrap_or((line, ""));
    let mut words = call.split_whitespace();
    let name = words
        .next()
        .expect("a line is not blank")
        .trim_start_matches("i386:");
    let pairs: Vec<(&str, &str)> = words
        .map(|w| {
            w.split_once(':')
                .unwrap_or_else(|| panic!("{at}: want name:kind, found {w}"))
        })
        .collect();
    let args: String = pairs
        .iter()
        .map(|(n, k)| {
            let written = k.starts_with("out");
            let kind = kind(at, k, wide);
            let what = what(n, k);
            format!("Arg {{ name: {n:?}, kind: {kind}, written: {written}, what: {what} }}, ")
        })
        .collect();
    let position = |arg: &str| pairs.iter().position(|(n, _)| *n == arg);
    let (pairs, fields): (Vec<&str>, Vec<&str>) =
        members.split_whitespace().partition(|m| m.contains('='));
    let fields: String = fields.iter().map(|m| field(at, m, &position)).collect();
    let pairs: String = pairs.iter().map(|m| pair(at, m, &position)).collect();
    format!(
        "Signature {{ name: {name:?}, args: &[{args}], fields: &[{fields}], pairs: &[{pairs}], result: {} }},\n",
        result(name)
    )
}

/// What an argument means, as far as its kind and its name tell.
fn what(name: &str, kind: &str) -> String {
    const PATHS: [&str; 12] = [
        "filename",
        "pathname",
        "path",
        "oldname",
        "newname",
        "dir_name",
        "new_root",
        "put_old",
        "special",
        "specialfile",
        "from_pathname",
        "to_pathname",
    ];
    match (kind, name) {
        ("fd", "dfd" | "olddfd" | "newdfd" | "from_dfd" | "to_dfd") => "What::DirFd".into(),
        ("fd", _) => "What::Fd".into(),
        ("pid", _) => "What::Pid".into(),
        ("str", _) => {
            let what = if PATHS.contains(&name) { "Path" } else { "Str" };
            format!(
                "What::Ptr(Dir::In, &Elem {{ what: What::{what}, width: ByAbi {{ native: 0, i386: 0 }}, signed: false }})"
            )
        }
        ("out", "buf" | "ubuf") => {
            "What::Ptr(Dir::Out, &Elem { what: What::Bytes(Len::Ret), width: ByAbi { native: 0, i386: 0 }, signed: false })".into()
        }
        (_, "mode") => "What::Octal".into(),
        (_, "sig") => "What::Signal".into(),
        _ if kind.starts_with("ptr") || kind.starts_with("out") => "What::Hex".into(),
        _ => "What::Int".into(),
    }
}

fn result(call: &str) -> &'static str {
    match call {
        "open" | "openat" | "openat2" | "creat" | "dup" | "dup2" | "dup3" | "socket" | "accept"
        | "accept4" => "What::Fd",
        "fork" | "vfork" | "clone" | "clone3" | "getpid" | "getppid" | "gettid" | "wait4" => {
            "What::Pid"
        }
        "brk" | "mmap" | "mmap2" | "mremap" => "What::Hex",
        "exit" | "exit_group" => "What::None",
        _ => "What::Int",
    }
}

fn kind(at: &str, kind: &str, wide: bool) -> String {
    let int =
        |bits: u32, signed: bool| format!("ArgKind::Int {{ bits: {bits}, signed: {signed} }}");
    match kind {
        "i16" => int(16, true),
        "u16" => int(16, false),
        "u32" => int(32, false),
        "i32" | "fd" | "pid" => int(32, true),
        "i64" => int(if wide { 64 } else { 32 }, true),
        "u64" => int(if wide { 64 } else { 32 }, false),
        "str" => "ArgKind::Str".into(),
        "ptr" | "out" => "ArgKind::Ptr(None)".into(),
        other => {
            let target = other
                .strip_prefix("ptr(")
                .or(other.strip_prefix("out("))
                .and_then(|s| s.strip_suffix(')'));
            match target {
                Some(target) => format!("ArgKind::Ptr(Some({target:?}))"),
                None => panic!("{at}: no such kind: {other}"),
            }
        }
    }
}

/// `name@argument+offset:kind`
fn field(at: &str, text: &str, position: &dyn Fn(&str) -> Option<usize>) -> String {
    let parse = || {
        let (name, rest) = text.split_once('@')?;
        let (arg, rest) = rest.split_once('+')?;
        let (offset, kind) = rest.split_once(':')?;
        let signed = kind.starts_with('i');
        let bits: u32 = kind[1..].parse().ok()?;
        let (arg, width) = (position(arg)?, bits / 8);
        Some(format!(
            "StructField {{ name: {name:?}, arg: {arg}, offset: {offset}, width: {width}, signed: {signed} }}, "
        ))
    };
    parse().unwrap_or_else(|| panic!("{at}: want name@argument+offset:kind, found {text}"))
}

/// `name=low+high:kind`
fn pair(at: &str, text: &str, position: &dyn Fn(&str) -> Option<usize>) -> String {
    let parse = || {
        let (name, rest) = text.split_once('=')?;
        let (low, rest) = rest.split_once('+')?;
        let (high, kind) = rest.split_once(':')?;
        let signed = match kind {
            "i64" => true,
            "u64" => false,
            _ => return None,
        };
        let (low, high) = (position(low)?, position(high)?);
        Some(format!(
            "ArgPair {{ name: {name:?}, low: {low}, high: {high}, signed: {signed} }}, "
        ))
    };
    parse().unwrap_or_else(|| panic!("{at}: want name=low+high:kind, found {text}"))
}

fn classes() -> String {
    let mut rows = BTreeMap::new();
    for (at, line) in lines("classes.txt") {
        let (class, calls) = line
            .split_once(':')
            .unwrap_or_else(|| panic!("{at}: want `class: calls`"));
        let mut calls: Vec<&str> = calls.split_whitespace().collect();
        calls.sort_unstable();
        rows.insert(class.to_string(), format!("({class:?}, &{calls:?}),\n"));
    }
    let body: String = rows.into_values().collect();
    format!("static CLASSES: &[(&str, &[&str])] = &[\n{body}];\n")
}
