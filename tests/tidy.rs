//! Rules about the sources themselves: who may import whom, what pure rooms must not touch, what every file says.
//!
//! In: the repository's files. Out: one line for each place where a rule does not hold. Never changes a file.

use std::fs;
use std::path::{Path, PathBuf};

/// A room of `tracer/src` and the rooms that it may import. A new arrow is a decision, and a word in `ARCHITECTURE.md`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("bpf", &[]),
    ("diag", &[]),
    ("facts", &["types"]),
    ("tables", &["types"]),
    ("syntax", &["diag"]),
    ("ir", &["types", "diag"]),
    (
        "sema",
        &["syntax", "ir", "types", "facts", "tables", "diag"],
    ),
    ("plan", &["ir", "types", "facts", "tables", "diag"]),
    // A plan holds the typed script: whoever reads plans reads `ir`.
    ("codegen", &["plan", "ir", "types", "bpf", "diag"]),
    ("link", &["bpf", "plan", "ir", "codegen", "diag"]),
    ("decode", &["types", "facts", "tables", "diag"]),
    // A map's declaration is the script's.
    ("agg", &["ir", "types", "diag"]),
    ("interp", &["ir", "types", "agg", "diag"]),
    // Options of `tracer trace`, as a script.
    ("trace", &["agg", "ir", "sema", "types", "tables", "diag"]),
    // A script's verdicts; assertions become a script's text.
    ("verdict", &["ir", "types", "diag"]),
    // Counted calls, under the names that the tables give them.
    ("profile", &["agg", "tables", "types", "diag"]),
    ("sys", &[]),
    // Features are probed with tiny programs.
    (
        "kernel",
        &["sys", "facts", "types", "plan", "ir", "bpf", "diag"],
    ),
    // What it loads is linked from instructions, which a rejection is explained with.
    (
        "load",
        &[
            "sys", "kernel", "plan", "ir", "link", "bpf", "tables", "types", "diag",
        ],
    ),
    ("stream", &["sys", "plan", "ir", "types", "diag"]),
    ("symbols", &["sys", "types", "diag"]),
    // Formats of `printf` and kinds of runtime errors are the script's too.
    (
        "print",
        &["agg", "decode", "ir", "symbols", "trace", "types", "diag"],
    ),
    // Recordings: rows of a live run, and the same rows out of a file.
    ("record", &["stream", "types", "diag"]),
    // Only in test builds and the fuzzer's own.
    (
        "fuzz",
        &[
            "agg", "bpf", "codegen", "facts", "interp", "ir", "kernel", "link", "load", "plan",
            "stream", "sys", "types",
        ],
    ),
    ("session", BELOW_SESSION),
    ("cli", &["session"]),
    ("main", &["cli"]),
];

/// What `session` may import, and `cli` with it.
const BELOW_SESSION: &[&str] = &[
    "agg", "bpf", "codegen", "decode", "diag", "facts", "interp", "ir", "kernel", "link", "load",
    "plan", "print", "profile", "record", "sema", "stream", "symbols", "syntax", "sys", "tables",
    "trace", "types", "verdict",
];

/// The table of rooms in `ARCHITECTURE.md`: each room's name, and the words of its last column.
fn documented() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (room, rest) = row.split_once("` |")?;
        let arrows = rest.trim_end_matches('|').rsplit('|').next()?;
        let words = arrows.split_whitespace().map(str::to_owned);
        let is_room = room.chars().all(|c| c.is_ascii_lowercase());
        is_room.then(|| (room.to_owned(), words.collect()))
    })
    .collect()
}

#[test]
fn the_architecture_page_names_every_room_and_its_arrows() {
    let documented = documented();
    for (room, arrows) in MAY_IMPORT {
        let mut wanted: Vec<&str> = match *room {
            "cli" | "session" => vec!["all", "below"],
            _ => arrows
                .iter()
                .copied()
                .filter(|arrow| *arrow != "diag")
                .collect(),
        };
        wanted.sort_unstable();
        if wanted.is_empty() {
            wanted.push("nothing");
        }
        let found = documented.iter().find(|(name, _)| name == room);
        let found = found.map(|(_, arrows)| arrows.iter().map(String::as_str).collect());
        assert_eq!(
            found,
            Some(wanted),
            "the row of `{room}` in ARCHITECTURE.md"
        );
    }
    assert_eq!(documented.len(), MAY_IMPORT.len(), "rooms that are none");
}

