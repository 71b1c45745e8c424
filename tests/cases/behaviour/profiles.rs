//! Profiles of real runs of a noisy program, and how often a comparison of two sets of them is wrong.
//!
//! In: the place. Out: rates that are not as stated. The runs are real: a shell script with temporary names, process ids in paths,
//! numbers of calls that depend on the process id, and durations of a busy machine. The pairs are drawn from a pool of such
//! runs, fifteen and fifteen without repetition, by a generator with a seed: two hundred pairs would be six thousand runs otherwise.

use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};
use tracer::profile::diff::{Diff, LEAST_RUNS, Options, diff};
use tracer::profile::metrics::Metric;
use tracer::profile::{Profile, Run};

use super::recordings::run;
use crate::Place;
use crate::live::Ended;

/// Runs in a pool that pairs are drawn from.
const POOL: usize = 40;
/// Runs of a program with a planted change.
const PLANTED: usize = 20;
/// Runs on each side of a pair.
const SIDE: usize = 15;
/// Pairs.
const PAIRS: usize = 200;
/// One in a hundred. The stated rate is a fifth of that: chance alone goes beyond this bound once in a hundred runs of the test.
const MOST_REPORTED: usize = PAIRS / 100;

/// Loops as often as the process id says, writes to a temporary file, syncs once, sleeps five times.
const NOISY: &str = "f=$(mktemp); n=$(( $$ % 4 + 1 )); while [ $n -gt 0 ]; do n=$((n - 1)); echo $$ >>$f; done; \
    cat /proc/$$/status >/dev/null; \
    dd if=/dev/zero of=$f bs=4k count=4 conv=fsync 2>/dev/null; \
    for i in 1 2 3 4 5; do sleep 0.01; done; rm $f";

/// A change: what it is, the script with it, and whether a metric is the one that it shows in.
type Plant = (&'static str, String, fn(&Metric) -> bool);

/// The changes: an fsync more, a path more, sleeps 1.3 times as long.
fn plants() -> [Plant; 3] {
    let sync = "dd if=/dev/null of=/tmp/tracer-profiles-$$ conv=fsync 2>/dev/null; rm /tmp/tracer-profiles-$$";
    [
        (
            "an fsync more",
            format!("{NOISY}; {sync}"),
            |metric| matches!(metric, Metric::Calls { call, .. } if call == "fsync"),
        ),
        (
            "a new path",
            format!("{NOISY}; cat /etc/hostname >/dev/null"),
            |metric| matches!(metric, Metric::Path { path, .. } if path == "/etc/hostname"),
        ),
        (
            "a longer sleep",
            NOISY.replace("0.01", "0.013"),
            |metric| matches!(metric, Metric::Latency { program, call } if program == "sleep" && call.ends_with("nanosleep")),
        ),
    ]
}

fn measured(place: &Place, script: &str, runs: usize) -> Result<Vec<Run>> {
    let output = Command::new(&place.tracer)
        .args([
            "profile",
            "--runs",
            &runs.to_string(),
            "--",
            "sh",
            "-c",
            script,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .context("run tracer profile")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "profile: {}\n{said}",
        output.status
    );
    let profile = Profile::read(&output.stdout)?;
    ensure!(profile.runs.len() == runs, "{} runs", profile.runs.len());
    for run in &profile.runs {
        ensure!(run.unseen.is_empty(), "losses: {:?}", run.unseen);
        ensure!(
            run.ended == "exit status: 0",
            "the script ended with {}",
            run.ended
        );
    }
    Ok(profile.runs)
}

/// Numbers from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % most
    }

    /// Some of the runs, each at most once.
    fn draw(&mut self, runs: &[Run], count: usize) -> Vec<Run> {
        let mut left: Vec<&Run> = runs.iter().collect();
        (0..count)
            .map(|_| left.swap_remove(self.below(left.len())).clone())
            .collect()
    }
}

fn compare(a: &[Run], b: &[Run]) -> Diff {
    let profile = |runs: &[Run]| [Profile::new(Vec::new(), String::new(), runs.to_vec())];
    diff(&profile(a), &profile(b), Options::default())
}

/// Of 200 pairs of the same program, no more differ than the stated rate lets expect.
pub fn equal_runs(place: &Place) -> Result<()> {
    let pool = measured(place, NOISY, POOL)?;
    let mut random = Random(11);
    let mut reported = Vec::new();
    for pair in 0..PAIRS {
        let drawn = random.draw(&pool, 2 * SIDE);
        let found = compare(&drawn[..SIDE], &drawn[SIDE..]);
        if let Some(first) = found.changes.first() {
            reported.push(format!(
                "pair {pair}: {} ({} -> {})",
                first.name, first.a, first.b
            ));
        }
    }
    println!("{} of {PAIRS} pairs of equal runs differ", reported.len());
    ensure!(
        reported.len() <= MOST_REPORTED,
        "{} of {PAIRS}:\n{}",
        reported.len(),
        reported.join("\n")
    );
    Ok(())
}

/// Of 200 pairs with a change between them, at least 95 in 100 name it.
pub fn planted_changes(place: &Place) -> Result<()> {
    let pool = measured(place, NOISY, PLANTED)?;
    let mut random = Random(12);
    for (what, script, is_meant) in plants() {
        let changed = measured(place, &script, PLANTED)?;
        let named = (0..PAIRS).filter(|_| {
            let found = compare(&random.draw(&pool, SIDE), &random.draw(&changed, SIDE));
            found.changes.iter().any(|change| is_meant(&change.metric))
        });
        let named = named.count();
        println!("{what}: named in {named} of {PAIRS} pairs");
        ensure!(
            named * 100 >= PAIRS * 95,
            "{what}: named in {named} of {PAIRS} pairs"
        );
    }
    Ok(())
}

