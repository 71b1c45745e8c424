//! System calls: `data/syscalls.txt`, `data/classes.txt`.
//!
//! In: lines, words for types. Out: `SIGNATURES`, `SIGNATURES_I386`, `CLASSES`. A 32-bit call without a line of its own
//! takes the native one's, with `long` and pointers cut to 32 bits.

use crate::expression::{Type, parse};
use crate::lines::{Line, lines, wrong};
use crate::meaning::{Meaning, Scope, Words};
use crate::numbers;
use std::collections::BTreeMap;

/// Which ABI a signature is for: index of sizes.
#[derive(Clone, Copy, PartialEq)]
enum For {
    Native,
    I386,
}

/// Signatures for both ABIs, each table sorted by name, and classes.
pub fn tables(words: &Words) -> String {
    let (mut native, mut i386) = (BTreeMap::new(), BTreeMap::new());
    let mut own = Vec::new();
    for line in lines("syscalls.txt") {
        let name = line.text.split(' ').next().unwrap_or_default();
        let (table, abi, name) = match name.strip_prefix("i386:") {
            Some(name) => (&mut i386, For::I386, name.to_string()),
            None => (&mut native, For::Native, name.to_string()),
        };
        if table.contains_key(&name) {
            wrong(&line.at, format!("{name} has a line above"));
        }
        table.insert(name.clone(), Call::read(&line).signature(words, abi));
        own.push((name, line));
    }
    for (name, line) in own.iter().filter(|(_, l)| !l.text.starts_with("i386:")) {
        if !i386.contains_key(name) {
            i386.insert(name.clone(), Call::read(line).signature(words, For::I386));
        }
    }
    complete(&native, numbers::native(), "");
    complete(&i386, numbers::i386(), "i386:");
    let table = |name: &str, rows: BTreeMap<String, String>| {
        let rows: String = rows.into_values().collect();
        format!("static {name}: &[Signature] = &[\n{rows}];\n")
    };
    table("SIGNATURES", native) + &table("SIGNATURES_I386", i386) + &classes()
}

/// Each call that has a number has a line.
fn complete(rows: &BTreeMap<String, String>, numbers: numbers::Numbers, abi: &str) {
    for (_, call) in numbers {
        if !rows.contains_key(call) {
            wrong("data/syscalls.txt", format!("no line for {abi}{call}"));
        }
    }
}

/// A line in its parts.
struct Call<'a> {
    at: &'a str,
    name: &'a str,
    args: Vec<(&'a str, Type)>,
    result: Option<Type>,
    /// Behind the semicolon.
    members: Vec<&'a str>,
}

