//! Programs at their limits: deep, long, many. Each loads, and does what it says.
//!
//! In: the place. Out: what was refused, or printed something else.

use anyhow::{Result, ensure};

use super::words;
use crate::Place;
use crate::live::Tracer;

/// Levels of the deep ones.
const DEEP: u64 = 1000;

/// A program at a limit.
struct Large {
    name: &'static str,
    script: String,
    /// The first line that it prints.
    prints: String,
}

fn large(name: &'static str, script: String, prints: impl ToString) -> Large {
    let prints = prints.to_string();
    Large {
        name,
        script,
        prints,
    }
}

/// `$x` is 1, as only the kernel knows.
fn begin(body: &str) -> String {
    format!("BEGIN {{ $x = (uint64)pid * 0 + 1; {body} exit(); }}")
}

fn show(value: &str) -> String {
    begin(&format!("printf(\"%d\\n\", {value});"))
}

fn show_after(body: &str) -> String {
    begin(&format!("{body} printf(\"%d\\n\", $x);"))
}

/// Something in something, [`DEEP`] times.
fn nested(inner: &str, wrap: impl Fn(u64, String) -> String) -> String {
    (0..DEEP).fold(inner.to_owned(), |e, i| wrap(i, e))
}

/// One after the other.
fn repeated(count: u64, body: impl Fn(u64) -> String) -> String {
    (0..count).map(body).collect()
}

/// Expressions and blocks in each other.
fn deep() -> Vec<Large> {
    let sum: u64 = 1 + (0..DEEP).map(|i| i % 7).sum::<u64>();
    let flat = repeated(DEEP, |i| format!(" + {}", i % 7));
    let brackets = format!("{}$x{}", "(".repeat(1000), ")".repeat(1000));
    let choices = nested("7", |i, e| format!("($x == {} ? {i} : {e})", i + 2));
    let conditions = (0..100).fold("printf(\"in\\n\");".to_owned(), |e, i| {
        format!(
            "if ($x < {}) {{ {e} }} else {{ @e[{i}] = count(); }}",
            i + 5
        )
    });
    let loops = (0..12).fold("$x++;".to_owned(), |e, i| {
        format!("$i{i} = 0; while ($i{i} < 2) {{ {e} $i{i}++; }}")
    });
    vec![
        large(
            "left",
            show(&nested("$x", |i, e| format!("({e} + {})", i % 7))),
            sum,
        ),
        large(
            "right",
            show(&nested("$x", |i, e| format!("({} + {e})", i % 7))),
            sum,
        ),
        large("flat", show(&format!("$x{flat}")), sum),
        large("brackets", show(&brackets), 1),
        large("nots", show(&format!("{}$x", "!".repeat(1000))), 1),
        large("choices", show(&choices), 7),
        large("conditions", begin(&conditions), "in"),
        large("loops", show_after(&loops), 4097),
    ]
}

/// One statement after the other.
fn long() -> Vec<Large> {
    let steps = repeated(5000, |i| format!("$x = $x * 3 + {i};"));
    let product = (0..5000).fold(1u64, |x, i| x.wrapping_mul(3).wrapping_add(i));
    let updates = repeated(1000, |i| format!("@m[{}] += {i}; ", i % 50));
    let updated: u64 = (0..1000).filter(|i| i % 50 == 7).sum();
    let counts = repeated(4000, |i| format!("@c[{}] = count(); ", i % 50));
    let lines = repeated(2000, |i| format!("printf(\"%d %s\\n\", {i}, comm); "));
    let unrolled = "unroll(100) { $x += 1; unroll(30) { $x += 2; } }";
    vec![
        large("long", show_after(&steps), product as i64),
        large(
            "many-updates",
            begin(&format!("{updates}print(@m[7]); clear(@m);")),
            updated,
        ),
        large(
            "counts",
            begin(&format!("{counts}print(@c[7]); clear(@c);")),
            80,
        ),
        large("lines", begin(&lines), "0 tracer"),
        large("unrolled", show_after(unrolled), 6101),
    ]
}

/// Values that want more room than registers and stack have.
fn wide() -> Vec<Large> {
    let assigned = repeated(200, |i| format!("$v{i} = $x * {i}; "));
    let added = repeated(200, |i| format!(" + $v{i}"));
    let variables = format!("{assigned}printf(\"%d\\n\", 0{added});");
    let strings = "$a = str(0, 1024); $b = str(0, 1024); $c = str(0, 1024); $d = comm; if ($a == $b) { print($d); }";
    let key = format!("{}comm", "str(0, 64), ".repeat(19));
    let keys = format!("@k[{key}] = $x; print(@k[{key}]); clear(@k);");
    vec![
        large("variables", begin(&variables), (0..200).sum::<u64>()),
        large("long-strings", begin(strings), "tracer"),
        large("wide-keys", begin(&keys), 1),
    ]
}

/// Clauses on one probe, each with all that costs.
fn many() -> Large {
    let clauses = repeated(64, |i| {
        format!(
            "rawtracepoint:sched_switch {{ printf(\"%s %s %d\\n\", comm, str(arg1, 64), {i}); \
             @c[comm, str(arg1, 64)] = count(); @h[{i}] = hist(nsecs); \
             if (pid > {i}) {{ @s[comm, {i}] = sum(pid); }} else {{ @t[comm] = avg({i}); }} }}"
        )
    });
    let script = clauses + "BEGIN { printf(\"up\\n\"); exit(); }";
    large("heavy-clauses", script, "up")
}

/// All of them; what fails is told by name.
pub fn programs(place: &Place) -> Result<()> {
    let mut failed = Vec::new();
    let all = [deep(), long(), wide(), vec![many()]];
    for Large {
        name,
        script,
        prints,
    } in all.into_iter().flatten()
    {
        let args = words(&["-q", "-e", &script]);
        let ended = Tracer::start(place, &args, None)?.wait()?;
        let first = ended.out.lines().next().unwrap_or_default();
        if !ended.status.success() || first.trim() != prints {
            let said: String = ended.err.chars().take(400).collect();
            failed.push(format!(
                "{name}: {}, printed {first}, not {prints}: {said}",
                ended.status
            ));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
