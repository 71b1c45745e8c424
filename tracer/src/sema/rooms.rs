//! `let @m = lruhash(100);`: how many keys a map holds, and what gives way when it is full.
//!
//! In: declarations in front of the clauses, and what the clauses make of the maps. Out: [`Room`]s in the program. Whether a
//! map is kept once or on each CPU follows from its use; a declaration that says otherwise is an error.

use super::config::MOST_KEYS;
use super::nearest::did_you_mean;
use super::pass::Pass;
use super::preamble;
use crate::diag::{Diagnostic, Span, codes};
use crate::ir::{Map, MapValue, Room};
use crate::syntax::ast::{Expr, Ident, Item, Script};
use std::collections::BTreeMap;

/// A kind of map that can be declared.
struct Kind {
    name: &'static str,
    /// It has keys.
    keyed: bool,
    /// It is kept on each CPU: for aggregations.
    per_cpu: Option<bool>,
    /// The key that was used longest ago gives way.
    recent: bool,
}

const fn kind(name: &'static str, keyed: bool, per_cpu: Option<bool>, recent: bool) -> Kind {
    Kind {
        name,
        keyed,
        per_cpu,
        recent,
    }
}

const KINDS: &[Kind] = &[
    kind("hash", true, None, false),
    kind("lruhash", true, None, true),
    kind("percpuarray", false, Some(true), false),
    kind("percpuhash", true, Some(true), false),
    kind("percpulruhash", true, Some(true), true),
];

/// A declaration that was read.
#[derive(Clone)]
pub struct Declared {
    kind: &'static Kind,
    entries: u32,
    span: Span,
}

/// Declarations, by the map's name.
pub type Rooms = BTreeMap<String, Declared>;

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Reads all declarations of maps.
pub fn read(script: &Script, notes: &mut Vec<Diagnostic>) -> Rooms {
    let mut rooms = Rooms::new();
    for item in &script.items {
        let Item::MapDecl {
            name,
            kind,
            args,
            span,
        } = item
        else {
            continue;
        };
        match declared(kind, args, *span) {
            Ok(declared) => {
                if let Some(before) = rooms.insert(name.text.clone(), declared) {
                    let message = format!("`@{}` is declared twice", name.text);
                    let diagnostic = Diagnostic::error(codes::BAD_MAP_DECLARATION, *span, message);
                    notes.push(diagnostic.also(before.span, "first declared here"));
                }
            }
            Err(diagnostic) => notes.push(*diagnostic),
        }
    }
    rooms
}

fn declared(kind: &Ident, args: &[Expr], span: Span) -> Result<Declared, Box<Diagnostic>> {
    let error =
        |span, message: String| Diagnostic::error(codes::BAD_MAP_DECLARATION, span, message);
    let Some(known) = KINDS.iter().find(|k| k.name == kind.text) else {
        let names = KINDS.iter().map(|k| k.name);
        let near = did_you_mean(&kind.text, names.clone());
        let diagnostic = error(kind.span, format!("no such kind of map: `{}`", kind.text));
        let known = names.collect::<Vec<_>>().join(", ");
        let help = near.unwrap_or(format!("known are {known}"));
        return Err(Box::new(diagnostic.help(help)));
    };
    let wanted = format!(
        "{}() takes the number of keys, from 1 to {MOST_KEYS}",
        known.name
    );
    let [entries] = args else {
        return Err(Box::new(error(span, wanted)));
    };
    match preamble::constant(entries) {
        Ok(n) if u64::try_from(n).is_ok_and(|n| (1..=MOST_KEYS).contains(&n)) => Ok(Declared {
            kind: known,
            entries: n as u32,
            span,
        }),
        _ => Err(Box::new(error(entries.span, wanted))),
    }
}

impl Pass<'_> {
    /// Writes what was declared into the program's maps, whose types are known now.
    pub fn fill_rooms(&mut self) {
        let rooms = std::mem::take(&mut self.rooms);
        for map in &mut self.program.maps {
            let Some(declared) = rooms.get(&map.name) else {
                continue;
            };
            match fits(declared, map) {
                Ok(room) => map.room = room,
                Err(diagnostic) => self.notes.push(*diagnostic),
            }
        }
        self.rooms = rooms;
    }
}

/// The room of a map; `None` for one without keys.
fn fits(declared: &Declared, map: &Map) -> Result<Option<Room>, Box<Diagnostic>> {
    let kind = declared.kind;
    let error = |message: String, help: &str| {
        let diagnostic = Diagnostic::error(codes::BAD_MAP_DECLARATION, declared.span, message);
        Box::new(diagnostic.also(map.span, "used here").help(help))
    };
    let name = &map.name;
    match (kind.keyed, map.key.is_empty()) {
        (true, true) => {
            let message = format!(
                "`@{name}` is declared as {} and used without a key",
                kind.name
            );
            return Err(error(message, "a map without keys needs no declaration"));
        }
        (false, false) => {
            let message = format!("`@{name}` is declared as {} and used with a key", kind.name);
            return Err(error(message, "with keys it is a percpuhash"));
        }
        _ => {}
    }
    if kind.per_cpu == Some(true) && matches!(map.value, MapValue::Plain(_)) {
        let message = format!(
            "`@{name}` is declared as {} and holds plain values",
            kind.name
        );
        return Err(error(
            message,
            "values are shared by all CPUs: hash or lruhash",
        ));
    }
    Ok(kind.keyed.then_some(Room {
        entries: declared.entries,
        recent: kind.recent,
    }))
}
