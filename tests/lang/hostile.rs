//! Texts that nobody would write: broken, deep, long. Each ends in diagnostics, few of them, whatever its length.
//!
//! In: nothing. Out: texts by name, for the runner. What bounds the work is a limit that the stages keep
//! (`diag::depth`, `E0119`, `E0129`, the bounds of macros), not the time that this machine takes.

/// Bytes of the long ones.
const LONG: usize = 1_000_000;

/// Name and text of each.
pub fn texts() -> Vec<(&'static str, String)> {
    let doubled = |head: fn(usize) -> String| (0..60).map(head).collect::<String>();
    vec![
        ("brackets", "(".repeat(LONG)),
        ("braces", "{".repeat(LONG)),
        (
            "brackets-in-a-clause",
            format!("BEGIN {{ $x = {}", "(".repeat(LONG)),
        ),
        ("braces-in-a-clause", format!("BEGIN {}", "{".repeat(LONG))),
        ("nots", format!("BEGIN {{ $x = {}1 }}", "!".repeat(LONG))),
        (
            "sum",
            format!("BEGIN {{ $x = 1{} }}", "+1".repeat(LONG / 2)),
        ),
        (
            "else-ifs",
            format!(
                "BEGIN {{ if (pid) {{}} {} }}",
                "else if (pid) {}".repeat(50_000)
            ),
        ),
        ("digits", format!("BEGIN {{ $x = {} }}", "9".repeat(LONG))),
        ("nuls", "\0".repeat(LONG)),
        ("quotes", "\"".repeat(LONG)),
        ("comments", "/*".repeat(LONG / 2)),
        (
            "pointers",
            format!("BEGIN {{ $x = (int{})1; }}", "*".repeat(LONG)),
        ),
        (
            "clauses",
            "rawtracepoint:sched_switch { @x = count(); }\n".repeat(100_000),
        ),
        ("wrong-clauses", "foo { bar }\n".repeat(100_000)),
        (
            "variables",
            clause(
                &(0..30_000)
                    .map(|i| format!("$x{i} = {i};"))
                    .collect::<String>(),
            ),
        ),
        (
            "maps",
            clause(
                &(0..30_000)
                    .map(|i| format!("@x{i} = {i};"))
                    .collect::<String>(),
            ),
        ),
        (
            "unknown-names",
            clause(
                &(0..4000)
                    .map(|i| format!("$x{i} = y{i};"))
                    .collect::<String>(),
            ),
        ),
        (
            "doubling-macros",
            doubled(|i| match i {
                0 => "macro m0() { 1 }\n".to_owned(),
                _ => format!("macro m{i}() {{ m{0}() + m{0}() }}\n", i - 1),
            }) + &clause("$x = m59();"),
        ),
        (
            "doubling-constants",
            doubled(|i| match i {
                0 => "#define A0 1\n".to_owned(),
                _ => format!("#define A{i} (A{0} + A{0})\n", i - 1),
            }) + "struct s { int x[A59]; };\n"
                + &clause("$x = A59;"),
        ),
    ]
}

fn clause(body: &str) -> String {
    format!("BEGIN {{ {body} }}")
}
