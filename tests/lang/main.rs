//! Language cases: a file `tests/lang/STAGE/NAME.bt` beside `NAME.out`, which holds what the stage makes of it.
//!
//! In: the files. Out: one test for each (`STAGE/NAME`), and for each stage one that every diagnostic code of
//! its own is named by a case. Never touches the machine.
//!
//! The comments at a case's top steer it: `// params: 12 abc` are positional parameters, `// options: limit=3 all`
//! named ones, `// codes: E0102`
//! names the diagnostics that it must give, no others; `// lacks: Kprobe Btf` takes something from the kernel.
//! `BLESS=1` writes the `.out` files.
//!
//! To add a stage: a line in [`STAGES`] and a folder.

mod facts;
mod hostile;

use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use tracer::diag::{Diagnostic, Severity, codes, render};
use tracer::session::replay;
use tracer::{bpf, codegen, ir, plan, record, sema, syntax};

/// A stage that is tested by files.
struct Stage {
    /// Its folder.
    name: &'static str,
    /// The text of a case to the text of its result.
    run: fn(&str) -> String,
    /// The codes that its cases must name: numbers behind `E`.
    codes: &'static [RangeInclusive<u16>],
}

const STAGES: &[Stage] = &[
    Stage {
        name: "tokens",
        run: syntax::tokens,
        codes: &[],
    },
    Stage {
        name: "parse",
        run: parse,
        codes: &[101..=199, 901..=901],
    },
    Stage {
        name: "check",
        run: check,
        codes: &[201..=313, 401..=414, 902..=908],
    },
    Stage {
        name: "plan",
        run: plan,
        codes: &[501..=520],
    },
    Stage {
        name: "generate",
        run: generate,
        codes: &[530..=599],
    },
    Stage {
        name: "recorded",
        run: recorded,
        codes: &[521..=521],
    },
    Stage {
        name: "sql",
        run: sql,
        codes: &[522..=522],
    },
];

fn parse(text: &str) -> String {
    let (script, diagnostics) = syntax::parse(text, &params(text));
    syntax::dump::text(&script) + &diagnostics_text(text, &diagnostics)
}

/// What runs where on the kernel of [`facts`]; `// lacks: TaskStorage` takes a feature from it.
fn plan(text: &str) -> String {
    let facts = facts::kernel(&header(text, "lacks"));
    let (script, mut diagnostics) = syntax::parse(text, &params(text));
    let (program, found) = sema::check(&script, &facts);
    diagnostics.extend(found);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return diagnostics_text(text, &diagnostics);
    }
    match plan::plan(program, &facts, &plan::Options::default()) {
        Ok(plan) => plan::explain::text(&plan),
        Err(found) => diagnostics_text(text, &found),
    }
}

/// What a query reads of recordings; `// calls: openat read` are what was selected when they were made.
fn recorded(text: &str) -> String {
    let calls = header(text, "calls");
    let header = record::Header {
        calls: (!calls.is_empty()).then_some(calls),
        ..record::Header::default()
    };
    let (script, _) = syntax::parse(text, &params(text));
    match replay::probes::unheld(&script).as_slice() {
        [] => asked(text, |program| replay::explain(program, &[header])),
        unheld => diagnostics_text(text, unheld),
    }
}

/// A query as SQL.
fn sql(text: &str) -> String {
    asked(text, replay::sql::text)
}

fn asked(text: &str, ask: impl FnOnce(&ir::Program) -> Result<String, Vec<Diagnostic>>) -> String {
    let facts = facts::kernel(&[]);
    let (script, mut diagnostics) = syntax::parse(text, &params(text));
    let (program, found) = sema::check(&script, &facts);
    diagnostics.extend(found);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return diagnostics_text(text, &diagnostics);
    }
    ask(&program).unwrap_or_else(|found| diagnostics_text(text, &found))
}

/// Which functions the generated programs are, or the limit that one meets.
fn generate(text: &str) -> String {
    let facts = facts::kernel(&header(text, "lacks"));
    let (script, mut diagnostics) = syntax::parse(text, &params(text));
    let (program, found) = sema::check(&script, &facts);
    diagnostics.extend(found);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return diagnostics_text(text, &diagnostics);
    }
    let plan = match plan::plan(program, &facts, &plan::Options::default()) {
        Ok(plan) => plan,
        Err(found) => return diagnostics_text(text, &found),
    };
    match codegen::generate(&plan) {
        Ok(generated) => names(&generated.functions, ""),
        Err(error) => {
            let limit = error.diagnostic(&plan).expect("no mistake of ours");
            diagnostics_text(text, &[limit])
        }
    }
}

/// Names of functions, each with those of its own under it.
fn names(functions: &[bpf::Function], before: &str) -> String {
    let line = |f: &bpf::Function| {
        let own = names(&f.callbacks, &format!("{before}  "));
        format!("{before}{}\n{own}", f.name)
    };
    functions.iter().map(line).collect()
}

