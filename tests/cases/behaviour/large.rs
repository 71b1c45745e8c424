//! Programs at their limits: deep, long, many. Each loads, and does what it says.
//!
//! In: the place. Out: what was refused, or printed something else.

use anyhow::{Result, ensure};

use super::words;
use crate::Place;
use crate::live::Tracer;

/// Levels of the deep ones.
const DEEP: u64 = 1000;

/// Script and what it prints, by name.
fn scripts() -> Vec<(&'static str, String, String)> {
    let begin = |body: &str| format!("BEGIN {{ $x = (uint64)pid * 0 + 1; {body} exit(); }}");
    let show = |value: &str| begin(&format!("printf(\"%d\\n\", {value});"));
    let nested = |inner: &str, wrap: &dyn Fn(u64, String) -> String| {
        (0..DEEP).fold(inner.to_owned(), |e, i| wrap(i, e))
    };
    let sum: u64 = 1 + (0..DEEP).map(|i| i % 7).sum::<u64>();
    let line = |body: &dyn Fn(u64) -> String, count: u64| (0..count).map(body).collect::<String>();
    let product = (0..5000).fold(1u64, |x, i| x.wrapping_mul(3).wrapping_add(i));
    vec![
        (
            "left",
            show(&nested("$x", &|i, e| format!("({e} + {})", i % 7))),
            sum.to_string(),
        ),
        (
            "right",
            show(&nested("$x", &|i, e| format!("({} + {e})", i % 7))),
            sum.to_string(),
        ),
        (
            "flat",
            show(&format!("$x{}", line(&|i| format!(" + {}", i % 7), DEEP))),
            sum.to_string(),
        ),
        (
            "brackets",
            show(&format!("{}$x{}", "(".repeat(1000), ")".repeat(1000))),
            "1".to_owned(),
        ),
        (
            "nots",
            show(&format!("{}$x", "!".repeat(1000))),
            "1".to_owned(),
        ),
        (
            "choices",
            show(&nested("7", &|i, e| {
                format!("($x == {} ? {i} : {e})", i + 2)
            })),
            "7".to_owned(),
        ),
        (
            "conditions",
            begin(&(0..100).fold("printf(\"in\\n\");".to_owned(), |e, i| {
                format!(
                    "if ($x < {}) {{ {e} }} else {{ @e[{i}] = count(); }}",
                    i + 5
                )
            })),
            "in".to_owned(),
        ),
        (
            "variables",
            begin(&format!(
                "{}printf(\"%d\\n\", 0{});",
                line(&|i| format!("$v{i} = $x * {i}; "), 200),
                line(&|i| format!(" + $v{i}"), 200)
            )),
            (0..200).sum::<u64>().to_string(),
        ),
        (
            "long-strings",
            begin(
                "$a = str(0, 1024); $b = str(0, 1024); $c = str(0, 1024); $d = comm; if ($a == $b) { print($d); }",
            ),
            "tracer".to_owned(),
        ),
        (
            "wide-keys",
            begin(&format!(
                "@k[{0}comm] = $x; print(@k[{0}comm]); clear(@k);",
                "str(0, 64), ".repeat(19)
            )),
            "1".to_owned(),
        ),
        (
            "long",
            begin(&format!(
                "{}printf(\"%d\\n\", $x);",
                line(&|i| format!("$x = $x * 3 + {i};"), 5000)
            )),
            (product as i64).to_string(),
        ),
        (
            "many-updates",
            begin(&format!(
                "{}print(@m[7]); clear(@m);",
                line(&|i| format!("@m[{}] += {i}; ", i % 50), 1000)
            )),
            (0..1000).filter(|i| i % 50 == 7).sum::<u64>().to_string(),
        ),
        (
            "counts",
            begin(&format!(
                "{}print(@c[7]); clear(@c);",
                line(&|i| format!("@c[{}] = count(); ", i % 50), 4000)
            )),
            "80".to_owned(),
        ),
        (
            "lines",
            begin(&line(
                &|i| format!("printf(\"%d %s\\n\", {i}, comm); "),
                2000,
            )),
            "0 tracer".to_owned(),
        ),
        (
            "unrolled",
            show_after("unroll(100) { $x += 1; unroll(30) { $x += 2; } }"),
            "6101".to_owned(),
        ),
        (
            "loops",
            show_after(&(0..12).fold("$x++;".to_owned(), |e, i| {
                format!("$i{i} = 0; while ($i{i} < 2) {{ {e} $i{i}++; }}")
            })),
            "4097".to_owned(),
        ),
        (
            "heavy-clauses",
            line(
                &|i| {
                    format!(
                        "rawtracepoint:sched_switch {{ printf(\"%s %s %d\\n\", comm, str(arg1, 64), {i}); \
                         @c[comm, str(arg1, 64)] = count(); @h[{i}] = hist(nsecs); \
                         if (pid > {i}) {{ @s[comm, {i}] = sum(pid); }} else {{ @t[comm] = avg({i}); }} }}"
                    )
                },
                64,
            ) + "BEGIN { printf(\"up\\n\"); exit(); }",
            "up".to_owned(),
        ),
    ]
}

fn show_after(body: &str) -> String {
    format!("BEGIN {{ $x = (uint64)pid * 0 + 1; {body} printf(\"%d\\n\", $x); exit(); }}")
}

/// All of them; what fails is told by name.
pub fn programs(place: &Place) -> Result<()> {
    let mut failed = Vec::new();
    for (name, script, expected) in scripts() {
        let args = words(&["-q", "-e", &script]);
        let ended = Tracer::start(place, &args, None)?.wait()?;
        let first = ended.out.lines().next().unwrap_or_default();
        if !ended.status.success() || first.trim() != expected {
            let said: String = ended.err.chars().take(400).collect();
            failed.push(format!(
                "{name}: {}, printed {first}, not {expected}: {said}",
                ended.status
            ));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}
