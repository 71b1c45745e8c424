//! Statuses of `tracer check` whatever goes wrong: 0 and 1 are said by a verdict alone.
//!
//! In: the place. Out: the trouble that was taken for a verdict.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::words;
use crate::live::Tracer;
use crate::{Place, case};

const GOOD: [&str; 3] = ["check", "--assert", "count(syscall:fsync) == 0"];
const BAD: [&str; 3] = [
    "check",
    "-e",
    "syscall:exit_group:entry { bad(\"it ended\"); }",
];

fn run(place: &Place, args: &[&str]) -> Command {
    let mut command = Command::new(&place.tracer);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// As git sees it: the shell's way to say that a signal ended something.
fn seen(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn expect(what: &str, command: &mut Command, wanted: i32) -> Result<()> {
    let status = seen(command.status().context("run the tracer")?);
    ensure!(status == wanted, "{what}: status {status}, not {wanted}");
    Ok(())
}

/// What happens, and what is typed behind `check`, as in a shell; `GOOD` stands for an assertion that holds.
type Happening = (&'static str, &'static str);

/// The check itself is wrong: git stops.
const USAGE: &[Happening] = &[
    ("an unknown option", "--nope"),
    ("nothing to check", "-- true"),
    ("no command and no program", ""),
    (
        "a script that is wrong",
        "-e 'syscall:open { bad( }' -- true",
    ),
    (
        "a script that ends the run",
        "-e 'BEGIN { bad(); exit(0); }' -- true",
    ),
    ("a script without bad()", "-e 'BEGIN { good(); }' -- true"),
    ("a script that is not there", "no-such.bt -- true"),
    (
        "a wrong assertion",
        "--assert 'count(syscall:fsync)' -- true",
    ),
    (
        "no such call",
        "--assert 'count(syscall:fsink) == 0' -- true",
    ),
    (
        "a symptom that never says bad()",
        "--same-symptom 'BEGIN { good(); }' -- true",
    ),
    (
        "a descriptor that is not open",
        "--ready-fd 99 GOOD -- true",
    ),
];

/// What is to be checked cannot be started.
const NOT_STARTED: &[Happening] = &[
    ("no such command", "GOOD -- /no/such/program"),
    ("no such command in PATH", "GOOD -- no-such-program"),
    ("a file that cannot be executed", "GOOD -- /etc/passwd"),
    ("no such process", "-p 4194305 GOOD"),
];

/// The report has nowhere to go.
const NOT_WRITTEN: &[Happening] = &[(
    "a log that cannot be written",
    "--log /no/such/log GOOD -- true",
)];

/// The run shows nothing: git skips it.
const CANNOT_TELL: &[Happening] = &[
    (
        "no such tracepoint",
        "-e 'tracepoint:sched:no_such { bad(); }' -- true",
    ),
    (
        "no such function",
        "-e 'uprobe:/bin/sh:no_such_function { bad(); }' -- true",
    ),
    ("the command fails", "GOOD -- false"),
    (
        "a command that ends by a signal",
        "GOOD -- sh -c 'kill -9 $$'",
    ),
    ("the time is over", "--for 100ms GOOD -- sleep 60"),
    (
        "too few samples",
        "--assert 'p99(syscall:fsync, duration) < 1s' -- true",
    ),
    (
        "another failure",
        "--same-symptom 'syscall:fsync { bad(); }' -- false",
    ),
    (
        "a full map",
        "-e 'config = { max_map_keys = 1; } syscall:* { @[name] = count(); } END { if (0) { bad(); } }' -- true",
    ),
    (
        "a division by zero",
        "-e 'END { $x = 0; if (1 / $x) { bad(); } }' -- true",
    ),
    (
        "unsure() said",
        "-e 'BEGIN { unsure(\"no\"); bad(); }' -- true",
    ),
];

/// What was asserted holds.
const HOLDS: &[Happening] = &[
    (
        "the status of the command does not matter",
        "--any-status GOOD -- false",
    ),
    (
        "the command succeeds",
        "--same-symptom 'syscall:fsync { bad(); }' -- true",
    ),
    ("good in all runs", "--runs 3 GOOD -- true"),
    (
        "a child's calls count",
        "--assert 'count(syscall:execve /retval == 0/) == 2' -- sh -c 'true; /bin/true; true'",
    ),
];

/// The mistake is there.
const BREAKS: &[Happening] = &[
    (
        "the failure that is meant",
        "--same-symptom 'syscall:exit_group:entry { bad(); }' -- false",
    ),
    (
        "bad stands although the command fails",
        "-e 'syscall:exit_group:entry { bad(); }' -- false",
    ),
    (
        "bad in one of several runs",
        "--runs 3 -e 'syscall:exit_group:entry { bad(); }' -- true",
    ),
];

/// Every way in which a check can end, with its status.
pub fn troubles(place: &Place) -> Result<()> {
    let families = [
        (193, USAGE),
        (195, NOT_STARTED),
        (196, NOT_WRITTEN),
        (125, CANNOT_TELL),
        (0, HOLDS),
        (1, BREAKS),
    ];
    for (wanted, family) in families {
        for (what, typed) in family {
            let typed = typed.replace("GOOD", "--assert 'count(syscall:fsync) == 0'");
            let typed = case::words(&typed).with_context(|| (*what).to_owned())?;
            let mut command = run(place, &["check"]);
            expect(what, command.args(typed), wanted)?;
        }
    }
    expect(
        "an option before it",
        &mut run(place, &["--nope", "check"]),
        193,
    )
}

/// Nobody reads the report, or what the program prints.
pub fn closed_outputs(place: &Place) -> Result<()> {
    let closed = || -> Result<std::io::PipeWriter> {
        let (reader, writer) = std::io::pipe().context("make a pipe")?;
        drop(reader);
        Ok(writer)
    };
    for args in [GOOD, BAD] {
        let mut command = run(place, &args);
        command.args(["--", "true"]).stdout(closed()?);
        expect("standard output is closed", &mut command, 196)?;
        let mut command = run(place, &args);
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .context("open /dev/full")?;
        command.args(["--", "true"]).stdout(full);
        expect("standard output is full", &mut command, 196)?;
    }
    let mut prints = run(
        place,
        &[
            "check",
            "-e",
            "BEGIN { printf(\"x\\n\"); if (0) { bad(); } }",
        ],
    );
    prints.args(["--", "true"]).stderr(closed()?);
    expect("standard error is closed", &mut prints, 196)
}

/// Interrupted, terminated, killed: git stops.
pub fn signals(place: &Place) -> Result<()> {
    for (signal, wanted) in [(Signal::INT, 130), (Signal::TERM, 130), (Signal::KILL, 137)] {
        let mut args = words(&GOOD);
        let (read, write) = std::io::pipe().context("make a pipe")?;
        rustix::io::fcntl_setfd(&write, rustix::io::FdFlags::empty())?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&write).to_string();
        args.extend(words(&["--ready-fd", &number, "--", "sleep", "60"]));
        let tracer = Tracer::start(place, &args, None)?;
        drop(write);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(read), &mut line)?;
        ensure!(line == "ready\n", "the tracer did not start");
        tracer.signal(signal)?;
        let status = seen(tracer.wait()?.status);
        ensure!(
            status == wanted,
            "{signal:?}: status {status}, not {wanted}"
        );
    }
    Ok(())
}

/// Without memory, without descriptors, without threads: whatever happens, it is no verdict.
pub fn starved_process(place: &Place) -> Result<()> {
    let tracer = place.tracer.display();
    let check = format!("exec {tracer} check --assert 'count(syscall:fsync) == 0' -- /bin/true");
    let megabytes = (1..=40).map(|n| format!("ulimit -v {}; {check}", n * 8192));
    let descriptors = (4..24).map(|n| format!("ulimit -n {n}; {check}"));
    let stacks = [16, 64, 256]
        .into_iter()
        .map(|n| format!("ulimit -s {n}; {check}"));
    let files = [
        format!("ulimit -f 0; {check}"),
        format!("ulimit -t 0; {check}"),
    ];
    let mut failed = 0;
    for line in megabytes.chain(descriptors).chain(stacks).chain(files) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &line]);
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = seen(shell.status().context("run a shell")?);
        failed += i32::from(status != 0);
        ensure!(
            matches!(status, 0 | 125 | 128..),
            "status {status} of: {line}"
        );
    }
    ensure!(failed > 0, "nothing was starved");
    Ok(())
}