impl<'a> Call<'a> {
    /// `name argument:type... [-> result] [; members]`
    fn read(line: &'a Line) -> Call<'a> {
        let at = &line.at;
        let (text, members) = line.text.split_once(';').unwrap_or((&line.text, ""));
        let (text, result) = match text.split_once(" -> ") {
            Some((text, result)) => (text, Some(parse(at, result.trim()))),
            None => (text, None),
        };
        let mut words = text.split_whitespace();
        let name = words.next().expect("a line is not blank");
        let args = words.map(|w| match w.split_once(':') {
            Some((name, kind)) => (name, parse(at, kind)),
            None => wrong(at, format!("want name:type, found {w}")),
        });
        Call {
            at,
            name: name.trim_start_matches("i386:"),
            args: args.collect(),
            result,
            members: members.split_whitespace().collect(),
        }
    }

    fn signature(&self, words: &Words, abi: For) -> String {
        let names: Vec<&str> = self.args.iter().map(|(name, _)| *name).collect();
        let scope = Scope::Call(&names);
        let meanings = self
            .args
            .iter()
            .map(|(_, t)| words.meaning(self.at, t, scope));
        let args = self.args.iter().zip(meanings);
        let args: String = args
            .map(|((n, t), m)| arg(self.at, n, t, &m, abi))
            .collect();
        let result = match &self.result {
            Some(result) => words.meaning(self.at, result, scope).what,
            None => "What::Int".into(),
        };
        let (mut fields, mut pairs) = (String::new(), String::new());
        for member in &self.members {
            match member.strip_prefix('@') {
                Some(arg) => fields += &self.struct_fields(words, arg, abi),
                None => pairs += &pair(self.at, member, &names),
            }
        }
        let name = self.name;
        format!(
            "Signature {{ name: {name:?}, args: &[{args}], fields: &[{fields}], pairs: &[{pairs}], result: {result} }},\n"
        )
    }

    /// The members of the struct that an argument points to count as arguments.
    fn struct_fields(&self, words: &Words, arg: &str, abi: For) -> String {
        let Some(place) = self.args.iter().position(|(name, _)| *name == arg) else {
            wrong(self.at, format!("@{arg}: no such argument"));
        };
        let Some(mut target) = self.args[place].1.arguments.first() else {
            wrong(self.at, format!("@{arg}: points to no struct"));
        };
        if target.head == "sized" {
            target = &target.arguments[0];
        }
        let layout = words.structs.layout(&target.head, words);
        let abi = abi as usize;
        let field = |m: &crate::structs::Laid| {
            format!(
                "StructField {{ name: {:?}, arg: {place}, offset: {}, width: {}, signed: {} }}, ",
                m.name, m.offset[abi], m.width[abi], m.signed
            )
        };
        layout.members.iter().map(field).collect()
    }
}

fn arg(at: &str, name: &str, text: &Type, meaning: &Meaning, abi: For) -> String {
    let kind = kind(at, text, meaning, abi);
    let written = matches!(text.head.as_str(), "out" | "inout" | "outptr");
    let what = &meaning.what;
    format!("Arg {{ name: {name:?}, kind: {kind}, written: {written}, what: {what} }}, ")
}

/// The `ArgKind`: what the language needs to know.
fn kind(at: &str, text: &Type, meaning: &Meaning, abi: For) -> String {
    let pointer = |target: &Option<[String; 2]>| match target {
        Some(names) => format!("ArgKind::Ptr(Some({:?}))", names[abi as usize]),
        None => "ArgKind::Ptr(None)".into(),
    };
    match text.head.as_str() {
        "path" | "str" => "ArgKind::Str".into(),
        "in" | "out" | "inout" | "update" => match text.arguments[0].head.as_str() {
            "path" | "str" => "ArgKind::Str".into(),
            _ => pointer(&meaning.target),
        },
        "ptr" | "outptr" => pointer(&meaning.target),
        head => {
            let bits = 8 * meaning.width[abi as usize];
            // A register of a 32-bit call has 32 bits.
            let bits = if abi == For::I386 { bits.min(32) } else { bits };
            if bits == 0 {
                wrong(at, format!("{head} does not say how wide it is"));
            }
            format!(
                "ArgKind::Int {{ bits: {bits}, signed: {} }}",
                meaning.signed
            )
        }
    }
}

/// `name=low+high:kind`: a number of 64 bits in two arguments of 32.
fn pair(at: &str, text: &str, names: &[&str]) -> String {
    let parse = || {
        let (name, rest) = text.split_once('=')?;
        let (low, rest) = rest.split_once('+')?;
        let (high, kind) = rest.split_once(':')?;
        let signed = match kind {
            "i64" => true,
            "u64" => false,
            _ => return None,
        };
        let place = |arg: &str| names.iter().position(|n| *n == arg);
        let (low, high) = (place(low)?, place(high)?);
        Some(format!(
            "ArgPair {{ name: {name:?}, low: {low}, high: {high}, signed: {signed} }}, "
        ))
    };
    parse().unwrap_or_else(|| wrong(at, format!("want name=low+high:kind, found {text}")))
}

/// `class: calls`
fn classes() -> String {
    let mut rows = BTreeMap::new();
    for line in lines("classes.txt") {
        let Some((class, calls)) = line.text.split_once(':') else {
            wrong(&line.at, "want `class: calls`");
        };
        let mut calls: Vec<&str> = calls.split_whitespace().collect();
        calls.sort_unstable();
        rows.insert(class.to_string(), format!("({class:?}, &{calls:?}),\n"));
    }
    let body: String = rows.into_values().collect();
    format!("static CLASSES: &[(&str, &[&str])] = &[\n{body}];\n")
}
