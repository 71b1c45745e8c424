//! The formatter held to what it promises: same tree, same comments, done after one time.
//!
//! In: every script of the repository and random mixes. Out: failures.

use super::format;
use crate::syntax::{dump, parse};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Scripts of the repository that parse.
fn corpus() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.join("scripts"), root.join("tests/lang")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "bt") {
                found.push((path.clone(), fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    assert!(found.len() > 100, "the repository has many scripts");
    found
}

/// Comments of a text in order, without blanks at their ends.
fn comments(text: &str) -> Vec<String> {
    let outcome = crate::syntax::parser::parse(text, &[]);
    let mut end = 0;
    let mut all = Vec::new();
    let mut gaps: Vec<(usize, usize)> = Vec::new();
    for token in &outcome.tokens {
        gaps.push((end, token.span.start as usize));
        end = token.span.end as usize;
    }
    gaps.push((end, text.len()));
    for (from, to) in gaps {
        let gap = super::Gap::read(&text[from..to], from == 0);
        all.extend(gap.comments.iter().map(|c| c.text.to_owned()));
    }
    all
}

/// Formatting keeps the tree and the comments, and is done after one time. `None` when the script does not parse.
fn holds(text: &str) -> Option<Result<(), String>> {
    let once = format(text).ok()?;
    let check = || {
        let twice = format(&once).map_err(|d| format!("{once}\nno longer parses: {d:?}"))?;
        if twice != once {
            return Err(format!("--- once\n{once}\n--- twice\n{twice}"));
        }
        let (before, after) = (parse(text, &[]).0, parse(&once, &[]).0);
        if dump::text(&before) != dump::text(&after) {
            return Err(format!("another tree:\n{once}"));
        }
        match comments(text) == comments(&once) {
            true => Ok(()),
            false => Err(format!("other comments:\n{once}")),
        }
    };
    Some(check())
}

#[test]
fn every_script_keeps_its_meaning_and_comments() {
    let mut formatted = 0;
    for (path, text) in corpus() {
        if let Some(result) = holds(&text) {
            formatted += 1;
            result.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    assert!(formatted > 80, "only {formatted} scripts parse");
}

#[test]
fn a_script_is_spaced_evenly() {
    let text = "#!/usr/bin/env tracer\n#define X  1\n\n\n\nstruct a{int x:3;char*y;struct{int z;}w;}__attribute__((packed));\n\
        let @m=hash(10);\nmacro add($a,@b,c){$a+=c;@b[1]++;$a}\n\
        kprobe:f,\nkprobe:g/pid==1&&-$x>3/{@[comm,args.x->y[2]]=count();// why\n  if(1){print((int8)-1);}else if(2){print(!~1)}\n\
        \n\n  let $x:uint8=*(int32*)arg0;/* mid */$y= $x?1:2;\n}\n\nEND{clear(@)}";
    let want = "\
#!/usr/bin/env tracer
#define X  1

struct a { int x : 3; char *y; struct { int z; } w; } __attribute__((packed));
let @m = hash(10);
macro add($a, @b, c) { $a += c; @b[1]++; $a }
kprobe:f,
kprobe:g /pid == 1 && -$x > 3/ {
    @[comm, args.x->y[2]] = count(); // why
    if (1) { print((int8)-1); } else if (2) { print(!~1) }

    let $x: uint8 = *(int32 *)arg0; /* mid */
    $y = $x ? 1 : 2;
}

END { clear(@) }
";
    assert_eq!(format(text).expect("it parses"), want);
}

#[test]
fn broken_scripts_are_refused() {
    assert!(format("BEGIN { $a = ; }").is_err());
}

proptest! {
    #[test]
    fn no_mix_of_pieces_changes_its_meaning(picks in proptest::collection::vec(0usize..36, 0..40)) {
        const PIECES: &[&str] = &[
            "$x", "=", "1", ";", "{", "}", "(", ")", "-", "+", "*", "/", "&", "!", "~", "++", "@y", "[", "]", ",",
            "if (1)", "else", "// c\n", "/* d */", "\n", "?", ":", "f", "$x = 1;", "(int32)", "=~", "/a/", "\"s\"",
            "print(1);", "\n\n\n", "let $z: uint8 = 2;",
        ];
        let body: Vec<&str> = picks.iter().map(|&i| PIECES[i]).collect();
        let text = format!("BEGIN /1/ {{ $x = 1; {} }}", body.join(" "));
        if let Some(result) = holds(&text) {
            prop_assert!(result.is_ok(), "{text}\n{}", result.unwrap_err());
        }
    }
}
