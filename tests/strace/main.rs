//! Decoded lines beside strace's, for the very same calls.
//!
//! In: this program run again under strace, in which it issues calls, keeps an image of its own memory around each, and
//! decodes that. Out: one test for each call (its usual form, bad descriptors, bad and null pointers): our line must be
//! strace's. Objects lie flush against unmapped pages, so that a reader that goes too far is found out. What may differ
//! stands in `differences.txt`, with its reason; what does differ still, in `open.txt`.
//! Never sends a signal to, waits for, or changes anything but itself and its own directory.

mod bench;
mod calls;
mod compare;
mod said;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};

/// The argument that makes this program the one that issues the calls.
const ISSUE: &str = "--issue";

/// How both sides write.
const FORMS: [(&str, &[&str]); 2] = [("verbose", &["-v", "-s", "64"]), ("short", &["-s", "24"])];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, issue, form, out] = &args[..]
        && issue == ISSUE
    {
        return bench::issue_all(form, out);
    }
    let arguments = Arguments::from_args();
    let trials = match strace_version() {
        None => {
            println!("strace is not installed: nothing was compared");
            Vec::new()
        }
        Some(_) => FORMS.into_iter().flat_map(trials).collect(),
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn strace_version() -> Option<String> {
    let output = Command::new("strace").arg("-V").output().ok()?;
    Some(
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .next()?
            .to_owned(),
    )
}

/// One trial for each name of a call and form.
fn trials((form, options): (&'static str, &'static [&'static str])) -> Vec<Trial> {
    let pairs = match run(form, options) {
        Ok(pairs) => pairs,
        Err(why) => {
            let fail = move || Err(Failed::from(why));
            return vec![Trial::test(format!("{form}::run"), fail)];
        }
    };
    let enough = pairs.len() >= 200;
    let count = pairs.len();
    let mut trials = vec![Trial::test(
        format!("{form}::there_are_enough_calls"),
        move || match enough {
            true => Ok(()),
            false => Err(format!("{count} calls only").into()),
        },
    )];
    let groups = compare::by_name(pairs);
    trials.push(enough_is_said(form, &groups));
    if form == "verbose" {
        trials.push(closed_calls_are_not_open(&groups));
    }
    for (name, pairs) in groups {
        trials.push(Trial::test(format!("{form}::{name}"), move || {
            pairs
                .iter()
                .try_for_each(|pair| pair.said.check(&pair.ours))?;
            compare::check_closed(&name, &pairs).map_err(Failed::from)
        }));
    }
    trials
}

/// Of at least 200 calls some lines were compared with what the program says that it did, in every argument.
fn enough_is_said(form: &str, groups: &BTreeMap<String, Vec<compare::Pair>>) -> Trial {
    let compared = |pairs: &&Vec<compare::Pair>| {
        let all = |pair: &compare::Pair| pair.said.compares_all(&pair.ours);
        pairs.iter().any(all)
    };
    let count = groups.values().filter(compared).count();
    Trial::test(format!("{form}::enough_is_said"), move || match count {
        200.. => Ok(()),
        _ => Err(format!("{count} calls only").into()),
    })
}

/// A call that no longer differs must leave the list of those that do.
fn closed_calls_are_not_open(groups: &BTreeMap<String, Vec<compare::Pair>>) -> Trial {
    let equal = |name: &&str| {
        let pairs = groups.get(*name);
        pairs.is_none_or(|pairs| compare::check(name, pairs).is_ok())
    };
    let closed: Vec<&str> = compare::open().filter(equal).collect();
    Trial::test("open_calls_still_differ", move || match closed.is_empty() {
        true => Ok(()),
        false => Err(format!("take these out of open.txt: {closed:?}").into()),
    })
}

/// Runs the calls under strace; what both sides wrote for each.
fn run(form: &str, options: &[&str]) -> Result<Vec<compare::Pair>, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("make a folder: {e}"))?;
    let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
    let program = std::env::current_exe().map_err(|e| format!("find this program: {e}"))?;
    let status = Command::new("strace")
        .args(["-qq", "-a", "1", "--signal=none", "-o"])
        .arg(&theirs)
        .args(options)
        .arg(program)
        .arg(ISSUE)
        .arg(form)
        .arg(&ours)
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("run strace: {e}"))?;
    if !status.success() {
        return Err(format!("the calls were not issued to their end: {status}"));
    }
    let read = |path| std::fs::read(path).map_err(|e| format!("read what was written: {e}"));
    let said = read(folder.path().join("ours.said"))?;
    let said = String::from_utf8(said).map_err(|e| format!("what the program says: {e}"))?;
    compare::pairs(&read(ours)?, &read(theirs)?, &said)
}