/// The typed script, which must keep the IR's rules, and what was said about it.
fn check(text: &str) -> String {
    let facts = facts::kernel(&header(text, "lacks"));
    let (script, mut diagnostics) = syntax::parse(text, &params(text));
    let options = header(text, "options");
    let options = options.iter().map(|word| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word.clone(), None),
    });
    let options = options.collect();
    let settings = sema::Settings {
        verdict: header(text, "settings").contains(&"verdict".to_owned()),
        ..sema::Settings::default()
    };
    let (program, found, _) = sema::check_with_options(&script, &facts, settings, &options);
    diagnostics.extend(found);
    let said = diagnostics_text(text, &diagnostics);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return said;
    }
    if let Err(broken) = ir::verify::verify(&program) {
        return format!("the IR breaks its rules: {broken:#?}");
    }
    ir::text::write(&program) + &said
}

/// Diagnostics as a user sees them.
fn diagnostics_text(text: &str, diagnostics: &[Diagnostic]) -> String {
    render::text("case.bt", text, diagnostics, render::Colour::Never)
}

/// Positional parameters of a case.
fn params(text: &str) -> Vec<String> {
    header(text, "params")
}

/// The words behind `// key:` at the top of a case.
fn header(text: &str, key: &str) -> Vec<String> {
    text.lines()
        .take_while(|line| line.starts_with("//") || line.starts_with("#!"))
        .filter_map(|line| line.trim_start_matches('/').trim().strip_prefix(key))
        .filter_map(|rest| rest.strip_prefix(':'))
        .flat_map(|words| words.split_whitespace().map(str::to_owned))
        .collect()
}

fn main() {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lang");
    let mut trials = Vec::new();
    for stage in STAGES {
        let cases = cases(&root.join(stage.name));
        let named: Vec<String> = cases
            .iter()
            .flat_map(|c| header(&read(c), "codes"))
            .collect();
        trials.push(Trial::test(format!("{}/codes", stage.name), move || {
            every_code_is_named(stage, &named)
        }));
        for case in cases {
            let name = case.file_stem().unwrap_or_default().to_string_lossy();
            let name = format!("{}/{name}", stage.name);
            trials.push(Trial::test(name, move || run_case(stage, &case)));
        }
    }
    trials.extend(page_examples(&root));
    trials.extend(hostile_texts());
    libtest_mimic::run(&arguments, trials).exit();
}

/// A test for each example of the language page: it must come through all stages to a plan.
fn page_examples(root: &Path) -> Vec<Trial> {
    let page = read(&root.join("../../docs/language.md"));
    // Blocks of other things name what they are behind the fence.
    let blocks = page.split("\n```").skip(1).step_by(2);
    let examples = blocks.filter_map(|block| block.strip_prefix('\n'));
    let examples: Vec<String> = examples.map(str::to_owned).collect();
    assert!(!examples.is_empty(), "the language page has examples");
    let trial = |(at, example): (usize, String)| {
        Trial::test(format!("page/example-{}", at + 1), move || {
            let planned = plan(&example);
            match codes_in(&planned).is_empty() {
                true => Ok(()),
                false => Err(format!("{example}\n{planned}").into()),
            }
        })
    };
    examples.into_iter().enumerate().map(trial).collect()
}

/// Most bytes that are said about any text.
const SAID_MAX: usize = 64 << 10;

/// A test for each text that nobody would write: it is refused, in few words.
fn hostile_texts() -> Vec<Trial> {
    let trial = |(name, text): (&str, String)| {
        Trial::test(format!("hostile/{name}"), move || {
            let said = plan(&text);
            if codes_in(&said).is_empty() {
                return Err("nothing was said against it".into());
            }
            match said.len() <= SAID_MAX {
                true => Ok(()),
                false => Err(format!("{} bytes were said", said.len()).into()),
            }
        })
    };
    hostile::texts().into_iter().map(trial).collect()
}

/// The `.bt` files of a folder, sorted.
fn cases(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("read {}: {e}", folder.display()));
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "bt"))
        .collect();
    cases.sort();
    cases
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
}

fn run_case(stage: &Stage, case: &Path) -> Result<(), Failed> {
    let text = read(case);
    let got = (stage.run)(&text);
    let mut expected = header(&text, "codes");
    let mut found = codes_in(&got);
    expected.sort();
    found.sort();
    found.dedup();
    if found != expected {
        return Err(
            format!("the case names {expected:?}, the result has {found:?}:\n{got}").into(),
        );
    }
    let out = case.with_extension("out");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&out, &got)?;
        return Ok(());
    }
    let want = fs::read_to_string(&out).map_err(|e| format!("read {}: {e}", out.display()))?;
    if got == want {
        return Ok(());
    }
    Err(format!("{}\n--- expected\n{want}--- got\n{got}", out.display()).into())
}

/// The codes in rendered diagnostics.
fn codes_in(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            line.strip_prefix("error[")
                .or(line.strip_prefix("warning["))
        })
        .filter_map(|rest| Some(rest.split_once(']')?.0.to_owned()))
        .collect()
}

fn every_code_is_named(stage: &Stage, named: &[String]) -> Result<(), Failed> {
    let missing: Vec<String> = codes::all()
        .iter()
        .filter(|e| stage.codes.iter().any(|range| range.contains(&e.code.0)))
        .map(|e| e.code.to_string())
        .filter(|code| !named.contains(code) && !named.contains(&code.replace('E', "W")))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("no case names {missing:?}").into()),
    }
}