/// Rooms without I/O, `unsafe`, aya, libc, clock and environment.
const PURE: &[&str] = &[
    "types", "bpf", "diag", "facts", "tables", "syntax", "ir", "sema", "plan", "codegen", "link",
    "decode", "agg", "interp", "trace", "verdict", "profile",
];

/// What the machine's edge looks like in a source file.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::os",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::thread",
    "aya::",
    "libc::",
    "tokio::",
    "unsafe ",
    "println!",
    "print!(",
];

/// Names of modules that say nothing. (`helpers` are a thing of BPF.)
const NAMELESS: &[&str] = &["utils", "util", "common", "manager", "misc"];

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests lies in the repository").into()
}

/// All Rust files below a folder of the repository, with their texts.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// The text without comments and without the tests at its end.
fn code(text: &str) -> String {
    let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
    let lines = text[..tests].lines();
    let without_comment = |line: &str| line.find("//").map_or(line, |at| &line[..at]).to_owned();
    lines.map(|line| without_comment(line) + "\n").collect()
}

/// The room that a file of `tracer/src` belongs to; `lib.rs` and tests belong to none.
fn room(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("tracer/src")).ok()?;
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    let is_test = |part: &str| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs");
    if parts.iter().any(|part| is_test(part)) {
        return None;
    }
    let name = parts.first()?.trim_end_matches(".rs");
    (name != "lib").then(|| name.to_owned())
}

/// Modules of the crate that a text names: `crate::a`, `crate::{a, b::{c, d}}`, and `tracer::a` in the binary.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["crate::", "tracer::"] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group)),
                None => found.extend(word(rest)),
            }
        }
    }
    found
}

