//! Pages that are made from tables of the program: `docs/builtins.md` and `docs/diagnostics.md`.
//!
//! In: the tables of built-ins, probes and diagnostic codes, and the language cases, which have an example of each diagnostic.
//! Out: a failure for each page that is not as the tables say; `BLESS=1` (or `cargo xtask docs`) writes them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use tracer::diag::codes;
use tracer::sema::VARIABLES;
use tracer::sema::builtins::{FUNCTIONS, Function};
use tracer::sema::providers::PROVIDERS;

const MADE: &str = "<!-- Made by `cargo xtask docs` from the program's tables: change those. -->";

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests lies in the repository").into()
}

/// Compares a page with what it should be, or writes it.
fn page(name: &str, want: &str) {
    let path = root().join("docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, want).expect("the page can be written");
        return;
    }
    let have = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        have == want,
        "docs/{name} is not what the tables say: run `cargo xtask docs`"
    );
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_page_of_built_ins_is_that_of_the_tables() {
    let mut out = format!("# Built-ins\n\n{MADE}\n\n");
    out += "What each means in detail stands in [language.md](language.md).\n";
    out += "\n## Probes\n\n| probe | short | written as |\n|---|---|---|\n";
    for provider in PROVIDERS {
        let aliases: Vec<String> = provider.aliases.iter().map(|a| format!("`{a}`")).collect();
        let (name, forms) = (provider.name, cell(provider.forms));
        let _ = writeln!(out, "| `{name}` | {} | {forms} |", aliases.join(" "));
    }
    out += "\n## Values\n\n| name | what it is |\n|---|---|\n";
    for variable in VARIABLES {
        let _ = writeln!(out, "| `{}` | {} |", variable.name, cell(variable.doc));
    }
    let functions = |title: &str, wanted: fn(&&Function) -> bool, out: &mut String| {
        let _ = write!(out, "\n## {title}\n\n| call | what it does |\n|---|---|\n");
        for function in FUNCTIONS.iter().filter(wanted) {
            let _ = writeln!(
                out,
                "| `{}` | {} |",
                cell(function.usage),
                cell(function.doc)
            );
        }
    };
    functions("Aggregations: `@x = …`", |f| f.aggregates, &mut out);
    functions("Functions", |f| !f.aggregates, &mut out);
    page("builtins.md", &out);
}

/// For each code the shortest example of it in the language cases, as a user sees it.
fn examples() -> BTreeMap<u16, String> {
    let mut found: BTreeMap<u16, String> = BTreeMap::new();
    for stage in ["parse", "check", "plan", "generate", "recorded", "sql"] {
        let folder = root().join("tests/lang").join(stage);
        let mut outs: Vec<PathBuf> = fs::read_dir(&folder)
            .expect("the language cases")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|e| e == "out"))
            .collect();
        outs.sort();
        for path in outs {
            let text = fs::read_to_string(&path).expect("UTF-8");
            for (code, example) in diagnostics(&text) {
                let shorter = found.get(&code).is_none_or(|old| example.len() < old.len());
                if shorter {
                    found.insert(code, example);
                }
            }
        }
    }
    found
}

/// The diagnostics in a case's result: code, and the text from its first line to its last.
fn diagnostics(text: &str) -> Vec<(u16, String)> {
    let mut found: Vec<(u16, String)> = Vec::new();
    for line in text.lines() {
        let head = line
            .strip_prefix("error[E")
            .or(line.strip_prefix("warning[W"));
        if let Some(code) = head.and_then(|rest| rest.get(..4)?.parse().ok()) {
            found.push((code, String::new()));
        } else if !line.starts_with([' ', '.']) && !line.starts_with(|c: char| c.is_ascii_digit()) {
            // Something else than a diagnostic follows.
            continue;
        }
        if let Some((_, example)) = found.last_mut() {
            *example += line.trim_end();
            *example += "\n";
        }
    }
    found
}

#[test]
fn the_page_of_diagnostics_is_that_of_the_tables() {
    let examples = examples();
    let mut out = format!("# Diagnostics\n\n{MADE}\n\n");
    out += "What can be wrong with a script. An `E` is an error, a `W` the warning of the same number.\n";
    for entry in codes::all() {
        let _ = write!(
            out,
            "\n## {}: {}\n\n{}\n",
            entry.code, entry.title, entry.manual
        );
        let example = examples
            .get(&entry.code.0)
            .unwrap_or_else(|| panic!("no language case shows {}", entry.code));
        let _ = write!(out, "\n```text\n{example}```\n");
    }
    page("diagnostics.md", &out);
}
