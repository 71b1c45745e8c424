//! The export: what DuckDB and pandas read of it is what the query over the recording says.
//!
//! In: the place; `PYTHON`, an interpreter with the packages `duckdb` and `pandas`. Out: the answers that differ.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::recordings::{Scratch, run};
use crate::Place;

/// Queries that `--sql` can say.
const QUERIES: &[&str] = &[
    "syscall:* { @ = count(); }",
    "syscall:* { @[name] = count(); }",
    "syscall:* { @[name, errno] = count(); }",
    "syscall:* /retval < 0/ { @[name, retval] = count(); }",
    "syscall:* { @[comm, host] = count(); }",
    "syscall:* { @[username] = count(); }",
    "syscall:* { @[abi] = count(); }",
    "syscall:* /retval >= 0 && retval < 1000000/ { @[name] = sum(retval); }",
    "syscall:* /duration > 0/ { @[name] = max(duration); }",
    "syscall:* /duration > 0/ { @[name] = avg(duration); }",
    "syscall:openat { @[str(args.filename)] = count(); }",
    "syscall:openat { @[args.dfd, args.flags & 3] = count(); }",
    "syscall:openat /args.filename == \"/etc/hostname\"/ { @ = count(); }",
    "syscall:openat:entry { @ = count(); }",
    "syscall:close { @[args.fd] = count(); }",
    "syscall:write { @[args.fd] = sum(args.count); }",
    "syscall:* { @[tid]++; }",
];

/// Prints the rows of a statement as the tracer prints those of a map.
const ASK: &str = r#"
import sys, duckdb
file, sql = sys.argv[1], sys.argv[2]
db = duckdb.connect()
db.execute(f"CREATE VIEW recording AS SELECT * FROM read_parquet('{file}')")
db.execute(sql)
for row in db.fetchall():
    *keys, value = row
    key = "[" + ", ".join(str(k) for k in keys) + "]" if keys else ""
    print(f"@{key}: {value}")
"#;

/// Looks at the columns by pandas.
const LOOK: &str = r#"
import sys, pandas
frame = pandas.read_parquet(sys.argv[1])
calls = frame[frame.kind.isin(["call", "no_exit", "no_entry"])]
assert str(frame.time.dtype).startswith("datetime64[ns"), frame.time.dtype
assert (calls.call != "").all() and (calls.abi == "x86_64").any()
failed = calls[calls.error == "ENOENT"]
assert (failed.ret == -2).all() and len(failed) > 0
assert "/nonexistent/file" in set(calls.str1.dropna()), set(calls.str1.dropna())
part = next(p for parts in calls.parts for p in parts if p["what"] == "string at entry")
assert part["bytes"].endswith(b"\0") and part["state"] == "ok", part
assert frame.kind.iloc[-1] == "end"
print(len(calls))
"#;

/// Reads what Python prints.
fn python(args: &[&str]) -> Result<String> {
    let python = std::env::var("PYTHON").context("PYTHON")?;
    let done = Command::new(python).args(["-c"]).args(args).output()?;
    let errors = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{}\n{errors}", args[1..].join(" "));
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The same answers in SQL, and the columns as they are promised.
pub fn export(place: &Place) -> Result<()> {
    let (file, parquet) = (Scratch::new("exported"), Scratch::new("parquet"));
    let command = "(cat /etc/hostname /nonexistent/file; ls /; (exit 3)) >/dev/null 2>&1";
    let done = run(
        place,
        &[
            "record",
            "-o",
            &file.path(),
            "-f",
            "--",
            "sh",
            "-c",
            command,
        ],
    )?;
    ensure!(done.status.success(), "{}\n{}", done.status, done.err);
    let done = run(
        place,
        &["export", &file.path(), "--parquet", &parquet.path()],
    )?;
    ensure!(done.status.success(), "{}\n{}", done.status, done.err);
    let calls = python(&[LOOK, &parquet.path()])?;
    ensure!(calls.trim().parse::<u64>().is_ok_and(|n| n > 50), "{calls}");
    for query in QUERIES {
        let asked = run(place, &["query", &file.path(), "-e", query])?;
        ensure!(asked.status.success(), "{query}\n{}", asked.err);
        let sql = run(place, &["query", &file.path(), "--sql", "-e", query])?;
        ensure!(sql.status.success(), "{query}\n{}", sql.err);
        let answer = python(&[ASK, &parquet.path(), &sql.out])?;
        let sorted = |text: &str| {
            let lines = text.lines().filter(|line| !line.is_empty());
            let mut lines: Vec<String> = lines.map(str::to_owned).collect();
            lines.sort();
            lines
        };
        ensure!(!sorted(&answer).is_empty(), "{query}: no row");
        ensure!(
            sorted(&asked.out) == sorted(&answer),
            "{query}\nthe tracer says:\n{}DuckDB says:\n{answer}{}",
            asked.out,
            sql.out
        );
    }
    Ok(())
}
