//! Values whose meaning another value decides: `data/cases.txt`.
//!
//! In: blocks, constants. Out: `What::On(..)` for the call or struct that names the case. Never knows which those are.

use crate::constants::Constants;
use crate::expression::{Type, parse};
use crate::lines::{Block, Line, blocks, wrong};
use crate::meaning::{Meaning, Place, Scope, Words};
use std::collections::BTreeMap;

/// The cases by name.
pub struct Cases {
    by_name: BTreeMap<String, On>,
}

struct On {
    at: String,
    source: String,
    mask: u64,
    cases: Vec<(u64, String, Type)>,
    otherwise: Type,
}

impl Cases {
    /// `data/cases.txt`.
    pub fn read(constants: &Constants) -> Cases {
        let mut by_name = BTreeMap::new();
        for block in blocks("cases.txt") {
            let (name, on) = on(constants, &block);
            if by_name.insert(name.clone(), on).is_some() {
                wrong(&block.head.at, format!("{name} is there twice"));
            }
        }
        Cases { by_name }
    }

    /// What a value means whose cases have this name.
    pub fn meaning(&self, at: &str, name: &str, words: &Words, scope: Scope) -> Option<Meaning> {
        let on = self.by_name.get(name)?;
        let source = source(at, &on.source, scope);
        let otherwise = words.meaning(&on.at, &on.otherwise, scope);
        let (mut cases, mut width, mut align) = (String::new(), otherwise.width, otherwise.align);
        for (value, at, case) in &on.cases {
            let case = words.meaning(at, case, scope);
            cases += &format!("({value:#x}, {}), ", case.what);
            for abi in 0..2 {
                width[abi] = width[abi].max(case.width[abi]);
                align[abi] = align[abi].max(case.align[abi]);
            }
        }
        let text = format!(
            "On {{ source: {source}, mask: {:#x}, cases: &[{cases}], otherwise: {} }}",
            on.mask, otherwise.what
        );
        Some(Meaning {
            what: format!("What::On({})", words.interned.add("On", text)),
            width,
            align,
            signed: false,
            target: None,
        })
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// `NAME = SOURCE [& MASK]`, below it `CONSTANT...: TYPE` and `else: TYPE`.
fn on(constants: &Constants, block: &Block) -> (String, On) {
    let Line { at, text, .. } = &block.head;
    let Some((name, source)) = text.split_once(" = ") else {
        wrong(at, "want `NAME = SOURCE` or `NAME = SOURCE & MASK`");
    };
    let (source, mask) = match source.split_once(" & ") {
        Some((source, mask)) => (source, constants.value(at, mask) as u64),
        None => (source, u64::MAX),
    };
    let (mut cases, mut otherwise) = (BTreeMap::new(), None);
    for Line { at, text, .. } in &block.body {
        let Some((values, what)) = text.rsplit_once(": ") else {
            wrong(at, "want `CONSTANT...: TYPE` or `else: TYPE`");
        };
        let what = parse(at, what);
        if values == "else" {
            otherwise = Some(what);
            continue;
        }
        for value in values.split_whitespace() {
            let bits = constants.value(at, value) as u64 & mask;
            if cases.insert(bits, (at.clone(), what.clone())).is_some() {
                wrong(at, format!("{value} has a line above"));
            }
        }
    }
    let otherwise = otherwise.unwrap_or_else(|| wrong(at, format!("{name}: no `else:`")));
    let cases = cases.into_iter();
    let on = On {
        at: at.clone(),
        source: source.to_string(),
        mask,
        cases: cases.map(|(v, (at, what))| (v, at, what)).collect(),
        otherwise,
    };
    (name.to_string(), on)
}

fn source(at: &str, text: &str, scope: Scope) -> String {
    if text == "ret" {
        return "Source::Ret".into();
    }
    let name = text.trim_start_matches('*');
    match scope.place(name) {
        Some(Place::Arg(n)) if text.starts_with('*') => format!("Source::Pointee({n})"),
        Some(Place::Arg(n)) => format!("Source::Arg({n})"),
        Some(Place::Field(n)) => format!("Source::Field({n})"),
        None => wrong(at, format!("cases: there is no {name} to look at")),
    }
}