/// The first words of a group's members, up to its closing brace.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut at_head) = (0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if at_head && depth == 0 && !c.is_whitespace() => {
                heads.extend(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

fn allowed(room: &str, other: &str) -> bool {
    let (_, arrows) = MAY_IMPORT
        .iter()
        .find(|(name, _)| *name == room)
        .unwrap_or_else(|| panic!("room `{room}` has no line in the table of imports"));
    let above = matches!(room, "cli" | "main");
    room == other
        || arrows.contains(&other)
        || above && (BELOW_SESSION.contains(&other) || other == "session")
}

#[test]
fn imports_go_down() {
    let mut wrong = Vec::new();
    for (path, text) in sources("tracer/src") {
        let Some(room) = room(&path) else { continue };
        let known = |name: &str| MAY_IMPORT.iter().any(|(room, _)| *room == name);
        for other in imports(&code(&text)).iter().filter(|name| known(name)) {
            if !allowed(&room, other) {
                wrong.push(format!(
                    "{}: `{room}` must not import `{other}`",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_imports_has_no_circle() {
    // Each room may only name rooms that stand above it in the table of levels: taking away rooms whose imports
    // are all gone must take all away.
    let mut left: Vec<_> = MAY_IMPORT.to_vec();
    while !left.is_empty() {
        let names: Vec<_> = left.iter().map(|(name, _)| *name).collect();
        let before = left.len();
        left.retain(|(_, arrows)| arrows.iter().any(|arrow| names.contains(arrow)));
        assert!(left.len() < before, "these import each other: {names:?}");
    }
}

#[test]
fn pure_rooms_do_not_touch_the_machine() {
    let mut wrong = Vec::new();
    for (path, text) in sources("tracer/src") {
        let Some(room) = room(&path).filter(|room| PURE.contains(&room.as_str())) else {
            continue;
        };
        let code = code(&text);
        for impure in IMPURE.iter().filter(|impure| mentions(&code, impure)) {
            wrong.push(format!(
                "{}: `{room}` is pure, but has `{impure}`",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a text holds the needle, not as the end of a longer word.
fn mentions(code: &str, needle: &str) -> bool {
    code.match_indices(needle).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"')
    })
}

#[test]
fn every_file_says_what_it_is() {
    let mut wrong = Vec::new();
    for folder in ["tracer", "tracer-ebpf", "xtask", "tests"] {
        for (path, text) in sources(folder) {
            let doc: Vec<_> = text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .collect();
            if doc.is_empty() {
                wrong.push(format!("{}: does not begin with `//!`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_say_what_a_file_is_for() {
    let mut wrong = Vec::new();
    for folder in ["tracer", "tracer-ebpf", "xtask", "tests"] {
        for (path, _) in sources(folder) {
            let names = path
                .iter()
                .map(|part| part.to_string_lossy().replace(".rs", ""));
            let inside = names.skip(root().iter().count());
            if inside
                .into_iter()
                .any(|name| NAMELESS.contains(&name.as_str()))
            {
                wrong.push(path.display().to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_half_done_is_left() {
    // Put together here, so that this file does not hold them itself.
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["#[ign", "ore"].concat(),
    ];
    let mut wrong = Vec::new();
    for folder in ["tracer", "tracer-ebpf", "xtask", "tests"] {
        for (path, text) in sources(folder) {
            for mark in marks.iter().filter(|mark| text.contains(mark.as_str())) {
                wrong.push(format!("{}: {mark}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_lives_at_the_edge() {
    let edge = [
        "tracer/src/sys/",
        "tracer-ebpf/",
        "tests/trigger/",
        "tests/workload/",
        "tests/strace/",
        "tests/cases/bpf_ids.rs",
    ];
    let mut wrong = Vec::new();
    for folder in ["tracer", "xtask", "tests"] {
        for (path, text) in sources(folder) {
            let inside = path
                .strip_prefix(root())
                .expect("in the repository")
                .to_string_lossy()
                .into_owned();
            let pod = |line: &str| line.contains("unsafe impl") && line.contains("Pod for");
            let code = code(&text);
            let bad = code
                .lines()
                .any(|line| mentions(line, "unsafe ") && !pod(line));
            if bad && !edge.iter().any(|edge| inside.starts_with(edge)) {
                wrong.push(inside);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_are_found() {
    let code = "use crate::types::Abi;\nuse crate::{ir::{self, Expr}, plan, diag::Span};\nfn f(x: crate::bpf::Insn) {}\nmy_crate::x";
    assert_eq!(imports(code), ["types", "ir", "plan", "diag", "bpf"]);
    assert_eq!(imports("tracer::cli::main(); nottracer::x"), ["cli"]);
}

/// The files of a folder with an extension, with their texts.
fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder of the repository");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    let read = |path: PathBuf| {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, fs::read_to_string(&path).expect("UTF-8"))
    };
    wanted.map(read).collect()
}

#[test]
fn every_ready_made_query_is_shown_and_run() {
    let cases = files("tests/kernel", "case");
    let queries = files("scripts", "bt");
    assert!(!queries.is_empty(), "no queries");
    for (name, text) in queries {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("#!/usr/bin/env tracer"), "{name}");
        let header: Vec<_> = lines.take_while(|line| line.starts_with("//")).collect();
        assert!(
            header
                .first()
                .is_some_and(|line| ["// Shows ", "// Counts "]
                    .iter()
                    .any(|verb| line.starts_with(verb))),
            "{name} does not say what it shows"
        );
        assert!(
            header.iter().any(|line| line.starts_with("//     ")),
            "{name} has no example of its output"
        );
        let run = format!("{{scripts}}/{name}");
        assert!(
            cases.iter().any(|(_, case)| case.contains(&run)),
            "no case runs {name}"
        );
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut wrong = Vec::new();
    for folder in [".", "docs", "docs/design"] {
        for (name, text) in files(folder, "md") {
            let targets = text
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split_once(')'));
            for (target, _) in targets.filter(|(target, _)| !target.contains("://")) {
                let file = target.split('#').next().unwrap_or_default();
                if !root().join(folder).join(file).exists() {
                    wrong.push(format!("{folder}/{name}: {target}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_language_page_names_every_function_and_provider() {
    let page = fs::read_to_string(root().join("docs/language.md")).expect("the page");
    let functions = tracer::sema::builtins::FUNCTIONS
        .iter()
        .map(|function| format!("{}(", function.name));
    let providers = tracer::sema::providers::PROVIDERS
        .iter()
        .map(|provider| format!("`{}", provider.name));
    let missing: Vec<_> = functions
        .chain(providers)
        .filter(|name| !page.contains(name))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/language.md does not name {missing:?}"
    );
}

#[test]
fn the_language_page_lists_nothing_as_missing_that_is_built() {
    let page = fs::read_to_string(root().join("docs/language.md")).expect("the page");
    let (_, missing) = page
        .split_once("## Not built yet")
        .expect("the page says what is missing");
    // Names stand alone; `hist(x, bits)` is a form of a function that is built otherwise.
    let quoted = missing.split('`').skip(1).step_by(2);
    let names: Vec<&str> = quoted.flat_map(str::split_whitespace).collect();
    let functions = tracer::sema::builtins::FUNCTIONS.iter().map(|f| f.name);
    let providers = tracer::sema::providers::PROVIDERS.iter().map(|p| p.name);
    let built: Vec<_> = functions
        .chain(providers)
        .filter(|name| names.contains(name))
        .collect();
    assert!(built.is_empty(), "docs/language.md calls {built:?} missing");
}