/// Nothing to tell is status 0 without a word; `--fail-on` has a status of its own; what is no profile is said.
pub fn statuses(place: &Place) -> Result<()> {
    let folder = tempfile::tempdir().context("make a directory")?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = |args: &[&str]| -> Result<(Option<i32>, String, String)> {
        let output = Command::new(&place.tracer)
            .args(args)
            .stdin(Stdio::null())
            .output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        ))
    };
    let (a, b) = (path("a"), path("b"));
    let wanted = [
        (&a, "cat /proc/version >/dev/null"),
        (&b, "cat /proc/version /proc/uptime >/dev/null"),
    ];
    for (file, script) in wanted {
        let (status, _, said) = run(&["profile", "-o", file, "--", "sh", "-c", script])?;
        ensure!(status == Some(0), "profile: {status:?}\n{said}");
    }
    let (status, out, _) = run(&["diff", "--fail-on", "change", &a, &a])?;
    ensure!(
        (status, out.as_str()) == (Some(0), ""),
        "equal: {status:?}\n{out}"
    );
    let (status, out, _) = run(&["diff", &a, &b])?;
    let named = out
        .lines()
        .any(|line| line.starts_with("new") && line.contains("/proc/uptime"));
    ensure!(status == Some(0) && named, "{status:?}\n{out}");
    for (kind, wanted) in [("change", 5), ("new", 5), ("path", 5), ("executed", 0)] {
        let (status, out, _) = run(&["diff", "--fail-on", kind, &a, &b])?;
        ensure!(
            status == Some(wanted),
            "--fail-on {kind}: {status:?}\n{out}"
        );
    }
    let (_, out, _) = run(&["diff", "-f", "json", &a, &b])?;
    let object: serde_json::Value = serde_json::from_str(&out).context("JSON")?;
    ensure!(
        object["controlled"] == false && object["runs_a"] == 1,
        "{out}"
    );
    let (status, _, said) = run(&["diff", &a, "/proc/version"])?;
    ensure!(
        status == Some(2) && said.contains("it is no profile"),
        "{status:?}\n{said}"
    );
    Ok(())
}

/// Recordings are compared as profiles are: each of them alone, sets of them, and beside a profile of the same command.
pub fn of_recordings(place: &Place) -> Result<()> {
    let folder = tempfile::tempdir().context("make a directory")?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let command = |planted: &'static str| ["sh", "-c", planted];
    const PLAIN: &str = "cat /proc/version >/dev/null";
    const PLANTED: &str = "cat /proc/version /proc/uptime >/dev/null";
    let record = |name: &str, options: &[&str], script: &'static str| -> Result<()> {
        let file = path(name);
        let args = [&["record", "-o", &file], options, &["--"], &command(script)].concat();
        must_be(place, &args, 0).map(drop)
    };
    for side in ["good", "bad"] {
        std::fs::create_dir(path(side))?;
        let script = if side == "good" { PLAIN } else { PLANTED };
        for run in 0..LEAST_RUNS {
            record(&format!("{side}/{run}.rec"), &["-f"], script)?;
        }
    }
    let (good, bad) = (path("good"), path("bad"));
    let (one, other) = (path("good/0.rec"), path("bad/0.rec"));
    for (a, b) in [(&one, &one), (&good, &good)] {
        let said = must_be(place, &["diff", "--fail-on", "change", a, b], 0)?;
        ensure!(said.out.is_empty(), "equal recordings differ: {}", said.out);
    }
    for (a, b) in [(&one, &other), (&good, &bad)] {
        let said = must_be(place, &["diff", "--fail-on", "path", a, b], 5)?;
        let is_named =
            |line: &str| line.starts_with("new") && line.contains("openat /proc/uptime = ok");
        ensure!(said.out.lines().any(is_named), "{}", said.out);
    }
    let profile = path("profile");
    let measure = ["profile", "-o", &profile, "--"];
    must_be(place, &[&measure[..], &command(PLAIN)].concat(), 0)?;
    let said = must_be(place, &["diff", "--fail-on", "change", &one, &profile], 0)?;
    ensure!(
        said.out.is_empty() && said.err.contains("not compared: durations"),
        "recorded and counted: {}{}",
        said.out,
        said.err
    );
    let learn = ["check", "--learn", "--good", &good, "--bad", &bad];
    let said = must_be(place, &learn, 0)?;
    ensure!(said.out.contains("git bisect run"), "{}", said.out);
    let runs = LEAST_RUNS.to_string();
    for (script, status) in [(PLAIN, 0), (PLANTED, 1)] {
        let check = ["check", "--against", &good, "--runs", &runs, "--"];
        must_be(place, &[&check[..], &command(script)].concat(), status)?;
    }
    record("some.rec", &["-f", "-e", "openat"], PLAIN)?;
    let said = must_be(place, &["diff", &one, &path("some.rec")], 2)?;
    ensure!(said.err.contains("-e trace=openat"), "{}", said.err);
    Ok(())
}

/// Runs the tracer to its end, which has to be as is said.
fn must_be(place: &Place, args: &[&str], status: i32) -> Result<Ended> {
    let ended = run(place, args)?;
    ensure!(
        ended.status.code() == Some(status),
        "{args:?}: {}\n{}{}",
        ended.status,
        ended.out,
        ended.err
    );
    Ok(ended)
}
