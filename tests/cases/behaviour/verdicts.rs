//! Statuses of `tracer check` whatever goes wrong: 0 and 1 are said by a verdict alone.
//!
//! In: the place. Out: the trouble that was taken for a verdict.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::words;
use crate::Place;
use crate::live::Tracer;

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

/// Every way in which a check can fail, with its status.
pub fn troubles(place: &Place) -> Result<()> {
    let cases: &[(&str, &[&str], i32)] = &[
        ("an unknown option", &["check", "--nope"], 193),
        ("an option before it", &["--nope", "check"], 193),
        ("nothing to check", &["check", "--", "true"], 193),
        ("no command and no program", &["check"], 193),
        (
            "a script that is wrong",
            &["check", "-e", "syscall:open { bad( }", "--", "true"],
            193,
        ),
        (
            "a script that ends the run",
            &["check", "-e", "BEGIN { bad(); exit(0); }", "--", "true"],
            193,
        ),
        (
            "a script without bad()",
            &["check", "-e", "BEGIN { good(); }", "--", "true"],
            193,
        ),
        (
            "a script that is not there",
            &["check", "no-such.bt", "--", "true"],
            193,
        ),
        (
            "a wrong assertion",
            &["check", "--assert", "count(syscall:fsync)", "--", "true"],
            193,
        ),
        (
            "no such call",
            &[
                "check",
                "--assert",
                "count(syscall:fsink) == 0",
                "--",
                "true",
            ],
            193,
        ),
        (
            "a symptom that never says bad()",
            &["check", "--same-symptom", "BEGIN { good(); }", "--", "true"],
            193,
        ),
        (
            "no such command",
            &[
                "check",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "/no/such/program",
            ],
            195,
        ),
        (
            "no such command in PATH",
            &[
                "check",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "no-such-program",
            ],
            195,
        ),
        (
            "a file that cannot be executed",
            &[
                "check",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "/etc/passwd",
            ],
            195,
        ),
        (
            "no such process",
            &[
                "check",
                "-p",
                "4194305",
                "--assert",
                "count(syscall:fsync) == 0",
            ],
            195,
        ),
        (
            "a log that cannot be written",
            &[
                "check",
                "--log",
                "/no/such/log",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "true",
            ],
            196,
        ),
        (
            "a descriptor that is not open",
            &[
                "check",
                "--ready-fd",
                "99",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "true",
            ],
            193,
        ),
        (
            "no such tracepoint",
            &[
                "check",
                "-e",
                "tracepoint:sched:no_such { bad(); }",
                "--",
                "true",
            ],
            125,
        ),
        (
            "no such function",
            &[
                "check",
                "-e",
                "uprobe:/bin/sh:no_such_function { bad(); }",
                "--",
                "true",
            ],
            125,
        ),
        (
            "the command fails",
            &[
                "check",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "false",
            ],
            125,
        ),
        (
            "a command that ends by a signal",
            &[
                "check",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "sh",
                "-c",
                "kill -9 $$",
            ],
            125,
        ),
        (
            "the time is over",
            &[
                "check",
                "--for",
                "100ms",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "sleep",
                "60",
            ],
            125,
        ),
        (
            "too few samples",
            &[
                "check",
                "--assert",
                "p99(syscall:fsync, duration) < 1s",
                "--",
                "true",
            ],
            125,
        ),
        (
            "another failure",
            &[
                "check",
                "--same-symptom",
                "syscall:fsync { bad(); }",
                "--",
                "false",
            ],
            125,
        ),
        (
            "a full map",
            &[
                "check",
                "-e",
                "config = { max_map_keys = 1; } syscall:* { @[name] = count(); } END { if (0) { bad(); } }",
                "--",
                "true",
            ],
            125,
        ),
        (
            "a division by zero",
            &[
                "check",
                "-e",
                "END { $x = 0; if (1 / $x) { bad(); } }",
                "--",
                "true",
            ],
            125,
        ),
        (
            "unsure() said",
            &[
                "check",
                "-e",
                "BEGIN { unsure(\"no\"); bad(); }",
                "--",
                "true",
            ],
            125,
        ),
        (
            "the status of the command does not matter",
            &[
                "check",
                "--any-status",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "false",
            ],
            0,
        ),
        (
            "the command succeeds",
            &[
                "check",
                "--same-symptom",
                "syscall:fsync { bad(); }",
                "--",
                "true",
            ],
            0,
        ),
        (
            "the failure that is meant",
            &[
                "check",
                "--same-symptom",
                "syscall:exit_group:entry { bad(); }",
                "--",
                "false",
            ],
            1,
        ),
        (
            "bad stands although the command fails",
            &[
                "check",
                "-e",
                "syscall:exit_group:entry { bad(); }",
                "--",
                "false",
            ],
            1,
        ),
        (
            "bad in one of several runs",
            &[
                "check",
                "--runs",
                "3",
                "-e",
                "syscall:exit_group:entry { bad(); }",
                "--",
                "true",
            ],
            1,
        ),
        (
            "good in all runs",
            &[
                "check",
                "--runs",
                "3",
                "--assert",
                "count(syscall:fsync) == 0",
                "--",
                "true",
            ],
            0,
        ),
        (
            "a child's calls count",
            &[
                "check",
                "--assert",
                "count(syscall:execve /retval == 0/) == 2",
                "--",
                "sh",
                "-c",
                "true; /bin/true; true",
            ],
            0,
        ),
    ];
    for (what, args, wanted) in cases {
        expect(what, &mut run(place, args), *wanted)?;
    }
    Ok(())
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
